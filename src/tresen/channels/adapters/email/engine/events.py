"""A raw receipt as what happened: a message, a delivery report, or something kept because it could not be
read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tresen.channels.adapters.email.engine import auth, bounces, identity, loops, quotes, threading
from tresen.channels.adapters.email.engine.headers import Address
from tresen.channels.adapters.email.engine.identity import Mailbox
from tresen.channels.adapters.email.engine.limits import Unparsable
from tresen.channels.adapters.email.engine.parse import Mail, envelope, parse
from tresen.channels.contract import Assurance, EventType, File, InboundEvent, RawReceipt, Sender

# What the fetcher adds beside the raw bytes (header names of the receipt).
DKIM_HEADER = "x-dkim-domains"  # space-separated domains whose signature held
FAULT_HEADER = "x-fetch-fault"  # the server could not hand the mail over, or it is too large to fetch whole

UNKNOWN = "unknown@sender.invalid"  # a mail without any author still becomes a conversation (RFC 2606)
CLOCK_SLACK = timedelta(days=1)
OLDEST = timedelta(days=3650)
CC_MAX = 50
VERIFICATION = re.compile(
    r"verif(?:y|ication)|confirm(?:ation)? (?:your|code|email)|one[- ]time (?:pass|code)|security code|"
    r"login code|sign[- ]?in code|"
    r"reset (?:your )?password|activate your|magic link|join .{0,40}(?:workspace|team)|"
    r"bestätigungs(?:code|link|mail)|"
    r"bestätigen sie|verifizier|sicherheitscode|einmal(?:code|passwort)|passwort zurücksetzen|anmeldecode|"
    r"freischalt",
    re.IGNORECASE,
)
STATUS = {
    bounces.Kind.FAILED: "failed",
    bounces.Kind.COMPLAINT: "failed",
    bounces.Kind.DELAYED: "sent",
    bounces.Kind.DELIVERED: "delivered",
    bounces.Kind.READ: "read",
}


def read(
    raw: RawReceipt, box: Mailbox, *, authserv_id: str = "", own: frozenset[str] = frozenset()
) -> Iterator[InboundEvent]:
    """The events of one mail. Never raises.

    `own`: addresses of all our channels in lower case, besides `box`. The same receipt gives the same events.
    """
    fault = raw.headers.get(FAULT_HEADER, "")
    try:
        mail = parse(raw.body) if not fault else envelope(raw.body)
    except Unparsable as refused:
        mail, fault = envelope(raw.body), refused.reason
    if fault:
        yield _unsupported(raw, mail, fault)
        return
    report = bounces.read_report(mail)
    ids = _ours(report, mail, box) if report else ()
    if report and ids:
        yield _status(raw, mail, report, ids)
    elif _is_echo(mail, box):
        yield InboundEvent(dedup_key(raw.body, mail), EventType.IGNORED, external_id=mail.message_id)
    else:
        yield _message(raw, mail, box, report, authserv_id, own | {box.address.lower()})


def dedup_key(raw: bytes, mail: Mail) -> str:
    """The same mail under another UID is the same mail: id, sender, date and body count, the route it took
    does not.

    A Message-ID alone is not unique, and a mail may have none: then every byte counts.
    """
    if not mail.message_id:
        return "mail:" + hashlib.sha256(raw).hexdigest()
    head = "\0".join((mail.message_id, *mail.headers.get("from", ()), *mail.headers.get("date", ())))
    body = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1].replace(b"\r\n", b"\n").rstrip()
    return "mail:" + hashlib.sha256(head.encode("utf-8", "surrogateescape") + b"\0" + body).hexdigest()


def _when(raw: RawReceipt, mail: Mail) -> datetime | None:
    """The Date header, unless it is impossible: clocks of senders are often wrong."""
    received = raw.received_at
    if mail.date is None or (received and not received - OLDEST <= mail.date <= received + CLOCK_SLACK):
        return received
    return mail.date


def _author(mail: Mail) -> Address | None:
    return next(iter((*mail.senders, *mail.sender, *mail.reply_to)), None)


def _sender(mail: Mail, assurance: Assurance = Assurance.CLAIMED) -> Sender:
    author = _author(mail)
    if author is None:
        return Sender("email", UNKNOWN)
    language = re.match(r"[A-Za-z]{2}\b", mail.header("content-language"))
    return Sender("email", author.value, author.name, assurance, language=language[0].lower() if language else "")


def _unsupported(raw: RawReceipt, mail: Mail, reason: str) -> InboundEvent:
    return InboundEvent(
        dedup_key="mail:" + hashlib.sha256(raw.body).hexdigest(),
        type=EventType.UNSUPPORTED,
        sender=_sender(mail),
        occurred_at=_when(raw, mail),
        external_id=mail.message_id,
        subject=mail.subject,
        files=(File("message.eml", "message/rfc822", raw.body),),
        error=reason,
        automated=True,  # nothing is known about it, so nothing answers it by itself
        meta={"unreadable": reason},
    )


def _is_echo(mail: Mail, box: Mailbox) -> bool:
    """A copy of what we sent ourselves (Bcc to the mailbox, a rule that copies sent mail)."""
    own = identity.own_id(mail.message_id, box)
    return bool(own and mail.senders and all(box.is_own(a) for a in mail.senders))


def _ours(report: bounces.Report, mail: Mail, box: Mailbox) -> tuple[str, ...]:
    """External ids of ours that a report is about: by the return path it came to, and by the mail it
    returns."""
    verp = [identity.VERP.match(box.detail(a) or "") for a in threading.recipients(mail)]
    found = [identity.verp_id(match[1]) for match in verp if match]
    found += [i for i in report.original_ids if identity.own_id(i, box)]
    return tuple(dict.fromkeys(found))


def _status(raw: RawReceipt, mail: Mail, report: bounces.Report, ids: tuple[str, ...]) -> InboundEvent:
    meta: dict[str, Any] = {
        "report": str(report.kind),
        "hard": report.hard,
        "code": report.code,
        "recipients": list(report.recipients),
    }
    error = " ".join(p for p in (report.code, report.detail) if p) or (
        "delivery failed" if report.kind is bounces.Kind.FAILED else str(report.kind)
    )
    good = report.kind in (bounces.Kind.DELIVERED, bounces.Kind.READ)
    return InboundEvent(
        dedup_key=dedup_key(raw.body, mail),
        type=EventType.STATUS,
        occurred_at=_when(raw, mail),
        external_id=mail.message_id,
        subject=mail.subject,
        status=STATUS[report.kind],
        status_for=ids,
        error="" if good else error,
        automated=True,
        meta=meta,
    )


def _message(
    raw: RawReceipt,
    mail: Mail,
    box: Mailbox,
    report: bounces.Report | None,
    authserv_id: str,
    own: frozenset[str],
) -> InboundEvent:
    verdict = auth.verdict(mail, authserv_id=authserv_id, dkim_domains=raw.headers.get(DKIM_HEADER, "").split())
    folded = quotes.fold(mail.text, mail.html)
    machine = "delivery report" if report else loops.reason(mail, own)
    quarantine = _quarantine(mail, box)
    meta = _meta(mail, box, verdict, machine, own)
    if folded.rest:
        meta["folded"] = folded.rest
    if quarantine:
        meta["quarantine"] = quarantine
    if report:
        meta["bounce"] = {
            "kind": str(report.kind),
            "recipients": list(report.recipients),
            "code": report.code,
        }
    return InboundEvent(
        dedup_key=dedup_key(raw.body, mail),
        type=EventType.MESSAGE,
        sender=_sender(mail, verdict.assurance),
        # A quarantined mail must not land in the conversation whose address it was sent to: its customer
        # could read it.
        hints=() if quarantine else threading.hints(mail, box),
        occurred_at=_when(raw, mail),
        external_id=mail.message_id,
        subject=mail.subject,
        text=folded.visible,
        html=mail.html,
        files=mail.files,
        automated=bool(machine or quarantine),
        reply_context=_reply_context(mail),
        meta=meta,
    )


def _reply_context(mail: Mail) -> dict[str, Any]:
    """Never an address to answer to: answers go to the identity, a foreign Reply-To only when an agent
    chooses it."""
    references = [*mail.references, *(i for i in mail.in_reply_to if i not in mail.references)]
    if mail.message_id:
        references.append(mail.message_id)
    return {"message_id": mail.message_id, "references": references[-20:], "subject": mail.subject}


def _meta(mail: Mail, box: Mailbox, verdict: auth.Verdict, machine: str, own: frozenset[str]) -> dict[str, Any]:
    meta: dict[str, Any] = {"authentication": verdict.text}
    cc = [a.value for a in (*mail.to, *mail.cc) if not box.is_own(a) and a.value.lower() not in own]
    if cc:
        meta["cc"] = cc[:CC_MAX]
    if machine:
        meta["automated"] = machine
    warnings = _warnings(mail, verdict)
    if warnings:
        meta["warnings"] = warnings
    foreign = _foreign_reply_to(mail)
    if foreign:
        meta["reply_to"] = foreign
    return meta


def _warnings(mail: Mail, verdict: auth.Verdict) -> list[str]:
    """Codes that the desk puts into words: reply_to_differs, several_senders, sender_forged,
    name_looks_like_address."""
    found: list[str] = []
    if _foreign_reply_to(mail):
        found.append("reply_to_differs")
    if len(mail.senders) > 1 or len(mail.headers.get("from", ())) > 1:
        found.append("several_senders")
    if verdict.failed and len(mail.senders) == 1:
        found.append("sender_forged")
    for author in mail.senders[:1]:
        if "@" in author.name and author.value.lower() not in author.name.lower():
            found.append("name_looks_like_address")
    return found


def _foreign_reply_to(mail: Mail) -> list[str]:
    known = {a.value.lower() for a in mail.senders}
    return [a.value for a in mail.reply_to if a.value.lower() not in known][:5]


def _quarantine(mail: Mail, box: Mailbox) -> str:
    """Mail of machines to a reply address: somebody registers elsewhere with it to read the confirmation
    here."""
    if not threading.to_plus_address(mail, box):
        return ""
    if loops.is_no_reply(mail):
        return "no-reply sender wrote to a reply address"
    if VERIFICATION.search(mail.subject):
        return "verification mail to a reply address"
    own_ids = [i for i in threading.known_ids(mail) if identity.own_id(i, box)]
    if not own_ids and (VERIFICATION.search(mail.text[:2000]) and loops.reason(mail)):
        return "verification mail to a reply address"
    return ""
