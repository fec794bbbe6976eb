"""What every test has: its own data directory, quick password hashes, nothing left over from others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from django.core.cache import cache
from django.db import connections
from pytest_django import Settings

from tresen.kernel import clock
from tresen.kernel import settings as stored_settings

# A busy machine is no fault of the code: examples have no time limit.
hypothesis.settings.register_profile("tresen", deadline=None)
hypothesis.settings.load_profile("tresen")

MONDAY_MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> None:
    """On SQLite a file, as in the product: threads on a database in memory would share its cache and table locks.

    Without fsync, because nobody pulls the plug here; the kill harness has tests of its own. On PostgreSQL every
    worker has a cluster of its own, if `tests/counterparts/postgres.py` started several.
    """
    entry = connections["default"].settings_dict
    ports = os.environ.get("TRESEN_TEST_PORTS", "").split()
    if connections["default"].vendor == "sqlite":
        entry["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
        entry["OPTIONS"]["init_command"] += " PRAGMA synchronous=OFF;"
    elif ports and worker_id != "master":
        entry["PORT"] = ports[int(worker_id.removeprefix("gw")) % len(ports)]


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes can hold the time of day (gzip): the name of such a case must be the same in every process."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """The data directory (files, secrets) of this test."""
    settings.DATA_DIR = tmp_path / "data"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    stored_settings.forget()
    cache.clear()  # rate limits of one test are no business of the next
    return tmp_path / "data"


@pytest.fixture
def frozen_clock() -> Iterator[datetime]:
    """Time stands still at MONDAY_MORNING; `clock.advance` moves it."""
    with clock.frozen(MONDAY_MORNING):
        yield MONDAY_MORNING
