"""The demo's random passwords: made once, kept in the data directory (mode 0600), never in the repository."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

import orjson
from django.conf import settings

from tresen.kernel.vault import secret_file

_LETTERS = "abcdefghkmnpqrstuvwxyz23456789"  # nothing that looks like something else
MAILBOX = "mailbox"  # key of the company mailbox's own password


def path() -> Path:
    """Where they stand."""
    return Path(settings.DATA_DIR) / "secrets" / "demo.json"


def make() -> str:
    """Such as `kv7m-3hta-pq8r`: 58 bits, easy to type."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


def prepared(people: Iterable[str]) -> dict[str, str]:
    """Passwords by e-mail address (and `MAILBOX`); those of an earlier, interrupted start are used again."""
    fresh = {key: make() for key in (*people, MAILBOX)}
    return dict(orjson.loads(secret_file(path(), orjson.dumps(fresh, option=orjson.OPT_INDENT_2))))


def known() -> dict[str, str]:
    """What was made; empty when the file is gone."""
    try:
        return dict(orjson.loads(path().read_bytes()))
    except FileNotFoundError:
        return {}
