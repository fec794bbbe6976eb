"""The demo's staff log in on the demo's own machine only."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory

from tresen.accounts.actions import create_user
from tresen.accounts.demo import DEMO, is_demo_address, is_local
from tresen.accounts.principal import system
from tresen.kernel import settings

PASSWORD = "Zimt-und-Zucker-7"
LOCAL = {"REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost:8000"}
ELSEWHERE = {"REMOTE_ADDR": "198.51.100.7", "HTTP_HOST": "desk.firma.test"}


@pytest.mark.parametrize(
    ("meta", "local"),
    [
        (LOCAL, True),
        ({"REMOTE_ADDR": "127.8.0.1", "HTTP_HOST": "127.0.0.1"}, True),
        ({"REMOTE_ADDR": "::1", "HTTP_HOST": "[::1]:8000"}, True),
        ({"REMOTE_ADDR": "::ffff:127.0.0.1", "HTTP_HOST": "localhost"}, True),
        (ELSEWHERE, False),
        ({**LOCAL, "REMOTE_ADDR": "192.168.1.5"}, False),
        ({**LOCAL, "REMOTE_ADDR": ""}, False),
        ({**LOCAL, "HTTP_HOST": "evil.example"}, False),
        ({**LOCAL, "HTTP_HOST": "localhost.evil.example"}, False),
        ({**LOCAL, "HTTP_HOST": ""}, False),
        ({**LOCAL, "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, False),
        ({**LOCAL, "HTTP_FORWARDED": "for=127.0.0.1"}, False),
        ({**LOCAL, "HTTP_X_REAL_IP": "127.0.0.1"}, False),
    ],
)
def test_what_counts_as_local(meta: dict[str, str], local: bool) -> None:
    assert is_local(RequestFactory().get("/", **meta)) is local


@pytest.mark.parametrize(
    ("address", "demo"),
    [
        ("jana@bohne-brand.example", True),
        ("Jana@EXAMPLE", True),
        ("jana@firma.test", False),
        ("jana@notexample", False),
        ("jana@example.com", False),
        ("", False),
    ],
)
def test_demo_addresses(address: str, demo: bool) -> None:
    assert is_demo_address(address) is demo


def log_in(address: str, meta: dict[str, str]) -> bool:
    client = Client()
    client.post("/account/login/", {"login": address, "password": PASSWORD}, **meta)
    return "_auth_user_id" in client.session


@pytest.fixture
def staff(db: None) -> None:
    for address in ("jana@bohne-brand.example", "ada@firma.test"):
        create_user(system(), email=address, name="Somebody", role="administrator", password=PASSWORD)


@pytest.mark.usefixtures("staff")
def test_demo_staff_log_in_here_and_nowhere_else() -> None:
    settings.put(DEMO, True)
    assert log_in("jana@bohne-brand.example", LOCAL)
    assert not log_in("jana@bohne-brand.example", ELSEWHERE)
    assert not log_in("JANA@Bohne-Brand.example", ELSEWHERE)
    assert not log_in("jana@bohne-brand.example", {**LOCAL, "HTTP_X_FORWARDED_FOR": "198.51.100.7"})
    assert log_in("ada@firma.test", ELSEWHERE), "real staff of the same installation are not meant"


@pytest.mark.usefixtures("staff")
def test_without_the_demo_everybody_logs_in_from_everywhere() -> None:
    assert log_in("jana@bohne-brand.example", ELSEWHERE)
