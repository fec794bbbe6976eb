"""Stored and reflected XSS: no payload in any field runs, asks another server or leads away, in any view.

The first test proves that the alarm works: the same payloads in an unprotected page do all of that.
"""

# ruff: noqa: F811 - fixtures are imported, then asked for by name

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

from counterparts.chatfixtures import chromium, shop  # noqa: F401 - fixtures
from counterparts.chatpages import script, wait_for
from counterparts.chatsite import PASSWORD, Shop
from counterparts.hostilesite import MAILS_A_THREAD, OPENED, PICTURE, Hostile, one_line
from counterparts.payloads import ASKS, PAYLOADS, RUNS, SPY

TRAP = """
Object.defineProperty(window, "pwned", {set: (which) => console.error("PWNED " + which)});
document.addEventListener("securitypolicyviolation", (e) => console.error("REFUSED " + e.effectiveDirective));
"""
# Whatever could act in this document, besides what the page itself brings along.
SUSPECTS = """(mail) => [...document.querySelectorAll("*")].flatMap((e) => {
  const found = [], own = (url) => new URL(url, location.href).origin === location.origin;
  for (const a of e.attributes) {
    if (/^(data-)?(on|hx-on)/i.test(a.name)) found.push(a.name);
    if (/^(src|srcset|action|formaction|background|poster|data|ping|xlink:href)$/i.test(a.name) && !own(a.value))
      found.push(a.name + "=" + a.value);
    if (a.name === "href" && !/^(https?|mailto|tel):$/.test(new URL(a.value, location.href).protocol))
      found.push(a.value);
    if (a.name === "style" && /url|image|expression|behavior|binding|\\\\\\\\/i.test(a.value)) found.push(a.value);
    if (/^hx-(get|post|put|patch|delete)$/i.test(a.name) && !own(a.value)) found.push(a.name + "=" + a.value);
  }
  if (/^(base|object|embed|portal|applet|frame|fencedframe)$/i.test(e.localName)) found.push(e.localName);
  if (e.localName === "script" && (!e.src || !own(e.src))) found.push("script");
  if (e.localName === "meta" && e.httpEquiv) found.push("meta");
  if (e.localName === "link" && !own(e.href)) found.push("link");
  if (mail && /^(script|form|input|button|iframe|svg|math|link|template|textarea)$/i.test(e.localName))
    found.push(e.localName);
  return found.map((what) => e.localName + ": " + what);
})"""

# What a click on "show pictures" may load besides the picture in every mail: plain pictures.
IMAGES = {f"https://{SPY}/{len(RUNS) + n}" for n, text in enumerate(ASKS) if text.startswith("<img src")}


class Watch:
    """A browser context that notices scripts, dialogs, foreign requests, pop-ups, navigation and refused attempts."""

    def __init__(self, context: BrowserContext, *origins: str) -> None:
        self.context, self.asked, self.seen, self.at = context, list[str](), list[str](), list[str]()
        context.add_init_script(TRAP)
        context.route(lambda url: not url.startswith((*origins, "data:", "blob:")), self._foreign)
        context.on("page", self._page)

    def _foreign(self, route: Any) -> None:
        self.asked.append(route.request.url)
        route.abort()

    def _page(self, page: Page) -> None:
        self.seen.append("page") if self.at else None
        page.on("dialog", lambda dialog: (self.seen.append(dialog.message), dialog.dismiss()))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.seen.append(f"error {error}"))
        page.on("framenavigated", lambda frame: self.at.append(frame.url) if frame == page.main_frame else None)

    def _said(self, message: Any) -> None:
        if re.search("PWNED|REFUSED|Content Security Policy|Blocked script", message.text):
            self.seen.append(message.text)

    def calm(self, page: Page) -> None:
        """Nothing has happened, and nothing that waits for a click stands in the page or its frames."""
        for frame in page.frames:
            assert suspects(frame) == [], frame.url
        assert (self.asked, self.seen) == ([], []), page.url


def suspects(frame: Frame) -> list[str]:
    """What could act in a document. Mail frames may hold even less."""
    mail = bool(re.search(r"/desk/mail/|/body/", frame.url))
    found: list[str] = frame.locator("html").evaluate(f"(_, mail) => ({SUSPECTS})(mail)", mail)
    return found


@pytest.fixture(scope="module")
def tresen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    server = Hostile(tmp_path_factory.mktemp("hostile"))
    server.set_up()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def signed_in(tresen: Hostile, chromium: Browser) -> dict[str, Any]:
    """Ada's cookies."""
    context = chromium.new_context(locale="de-DE")
    page = context.new_page()
    page.goto(f"{tresen.url}/account/login/")
    page.fill("[name=login]", "ada@bohne.test")
    page.fill("[name=password]", PASSWORD)
    page.locator("form[action$='login/'] button").click()
    page.wait_for_url(f"{tresen.url}/desk/")
    state: Any = context.storage_state()
    context.close()
    return {"storage_state": state}


Open = Callable[..., tuple[Page, Watch]]


@pytest.fixture
def watched(tresen: Hostile, shop: Shop, chromium: Browser, signed_in: dict[str, Any]) -> Iterator[Open]:
    """A watched page: of Ada, or (`stranger=True`) of somebody from outside."""
    contexts: list[BrowserContext] = []

    def make(*, stranger: bool = False) -> tuple[Page, Watch]:
        context = chromium.new_context(locale="de-DE", accept_downloads=True, **({} if stranger else signed_in))
        contexts.append(context)
        watch = Watch(context, tresen.url, shop.url)
        return context.new_page(), watch

    yield make
    for context in contexts:
        context.close()


def test_the_alarm_works(shop: Shop, chromium: Browser) -> None:
    for number, text in enumerate(PAYLOADS):
        shop.pages[f"/{number}"] = (f"<!doctype html><html><head></head><body>{text}</body></html>", {})
    context = chromium.new_context()
    watch, page = Watch(context, shop.url), context.new_page()
    frames = "".join(f"<iframe src=/{number}></iframe>" for number in range(len(PAYLOADS)))
    page.goto(shop.put("/all", frames))
    wait_for(lambda: len(said(watch)) == len(RUNS) or bool(page.wait_for_timeout(100)))
    assert said(watch) == set(range(len(RUNS)))
    asked = {urlsplit(url).path.strip("/") for url in watch.asked if urlsplit(url).hostname == SPY}
    assert asked >= {str(len(RUNS) + n) for n, text in enumerate(ASKS) if "<base" not in text}
    assert suspects(page.frames[1]) != []
    context.close()


def said(watch: Watch) -> set[int]:
    return {int(text.split()[1]) for text in watch.seen if text.startswith("PWNED")}


def test_the_list_and_the_search(tresen: Hostile, watched: Open) -> None:
    page, watch = watched()
    page.goto(f"{tresen.url}/desk/?view=all&rows=200")
    expect(page.locator(".row-link")).to_have_count(len(PAYLOADS) + len(tresen.facts["mail"] + tresen.facts["forms"]))
    for row, text in zip(tresen.facts["api"], PAYLOADS, strict=True):
        assert (page.locator(f"#row-{row} .row-subject").text_content() or "").split() == text.split()
    watch.calm(page)
    for text in (PAYLOADS[0], "\"'><b>&lt;", "pwned"):
        page.fill("#search", text)
        page.keyboard.press("Enter")
    expect(page.locator(".row-link").first).to_be_visible()
    watch.calm(page)


def test_conversations_with_customer_records_tags_and_files(tresen: Hostile, watched: Open) -> None:
    page, watch = watched()
    opened = list(zip(tresen.facts["api"], PAYLOADS, strict=True))[::OPENED]
    for row, text in opened:
        page.goto(f"{tresen.url}/desk/c/{row}/?view=mine")
        line = one_line(text)
        assert page.locator(".head-subject").inner_text().split() == line.split()
        assert page.locator(".person h2").inner_text().split() == line.split()
        assert page.locator("#customer .record-number").count() >= min(OPENED, len(PAYLOADS) % OPENED)
        assert page.locator(".delivery-failed").inner_text().count("550 ") == 1
        watch.calm(page)
    assert len(watch.at) == len(opened)


def test_mails_with_and_without_remote_pictures(tresen: Hostile, watched: Open) -> None:
    page, watch = watched()
    sent: list[Any] = []
    page.on("request", lambda request: sent.append(request) if SPY in request.url else None)
    for row in (*tresen.facts["forms"], *tresen.facts["mail"]):
        page.goto(f"{tresen.url}/desk/c/{row}/")
        watch.calm(page)
        wanted = page.locator("[data-pictures]").count()
        page.locator("[data-pictures]").evaluate_all("buttons => buttons.forEach((button) => button.click())")
        while len(set(pictures(watch))) < wanted:
            page.wait_for_timeout(50)
        assert set(watch.asked) - set(pictures(watch)) <= IMAGES
        watch.asked.clear()
    assert watch.seen == []
    assert len(watch.at) == len(tresen.facts["mail"] + tresen.facts["forms"])
    assert {request.url for request in sent} >= {f"{PICTURE}?{number}" for number in range(len(PAYLOADS))}
    for request in sent:
        assert request.resource_type == "image"
        assert not {"referer", "cookie"} & set(request.headers)


def pictures(watch: Watch) -> list[str]:
    """The harmless picture that stands in every mail."""
    return [url for url in watch.asked if url.startswith(PICTURE)]


def test_files_are_downloads_of_no_type(tresen: Hostile, watched: Open) -> None:
    page, watch = watched()
    page.goto(f"{tresen.url}/desk/c/{tresen.facts['mail'][0]}/")
    links = [str(link.get_attribute("href")) for link in page.locator("a.file").all()]
    assert len(links) == 4 * MAILS_A_THREAD
    for link in (*links[:8], f"{links[0]}?inline=1", f"{links[1]}?inline=1"):
        answer = page.request.get(tresen.url + link)
        told = answer.headers
        assert told["content-type"] == "application/octet-stream"
        assert told["x-content-type-options"] == "nosniff"
        assert told["content-security-policy"] == "sandbox; default-src 'none'"
        assert re.fullmatch(
            r"attachment; filename=\"[\w. -]*\"; filename\*=UTF-8''[^\s;\"<>]*", told["content-disposition"]
        )
        assert told["cache-control"] == "private, no-store"
    with page.expect_download() as download:
        page.locator("a.file").first.click()
    assert "/" not in download.value.suggested_filename
    watch.calm(page)


def test_pages_of_the_desk_that_show_what_strangers_wrote(tresen: Hostile, watched: Open) -> None:
    page, watch = watched()
    page.goto(f"{tresen.url}/desk/attention/")
    expect(page.locator("#parked tbody tr").nth(len(PAYLOADS))).to_be_attached()
    watch.calm(page)
    page.goto(f"{tresen.url}/desk/new/")
    page.fill("#name", "pwned")
    expect(page.locator("[data-customer]").first).to_be_visible()
    page.locator("[data-customer]").first.click()
    expect(page.locator(".chosen .name")).to_contain_text("pwned")
    watch.calm(page)
    for path in ("/desk/settings/channels/", "/desk/settings/staff/", "/desk/settings/fields/", "/api/v1/docs"):
        page.goto(tresen.url + path)
        watch.calm(page)


REFLECTING = (
    "/desk/?view={}", "/desk/?tag={}&status={}&cursor={}&queue={}", "/desk/new/?kind={}&key={}&customer={}&name={}",
    "/desk/settings/channels/new/{}/", "/desk/start/{}", "/desk/password/{}", "/account/login/?next={}",
    "/account/password/reset/key/{}/", "/nowhere/{}", "/{}", "/widget/{}/chat", "/sandbox/language/de/?next={}",
    "/api/v1/{}", "/in/{}", "/sandbox/?x={}",
)  # fmt: skip


def test_addresses_that_carry_payloads(tresen: Hostile, watched: Open) -> None:
    page, watch = watched()
    for number, shape in enumerate(REFLECTING):
        text = quote(PAYLOADS[(number * 7) % len(PAYLOADS)], safe="")
        answer = page.goto(tresen.url + shape.replace("{}", text))
        assert answer is not None and urlsplit(page.url).netloc == urlsplit(tresen.url).netloc
        watch.calm(page)
    page.goto(f"{tresen.url}/account/login/?next=javascript:top.pwned=1")
    watch.calm(page)


def test_the_inbox_of_the_sandbox(tresen: Hostile, watched: Open) -> None:
    page, watch = watched(stranger=True)
    box = f"{tresen.url}/sandbox/as/{tresen.facts['inbox']['box']}"
    page.goto(f"{box}/")
    expect(page.locator(".mails a").nth(50)).to_be_attached()
    watch.calm(page)
    for mail in tresen.facts["inbox"]["mails"][::OPENED]:
        page.goto(f"{box}/mail/{mail}/")
        expect(page.frame_locator("iframe.body").locator("body")).to_contain_text("Mail")
        watch.calm(page)
    page.goto(f"{box}/write/?reply={tresen.facts['inbox']['mails'][0]}")
    watch.calm(page)
    told = page.request.get(f"{box}/mail/{tresen.facts['inbox']['mails'][0]}/file/0/").headers
    assert (told["content-type"], told["x-content-type-options"]) == ("application/octet-stream", "nosniff")
    assert told["content-disposition"].startswith("attachment;")


def test_the_chat_on_both_sides(tresen: Hostile, shop: Shop, watched: Open) -> None:
    visitor, away = watched(stranger=True)
    visitor.goto(shop.put("/chat", f"<h1>Shop</h1>{script(tresen)}"))
    visitor.locator(".launch").click()
    for start in range(0, len(PAYLOADS), 30):
        visitor.locator("#text").fill("\n".join(PAYLOADS[start : start + 30]))
        visitor.locator(".send").click()
    expect(visitor.locator(".own[data-state=stored]")).to_have_count(-(-len(PAYLOADS) // 30))
    row = tresen.conversation()
    for start in range(0, len(PAYLOADS), 30):
        chunk = PAYLOADS[start : start + 30]
        files = [{"name": f"{one_line(text)[:150]}.html", "type": "text/html", "base64": "PGI+"} for text in chunk[:10]]
        body = {"kind": "reply", "text": "\n".join(chunk), "attachments": files}
        tresen.api("POST", f"conversations/{row}/messages", body)
    expect(visitor.locator(".theirs .bubble", has_text="fencedframe")).to_be_visible()
    expect(visitor.locator(".theirs button.file").first).to_be_visible()
    assert visitor.locator(".log :is(script, img, svg[onload], iframe, form)").count() == 0
    assert (away.asked, away.seen) == ([], [])
    _named_visitor(tresen)
    page, watch = watched()
    for which in (row, tresen.conversation()):
        page.goto(f"{tresen.url}/desk/c/{which}/")
        expect(page.locator(".message.in .text").first).to_be_visible()
        watch.calm(page)


def _named_visitor(tresen: Hostile) -> None:
    """A visitor whose name is a payload, and whose file says that it is a page."""
    before, key = tresen.conversation(), tresen.facts["chat"]
    token = httpx.post(f"{tresen.url}/widget/{key}/session", json={}).json()["token"]
    file = {"name": "<img src=x: onerror=top.pwned=1>.svg", "type": "image/svg+xml", "base64": "PHN2Zy8+"}
    body = {
        "id": str(uuid.uuid4()),
        "text": "x",
        "name": PAYLOADS[3],
        "email": "v@kunde.example",
        "attachments": [file],
    }
    head = {"Authorization": f"Bearer {token}"}
    assert httpx.post(f"{tresen.url}/in/{key}/messages", json=body, headers=head).status_code == 202
    wait_for(lambda: tresen.conversation() != before)
    rows = httpx.get(f"{tresen.url}/widget/{key}/messages?after=0", headers=head).json()["items"]
    told = httpx.get(tresen.url + rows[0]["attachments"][0]["url"], headers=head).headers
    assert told["content-disposition"].startswith("attachment;")
    assert told["x-content-type-options"] == "nosniff"
    assert told["content-security-policy"] == "default-src 'none'; sandbox"
    assert "svg" not in told["content-type"] and "html" not in told["content-type"]
