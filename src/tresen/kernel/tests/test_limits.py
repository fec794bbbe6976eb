"""Caps hold exactly, over windows and over callers at the same time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.kernel import clock, limits
from tresen.kernel.models import Counter
from tresen.kernel.tests.threads import together


@pytest.mark.django_db
def test_the_cap_holds_within_a_window_and_starts_anew_in_the_next(frozen_clock):
    assert [limits.hit("k", 3) for _ in range(5)] == [True, True, True, False, False]
    assert limits.hit("other", 3)
    clock.advance(timedelta(seconds=3600))
    assert [limits.hit("k", 2) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
def test_a_cap_of_nothing_lets_nothing_through(frozen_clock):
    assert [limits.hit("k", 0) for _ in range(2)] == [False, False]
    clock.advance(timedelta(seconds=3600))
    assert not limits.hit("k", 0)


@pytest.mark.django_db
def test_a_long_key_is_cut_not_refused(frozen_clock):
    assert limits.hit("k" * 500, 1)
    assert not limits.hit("k" * 500, 1)
    assert Counter.objects.get().key == "k" * 200


@pytest.mark.django_db(transaction=True)
def test_callers_at_the_same_time_share_one_cap(frozen_clock):
    def try_ten() -> list[bool]:
        return [limits.hit("k", 17) for _ in range(10)]

    found = [one for ten in together(try_ten, try_ten, try_ten, try_ten) for one in ten]
    assert sorted(found) == [False] * 23 + [True] * 17


def test_in_memory_the_cap_holds_per_key():
    cap = limits.InMemory(2, seconds=10**9)
    assert [cap.allows("a") for _ in range(3)] == [True, True, False]
    assert cap.allows("b")


def test_in_memory_a_new_window_starts_anew(monkeypatch):
    moment = 0.0
    monkeypatch.setattr(limits.time, "monotonic", lambda: moment)
    cap = limits.InMemory(1, seconds=60)
    assert [cap.allows("a"), cap.allows("a")] == [True, False]
    moment = 60.0
    assert cap.allows("a")


def test_in_memory_a_flood_of_keys_takes_bounded_room():
    cap = limits.InMemory(1, seconds=10**9, remember=100)
    for n in range(1000):
        assert cap.allows(f"k{n}")
    assert len(cap._hits) == 100
    assert not cap.allows("k999")
