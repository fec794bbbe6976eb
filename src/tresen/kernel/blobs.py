"""Files: attachments and large raw receipts, under random names outside any web root, synced before they are named."""

from __future__ import annotations

import os
import re
from pathlib import Path

from django.conf import settings

from tresen.kernel import faults, ids

_KEY = re.compile(r"[a-z]{1,16}/[0-9A-Za-z_-]{2}/[0-9A-Za-z_-]{20,64}\Z")


def _path(key: str) -> Path:
    if not _KEY.match(key):
        raise ValueError("not a storage key")
    return Path(settings.DATA_DIR) / "files" / key


def store(area: str, content: bytes) -> str:
    """Writes and syncs `content`; returns its key. Unreferenced files are swept later, never the other way round."""
    name = ids.token()
    key = f"{area}/{name[:2]}/{name}"
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    faults.reach("file.written")
    return key


def load(key: str) -> bytes:
    """The content behind a key; FileNotFoundError when it is gone."""
    return _path(key).read_bytes()


def remove(key: str) -> None:
    """Deletes; says nothing when it is gone already."""
    _path(key).unlink(missing_ok=True)
