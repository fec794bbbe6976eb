"""`bench intake`: durable receipts per second at the counter, against a bare endpoint that stores the same row.

Three servers take turns, each round on fresh data: the floor; the counter alone (the product's `/in` without the work
behind it, as `tresen web` runs it); the whole product, whose workers process the receipts meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console

from tresen.bench import machine, wire
from tresen.bench.product import Process, Product, environment, serving, workshop
from tresen.bench.report import Report, progress

LANES = 32
WARM_UP = 300  # requests
ROUND_MAX = 15_000  # requests; a round stays below the backlog at which the counter asks to come back later
TEXT = "Guten Tag, seit gestern leuchtet an meiner Maschine die rote Lampe, und sie mahlt nicht mehr. Was kann ich tun?"


@dataclass
class Rounds:
    """What the rounds against one server saw."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    client_busy: list[float] = field(default_factory=list)
    refused: int = 0
    waiting: list[float] = field(default_factory=list)

    def note(self, load: wire.Load, cpu: float) -> None:
        """One round, and the seconds of CPU that the server used during it."""
        self.rates.append(load.rate)
        self.latencies += load.latencies
        self.cpu_ms.append(cpu * 1000 / max(1, load.good))
        self.client_busy.append(load.client_cpu / load.seconds)
        self.refused += sum(load.statuses.values()) - load.good

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Runs the rounds, then floods the product to see it slow its customers down."""
    parser = argparse.ArgumentParser(prog="tresen bench intake")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a round")
    parser.add_argument("--flood", type=float, default=15.0, help="seconds of sending more than can be processed")
    given = parser.parse_args(args)
    report = Report("intake")
    servers: dict[str, Callable[[Path], Process]] = {"floor": _floor, "counter": _counter, "product": Product}
    rounds = {name: Rounds() for name in servers}
    with workshop() as folder, progress(console) as bar:
        report.probe(folder)
        channel = _template(folder / "template")
        task = bar.add_task("intake", total=given.rounds * len(servers) + 1)
        for turn, (name, make) in itertools.product(range(given.rounds), servers.items()):
            data = folder / f"{name}-{turn}"
            shutil.copytree(folder / "template", data)
            _round(make(data), channel, given.seconds, rounds[name])
            shutil.rmtree(data)
            bar.advance(task)
        _tell(report, rounds)
        shutil.copytree(folder / "template", folder / "flood")
        _flood(Product(folder / "flood"), channel, given.flood, report)
        bar.advance(task)
    return report.finish(console)


def _template(data: Path) -> Mapping[str, Any]:
    """An installation with one channel, to be copied for every round; the channel."""
    product = Product(data)
    with serving(product):
        product.log_in()
        channel: Mapping[str, Any] = product.api("POST", "/channels", {"kind": "api", "name": "Shop"})
    return channel


def _floor(data: Path) -> Process:
    port = machine.free_port()
    command = [sys.executable, "-m", "tresen.bench.floor.intake", str(data / "tresen.sqlite3"), str(port)]
    return Process(command, port, environment(data, {}), data.parent / "floor.log")


def _counter(data: Path) -> Process:
    port = machine.free_port()
    command = [sys.executable, "-m", "uvicorn", "tresen.config.asgi:application", "--port", str(port)]
    command += ["--no-access-log", "--log-level", "warning", "--no-server-header", "--no-proxy-headers"]
    return Process(command, port, environment(data, {"TRESEN_ROLE": "web"}), data.parent / "counter.log")


def _requests(channel: Mapping[str, Any], count: int) -> Iterator[bytes]:
    made = [wire.post(channel, f"m{n}", f"t{n}", f"kunde{n}@example.org", f"{n} {TEXT}") for n in range(1, count + 1)]
    return iter(made)


def _round(server: Process, channel: Mapping[str, Any], seconds: float, rounds: Rounds) -> None:
    requests = _requests(channel, ROUND_MAX)
    with serving(server):
        uvloop.run(wire.closed_loop(server.port, itertools.islice(requests, WARM_UP), lanes=LANES, seconds=seconds))
        before = machine.cpu(server.pid)
        load = uvloop.run(wire.closed_loop(server.port, requests, lanes=LANES, seconds=seconds))
        rounds.note(load, machine.cpu(server.pid) - before)
        if isinstance(server, Product):
            rounds.waiting.append(server.metrics()["tresen_receipts_pending"])


def _tell(report: Report, rounds: Mapping[str, Rounds]) -> None:
    floor = rounds["floor"].rate
    for name, seen in rounds.items():
        what = {"floor": "floor", "counter": "counter alone", "product": "product at work"}[name]
        report.add(f"{what}: receipts", seen.rate, "1/s", note=f"median of {len(seen.rates)} rounds, {LANES} lanes")
        if name != "floor":
            report.add(f"{what}: ratio to the floor", seen.rate / floor, at_least=0.5)
        report.latencies(what, seen.latencies)
        report.add(f"{what}: CPU", statistics.median(seen.cpu_ms), "ms/receipt")
        report.add(f"{what}: not answered 2xx", seen.refused, at_most=0)
        report.add(f"{what}: client's core in use", 100 * max(seen.client_busy), "%", note="100 % would be the limit")
    report.add("product at work: still waiting after a round", statistics.median(rounds["product"].waiting), "receipts")


def _flood(product: Product, channel: Mapping[str, Any], seconds: float, report: Report) -> None:
    """More than can be processed: how many are taken, how many are asked to come back, and that the rest is done."""
    if not seconds:
        return
    requests = _requests(channel, int(seconds * 8000))
    with serving(product):
        load = uvloop.run(wire.closed_loop(product.port, requests, lanes=LANES, seconds=seconds))
        report.add("flood: receipts", load.rate, "1/s", note=f"{seconds:.0f} s without a pause")
        report.latencies("flood", load.latencies)
        report.add("flood: asked to come back (503)", load.statuses[503], "requests")
        report.add("flood: other answers", sum(load.statuses.values()) - load.good - load.statuses[503], at_most=0)
        report.add("flood: waiting at its end", product.metrics()["tresen_receipts_pending"], "receipts")
