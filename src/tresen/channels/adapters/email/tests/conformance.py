"""The mail channel for the conformance suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from email.message import EmailMessage
from typing import Any

from tresen.channels.adapters.email.tests.servers import HANG_UP, smtp
from tresen.channels.contract import ChannelView, RawReceipt, SendState
from tresen.channels.tests.samples import Samples, Trouble
from tresen.kernel import clock, http

R = SendState.REJECTED
ADDRESS = "service@shop.example"


def message(channel: ChannelView, text: str) -> RawReceipt:
    """A mail as a server hands it over."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Clara <clara@home.example>", ADDRESS, "Frage"
    mail["Message-ID"], mail["Date"] = "<m1@home.example>", clock.now()
    mail.set_content(text)
    return RawReceipt(mail.as_bytes(), received_at=clock.now())


def unknown(channel: ChannelView) -> RawReceipt:
    """A mail nested deeper than anybody writes."""
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n" for depth in range(60))
    return RawReceipt(b"From: clara@home.example\r\n" + parts.encode() + b"\r\ntext\r\n", received_at=clock.now())


def report(channel: ChannelView, external_id: str) -> RawReceipt:
    """A bounce for a message of ours."""
    lines = [
        "Return-Path: <>",
        "From: MAILER-DAEMON@mx.home.example",
        f"To: {ADDRESS}",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        "",
        "--b",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.home.example",
        "",
        "Final-Recipient: rfc822; clara@home.example",
        "Action: failed",
        "Status: 5.1.1",
        "",
        "--b",
        "Content-Type: message/rfc822",
        "",
        f"Message-ID: {external_id}",
        f"From: {ADDRESS}",
        "",
        "Guten Tag",
        "--b--",
        "",
    ]
    return RawReceipt("\r\n".join(lines).encode(), received_at=clock.now())


def answering(**replies: str) -> Callable[[], AbstractContextManager[Mapping[str, Any]]]:
    """An SMTP server on loopback with these replies, by name allowed for the time of the test."""

    @contextmanager
    def far_end() -> Iterator[Mapping[str, Any]]:
        with smtp(**replies) as server:
            http.configure_exceptions([f"127.0.0.1:{server.port}"])
            try:
                yield {**SETTINGS, "out_host": "127.0.0.1", "out_port": server.port, "out_security": "none"}
            finally:
                http.configure_exceptions([])

    return far_end


SETTINGS = {"address": ADDRESS, "in_host": "mail.shop.example", "out_host": "mail.shop.example"}
SAMPLES = Samples(
    message=message,
    settings=SETTINGS,
    secrets={"password": "very-secret-password"},
    unknown=unknown,
    report=report,
    troubles=(
        Trouble("accepted", answering(), SendState.ACCEPTED, False),
        Trouble("refused", answering(RCPT="550 no such user"), R, False),
        Trouble("grey-listed", answering(RCPT="451 come back"), R, True, 300),
        Trouble("away", answering(CONNECT="421 too busy"), R, True),
        Trouble("refused after the data", answering(dot="554 spam"), R, False),
        Trouble("busy after the data", answering(dot="452 disk full"), R, True),
        Trouble("hangs up before the data", answering(DATA=HANG_UP), R, True),
        Trouble("hangs up after the data", answering(dot=HANG_UP), SendState.UNKNOWN, False),
        Trouble("log-in refused", answering(AUTH="535 wrong password"), R, False),
    ),
)
