"""Which customer a message belongs to, decided from what its sender shows. Pure.

The rule (who believes a mere claim shows strangers' contracts): a proved value leads to the customer who
proved it. A merely claimed one leads only to a customer who has proved nothing and is known by this very
claim. Everything else that was claimed is noted with the customer, and leads nobody there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tresen.customers.engine import normalise
from tresen.kernel.errors import Invalid

STRENGTH = {"claimed": 0, "proved": 1, "signed": 2}
CLAIMS_MAX = 10  # looked at per message
HELD_MAX = 50  # merely claimed values noted per customer

Key = tuple[str, str]


class IdentityClaim(NamedTuple):
    """Something that a sender shows, as the channel gives it. `assurance`: claimed, proved or signed."""

    kind: str
    value: str
    assurance: str = "claimed"


class Wanted(NamedTuple):
    """A claim in its one spelling."""

    kind: str
    value: str
    shown: str
    assurance: str

    @property
    def key(self) -> Key:
        return self.kind, self.value

    @property
    def proved(self) -> bool:
        return self.assurance != "claimed"


class Held(NamedTuple):
    """An identity row."""

    id: int
    customer_id: int
    kind: str
    value: str
    assurance: str
    proved: bool
    anchor: bool


class Write(NamedTuple):
    """A row to insert. `owner` is set when another customer proved the value first."""

    wanted: Wanted
    assurance: str
    anchor: bool
    owner: int | None = None

    @property
    def proved(self) -> bool:
        return self.assurance != "claimed"


class Plan(NamedTuple):
    """What has to be written for a customer; both are empty for nearly every message."""

    inserts: list[Write]
    raises: list[tuple[Held, str]]


def ordered(claims: Sequence[IdentityClaim]) -> list[Wanted]:
    """The claims, strongest first, the sender's own first among equals, each value once.

    Never fails: what does not normalise is kept as merely claimed, and what is unreadable is left out.
    """
    found: dict[Key, Wanted] = {}
    for claim in sorted(claims[:CLAIMS_MAX], key=lambda c: -STRENGTH[c.assurance]):
        wanted = _wanted(claim)
        if wanted:
            found.setdefault(wanted.key, wanted)
    result = list(found.values())
    if len(result) > 1:
        result.sort(key=lambda w: -STRENGTH[w.assurance])
    return result


def _wanted(claim: IdentityClaim) -> Wanted | None:
    kind, assurance = claim.kind, str(claim.assurance)
    try:
        normal = normalise.normalise(kind, claim.value)
    except Invalid:
        kept = normalise.lenient(kind, claim.value)
        if kept is None:
            return None
        (kind, normal), assurance = kept, "claimed"
    return Wanted(kind, normal.value, normal.shown, assurance)


def landing(wanted: Sequence[Wanted], held: Iterable[Held]) -> int | None:
    """The id of the customer whom the claims lead to; None when it is somebody new."""
    anchors = {(h.kind, h.value, h.proved): h.customer_id for h in held if h.anchor}
    if not wanted:
        return None
    if not wanted[0].proved:
        return anchors.get((*wanted[0].key, False))
    return next((anchors[*w.key, True] for w in wanted if w.proved and (*w.key, True) in anchors), None)


def plan(wanted: Sequence[Wanted], held: Sequence[Held], customer_id: int | None) -> Plan:
    """What the customer (None: a new one) gains by the claims."""
    own = {(h.kind, h.value): h for h in held if h.customer_id == customer_id}
    owners = {(h.kind, h.value): h.customer_id for h in held if h.proved}
    room = HELD_MAX - len(own)
    inserts: list[Write] = []
    raises: list[tuple[Held, str]] = []
    for index, claim in enumerate(wanted):
        row, owner = own.get(claim.key), owners.get(claim.key)
        if owner == customer_id:
            owner = None
        if row is not None:
            if STRENGTH[claim.assurance] > STRENGTH[row.assurance] and owner is None:
                raises.append((row, claim.assurance))
        elif claim.proved and owner is None:
            inserts.append(Write(claim, claim.assurance, anchor=True))
        elif room > 0:
            first = customer_id is None and index == 0
            inserts.append(Write(claim, "claimed", anchor=first, owner=owner if claim.proved else None))
            room -= 1
    return Plan(inserts, raises)
