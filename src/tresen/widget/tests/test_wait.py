"""The promised range keeps its word."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.widget.wait import Wait, estimate

RATE = 40 / 3600  # pick-ups a second


def test_too_little_known_means_no_promise():
    assert estimate(3, 4) == Wait(3, None, None)
    assert estimate(1, 0) == Wait(1, None, None)


def test_a_range_around_the_mean():
    found = estimate(4, 60)  # one a minute
    assert found.low is not None and found.high is not None
    assert found.low < 240 < found.high
    assert (found.low, found.high) == (81, 399)


@given(st.integers(1, 500), st.integers(5, 500))
def test_ranges_are_ordered_and_grow_with_the_place(position, picks):
    here, behind = estimate(position, picks), estimate(position + 1, picks)
    assert 0 <= here.low <= here.high
    assert here.high <= behind.high


def picks_in_an_hour(rng):
    """A Poisson number of pick-ups."""
    picks, at = 0, rng.expovariate(RATE)
    while at < 3600:
        picks, at = picks + 1, at + rng.expovariate(RATE)
    return picks


@pytest.mark.parametrize("position", [1, 3, 10])
def test_about_four_of_five_real_waits_lie_within_the_range(position):
    rng, kept, rounds = random.Random(7), 0, 2000
    for _ in range(rounds):
        found = estimate(position, picks_in_an_hour(rng))
        actual = sum(rng.expovariate(RATE) for _ in range(position))
        kept += found.low <= actual <= found.high
    assert 0.74 <= kept / rounds <= 0.93
