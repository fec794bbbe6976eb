"""`bench pipeline`: from a customer's message to the agent's desk, live, at a steady rate."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import Progress

from tresen.bench import machine, watch, wire
from tresen.bench.floor import rows
from tresen.bench.product import Failed, Product, serving, workshop
from tresen.bench.report import Report, progress

AGENTS, CAPACITY = 10, 1000
IDLE = 5.0
PATIENCE = 30.0
TEXT = (
    "Guten Tag, seit gestern leuchtet an meiner Maschine die rote Lampe, und sie mahlt nicht mehr. Was kann ich tun? "
)


@dataclass
class Times:
    """When what happened to the messages of one mix, by their number; conversations by their id."""

    acknowledged: dict[int, float] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)
    conversation: dict[int, int] = field(default_factory=dict)
    assigned: dict[int, float] = field(default_factory=dict)

    def seen(self, name: bytes, data: bytes, now: float) -> None:
        """An event of the stream."""
        if name == b"conversation.assigned":
            self.assigned.setdefault(json.loads(data)["conversation_id"], now)
        elif name == b"message.created":
            event = json.loads(data)
            number = int(event["message"]["text"].partition(" ")[0])
            self.shown[number] = now
            self.conversation[number] = event["conversation_id"]

    def to_shown(self) -> list[float]:
        """Seconds from the acknowledgement to the message on the desk."""
        return [self.shown[n] - at for n, at in self.acknowledged.items() if n in self.shown]

    def to_assigned(self, new: set[int]) -> list[float]:
        """Seconds from the acknowledgement to the agent, for messages that began a conversation."""
        pairs = [(n, self.conversation[n]) for n in new if n in self.conversation]
        return [self.assigned[c] - self.acknowledged[n] for n, c in pairs if c in self.assigned]


@dataclass(frozen=True)
class Outcome:
    """One mix: its times, which messages began conversations, the load, CPU milliseconds per message."""

    times: Times
    new: set[int]
    load: wire.Load
    cpu_ms: float
    cpu_busy: float


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Measures both mixes and the floor."""
    parser = argparse.ArgumentParser(prog="tresen bench pipeline")
    parser.add_argument("--rate", type=float, default=50.0, help="messages per second")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each mix")
    given = parser.parse_args(args)
    report = Report("pipeline")
    with workshop() as folder, progress(console) as bar:
        report.probe(folder)
        product = Product(folder / "data")
        with serving(product):
            uvloop.run(_measure(product, report, bar, given.rate, given.seconds))
        floor = rows.replay(product.database(), folder / "floor.sqlite3")
        report.add("floor: the same rows by plain sqlite3, CPU", floor.cpu_ms, "ms/message")
        report.add("floor: rows per message", floor.rows_per_message, "rows")
    return report.finish(console)


async def _measure(product: Product, report: Report, bar: Progress, rate: float, seconds: float) -> None:
    product.log_in()
    channel = product.api("POST", "/channels", {"kind": "api", "name": "Shop"})
    agents = [_agent(product, n) for n in range(AGENTS)]
    current = Times()
    stream, status = await watch.open_stream(product.port, product.token, lambda *event: current.seen(*event))
    if status != 200:
        raise Failed(f"the stream answered {status}")
    task = bar.add_task("pipeline", total=4)
    await asyncio.sleep(2)
    idle = await _idle(product.pid)
    report.add("CPU when idle", idle * 1000, "ms/s")
    bar.advance(task)
    known: list[int] = []
    numbers = itertools.count(1)
    for name, share in (("warm-up", 0.0), ("new", 0.0), ("70 % known threads", 0.7)):
        for agent in agents:
            product.api("POST", f"/agents/{agent}/presence", {"status": "online"})
        current = Times()
        length = 2.0 if name == "warm-up" else seconds
        outcome = await _mix(product, channel, current, numbers, known, share, rate, length, idle)
        known += sorted(outcome.new)
        bar.advance(task)
        if name != "warm-up":
            _tell(report, name, outcome, rate)
    stream.close()


def _agent(product: Product, number: int) -> int:
    body = {"email": f"agent{number}@example.org", "name": f"Agent {number}", "capacity": CAPACITY}
    return int(product.api("POST", "/agents", body)["id"])


async def _idle(pid: int) -> float:
    before = machine.cpu(pid)
    await asyncio.sleep(IDLE)
    return (machine.cpu(pid) - before) / IDLE


async def _mix(
    product: Product,
    channel: Mapping[str, Any],
    times: Times,
    numbers: Iterator[int],
    known: list[int],
    share: float,
    rate: float,
    seconds: float,
    idle: float,
) -> Outcome:
    """`share` of the messages go to threads of `known` messages, the others begin conversations."""
    new: set[int] = set()
    sent: list[int] = []

    def requests() -> Iterator[bytes]:
        for turn, number in enumerate(numbers):
            old = bool(known) and (turn * 7) % 10 < share * 10
            thread = known[turn % len(known)] if old else number
            if not old:
                new.add(number)
            sent.append(number)
            name = f"kunde{thread}@example.org"
            yield wire.post(channel, f"m{number}", f"t{thread}", name, f"{number} {TEXT}")

    def acknowledged(turn: int, status: int, _body: bytes) -> None:
        if status == 202:
            times.acknowledged[sent[turn]] = time.perf_counter()

    cpu, begun = machine.cpu(product.pid), time.perf_counter()
    load = await wire.open_loop(product.port, requests(), rate=rate, seconds=seconds, seen=acknowledged)
    while time.perf_counter() - begun < seconds + PATIENCE:
        if times.acknowledged.keys() <= times.shown.keys() and len(times.assigned) >= len(new):
            break
        await asyncio.sleep(0.05)
    busy = machine.cpu(product.pid) - cpu
    spent = busy - idle * (time.perf_counter() - begun)
    return Outcome(times, new, load, spent * 1000 / max(1, load.good), busy)


def _tell(report: Report, name: str, outcome: Outcome, rate: float) -> None:
    times, load = outcome.times, outcome.load
    report.add(f"{name}: messages", load.good)
    report.add(f"{name}: not answered 2xx", sum(load.statuses.values()) - load.good, at_most=0)
    report.add(f"{name}: never shown", len(times.acknowledged.keys() - times.shown.keys()), at_most=0)
    report.add(f"{name}: CPU", outcome.cpu_ms, "ms/message", at_most=2.5, note="idle subtracted")
    report.add(f"{name}: CPU of one core in use", 100 * outcome.cpu_busy / load.seconds, "%")
    report.latencies(f"{name}: acknowledged", load.latencies, note="from the planned moment to 202")
    report.latencies(f"{name}: 202 to desk", times.to_shown(), p99=100)
    assigned = times.to_assigned(outcome.new)
    report.latencies(f"{name}: 202 to assigned agent", assigned, p99=100, note=f"{len(assigned)} conversations")
    report.add(f"{name}: never assigned", len(outcome.new) - len(assigned), at_most=0)
