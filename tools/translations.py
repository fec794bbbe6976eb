"""The German texts: `compile` them, `check` that none is missing, `update` the files with new ones.

English is the language of the sources. Each room keeps its German in `locale/de/LC_MESSAGES/django.po`;
Django reads all rooms together, so that a text which another room already has is not translated twice.
"""

from __future__ import annotations

import ast
import io
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from babel.messages import extract
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import template

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ROOT / "src" / "tresen"
LANGUAGE = "de"
FILE = Path("locale") / LANGUAGE / "LC_MESSAGES" / "django.po"
KEYWORDS = extract.DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "_l": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
# Adapters know no Django: the texts of these declarations are translated where they are shown.
DECLARATIONS = {"Setting": ("key", "label"), "Check": ("name", "ok", "detail", "fix")}
HEADER = r"""msgid ""
msgstr ""
"Language: de\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

"""
SUFFIXES = {".py", ".html", ".txt"}
NOT_SHOWN = {"tests", "migrations", "static"}
SHOWN = {"label", "help", "group", "name", "detail", "fix"}

Key = tuple[str, str]  # (context, msgid in the singular)


def key_of(message: Message) -> Key:
    """What tells a message from another one: its context and its singular."""
    text = message.id if isinstance(message.id, str) else message.id[0]
    return (message.context or "", text)


def texts_of_call(node: ast.Call) -> Iterator[str]:
    """The shown texts of one `Setting(…)` or `Check(…)`."""
    if not (isinstance(node.func, ast.Name) and node.func.id in DECLARATIONS):
        return
    arguments = dict(zip(DECLARATIONS[node.func.id], node.args, strict=False))
    arguments |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    shown = [value for name, value in arguments.items() if name in SHOWN]
    if isinstance(choices := arguments.get("choices"), ast.Tuple):
        shown += [pair.elts[1] for pair in choices.elts if isinstance(pair, ast.Tuple)]
    yield from (value.value for value in shown if isinstance(value, ast.Constant) and value.value)


def declared_texts(source: str) -> Iterator[str]:
    """Constant texts of `Setting(…)`, `Check(…)` and of an adapter's `label`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from texts_of_call(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            yield from (node.value.value for t in node.targets if isinstance(t, ast.Name) and t.id == "label")


def used_in(room: Path) -> Catalog:
    """Every text that a room's code and templates ask for; its locations are files relative to the root."""
    catalog = Catalog()
    for path in sorted(room.rglob("*")):
        relative = path.relative_to(ROOT)
        if path.suffix not in SUFFIXES or NOT_SHOWN & set(relative.parts):
            continue
        source = path.read_text(encoding="utf-8")
        if path.suffix != ".py":
            if "templates" not in relative.parts:
                continue
            # One pair of brackets around everything: the indentation of a template means nothing to Python.
            source = f"({template.templatize(source)}\n)"
        elif "adapters" in relative.parts:
            for text in declared_texts(source):
                catalog.add(text, locations=[(relative.as_posix(), 1)])
        found = extract.extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS)
        for line, text, _, context in found:
            if text and text != ("", ""):
                catalog.add(text, locations=[(relative.as_posix(), line)], context=context)
    return catalog


def rooms() -> list[Path]:
    """The rooms, each a folder of `src/tresen`."""
    return [path for path in sorted(ROOMS.iterdir()) if (path / "__init__.py").exists()]


def read(room: Path) -> Catalog:
    """A room's German, empty when it has none yet."""
    if not (room / FILE).exists():
        return Catalog(locale=LANGUAGE)
    with (room / FILE).open("rb") as file:
        return read_po(file, locale=LANGUAGE, domain="django")


def translated(message: Message) -> bool:
    """True when every plural form has a text."""
    forms = (message.string,) if isinstance(message.string, str) else message.string
    return bool(forms) and all(forms)


def problems() -> Iterator[str]:
    """One line for each text that is missing, fuzzy, contradictory, unused or breaks its placeholders."""
    known: dict[Key, set[object]] = defaultdict(set)
    used: dict[Key, Message] = {}
    for room in rooms():
        used |= {key_of(message): message for message in used_in(room) if message.id}
        for message in read(room):
            if not message.id:
                continue
            if message.fuzzy:
                yield f"{room.name}: fuzzy: {message.id!r}"
            elif translated(message):
                known[key_of(message)].add(message.string)
            yield from (f"{room.name}: {message.id!r}: {error}" for error in message.check())
    for key, message in used.items():
        if key not in known:
            yield f"{message.locations[0][0]}:{message.locations[0][1]}: not translated: {message.id!r}"
    for key, strings in known.items():
        if len(strings) > 1:
            yield f"translated differently in several rooms: {key[1]!r}: {sorted(map(str, strings))}"
        if key not in used:
            yield f"used nowhere: {key[1]!r}"


def check() -> int:
    """Prints what is wrong with the translations; returns 1 when anything is."""
    found = list(problems())
    print("\n".join([*found, f"translations: {len(found)} problems"]))
    return int(bool(found))


def update() -> int:
    """Adds new texts, untranslated, to the file of the room that uses them and drops the unused ones."""
    wanted = {room: used_in(room) for room in rooms()}
    used = {key_of(message) for catalog in wanted.values() for message in catalog}
    old = {room: {key_of(m): m for m in read(room) if m.id and key_of(m) in used} for room in wanted}
    owner = {key: room for room, messages in old.items() for key, m in messages.items() if translated(m)}
    for room, catalog in wanted.items():
        new = Catalog(locale=LANGUAGE)
        for key, message in (old[room] | {key_of(m): m for m in catalog if m.id}).items():
            if owner.setdefault(key, room) == room:
                german = old[room][key].string if key in old[room] else None
                new.add(message.id, german, context=message.context)
        if len(new):
            (room / FILE).parent.mkdir(parents=True, exist_ok=True)
            with (room / FILE).open("wb") as file:
                file.write(HEADER.encode())
                write_po(file, new, width=110, sort_output=True, no_location=True, omit_header=True)
    return check()


def compile_all() -> int:
    """Writes the .mo files beside the .po files whose compiled form is missing or older."""
    for room in rooms():
        source, target = room / FILE, (room / FILE).with_suffix(".mo")
        if source.exists() and not (target.exists() and target.stat().st_mtime > source.stat().st_mtime):
            with target.open("wb") as file:
                write_mo(file, read(room))
    return 0


if __name__ == "__main__":
    settings.configure()
    commands = {"compile": compile_all, "check": check, "update": update}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: translations.py {'|'.join(commands)}")
    sys.exit(commands[sys.argv[1]]())
