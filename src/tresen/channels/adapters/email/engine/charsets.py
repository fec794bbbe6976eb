"""Bytes to text, whatever the sender claims. Never raises, never returns NUL or lone surrogates."""

from __future__ import annotations

import codecs
import unicodedata

from charset_normalizer import from_bytes

SAMPLE = 16 * 1024  # bytes that the guess looks at
LAST_RESORT = "windows-1252"
GUESS_MIN = 24  # bytes above ASCII; with fewer, a guess finds Chinese in German umlauts
GUESSED = [
    "cp1252", "iso8859_2", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256",
    "shift_jis", "euc_jp", "iso2022_jp", "gb18030", "big5", "cp949", "utf_16", "utf_32",
]  # fmt: skip

# Names seen in mail that Python does not know, and names whose superset is what senders mean (as WHATWG
# does).
ALIASES = {
    "ansi_x3.4-1968": "utf-8",
    "ascii": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-1": "windows-1252",
    "iso-8859-8-i": "iso-8859-8",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "euc-kr": "cp949",
    "latin1": "windows-1252",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "us-ascii": "utf-8",
    "utf8mb4": "utf-8",
    "windows-31j": "cp932",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac-roman",
    "macintosh": "mac-roman",
    "x-sjis": "cp932",
}
HIGH = bytes(range(0x80, 0x100))
# Codecs that are no charsets of mail; some are slow or expand their input.
REFUSED = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "unknown-8bit"})


def clean(text: str) -> str:
    """Text that every database takes: no NUL, no lone surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def decode(data: bytes, declared: str = "") -> str:
    """Decodes a body or a header fragment.

    The ladder: declared charset → its alias → UTF-8 strictly → charset-normalizer → windows-1252 with
    replacement.
    """
    name = declared.strip().strip("\"'").lower()
    for candidate in (ALIASES.get(name, name), "utf-8"):
        text = _strict(data, candidate)
        if text is not None:
            return clean(text)
    sample = data[:SAMPLE]
    if len(sample) - len(sample.translate(None, HIGH)) >= GUESS_MIN:
        best = from_bytes(sample, cp_isolation=GUESSED).best()
        text = _strict(data, best.encoding) if best is not None else None
        if text is not None:
            return clean(text)
    return clean(data.decode(LAST_RESORT, "replace"))


def _strict(data: bytes, name: str) -> str | None:
    if not name:
        return None
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    if codec.name.replace("-", "_") in REFUSED or name in REFUSED:
        return None
    try:
        return data.decode(codec.name)
    except (LookupError, ValueError):
        return None


def one_line(text: str) -> str:
    """A header value as one line of visible text: controls and line breaks become spaces, runs of space
    one."""
    shown = "".join(" " if unicodedata.category(c) == "Cc" else c for c in clean(text))
    return " ".join(shown.split())
