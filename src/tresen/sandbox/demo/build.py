"""Puts the demo company's world together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import cycle
from random import Random

from tresen.sandbox.demo import cast, house
from tresen.sandbox.demo.dialogue import Part, play, subject
from tresen.sandbox.demo.facts import collect
from tresen.sandbox.demo.hours import next_open, some_moment
from tresen.sandbox.demo.ledger import Ledger
from tresen.sandbox.demo.script import Scene, load_scenes
from tresen.sandbox.demo.voice import Voice
from tresen.sandbox.demo.world import (
    DemoCompany,
    DemoConversation,
    DemoCustomer,
    DemoStaff,
    DemoStatus,
    DemoTurn,
    DemoWorld,
    TurnKind,
)

CUSTOMERS = 320
DAYS = 60
PLAN = {
    DemoStatus.WAITING: 28,
    DemoStatus.ASSIGNED: 36,
    DemoStatus.SNOOZED: 18,
    DemoStatus.RESOLVED: 318,
}
_HISTORY = 0.35  # how often somebody writes who has written before
_TRIES = 60


def build(seed: int, now: datetime) -> DemoWorld:
    """The whole world as of `now` (aware). The same arguments give an equal world."""
    random = Random(seed)
    companies = cast.companies(random)
    customers = cast.customers(CUSTOMERS, companies, random)
    ledger = Ledger(now.date(), random)
    for customer in customers:
        ledger.furnish(customer)
    director = _Director(now, random, ledger, customers, {c.key: c for c in companies})
    conversations = sorted(director.conversations(), key=lambda c: (c.turns[0].at, c.customer))
    return DemoWorld(
        teams=house.TEAMS,
        staff=house.STAFF,
        queues=house.QUEUES,
        channels=house.CHANNELS,
        fields=house.FIELDS,
        companies=companies,
        customers=customers,
        records=ledger.records,
        conversations=tuple(replace(c, key=f"d{index:03}") for index, c in enumerate(conversations)),
    )


def _fits(scene: Scene, customer: DemoCustomer, company: DemoCompany | None) -> bool:
    if scene.language != customer.language or scene.who.startswith("company") != bool(company):
        return False
    if scene.countries and customer.country not in scene.countries:
        return False
    return not scene.lines_of_business or (company is not None and company.line in scene.lines_of_business)


@dataclass
class _Director:
    """Casts scenes until the plan is fulfilled."""

    now: datetime
    random: Random
    ledger: Ledger
    customers: tuple[DemoCustomer, ...]
    companies: dict[str, DemoCompany]
    _voices: dict[str, Voice] = field(default_factory=dict)
    _played: set[tuple[str, str]] = field(default_factory=set)
    _openings: set[str] = field(default_factory=set)
    _appearances: Counter[str] = field(default_factory=Counter)
    _load: Counter[str] = field(default_factory=Counter)

    def conversations(self) -> Iterator[DemoConversation]:
        """The planned number of conversations of every status; every scene comes up about equally often."""
        scenes = load_scenes()
        deck = [scene for scene in scenes for _ in range(scene.weight)]
        self.random.shuffle(deck)
        first = [scene for scene in scenes if scene.always_open]
        draw = cycle(deck)
        for status, count in PLAN.items():
            for index in range(count):
                wanted = first[index] if status is DemoStatus.WAITING and index < len(first) else None
                yield self._one(status, wanted, draw)

    def _one(self, status: DemoStatus, wanted: Scene | None, draw: Iterator[Scene]) -> DemoConversation:
        for _ in range(_TRIES):
            scene = wanted or next(draw)
            customer, staff = self._customer(scene), self._staff(scene, status)
            if customer and staff and (found := self._attempt(status, scene, customer, staff)):
                self._played.add((scene.key, customer.key))
                self._appearances[customer.key] += 1
                self._openings.add(found.turns[0].text)
                self._load[staff.key] += status is DemoStatus.ASSIGNED
                return found
        raise RuntimeError(f"no scene could be played that ends {status}")

    def _customer(self, scene: Scene) -> DemoCustomer | None:
        fitting = [
            c for c in self.customers
            if _fits(scene, c, self.companies.get(c.company)) and (scene.key, c.key) not in self._played
        ]  # fmt: skip
        known = [c for c in fitting if 0 < self._appearances[c.key] < 5]
        new = [c for c in fitting if not self._appearances[c.key]]
        chosen = known if known and (not new or self.random.random() < _HISTORY) else new
        return self.random.choice(chosen) if chosen else None

    def _staff(self, scene: Scene, status: DemoStatus) -> DemoStaff | None:
        able = [
            s for s in house.STAFF
            if scene.queue in s.teams and scene.language in s.languages and s.role != "administrator"
            and (s.role == "agent" or scene.priority != "normal")
            and (status is not DemoStatus.ASSIGNED or self._load[s.key] < s.capacity)
        ]  # fmt: skip
        return self.random.choice(able) if able else None

    def _start(self, status: DemoStatus, channel: str, hours: str) -> datetime:
        now = self.now
        if status is DemoStatus.WAITING:
            since = timedelta(minutes=25) if channel == "chat" and hours == "day" else timedelta(hours=20)
            return now - since * self.random.uniform(0.05, 1) if hours == "day" else self._moment(1, 0.1, hours)
        if status is DemoStatus.ASSIGNED:
            return self._moment(3, 0.02, hours)
        if status is DemoStatus.SNOOZED:
            return self._moment(8, 0.5, hours)
        return self._moment(DAYS, 0.2, "open" if channel == "chat" and hours == "day" else hours)

    def _moment(self, first: float, last: float, hours: str) -> datetime:
        """Between so many days ago and so many days ago."""
        span = (self.now - timedelta(days=first), self.now - timedelta(days=last))
        return some_moment(*span, self.random, hours=hours)

    def _attempt(
        self, status: DemoStatus, scene: Scene, customer: DemoCustomer, staff: DemoStaff
    ) -> DemoConversation | None:
        channel = self.random.choice(scene.start)
        start = self._start(status, channel, scene.hours)
        company = self.companies.get(customer.company)
        voice = self._voices.setdefault(customer.key, Voice.of(customer, company, self.random))
        facts = collect(scene, customer, company, start, self.ledger, self.random)
        part = Part(scene, customer, voice, staff, facts, channel)
        turns = self._cut(status, play(part, start, self.ledger, self.random))
        if not turns or turns[0].text in self._openings:
            return None
        if scene.state and status is not DemoStatus.RESOLVED:
            kind, state = scene.state
            self.ledger.change(facts.records[kind], state)
        return DemoConversation(
            key="",
            customer=customer.key,
            channel=channel,
            queue=scene.queue,
            subject=subject(part, self.random),
            language=scene.language,
            status=status,
            turns=turns,
            assignee="" if status is DemoStatus.WAITING else staff.key,
            priority=scene.priority,
            tags=scene.tags,
            snoozed_until=self._wake_up() if status is DemoStatus.SNOOZED else None,
            resolved_at=self._resolution(turns[-1].at) if status is DemoStatus.RESOLVED else None,
        )

    def _wake_up(self) -> datetime:
        return next_open(self.now + timedelta(hours=self.random.randint(4, 110)))

    def _resolution(self, last: datetime) -> datetime:
        return min(last + timedelta(minutes=self.random.randint(2, 90)), self.now)

    def _cut(self, status: DemoStatus, turns: tuple[DemoTurn, ...]) -> tuple[DemoTurn, ...]:
        """As many turns as have happened and fit the status; none when it cannot be reached."""
        happened = sum(turn.at <= self.now for turn in turns)
        if status is DemoStatus.RESOLVED:
            return turns if happened == len(turns) else ()
        if status is DemoStatus.WAITING:
            return turns[:1] if happened else ()
        asks = TurnKind.IN if status is DemoStatus.ASSIGNED else TurnKind.OUT
        ends = [n for n in range(1, min(happened + 1, len(turns))) if turns[n - 1].kind is asks]
        return turns[: self.random.choice(ends)] if ends else ()
