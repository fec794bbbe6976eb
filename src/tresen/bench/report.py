"""Figures with their bounds: a table for people, plain values for `--json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tresen.bench import machine


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. Without a bound it is there to explain others."""

    name: str
    value: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def bound(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""

    @property
    def good(self) -> bool:
        """NaN (nothing was measured) never meets a bound."""
        return (self.at_most is None or self.value <= self.at_most) and (
            self.at_least is None or self.value >= self.at_least
        )


@dataclass
class Report:
    """The figures of one bench, in the order in which they were added."""

    bench: str
    figures: list[Figure] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, name: str, value: float, unit: str = "", **rest: Any) -> None:
        """Adds a figure; `rest` are the bounds and the note of `Figure`."""
        self.figures.append(Figure(name, value, unit, **rest))

    def latencies(self, name: str, seconds: Sequence[float], *, p99: float | None = None, note: str = "") -> None:
        """p50 and p99 in milliseconds; `p99` is its bound in milliseconds."""
        self.add(f"{name} p50", machine.percentile(seconds, 0.5) * 1000, "ms")
        self.add(f"{name} p99", machine.percentile(seconds, 0.99) * 1000, "ms", at_most=p99, note=note)

    def probe(self, folder: Path) -> None:
        """How fast this machine is just now: its disk, and its processor beside whatever else runs."""
        taken = machine.fsync_probe(folder)
        self.add("probe: fsync of 4 KiB p50", machine.percentile(taken, 0.5) * 1000, "ms")
        self.add("probe: fsync of 4 KiB p99", machine.percentile(taken, 0.99) * 1000, "ms")
        self.add("probe: CPU of a fixed piece of Python", machine.cpu_probe() * 1000, "ms", note="compare between runs")

    @property
    def good(self) -> bool:
        return not self.faults and all(figure.good for figure in self.figures)

    def finish(self, console: Console) -> dict[str, Any]:
        """Prints the table; returns what `--json` prints."""
        table = Table(title=f"bench {self.bench}", caption=machine.description())
        table.add_column("figure")
        table.add_column("value", justify="right")
        for column in ("unit", "bound", "verdict", "note"):
            table.add_column(column)
        for f in self.figures:
            verdict = ("[green]met" if f.good else "[red]missed") if f.bound else ""
            table.add_row(f.name, f"{f.value:,.{_digits(f.value)}f}", f.unit, f.bound, verdict, f.note)
        console.print(table)
        for fault in self.faults:
            console.print(f"[red]{fault}", highlight=False)
        return {
            "bench": self.bench,
            "machine": machine.description(),
            "good": self.good,
            "faults": self.faults,
            "figures": {f.name: {"value": round(f.value, 4), "unit": f.unit} for f in self.figures},
            "bounds": {f.name: {"bound": f.bound, "met": f.good} for f in self.figures if f.bound},
        }


def _digits(value: float) -> int:
    if math.isnan(value) or value == int(value):
        return 0
    return 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 1 else 3


@contextmanager
def progress(console: Console) -> Iterator[Progress]:
    """A bar that costs the measurement next to nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, refresh_per_second=2) as bar:
        yield bar
