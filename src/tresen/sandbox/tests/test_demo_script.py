"""The text format of the demo's dialogues."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.sandbox.demo.script import Line, fill, parse
from tresen.sandbox.demo.voice import day_text, money_text
from tresen.sandbox.demo.world import TurnKind

SCENE = """\
=== lost-spoon
start: mail chat
queue: service
tags: spoon, lost and found
open: yes
subject: Spoon | {q=Silver|Gold} spoon
--- customer
Where is the spoon of {q=silver|gold} for $order?
--- agent chat +20m
It is {q=bright|heavy}.
--- note files=list
Found.
"""


def test_a_scene_is_read() -> None:
    (scene,) = parse(SCENE, "en")
    assert (scene.key, scene.language, scene.start, scene.queue) == ("lost-spoon", "en", ("mail", "chat"), "service")
    assert (scene.tags, scene.priority, scene.always_open) == (("spoon", "lost and found"), "normal", True)
    assert scene.facts == {"order"}
    assert scene.lines == (
        Line(TurnKind.IN, "Where is the spoon of {q=silver|gold} for $order?"),
        Line(TurnKind.OUT, "It is {q=bright|heavy}.", "chat", timedelta(minutes=20)),
        Line(TurnKind.NOTE, "Found.", attach="list"),
    )


@pytest.mark.parametrize("broken", ["=== a\nstart: mail\n--- customer\nHi", "=== a\nqueue\n", "=== a\n--- robot\nHi"])
def test_what_the_format_does_not_know_is_refused(broken: str) -> None:
    with pytest.raises((KeyError, ValueError)):
        parse(broken, "en")


@given(st.integers())
def test_named_alternatives_stay_together(seed: int) -> None:
    (scene,) = parse(SCENE, "en")
    chosen: dict[str, int] = {}
    said = [fill(line.text, {"order": "B-1"}, chosen, Random(seed + n)) for n, line in enumerate(scene.lines)]
    assert said[:2] in (
        ["Where is the spoon of silver for B-1?", "It is bright."],
        ["Where is the spoon of gold for B-1?", "It is heavy."],
    )


def test_nested_and_empty_alternatives_leave_no_spaces() -> None:
    found = {fill("A {b {c|d}|} e", {}, {}, Random(seed)) for seed in range(40)}
    assert found == {"A b c e", "A b d e", "A e"}


def test_an_unknown_fact_is_an_error() -> None:
    with pytest.raises(KeyError):
        fill("$unknown", {}, {}, Random(1))


def test_dates_and_money_as_people_write_them() -> None:
    from datetime import date
    from decimal import Decimal

    day = date(2026, 11, 24)
    assert day_text(day, "de", weekday=True) == "Dienstag, 24. November"
    assert day_text(day, "en", weekday=True) == "Tuesday 24 November"
    assert money_text(Decimal("1234.5"), "EUR", "de") == "1.234,50 €"
    assert money_text(Decimal("1234.5"), "GBP", "en") == "£1,234.50"
    assert money_text(Decimal("9.9"), "CHF", "de") == "9,90 CHF"
