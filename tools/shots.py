"""Pictures every screen of the demo into `shots/`: desktop and phone, light and dark, German and English.

`make shots`. Starts the demo on a free port with a data directory of its own (kept in `build/` between runs), looks at
it with Debian's Chromium, and ends it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "build" / "shots-data"
TARGET = ROOT / "shots"
START_SECONDS = 240
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
PAGES = {
    "list": "/desk/?view=waiting",
    "new": "/desk/new/",
    "attention": "/desk/attention/",
    "profile": "/desk/profile/",
    "channels": "/desk/settings/channels/",
    "channel-new": "/desk/settings/channels/new/email/",
    "queues": "/desk/settings/queues/",
    "staff": "/desk/settings/staff/",
    "teams": "/desk/settings/teams/",
    "fields": "/desk/settings/fields/",
    "tokens": "/desk/settings/tokens/",
    "company": "/desk/settings/company/",
    "sandbox": "/sandbox/",
}
CONVERSATIONS = 3  # pictured per look: the newest ones


@dataclass(frozen=True)
class Look:
    """One way to look at the screens."""

    name: str
    width: int
    height: int
    scheme: str
    language: str


LOOKS = (
    Look("desktop-light-de", 1440, 900, "light", "de"),
    Look("desktop-dark-en", 1440, 900, "dark", "en"),
    Look("phone-light-en", 390, 844, "light", "en"),
    Look("phone-dark-de", 390, 844, "dark", "de"),
)


@contextmanager
def demo() -> Iterator[str]:
    """The running demo; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    DATA.mkdir(parents=True, exist_ok=True)
    tresen = str(Path(sys.executable).with_name("tresen"))
    command = [tresen, "run", "--demo", "--data", str(DATA), "--port", str(port)]
    with (DATA / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://localhost:{port}"
    try:
        _wait(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        try:
            if httpx.get(f"{url}/healthz", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    sys.exit((DATA / "server.log").read_text(errors="replace")[-3000:])


def administrator() -> tuple[str, str]:
    """Address and password of the demo's administrator, as the demo wrote them down."""
    log = (DATA / "server.log").read_text().partition("dministrator:")[2]
    found = re.search(r"[\w.]+@[\w.-]+", log)
    assert found, "the demo names no administrator"
    passwords: dict[str, str] = json.loads((DATA / "secrets" / "demo.json").read_text())
    return found.group(), passwords[found.group()]


def enter(browser: Browser, url: str, look: Look, who: tuple[str, str]) -> Page:
    """A signed-in page of that look."""
    context = browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme="dark" if look.scheme == "dark" else "light",
        locale=look.language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{url}/account/login/")
    page.screenshot(path=TARGET / look.name / "login.png")
    page.fill("[name=login]", who[0])
    page.fill("[name=password]", who[1])
    page.locator("form[action$='login/'] button").click()
    page.wait_for_url("**/desk/**")
    return page


def picture(page: Page, look: Look, name: str, url: str) -> None:
    """One screen, once it is quiet."""
    page.goto(url)
    page.wait_for_timeout(700)
    page.screenshot(path=TARGET / look.name / f"{name}.png")


def look_at_everything(browser: Browser, url: str, look: Look, who: tuple[str, str]) -> int:
    """All screens in one look; returns how many."""
    (TARGET / look.name).mkdir(parents=True)
    page = enter(browser, url, look, who)
    for name, path in PAGES.items():
        picture(page, look, name, url + path)
    page.goto(f"{url}/desk/?view=all")
    rows = page.locator(".row-link").evaluate_all("rows => rows.map((row) => row.href)")[:CONVERSATIONS]
    for number, row in enumerate(rows, 1):
        picture(page, look, f"conversation-{number}", row)
    page.context.close()
    return len(PAGES) + len(rows) + 1


def main() -> None:
    """Everything in every look."""
    shutil.rmtree(TARGET, ignore_errors=True)
    os.environ.pop("TRESEN_DATA", None)
    with demo() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        who = administrator()
        for look in LOOKS:
            print(f"{look.name}: {look_at_everything(browser, url, look, who)} pictures", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
