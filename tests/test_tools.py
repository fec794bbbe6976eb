"""The checks of `make lint` and the summary of `make test` see what they claim to see."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).parent.parent / "tools"


def tool(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"tool_{name}", TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look it up there
    spec.loader.exec_module(module)
    return module


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_budgets_name_long_functions_and_modules(tmp_path, monkeypatch, capsys):
    budgets = tool("budgets")
    monkeypatch.setattr(budgets, "ROOT", tmp_path)
    write(tmp_path / "src/a.py", "def short():\n" + "    x = 1\n" * 49 + "\n\ndef long():\n" + "    x = 1\n" * 50)
    write(tmp_path / "src/b.js", "\n" * 301)
    write(tmp_path / "src/migrations/c.py", "\n" * 900)
    assert budgets.main() == 1
    assert capsys.readouterr().out.splitlines() == [
        "warning: src/b.js: 301 lines, better 300",
        "src/a.py:53: function long has 51 lines, at most 50",
        "budgets: 1 broken, 1 warnings",
    ]
    write(tmp_path / "src/a.py", "x = 1\n" * 501)
    assert budgets.main() == 1
    assert "src/a.py: 501 lines, at most 500" in capsys.readouterr().out
    write(tmp_path / "src/a.py", "x = 1\n")
    assert budgets.main() == 0


ROOM = {
    "__init__.py": "",
    "views.py": 'from x import gettext as _\n\n\ndef f():\n    return _("Reply")\n',
    "adapters/mail.py": 'class Mail(Adapter):\n    label = "Mail"\n    settings = (Setting("host", "Server"),)\n',
    "templates/a.html": '<p>{% translate "Save" %}\n  {% translate "May" context "month" %}</p>\n',
    "tests/test_x.py": 'from x import _\n\n_("Not shown")\n',
}
GERMAN = {"Mail": "Post", "May": "Mai", "Reply": "Antworten", "Save": "Speichern", "Server": "Server"}


@pytest.fixture
def rooms(tmp_path, monkeypatch):
    translations = tool("translations")
    monkeypatch.setattr(translations, "ROOT", tmp_path)
    monkeypatch.setattr(translations, "ROOMS", tmp_path / "src")
    for name, text in ROOM.items():
        write(tmp_path / "src/desk" / name, text)
    return translations


def po(entries: str) -> str:
    head = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n\n'
    return head + entries


def test_translations_find_every_text(rooms, tmp_path):
    assert {line.split(": ", 1)[1] for line in rooms.problems()} == {
        "not translated: 'Reply'",
        "not translated: 'Mail'",
        "not translated: 'Server'",
        "not translated: 'Save'",
        "not translated: 'May'",
    }


def test_translations_can_be_brought_up_to_date_filled_in_and_compiled(rooms, tmp_path, capsys):
    assert rooms.update() == 1
    path = tmp_path / "src/desk" / rooms.FILE
    text = path.read_text(encoding="utf-8")
    for english, german in GERMAN.items():
        text = text.replace(f'msgid "{english}"\nmsgstr ""', f'msgid "{english}"\nmsgstr "{german}"')
    path.write_text(text, encoding="utf-8")
    assert rooms.check() == 0
    assert rooms.update() == 0
    assert path.read_text(encoding="utf-8") == text
    assert rooms.compile_all() == 0
    assert b"Speichern" in path.with_suffix(".mo").read_bytes()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('#, fuzzy\nmsgid "Reply"\nmsgstr "Antwort"\n', "fuzzy: 'Reply'"),
        ('msgid "Gone"\nmsgstr "Weg"\n', "used nowhere: 'Gone'"),
        ('#, python-format\nmsgid "Reply %(n)s"\nmsgstr "Antwort %(m)s"\n', "unknown named placeholder"),
    ],
)
def test_translations_name_what_is_wrong(rooms, tmp_path, entry, problem):
    write(tmp_path / "src/desk" / rooms.FILE, po(entry))
    assert any(problem in line for line in rooms.problems())


def test_two_rooms_must_agree(rooms, tmp_path):
    write(tmp_path / "src/widget/__init__.py", "")
    for room, german in (("desk", "Antworten"), ("widget", "Erwidern")):
        write(tmp_path / "src" / room / rooms.FILE, po(f'msgid "Reply"\nmsgstr "{german}"\n'))
    assert "translated differently in several rooms: 'Reply': ['Antworten', 'Erwidern']" in list(rooms.problems())


@pytest.mark.parametrize(
    ("line", "passed", "failed"),
    [
        ("839 passed in 44.70s", 839, 0),
        ("7 failed, 1737 passed in 87.71s (0:01:27)", 1737, 7),
        ("===== 2 passed, 1 error in 0.10s =====", 2, 1),
        ("3 passed, 2 warnings in 1.00s", 3, 0),
    ],
)
def test_the_closing_line_is_counted(line, passed, failed):
    suite = tool("test")
    assert suite.CLOSING.match(line)
    result = suite.Result("unit", 0, line.strip("= "), 1.0)
    assert (result.count("passed"), result.count("failed", "error", "errors")) == (passed, failed)


@pytest.mark.parametrize("line", ["FAILED src/a.py::test_b - assert 3 passed in 1s", "12 rows in 3.0s", "passed"])
def test_other_lines_are_not_closing_lines(line):
    assert not tool("test").CLOSING.match(line)
