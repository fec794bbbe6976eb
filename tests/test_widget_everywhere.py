"""Chat and form for everybody and against everybody: accessibility, hostile input, hostile pages, the form."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from counterparts.chatpages import accessible, opened, picture, script, sent, stored, wait_for

pytest_plugins = ["counterparts.chatfixtures"]

CORPUS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    "<svg onload=window.hacked=1><use href='https://evil.example/x.svg#a'/></svg>",
    "\"'><iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
    "javascript:window.hacked=1",
    'https://good.example/" onmouseover="window.hacked=1',
    "{{constructor.constructor('window.hacked=1')()}} ${window.hacked=1}",
    "<style>*{background:url(https://evil.example/x)}</style>",
    "\u202e</textarea><base href='https://evil.example/'>",
)


def test_nothing_anybody_writes_runs_or_loads(visit, tresen, shop):
    page = opened(visit())
    foreign: list[str] = []
    page.on(
        "request",
        lambda r: foreign.append(r.url) if not r.url.startswith((tresen.url, shop.url, "blob:", "data:")) else None,
    )
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    for text in CORPUS:
        sent(page, text)
    names = [
        {"name": text.replace("/", "_")[:80], "mimeType": "image/svg+xml", "buffer": text.encode()} for text in CORPUS
    ]
    page.locator("input[type=file]").set_input_files(names)
    page.locator(".send").click()
    for text in CORPUS:
        tresen.reply(text)
    expect(page.locator(".theirs .bubble")).to_have_count(len(CORPUS) + 1)
    expect(page.locator(".own button.file")).to_have_count(len(CORPUS))
    assert page.evaluate("window.hacked") is None and foreign == []
    shown = page.locator(".theirs .text").all_text_contents()[1:]
    assert [t.strip() for t in shown] == [t.replace("\u202e", "\u202e").strip() for t in CORPUS]
    links = page.locator(".panel .bubble a").evaluate_all(
        "all => all.map((a) => [a.protocol, a.rel, a.getAttributeNames().sort().join()])"
    )
    assert links and {tuple(link) for link in links} == {("https:", "noopener noreferrer nofollow", "href,rel,target")}
    assert page.locator(".panel :is(script, iframe, img, style, object, embed, base)").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("width", "height"), [(1000, 760), (390, 780), (320, 256)], ids=["desktop", "phone", "zoom400"]
)
def test_it_is_accessible_everywhere(visit, tresen, scheme, width, height):
    page = visit(color_scheme=scheme, viewport={"width": width, "height": height}, reduced_motion="reduce")
    accessible(page)
    opened(page)
    accessible(page)
    sent(page, "Hallo https://bohne.example/anleitung")
    tresen.reply("Guten Tag")
    expect(page.locator(".bubble", has_text="Guten Tag").last).to_be_visible()
    accessible(page)
    small = width < 500
    assert page.locator(".panel").get_attribute("aria-modal") == ("true" if small else None)
    for part in (".send", "#text", ".shut"):
        box = page.locator(part).bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width and box["y"] + box["height"] <= height
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.getAnimations().length") == 0
    if small:
        for _ in range(12):
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.shadowRoot !== null"), "the focus stays in the dialog"


def test_english_on_an_english_page(visit, tresen, shop):
    page = visit(url=shop.put("/en", f"<h1>Shop</h1>{script(tresen)}", language="en"))
    expect(page.locator(".launch")).to_have_attribute("aria-label", "Open chat")
    expect(opened(page).locator("#text")).to_have_attribute("placeholder", "Write a message")


def test_a_page_steers_the_chat_and_two_lines_make_one_chat(visit, tresen, shop):
    page = visit(url=shop.put("/twice", f"<h1>Shop</h1>{script(tresen)}{script(tresen)}"))
    expect(page.locator(".launch")).to_have_count(1)
    page.evaluate("Tresen.open()")
    expect(page.locator(".panel")).to_be_visible()
    page.evaluate("Tresen.close()")
    expect(page.locator(".panel")).to_be_hidden()
    assert page.evaluate("Object.isFrozen(Tresen) && Object.keys(Tresen).join()") == "open,close,identify,shutdown"


def test_a_hostile_host_page_neither_hides_it_nor_talks_to_it(visit, tresen, shop):
    style = """<style>body * { display: none !important; opacity: 0 !important; position: static !important;
      color: lime !important; font-size: 90px !important; all: unset; }</style>"""
    noise = """<script>
      for (const m of [{type: "tresen"}, "open", null, {token: 1}]) setInterval(() => postMessage(m, "*"), 20);
      addEventListener("keydown", (e) => { window.keys = (window.keys || "") + e.key; });
      Object.prototype.polluted = "yes"; Array.prototype.last = () => 1;
    </script>"""
    page = visit(url=shop.put("/hostile", f"<h1>x</h1>{noise}{script(tresen)}", head=style))
    expect(page.locator(".launch")).to_be_visible()
    opened(page)
    page.locator("#text").press_sequentially("geheim")
    page.keyboard.press("Enter")
    expect(page.locator(".own")).to_have_attribute("data-state", re.compile("stored|read"))
    size = page.locator("#text").evaluate("e => getComputedStyle(e).fontSize + getComputedStyle(e).color")
    assert "90px" not in size and "0, 255, 0" not in size
    assert page.evaluate("window.keys") is None, "what is typed into the chat stays in the chat"
    assert tresen.messages()[0]["text"] == "geheim"


def test_a_site_that_is_not_allowed_gets_nothing(visit, tresen, shop):
    page = visit(url=shop.put("/closed", f"<h1>x</h1>{script(tresen, 'closed')}"))
    page.locator(".launch").click()
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator(".own")).to_have_count(0)
    key = tresen.facts["closed"]
    answer = page.evaluate(
        "url => fetch(url, {method: 'POST', body: '{}'}).then((r) => r.text(), () => 'refused')",
        f"{tresen.url}/widget/{key}/session",
    )
    assert answer == "refused"


def test_the_form_on_a_foreign_page_by_keyboard(visit, tresen, shop):
    page = visit(url=shop.put("/form", f"<h1>Kontakt</h1>{script(tresen, 'form')}", language="de"))
    expect(page.locator("form")).to_be_visible()
    accessible(page)
    assert stored(page) == [{}, {}, "", []]
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.shadowRoot?.activeElement?.id || ''"))
    assert reached[:6] == ["name", "email", "subject", "fields-order", "fields-machine", "text"]
    page.locator("#email").fill("anna")
    page.locator(".wide").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#email")).to_be_focused()
    expect(page.locator("#fields-order-fault")).to_have_text("Bitte ausfüllen.")
    accessible(page)
    page.locator("#email").fill("anna@kunde.test")
    page.locator("#fields-order").fill("4711")
    page.locator("#text").fill("Sie braucht Wartung. " + CORPUS[0])
    page.locator("input[type=file]").set_input_files(
        [{"name": "rot.png", "mimeType": "image/png", "buffer": picture()}]
    )
    page.keyboard.press("Tab")
    page.locator(".wide").click()
    expect(page.locator(".thanks")).to_contain_text("Ihre Nachricht ist angekommen.", timeout=15_000)
    accessible(page)
    wait_for(lambda: "Bestellnummer: 4711" in tresen.messages()[0]["text"])
    (message,) = tresen.messages()
    assert message["text"] == f"Sie braucht Wartung. {CORPUS[0]}\n\nBestellnummer: 4711"
    assert [a["name"] for a in message["attachments"]] == ["rot.png"]
    assert stored(page) == [{}, {}, "", []]


def test_no_token_is_in_the_servers_log(visit, tresen):
    page = opened(visit())
    sent(page, "Hallo")
    token = json.loads(page.evaluate("key => localStorage.getItem(key)", f"tresen:{tresen.facts['chat']}"))["token"]
    for part in (token, token.split(".")[2]):
        assert part not in tresen.log()
