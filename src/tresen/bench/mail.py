"""`bench mail`: the mail parser over folders of real mail."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from tresen.bench.report import Report, progress
from tresen.channels.adapters.email.engine import measure


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Figures for whatever `--data` holds: mails, quote fixtures, delivery reports."""
    parser = argparse.ArgumentParser(prog="tresen bench mail", description=measure.__doc__)
    parser.add_argument("--data", type=Path, required=True, help="messages/, quotes/, bounces/; or just mails")
    given = parser.parse_args(args)
    report = Report("mail")
    with progress(console) as bar:
        bar.add_task("mail", total=None)
        found = measure.measure(given.data) or {"messages": measure.messages(given.data)}
    if "messages" in found:
        report.add("mails read", found["messages"]["mails"], at_least=1)
        report.add("mails refused", len(found["messages"]["refused"]), note="kept and shown with the raw mail")
        report.add("CPU of a mail", found["messages"]["cpu_ms_per_mail"], "ms", note="parsed, folded, sanitised")
    if "quotes" in found:
        matched, fixtures = found["quotes"]["matched"], found["quotes"]["fixtures"]
        report.add("quotes folded as expected", 100 * matched / max(1, fixtures), "%", note=f"of {fixtures}")
    if "bounces" in found:
        report.add("delivery reports recognised", 100 * found["bounces"]["share"], "%")
        report.add("mails taken for reports", len(found["bounces"]["alarms"]))
    return report.finish(console)
