"""Scenes: the dialogues of the demo as text files that anybody can extend.

A scene begins with `=== name` and `key: value` lines; `--- customer`, `--- agent`, `--- note` or `--- call` begins
a turn, optionally with a channel to change to, a pause (`+20m`, `+3h`, `+2d`) and `files=NAME`. In texts `{a|b|c}`
is one of several ways to say it (may be nested, may be empty); `{x=a|b|c}` takes the same place in every group named
`x` of the scene, so that answers fit their questions. `$order` stands for a fact of the customer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from random import Random
from string import Template

from tresen.sandbox.demo.world import TurnKind

_CHOICE = re.compile(r"\{(?:([a-z])=)?([^{}]*)\}")
_PLACEHOLDER = re.compile(r"\$([a-z_]+)")
_PAUSE = re.compile(r"\+(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_KINDS = {"customer": TurnKind.IN, "agent": TurnKind.OUT, "note": TurnKind.NOTE, "call": TurnKind.CALL}


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of a scene. `channel` is empty when it stays where it was, `pause` is None for the usual pause."""

    kind: TurnKind
    text: str
    channel: str = ""
    pause: timedelta | None = None
    attach: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """A dialogue with all its alternatives. `facts` are the placeholders that its customer has to have."""

    key: str
    language: str
    start: tuple[str, ...]
    queue: str
    subject: str
    lines: tuple[Line, ...]
    facts: frozenset[str]
    who: str = "person"
    lines_of_business: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    needs: str = ""
    tags: tuple[str, ...] = ()
    priority: str = "normal"
    hours: str = "day"
    state: tuple[str, str] | None = None
    weight: int = 1
    always_open: bool = False


def fill(text: str, facts: Mapping[str, str], chosen: MutableMapping[str, int], random: Random) -> str:
    """Chooses among the alternatives, puts in the facts and tidies the spaces.

    `chosen` keeps the places taken in named groups over a scene's texts. Raises KeyError for an unknown fact.
    """
    while match := _CHOICE.search(text):
        name, options = match[1], match[2].split("|")
        place = random.randrange(len(options))
        if name:
            place = chosen.setdefault(name, place) % len(options)
        text = text[: match.start()] + options[place] + text[match.end() :]
    filled = Template(text).substitute(facts)
    return re.sub(r" {2,}", " ", re.sub(r" +$", "", filled, flags=re.MULTILINE)).strip()


def _line(head: str, text: str) -> Line:
    who, *options = head.split()
    channel, pause, attach = "", None, ""
    for option in options:
        if match := _PAUSE.fullmatch(option):
            pause = timedelta(**{_UNITS[match[2]]: int(match[1])})
        elif option.startswith("files="):
            attach = option.removeprefix("files=")
        else:
            channel = option
    return Line(_KINDS[who], text.strip(), channel, pause, attach)


def _scene(text: str, language: str) -> Scene:
    head, *turns = re.split(r"^--- ", text, flags=re.MULTILINE)
    key, *settings = head.strip().splitlines()
    values = dict(line.split(": ", 1) for line in settings)
    kind, _, status = values.get("state", "").partition(" ")
    return Scene(
        key=key.strip(),
        language=language,
        start=tuple(values["start"].split()),
        queue=values["queue"],
        subject="{" + values["subject"].replace(" | ", "|") + "}",
        lines=tuple(_line(*turn.split("\n", 1)) for turn in turns),
        facts=frozenset(_PLACEHOLDER.findall(text)),
        who=values.get("who", "person"),
        lines_of_business=tuple(values.get("lines", "").split()),
        models=tuple(values.get("models", "").split()),
        countries=tuple(values.get("countries", "").split()),
        needs=values.get("needs", ""),
        tags=tuple(tag.strip() for tag in values.get("tags", "").split(",") if tag.strip()),
        priority=values.get("priority", "normal"),
        hours=values.get("hours", "day"),
        state=(kind, status) if kind else None,
        weight=int(values.get("weight", "1")),
        always_open=values.get("open") == "yes",
    )


def parse(text: str, language: str) -> tuple[Scene, ...]:
    """The scenes of one file. Raises KeyError or ValueError for what the format does not know."""
    return tuple(_scene(part, language) for part in re.split(r"^=== ", text, flags=re.MULTILINE)[1:])


def load_scenes() -> tuple[Scene, ...]:
    """All scenes of the folder `scripts`; the first two letters of a file name its language."""
    folder = files("tresen.sandbox.demo") / "scripts"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".txt")), key=lambda f: f.name)
    return tuple(scene for file in found for scene in parse(file.read_text("utf-8"), file.name[:2]))
