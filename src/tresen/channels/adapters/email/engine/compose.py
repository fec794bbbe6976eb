"""An `Outbound` as a mail (RFC 5322): threadable, bounceable, honest about being automatic, and impossible
to inject into."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime
from html import escape
from io import BytesIO

from tresen.channels.adapters.email.engine import headers, loops
from tresen.channels.adapters.email.engine.charsets import clean, one_line
from tresen.channels.adapters.email.engine.identity import Mailbox, unique_part, verp_id
from tresen.channels.contract import File, Outbound
from tresen.kernel import clock

UTF8 = Charset("utf-8")
UTF8.body_encoding = QP
SUBJECT_MAX = 250
REFERENCES_BYTES = 900  # one header line stays below the 998 of RFC 5322
REPLY_PREFIX = re.compile(r"\s*(?:(?:re|aw|antw|sv|vs|odp|ref|rv|res)(?:\[\d+\])?\s*[:：]\s*)+", re.IGNORECASE)
EMAIL = re.compile(r"[^\s<>,;:()\"\[\]\\@]{1,64}@[A-Za-z0-9.\-\u0080-\uffff]{1,255}\Z")


class Unsendable(ValueError):
    """The message cannot become a mail; the text says why."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A mail ready for SMTP. `external_ids` are what answers and bounces will name."""

    content: bytes
    sender: str  # envelope
    recipients: tuple[str, ...]
    external_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What every mail of a channel shares."""

    box: Mailbox
    name: str = ""
    signature: str = ""
    language: str = "de"


def compose(message: Outbound, head: Letterhead) -> Composed:
    """Writes the mail. Raises Unsendable without a valid recipient."""
    to, cc, bcc = _people(message.to), _people(message.cc), _people(message.bcc)
    if not (to or cc or bcc):
        raise Unsendable("no valid recipient address")
    unique = unique_part(message.idempotency_key, message.reply_token)
    message_id = head.box.message_id(message.reply_token, unique)
    root = _body(message, head)
    for name, value in _headers(message, head, message_id, to, cc).items():
        root[name] = value
    everyone = tuple(dict.fromkeys((*to, *cc, *bcc)))
    return Composed(_bytes(root), head.box.return_path(unique), everyone, (message_id, verp_id(unique)))


def reply_subject(subject: str) -> str:
    """ "Re: …" with a single prefix, whatever chain of Re, AW and Antw stood there."""
    plain = REPLY_PREFIX.sub("", one_line(subject), count=1).strip()
    return f"Re: {plain}"[:SUBJECT_MAX].rstrip() if plain else "Re:"


def _people(values: Iterable[str]) -> tuple[str, ...]:
    """Plain addresses. A value that is anything but one address is refused, so nothing can be smuggled in."""
    return tuple(dict.fromkeys(v.strip() for v in values if EMAIL.match(v.strip()) and v.isprintable()))


def _headers(
    message: Outbound, head: Letterhead, message_id: str, to: tuple[str, ...], cc: tuple[str, ...]
) -> dict[str, str]:
    name = one_line(head.name)
    author = one_line(message.author)
    shown = f"{author} · {name}" if author and name and not message.automated else name or author
    references = _references(message)
    subject = reply_subject(message.subject) if references else one_line(message.subject)[:SUBJECT_MAX]
    fields: dict[str, str] = {
        "From": _mailbox(shown, head.box.address),
        "To": ", ".join(to) or "undisclosed-recipients:;",
        "Subject": subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject").encode(),
        "Date": format_datetime(message.created_at or clock.now()),
        "Message-ID": message_id,
        "Reply-To": _mailbox(name, head.box.reply_to(message.reply_token)),
    }
    if cc:
        fields["Cc"] = ", ".join(cc)
    if references:
        fields["In-Reply-To"] = references[-1]
        fields["References"] = "\r\n ".join(references)
    if message.automated:
        fields["Auto-Submitted"] = "auto-replied" if references else "auto-generated"
        fields.update(loops.AUTOMATIC_HEADERS)
    return fields


def _references(message: Outbound) -> list[str]:
    """The first id and as many of the newest as fit."""
    known = list(headers.message_ids(message.references))
    kept: list[str] = []
    size = len(known[0]) if known else 0
    for known_id in reversed(known[1:]):
        size += len(known_id) + 1
        if size > REFERENCES_BYTES:
            break
        kept.append(known_id)
    return known[:1] + kept[::-1]


def _mailbox(name: str, address: str) -> str:
    if not name:
        return address
    if name.isascii():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{Header(name, 'utf-8').encode(linesep='')} <{address}>"


def _body(message: Outbound, head: Letterhead) -> Message:
    text = clean(message.text).rstrip("\n")
    if head.signature.strip() and not message.automated:
        text = f"{text}\n\n-- \n{head.signature.strip()}"
    content: Message = MIMEText(text + "\n", "plain", UTF8)  # type: ignore[arg-type]
    if message.html:
        content = _alternative(content, message, head)
    if not message.files:
        return content
    mixed = MIMEMultipart("mixed")
    mixed.attach(content)
    for file in message.files:
        mixed.attach(_attachment(file))
    return mixed


def _alternative(text: Message, message: Outbound, head: Letterhead) -> Message:
    html = clean(message.html)
    if head.signature.strip() and not message.automated:
        html += f"<p>-- <br>{escape(head.signature.strip()).replace(chr(10), '<br>')}</p>"
    both = MIMEMultipart("alternative")
    both.attach(text)
    both.attach(MIMEText(f'<html lang="{escape(head.language)}"><body>{html}</body></html>', "html", UTF8))  # type: ignore[arg-type]
    return both


def _attachment(file: File) -> MIMEBase:
    kind = file.content_type if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", file.content_type) else ""
    kind = kind or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    if kind.startswith(("multipart/", "message/")):
        kind = "application/octet-stream"
    part = MIMEBase(*kind.split("/", 1))
    part.set_payload(file.content)
    encode_base64(part)
    name = one_line(file.name) or "attachment"
    part.add_header("Content-Disposition", "attachment", filename=name if name.isascii() else ("utf-8", "", name))
    if file.content_id:
        part["Content-ID"] = f"<{one_line(file.content_id)}>"
    return part


def _bytes(root: Message) -> bytes:
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=compat32.clone(linesep="\r\n")).flatten(root)
    return out.getvalue()
