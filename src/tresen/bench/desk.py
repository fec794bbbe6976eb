"""`bench desk`: listing and opening conversations, among ever more of them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID

from tresen.bench import machine, volume
from tresen.bench.browser import log_in
from tresen.bench.product import Failed, Product, serving, workshop
from tresen.bench.report import Report, progress

AGENT = 1
P99 = 25.0  # ms
GROWTH = 1.5  # how much longer the median may take among ten times as many
WARM_UP = 15
Ask = Callable[[], tuple[int, bytes]]


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Measures each size; the bounds hold for the largest."""
    parser = argparse.ArgumentParser(prog="tresen bench desk")
    parser.add_argument("--data", type=Path, help="keep the installations here and use them again")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--requests", type=int, default=300, help="of each kind")
    given = parser.parse_args(args)
    report, medians = Report("desk"), dict[int, dict[str, float]]()
    sizes = sorted(given.sizes)
    with workshop(given.data) as folder, progress(console) as bar:
        task = bar.add_task("desk", total=len(sizes))
        for size in sizes:
            data = folder / f"volume-{size}"
            volume.install(data, size, tell=partial(_step, bar, task, size))
            bar.update(task, description=f"{size:,}: measuring")
            medians[size] = _measure(Product(data), size, given.requests, report, strict=size == sizes[-1])
            bar.advance(task)
    if len(sizes) > 1:
        for kind, median in medians[sizes[-1]].items():
            note = f"p50 of {sizes[-1]:,} / p50 of {sizes[-2]:,}"
            bound = None if kind == SEARCH else GROWTH
            report.add(f"growth: {kind}", median / medians[sizes[-2]][kind], at_most=bound, note=note)
    return report.finish(console)


def _step(bar: Progress, task: TaskID, size: int, what: str) -> None:
    bar.update(task, description=f"{size:,}: {what}")


def _measure(product: Product, size: int, requests: int, report: Report, *, strict: bool) -> dict[str, float]:
    medians: dict[str, float] = {}
    with serving(product):
        product.token = volume.token_of(AGENT)
        session = log_in(product.port, f"agent{AGENT}@example.org")
        for kind, asks in _kinds(product, session.get, size).items():
            taken, cpu = [], 0.0
            for number, ask in zip(range(WARM_UP + requests), asks, strict=False):
                if number == WARM_UP:
                    cpu = machine.cpu(product.pid)
                begun = time.perf_counter()
                status, content = ask()
                taken.append(time.perf_counter() - begun)
                if status != 200:
                    raise Failed(f"{kind}: {status} {content[:300]!r}")
            cpu = (machine.cpu(product.pid) - cpu) * 1000 / requests
            medians[kind] = machine.percentile(taken[WARM_UP:], 0.5)
            name = f"{size:,}: {kind}"
            bound = P99 if strict and kind != SEARCH else None
            report.latencies(name, taken[WARM_UP:], p99=bound, note=f"{cpu:.1f} ms CPU, {len(content) / 1000:.0f} kB")
        session.close()
        report.add(f"{size:,}: PSS", machine.pss(product.pid) / 1e6, "MB")
    return medians


SEARCH = "search by name"


def _kinds(product: Product, get: Callable[..., tuple[int, bytes]], size: int) -> dict[str, Iterator[Ask]]:
    """Endless requests of each kind, as an agent of one team makes them."""
    random = Random(1)
    team = AGENT % volume.TEAMS + 1
    seen = [i for i in range(1, size + 1) if 101 + (i // 100) % volume.TEAMS == 100 + team]

    def one() -> int:
        return random.choice(seen)

    def page(path: Callable[[], str], **headers: str) -> Iterator[Ask]:
        while True:
            where = path()
            yield lambda where=where: get(where, headers)  # type: ignore[misc]

    def api(path: Callable[[], str]) -> Iterator[Ask]:
        while True:
            where = path()
            yield lambda where=where: product.call("GET", f"/api/v1{where}", token=product.token)  # type: ignore[misc]

    htmx = {"HX-Request": "true"}
    return {
        "inbox page": page(lambda: "/desk/"),
        "list: waiting": page(lambda: "/desk/list/?view=waiting", **htmx),
        "list: all": page(lambda: "/desk/list/?view=all", **htmx),
        "list: one status": page(lambda: "/desk/list/?view=all&status=resolved", **htmx),
        "conversation page": page(lambda: f"/desk/c/{one()}/?view=all"),
        "conversation opened": page(lambda: f"/desk/c/{one()}/", **htmx),
        SEARCH: page(lambda: f"/desk/list/?view=all&q=Kundin+{random.randint(1, size // 4)}", **htmx),
        "API: list": api(lambda: "/conversations?limit=50"),
        "API: list of waiting": api(lambda: "/conversations?status=waiting&limit=50"),
        "API: one": api(lambda: f"/conversations/{one()}"),
        "API: its messages": api(lambda: f"/conversations/{one()}/messages"),
    }
