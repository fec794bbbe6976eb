"""Raw bytes to a mail one can work with. Odd input is read as well as it can be; only hostile input is
refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from email.message import Message
from html import escape

from tresen.channels.adapters.email.engine import files, headers
from tresen.channels.adapters.email.engine.charsets import clean, decode
from tresen.channels.adapters.email.engine.headers import Address
from tresen.channels.adapters.email.engine.limits import LIMITS, Limits, Unparsable, read
from tresen.channels.adapters.email.engine.plaintext import from_html
from tresen.channels.contract import File

SUBJECT_MAX = 500
HEADER_PEEK = 64 * 1024
DELIVERED_TO = (
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-apparently-to",
)


@dataclass(frozen=True, slots=True)
class Mail:
    """A parsed mail. Texts carry no NUL and no lone surrogates; `html` is raw and must be sanitised to be
    shown.

    `return_path`: None = not recorded, "" = the null return path, else an address. `senders` are all From
    addresses.
    """

    headers: dict[str, tuple[str, ...]]  # lower-case name → raw values, topmost first
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    subject: str
    date: datetime | None
    senders: tuple[Address, ...]
    sender: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    delivered_to: tuple[Address, ...]
    return_path: str | None
    text: str
    html: str
    files: tuple[File, ...]
    root: Message = field(repr=False)

    def header(self, name: str) -> str:
        """The topmost value of a header as one line of decoded text, or ""."""
        values = self.headers.get(name.lower(), ())
        return headers.text(values[0]) if values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """All values of a header as decoded lines, topmost first."""
        return tuple(headers.text(v) for v in self.headers.get(name.lower(), ()))


@dataclass(slots=True)
class _Segment:
    """A stretch of the visible body: as text, as HTML, or as both (alternatives of one another)."""

    text: str | None = None
    html: str | None = None


@dataclass(slots=True)
class _Body:
    limits: Limits
    files: list[File] = field(default_factory=list)

    def add_file(self, part: Message) -> list[_Segment]:
        """Keeps a part as a file. A winmail.dat is opened; the body inside it counts as a segment."""
        file = files.from_part(part, len(self.files) + 1)
        if file.content_type in files.TNEF_TYPES or file.name.lower() == "winmail.dat":
            inner, text, html = files.unpack_tnef(file)
            if inner or text or html:
                self.files += inner
                return [_Segment(text or None, html or None)] if text or html else []
        self.files.append(file)
        return []


def parse(raw: bytes, limits: Limits = LIMITS) -> Mail:
    """Reads a mail. Raises Unparsable when it exceeds the limits, and nothing else."""
    root = read(raw, limits)
    try:
        return _mail(root, limits)
    except Unparsable:
        raise
    except Exception as fault:  # the last line of defence: the raw mail is kept and shown instead
        raise Unparsable(f"the mail could not be read ({type(fault).__name__})") from fault


def envelope(raw: bytes) -> Mail:
    """Only the headers of a mail whose body is beyond the limits; an empty mail when even they are."""
    head = raw[:HEADER_PEEK]
    for end in (b"\r\n\r\n", b"\n\n"):
        head = head.partition(end)[0]
    try:
        return parse(head[: HEADER_PEEK // 2] + b"\n\n")
    except Unparsable:
        return parse(b"")


def _mail(root: Message, limits: Limits) -> Mail:
    fields: dict[str, tuple[str, ...]] = {}
    for name, value in root.raw_items():
        fields[name.lower()] = (*fields.get(name.lower(), ()), str(value))

    def ids(name: str) -> tuple[str, ...]:
        return headers.message_ids(fields.get(name, ()))

    def people(*names: str) -> tuple[Address, ...]:
        return headers.addresses(v for n in names for v in fields.get(n, ()))

    body = _Body(limits)
    text, html = _join(_walk(root, body), limits)
    text, uu = files.split_uuencode(text)
    found = [File(files.safe_name(n, "", i), files.guess(n), c) for i, (n, c) in enumerate(uu, len(body.files) + 1)]
    own = ids("message-id")
    return Mail(
        headers=fields,
        message_id=own[0] if own else "",
        in_reply_to=ids("in-reply-to"),
        references=ids("references"),
        subject=headers.text((fields.get("subject") or ("",))[0])[:SUBJECT_MAX],
        date=headers.date((fields.get("date") or ("",))[0]),
        senders=people("from"),
        sender=people("sender"),
        reply_to=people("reply-to"),
        to=people("to"),
        cc=people("cc"),
        delivered_to=people(*DELIVERED_TO),
        return_path=_return_path(fields.get("return-path", ())),
        text=text,
        html=html,
        files=(*body.files, *found),
        root=root,
    )


def _return_path(values: tuple[str, ...]) -> str | None:
    if not values:
        return None
    known = headers.addresses(values[:1])
    return known[0].value if known else ""


def _walk(part: Message, body: _Body) -> list[_Segment]:
    kind, sub = part.get_content_maintype(), part.get_content_subtype()
    children = part.get_payload() if part.is_multipart() else None
    if isinstance(children, list) and kind == "multipart":
        return _walk_multipart(sub, [c for c in children if isinstance(c, Message)], body)
    if kind == "multipart" or (kind == "text" and _is_body(part)):
        return [_text_segment(part, body)]
    return body.add_file(part)


def _walk_multipart(sub: str, children: list[Message], body: _Body) -> list[_Segment]:
    if sub == "alternative":
        return _alternative([s for c in children for s in _walk(c, body)])
    if sub == "encrypted":
        return [s for c in children for s in body.add_file(c)]
    if sub == "signed":
        return [s for c in children[:1] for s in _walk(c, body)] + [s for c in children[1:] for s in body.add_file(c)]
    return [s for c in children for s in _walk(c, body)]


def _alternative(segments: list[_Segment]) -> list[_Segment]:
    texts = [s.text for s in segments if s.text and s.text.strip()]
    htmls = [s.html for s in segments if s.html]
    return [_Segment(texts[0] if texts else None, htmls[-1] if htmls else None)] if texts or htmls else []


def _is_body(part: Message) -> bool:
    """Text that is read, not downloaded: no attachment, and unnamed unless it is the whole mail."""
    if part.get_content_subtype() in ("calendar", "vcard", "x-vcard", "rfc822-headers", "csv"):
        return False
    if part.get_content_disposition() == "attachment":
        return False
    return getattr(part, "depth", 0) == 0 or not files.declared_name(part)


def _text_segment(part: Message, body: _Body) -> _Segment:
    data = files.payload(part)
    html = part.get_content_type() == "text/html"
    limit = body.limits.html if html else body.limits.text
    if len(data) > limit:  # the whole stays readable as a file, the view is cut
        body.files.append(
            File(f"body-{len(body.files) + 1}.{'html' if html else 'txt'}", part.get_content_type(), data)
        )
        data = data[:limit]
    text = decode(data, _charset(part)).replace("\r\n", "\n").replace("\r", "\n")
    return _Segment(html=text) if html else _Segment(text=text)


def _charset(part: Message) -> str:
    try:
        return str(part.get_content_charset("") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def _join(segments: list[_Segment], limits: Limits) -> tuple[str, str]:
    texts = [s.text if s.text is not None else from_html(s.html or "") for s in segments]
    html = ""
    if any(s.html is not None for s in segments):
        html = "<br>".join(s.html if s.html is not None else f"<pre>{escape(s.text or '')}</pre>" for s in segments)
    text = "\n\n".join(t.strip("\n") for t in texts if t.strip())
    return clean(text[: limits.text]), clean(html[: limits.html])
