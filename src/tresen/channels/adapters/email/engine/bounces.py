"""Reports of machines about mail of ours: bounces, delays, receipts, complaints (RFC 3464, 8098, 5965 and
the unwritten rest)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from enum import StrEnum

from tresen.channels.adapters.email.engine import bounce_patterns as patterns
from tresen.channels.adapters.email.engine import files, headers, loops
from tresen.channels.adapters.email.engine.charsets import decode, one_line
from tresen.channels.adapters.email.engine.parse import Mail

SCAN = 200_000  # characters of text looked at


class Kind(StrEnum):
    """What a report says about the mail it is about."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    READ = "read"
    COMPLAINT = "complaint"


@dataclass(frozen=True, slots=True)
class Report:
    """`hard` only means something for FAILED: the address will not work later either.

    `original_ids` are the message ids of the mail reported on (with brackets), `recipients` the addresses.
    """

    kind: Kind
    hard: bool
    code: str
    detail: str
    recipients: tuple[str, ...]
    original_ids: tuple[str, ...]


def read_report(mail: Mail) -> Report | None:
    """The report in a mail, or None when the mail is none."""
    parts = list(_leaves(mail.root))
    structured = _structured(mail, parts)
    if structured is None and not _looks_like_report(mail):
        return None
    text = f"{mail.subject}\n{mail.text}"[:SCAN]
    kind, fields = structured or (_guessed_kind(mail, text), [])
    code = _code(fields, text)
    return Report(
        kind=kind,
        hard=kind is Kind.FAILED and _is_hard(code, fields, text),
        code=code,
        detail=_detail(fields, mail.text[:SCAN]),
        recipients=_recipients(mail, fields),
        original_ids=_original_ids(mail, parts, fields, text),
    )


def _leaves(part: Message, depth: int = 0) -> Iterator[Message]:
    """Parts of the report itself; a returned message is one part, however much is in it."""
    children = part.get_payload() if part.is_multipart() else None
    if isinstance(children, list) and part.get_content_maintype() == "multipart" and depth < 5:
        for child in children:
            if isinstance(child, Message):
                yield from _leaves(child, depth + 1)
    else:
        yield part


Fields = list[dict[str, str]]


def _structured(mail: Mail, parts: list[Message]) -> tuple[Kind, Fields] | None:
    kinds = {p.get_content_type(): p for p in parts}
    report_type = headers.text(str(mail.root.get_param("report-type", "") or "")).lower()
    if "message/feedback-report" in kinds or report_type == "feedback-report":
        return Kind.COMPLAINT, _fields(kinds.get("message/feedback-report"))
    if "message/disposition-notification" in kinds or report_type == "disposition-notification":
        fields = _fields(kinds.get("message/disposition-notification"))
        shown = any("displayed" in f.get("disposition", "").lower() for f in fields)
        return (Kind.READ if shown else Kind.DELIVERED), fields
    for name in ("message/delivery-status", "message/global-delivery-status"):
        if name in kinds:
            fields = _fields(kinds[name])
            return _action(fields), fields
    if mail.root.get_content_type() == "multipart/report" and (report_type == "delivery-status" or not report_type):
        text = f"{mail.subject}\n{mail.text}"[:SCAN]
        return _guessed_kind(mail, text), []
    return None


def _fields(part: Message | None) -> Fields:
    """The blocks of a report part as dictionaries with lower-case names."""
    if part is None:
        return []
    inner = part.get_payload()
    blocks = [m for m in inner if isinstance(m, Message)] if isinstance(inner, list) else []
    found = [{k.lower(): headers.text(str(v)) for k, v in b.raw_items()} for b in blocks]
    source = files.payload(part) if not blocks else b"\n\n".join(files.payload(b) for b in blocks if not b.keys())
    for block in re.split(r"\n\s*\n", decode(source[:SCAN]).replace("\r\n", "\n")):
        lines = re.sub(r"\n[ \t]+", " ", block).split("\n")
        found.append({k.strip().lower(): one_line(v) for k, sep, v in (line.partition(":") for line in lines) if sep})
    return [f for f in found if f]


def _action(fields: Fields) -> Kind:
    actions = {f["action"].split()[0].lower() for f in fields if f.get("action", "").strip()}
    if "failed" in actions:
        return Kind.FAILED
    if "delayed" in actions:
        return Kind.DELAYED
    if actions & {"delivered", "relayed", "expanded"}:
        return Kind.DELIVERED
    statuses = [f["status"] for f in fields if "status" in f]
    if statuses and all(s.startswith("4") for s in statuses):
        return Kind.DELAYED
    return Kind.DELIVERED if statuses and all(s.startswith("2") for s in statuses) else Kind.FAILED


def _looks_like_report(mail: Mail) -> bool:
    """Unstructured reports: a machine's sender and words or marks of failure. A vacation reply has
    neither."""
    senders = mail.senders or mail.sender
    local = senders[0].local if senders else headers.text((mail.headers.get("from") or ("",))[0])
    daemon = bool(patterns.DAEMON_SENDER.search(local) or (senders and patterns.DAEMON_NAME.search(senders[0].name)))
    empty_path = mail.return_path == "" or (mail.return_path or "").lower().startswith(
        ("mailer-daemon@", "postmaster@")
    )
    subject = bool(patterns.SUBJECT.search(mail.subject))
    marks = any(
        n in mail.headers for n in ("x-failed-recipients", "x-postfix-queue-id-bounce", "x-returned-message-id")
    )
    text = mail.text[:SCAN]
    failed = bool(patterns.FAILED_TEXT.search(text))
    attached = any(f.content_type.startswith(("message/rfc822", "text/rfc822")) for f in mail.files)
    if marks or patterns.NOTIFICATION.search(text) or (attached and patterns.COMPLAINT_SUBJECT.search(mail.subject)):
        return True
    if daemon:
        return subject or failed or empty_path
    returned = attached or bool(patterns.RETURNED.search(text))
    if empty_path or loops.auto_submitted(mail) not in ("", "no") or loops.is_no_reply(mail):
        return (subject and failed) or (failed and returned) or (subject and returned)
    return subject and failed and returned and not mail.in_reply_to


def _guessed_kind(mail: Mail, text: str) -> Kind:
    notified = patterns.NOTIFICATION.search(text)
    if patterns.COMPLAINT_SUBJECT.search(mail.subject) or (notified and notified[1] == "Complaint"):
        return Kind.COMPLAINT
    if notified:
        return Kind.FAILED if notified[1] == "Bounce" else Kind.DELIVERED
    code = _code([], text)
    if patterns.DELAYED.search(mail.subject) or (code.startswith("4") and "still" in text.lower()):
        return Kind.DELAYED
    return Kind.FAILED


def _code(fields: Fields, text: str) -> str:
    """The enhanced status code (RFC 3463) such as 5.1.1, or the class of a plain reply code such as 5.0.0,
    or ""."""
    for field in fields:
        match = patterns.STATUS.search(field.get("status", ""))
        if match and match[0] != "2.0.0":
            return match[0]
    match = patterns.STATUS.search(" ".join(f.get("diagnostic-code", "") for f in fields) or text)
    if match and match[1] != "2":
        return match[0]
    plain = patterns.REPLY_CODE.search(text)
    return f"{plain[1]}.0.0" if plain else ""


def _is_hard(code: str, fields: Fields, text: str) -> bool:
    if code.startswith("4") or code in ("5.2.2", "5.4.7", "5.7.0"):
        return False
    diagnostic = " ".join(f.get("diagnostic-code", "") for f in fields)
    return not patterns.SOFT.search(diagnostic or text[:4000])


def _detail(fields: Fields, text: str) -> str:
    for field in fields:
        if field.get("diagnostic-code"):
            return field["diagnostic-code"].partition(";")[2].strip()[:500] or field["diagnostic-code"][:500]
    line = next((ln for ln in text.split("\n") if patterns.FAILED_TEXT.search(ln)), "")
    return one_line(line)[:500]


def _recipients(mail: Mail, fields: Fields) -> tuple[str, ...]:
    named = [f.get(k, "").rpartition(";")[2] for f in fields for k in ("original-recipient", "final-recipient")]
    raws = [n for n in named if n] + list(mail.headers.get("x-failed-recipients", ()))
    return tuple(a.value for a in headers.addresses(raws))


def _original_ids(mail: Mail, parts: list[Message], fields: Fields, text: str) -> tuple[str, ...]:
    found: list[str] = []
    for part in parts:
        if part.get_content_type() in (
            "message/rfc822",
            "text/rfc822-headers",
            "message/global",
            "message/global-headers",
        ):
            source = files.nested_bytes(part) if part.is_multipart() else files.payload(part)
            # Only the returned mail's own header: its body may quote the ids of others.
            head = re.split(rb"\r?\n\r?\n", source[:SCAN], maxsplit=1)[0]
            found += [f"<{i}>" for i in patterns.INNER_ID.findall(decode(head))]
    named = (
        f.get(k, "") for f in fields for k in ("original-message-id", "original-envelope-id", "x-original-message-id")
    )
    found += headers.message_ids(named)
    if not found:
        found += [f"<{i}>" for i in patterns.INNER_ID.findall(text)]
    if not found:
        found += [*mail.in_reply_to, *reversed(mail.references)]
    return tuple(dict.fromkeys(one_line(i) for i in found))[:20]
