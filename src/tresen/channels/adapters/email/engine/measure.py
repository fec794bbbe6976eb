"""Figures over folders of real mail: `python -m tresen.channels.adapters.email.engine.measure DIR`.

DIR may hold `messages/`, `quotes/{emails,trimmed}/` and `bounces/maildir/{err,bsd,not}/`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tresen.channels.adapters.email.engine import bounces, html
from tresen.channels.adapters.email.engine.limits import Unparsable
from tresen.channels.adapters.email.engine.parse import Mail, parse
from tresen.channels.adapters.email.engine.quotes import fold, fold_text


def measure(folder: Path) -> dict[str, Any]:
    """All figures that the folder has data for."""
    figures: dict[str, Any] = {}
    if (folder / "messages").is_dir():
        figures["messages"] = messages(folder / "messages")
    if (folder / "quotes").is_dir():
        figures["quotes"] = quotes(folder / "quotes")
    if (folder / "bounces" / "maildir").is_dir():
        figures["bounces"] = reports(folder / "bounces" / "maildir")
    return figures


def mails(folder: Path) -> Iterator[tuple[Path, Mail | Unparsable]]:
    """Every mail below a folder, parsed or refused."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "LICENSE" not in p.name):
        try:
            yield path, parse(path.read_bytes())
        except Unparsable as refused:
            yield path, refused


def messages(folder: Path) -> dict[str, Any]:
    """Mails read, mails refused (by name), and CPU milliseconds per mail including folding and sanitising."""
    started, count, refused = time.process_time(), 0, []
    for path, mail in mails(folder):
        count += 1
        if isinstance(mail, Unparsable):
            refused.append(f"{path.name}: {mail.reason}")
            continue
        fold(mail.text, mail.html)
        html.sanitise(mail.html, load_remote=False, cid_url=lambda cid: None)
    spent = (time.process_time() - started) * 1000
    return {"mails": count, "refused": refused, "cpu_ms_per_mail": round(spent / max(1, count), 2)}


def quotes(folder: Path) -> dict[str, Any]:
    """How many visible texts equal the expected ones, white space at line ends and empty lines aside."""
    misses, count = [], 0
    for path in sorted((folder / "emails").glob("*.txt")):
        count += 1
        visible = fold_text(path.read_text("utf-8")).visible
        if _lines(visible) != _lines((folder / "trimmed" / path.name).read_text("utf-8")):
            misses.append(path.stem)
    return {"fixtures": count, "matched": count - len(misses), "missed": misses}


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def reports(maildir: Path) -> dict[str, Any]:
    """Recognised reports in `err` and `bsd`, alarms in `not`."""
    found, missed, alarms, total = 0, [], [], 0
    for path, mail in mails(maildir):
        seen = isinstance(mail, Mail) and bounces.read_report(mail) is not None
        if path.parent.name == "not":
            alarms += [path.name] if seen else []
            continue
        total += 1
        found += seen
        missed += [] if seen else [path.name]
    return {
        "reports": total,
        "found": found,
        "share": round(found / max(1, total), 4),
        "missed": missed,
        "alarms": alarms,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1])), indent=2, ensure_ascii=False))
