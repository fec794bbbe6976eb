"""What tests do with the throw-away mail servers: configure the adapter, write as a customer, look into mailboxes."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from imap_tools import MailBoxUnencrypted

from counterparts.mailserver import HOME, PASSWORD, MailServer
from tresen.channels.adapters.email.adapter import EmailAdapter
from tresen.channels.contract import ChannelView, InboundEvent, Outbound, RawReceipt, SendResult

ADAPTER = EmailAdapter()
TOKEN = "dGhpcyBpcyBhIHRlc3QgdG9rZW4"
KIM = f"kim@{HOME}"
PATIENCE = 25.0  # less than the 30 s between two looks without IDLE


def view(server: MailServer, address: str, cursor: Mapping[str, Any] | None = None, **settings: object) -> ChannelView:
    """A configured mailbox; `settings` replace the defaults."""
    values = {
        "address": address,
        "name": "Bohne & Brand",
        "in_host": "127.0.0.1",
        "in_port": server.pop3 if settings.get("protocol") == "pop3" else server.imap,
        "in_security": "none",
        "out_host": "127.0.0.1",
        "out_port": server.smtp,
        "out_security": "none",
    }
    secrets = {"password": PASSWORD, "refresh_token": "r"}
    return ChannelView(
        1, "k", "Service", "email", {**values, **settings}, secrets, "http://localhost", "de", cursor or {}
    )


@dataclass
class Store:
    """What the core does with fetched mail, in memory."""

    receipts: dict[str, RawReceipt] = field(default_factory=dict)
    cursor: dict[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    refuse: int = 0

    def __call__(self, raw: RawReceipt, *, key: str, cursor: Mapping[str, Any] | None = None) -> bool:
        self.calls.append(key)
        if self.refuse:
            self.refuse -= 1
            return False
        self.receipts.setdefault(key, raw)
        self.cursor = dict(cursor or {})
        return True

    def events(self, channel: ChannelView) -> list[InboundEvent]:
        """What the adapter reads in everything fetched."""
        return [event for raw in self.receipts.values() for event in ADAPTER.parse(channel, raw)]


@contextmanager
def running(channel: ChannelView, store: Store) -> Iterator[Thread]:
    """The adapter's `run` in a thread, stopped at the end."""
    stop = Event()
    thread = Thread(target=ADAPTER.run, args=(channel, store, stop), daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def until(condition: Callable[[], object]) -> float:
    """Seconds until the condition held."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < PATIENCE, "did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - started


def write(server: MailServer, to: str, subject: str, body: bytes = b"Hallo", *, sender: str = KIM) -> None:
    """A customer's mail program."""
    head = f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{time.time_ns()}@{HOME}>\r\n".encode()
    content = body if body.startswith(b"From:") else head + b"\r\n" + body + b"\r\n"
    with smtplib.SMTP("127.0.0.1", server.smtp) as session:
        session.sendmail(sender, [to], content)


def inbox(server: MailServer, address: str) -> list[Any]:
    """The mails of a mailbox, untouched."""
    with MailBoxUnencrypted("127.0.0.1", server.imap).login(address, PASSWORD) as box:
        return list(box.fetch(mark_seen=False))


def reply(**fields: object) -> Outbound:
    """An agent's reply."""
    values: dict[str, object] = {
        "idempotency_key": f"msg_{time.time_ns()}",
        "conversation_id": 1,
        "message_id": 5,
        "seq": 2,
        "thread_key": "conversation:1",
        "reply_context": {},
        "to": (KIM,),
        "text": "Guten Tag, schöne Grüße",
        "html": "<p>Guten Tag, schöne Grüße</p>",
        "subject": "Größe",
        "reply_token": TOKEN,
        "author": "Mia",
    }
    return Outbound(**{**values, **fields})  # type: ignore[arg-type]


def send(channel: ChannelView, **fields: object) -> SendResult:
    """Sends a reply through the adapter."""
    return ADAPTER.send(channel, reply(**fields))


def end(server: MailServer, channel: ChannelView) -> dict[str, Any]:
    """A cursor behind everything that is there."""
    with MailBoxUnencrypted("127.0.0.1", server.imap).login(channel.settings["address"], PASSWORD) as box:
        now = box.folder.status("INBOX")
    return {"folder": "INBOX", "uidvalidity": now["UIDVALIDITY"], "uid": now["UIDNEXT"] - 1}


@contextmanager
def cable(port: int) -> Iterator[tuple[int, Callable[[], None]]]:
    """A port that leads to another one, and the scissors."""
    plugs: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def connect() -> None:
        near, far = listener.accept()[0], socket.create_connection(("127.0.0.1", port))
        plugs.extend([near, far])
        for ends in ((near, far), (far, near)):
            Thread(target=carry, args=ends, daemon=True).start()

    def cut() -> None:
        for plug in plugs:
            plug.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=connect, daemon=True).start()
        yield listener.getsockname()[1], cut
    for plug in plugs:
        plug.close()
