"""What a mail server does to a mail: trace headers on top, and the report when there is nobody to give it to. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

HOST = "mx.sandbox.example"  # also what it calls itself in Authentication-Results (RFC 8601)
_RESULTS = re.compile(rb"^authentication-results:[ \t\r\n]*" + re.escape(HOST.encode()) + rb"\b", re.IGNORECASE)
_HEADER = re.compile(rb"(?:[^\r\n]+\r\n)(?:[ \t][^\r\n]*\r\n)*")


def canonical(raw: bytes) -> bytes:
    """The mail with CR LF at the end of every line (RFC 5321, 2.3.8)."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", raw)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def split(raw: bytes) -> tuple[bytes, bytes]:
    """(the header lines, the empty line and the body) of a canonical mail."""
    end = raw.find(b"\r\n\r\n")
    if raw.startswith(b"\r\n") or end < 0:
        return (b"", raw) if raw.startswith(b"\r\n") else (raw, b"\r\n")
    return raw[: end + 2], raw[end + 2 :]


def stamp(raw: bytes, *, sender: str, recipient: str, at: datetime, proved: str = "") -> bytes:
    """The mail as it reaches `recipient`.

    Results that claim to be ours are taken out (RFC 8601, 5). `proved`: the domain that really sent it, "" = unknown.
    """
    head, body = split(canonical(raw))
    kept = b"".join(line for line in _HEADER.findall(head) if not _RESULTS.match(line))
    trace = [f"Return-Path: <{sender}>", f"Delivered-To: {recipient}"]
    trace += [f"Received: by {HOST} with ESMTP for <{recipient}>; {format_datetime(at)}"]
    if proved:
        trace += [f"Authentication-Results: {HOST}; dmarc=pass header.from={proved}"]
    return "".join(f"{line}\r\n" for line in trace).encode() + kept + body


def bounce(raw: bytes, *, sender: str, recipients: list[str], at: datetime) -> bytes:
    """The delivery status notification to `sender` about mailboxes that do not exist (RFC 3464, RFC 6522)."""
    report = MIMEMultipart("report", policy=SMTP)
    report.set_param("report-type", "delivery-status")
    report["From"] = f"Mail Delivery System <mailer-daemon@{HOST}>"
    report["To"] = sender
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Date"] = format_datetime(at)
    report["Message-ID"] = make_msgid(domain=HOST)
    report["Auto-Submitted"] = "auto-replied"
    names = "\n".join(f"<{one}>: no such mailbox here (550 5.1.1)" for one in recipients)
    report.attach(MIMEText(f"This is the mail system at {HOST}.\n\nYour mail could not be delivered.\n\n{names}\n"))
    report.attach(_status(recipients, at))
    head = MIMEBase("text", "rfc822-headers")
    head.set_payload(split(canonical(raw))[0].decode("utf-8", "surrogateescape"), "utf-8")
    report.attach(head)
    return canonical(report.as_bytes())


def _status(recipients: list[str], at: datetime) -> Message:
    blocks = [f"Reporting-MTA: dns; {HOST}\nArrival-Date: {format_datetime(at)}\n"]
    blocks += [
        f"Final-Recipient: rfc822; {one}\nAction: failed\nStatus: 5.1.1\n"
        f"Diagnostic-Code: smtp; 550 5.1.1 <{one}>: no such mailbox here\n"
        for one in recipients
    ]
    status = MIMEBase("message", "delivery-status")
    del status["MIME-Version"]
    # The parts of this type are header blocks, each a message without a body.
    fields: list[Message | str] = []
    for block in blocks:
        part = Message(policy=SMTP)
        for line in block.splitlines():
            name, _, value = line.partition(": ")
            part[name] = value
        fields.append(part)
    status.set_payload(fields)
    return status


def letter(
    *,
    author: tuple[str, str],
    to: str,
    subject: str,
    text: str,
    at: datetime,
    message_id: str = "",
    references: tuple[str, ...] = (),
    files: tuple[tuple[str, str, bytes], ...] = (),
) -> bytes:
    """A mail as a mail program writes it (RFC 5322). `author`: name and address; `files`: name, MIME type, content.

    `references`: message ids of the thread, oldest first; the last one is what this answers.
    """
    mail = EmailMessage(policy=SMTP)
    name, address = author
    local, _, domain = address.rpartition("@")
    mail["From"] = Address(name, local, domain)
    mail["To"] = to
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = message_id or make_msgid(domain=domain)
    if references:
        mail["In-Reply-To"] = references[-1]
        mail["References"] = " ".join(references)
    mail.set_content(text if text.endswith("\n") else f"{text}\n")
    for file_name, kind, content in files:
        main, _, sub = kind.partition("/")
        usable = sub and main not in ("multipart", "message") and kind.isascii()
        main, sub = (main, sub) if usable else ("application", "octet-stream")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=file_name)
    return canonical(mail.as_bytes())
