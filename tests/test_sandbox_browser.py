"""The stories of the contract number and of the newcomer, played by a customer and an agent in two browsers."""

# ruff: noqa: F811 - fixtures are imported, then asked for by name

from __future__ import annotations

import re
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from counterparts.deskpages import PHONE, chromium, violations  # noqa: F401 - fixtures
from counterparts.sandboxsite import Demo, make

AGENT = "jana.petersen@bohne-brand.example"
SECOND = 1000


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    server = make(tmp_path_factory.mktemp("demo"))
    server.start()
    yield server
    server.stop()


Open = Callable[..., Page]


@pytest.fixture
def visit(demo: Demo, chromium: Browser) -> Iterator[Open]:
    """Opens a page of the sandbox in a browser of its own. Whatever goes wrong inside the page fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def go(path: str = "/sandbox/", **options: Any) -> Page:
        given = {"locale": "de-DE", "viewport": {"width": 1300, "height": 900}, **options}
        context = chromium.new_context(**given)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: faults.append(m.text + m.location["url"]) if m.type == "error" else None)
        page.goto(demo.url + path)
        return page

    yield go
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def agent(demo: Demo, visit: Open) -> Page:
    """Jana at her desk, online."""
    page = visit("/desk/")
    page.fill("[name=login]", AGENT)
    page.fill("[name=password]", demo.password(AGENT))
    page.locator("form[action$='login/'] button").click()
    page.wait_for_url(re.compile(r"/desk/"))
    page.locator("#presence summary").click()
    page.locator("#presence button[value=online]").click()
    expect(page.locator("#presence .presence-online").first).to_be_visible()
    return page


def choose(page: Page, role: str) -> str:
    """Becomes the customer whose card says so; returns the name."""
    card = page.locator(".card", has_text=role)
    name = card.locator("h3").inner_text()
    card.locator("h3 a").click()
    expect(page.locator("#whose")).to_have_text(name)
    return name


def send_idea(page: Page, idea: str) -> str:
    """Sends a suggested mail as it is; returns its subject."""
    page.locator(".ideas article", has_text=idea).locator("a").click()
    subject = page.locator("[name=subject]").input_value()
    page.locator(".letter button").click()
    expect(page.locator(".notice")).to_be_visible()
    return subject


def take_up(agent: Page, text: str) -> None:
    """Opens the conversation that has just arrived at the agent's own list."""
    row = agent.locator(".row-link", has_text=text).first
    expect(row).to_be_visible(timeout=15 * SECOND)
    row.click()
    expect(agent.locator("#head")).to_be_visible()


def answer(agent: Page, text: str) -> None:
    agent.fill("#text", text)
    agent.keyboard.press("Control+Enter")
    expect(agent.locator(".message.out .text", has_text=text)).to_be_visible(timeout=10 * SECOND)


def newest(customer: Page) -> None:
    """The answer is in the inbox without reloading; opens it."""
    unseen = customer.locator(".mails .unseen a").first
    expect(unseen).to_be_visible(timeout=20 * SECOND)
    unseen.click()


def chat(page: Page, text: str) -> None:
    if page.locator(".panel").is_hidden():
        page.locator(".launch").click()
    page.locator("#text").fill(text)
    page.locator(".send").click()
    expect(page.locator(".own", has_text=text).last).to_have_attribute("data-state", re.compile("stored|read"))


def test_the_contract_number(visit: Open, agent: Page) -> None:
    """The sender is recognised, the contract stands beside the mail, and the answer comes back."""
    customer = visit()
    name = choose(customer, "Wartungsvertrag")
    subject = send_idea(customer, "Vertragsnummer")
    number = re.search(r"WV-\d{4}-\d+", subject)
    assert number is not None

    take_up(agent, number[0])
    panel = agent.locator("#customer")
    expect(panel.locator("h2")).to_have_text(name)
    expect(panel.locator(".record.found")).to_have_count(1)
    expect(panel.locator(".record.found .record-number")).to_have_text(number[0])
    expect(panel.locator(".record.found .facts")).to_be_visible()
    expect(panel.locator(".history li a").first).to_be_visible()
    assert panel.locator(".warning").count() == 0, "the sender is known for certain"

    answer(agent, "Am Donnerstag um zehn kommt jemand vorbei.")
    expect(agent.locator(".message.out .delivery-sent")).to_be_visible(timeout=15 * SECOND)
    newest(customer)
    expect(customer.locator(".mail h2")).to_contain_text(subject)
    body = customer.frame_locator("iframe.body").locator("body") if customer.locator("iframe.body").count() else None
    shown = body or customer.locator(".mail div.body")
    expect(shown).to_contain_text("Am Donnerstag um zehn")

    customer.locator(".mail .button").click()
    quoted = customer.locator("[name=text]").input_value()
    assert "> Am Donnerstag um zehn kommt jemand vorbei." in quoted
    customer.fill("[name=text]", f"Passt gut, vielen Dank!{quoted}")
    customer.set_input_files("[type=file]", {"name": "zähler.txt", "mimeType": "text/plain", "buffer": b"1512 Tassen"})
    customer.locator(".letter button").click()
    expect(agent.locator(".message.in")).to_have_count(2, timeout=15 * SECOND)
    last = agent.locator(".message.in").last
    expect(last.locator(".text").first).to_have_text("Passt gut, vielen Dank!")
    expect(last.locator(".file .name")).to_have_text("zähler.txt")
    expect(agent.locator(".message.out")).to_have_count(1)


def test_somebody_elses_contract_number_opens_nothing(visit: Open, agent: Page) -> None:
    customer = visit()
    customer.fill("#id_name", "Rita Unbekannt")
    customer.locator(".card form button").click()
    send_idea(customer, "jemand anderem")
    take_up(agent, "Rita Unbekannt")
    expect(agent.locator("#customer h2")).to_have_text("Rita Unbekannt")
    expect(agent.locator("#customer .record")).to_have_count(0)
    expect(agent.locator("#customer .history a")).to_have_count(0)


def test_the_newcomer(visit: Open, agent: Page) -> None:
    """From the first page on, a mail and a chat are answered within a minute."""
    begun = time.monotonic()
    customer = visit()
    name = choose(customer, "Kaffeemaschine")
    subject = send_idea(customer, "Maschine")
    take_up(agent, subject)
    expect(agent.locator("#customer .record.found")).to_have_count(1)
    answer(agent, "Bitte drücken Sie drei Sekunden lang die Taste mit dem Tropfen.")
    expect(customer.locator(".mails .unseen")).to_have_count(1, timeout=20 * SECOND)
    mailed = time.monotonic() - begun

    customer.locator(".ideas form button").click()
    expect(customer.locator(".stage strong")).to_have_text(name)
    question = f"Geht das auch ohne Entkalker? {int(begun)}"
    chat(customer, question)
    take_up(agent, question)
    expect(agent.locator("#customer h2")).to_have_text(name)
    expect(agent.locator("#customer .history a", has_text=subject)).to_be_visible()
    answer(agent, "Leider nein, aber er liegt Ihrer nächsten Lieferung bei.")
    bubble = customer.locator(".theirs .bubble", has_text="nächsten Lieferung")
    expect(bubble).to_be_visible(timeout=15 * SECOND)
    expect(agent.locator(".message.out .delivery-read")).to_be_visible(timeout=15 * SECOND)
    took = time.monotonic() - begun
    print(f"mail answered after {mailed:.1f} s, chat after {took:.1f} s")
    assert took < 60


def test_a_chat_after_log_out_is_a_strangers(visit: Open, agent: Page) -> None:
    customer = visit("/sandbox/shop/")
    name = customer.locator("#person option").first.inner_text()
    customer.locator(".stage button").click()
    expect(customer.locator(".stage strong")).to_have_text(name)
    chat(customer, "Ich bin angemeldet.")
    customer.locator(".stage button").click()
    expect(customer.locator("#person")).to_be_visible()
    customer.locator(".launch").click()
    expect(customer.locator(".panel")).to_be_visible()
    expect(customer.locator(".own")).to_have_count(0)
    chat(customer, "Und jetzt nicht mehr.")
    take_up(agent, "Und jetzt nicht mehr.")
    expect(agent.locator("#customer h2")).not_to_have_text(name)
    expect(agent.locator("#customer .record")).to_have_count(0)


def test_a_mail_to_nobody_comes_back_and_is_seen(visit: Open, agent: Page) -> None:
    agent.goto(agent.url.split("/desk/")[0] + "/desk/new/")
    agent.fill("#name", "Niemand Nirgends")
    agent.fill("#address", "niemand@freipost.example")
    agent.fill("#subject", "Ihre Anfrage")
    agent.fill("#text", "Guten Tag, wir haben etwas für Sie.")
    agent.locator("button[data-primary][data-mode-only=write]").click()
    failed = agent.locator(".message.out .delivery-failed")
    expect(failed).to_be_visible(timeout=20 * SECOND)
    expect(failed).to_contain_text("5.1.1")
    expect(failed.locator("button")).to_be_visible()


@pytest.mark.parametrize("look", [{}, {"color_scheme": "dark"}, {"viewport": PHONE, "locale": "en-GB"}])
def test_every_screen_is_accessible(visit: Open, look: dict[str, Any]) -> None:
    page = visit(**look)
    assert violations(page) == []
    home = page.url
    page.locator(".card h3 a").first.click()
    assert violations(page) == []
    page.locator(".mails a").first.click()
    expect(page.locator(".mail")).to_be_visible()
    assert violations(page) == []
    page.locator(".mail .button").click()
    assert violations(page) == []
    page.goto(page.url.split("write/")[0] + "?folder=sent")
    assert violations(page) == []
    page.goto(f"{home}shop/")
    expect(page.locator(".launch")).to_be_visible()
    assert violations(page) == []
    page.locator(".stage button").click()
    assert violations(page) == []
    page.goto(f"{home}shop/contact/")
    expect(page.locator("input[type=email]")).to_be_visible()
    assert violations(page) == []


def test_a_phone_needs_no_sideways_scrolling(visit: Open) -> None:
    page = visit(viewport={"width": 360, "height": 700})
    paths = ["/sandbox/", "/sandbox/shop/", "/sandbox/shop/contact/"]
    page.locator(".card h3 a").first.click()
    base = page.url.partition("/sandbox/")[0]
    inbox = page.url.removeprefix(base)
    for path in [*paths, inbox, f"{inbox}write/"]:
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "198.51.100.7"}, {"Host": "evil.example"}, {"Forwarded": "for=198.51.100.7"}],
)
def test_from_elsewhere_there_is_nothing(demo: Demo, headers: dict[str, str]) -> None:
    for path in ("/sandbox/", "/sandbox/shop/", "/sandbox/shop/identity/", "/sandbox/as/2/"):
        assert httpx.get(demo.url + path, headers=headers).status_code == 404, path
    assert httpx.get(f"{demo.url}/sandbox/").status_code == 200


def test_the_second_start_is_quick_and_changes_nothing(demo: Demo) -> None:
    before = demo.said
    secrets = demo.data / "secrets" / "demo.json"
    kept = secrets.read_bytes()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    demo.stop()
    took = demo.start()
    print(f"second start: {took:.1f} s")
    assert secrets.read_bytes() == kept
    said = [line for line in demo.said.splitlines() if "@bohne-brand.example" in line]
    assert len(said) == 3 and said == [line for line in before.splitlines() if "@bohne-brand.example" in line]
    assert AGENT in said[0] and demo.password(AGENT) in said[0]
