"""A customer on a web site of another origin and an agent at the desk: one conversation, and a power cut in its middle.

Neither page is ever reloaded; in the end everybody has every message once, in the same order.
"""

# ruff: noqa: F811 - fixtures are imported, then asked for by name

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from counterparts.chatfixtures import chromium, shop, tresen  # noqa: F401 - fixtures
from counterparts.chatpages import opened, picture, say, script
from counterparts.chatsite import PASSWORD, Shop, Tresen

BACK = 40_000  # ms: until a page has noticed that the server is there again
ASSIGNED, RESOLVED = "Zugewiesen", "Erledigt"


@pytest.fixture
def customer(tresen: Tresen, shop: Shop, chromium: Browser) -> Iterator[Page]:
    """On the shop's page, with the chat open."""
    context = chromium.new_context(locale="de-DE", accept_downloads=True)
    page = context.new_page()
    page.goto(shop.put("/", f"<h1>Shop</h1>{script(tresen)}"))
    page.evaluate("window.stayed = true")
    yield opened(page)
    context.close()


@pytest.fixture
def agent(tresen: Tresen, chromium: Browser) -> Iterator[Page]:
    """Mara at her own list, connected."""
    context = chromium.new_context(locale="de-DE", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{tresen.url}/account/login/?next=/desk/")
    page.fill("[name=login]", "mara@bohne.test")
    page.fill("[name=password]", PASSWORD)
    page.locator("form[action$='login/'] button").click()
    expect(page.locator("body[data-live=open]")).to_be_attached()
    page.evaluate("window.stayed = true")
    yield page
    context.close()


def answer(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.keyboard.press("Control+Enter")


def texts(page: Page, which: str) -> list[str]:
    """What a side sees of the conversation, in order."""
    return [text.strip() for text in page.locator(which).all_inner_texts()]


def begin(customer: Page, agent: Page) -> None:
    """The first word reaches the agent's list; it is read, and both see the other typing."""
    say(customer, "Meine Maschine tropft.")
    expect(customer.locator(".own")).to_have_attribute("data-state", "stored")
    row = agent.locator(".row-link", has_text="Meine Maschine tropft.")
    expect(row).to_be_visible()
    row.click()
    expect(agent.locator(".message.in .text")).to_have_text("Meine Maschine tropft.")
    expect(agent.locator("#head .state")).to_have_text(ASSIGNED)
    expect(customer.locator(".state")).to_have_text("Mara Lindt kümmert sich darum")
    expect(customer.locator(".own .word")).to_have_text("Gelesen")

    customer.locator("#text").press_sequentially("Und")
    expect(agent.locator("#typing")).to_be_visible()
    customer.locator("#text").fill("")
    agent.locator("#text").press_sequentially("Seit")
    expect(customer.locator(".typing")).to_contain_text("Mara Lindt schreibt")


def answer_with_files(customer: Page, agent: Page) -> None:
    """A picture and a text go along; the agent sees that they were read."""
    files = [
        {"name": "Dichtung.png", "mimeType": "image/png", "buffer": picture()},
        {"name": "Anleitung.txt", "mimeType": "text/plain", "buffer": b"drehen"},
    ]
    agent.set_input_files("[name=files]", files)
    answer(agent, "Seit wann? Sehen Sie bitte nach der Dichtung.")
    expect(customer.locator(".theirs .bubble", has_text="Dichtung")).to_be_visible()
    expect(customer.locator(".theirs .file canvas")).to_be_visible()
    with customer.expect_download() as download:
        customer.locator("button.file", has_text="Anleitung.txt").click()
    assert Path(download.value.path()).read_bytes() == b"drehen"
    expect(agent.locator(".message.out .delivery-read")).to_be_visible()


def survive_a_power_cut(tresen: Tresen, customer: Page, agent: Page) -> None:
    """What is written meanwhile arrives afterwards, and the conversation goes on."""
    tresen.stop(signal.SIGKILL)
    expect(agent.locator("#offline")).to_be_visible(timeout=BACK)
    say(customer, "Seit gestern.")
    expect(customer.locator(".own", has_text="Seit gestern.")).to_have_attribute("data-state", "sending")
    tresen.start()

    expect(agent.locator(".message.in", has_text="Seit gestern.")).to_be_visible(timeout=BACK)
    expect(agent.locator("#offline")).to_be_hidden(timeout=BACK)
    expect(customer.locator(".own .word").last).to_have_text("Gelesen", timeout=BACK)
    answer(agent, "Dann schicken wir eine neue.")
    expect(customer.locator(".theirs .bubble", has_text="schicken wir eine neue")).to_be_visible(timeout=BACK)
    expect(agent.locator(".message.out .delivery-read")).to_have_count(2, timeout=BACK)


def end_and_begin_again(customer: Page, agent: Page) -> None:
    """Resolved by the agent, reopened by the customer's next word."""
    agent.locator("[data-key=e]").click()
    expect(agent.locator("#head .state")).to_have_text(RESOLVED)
    say(customer, "Danke! Was kostet das?")
    expect(agent.locator(".message.in", has_text="Was kostet das?")).to_be_visible()
    expect(agent.locator("#head .state")).to_have_text(re.compile(f"{ASSIGNED}|Wartend"))


def test_a_chat_from_both_sides_through_a_power_cut(tresen: Tresen, customer: Page, agent: Page) -> None:
    begin(customer, agent)
    answer_with_files(customer, agent)
    survive_a_power_cut(tresen, customer, agent)
    end_and_begin_again(customer, agent)
    said = [
        "Meine Maschine tropft.", "Seit wann? Sehen Sie bitte nach der Dichtung.", "Seit gestern.",
        "Dann schicken wir eine neue.", "Danke! Was kostet das?",
    ]  # fmt: skip
    assert [m["text"] for m in tresen.messages()] == said
    assert texts(agent, ".message .text") == said
    assert texts(customer, ".log .message .text")[1:] == said  # behind the greeting
    assert len(tresen.api("GET", "conversations")["items"]) == 1
    for page in (customer, agent):
        assert page.evaluate("window.stayed") is True
