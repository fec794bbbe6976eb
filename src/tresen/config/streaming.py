"""Puts the stream together: who may open one, how events look to each audience, how rights stay fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare

from tresen.accounts.models import ApiToken, User
from tresen.accounts.principal import Principal, for_token
from tresen.accounts.tokens import principal_of_token, principal_of_user
from tresen.channels import stream as staff
from tresen.channels.stream import Facts, StaffViewer
from tresen.conversations.models import Conversation
from tresen.kernel import clock, wake
from tresen.kernel.journal import Entry
from tresen.kernel.stream import Hub, Rendered, Viewer, rendered
from tresen.widget import stream as visitors
from tresen.widget.stream import VisitorViewer


def render(entries: Sequence[Entry]) -> list[Rendered]:
    """Each event once per audience."""
    shown = []
    for loaded in staff.load(entries):
        payloads = {**staff.staff_payloads(loaded), **visitors.payloads(loaded)}
        if payloads:
            shown.append(rendered(loaded.entry.position, loaded.entry.kind, loaded.facts, payloads))
    return shown


def authenticate(headers: Mapping[str, str], cookies: Mapping[str, str]) -> Viewer | None:
    """A token or visitor token in the Authorization header, else the session of a member of staff."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if given:
        if scheme.lower() != "bearer":
            return None
        return _by_token(given.strip()) if given.strip().startswith("tsn_") else visitors.viewer_of(given.strip())
    return _by_session(cookies.get(settings.SESSION_COOKIE_NAME, ""))


def _by_token(text: str) -> StaffViewer | None:
    found = principal_of_token(text)
    if found is None:
        return None
    viewer = StaffViewer(found[0], key=f"token:{found[1]}", token_id=found[1])
    viewer.learn(found[0])
    return None if viewer.closed else viewer


def _session_user(session_key: str) -> Principal | None:
    data = SessionStore(session_key).load() if session_key else {}
    user = User.objects.filter(pk=data.get(SESSION_KEY, 0), is_active=True).first()
    if user is None or BACKEND_SESSION_KEY not in data:
        return None
    if not constant_time_compare(data.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    return principal_of_user(user.pk)


def _by_session(session_key: str) -> StaffViewer | None:
    principal = _session_user(session_key)
    if principal is None:
        return None
    viewer = StaffViewer(principal, key=principal.actor, session=session_key)
    viewer.learn(principal)
    return viewer


def refresh(viewers: Sequence[Any]) -> None:
    """Brings every open stream's rights up to date; called every two seconds."""
    visitors.still_there([v for v in viewers if isinstance(v, VisitorViewer)])
    tokens: dict[int, list[StaffViewer]] = {}
    sessions: dict[str, list[StaffViewer]] = {}
    for viewer in viewers:
        if isinstance(viewer, StaffViewer):
            if viewer.token_id is not None:
                tokens.setdefault(viewer.token_id, []).append(viewer)
            else:
                sessions.setdefault(viewer.session, []).append(viewer)
    if tokens:
        _refresh_tokens(tokens)
    for session, theirs in sessions.items():
        _learn(theirs, _session_user(session))


def _refresh_tokens(tokens: Mapping[int, list[StaffViewer]]) -> None:
    rows = ApiToken.objects.select_related("user").filter(pk__in=list(tokens), revoked_at=None).in_bulk()
    now = clock.now()
    for token_id, theirs in tokens.items():
        row = rows.get(token_id)
        good = row and (row.expires_at is None or row.expires_at > now) and (row.user is None or row.user.is_active)
        _learn(theirs, for_token(row) if row and good else None)


def _learn(viewers: Sequence[StaffViewer], principal: Principal | None) -> None:
    first, *others = viewers
    first.learn(principal)
    for other in others:
        other.principal, other.queues, other.closed = first.principal, first.queues, first.closed


def follow_passing(hub: Hub) -> None:
    """Typing and other passing news reach the streams of whoever may see the conversation."""

    def show(news: dict[str, Any]) -> None:
        row = Conversation.objects.filter(pk=news.get("conversation_id", 0)).first()
        if row is None:
            return
        threads = staff.threads_of([row.pk]).get(row.pk, frozenset())
        facts = Facts(news["kind"], row.pk, row.queue_id, row.assignee_id, threads=threads)
        audience = visitors.VISITOR if news.pop("to", "") == "visitor" else staff.STAFF
        hub.publish(rendered(None, news["kind"], facts, {audience: orjson.dumps(news)}))

    wake.on_passing(show)
