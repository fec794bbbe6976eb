"""Every screen of the desk, in light and dark, wide and on a phone: WCAG 2.2 AA as far as axe can tell."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from counterparts.deskpages import (  # noqa: F401 - fixtures
    DESKTOP,
    PHONE,
    Enter,
    chromium,
    desk,
    enter,
    violations,
)
from counterparts.desksite import Desk

# ruff: noqa: F811 - fixtures are imported, then asked for by name

SCREENS = {
    "list": "/desk/?view=all",
    "conversation": "/desk/c/{shown}/",
    "hostile": "/desk/c/{first_hostile}/",
    "new": "/desk/new/",
    "attention": "/desk/attention/",
    "profile": "/desk/profile/",
    "channels": "/desk/settings/channels/",
    "channel": "/desk/settings/channels/{chat_id}/",
    "mail set-up": "/desk/settings/channels/new/email/",
    "queues": "/desk/settings/queues/",
    "queue": "/desk/settings/queues/{queue}/",
    "staff": "/desk/settings/staff/",
    "person": "/desk/settings/staff/{agent}/",
    "teams": "/desk/settings/teams/",
    "team": "/desk/settings/teams/{team}/",
    "fields": "/desk/settings/fields/",
    "tokens": "/desk/settings/tokens/",
    "company": "/desk/settings/company/",
}
ENTRANCE = ("/account/login/", "/account/password/reset/", "/account/password/reset/done/", "/desk/start/none")


@pytest.mark.parametrize(("theme", "viewport"), [("light", DESKTOP), ("dark", PHONE)], ids=["light", "dark phone"])
def test_every_screen_is_accessible(desk: Desk, enter: Enter, theme: str, viewport: dict[str, int]) -> None:
    page = enter("ada", viewport=viewport, color_scheme=theme, reduced_motion="reduce")
    facts = {**desk.facts, "first_hostile": desk.facts["hostile"][1]}
    found = {}
    for name, path in SCREENS.items():
        page.goto(desk.url + path.format(**facts))
        page.wait_for_timeout(150)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        found[name] = violations(page) + ([f"{wide} px too wide"] if wide > 0 else [])
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_entrance_is_accessible(desk: Desk, chromium: Browser, theme: str) -> None:
    context = chromium.new_context(color_scheme=theme, viewport=PHONE, locale="en-GB")  # type: ignore[arg-type]
    page = context.new_page()
    found = {}
    for path in ENTRANCE:
        page.goto(desk.url + path)
        found[path] = violations(page)
    context.close()
    assert {path: what for path, what in found.items() if what} == {}
