"""Reading hostile MIME with limits: the standard library's parser, stopped the moment a mail leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from email.feedparser import BytesFeedParser
from email.message import Message
from email.policy import Compat32
from typing import Any, cast

CHUNK = 64 * 1024


class Unparsable(Exception):
    """A mail beyond the limits or the parser's means. `reason` is shown to agents; the raw mail is kept
    beside it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes; `headers` of one entity, `all_headers` of all, `content_header` of one Content-… header.

    `blocks` counts the recipients' blocks of a delivery report apart from real parts.
    """

    size: int = 50 * 1024 * 1024
    headers: int = 64 * 1024
    all_headers: int = 256 * 1024
    content_header: int = 8 * 1024
    depth: int = 20
    parts: int = 200
    blocks: int = 2000
    lines: int = 1_000_000
    text: int = 2 * 1024 * 1024
    html: int = 2 * 1024 * 1024


LIMITS = Limits()


class _Part(Message):
    """A MIME entity that knows how deep it lies and counts itself against the mail it belongs to."""

    limits: Limits = LIMITS
    depth = 0

    def __init__(self, policy: Any, *, limits: Limits = LIMITS) -> None:
        super().__init__(policy)
        self.limits = limits
        self.counts = {"parts": 1, "blocks": 0}

    def attach(self, payload: Any) -> None:
        """Called by the parser for every part as soon as it begins."""
        payload.depth, payload.counts = self.depth + 1, self.counts
        if payload.depth > self.limits.depth:
            raise Unparsable(f"nested deeper than {self.limits.depth} levels")
        kind = "blocks" if self.get_content_type() == "message/delivery-status" else "parts"
        self.counts[kind] += 1
        if self.counts[kind] > getattr(self.limits, kind):
            raise Unparsable(f"more than {getattr(self.limits, kind)} parts")
        super().attach(payload)


class _Policy(Compat32):
    """compat32 with ceilings on header bytes: reading parameters costs the square of a header's length."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        # Policies refuse attributes of their own.
        object.__setattr__(self, "_limits", limits)
        object.__setattr__(self, "_used", {"entity": 0, "all": 0})

    def begin(self) -> None:
        """A new entity begins."""
        self._used["entity"] = 0  # type: ignore[attr-defined]

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        """Called by the parser for every header."""
        limits: Limits = self._limits  # type: ignore[attr-defined]
        used: dict[str, int] = self._used  # type: ignore[attr-defined]
        size = sum(map(len, sourcelines))
        used["entity"] += size
        used["all"] += size
        if used["entity"] > limits.headers or used["all"] > limits.all_headers:
            raise Unparsable(f"headers larger than {limits.headers} bytes")
        if size > limits.content_header and sourcelines[0][:8].lower() == "content-":
            raise Unparsable(f"a Content header larger than {limits.content_header} bytes")
        return super().header_source_parse(sourcelines)


def read(raw: bytes, limits: Limits = LIMITS) -> Message:
    """Parses raw bytes into a compat32 message tree. Raises Unparsable beyond the limits, nothing else."""
    if len(raw) > limits.size:
        raise Unparsable(f"larger than {limits.size // (1024 * 1024)} MB")
    if raw.count(b"\n") + raw.count(b"\r") > 2 * limits.lines:
        raise Unparsable(f"more than {limits.lines} lines")
    policy = _Policy(limits)

    def factory(policy: _Policy) -> _Part:
        policy.begin()
        return _Part(policy, limits=limits)

    parser = BytesFeedParser(cast(Any, factory), policy=policy)
    try:
        for start in range(0, len(raw), CHUNK):
            parser.feed(raw[start : start + CHUNK])
        return parser.close()
    except Unparsable:
        raise
    except Exception as fault:  # the last line of defence: a fault in the parser must not lose a mail
        raise Unparsable(f"the MIME parser failed ({type(fault).__name__})") from fault
