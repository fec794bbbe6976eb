"""Secrets at rest: one key file in the data directory (0600), passwords and tokens encrypted with it (Fernet)."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from tresen.kernel.errors import Unavailable


def secret_file(path: Path, make: bytes) -> bytes:
    """The content of a secret file, which is created with `make` and mode 0600 when it is missing. Safe in a race."""
    if path.exists():
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(make)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # complete or not at all, and only where none is yet
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
    return path.read_bytes()


@cache
def _fernet() -> Fernet:
    return Fernet(secret_file(Path(settings.DATA_DIR) / "secrets" / "vault.key", Fernet.generate_key()))


def seal(secrets: dict[str, str]) -> str:
    """Encrypts a small dictionary."""
    return _fernet().encrypt(orjson.dumps(secrets)).decode() if secrets else ""


def unseal(sealed: str) -> dict[str, str]:
    """The dictionary again. Raises Unavailable when the key file does not fit (a restore without secrets)."""
    if not sealed:
        return {}
    try:
        return dict(orjson.loads(_fernet().decrypt(sealed.encode())))
    except InvalidToken as error:
        raise Unavailable("the key in the data directory does not open the stored secrets") from error
