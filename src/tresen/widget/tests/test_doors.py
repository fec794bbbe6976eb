"""Foreign pages: who may ask, what they are told, what is kept where."""

from __future__ import annotations

import gzip
import json
import re
from datetime import timedelta

import orjson
import pytest
from django.db import OperationalError

from tresen.channels.contract import RawReceipt
from tresen.conversations.models import Message
from tresen.kernel import clock
from tresen.widget import assets, queries

pytestmark = pytest.mark.django_db
SHOP, EVIL = "https://shop.example", "https://evil.example"


def test_an_allowed_site_may_ask_and_any_other_may_not(site):
    chat = site(origins=SHOP)
    good = chat.call("session", {}, Origin=SHOP)
    assert good.status_code == 200 and good["Access-Control-Allow-Origin"] == SHOP
    assert "Access-Control-Allow-Credentials" not in good
    bad = chat.call("session", {}, Origin=EVIL)
    assert bad.status_code == 403 and "Access-Control-Allow-Origin" not in bad
    assert "token" not in bad.json()
    for origin in (f"{SHOP}.evil.example", "null", "http://shop.example", f"{SHOP}:8443"):
        assert chat.call("session", {}, Origin=origin).status_code == 403
    assert chat.call("session", {}, Origin="http://testserver").status_code == 200


def test_a_preflight_allows_the_token_and_never_cookies(chat):
    answer = chat.client.options(f"/widget/{chat.view.key}/messages", headers={"Origin": SHOP})
    assert answer.status_code == 204
    assert answer["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert answer["Access-Control-Allow-Methods"] == "GET, OPTIONS"
    assert "Access-Control-Allow-Credentials" not in answer


def test_a_cookie_proves_nothing(chat):
    token = chat.session()["token"]
    chat.client.cookies["token"] = token
    assert chat.call("messages").status_code == 401
    assert chat.call(f"messages?token={token}").status_code == 401


def test_wrong_methods_and_unknown_channels(chat, site):
    assert chat.call("session").status_code == 405
    assert chat.call("messages", {}).status_code == 405
    form = site("form")
    for path in ("session", "read", "code", "typing"):
        assert form.call(path, {}).status_code == 404
    assert chat.call("proof", {}).status_code == 404
    assert chat.client.get("/widget/nobody.js").status_code == 404


def test_too_many_requests_are_slowed_down(chat):
    token = chat.session()["token"]
    answers = [chat.call("code", {}, token) for _ in range(11)]
    assert answers[-1].status_code == 429 and answers[-1]["Retry-After"] == "20"


def test_a_database_that_is_away_is_told_to_the_page(chat, monkeypatch):
    def away(*_):
        raise OperationalError("could not connect to server at 10.0.0.1")

    monkeypatch.setattr(queries, "current", away)
    answer = chat.call("session", {}, Origin=SHOP)
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert answer["Access-Control-Allow-Origin"] == SHOP and b"10.0.0.1" not in answer.content


def test_the_script_carries_its_settings_and_no_secret(site):
    title = "</script><script>alert(1)</script>"
    chat = site(title=title, colour="#aa3300", origins=SHOP)
    answer = chat.client.get(f"/widget/{chat.view.key}.js", headers={"Accept-Encoding": "gzip"})
    source = gzip.decompress(answer.content).decode()
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    config = json.loads(source.split("const config = ", 1)[1].split(";\n", 1)[0])
    assert config["title"] == title and config["colour"] == "#aa3300" and config["key"] == chat.view.key
    assert not any(secret in source for secret in chat.view.secrets.values())
    assert "shop.example" not in source
    again = chat.client.get(f"/widget/{chat.view.key}.js", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304 and again.content == b""


def test_everything_a_page_loads_is_at_most_20_kilobytes(chat):
    """Before the chat is opened it is the loader alone; afterwards code, style and one language."""
    script = chat.client.get(f"/widget/{chat.view.key}.js", headers={"Accept-Encoding": "gzip"})
    parts = {name: len(assets.served(name).packed) for name in assets.SERVED}
    loader = len(script.content)
    language = max(parts["de.js"], parts["en.js"])
    assert loader <= 3_200
    assert loader + parts["chat.js"] + parts["chat.css"] + language <= 20_000
    assert loader + parts["form.js"] + parts["form.css"] + language <= 20_000


def test_files_are_kept_for_good_under_their_version_only(client, db):
    good = client.get(f"/widget/assets/{assets.version()}/chat.js")
    old = client.get("/widget/assets/0123456789abcdef/chat.js")
    assert good.status_code == old.status_code == 200
    assert "immutable" in good["Cache-Control"] and old["Cache-Control"] == "no-cache"
    assert good["Access-Control-Allow-Origin"] == "*"
    for name in ("chat-loader.js", "api.js", "..", "nothing.js"):
        assert client.get(f"/widget/assets/{assets.version()}/{name}").status_code == 404


def test_joined_modules_have_no_import_left_and_every_part_once():
    source = assets.served("chat.js").body.decode()
    assert 'from "./' not in source
    for part in ("class Outbox", "class Stream", "class Thread", "class Panel", "function linked"):
        assert source.count(part) == 1
    assert not re.search(r"^//|[;{] //", source, re.MULTILINE)


def test_pages_run_no_inline_script(chat, site):
    form = site("form", title="<b>Kontakt</b>")
    for found, path in ((chat, "chat"), (form, "form")):
        page = found.call(path)
        assert page.status_code == 200 and "script-src 'self'" in page["Content-Security-Policy"]
        assert f'src="/widget/{found.view.key}.js"'.encode() in page.content
    assert b"&lt;b&gt;Kontakt" in page.content and b"<b>Kontakt" not in page.content
    assert chat.call("form").status_code == form.call("chat").status_code == 404


def test_a_form_from_its_proof_to_the_desk(site, frozen_clock):
    form = site("form", fields="order | Bestellnummer // Order number | required")
    given = form.call("proof", {}, Origin=SHOP).json()
    assert given["wait"] == 2.0
    clock.advance(timedelta(seconds=5))
    body = {
        "id": given["id"],
        "proof": given["proof"],
        "email": "anna@kunde.test",
        "text": "Hallo",
        "fields": {"order": "7"},
    }
    form.receive(RawReceipt(orjson.dumps(body), {}, "messages", received_at=clock.now()))
    message = Message.objects.get()
    assert message.text == "Hallo\n\nBestellnummer: 7"
    assert message.conversation.customer.identities.get().assurance == "claimed"
