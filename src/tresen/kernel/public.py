"""The address under which people and providers reach this installation."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from tresen.kernel.settings import Declared


def _url(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("must be an http or https address")
    return value.strip().rstrip("/")


PUBLIC_URL = Declared("public_url", str, os.environ.get("TRESEN_LOCAL_URL", "http://localhost:8000"), check=_url)
