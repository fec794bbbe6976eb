"""Pull channels: one thread each, one process at a time by lease; a far end that is away becomes a visible fault."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from django.db import IntegrityError
from django.db.models import Q

from tresen.channels import actions, processing, registry
from tresen.channels.contract import ChannelView, RawReceipt
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import ChannelConfig, Receipt
from tresen.kernel import blobs, clock, db, faults, ids, wake

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=20)
LARGE = 64 * 1024


def store(channel_id: int, raw: RawReceipt, *, key: str, cursor: Mapping[str, Any] | None = None) -> bool:
    """Keeps a fetched message durably; True also when it was there before."""
    file = blobs.store("receipts", raw.body) if len(raw.body) > LARGE else ""
    try:
        with db.atomic():
            Receipt.objects.create(
                channel_id=channel_id,
                key=key[:300],
                body=None if file else raw.body,
                file=file,
                envelope={"headers": dict(raw.headers), "method": "PULL"},
            )
            _advance(channel_id, cursor)
            faults.reach("pull.before-commit")
            wake.on_commit(processing.TOPIC)
    except IntegrityError:
        if file:
            blobs.remove(file)
        if not Receipt.objects.filter(channel=channel_id, key=key[:300]).exists():
            raise  # not a repeat: it must not count as stored
        with db.atomic():
            _advance(channel_id, cursor)
    faults.reach("pull.after-commit")
    return True


def _advance(channel_id: int, cursor: Mapping[str, Any] | None) -> None:
    if cursor is not None:
        ChannelConfig.objects.filter(pk=channel_id).update(cursor=dict(cursor))


class Puller(Thread):
    """Runs one adapter until stopped, again and again."""

    def __init__(self, view: ChannelView, lease: str) -> None:
        super().__init__(name=f"pull-{view.id}", daemon=True)
        self.view, self.lease, self.stopping = view, lease, Event()

    def run(self) -> None:
        adapter = registry.need(self.view.kind)
        pause = 1.0
        while not self.stopping.is_set():
            try:
                adapter.run(self._view(), self._pulled, self.stopping)
                pause = 1.0
            except Exception as error:  # a far end can fail in any way; the desk shows it
                log.warning("channel %s: %s", self.view.id, type(error).__name__)
                self._note(f"{type(error).__name__}: {error}")
                pause = min(pause * 2, 300.0)
            self.stopping.wait(pause)
        db.close()

    def _view(self) -> ChannelView:
        config = ChannelConfig.objects.select_related("channel").get(pk=self.view.id)
        return actions.view_of(config)

    def _pulled(self, raw: RawReceipt, *, key: str, cursor: Mapping[str, Any] | None = None) -> bool:
        stored = store(self.view.id, raw, key=key, cursor=cursor)
        self._note("")
        return stored

    def _note(self, fault: str) -> None:
        try:
            actions.note_fault(self.view.id, fault)
        except db.DatabaseError:
            log.exception("channel %s: its fault could not be kept", self.view.id)


class Pullers:
    """Starts, restarts and stops the pullers of this process as channels change."""

    def __init__(self) -> None:
        self.name = ids.token(96)
        self.running: dict[int, Puller] = {}

    def step(self) -> bool:
        """Brings the running threads in line with the configured channels."""
        wanted = {v.id: v for v in DIRECTORY.all() if registry.need(v.kind).pulls}
        for channel_id in [i for i, p in self.running.items() if self._outdated(p, wanted.get(i))]:
            self.running.pop(channel_id).stopping.set()
        for channel_id, view in wanted.items():
            if self._lease(channel_id):
                if channel_id not in self.running:
                    self.running[channel_id] = Puller(view, self.name)
                    self.running[channel_id].start()
            elif channel_id in self.running:
                self.running.pop(channel_id).stopping.set()
        return False

    @staticmethod
    def _outdated(puller: Puller, view: ChannelView | None) -> bool:
        if view is None or not puller.is_alive():
            return True
        old = puller.view
        return (old.settings, old.secrets) != (view.settings, view.secrets)

    def _lease(self, channel_id: int) -> bool:
        now = clock.now()
        free = Q(pull_lease=self.name) | Q(pull_leased_until=None) | Q(pull_leased_until__lt=now)
        with db.atomic():
            held = ChannelConfig.objects.filter(pk=channel_id)
            if db.is_postgresql():  # on SQLite there is no other process: what is held was held by one that died
                held = held.filter(free)
            return bool(held.update(pull_lease=self.name, pull_leased_until=now + LEASE))

    def stop(self) -> None:
        """Ends all threads and gives the leases back."""
        for puller in self.running.values():
            puller.stopping.set()
        for puller in self.running.values():
            puller.join(5)
        with db.atomic():
            ChannelConfig.objects.filter(pull_lease=self.name).update(pull_leased_until=None)
