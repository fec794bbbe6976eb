"""What every answer carries: policy, cookies, caching; and what no answer gives away."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core import mail as outbox
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from tresen.accounts import actions as accounts
from tresen.accounts.models import Role
from tresen.channels import actions as channels
from tresen.channels.directory import DIRECTORY
from tresen.config import serving
from tresen.conversations import queries
from tresen.conversations.actions import StoredFile
from tresen.desk.tests.conftest import BY, PASSWORD, World, make_world
from tresen.kernel import blobs, settings
from tresen.kernel.public import PUBLIC_URL

KNOWN, UNKNOWN = "agent@tresen.example", "nobody@tresen.example"
ELSEWHERE = (
    "//evil.example", "///evil.example", "////evil.example", "https://evil.example", "http:evil.example",
    "https:///evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example",
    "\x00//evil.example", " https://evil.example", "https://testserver@evil.example", "https://testserver.evil.example",
    "//testserver:80@evil.example/", "http://testserver\\@evil.example", "javascript:alert(1)", "data:text/html,x",
    "ftp://testserver/", "//[::1]", "https://evil.example/%2f..", "/%09/evil.example\r\nX-Bad: 1",
    "//ev\u0131l.example", "http://[bad", "https://evil。example",
)  # fmt: skip


@pytest.fixture(autouse=True)
def unlimited() -> Iterator[None]:
    """How often somebody may try is counted in the cache, which outlives a test."""
    cache.clear()
    yield
    cache.clear()


class House:
    """A company, and one address of every kind of page."""

    def __init__(self) -> None:
        self.world: World = make_world()
        html = '<p>Guten Tag</p><img src="https://spy.example/x.gif">'
        page = StoredFile("page.html", "text/html", 8, "0" * 64, blobs.store("attachments", b"<script>"))
        picture = StoredFile("a.png", "image/png", 3, "1" * 64, blobs.store("attachments", b"png"))
        self.message = self.world.receive("Guten Tag", html=html, files=(page, picture))
        self.mail = f"/desk/mail/{self.message.pk}/"
        self.file, self.picture = (f"/desk/file/{f.pk}/" for f in self.message.attachments.order_by("name", "id")[::-1])
        self.chat = channels.create_channel(BY, kind="webchat", name="Chat").config.key
        self.form = channels.create_channel(BY, kind="form", name="Form").config.key
        DIRECTORY.refresh()

    def pages(self) -> list[str]:
        """Pages that a browser shows, without frames."""
        row = self.message.conversation_id
        return [
            "/account/login/", "/account/password/reset/", "/account/signup/", "/desk/password/guessed", "/desk/",
            "/desk/list/", f"/desk/c/{row}/", f"/desk/c/{row}/thread/", "/desk/new/", "/desk/attention/",
            "/desk/profile/", "/desk/settings/channels/", "/desk/settings/staff/", "/nowhere/", f"/desk/c/{row}99/",
            "/api/v1/docs", f"/widget/{self.chat}/chat", f"/widget/{self.form}/form",
        ]  # fmt: skip


def browser(house: House | None = None, role: str = "administrator") -> Client:
    client = Client(raise_request_exception=False, HTTP_ACCEPT_LANGUAGE="en")
    if house is not None:
        client.force_login(getattr(house.world, role), backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def policy(answer: HttpResponse) -> dict[str, str]:
    """The content security policy by directive."""
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, _, sources in parts}


def test_every_page_is_strict(db: None) -> None:
    house = House()
    client = browser(house)
    for path in house.pages():
        answer = client.get(path)
        assert answer.status_code in (200, 302, 404), path
        rules = policy(answer)
        assert rules["default-src"] == "'none'", path
        assert rules["script-src"] == "'self'", path
        assert rules["base-uri"] == "'none'" and rules["form-action"] == "'self'", path
        for directive, sources in rules.items():
            assert not re.search(r"unsafe|\*|https?:|(?<!\w)data:(?=.*script)", sources), (path, directive)
        assert "data:" not in rules["script-src"] + rules.get("style-src", "")
        assert answer["X-Content-Type-Options"] == "nosniff", path
        assert answer["Referrer-Policy"] == "same-origin", path
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin", path
        assert "no-store" in answer["Cache-Control"] and "private" in answer["Cache-Control"], path
        assert "camera=()" in answer["Permissions-Policy"], path
        if not path.startswith("/widget/"):
            assert rules["frame-ancestors"] == "'none'", path
            assert answer["X-Frame-Options"] == "DENY", path


def test_pages_keep_to_their_own_policy(db: None) -> None:
    """No inline script, style or handler stands in a page: the policy would refuse it."""
    house = House()
    client = browser(house)
    for path in house.pages():
        page = client.get(path).content.decode()
        assert not re.search(r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/json\")", page), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on", page), path
        assert re.findall(r"(?:src|href)=\"(?:https?:)?//", page) == [], path


@pytest.mark.parametrize("pictures", [False, True])
def test_a_mails_frame_may_do_nothing(db: None, pictures: bool) -> None:
    house = House()
    answer = browser(house).get(house.mail + ("?pictures=1" if pictures else ""))
    rules = policy(answer)
    assert "allow-scripts" not in rules["sandbox"] and "allow-forms" not in rules["sandbox"]
    assert "allow-top-navigation" not in rules["sandbox"]
    assert rules["default-src"] == "'none'" and rules["form-action"] == "'none'" and rules["base-uri"] == "'none'"
    assert "script-src" not in rules and "connect-src" not in rules and "frame-src" not in rules
    assert rules["img-src"] == ("'self' data: https: http:" if pictures else "'self' data:")
    assert rules["frame-ancestors"] == "'self'"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer["Cache-Control"]


def test_files_are_never_run(db: None) -> None:
    house = House()
    client = browser(house)
    for path in (house.file, f"{house.file}?inline=1", house.picture):
        answer = client.get(path)
        assert answer["Content-Type"] == "application/octet-stream"
        assert answer["Content-Disposition"].startswith("attachment;")
        assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
        assert answer["X-Content-Type-Options"] == "nosniff"
    shown = client.get(f"{house.picture}?inline=1")
    assert (shown["Content-Type"], shown["Content-Disposition"].split(";")[0]) == ("image/png", "inline")
    assert shown["X-Content-Type-Options"] == "nosniff"


def test_cookies_are_out_of_reach(db: None) -> None:
    make_world()
    client = Client()
    client.get("/account/login/")
    client.post("/account/login/", {"login": KNOWN, "password": PASSWORD})
    client.post("/desk/preferences/", {"language": "de"})
    assert set(client.cookies) - {"messages"} == {"csrftoken", "sessionid", "tresen_language"}
    for name, cookie in client.cookies.items():
        assert cookie["samesite"] == "Lax", name
        assert cookie["domain"] == "", name
        assert bool(cookie["httponly"]) or name == "csrftoken", name


def test_behind_https_cookies_and_pages_stay_there(db: None) -> None:
    make_world()
    settings.put(PUBLIC_URL, "https://desk.shop.example")
    client = Client()
    client.get("/account/login/")
    answer = client.post("/account/login/", {"login": KNOWN, "password": PASSWORD})
    assert answer["Strict-Transport-Security"].startswith("max-age=31536000")
    assert client.cookies["sessionid"]["secure"] and client.cookies["csrftoken"]["secure"]


def test_forms_work_behind_a_proxy_that_ends_tls(db: None) -> None:
    """It speaks plain HTTP to us; the browser says that the form came from https. Others stay foreign."""
    make_world()
    settings.put(PUBLIC_URL, "https://desk.shop.example")
    client = Client(enforce_csrf_checks=True, HTTP_HOST="desk.shop.example")
    client.get("/account/login/")
    form = {"login": KNOWN, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    for origin in ("https://evil.example", "http://desk.shop.example", "null"):
        assert client.post("/account/login/", form, headers={"Origin": origin}).status_code == 403
    assert client.post("/account/login/", form, headers={"Origin": "https://desk.shop.example"}).status_code == 302


def test_only_named_proxies_say_who_the_client_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not serving._config("127.0.0.1", 1).proxy_headers
    monkeypatch.setenv("TRESEN_PROXIES", "10.0.0.0/8, 127.0.0.1")
    config = serving._config("127.0.0.1", 1)
    assert (config.proxy_headers, config.forwarded_allow_ips) == (True, "10.0.0.0/8, 127.0.0.1")


def test_a_new_log_in_gets_a_new_session(db: None) -> None:
    make_world()
    client = Client()
    client.get("/account/login/?next=/desk/")
    client.cookies["sessionid"] = "chosen-by-somebody-else-00000000"
    client.post("/account/login/", {"login": KNOWN, "password": PASSWORD})
    assert client.cookies["sessionid"].value != "chosen-by-somebody-else-00000000"
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_fault_of_ours_tells_nothing(db: None, monkeypatch: pytest.MonkeyPatch, accept: str) -> None:
    house = House()

    def broken(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("secret detail in /srv/tresen")

    monkeypatch.setattr(queries, "get", broken)
    monkeypatch.setattr(queries, "page", broken)
    _row, token = accounts.create_token(BY, name="t", role=Role.ADMINISTRATOR)
    client = browser(house)
    for path, headers in (
        (f"/desk/c/{house.message.conversation_id}/", {"Accept": accept}),
        (f"/desk/c/{house.message.conversation_id}/head/", {"Accept": accept, "HX-Request": "true"}),
        ("/api/v1/conversations", {"Accept": accept, "Authorization": f"Bearer {token}"}),
    ):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 500
        assert not re.search(rb"secret|srv|ZeroDivision|Traceback|django|python|\.py\b", answer.content, re.I), path
        assert policy(answer)["default-src"] == "'none'"
        assert "no-store" in answer["Cache-Control"]
        assert answer["Content-Type"].startswith("application/problem+json" if "/api/" in path else "text/")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_way_leads_elsewhere(db: None, target: str) -> None:
    make_world()
    form = {"login": KNOWN, "password": PASSWORD}
    client = Client(raise_request_exception=False)
    for answer in (
        client.post("/account/login/", {**form, "next": target}),
        client.get("/account/login/", {"next": target}),  # signed in by now
        client.post("/desk/preferences/", {"language": "de", "next": target}),
        client.post("/account/logout/", {"next": target}),
    ):
        assert answer.status_code == 302
        assert re.fullmatch(r"/(?:[^/\\\s][^\\\s]*)?", answer["Location"]), answer["Location"]
        assert "X-Bad" not in answer


def test_a_hostile_host_name_gets_nowhere(db: None) -> None:
    make_world()
    client = Client(raise_request_exception=False, HTTP_HOST="evil.example")
    client.post("/account/password/reset/", {"email": KNOWN})
    assert [message.to for message in outbox.outbox] in ([], [[KNOWN]])
    assert not [m for m in outbox.outbox if "evil.example" in m.body]
    assert "Location" not in client.get("/desk/") or "evil" not in client.get("/desk/")["Location"]


def said(answer: HttpResponse) -> tuple[int, str, str]:
    """What a stranger sees of an answer, without the token of the form and the address typed in."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    page = re.sub(rf"{KNOWN}|{UNKNOWN}|/desk/c/\d+/", "ADDRESS", page)
    return answer.status_code, answer.get("Location", ""), re.sub(r'"X-CSRFToken": "\w+"', "", page)


ASKING: dict[str, Callable[[Client, str], HttpResponse]] = {
    "log in": lambda client, email: client.post("/account/login/", {"login": email, "password": "wrong words here"}),
    "reset": lambda client, email: client.post("/account/password/reset/", {"email": email}, follow=True),
    "register": lambda client, email: client.post("/account/signup/", {"email": email, "password1": PASSWORD}),
}


@pytest.mark.parametrize("way", ASKING)
def test_nobody_learns_who_works_here(db: None, way: str) -> None:
    make_world()
    ask = ASKING[way]
    assert said(ask(browser(), KNOWN)) == said(ask(browser(), UNKNOWN))
    assert [message.to for message in outbox.outbox] == ([[KNOWN]] if way == "reset" else [])


def test_time_tells_nothing_either(db: None, settings: object) -> None:
    """An unknown address costs a password hash, too; with a slow one the difference would show."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]  # type: ignore[attr-defined]
    world = make_world()
    world.agent.set_password(PASSWORD)
    world.agent.save()

    def took(email: str) -> float:
        begun = time.process_time()
        ASKING["log in"](browser(), email)
        return time.process_time() - begun

    known, unknown = [], []
    for _ in range(5):
        known.append(took(KNOWN))
        unknown.append(took(UNKNOWN))
    assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2


def test_what_a_team_may_not_see_looks_like_nothing(transactional_db: None) -> None:
    """A foreign conversation and one that never was give the same answer."""
    house = House()
    foreign = house.world.receive("secret", channel=house.world.foreign_shop)
    client = browser(house, "agent")
    pages = [client.get(f"/desk/c/{pk}/") for pk in (foreign.conversation_id, 999_999)]
    assert said(pages[0]) == said(pages[1])


def test_guessing_passwords_is_slowed_down(db: None) -> None:
    """After a few wrong ones even the right one is refused for a while, and an unknown address hears the same."""
    make_world()
    heard = {}
    for email in (KNOWN, UNKNOWN):
        for _ in range(6):
            ASKING["log in"](browser(), email)
        client = browser()
        heard[email] = said(client.post("/account/login/", {"login": email, "password": PASSWORD}))
        assert "_auth_user_id" not in client.session
    assert heard[KNOWN] == heard[UNKNOWN]


def test_the_table_of_weaknesses_names_tests_that_there_are() -> None:
    root = Path(__file__).parents[4]
    named = re.findall(r"`([\w/]+/test_\w+\.py)`", (root / "docs" / "security.md").read_text())
    assert len(set(named)) > 30
    missing = [
        name for name in named if not (root / ("" if name.startswith("tests/") else "src/tresen") / name).exists()
    ]
    assert missing == []
