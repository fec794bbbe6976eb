"""`bench stream`: many open desks in one process: what each costs, and how soon all of them know."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections import defaultdict
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import Progress

from tresen.bench import machine, volume, watch, wire
from tresen.bench.product import Failed, Product, serving, workshop
from tresen.bench.report import Report, progress

CONVERSATIONS = 1_000
THREADS = 10
AT_ONCE = 50  # streams being opened
SETTLE = 5.0
TEXT = "Guten Tag, seit gestern leuchtet an meiner Maschine die rote Lampe, und sie mahlt nicht mehr. Was kann ich tun?"


def run(args: list[str], console: Console) -> dict[str, Any]:
    """Every stream is another member of staff's, and all of them see every event."""
    parser = argparse.ArgumentParser(prog="tresen bench stream")
    parser.add_argument("--streams", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=10.0, help="events per second")
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args(args)
    report = Report("stream")
    machine.more_files(given.streams * 2 + 500)
    with workshop() as folder, progress(console) as bar:
        report.probe(folder)
        bar.add_task("preparing", total=None)
        volume.install(folder / "data", CONVERSATIONS, agents=given.streams)
        product = Product(folder / "data")
        with serving(product):
            product.log_in()
            uvloop.run(_measure(product, report, bar, given.streams, given.rate, given.seconds))
    return report.finish(console)


async def _measure(product: Product, report: Report, bar: Progress, count: int, rate: float, seconds: float) -> None:
    channel = product.api("POST", "/channels", {"kind": "api", "name": "Shop"})
    arrivals: dict[int, list[float]] = defaultdict(list)

    def seen(name: bytes, data: bytes, now: float) -> None:
        if name == b"message.created":
            at = data.find(b'"text":"') + 8
            arrivals[int(data[at : data.index(b" ", at)])].append(now)

    await _begin_threads(product, channel)
    await asyncio.sleep(SETTLE)
    before, alone = machine.pss(product.pid), await _cpu(product.pid)
    begun = time.perf_counter()
    streams = await _open(product.port, count, seen)
    report.add("opened", count / (time.perf_counter() - begun), "streams/s")
    await asyncio.sleep(SETTLE)
    report.add("streams", product.metrics()["tresen_streams_open"], at_least=count)
    memory = (machine.pss(product.pid) - before) / count / 1000
    report.add("memory of a stream", memory, "kB", at_most=40, note="PSS with them minus PSS before")
    report.add("threads of the process", machine.threads(product.pid))
    report.add("CPU of idle streams", (await _cpu(product.pid) - alone) * 1000, "ms/s", note="heart-beats, rights")
    await _fan_out(product, channel, report, arrivals, count, rate, seconds)
    report.add("memory of a stream after the load", (machine.pss(product.pid) - before) / count / 1000, "kB")
    lost = sum(stream.lost for stream in streams)
    report.add("streams lost", lost, at_most=0)
    for stream in streams:
        stream.close()
    bar.stop()


async def _begin_threads(product: Product, channel: dict[str, Any]) -> None:
    requests = (wire.post(channel, f"t{n}", f"t{n}", f"kunde{n}@example.org", f"0 {TEXT}") for n in range(THREADS))
    await wire.closed_loop(product.port, requests, lanes=1, seconds=30)


async def _open(port: int, count: int, seen: watch.Seen) -> list[watch.Stream]:
    streams: list[watch.Stream] = []
    for start in range(1, count + 1, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, count + 1))
        opened = await asyncio.gather(*(watch.open_stream(port, volume.token_of(n), seen) for n in numbers))
        if any(status != 200 for _stream, status in opened):
            raise Failed(f"a stream answered {sorted({status for _stream, status in opened})}")
        streams += [stream for stream, _status in opened]
    return streams


async def _cpu(pid: int) -> float:
    before = machine.cpu(pid)
    await asyncio.sleep(SETTLE)
    return (machine.cpu(pid) - before) / SETTLE


async def _fan_out(
    product: Product,
    channel: dict[str, Any],
    report: Report,
    arrivals: dict[int, list[float]],
    count: int,
    rate: float,
    seconds: float,
) -> None:
    """Messages in known threads: each is one event, which all streams show."""
    numbers = itertools.count(1)
    acknowledged: dict[int, float] = {}

    def note(turn: int, status: int, body: bytes) -> None:
        if status == 202 and json.loads(body):
            acknowledged[turn + 1] = time.perf_counter()

    requests = (
        wire.post(channel, f"m{n}", f"t{n % THREADS}", f"kunde{n % THREADS}@example.org", f"{n} {TEXT}")
        for n in numbers
    )
    cpu, own, begun = machine.cpu(product.pid), time.process_time(), time.perf_counter()
    await wire.open_loop(product.port, requests, rate=rate, seconds=seconds, seen=note)
    until = time.perf_counter() + 10
    while time.perf_counter() < until and any(len(arrivals[n]) < count for n in acknowledged):
        await asyncio.sleep(0.05)
    passed = time.perf_counter() - begun
    frames = sum(len(arrivals[n]) for n in acknowledged)
    spread = [at - min(arrivals[n]) for n in acknowledged for at in arrivals[n]]
    whole = [at - acknowledged[n] for n in acknowledged for at in arrivals[n]]
    report.add("events", len(acknowledged), note=f"{rate:g} a second, each to {count:,} streams")
    report.add("frames missing", len(acknowledged) * count - frames, at_most=0)
    report.latencies("fan-out: first stream to each", spread, p99=150)
    report.latencies("202 to each stream", whole, note="processing included")
    report.add("CPU of a frame", (machine.cpu(product.pid) - cpu) * 1e6 / max(1, frames), "µs", note="all included")
    report.add("client's core in use", 100 * (time.process_time() - own) / passed, "%", note="100 % is the limit")
