"""A browser on the desk: signing in, waiting for the stream, and what axe finds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from counterparts.chatsite import PASSWORD
from counterparts.desksite import Desk

AXE = (Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js").read_text()
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# What the desk's own policy refused is logged by the browser; it is the proof, not a fault.
EXPECTED = re.compile(
    r"spy\.example|ERR_CONNECTION_|ERR_EMPTY_RESPONSE|ERR_SOCKET_|ERR_NETWORK|ERR_INCOMPLETE|"
    r"status of 4|status of 503|htmx:|Service Worker"
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    server = Desk(tmp_path_factory.mktemp("desk"))
    server.set_up()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield started
        started.close()


Enter = Callable[..., Page]


@pytest.fixture
def enter(desk: Desk, chromium: Browser) -> Iterator[Enter]:
    """Signs somebody in and opens a page. Whatever goes wrong inside the page fails the test."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def make(who: str = "mira", path: str = "/desk/", **options: object) -> Page:
        settings = {"locale": "de-DE", "viewport": DESKTOP, **options}
        context = chromium.new_context(**settings)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "console",
            lambda m: m.type == "error" and not EXPECTED.search(m.text + m.location["url"]) and faults.append(m.text),
        )
        page.goto(f"{desk.url}/account/login/?next={path}")
        page.fill("[name=login]", f"{who}@bohne.test")
        page.fill("[name=password]", PASSWORD)
        page.locator("form[action$='login/'] button").click()
        page.wait_for_url(f"{desk.url}{path}")
        return page

    yield make
    for context in contexts:
        context.close()
    assert not faults, faults


def connected(page: Page) -> Page:
    """Waits until the stream is open: `offline` says so only after a pause, the worker at once."""
    expect(page.locator("body[data-live=open]")).to_be_attached()
    return page


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA. Injected by the test, so outside the page's policy."""
    page.evaluate(AXE)
    found = page.evaluate(
        """async () => {
          const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
          return (await axe.run(document, {runOnly})).violations;
        }"""
    )
    return [f"{v['id']}: {n['target']} {n.get('failureSummary', '')[:160]}" for v in found for n in v["nodes"]]
