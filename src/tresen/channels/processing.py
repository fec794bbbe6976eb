"""From a stored receipt to messages in conversations: parse, filter, recognise, thread, receive."""

from __future__ import annotations

import hashlib
import logging
import re
import time
import traceback
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import puremagic
from django.db import connection

from tresen.channels import filters, reading, threads
from tresen.channels.contract import ChannelView, EventType, File, InboundEvent, RawReceipt
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import KnownReference, Receipt
from tresen.conversations import actions as conversations
from tresen.conversations.models import Channel, Message
from tresen.customers import actions as customers
from tresen.kernel import blobs, clock, db, faults, rows, wake
from tresen.kernel.errors import NotFound

log = logging.getLogger(__name__)
TOPIC = "receipts"
BATCH = 25
BURST_RATE = 400.0  # receipts a second
BURST_MAX = 10_000  # receipts
GIVE_WAY = 0.05  # s
YOUNG = timedelta(seconds=2)  # until its oldest receipt is this old, a burst goes first altogether
ATTEMPTS = 6
FILES_MAX = 100
READABLE = ("email", "phone", "whatsapp", "sms")  # values that say something to a person
# An inline SVG or HTML page can run scripts: their type is never told to a browser.
_MIME = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")  # RFC 6838, 4.2
_ACTIVE = ("svg", "html", "xml", "javascript")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A receipt that has been parsed, with its files in storage, before any lock is taken."""

    receipt: Receipt
    events: tuple[tuple[InboundEvent, tuple[conversations.StoredFile, ...]], ...] = ()
    error: str = ""


def step() -> bool:
    """Takes a batch of pending receipts; True when there may be more."""
    due = rows.many(Receipt, state="pending", due_at__lte=clock.now(), order=("id",), limit=BATCH)
    if len(due) == BATCH and BURST.lasts(due[0].pk):
        time.sleep(GIVE_WAY)
        if clock.now() - due[0].received_at < YOUNG:
            return True
    by_channel: dict[int, list[Receipt]] = defaultdict(list)
    for receipt in due:
        by_channel[receipt.channel_id].append(receipt)
    worked = False
    for channel_id, receipts in by_channel.items():
        view = DIRECTORY.by_id(channel_id)
        if view is None:
            _postpone(receipts)
        elif not _step_channel(view, receipts):
            continue
        worked = True
    return worked and len(due) == BATCH  # what is all in another worker's hands is no reason to look again at once


def _postpone(receipts: list[Receipt]) -> None:
    """The channel is switched off: what came before waits until it is on again."""
    with db.atomic():
        later = clock.now() + timedelta(minutes=1)
        Receipt.objects.filter(pk__in=[r.pk for r in receipts]).update(due_at=later)


class Burst:
    """Tells when receipts come faster than they could be sorted: then they are secured first and sorted afterwards.

    Both at once would halve the counter's speed and end no sooner. Not beyond `BURST_MAX` waiting receipts: from there
    on the counter is slowed down by the work behind it, and at its own limit it asks to come back later.
    """

    def __init__(self) -> None:
        self._newest, self._at = 0, 0.0

    def lasts(self, done: int) -> bool:
        """True while more than `BURST_RATE` a second came since the last call; `done`: up to which id all is sorted."""
        newest = next(iter(rows.values(Receipt, ("id",), order=("-id",), limit=1)), (0,))[0]
        now = time.monotonic()
        came, passed = newest - self._newest, now - self._at
        self._newest, self._at = newest, now
        return passed < 1.0 and came > BURST_RATE * passed and newest - done < BURST_MAX


BURST = Burst()


def _step_channel(view: ChannelView, receipts: list[Receipt]) -> bool:
    """False when another worker has the channel."""
    with _own_channel(view.id) as mine:
        channel = rows.one(Channel, id=view.id)
        if channel is None or not mine:
            return False
        if db.is_postgresql():  # another worker may have been faster
            ids = Receipt.objects.filter(pk__in=[r.pk for r in receipts], state=Receipt.State.PENDING)
            pending = set(ids.values_list("id", flat=True))
            receipts = [r for r in receipts if r.pk in pending]
        prepared = deque(prepare(view, receipt) for receipt in receipts)
        while prepared:
            with db.atomic():
                until = time.monotonic() + db.HOLD
                while prepared and time.monotonic() < until:
                    _finish(view, channel, prepared.popleft())
                faults.reach("receipt.before-processed")
            faults.reach("receipt.processed")
    return True


@contextmanager
def _own_channel(channel_id: int) -> Iterator[bool]:
    """One worker per channel at a time keeps a sender's messages in order, and no file is stored twice."""
    if not db.is_postgresql():
        yield True
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(7366, %s)", [channel_id])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with suppress(db.DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(7366, %s)", [channel_id])


def raw_of(receipt: Receipt) -> RawReceipt:
    """The request or mail as it came."""
    body = blobs.load(receipt.file) if receipt.file else bytes(receipt.body or b"")
    envelope = receipt.envelope
    return RawReceipt(
        body=body,
        headers=envelope.get("headers", {}),
        path=envelope.get("path", ""),
        query=envelope.get("query", ""),
        method=envelope.get("method", "POST"),
        received_at=receipt.received_at,
    )


def prepare(view: ChannelView, receipt: Receipt) -> Prepared:
    """Parses outside any transaction. Whatever the parser does wrong is this receipt's error, nobody else's."""
    try:
        events = reading.read(view, raw_of(receipt))
        kept = [event for event in (filters.run(view, e) for e in events) if event is not None]
        return Prepared(receipt, tuple((event, store_files(event.files)) for event in kept))
    except db.StorageError:
        raise
    except Exception as error:  # hostile input can break a parser in any way
        log.warning("receipt %s cannot be read: %s", receipt.pk, type(error).__name__)
        return Prepared(receipt, error="".join(traceback.format_exception_only(error)))


def store_files(files: tuple[File, ...]) -> tuple[conversations.StoredFile, ...]:
    """Writes attachments to storage; the type is what the bytes are, not what the sender says."""
    return tuple(store_file(file) for file in files[:FILES_MAX])


def store_file(file: File) -> conversations.StoredFile:
    """One attachment into storage."""
    return conversations.StoredFile(
        name=clean_name(file.name),
        content_type=sniff(file.content, file.content_type),
        size=len(file.content),
        sha256=hashlib.sha256(file.content).hexdigest(),
        key=blobs.store("attachments", file.content),
        content_id=file.content_id,
    )


def clean_name(name: str) -> str:
    """A name that can be shown and downloaded: no path, no control, format or direction characters."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(c for c in last if c.isprintable() and c not in '<>:"|?*').strip(". ")
    stem, dot, ending = shown.rpartition(".")
    if dot and len(shown) > 120:
        shown = f"{stem[: 119 - len(ending[:20])]}.{ending[:20]}"
    return shown[:120] or "file"


def sniff(content: bytes, declared: str) -> str:
    """The MIME type by content; the declared one only for harmless text and unknown data."""
    declared = declared.split(";")[0].strip().lower()[:100]
    try:
        found = puremagic.from_string(content[:8192], mime=True) if content else ""
    except (puremagic.PureError, ValueError):
        found = ""
    best = found or declared or "application/octet-stream"
    if any(word in best or word in declared for word in _ACTIVE):
        return "application/octet-stream"
    return best if _MIME.fullmatch(best) else "application/octet-stream"


def _finish(view: ChannelView, channel: Channel, one: Prepared) -> None:
    receipt = one.receipt
    if db.is_postgresql() and not rows.values(Receipt, ("id",), id=receipt.pk, state="pending"):
        return  # another worker was faster
    error = one.error
    if not error:
        try:
            with db.atomic(savepoint=True):
                for event, files in one.events:
                    take_in(view, channel, event, files)
        except db.StorageError:
            raise
        except Exception as failed:  # ends in the visible list
            log.warning("receipt %s failed: %s", receipt.pk, type(failed).__name__, exc_info=failed)
            error = "".join(traceback.format_exception_only(failed))
    if error:
        receipt.attempts += 1
        receipt.due_at = clock.now() + timedelta(seconds=2**receipt.attempts)
        receipt.state = "parked" if receipt.attempts >= ATTEMPTS else "pending"
    else:
        receipt.state = "done"
    receipt.error = error[:4000]
    rows.update(receipt, "state", "error", "attempts", "due_at")


def take_in(
    view: ChannelView, channel: Channel, event: InboundEvent, files: tuple[conversations.StoredFile, ...]
) -> Message | None:
    """One event into the product, inside the receipt's transaction."""
    if event.type is EventType.STATUS:
        _take_status(view, event)
        return None
    sender = event.sender
    if sender is None:
        raise ValueError("a message needs a sender")
    claims = [customers.IdentityClaim(sender.kind, sender.value, sender.assurance.value)]
    claims += [customers.IdentityClaim(kind, value, level.value) for kind, value, level in sender.also]
    actor = f"channel:{view.id}"
    customer = customers.recognise(claims, name=sender.name, language=sender.language, actor=actor)
    match = threads.find(view, event, customer)
    meta = dict(event.meta)
    if match.stranger:
        meta["stranger"] = sender.value
    meta["from"] = {"kind": sender.kind, "value": sender.value}
    meta["thread"] = {"rule": match.rule, "value": match.value[:120]}
    message, new = conversations.receive(
        conversations.Incoming(
            channel=channel,
            customer=customer,
            external_id=event.dedup_key[:300],
            conversation_id=match.conversation_id,
            author=sender.name or customer.name or (sender.value if sender.kind in READABLE else ""),
            subject=event.subject,
            text=event.text,
            html=event.html,
            files=files,
            automated=event.automated,
            supported=event.type is not EventType.UNSUPPORTED,
            language=sender.language,
            meta=meta,
            occurred_at=event.occurred_at,
        ),
        actor=actor,
    )
    if new:
        threads.remember(view, event, message)
    return message


def _take_status(view: ChannelView, event: InboundEvent) -> None:
    known = KnownReference.objects.filter(channel=view.id, external_id__in=[e[:300] for e in event.status_for])
    for message_id in known.values_list("message", flat=True).distinct():
        conversations.set_delivery(message_id, event.status, error=event.error)


def parked() -> list[Receipt]:
    """Receipts that could not be read after all tries, newest first."""
    rows = Receipt.objects.filter(state=Receipt.State.PARKED).select_related("channel").defer("body")
    return list(rows.order_by("-id")[:200])


def retry(receipt_id: int) -> None:
    """A person asks for another try."""
    with db.atomic():
        again = Receipt.objects.filter(pk=receipt_id, state=Receipt.State.PARKED)
        if not again.update(state=Receipt.State.PENDING, attempts=0, due_at=clock.now()):
            raise NotFound("this receipt is no longer parked")
        wake.on_commit(TOPIC)


def backlog() -> int:
    """How many receipts wait, counted up to 100,000."""
    return Receipt.objects.filter(state=Receipt.State.PENDING).order_by()[:100_000].count()
