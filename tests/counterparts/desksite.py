"""A running Tresen with staff, queues and conversations that show every side of the desk.

`python desksite.py DATA URL` fills an empty data directory and prints what the tests have to know as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

import httpx

from counterparts.chatsite import PASSWORD, Tresen

HOSTILE = (
    "<script>top.pwned=1</script>",
    '"><img src=https://spy.example/x onerror=top.pwned=1>',
    "'><svg/onload=top.pwned=1>",
    "</title></textarea></script><script>top.pwned=1</script>",
    "{{constructor.constructor('top.pwned=1')()}}",
)
MAIL = (
    '<p onclick="top.pwned=1">Guten Tag</p><script>top.pwned=1</script>'
    '<img src="https://spy.example/open.gif" alt="Logo"><a href="javascript:top.pwned=1">Klick</a>'
    '<form action="https://spy.example"><input name="a"><button>Senden</button></form>'
    '<iframe src="https://spy.example/f"></iframe><svg onload="top.pwned=1"></svg>'
    '<style>body{background:url(https://spy.example/b.png)}</style><link rel="stylesheet" href="https://spy.example/c.css">'
    "<table height=900><tr><td>Lang</td></tr></table>"
)


@dataclass
class Desk(Tresen):
    """The process, and a customer who writes to its shop."""

    def set_up(self) -> None:
        """Database, people, channels and conversations."""
        command = [sys.executable, "-m", "counterparts.desksite", str(self.data), self.url]
        done = subprocess.run(command, env=self._environment(), cwd="tests", capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        self.facts = json.loads(done.stdout.splitlines()[-1])

    def write(self, text: str, *, thread: str = "t1", name: str = "Kim Kunde", **more: Any) -> None:
        """A customer writes; returns once it is acknowledged."""
        sender = {"kind": "email", "value": f"{thread}@kunde.example", "name": name}
        body = {"id": uuid.uuid4().hex, "thread": thread, "from": sender, "text": text, **more}
        headers = {"Authorization": f"Bearer {self.facts['shop_token']}"}
        answer = httpx.post(f"{self.url}/in/{self.facts['shop']}", json=body, headers=headers, timeout=20)
        assert answer.status_code == 202, answer.text

    def metrics(self) -> list[str]:
        """The lines of /metrics."""
        return httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines()


def fill() -> dict[str, Any]:
    """One of everything that the desk shows."""
    import django

    django.setup()
    from django.core.management import call_command

    from tresen.accounts import actions as accounts
    from tresen.accounts import presence
    from tresen.accounts.principal import for_user, system
    from tresen.channels import actions as channels
    from tresen.conversations import actions as conversations

    call_command("migrate", verbosity=0, interactive=False)
    by = system("setup")
    mira = accounts.create_user(
        by, email="mira@bohne.test", name="Mira Vogel", role="agent", password=PASSWORD, capacity=0
    )
    ada = accounts.create_user(
        by, email="ada@bohne.test", name="Ada Amt", role="administrator", password=PASSWORD, capacity=0
    )
    for user in (mira, ada):
        presence.set_presence(user.pk, "online", actor="test", lease=presence.API_LEASE)
    team = accounts.save_team(by, name="Technik", members=[mira.pk])
    queue = conversations.save_queue(by, name="Werkstatt", team_id=team.pk)
    shop = channels.create_channel(by, kind="api", name="Laden", queue_id=queue.pk)
    chat = channels.create_channel(by, kind="webchat", name="Chat", queue_id=queue.pk)
    form = channels.create_channel(by, kind="form", name="Kontaktformular", queue_id=queue.pk)
    accounts.change_own(for_user(mira), signature="Mira Vogel\nBohne & Brand")
    shown = _showcase(for_user(mira), shop.config.channel)
    hostile = _hostile(for_user(mira), shop.config.channel)
    return {
        "token": accounts.create_token(by, name="test", role="administrator")[1],
        "agent": mira.pk,
        "team": team.pk,
        "queue": queue.pk,
        "shop": shop.config.key,
        "shop_id": shop.config.pk,
        "shop_token": shop.secrets["token"],
        "chat_id": chat.config.pk,
        "form_id": form.config.pk,
        "shown": shown,
        "hostile": hostile,
    }


def _showcase(mira: Any, channel: Any) -> int:
    """A conversation with a trusted customer, records, notes, a failed delivery and files."""
    from tresen.channels.models import Delivery
    from tresen.conversations import actions as conversations
    from tresen.customers import actions as customers
    from tresen.kernel import blobs

    company, _new = customers.upsert_company(name="Café Sommer", actor="test")
    claim = customers.IdentityClaim("email", "hanna@sommer.example", "proved")
    hanna = customers.recognise([claim], name="Hanna Sommer", language="de", actor="test")
    customers.change_customer(hanna.pk, actor="test", company_id=company.pk)
    customers.upsert_record(
        "machine", "BB-2024-00123", actor="test", customer=hanna.pk, title="Barista Pro 2", starts_on=date(2026, 1, 1)
    )
    picture = conversations.StoredFile("foto.png", "image/png", 3, "0" * 64, blobs.store("attachments", b"png"))

    def incoming(text: str, number: int, conversation_id: int | None = None, **more: Any) -> Any:
        given = conversations.Incoming(
            channel=channel, customer=hanna, external_id=f"s{number}", author="Hanna Sommer", text=text,
            conversation_id=conversation_id, **more,
        )  # fmt: skip
        return conversations.receive(given, actor="test")[0]

    first = incoming("Meine BB 2024 00123 will gewartet werden.", 1, subject="Wartung", files=(picture,))
    row = first.conversation_id
    conversations.reply(mira, row, conversations.Draft(text="Ich sehe nach."))
    conversations.note(mira, row, conversations.Draft(text="Firmware prüfen"))
    conversations.set_tags(mira, row, ["Wartung"])
    conversations.set_priority(mira, row, 3)
    incoming(
        "Guten Tag", 2, row, html=MAIL, meta={"reply_to": ["anders@sommer.example"], "cc": ["chef@sommer.example"]}
    )
    for text, state, error in (
        ("Kommt das an?", "failed", "550 mailbox unavailable"),
        ("Und das?", "unknown", "connection lost"),
    ):
        sent = conversations.reply(mira, row, conversations.Draft(text=text))
        Delivery.objects.create(message=sent, channel=channel, conversation_id=row, state=state, error=error)
        conversations.set_delivery(sent.pk, state, error=error)
    return int(row)


def _hostile(mira: Any, channel: Any) -> list[int]:
    """Conversations of somebody who tries to run scripts on the desk; nobody proved who they are."""
    from tresen.conversations import actions as conversations
    from tresen.customers import actions as customers
    from tresen.kernel import blobs

    rows = []
    for number, text in enumerate(HOSTILE):
        claim = customers.IdentityClaim("email", f"evil{number}@kunde.example", "claimed")
        evil = customers.recognise([claim], name=text, language="", actor="test")
        file = conversations.StoredFile(text, "text/html", 3, "0" * 64, blobs.store("attachments", b"<script>"))
        meta = {
            "folded": text,
            "cc": [text],
            "reply_to": [text],
            "stranger": text,
            "authentication": text,
            "fields": {text: text},
        }
        given = conversations.Incoming(
            channel=channel, customer=evil, external_id=f"evil{number}", author=text, subject=text, text=text,
            html=f"{text}{MAIL}" if number % 2 else "", files=(file,), meta=meta,
        )  # fmt: skip
        row = conversations.receive(given, actor="test")[0].conversation_id
        conversations.set_tags(mira, row, [text[:60]])
        rows.append(int(row))
    return rows


if __name__ == "__main__":
    print(json.dumps(fill()))
