"""Shared by the tests with real counterparts: database server, mail servers, browser, other processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from counterparts.postgres import cluster

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder needs a counterpart: `pytest -m 'not counterpart'` leaves it out."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.counterpart)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """DATABASE_URL of a PostgreSQL that keeps its promises (fsync on), shared by the session."""
    with cluster(durable=True) as url:
        yield url
