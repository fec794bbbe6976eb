"""What every test has: its own data directory, quick password hashes, nothing left over from others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from pytest_django import Settings

from tresen.kernel import clock
from tresen.kernel import settings as stored_settings

# A busy machine is no fault of the code: examples have no time limit.
hypothesis.settings.register_profile("tresen", deadline=None)
hypothesis.settings.load_profile("tresen")

MONDAY_MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """The data directory (files, secrets) of this test."""
    settings.DATA_DIR = tmp_path / "data"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    stored_settings.forget()
    return tmp_path / "data"


@pytest.fixture
def frozen_clock() -> Iterator[datetime]:
    """Time stands still at MONDAY_MORNING; `clock.advance` moves it."""
    with clock.frozen(MONDAY_MORNING):
        yield MONDAY_MORNING
