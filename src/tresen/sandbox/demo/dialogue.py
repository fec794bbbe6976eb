"""Plays one scene: fills in the words, wraps them as people write them and sets the time of every turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from tresen.sandbox.demo.facts import Facts, attachment
from tresen.sandbox.demo.hours import BERLIN, is_open, next_open, some_pause
from tresen.sandbox.demo.ledger import Ledger
from tresen.sandbox.demo.script import Line, Scene, fill
from tresen.sandbox.demo.voice import Voice, staff_text
from tresen.sandbox.demo.world import DemoCustomer, DemoStaff, DemoTurn, TurnKind

_FIRST_AWAKE = 6


@dataclass(frozen=True, slots=True)
class Part:
    """What one conversation is made of: the scene, who plays it, and what is true for them."""

    scene: Scene
    customer: DemoCustomer
    voice: Voice
    staff: DemoStaff
    facts: Facts
    channel: str
    chosen: dict[str, int] = field(default_factory=dict)


def subject(part: Part, random: Random) -> str:
    """One of the scene's subjects."""
    return fill(part.scene.subject, part.facts.texts, part.chosen, random)


def play(part: Part, start: datetime, ledger: Ledger, random: Random) -> tuple[DemoTurn, ...]:
    """All turns of the scene; the later ones may lie in the future."""
    turns: list[DemoTurn] = []
    at, channel = start, part.channel
    for line in part.scene.lines:
        body = fill(line.text, part.facts.texts, part.chosen, random)
        if not body:
            continue
        channel = line.channel or channel
        if turns:
            at = _moment(line, channel, at, random)
        turns.append(_turn(part, line, body, channel, at, turns, ledger, random))
    return tuple(turns)


def _moment(line: Line, channel: str, before: datetime, random: Random) -> datetime:
    staff = line.kind is not TurnKind.IN
    if line.pause:
        at = before + line.pause * random.uniform(0.8, 1.25)
    elif line.kind is TurnKind.NOTE:
        at = before + timedelta(minutes=random.randint(2, 14))
    else:
        at = before + some_pause(channel, staff=staff, random=random)
    if staff and not is_open(at):
        return next_open(at) + timedelta(minutes=random.randint(1, 70), seconds=random.randrange(60))
    local = at.astimezone(BERLIN)
    if not staff and (channel != "chat" or line.pause) and local.hour < _FIRST_AWAKE:
        at += timedelta(hours=_FIRST_AWAKE + 1 - local.hour)
    return at


def _turn(
    part: Part,
    line: Line,
    body: str,
    channel: str,
    at: datetime,
    so_far: list[DemoTurn],
    ledger: Ledger,
    random: Random,
) -> DemoTurn:
    answered = any(turn.kind is TurnKind.OUT for turn in so_far)
    if line.kind is TurnKind.OUT:
        # A form cannot be answered: the answer goes to the address that was given.
        channel = "mail" if channel == "form" else channel
        text = staff_text(part.staff, part.customer, body, channel, first=not answered)
        return DemoTurn(line.kind, text, at, channel, part.staff.key)
    if line.kind in (TurnKind.NOTE, TurnKind.CALL):
        return DemoTurn(line.kind, body, at, staff=part.staff.key)
    if not so_far and "machine" in part.scene.who:
        text = body
    elif channel == "mail" or (channel == "form" and answered):
        channel, to = "mail", part.staff if answered else None
        text = part.voice.mail(body, random, first=not so_far, to=to)
    else:
        text = part.voice.chat(body)
    files = (attachment(line.attach, part.customer, ledger),) if line.attach else ()
    return DemoTurn(line.kind, text, at, channel, files=files)
