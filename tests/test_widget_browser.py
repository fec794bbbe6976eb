"""The chat in a real browser, on a web site of another origin, against a running Tresen."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

import jwt
from playwright.sync_api import expect

from counterparts.chatpages import accessible, opened, picture, say, script, sent, stored, wait_for

pytest_plugins = ["counterparts.chatfixtures"]


def test_before_it_is_opened_it_stores_nothing_and_contacts_nobody(visit, tresen, shop):
    page = visit(url="about:blank")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shop.put("/quiet", f"<h1>Shop</h1>{script(tresen)}"))
    expect(page.locator(".launch")).to_be_visible()
    page.evaluate("Tresen.identify('a.b.c')")
    page.wait_for_timeout(800)
    loader = f"{tresen.url}/widget/{tresen.facts['chat']}.js"
    assert asked == [f"{shop.url}/quiet", loader] or asked == [f"{shop.url}/quiet", loader, f"{shop.url}/favicon.ico"]
    assert stored(page) == [{}, {}, "", []]

    opened(page)
    assert {url.split("/", 3)[2] for url in asked} == {shop.url[7:], tresen.url[7:]}
    assert stored(page) == [{}, {}, "", []], "looking is not writing"
    sent(page, "Hallo")
    local, session, cookie, databases = stored(page)
    name = f"tresen:{tresen.facts['chat']}"
    assert set(local) == {name} and set(json.loads(local[name])) == {"token", "open"}
    assert (session, cookie, databases) == ({}, "", [name])
    assert page.context.cookies() == []
    assert not [url for url in asked if json.loads(local[name])["token"] in url]


def test_a_conversation_by_keyboard_alone(visit, tresen):
    page = visit()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator(".state")).to_have_text("Wir sind da")
    page.keyboard.type("Meine Maschine steht.")
    page.keyboard.press("Enter")
    own = page.locator(".own")
    expect(own).to_have_attribute("data-state", "stored")
    expect(own.locator(".word")).to_have_text("Gesendet")
    expect(page.locator(".state")).to_have_text("Mara Lindt kümmert sich darum")
    tresen.look_at()
    expect(own.locator(".word")).to_have_text("Gelesen")
    tresen.reply("Guten Tag! Ist Wasser im Tank?")
    answer = page.locator(".log .theirs .bubble", has_text="Wasser im Tank")
    expect(answer).to_be_visible()
    assert page.locator(".log").get_attribute("role") == "log"

    page.keyboard.press("Escape")
    expect(page.locator(".panel")).to_be_hidden()
    expect(page.locator(".launch")).to_be_focused()
    tresen.reply("Sind Sie noch da?")
    expect(page.locator(".badge")).to_have_text("1")
    expect(page.locator(".launch")).to_have_attribute("aria-label", "Chat öffnen: 1 neue Nachricht")
    assert tresen.messages()[-1]["delivery"] == "sent"
    page.keyboard.press("Enter")
    expect(page.locator(".badge")).to_be_hidden()
    expect(page.locator(".bubble", has_text="noch da")).to_be_visible()
    wait_for(lambda: tresen.messages()[-1]["delivery"] == "read")

    page.keyboard.press("Shift+Tab")  # from the text to the clip, the log, and the menu
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".log")).to_be_focused()
    page.locator("[aria-controls=menu]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".menu button").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".menu")).to_be_hidden()
    expect(page.locator("[aria-controls=menu]")).to_be_focused()


def test_typing_is_seen_on_the_other_side(visit, tresen):
    page = opened(visit())
    sent(page, "Hallo")
    with page.expect_response(re.compile("/typing$")) as answer:
        page.locator("#text").press_sequentially("ich schreibe")
    assert answer.value.status == 200
    expect(page.locator(".state")).to_have_text("Mara Lindt kümmert sich darum")
    tresen.type("note")
    tresen.type()
    expect(page.locator(".typing")).to_contain_text("Mara Lindt schreibt …")
    tresen.reply("Guten Tag")
    expect(page.locator(".bubble", has_text="Guten Tag").last).to_be_visible()
    expect(page.locator(".typing")).to_have_text("")


def test_a_strict_policy_of_the_host_page_is_enough(visit, tresen, shop):
    """Documented: script-src and connect-src need the address of Tresen, nothing else needs anything."""
    policy = (
        f"default-src 'none'; script-src {tresen.url}; connect-src {tresen.url}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page = visit(url="about:blank")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(shop.put("/strict", f"<h1>Shop</h1>{script(tresen)}", **{"Content-Security-Policy": policy}))
    opened(page)
    sent(page, "Hallo")
    page.locator("input[type=file]").set_input_files(
        [
            {"name": "rot.png", "mimeType": "image/png", "buffer": picture()},
            {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"},
        ]
    )
    page.locator(".send").click()
    expect(page.locator(".file canvas")).to_be_visible()
    with page.expect_download() as download:
        page.locator("button.file", has_text="a.txt").click()
    assert Path(download.value.path()).read_bytes() == b"x"
    assert [text for text in told if "favicon" not in text] == []


def test_files_too_large_are_refused_before_they_are_sent(visit, tresen):
    page = opened(visit())
    big = {"name": "film.mp4", "mimeType": "video/mp4", "buffer": b"\0" * (10 * 1024 * 1024 + 1)}
    page.locator("input[type=file]").set_input_files([big])
    expect(page.locator(".body > .alert")).to_have_text(
        "film.mp4: Das ist zu groß. Zusammen dürfen Anhänge höchstens 10 MB haben."
    )
    expect(page.locator(".chips li")).to_have_count(0)
    for drop in ("drop", "paste"):
        page.evaluate(
            """(kind) => { const data = new DataTransfer(); data.items.add(new File(["x"], kind + ".txt"));
            const root = [...document.querySelectorAll("div")].find((d) => d.shadowRoot).shadowRoot;
            const event = kind === "drop" ? new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})
              : new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
            root.querySelector(kind === "drop" ? ".panel" : "#text").dispatchEvent(event); }""",
            drop,
        )
    expect(page.locator(".chips li")).to_have_count(2)
    page.locator(".chips button").first.click()
    expect(page.locator(".chips li")).to_have_count(1)
    expect(page.locator("#text")).to_be_focused()


def test_messages_outlive_a_dead_server_and_a_reload_and_arrive_once(visit, tresen):
    page = opened(visit())
    sent(page, "vorher")
    tresen.stop(signal.SIGKILL)
    try:
        say(page, "während des Ausfalls")
        say(page, "und noch eine")
        expect(page.locator(".own", has_text="Ausfalls")).to_have_attribute("data-state", "sending")
        expect(page.locator(".notice")).to_contain_text("Ihre Nachrichten bleiben erhalten", timeout=15_000)
    finally:
        tresen.start()
    expect(page.locator(".own", has_text="und noch eine")).to_have_attribute(
        "data-state", re.compile("stored|read"), timeout=40_000
    )
    expect(page.locator(".notice")).to_have_text("", timeout=40_000)
    tresen.reply("wieder da")
    expect(page.locator(".bubble", has_text="wieder da")).to_be_visible(timeout=40_000)
    texts = [m["text"] for m in tresen.messages()]
    assert texts == ["vorher", "während des Ausfalls", "und noch eine", "wieder da"]


def test_messages_written_offline_survive_a_reload_with_the_same_id(visit, tresen):
    page = opened(visit())
    sent(page, "vorher")
    ids: list[str] = []
    page.on(
        "request",
        lambda r: (
            ids.append(json.loads(r.post_data)["id"]) if r.url.endswith("/messages") and r.method == "POST" else None
        ),
    )
    page.route("**/in/**", lambda route: route.abort())
    say(page, "im Tunnel")
    expect(page.locator(".own", has_text="Tunnel")).to_have_attribute("data-state", "sending")
    page.reload()
    expect(page.locator(".panel")).to_be_visible()  # open as it was left, without taking the focus
    assert page.evaluate("document.activeElement === document.body")
    expect(page.locator(".own", has_text="Tunnel")).to_have_attribute("data-state", "sending")
    wait_for(lambda: len(ids) >= 2 or bool(page.wait_for_timeout(100)))
    page.unroute("**/in/**")
    expect(page.locator(".own", has_text="Tunnel")).to_have_attribute(
        "data-state", re.compile("stored|read"), timeout=40_000
    )
    expect(page.locator(".own")).to_have_count(2)
    assert len(set(ids)) == 1 and [m["text"] for m in tresen.messages()] == ["vorher", "im Tunnel"]


def test_a_lost_acknowledgement_does_not_double_a_message(visit, tresen):
    page = opened(visit())
    lost = iter((True, True))

    def swallow(route: Any) -> None:
        if route.request.method == "POST" and next(lost, False):
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/in/**", swallow)
    say(page, "einmal")
    expect(page.locator(".own", has_text="einmal")).to_have_attribute(
        "data-state", re.compile("stored|read"), timeout=20_000
    )
    assert [m["text"] for m in tresen.messages()] == ["einmal"]
    expect(page.locator(".own")).to_have_count(1)


def test_what_the_server_refuses_can_be_sent_again_or_discarded(visit, tresen):
    page = opened(visit())
    page.route(
        "**/in/**",
        lambda route: route.fulfill(status=422, json={"field": "text"}, headers={"Access-Control-Allow-Origin": "*"}),
    )
    say(page, "abgelehnt")
    expect(page.locator(".own .word")).to_have_text("Nicht gesendet")
    say(page, "auch das")
    expect(page.locator(".own .link")).to_have_count(4)
    accessible(page)
    page.unroute("**/in/**")
    page.locator(".own", has_text="abgelehnt").get_by_text("Verwerfen").click()
    expect(page.locator(".own")).to_have_count(1)
    page.locator(".own").get_by_text("Noch einmal senden").click()
    expect(page.locator(".own")).to_have_attribute("data-state", re.compile("stored|read"))


def test_a_code_brings_the_conversation_to_another_device(visit, tresen):
    first = opened(visit())
    sent(first, "am Rechner begonnen")
    first.locator("[aria-controls=menu]").click()
    first.get_by_text("Auf einem anderen Gerät weiter").click()
    code = first.locator(".code").text_content() or ""
    link = first.locator(".address a").get_attribute("href") or ""
    accessible(first)
    second = visit(url=link, viewport={"width": 390, "height": 780}, has_touch=True, locale="en-US")
    assert "#" not in second.url, "the code does not stay in the address"
    expect(second.locator("#code")).to_have_value(code.replace("-", ""))
    expect(second.locator(".own")).to_have_count(0)
    second.locator(".sheet .wide").click()
    expect(second.locator(".own", has_text="am Rechner begonnen")).to_be_visible()
    sent(second, "on the phone")
    first.keyboard.press("Escape")
    expect(first.locator(".own", has_text="on the phone")).to_be_visible()
    third = opened(visit())
    third.locator("[aria-controls=menu]").click()
    third.get_by_text("Ich habe einen Code").click()
    third.locator("#code").fill(code)
    third.locator(".sheet .wide").click()
    expect(third.locator(".sheet [role=alert]")).to_have_text("Dieser Code gilt nicht (mehr).")


def test_a_signed_person_is_known_on_every_device_until_shutdown(visit, tresen):
    def proof(subject: str) -> str:
        claims = {
            "aud": tresen.facts["chat"],
            "sub": subject,
            "jti": "1",
            "exp": int(time.time()) + 600,
            "name": "Anna",
        }
        return jwt.encode(claims, tresen.facts["identity_secret"], algorithm="HS256")

    first = visit()
    first.evaluate("token => Tresen.identify(token)", proof("42"))
    sent(opened(first), "ich bin es")
    second = visit()
    second.evaluate("token => Tresen.identify(token)", proof("42"))
    expect(opened(second).locator(".own", has_text="ich bin es")).to_be_visible()
    second.evaluate("Tresen.shutdown()")
    expect(second.locator(".panel")).to_be_hidden()
    assert stored(second) == [{}, {}, "", []]
    expect(opened(second).locator(".own")).to_have_count(0)
    wrong = visit()
    wrong.evaluate("token => Tresen.identify(token)", proof("42")[:-2] + "xx")
    expect(opened(wrong).locator(".own")).to_have_count(0)


def test_two_tabs_share_one_stream(visit, tresen):
    first = opened(visit())
    sent(first, "Hallo")
    streams: list[str] = []
    second = visit(first.context)
    second.on("request", lambda r: streams.append(r.url) if r.url.endswith("/events") and r.method == "GET" else None)
    expect(second.locator(".panel")).to_be_visible()
    expect(second.locator(".own", has_text="Hallo")).to_be_visible()
    tresen.reply("an beide")
    for page in (first, second):
        expect(page.locator(".bubble", has_text="an beide")).to_be_visible()
    assert streams == []
    first.close()
    wait_for(lambda: len(streams) == 1 or bool(second.wait_for_timeout(100)))
    tresen.reply("an den Rest")
    expect(second.locator(".bubble", has_text="an den Rest")).to_be_visible()


def test_when_nobody_is_there_it_asks_how_to_answer(visit, tresen):
    tresen.presence("offline")
    try:
        page = opened(visit())
        expect(page.locator(".state")).to_have_text("Gerade ist niemand da")
        say(page, "Bitte melden Sie sich")
        expect(page.locator(".body > .alert")).to_have_text("Bitte eine gültige E-Mail-Adresse angeben.")
        expect(page.locator("#email")).to_be_focused()
        accessible(page)
        page.locator("#name").fill("Anna")
        page.locator("#email").fill("anna@kunde.test")
        page.locator(".send").click()
        expect(page.locator(".notice")).to_have_text("Danke! Wir antworten an anna@kunde.test.")
        expect(page.locator("#email")).to_be_hidden()
        wait_for(lambda: tresen.messages()[0]["author"] == "Anna")
    finally:
        tresen.presence("online")


def test_a_waiting_visitor_knows_the_place(visit, tresen, shop):
    queue = tresen.api("POST", "queues", {"name": "Taken by hand", "pull": True})["id"]
    made = tresen.api("POST", "channels", {"kind": "webchat", "name": "Patient", "queue": queue})
    url = shop.put("/patient", f'<script src="{tresen.url}/widget/{made["key"]}.js" async></script>')
    first, second = opened(visit(url=url)), opened(visit(url=url))
    sent(first, "ich warte")
    expect(first.locator(".notice")).to_have_text("Sie sind als Nächstes dran.")
    sent(second, "ich auch")
    expect(second.locator(".notice")).to_have_text("Sie sind an 2. Stelle.")
    tresen.api("POST", f"conversations/{tresen.conversation() - 1}/take")
    expect(first.locator(".state")).to_have_text("Mara Lindt kümmert sich darum")
    expect(first.locator(".notice")).to_have_text("")
    expect(second.locator(".notice")).to_have_text("Sie sind als Nächstes dran.", timeout=30_000)
