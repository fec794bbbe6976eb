"""Puts the stream together: who may open one, how events look to each audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from django.conf import settings

from tresen.accounts.tokens import principal_of_token
from tresen.channels import stream as staff
from tresen.channels.stream import Facts, StaffViewer
from tresen.config.rights import Sessions
from tresen.conversations.models import Conversation
from tresen.kernel import wake
from tresen.kernel.journal import Entry
from tresen.kernel.stream import Hub, Rendered, Viewer, rendered
from tresen.widget import stream as visitors


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


def _by_session(session_key: str) -> StaffViewer | None:
    principal = Sessions().principals({session_key}).get(session_key) if session_key else None
    if principal is None:
        return None
    viewer = StaffViewer(principal, key=principal.actor, session=session_key)
    viewer.learn(principal)
    return viewer


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
