"""A browser on the shop's pages, and what tests of chat and form do there again and again."""

from __future__ import annotations

import re
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from counterparts.chatsite import Tresen

AXE = (Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js").read_text()


def picture(width: int = 64, height: int = 48) -> bytes:
    """A small red PNG."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + b"\xc0\x10\x20" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def script(tresen: Tresen, which: str = "chat", attributes: str = "") -> str:
    return f'<script src="{tresen.url}/widget/{tresen.facts[which]}.js" async {attributes}></script>'


def opened(page: Page) -> Page:
    page.locator(".launch").click()
    expect(page.locator(".panel")).to_be_visible()
    expect(page.locator(".state")).not_to_have_text(re.compile("Wird verbunden|Connecting"))
    return page


def say(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.locator(".send").click()


def sent(page: Page, text: str) -> None:
    say(page, text)
    expect(page.locator(".own", has_text=text).last).to_have_attribute("data-state", re.compile("stored|read"))


def accessible(page: Page) -> None:
    """No finding of axe in the widget, best practices included. How the page around it is built is not ours."""
    page.evaluate(AXE)
    rules = {name: {"enabled": False} for name in ("region", "page-has-heading-one", "landmark-one-main")}
    found = page.evaluate("rules => axe.run(document, {rules, resultTypes: ['violations']})", rules)["violations"]
    assert [(v["id"], [(n["html"], n["failureSummary"]) for n in v["nodes"]]) for v in found] == []


def stored(page: Page) -> Any:
    return page.evaluate(
        """async () => [{...localStorage}, {...sessionStorage}, document.cookie,
        (await indexedDB.databases()).map((d) => d.name)]"""
    )


def wait_for(true: Callable[[], bool], seconds: float = 10) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "did not come true"
        time.sleep(0.1)
