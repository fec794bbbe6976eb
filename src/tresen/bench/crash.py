"""`bench crash`: the product is killed at named points while customers write and agents answer: none is lost.

SQLite, or PostgreSQL by DATABASE_URL. kill -9 does not test the disk: syncing is the database's setting.
"""

from __future__ import annotations

import argparse
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from tresen.bench.ledger import Person, Watcher, audit
from tresen.bench.product import Failed, Product, workshop
from tresen.bench.receiver import Receiver
from tresen.bench.report import Report, progress

# Point → at most at which of its passes the process dies. ANYTIME: after a random time instead.
ANYTIME = "anytime"
POINTS: Mapping[str, int] = {
    "receipt.before-commit": 8,
    "receipt.after-commit": 8,
    "file.written": 10,
    "attachment.row-written": 10,
    "receipt.before-processed": 8,
    "receipt.processed": 8,
    "events.before-commit": 10,
    "events.after-commit": 10,
    "job.claimed": 15,
    "delivery.before-send": 15,
    "delivery.after-send": 15,
    "delivery.recorded": 15,
    ANYTIME: 1,
}
PEOPLE = 6
SETTLE_FAULTY = 1200.0  # s; the back-off after failed tries grows to minutes
SETTLE = 180.0  # s; on PostgreSQL a killed worker's jobs come back when their lease ends


@dataclass
class Tally:
    """Sums over all runs."""

    runs: int = 0
    reached: Counter[str] = field(default_factory=Counter)
    messages: int = 0
    replies: int = 0
    repeated: int = 0
    webhooks: int = 0
    recovery: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Kills and audits; the verdict is that no fault was found."""
    parser = argparse.ArgumentParser(prog="tresen bench crash")
    parser.add_argument("--runs", type=int, default=len(POINTS))
    parser.add_argument("--point", choices=list(POINTS), help="only this one")
    parser.add_argument("--receiver-faults", type=float, default=0.0, help="share of webhooks that go wrong")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--data", type=Path, help="keep the data here")
    given = parser.parse_args(args)
    points = [given.point] if given.point else list(POINTS)
    report, random = Report("crash"), Random(given.seed)
    with workshop(given.data) as folder, progress(console) as bar:
        report.probe(folder)
        task = bar.add_task("crash", total=given.runs)
        harness = Harness(folder / "data", given.receiver_faults, given.seed)
        try:
            for number in range(given.runs):
                point = points[number % len(points)]
                bar.update(task, description=point)
                harness.run(f"r{given.seed}x{number}", point, random.randint(1, POINTS[point]))
                bar.advance(task)
        finally:
            harness.close()
    _tell(report, harness.tally, given.seed)
    return report.finish(console)


class Harness:
    """One installation, one receiver of webhooks, many deaths."""

    def __init__(self, data: Path, receiver_faults: float, seed: int) -> None:
        self.receiver = Receiver(faults=receiver_faults, seed=seed)
        given = {"TRESEN_ALLOW_HOSTS": f"127.0.0.1:{self.receiver.port}"}
        if "DATABASE_URL" in os.environ:
            given["DATABASE_URL"] = os.environ["DATABASE_URL"]
        self.product = Product(data, **given)
        self.random, self.tally = Random(seed), Tally()
        self.product.start()
        self.product.log_in()
        channel = {"kind": "api", "name": "Shop", "webhook_url": self.receiver.url}
        self.channel: Mapping[str, Any] = self.product.api("POST", "/channels", channel)
        self.receiver.secret = self.channel["webhook_secret"]
        self.product.stop()

    def close(self) -> None:
        """Ends what runs."""
        self.product.stop()
        self.receiver.close()

    def run(self, name: str, point: str, turn: int) -> None:
        """One life, one death, one new life, one audit."""
        self.product.environ["TRESEN_FAULT"] = f"{point}:{turn}"
        self.product.start()
        watcher = Watcher(self.product)
        watcher.start()
        time.sleep(0.2)
        people = [Person(self.product, self.channel, f"{name}t{n}", n) for n in range(PEOPLE)]
        for person in people:
            person.start()
        if self._death(people, point):
            self.tally.reached[point] += 1
        del self.product.environ["TRESEN_FAULT"]
        self.product.start()
        restarted = time.monotonic()
        for person in people:
            person.join()
        faults = [person.fault for person in people if person.fault] or self._settle(people)
        self.tally.recovery.append(time.monotonic() - restarted)
        watcher.ending.set()
        for person in people if not faults else []:
            faults += audit(self.product, self.channel, person.talk, self.receiver, watcher)
        self._count(people, [f"{name} {point}:{turn} {fault}" for fault in faults])
        self.product.stop()

    def _death(self, people: list[Person], point: str) -> bool:
        """Waits for the end of the first life; True when it came as planned."""
        begun, limit = time.monotonic(), self.random.uniform(0.0, 2.0) if point == ANYTIME else 60.0
        while self.product.running:
            time.sleep(0.02)
            idle = not any(person.is_alive() for person in people) and time.monotonic() - begun > 3
            if idle or time.monotonic() - begun > limit:
                break
        planned = point == ANYTIME or not self.product.running
        self.product.kill()
        return planned

    def _settle(self, people: list[Person]) -> list[str]:
        """Waits until all replies have been delivered; what is parked or left over then."""
        patience = SETTLE_FAULTY if self.receiver.faults else SETTLE
        until = time.monotonic() + patience
        open_ids = {person.talk.conversation for person in people}
        while time.monotonic() < until:
            waiting = {i for i in open_ids if self._undelivered(i)}
            open_ids = waiting
            if not waiting and not self.product.metrics()["tresen_receipts_pending"]:
                break
            time.sleep(0.2)
        else:
            return [f"{len(open_ids)} conversations still wait after {patience:.0f} s"]
        values = self.product.metrics()
        watched = ("receipts_parked", "jobs_parked", "events_stalled")
        return [f"{values[f'tresen_{name}']:.0f} {name}" for name in watched if values[f"tresen_{name}"]]

    def _undelivered(self, conversation: int) -> bool:
        items = self.product.api("GET", f"/conversations/{conversation}/messages?limit=200")["items"]
        return any(item["delivery"] in ("queued", "unknown") for item in items)

    def _count(self, people: list[Person], faults: list[str]) -> None:
        tally = self.tally
        tally.runs += 1
        tally.messages += sum(len(person.talk.receipts) for person in people)
        tally.replies += sum(len(person.talk.replies) for person in people)
        tally.repeated += sum(person.talk.repeated for person in people)
        tally.webhooks = len(self.receiver.taken)
        tally.faults += faults
        if self.receiver.bad_signatures:
            tally.faults.append(f"{self.receiver.bad_signatures} webhooks with a bad signature")


def _tell(report: Report, tally: Tally, seed: int) -> None:
    report.add("runs", tally.runs, note=f"seed {seed}")
    report.add("killed as planned", sum(tally.reached.values()), note="otherwise killed after all was written")
    report.add("points reached", len(tally.reached), note=f"of {len(POINTS)}")
    report.add("messages acknowledged", tally.messages)
    report.add("requests repeated by clients", tally.repeated)
    report.add("replies", tally.replies)
    report.add("webhooks received", tally.webhooks, note="more than replies: repeated with the same id")
    report.add("longest recovery", max(tally.recovery, default=0.0), "s", note="restart until all was delivered")
    report.add("broken promises", len(tally.faults), at_most=0)
    report.faults += tally.faults[:50]


__all__ = ["POINTS", "Failed", "Harness", "run"]
