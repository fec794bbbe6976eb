"""Whatever a customer writes is shown as text (stored XSS: CVE-2018-1000154 and its kin)."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from tresen.conversations import actions
from tresen.conversations.actions import StoredFile
from tresen.desk.tests.conftest import World
from tresen.kernel import blobs

PAYLOADS = [
    "<script>top.pwned=1</script>",
    '"><img src=x onerror=top.pwned=1>',
    "'><svg/onload=top.pwned=1>",
    "</textarea><script>top.pwned=1</script>",
    "{{ 7|add:7 }}{% debug %}",
    "javascript:top.pwned=1",
]
ALLOWED_SCRIPTS = ("/static/",)


class Scanner(HTMLParser):
    """Notes whatever could run: inline scripts, handlers, script addresses, foreign frames."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "script" and not given.get("src", "").startswith(ALLOWED_SCRIPTS):
            self.found.append("inline script")
        self.found += [f"{tag} {name}" for name in given if name.startswith("on")]
        for name in ("href", "src", "action", "formaction"):
            if given.get(name, "").strip().lower().startswith(("javascript:", "data:text", "vbscript:")):
                self.found.append(f"{tag} {name}={given[name]}")
        if tag == "img" and given.get("src") == "x":
            self.found.append("foreign picture")


def what_could_run(html: str) -> list[str]:
    scanner = Scanner()
    scanner.feed(html)
    return scanner.found


def test_the_scanner_finds_what_it_looks_for() -> None:
    assert len(what_could_run("".join(PAYLOADS[:4]))) >= 4


@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_field_in_every_view(world: World, agent: Client, payload: str) -> None:
    customer = world.customer(name=payload, value="x@lind.example")
    stored = StoredFile(payload, "image/svg+xml", 3, "0" * 64, blobs.store("attachments", b"<svg/>"))
    message = world.receive(
        payload,
        customer=customer,
        author=payload,
        subject=payload,
        files=(stored,),
        meta={
            "folded": payload,
            "fields": {payload: payload},
            "authentication": payload,
            "sent_at": payload,
            "cc": [payload],
            "reply_to": [payload],
            "warnings": [payload],
            "stranger": payload,
        },
    )
    actions.set_tags(world.me(), message.conversation_id, [payload[:50]])
    pages = [
        reverse("desk:conversation", args=[message.conversation_id]),
        reverse("desk:list") + "?view=all",
        reverse("desk:new-customers") + "?name=x@lind",
        reverse("desk:inbox") + f"?q={payload}",
    ]
    for page in pages:
        answer = agent.get(page)
        assert answer.status_code == 200
        assert what_could_run(answer.content.decode()) == [], page
    assert "14{" not in agent.get(pages[0]).content.decode()


def test_mail_html_is_harmless_and_alone_in_its_frame(world: World, agent: Client) -> None:
    html = (
        '<p onclick="x()">Hello</p><script>x()</script><img src="https://spy.example/p.gif"><form action="//e.example">'
        '<input></form><iframe src="//e.example"></iframe><a href="javascript:x()">a</a><svg onload="x()"></svg>'
        '<meta http-equiv="refresh" content="0;url=//e.example"><base href="//e.example">'
        '<style>@import "//e.example"</style>'
    )
    message = world.receive("Hello", html=html)
    answer = agent.get(reverse("desk:mail", args=[message.pk]))
    body = answer.content.decode().split("<body>")[1]
    for forbidden in (
        "script",
        "onclick",
        "onload",
        "<form",
        "<input",
        "<iframe",
        "javascript:",
        "<meta",
        "<base",
        "@import",
    ):
        assert forbidden not in body
    assert not re.search(r'[^-]src="https?:', body)
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert "https:" not in policy
    shown = agent.get(reverse("desk:mail", args=[message.pk]) + "?pictures=1")
    assert 'src="https://spy.example/p.gif"' in shown.content.decode()
    assert "allow-scripts" not in shown["Content-Security-Policy"]


@pytest.mark.parametrize("kind", ["image/svg+xml", "text/html", "application/xhtml+xml", "text/xml"])
def test_active_files_are_downloads_whatever_is_asked(world: World, agent: Client, kind: str) -> None:
    stored = StoredFile('pay"load\r\nX: y.svg', kind, 6, "0" * 64, blobs.store("attachments", b"<svg/>"))
    file = world.receive(files=(stored,)).attachments.get()
    answer = agent.get(reverse("desk:attachment", args=[file.pk]) + "?inline=1")
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "X" not in answer.headers
    assert answer.content == b"<svg/>"


def test_pictures_may_stand_in_place(world: World, agent: Client) -> None:
    stored = StoredFile("a.png", "image/png", 3, "0" * 64, blobs.store("attachments", b"png"))
    file = world.receive(files=(stored,)).attachments.get()
    answer = agent.get(reverse("desk:attachment", args=[file.pk]) + "?inline=1")
    assert answer["Content-Type"] == "image/png"
    assert answer["Content-Disposition"].startswith("inline;")
    assert agent.get(reverse("desk:attachment", args=[file.pk]))["Content-Disposition"].startswith("attachment;")
