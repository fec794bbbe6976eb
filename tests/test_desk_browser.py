"""The desk in a real browser against a running Tresen: live, through restarts, by keyboard, and with hostile mail."""

# ruff: noqa: F811 - fixtures are imported, then asked for by name

from __future__ import annotations

import re
import signal

import pytest
from playwright.sync_api import Browser, expect

from counterparts.chatsite import PASSWORD
from counterparts.deskpages import (  # noqa: F401 - fixtures
    Enter,
    chromium,
    connected,
    desk,
    enter,
)
from counterparts.desksite import HOSTILE, Desk


def begin(desk: Desk, thread: str, text: str) -> str:
    """A new conversation by mail of that thread; returns its address on the desk."""
    desk.write(text, thread=thread, name=f"Kunde {thread}")
    for _ in range(100):
        row = desk.api("GET", "conversations?limit=1")["items"][0]
        messages = desk.api("GET", f"conversations/{row['id']}/messages")["items"]
        if messages and messages[0]["text"] == text:
            return f"/desk/c/{row['id']}/"
    raise AssertionError("the message did not become a conversation")


def test_a_mail_arrives_is_answered_and_resolved_without_reloading(desk: Desk, enter: Enter) -> None:
    page = connected(enter(path="/desk/?view=waiting"))
    page.evaluate("window.stayed = true")
    desk.write("Der Mahlkegel klemmt", thread="a1", name="Jo Weber")
    row = page.locator(".row-link", has_text="Der Mahlkegel klemmt").first
    expect(row).to_be_visible(timeout=5000)
    row.click()
    expect(page.locator(".message.in .text")).to_have_text("Der Mahlkegel klemmt")
    expect(page).to_have_title(re.compile("Mahlkegel"))
    page.locator("[data-key=t]").click()
    expect(page.locator("#head .state")).to_have_text("Zugewiesen")
    page.fill("#text", "Bitte einmal rückwärts drehen.")
    desk.write("Noch etwas: er quietscht.", thread="a1", name="Jo Weber")
    expect(page.locator(".message.in")).to_have_count(2, timeout=5000)
    expect(page.locator("#text")).to_be_focused()
    expect(page.locator("#text")).to_have_value("Bitte einmal rückwärts drehen.")
    page.keyboard.press("Control+Enter")
    answer = page.locator(".message.out")
    expect(answer.locator(".text")).to_have_text("Bitte einmal rückwärts drehen.")
    expect(page.locator("#text")).to_have_value("")
    expect(answer.locator(".delivery-sent")).to_have_text(re.compile("Gesendet"), timeout=10000)
    page.locator("[data-key=e]").click()
    expect(page.locator("#head .state")).to_have_text("Erledigt")
    page.locator("#toasts button", has_text="Rückgängig").click()
    expect(page.locator("#head .state")).to_have_text("Zugewiesen")
    assert page.evaluate("window.stayed") is True
    sent = [m for m in desk.messages() if m["direction"] == "out"]
    assert [m["text"] for m in sent] == ["Bitte einmal rückwärts drehen."]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_it_lives_through_a_restart_of_the_server(desk: Desk, enter: Enter, how: signal.Signals) -> None:
    path = begin(desk, f"r{how}", "Vor dem Neustart")
    page = connected(enter(path=path))
    page.evaluate("window.stayed = true")
    page.fill("#text", "Ein halber Satz")
    desk.stop(how)
    expect(page.locator("#offline")).to_be_visible(timeout=8000)
    desk.start()
    desk.write("Nach dem Neustart", thread=f"r{how}", name=f"Kunde r{how}")
    expect(page.locator(".message.in", has_text="Nach dem Neustart")).to_be_visible(timeout=15000)
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#text")).to_have_value("Ein halber Satz")
    assert page.evaluate("window.stayed") is True


def test_drafts_survive_a_reload_and_go_when_one_signs_out(desk: Desk, enter: Enter) -> None:
    page = enter(path=begin(desk, "d1", "Frage"))
    page.fill("#text", "Gleich fertig")
    page.reload()
    expect(page.locator("#text")).to_have_value("Gleich fertig")
    page.locator(".topend > details.menu summary").last.click()
    page.get_by_role("button", name="Abmelden").click()
    page.wait_for_url(f"{desk.url}/**")
    assert page.evaluate("Object.keys(localStorage)") == []


def test_tabs_share_one_stream(desk: Desk, enter: Enter) -> None:
    first = connected(enter())
    tabs = [first.context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(f"{desk.url}/desk/?view=waiting")
        connected(tab)
    mine = [line for line in desk.metrics() if line.startswith("tresen_streams_open")]
    assert mine == ["tresen_streams_open 1.0"]
    desk.write("An alle Tabs", thread="s1", name="Alle")
    for tab in tabs:
        expect(tab.locator(".row-link", has_text="An alle Tabs")).to_be_visible(timeout=8000)


def test_who_is_signed_out_elsewhere_sees_the_door(desk: Desk, enter: Enter) -> None:
    page = connected(enter())
    other = page.context.new_page()
    other.goto(f"{desk.url}/account/logout/")
    other.locator(".entrance-card button").click()
    expect(page.locator("[name=password]")).to_be_visible(timeout=15000)


def test_the_keyboard_is_enough(desk: Desk, enter: Enter) -> None:
    path = begin(desk, "k1", "Tastatur")
    page = enter(path="/desk/?view=all")
    page.keyboard.press("j")
    expect(page.locator(".row-link").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}?view=all")
    page.keyboard.press("n")
    page.keyboard.type("nur für uns")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".message.note .text")).to_have_text("nur für uns")
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    expect(page.locator("#head .state")).to_have_text("Zugewiesen")
    page.keyboard.press("s")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#head .state")).to_have_text("Zurückgestellt")
    page.keyboard.press("e")
    expect(page.locator("#head .state")).to_have_text("Erledigt")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    assert not [m for m in desk.messages() if m["direction"] == "out"]


def test_files_go_out_and_come_back_as_downloads(desk: Desk, enter: Enter) -> None:
    page = enter(path=begin(desk, "f1", "Bitte die Anleitung"))
    page.set_input_files(
        "[name=files]", [{"name": "Anleitung.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 x"}]
    )
    expect(page.locator(".composer-files .name")).to_have_text("Anleitung.pdf")
    page.set_input_files("[name=files]", [])
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["bild"], "<b>drop</b>.txt", {type: "text/plain"}));
          const zone = document.querySelector(".pane-thread");
          const options = {bubbles: true, dataTransfer: data};
          for (const type of ["dragover", "drop"]) zone.dispatchEvent(new DragEvent(type, options));
        }"""
    )
    expect(page.locator(".composer-files .name")).to_have_text("<b>drop</b>.txt")
    page.fill("#text", "Anbei")
    page.keyboard.press("Control+Enter")
    link = page.locator(".message.out a.file")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_bytes() == b"bild"
    assert "/" not in download.value.suggested_filename


def test_mail_runs_nothing_and_asks_nobody_until_pictures_are_wanted(desk: Desk, enter: Enter) -> None:
    page = enter(path=f"/desk/c/{desk.facts['shown']}/")
    asked: list[str] = []
    page.context.route("**://spy.example/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.reload()
    frame = page.frame_locator("iframe.mail")
    expect(frame.locator("p")).to_have_text("Guten Tag")
    assert page.locator("iframe.mail").bounding_box()["height"] > 40
    assert frame.locator("script, form, input, iframe, link, meta[http-equiv]").count() == 0
    page.wait_for_timeout(500)
    assert asked == []
    page.locator("[data-pictures]").click()
    expect(page.locator(".mail-blocked")).to_be_hidden()
    page.wait_for_timeout(500)
    assert set(asked) == {"https://spy.example/open.gif"}
    assert page.evaluate("window.pwned") is None


def test_hostile_customers_are_only_text(desk: Desk, enter: Enter) -> None:
    page = enter("ada", "/desk/?view=all")
    asked: list[str] = []
    page.context.route("**://spy.example/**", lambda route: (asked.append(route.request.url), route.abort()))
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    expect(page.locator(f"#row-{desk.facts['hostile'][0]} .row-name")).to_have_text(HOSTILE[0])
    for row, text in zip(desk.facts["hostile"], HOSTILE, strict=True):
        page.locator(f"#row-{row}").click()
        expect(page.locator(".head-subject")).to_have_text(text)
        expect(page.locator(".person h2")).to_have_text(text)
        page.goto(f"{desk.url}/desk/c/{row}/?view=all")
        expect(page.locator(".head-subject")).to_have_text(text)
    page.goto(f"{desk.url}/desk/new/")
    page.fill("#name", "evil")
    expect(page.locator("[data-customer]")).to_have_count(len(HOSTILE))
    page.locator("[data-customer]").first.click()
    expect(page.locator(".chosen .name")).to_have_text(HOSTILE[0])
    assert page.evaluate("window.pwned") is None
    assert asked == []


def test_an_unknown_fate_is_said_and_a_retry_asks_first(desk: Desk, enter: Enter) -> None:
    page = enter(path=f"/desk/c/{desk.facts['shown']}/")
    expect(page.locator(".delivery-failed")).to_contain_text("Nicht zugestellt: 550 mailbox unavailable")
    expect(page.locator(".delivery-unknown")).to_contain_text("Ungewiss, ob es ankam")
    questions: list[str] = []
    page.on("dialog", lambda dialog: (questions.append(dialog.message), dialog.dismiss()))
    page.locator(".delivery-unknown button").click()
    assert questions == ["Sie kann schon angekommen sein. Noch einmal senden?"]
    expect(page.locator(".delivery-unknown")).to_be_visible()


def test_a_new_colleague_gets_in_by_a_link_that_works_once(desk: Desk, enter: Enter, chromium: Browser) -> None:
    page = enter("ada", "/desk/settings/staff/new/")
    page.fill("[name=name]", "Nora Neu")
    page.fill("[name=email]", "nora@bohne.test")
    page.locator(".settings-main form button").first.click()
    link = page.locator("#link").inner_text()
    page.reload()
    expect(page.locator("#link")).to_have_count(0)
    fresh = chromium.new_context(locale="de-DE").new_page()
    fresh.goto(link)
    fresh.fill("[name=password]", "zu kurz")
    fresh.locator("main button").click()
    assert fresh.url == link
    fresh.fill("[name=password]", PASSWORD)
    fresh.locator("main button").click()
    fresh.wait_for_url(f"{desk.url}/desk/")
    fresh.goto(link)
    expect(fresh.locator("h1")).to_have_text("Link benutzt oder abgelaufen")
    fresh.context.close()


def test_a_channel_is_set_up_and_its_secret_shown_once(desk: Desk, enter: Enter) -> None:
    page = enter("ada", "/desk/settings/channels/new/api/")
    page.fill("[name=name]", "Zweiter Laden")
    page.locator(".settings-main form button").first.click()
    expect(page.locator(".secret-box code")).to_have_count(2)
    page.locator("#checks button").click()
    expect(page.locator("#checks li")).to_be_visible(timeout=15000)
    page.reload()
    expect(page.locator(".secret-box")).to_have_count(0)


def test_the_stream_is_parsed_whatever_the_chunks(desk: Desk, enter: Enter) -> None:
    found = enter().evaluate(
        """async () => {
          const here = document.querySelector('script[src*="/desk/"]').src;
          const { parser } = await import(new URL("sse.js", here).href);
          const text = "retry: 9\\n\\n: hi\\n\\nid: 1-2\\nevent: a\\ndata: {\\"x\\":\\ndata: 1}\\n\\n" +
            "id: 1-3\\n\\ndata:zwei\\r\\n\\r\\n";
          const all = [];
          for (let cut = 0; cut <= text.length; cut++) {
            const seen = [];
            const feed = parser((event) => seen.push(event));
            feed(text.slice(0, cut));
            feed(text.slice(cut));
            all.push(JSON.stringify(seen));
          }
          return [...new Set(all)].map((seen) => JSON.parse(seen));
        }"""
    )
    assert found == [
        [
            {"id": "1-2", "event": "a", "data": '{"x":\n1}'},
            {"id": "1-3", "event": "message", "data": ""},
            {"id": "", "event": "message", "data": "zwei"},
        ]
    ]
