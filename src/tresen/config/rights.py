"""The rights of open streams, read anew in a fixed number of queries however many are open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils.crypto import constant_time_compare

from tresen.accounts.models import User
from tresen.accounts.principal import Principal
from tresen.accounts.tokens import principals_of_tokens, principals_of_users
from tresen.channels.stream import StaffViewer
from tresen.conversations import queries
from tresen.kernel import clock
from tresen.widget import stream as visitors
from tresen.widget.stream import VisitorViewer


class Sessions:
    """Who is logged in by which session. Remembers what it has checked, as long as row and password stay the same."""

    def __init__(self) -> None:
        self._checked: dict[str, tuple[str, str, int]] = {}

    def principals(self, keys: Collection[str]) -> dict[str, Principal]:
        """The present rights by session key; sessions that are over, forged or of former staff are not in it."""
        rows = dict(
            Session.objects.filter(session_key__in=keys, expire_date__gt=clock.now()).values_list(
                "session_key", "session_data"
            )
        )
        claimed = {key: self._claimed(key, raw) for key, raw in rows.items()}
        ids = {user_id for user_id, _proof in claimed.values() if user_id}
        passwords = dict(User.objects.filter(pk__in=ids, is_active=True).values_list("id", "password"))
        people = principals_of_users(ids)
        checked: dict[str, tuple[str, str, int]] = {}
        for key, (user_id, proof) in claimed.items():
            password = passwords.get(user_id)
            if password is None or user_id not in people:
                continue
            entry = (rows[key], password, user_id)
            if self._checked.get(key) == entry or _proven(password, proof):
                checked[key] = entry
        self._checked = checked
        return {key: people[user_id] for key, (_raw, _password, user_id) in checked.items()}

    def _claimed(self, key: str, raw: str) -> tuple[int, str]:
        """Whose session it says it is, and the proof; (0, "") when it says nothing of use."""
        known = self._checked.get(key)
        if known is not None and known[0] == raw:
            return known[2], ""
        data = SessionStore().decode(raw)
        user_id = str(data.get(SESSION_KEY, ""))
        good = user_id.isascii() and user_id.isdigit() and BACKEND_SESSION_KEY in data
        return (int(user_id), data.get(HASH_SESSION_KEY, "")) if good else (0, "")


def _proven(password: str, proof: str) -> bool:
    """A session ends when the password changes: its proof is made of the password's hash."""
    return bool(proof) and constant_time_compare(proof, User(password=password).get_session_auth_hash())


class Rights:
    """Brings the viewers of all open streams up to date; `refresh` is called every two seconds in a thread."""

    def __init__(self) -> None:
        self._sessions = Sessions()

    def refresh(self, viewers: Sequence[Any]) -> None:
        """Takes over the rights of this moment; who has none any more is closed."""
        visitors.still_there([v for v in viewers if isinstance(v, VisitorViewer)])
        staff = [v for v in viewers if isinstance(v, StaffViewer)]
        tokens = {v.token_id for v in staff if v.token_id is not None}
        sessions = {v.session for v in staff if v.token_id is None}
        by_token = principals_of_tokens(tokens) if tokens else {}
        by_session = self._sessions.principals(sessions) if sessions else {}
        queues_of = _sight()
        for viewer in staff:
            found = by_session.get(viewer.session) if viewer.token_id is None else by_token.get(viewer.token_id)
            viewer.learn(found, queues_of)


def _sight() -> Callable[[Principal], frozenset[int] | None]:
    """Visible queues, asked for once per set of teams."""
    known: dict[tuple[bool, frozenset[int]], frozenset[int] | None] = {}

    def queues_of(principal: Principal) -> frozenset[int] | None:
        key = (principal.is_administrator, principal.teams)
        if key not in known:
            known[key] = queries.sight(principal)
        return known[key]

    return queues_of
