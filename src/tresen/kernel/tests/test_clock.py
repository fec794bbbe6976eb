"""One source of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tresen.kernel import clock

THEN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_it_runs_in_utc():
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().tzinfo is UTC


def test_it_stands_still_and_moves_on_demand_only():
    with clock.frozen(THEN):
        assert clock.now() == clock.now() == THEN
        clock.advance(timedelta(hours=1))
        assert clock.now() == THEN + timedelta(hours=1)
        with clock.frozen(THEN):
            assert clock.now() == THEN
        assert clock.now() == THEN + timedelta(hours=1)
    assert clock.now() > THEN


def test_a_running_clock_cannot_be_moved():
    with pytest.raises(RuntimeError):
        clock.advance(timedelta(seconds=1))


def test_it_runs_again_after_an_error():
    with pytest.raises(ValueError), clock.frozen(THEN):
        raise ValueError
    assert clock.now() > THEN
