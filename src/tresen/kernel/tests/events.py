"""Events of no room, for the tests of the journal and of what reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from tresen.kernel import db, journal
from tresen.kernel.journal import Payload


@dataclass(frozen=True, slots=True)
class Rang(Payload):
    kind: ClassVar[str] = "bell.rang"
    times: int


@dataclass(frozen=True, slots=True)
class Fell(Payload):
    kind: ClassVar[str] = "cup.fell"
    what: list[str]


def ring(times: int = 1, conversation_id: int | None = None, **more: Any) -> None:
    """One event in a transaction of its own."""
    with db.atomic():
        journal.append(Rang(times), actor="tests", conversation_id=conversation_id, **more)
