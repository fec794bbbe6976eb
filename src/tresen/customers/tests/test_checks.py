"""Checks of what back offices and people hand in."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tresen.customers.engine import checks
from tresen.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("check", "value", "expected"),
    [
        (checks.day, "2026-12-31", date(2026, 12, 31)),
        (checks.day, date(2026, 1, 2), date(2026, 1, 2)),
        (checks.day, "", None),
        (checks.day, None, None),
        (checks.amount, "1234.50", Decimal("1234.50")),
        (checks.amount, 12, Decimal("12.00")),
        (checks.amount, 0.1, Decimal("0.10")),
        (checks.amount, Decimal("-3.400"), Decimal("-3.40")),
        (checks.amount, "1e3", Decimal("1000.00")),
        (checks.amount, "", None),
        (checks.currency, "eur", "EUR"),
        (checks.currency, "", ""),
        (checks.link, " https://crm.example.org/c/1?x=2#y ", "https://crm.example.org/c/1?x=2#y"),
        (checks.link, "HTTP://example.org", "HTTP://example.org"),
        (checks.link, "", ""),
        (checks.data, {"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
        (checks.data, {"path": "\\u0000"}, {"path": "\\u0000"}),
        (checks.slug, " Contract ", "contract"),
    ],
)
def test_good(check: Any, value: object, expected: object) -> None:
    found = check(value, "it")
    assert found == expected
    assert str(found) == str(expected)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (checks.day, "31.12.2026"),
        (checks.day, "2026-02-30"),
        (checks.day, "1066-10-14"),
        (checks.day, 20261231),
        (checks.amount, "1,5"),
        (checks.amount, "NaN"),
        (checks.amount, "Infinity"),
        (checks.amount, "1_000"),
        (checks.amount, "1.005"),
        (checks.amount, "1e400000"),
        (checks.amount, "1000000000000"),
        (checks.amount, True),
        (checks.amount, "٣"),
        (checks.currency, "EURO"),
        (checks.currency, "€"),
        (checks.link, "javascript:alert(1)"),
        (checks.link, "data:text/html,x"),
        (checks.link, "//example.org"),
        (checks.link, "https://"),
        (checks.link, "https://user:secret@example.org/"),
        (checks.link, "https://example.org\\@evil.example"),
        (checks.link, "https://example.org:x/"),
        (checks.link, "https://exa mple.org"),
        (checks.link, "https://[::1"),
        (checks.link, "https://example.org/" + "a" * 500),
        (checks.data, []),
        (checks.data, {1: 2}),
        (checks.data, {"a": "b\x00"}),
        (checks.data, {"a": "\\\x00"}),
        (checks.data, {"a": object()}),
        (checks.data, {"a": "x" * 20_000}),
        (checks.slug, "Ähre"),
        (checks.slug, ""),
        (checks.slug, "a" * 41),
    ],
)
def test_bad(check: Any, value: object) -> None:
    with pytest.raises(Invalid) as raised:
        check(value, "it")
    assert raised.value.field == "it"
    assert raised.value.message


def test_texts() -> None:
    assert checks.line(" Anna \t Berg\u200b\n", "name", 20) == "Anna Berg"
    assert checks.line("=1+1", "name", 20) == "=1+1"
    assert checks.block("a  b\r\n\n c\x00 ", "about", 20) == "a b\n\nc"
    with pytest.raises(Invalid):
        checks.line("abc", "name", 2)
    with pytest.raises(Invalid):
        checks.line(5, "name", 20)
    with pytest.raises(Invalid):
        checks.line(" ", "name", 20, required=True)


@pytest.mark.parametrize(
    ("tag", "language"), [("de", "de"), ("de-AT", "de"), ("EN_us", "en"), ("", ""), ("deutsch", ""), ("d", "")]
)
def test_language(tag: str, language: str) -> None:
    assert checks.language(tag) == language


@pytest.mark.parametrize(
    ("type_", "value", "kept"),
    [
        ("text", " a ", "a"),
        ("text", "", None),
        ("number", "12.5", "12.50"),
        ("date", "2026-01-02", "2026-01-02"),
        ("bool", False, False),
        ("bool", None, None),
        ("url", "https://example.org", "https://example.org"),
    ],
)
def test_custom(type_: str, value: object, kept: object) -> None:
    assert checks.custom(value, "fields.x", type_) == kept


@pytest.mark.parametrize(
    ("type_", "value"), [("bool", "yes"), ("number", "x"), ("date", "x"), ("url", "x"), ("text", 5)]
)
def test_custom_of_the_wrong_type(type_: str, value: object) -> None:
    with pytest.raises(Invalid) as raised:
        checks.custom(value, "fields.x", type_)
    assert raised.value.field == "fields.x"
