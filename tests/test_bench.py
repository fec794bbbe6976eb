"""Every bench runs, small: its figures are there and what does not depend on the machine's speed is met."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tresen.bench import NAMES, desk, intake, machine, mail, pipeline, start, stream
from tresen.bench.report import Report

QUIET = Console(quiet=True)
MAIL = (
    "From: Ada <ada@example.org>\r\nTo: help@example.com\r\nSubject: Lampe\r\n"
    "Message-ID: <1@example.org>\r\nDate: Mon, 02 Mar 2026 09:30:00 +0100\r\n\r\nGuten Tag\r\n"
)


def checked(result: dict[str, Any], *zero: str) -> dict[str, float]:
    """The figures by name: all numbers, printable as JSON; those named are 0."""
    json.dumps(result)
    values = {name: figure["value"] for name, figure in result["figures"].items()}
    assert not any(math.isnan(value) for value in values.values())
    assert {name: values[name] for name in zero} == dict.fromkeys(zero, 0)
    return values


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses in which a bench lets things calm down are not what is tested here."""
    for module in (start, stream):
        monkeypatch.setattr(module, "SETTLE", 0.3)
    monkeypatch.setattr(pipeline, "IDLE", 0.3)


def test_intake():
    result = intake.run(["--rounds", "1", "--seconds", "0.3", "--flood", "0"], QUIET)
    unanswered = [f"{name}: not answered 2xx" for name in ("floor", "counter alone", "product at work")]
    values = checked(result, *unanswered)
    assert values["floor: receipts"] > 0
    assert values["product at work: receipts"] > 0


def test_pipeline():
    result = pipeline.run(["--rate", "20", "--seconds", "2"], QUIET)
    mixes = ("new", "70 % known threads")
    gone = [f"{mix}: {what}" for mix in mixes for what in ("not answered 2xx", "never shown", "never assigned")]
    values = checked(result, *gone)
    assert [values[f"{mix}: messages"] for mix in mixes] == [40, 40]
    assert values["floor: rows per message"] > 3


def test_desk_and_start(tmp_path: Path):
    result = desk.run(["--data", str(tmp_path), "--sizes", "300", "--requests", "5"], QUIET)
    values = checked(result)
    assert values["300: conversation opened p99"] > 0
    begun = checked(start.run(["--data", str(tmp_path), "--times", "1", "--conversations", "300"], QUIET))
    assert 0 < begun["idle: PSS"] < 400


def test_stream():
    result = stream.run(["--streams", "60", "--seconds", "2"], QUIET)
    values = checked(result, "frames missing", "streams lost")
    assert values["streams"] == 60
    assert values["events"] == 20


def test_mail(tmp_path: Path):
    (tmp_path / "one.eml").write_text(MAIL)
    values = checked(mail.run(["--data", str(tmp_path)], QUIET), "mails refused")
    assert values["mails read"] == 1


def test_the_verdict():
    output = io.StringIO()
    report = Report("sample")
    report.add("fast", 1.0, "ms", at_most=2)
    report.add("slow", 3.0, "ms", at_most=2)
    report.add("nothing measured", math.nan, "ms", at_most=2)
    result = report.finish(Console(file=output, width=200))
    assert result["bounds"] == {
        "fast": {"bound": "≤ 2", "met": True},
        "slow": {"bound": "≤ 2", "met": False},
        "nothing measured": {"bound": "≤ 2", "met": False},
    }
    assert result["good"] is False
    assert output.getvalue().count("missed") == 2


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1), (0.5, 50), (0.99, 99), (1.0, 100)])
def test_percentiles_by_nearest_rank(share: float, expected: float):
    assert machine.percentile(list(range(100, 0, -1)), share) == expected


def test_the_names_are_modules():
    assert set(NAMES) == {"intake", "pipeline", "desk", "stream", "start", "crash", "mail"}
