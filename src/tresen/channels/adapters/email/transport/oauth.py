"""Access tokens for XOAUTH2 (Google, Microsoft 365), fetched by refresh token or client credentials (RFC
6749)."""

from __future__ import annotations

import hashlib
import time
from threading import Lock
from urllib.parse import urlencode

from tresen.channels.adapters.email.account import Login
from tresen.kernel import http

EARLY = 120.0  # seconds before its end a token is renewed
_known: dict[str, tuple[str, float]] = {}
_lock = Lock()


class OAuthFault(Exception):
    """No token; the text is the provider's error code, never a secret."""


def access_token(login: Login) -> str:
    """A valid access token, kept in memory until shortly before it ends. Raises OAuthFault,
    http.HttpError."""
    key = hashlib.sha256(
        repr((login.token_url, login.client_id, login.refresh_token, login.scope)).encode()
    ).hexdigest()
    with _lock:
        token, until = _known.get(key, ("", 0.0))
    if token and time.monotonic() < until - EARLY:
        return token
    token, seconds = _fetch(login)
    with _lock:
        _known[key] = (token, time.monotonic() + seconds)
    return token


def forget() -> None:
    """Drops all tokens: after one was refused."""
    with _lock:
        _known.clear()


def xoauth2(login: Login) -> str:
    """The initial client response of the XOAUTH2 mechanism, not yet base64."""
    return f"user={login.user}\1auth=Bearer {access_token(login)}\1\1"


def _fetch(login: Login) -> tuple[str, float]:
    form = {"client_id": login.client_id, "client_secret": login.client_secret}
    if login.refresh_token:
        form |= {"grant_type": "refresh_token", "refresh_token": login.refresh_token}
    else:
        form |= {"grant_type": "client_credentials"}
    if login.scope:
        form["scope"] = login.scope
    body = urlencode({k: v for k, v in form.items() if v}).encode()
    answer = http.request(
        "POST",
        login.token_url,
        headers={"content-type": "application/x-www-form-urlencoded"},
        content=body,
        max_redirects=0,
    )
    try:
        said = answer.json()
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    token = said.get("access_token")
    if not answer.ok or not isinstance(token, str) or not token:
        raise OAuthFault(f"the token address answered {answer.status} {str(said.get('error', ''))[:100]}".strip())
    try:
        return token, float(said.get("expires_in", 3600))
    except (TypeError, ValueError):
        return token, 3600.0
