"""Killed at named points while customers write and agents answer: what was acknowledged is there, once and in order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from tresen.bench import crash, ledger
from tresen.bench.crash import Harness


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        patch.setattr(crash, "PEOPLE", 3)
        made = Harness(tmp_path_factory.mktemp("crash") / "data", receiver_faults=0.0, seed=1)
        yield made
        made.close()


POINTS = ("receipt.after-commit", "events.before-commit", "delivery.after-send")


def test_nothing_acknowledged_is_lost_by_a_kill(harness: Harness):
    for number, point in enumerate(POINTS):
        harness.run(f"kill{number}", point, 2)
    assert harness.tally.faults == []
    assert dict(harness.tally.reached) == dict.fromkeys(POINTS, 1)
    assert harness.tally.messages == len(POINTS) * 3 * ledger.MESSAGES
    assert harness.tally.replies == len(POINTS) * 3 * ledger.REPLIES


def test_the_audit_sees_what_is_missing(harness: Harness, monkeypatch: pytest.MonkeyPatch):
    """A harness that finds nothing must be one that would find something."""
    settle = harness._settle

    def damage(people: list[ledger.Person]) -> list[str]:
        faults = settle(people)
        with closing(sqlite3.connect(harness.product.database(), timeout=20, isolation_level=None)) as database:
            database.execute("DELETE FROM conversations_message WHERE text = 'damaget1.2 Guten Tag'")
            database.execute("UPDATE conversations_message SET text = 'changed' WHERE text = 'damaget2 reply 3'")
        return faults

    monkeypatch.setattr(harness, "_settle", damage)
    harness.run("damage", crash.ANYTIME, 1)
    found = "\n".join(harness.tally.faults)
    assert "damaget1: sequence" in found
    assert "damaget1: received" in found
    assert "damaget2: answered" in found
    assert "damaget0" not in found
