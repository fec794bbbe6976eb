"""What is read from the environment, and what comes of it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from tresen.config import asgi, environment


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRESEN_DATA", str(tmp_path / "here"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path / "here"


def test_the_secret_key_is_made_once_for_the_owner_only(data: Path):
    key = environment.secret_key()
    assert len(key) >= 80
    assert environment.secret_key() == key
    path = data / "secrets" / "django.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_without_an_address_it_is_sqlite_that_survives_a_power_cut(data: Path):
    found = environment.database()
    assert found["NAME"] == data / "tresen.sqlite3"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]
    assert "synchronous=FULL" in found["OPTIONS"]["init_command"]
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_an_address_selects_postgresql(data: Path, monkeypatch: pytest.MonkeyPatch):
    url = "postgresql://us%40er:p%2Fw@db.example:6543/tresen?sslmode=require&application_name=x"
    monkeypatch.setenv("DATABASE_URL", url)
    found = environment.database()
    assert found["ENGINE"] == "django.db.backends.postgresql"
    assert [found[k] for k in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "tresen",
        "us@er",
        "p/w",
        "db.example",
        "6543",
    ]
    assert found["OPTIONS"] == {"sslmode": "require", "application_name": "x"}


def test_a_socket_folder_is_a_host(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql:///tresen?host=/run/postgresql")
    found = environment.database()
    assert (found["HOST"], found["NAME"], found["OPTIONS"]) == ("/run/postgresql", "tresen", {})


def test_any_other_database_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "mysql://x/y")
    with pytest.raises(SystemExit):
        environment.database()


def test_connections_past_django_are_as_well_protected(monkeypatch: pytest.MonkeyPatch):
    """The listener and the writer of receipts speak libpq directly: TLS must hold for them too."""

    class Connection:
        settings_dict = {"OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/etc/ca.pem"}}

        def get_connection_params(self) -> dict[str, object]:
            known = {"dbname": "tresen", "user": "o'neil", "password": "a b\\c'", "host": "db", "port": ""}
            return {**known, **self.settings_dict["OPTIONS"], "client_encoding": "UTF8", "cursor_factory": object}

    monkeypatch.setattr(asgi, "connections", {"default": Connection()})
    assert conninfo_to_dict(asgi.conninfo()) == {
        "dbname": "tresen",
        "user": "o'neil",
        "password": "a b\\c'",
        "host": "db",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/ca.pem",
    }
