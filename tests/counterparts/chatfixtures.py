"""A running Tresen, a shop on another origin, and Chromium (Debian's) to visit it: a pytest plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from counterparts.chatpages import script
from counterparts.chatsite import Shop, Tresen

expect.set_options(timeout=15_000)  # tests share the machine with others
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


@pytest.fixture(scope="module")
def tresen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tresen]:
    server = Tresen(tmp_path_factory.mktemp("tresen"))
    server.set_up()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(tresen: Tresen, shop: Shop, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`visit(context=None, path="/", **options)` opens a page of the shop with the chat, in a browser of its own."""
    contexts: list[BrowserContext] = []

    def go(context: BrowserContext | None = None, *, url: str = "", **options: Any) -> Page:
        if context is None:
            context = chromium.new_context(**{"locale": "de-DE", "viewport": {"width": 1000, "height": 760}, **options})
            contexts.append(context)
        page = context.new_page()
        page.goto(url or shop.put("/", f"<h1>Shop</h1><a href=#a>Link</a>{script(tresen)}"))
        return page

    yield go
    for context in contexts:
        context.close()
