"""Attachments: harmless names, mails within mails, uuencode and Microsoft's winmail.dat."""

from __future__ import annotations

import binascii
import mimetypes
import re
import unicodedata
from email.generator import BytesGenerator
from email.message import Message
from io import BytesIO

from tnefparse import TNEF

from tresen.channels.adapters.email.engine import headers
from tresen.channels.contract import File

NAME_MAX = 150
TNEF_FILES_MAX = 100
TNEF_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
UU_BEGIN = re.compile(r"^begin [0-7]{3,4} (\S[^\r\n]{0,255})$")
INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
EXTENSIONS = {
    "message/rfc822": ".eml",
    "text/calendar": ".ics",
    "message/delivery-status": ".txt",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/pgp-signature": ".asc",
    "application/pgp-encrypted": ".asc",
}


def safe_name(name: str, content_type: str, number: int) -> str:
    """A file name without path, controls, zero-width or direction marks; never empty, at most 150
    characters."""
    shown = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in shown if unicodedata.category(c) not in INVISIBLE and c not in '<>:"|?*')
    shown = " ".join(shown.split()).strip(". ")
    if not shown:
        extension = EXTENSIONS.get(content_type) or mimetypes.guess_extension(content_type) or ".bin"
        shown = f"attachment-{number}{extension}"
    stem, dot, extension = shown.rpartition(".")
    if len(shown) > NAME_MAX:
        shown = (
            stem[: NAME_MAX - len(extension) - 1] + dot + extension if dot and len(extension) < 20 else shown[:NAME_MAX]
        )
    return shown


def declared_name(part: Message) -> str:
    """The name a part carries (RFC 2231, RFC 2047, or plain 8-bit), or ""."""
    fields = {name.lower(): str(value) for name, value in reversed(list(part.raw_items()))}
    probe = Message()
    for name in ("content-disposition", "content-type"):
        if name in fields:
            probe[name] = headers.unescape(fields[name])
    try:
        return headers.text(probe.get_filename("") or "")
    except (ValueError, LookupError, TypeError, AttributeError):
        return ""


def from_part(part: Message, number: int) -> File:
    """Any leaf or nested mail as a file."""
    content_type = part.get_content_type()
    name = declared_name(part)
    if part.is_multipart():
        content = nested_bytes(part)
        if content_type == "message/rfc822" and not name:
            name = _title(part) + ".eml"
    else:
        content = payload(part)
    cid = headers.text(part.get("Content-ID") or "").strip("<> ")[:255]
    return File(safe_name(name, content_type, number), content_type[:100], content, cid)


def payload(part: Message) -> bytes:
    """The decoded bytes of a leaf. Odd transfer encodings ("7-bit", "base64;") are read as what they mean."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    plain = re.match(r"[a-z0-9-]*", encoding)
    if plain and plain[0] != encoding and "Content-Transfer-Encoding" in part:
        part.replace_header("Content-Transfer-Encoding", plain[0])
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AttributeError, binascii.Error):
        content = str(part.get_payload()).encode("utf-8", "surrogateescape")
    return content if isinstance(content, bytes) else b""


def nested_bytes(part: Message) -> bytes:
    """The source of a nested message; of a delivery report, its blocks."""
    inner = part.get_payload()
    messages = [m for m in inner if isinstance(m, Message)] if isinstance(inner, list) else []
    return b"\n".join(_source(m) for m in messages)


def _source(message: Message) -> bytes:
    out = BytesIO()
    try:
        BytesGenerator(out, mangle_from_=False, maxheaderlen=0).flatten(message)
    except (ValueError, LookupError, TypeError, AttributeError, KeyError):
        return str(message.get_payload()).encode("utf-8", "surrogateescape")
    return out.getvalue()


def _title(part: Message) -> str:
    inner = part.get_payload()
    first = inner[0] if isinstance(inner, list) and inner else None
    subject = headers.text(str(first.get("Subject", ""))) if isinstance(first, Message) else ""
    return re.sub(r"[/\\]+", "-", subject)[:80] or "message"


def split_uuencode(text: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Takes `begin 644 name … end` blocks out of a text. A block without an end stays text."""
    if "begin " not in text:
        return text, []
    lines, kept, found = text.split("\n"), [], []
    number = 0
    while number < len(lines):
        match = UU_BEGIN.match(lines[number].rstrip("\r"))
        block = _uu_block(lines, number + 1) if match else None
        if match and block:
            found.append((match[1].strip(), block[0]))
            number = block[1]
        else:
            kept.append(lines[number])
            number += 1
    return "\n".join(kept), found


def _uu_block(lines: list[str], start: int) -> tuple[bytes, int] | None:
    content = bytearray()
    for number in range(start, len(lines)):
        line = lines[number].rstrip("\r")
        if line == "end":
            return bytes(content), number + 1
        try:
            content += binascii.a2b_uu(line.encode("ascii"))
        except (binascii.Error, UnicodeEncodeError):
            return None
    return None


def unpack_tnef(file: File) -> tuple[list[File], str, str]:
    """The files, text and HTML inside a winmail.dat. Nothing when it cannot be read: then the file itself
    is kept."""
    try:
        winmail = TNEF(file.content)
        inner = winmail.attachments[:TNEF_FILES_MAX]
        files = [
            File(
                safe_name(_tnef_name(a), "application/octet-stream", n),
                guess(_tnef_name(a)),
                bytes(a.data or b""),
            )
            for n, a in enumerate(inner, 1)
        ]
        return files, _tnef_text(winmail.body), _tnef_text(winmail.htmlbody)
    except Exception:  # tnefparse raises whatever broken input leads to
        return [], "", ""


def _tnef_name(attachment: object) -> str:
    name = attachment.long_filename() or attachment.name or ""  # type: ignore[attr-defined]
    return name.decode("windows-1252", "replace") if isinstance(name, bytes) else str(name).rstrip("\0")


def _tnef_text(body: object) -> str:
    if isinstance(body, bytes):
        return body.decode("utf-8", "replace").replace("\0", "")
    return str(body or "").replace("\0", "")


def guess(name: str) -> str:
    """The media type a file name suggests."""
    return mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"
