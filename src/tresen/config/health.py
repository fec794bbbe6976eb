"""`/healthz` (this process), `/readyz` (database, runners, lag), `/metrics` (Prometheus)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson
from django.db import connection
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest

from tresen.channels.models import Receipt
from tresen.channels.processing import backlog
from tresen.kernel import db, jobs
from tresen.kernel.groupcommit import GroupWriter
from tresen.kernel.models import Job, StalledEvent
from tresen.kernel.runner import Crew
from tresen.kernel.stream.hub import Hub

PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
LAG_MAX = 300.0
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Health:
    """Answers without touching Django's request machinery, so that it tells the truth when that is stuck."""

    def __init__(self, crew: Crew | None, hub: Hub, writer: GroupWriter) -> None:
        self.crew, self.hub, self.writer = crew, hub, writer
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.gauges = {
            name: Gauge(f"tresen_{name}", text, registry=self.registry)
            for name, text in (
                ("receipts_pending", "Receipts stored and not yet processed"),
                ("receipts_parked", "Receipts that need a person"),
                ("receipts_unwritten", "Receipts waiting for the group commit"),
                ("jobs_due_lag_seconds", "How long the oldest due job has waited"),
                ("jobs_parked", "Jobs that need a person"),
                ("events_stalled", "Events that wait for a retry or a person"),
                ("streams_open", "Open streams"),
                ("loops_faulty", "Loops of this process that do not fare well"),
            )
        }

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Send) -> None:
        path = scope["path"]
        if path == "/healthz":
            await _answer(send, 200, {"status": "ok"})
            return
        loop = asyncio.get_running_loop()
        if path == "/readyz":
            status, body = await loop.run_in_executor(None, self.ready)
            await _answer(send, status, body)
            return
        text = await loop.run_in_executor(None, self.metrics)
        await _answer(send, 200 if text else 503, text or b"", b"text/plain; version=0.0.4; charset=utf-8")

    def ready(self) -> tuple[int, dict[str, Any]]:
        """200 when this process can take and move messages."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            lag = jobs.lag()
        except db.DatabaseError:
            connection.close()
            return 503, {"status": "unavailable", "database": "away"}
        faults = self.crew.faults() if self.crew else {}
        good = not faults and self.hub.failing_for() < 10 and lag < LAG_MAX
        body = {
            "status": "ok" if good else "unavailable",
            "database": "ok",
            "faults": sorted(faults),
            "stream_failing_s": round(self.hub.failing_for(), 1),
            "lag_s": round(lag, 1),
        }
        return (200 if good else 503), body

    def metrics(self) -> bytes:
        """Figures as Prometheus text; empty when the database is away."""
        try:
            values: dict[str, float] = {
                "receipts_pending": backlog(),
                "receipts_parked": Receipt.objects.filter(state=Receipt.State.PARKED).count(),
                "receipts_unwritten": self.writer.waiting,
                "jobs_due_lag_seconds": jobs.lag(),
                "jobs_parked": Job.objects.exclude(parked_at=None).count(),
                "events_stalled": StalledEvent.objects.count(),
                "streams_open": self.hub.stats().streams,
                "loops_faulty": len(self.crew.faults()) if self.crew else 0,
            }
        except db.DatabaseError:
            connection.close()
            return b""
        for name, value in values.items():
            self.gauges[name].set(value)
        return generate_latest(self.registry)


async def _answer(send: Send, status: int, body: Any, kind: bytes = b"application/json") -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
