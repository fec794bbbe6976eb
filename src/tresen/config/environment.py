"""What the environment says: data directory, database, secret key. Nothing else is read from outside."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tresen.kernel.sqlite import CHECKPOINT_PAGES
from tresen.kernel.vault import secret_file


def data_dir() -> Path:
    """`TRESEN_DATA`, or `data` below the current directory."""
    return Path(os.environ.get("TRESEN_DATA", "data")).resolve()


def secret_key() -> str:
    """Made once into the data directory, mode 0600."""
    path = data_dir() / "secrets" / "django.key"
    path.parent.mkdir(parents=True, exist_ok=True)
    os.chmod(path.parent, 0o700)
    return secret_file(path, secrets.token_urlsafe(64).encode()).decode().strip()


def static_url(package: Path) -> str:
    """Changes whenever a static file does, so that browsers may keep them for ever and an upgrade shows at once."""
    seen = hashlib.sha256()
    for path in sorted(package.glob("*/static/**/*")):
        stat = path.stat()
        seen.update(f"{path.relative_to(package)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return f"/static/{seen.hexdigest()[:10]}/"


def database() -> dict[str, Any]:
    """Django's database entry: PostgreSQL by `DATABASE_URL`, else SQLite in the data directory."""
    url = os.environ.get("DATABASE_URL", "")
    return _postgresql(url) if url else _sqlite(data_dir() / "tresen.sqlite3")


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "tresen.kernel.sqlite",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            " PRAGMA cache_size=-8000; PRAGMA temp_store=MEMORY;"
            f" PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES};",
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise SystemExit("DATABASE_URL must begin with postgresql://")
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", None) or parts.hostname or ""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or options.pop("port", "")),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }
