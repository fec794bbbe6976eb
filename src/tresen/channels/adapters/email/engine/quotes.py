"""Separates what a customer wrote now from what the mail program quoted below it. Folds, never deletes.

HTML marks come first (they are certain), then header blocks and "On … wrote:" lines, then plain quote marks,
signatures and "sent from my phone".
"""

from __future__ import annotations

from dataclasses import dataclass

from tresen.channels.adapters.email.engine import markup, plaintext
from tresen.channels.adapters.email.engine import quote_patterns as patterns
from tresen.channels.adapters.email.engine.quotes_html import quote_start

LINES_MAX = 5000  # beyond, a text is shown as it is
WINDOW = 6  # lines over which one attribution may be broken
SIGNATURE_LINES = 15
SIGNATURE_CHARS = 900
RULED_SIGNATURE_LINES = 4  # below a line of underscores, which people also use as a divider


@dataclass(frozen=True, slots=True)
class Folded:
    """`visible` is what is new in this mail, `rest` what can be unfolded ("" when nothing is)."""

    visible: str
    rest: str = ""


def fold(text: str, html: str = "") -> Folded:
    """Folds a mail's body. When HTML marks tell where the quote begins, the text is taken from the HTML."""
    if html:
        stream = markup.tokens(markup.tidy(html))
        start = quote_start(stream)
        if start is not None:
            own, quoted = markup.cut(stream, start)
            head = fold_text(plaintext.from_tokens(own))
            rest = (head.rest, plaintext.from_tokens(quoted))
            return Folded(head.visible, "\n\n".join(r for r in rest if r))
    return fold_text(text)


def fold_text(text: str) -> Folded:
    """Folds plain text. A mail that would be folded away completely is shown completely."""
    lines = text.replace("\r\n", "\n").split("\n")
    if len(lines) > LINES_MAX:
        return Folded(text.strip("\n"))
    fold = [False] * len(lines)
    _fold_from_marker(lines, fold)
    _fold_leading(lines, fold)
    _fold_trailing(lines, fold)
    visible = [line for line, hidden in zip(lines, fold, strict=True) if not hidden]
    if not any(line.strip() for line in visible):
        return Folded(text.strip("\n"))
    rest = [line for line, hidden in zip(lines, fold, strict=True) if hidden]
    return Folded(_trim(visible), _trim(rest))


def _trim(lines: list[str]) -> str:
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return "\n".join(line.rstrip() for line in lines[start:end])


def _fold_from_marker(lines: list[str], fold: list[bool]) -> None:
    """Folds everything from the first mark below which nothing new can stand."""
    last_own = _last_own(lines)
    for index, line in enumerate(lines):
        if not line.strip() or (patterns.QUOTE.match(line) and not patterns.is_separator(line)):
            continue
        if _is_cut(lines, index, last_own):
            if not any(existing.strip() for existing in lines[:index]):
                _fold_leading_header(lines, fold, index)
                return
            start = index
            while start > 0 and (not lines[start - 1].strip() or patterns.DELIMITER.match(lines[start - 1])):
                start -= 1
            fold[start:] = [True] * (len(lines) - start)
            return


def _last_own(lines: list[str]) -> int:
    """Index of the last line that is neither quoted nor part of a closing signature; -1 without one."""
    end = _signature_start(lines, len(lines))
    return next((n for n in range(end - 1, -1, -1) if _is_own(lines[n])), -1)


def _is_own(line: str) -> bool:
    if not line.strip() or patterns.LOOSE_QUOTE.match(line):
        return False
    return not patterns.DELIMITER.match(line) and not _is_mobile(line)


def _is_cut(lines: list[str], index: int, last_own: int) -> bool:
    if patterns.is_separator(lines[index]) or _header_block(lines, index):
        return True
    end = _attribution_end(lines, index)
    if end is None:
        return False
    following = next((n for n in range(end, len(lines)) if lines[n].strip()), None)
    if following is None:
        return True
    if patterns.LOOSE_QUOTE.match(lines[following]):
        # Everything below is quote unless something new stands between or after.
        return last_own < following
    return _attribution_strength(lines, index, end) == 2


def _header_block(lines: list[str], index: int) -> bool:
    """A "From: / Sent: / To: / Subject:" block begins here: three kinds, one of them the sender."""
    if patterns.header_group(lines[index]) is None:
        return False
    groups: set[str] = set()
    for line in lines[index : index + 10]:
        if not line.strip():
            break
        group = patterns.header_group(line)
        if group:
            groups.add(group)
    return "from" in groups and len(groups - {"other"}) >= 3


def _attribution_end(lines: list[str], index: int) -> int | None:
    """The line after an "On … wrote:" that begins here, however the mail program broke it."""
    first = lines[index].strip()
    if len(first) > patterns.LINE_MAX:
        return None
    dated = bool(patterns.WHEN.search(first))
    opens = dated or bool(patterns.ON.match(first) or patterns.ADDRESS.search(first) or patterns.VERB.search(first))
    joined = ""
    for end in range(index, min(index + WINDOW, len(lines))):
        line = lines[end].strip()
        if not line and not dated:
            return None
        if end > index and (not opens or (patterns.QUOTE.match(line) and joined.count("<") <= joined.count(">"))):
            return None
        joined = f"{joined} {line}".strip()
        if patterns.attribution(joined):
            return end + 1
    return None


def _attribution_strength(lines: list[str], index: int, end: int) -> int:
    return patterns.attribution(" ".join(line.strip() for line in lines[index:end] if line.strip()))


def _fold_leading_header(lines: list[str], fold: list[bool], index: int) -> None:
    """A mail that begins with its quote's header: only the header is folded, the text stays in view."""
    end = _attribution_end(lines, index)
    if end is None:
        end = index + 1
        while end < len(lines) and lines[end].strip():
            end += 1
    fold[index:end] = [True] * (end - index)


def _fold_leading(lines: list[str], fold: list[bool]) -> None:
    """An attribution above the answer, with its quote; where answers stand between, the questions stay."""
    index = next((n for n, line in enumerate(lines) if line.strip() and not fold[n]), None)
    end = _attribution_end(lines, index) if index is not None else None
    if index is None or end is None:
        return
    after = end
    while after < len(lines) and (not lines[after].strip() or patterns.QUOTE.match(lines[after])):
        after += 1
    below = lines[after : _last_own(lines) + 1]
    if not below:
        return
    stop = end if any(patterns.QUOTE.match(line) for line in below) else after
    fold[index:stop] = [True] * (stop - index)


def _fold_trailing(lines: list[str], fold: list[bool]) -> None:
    """From the end upwards: quotes with their attribution, signatures, dividers, "sent from my phone"."""
    end = next((n for n, hidden in enumerate(fold) if hidden and all(fold[n:])), len(lines))
    changed = True
    while changed and end > 0:
        start = _strip_end(lines, end)
        changed = start < end
        fold[start:end] = [True] * (end - start)
        end = start


def _strip_end(lines: list[str], end: int) -> int:
    index = end
    while index > 0 and (
        not lines[index - 1].strip() or patterns.DELIMITER.match(lines[index - 1]) or _is_mobile(lines[index - 1])
    ):
        index -= 1
    quoted = index
    while quoted > 0 and (not lines[quoted - 1].strip() or patterns.LOOSE_QUOTE.match(lines[quoted - 1])):
        quoted -= 1
    if quoted < index:
        return _with_attribution(lines, quoted)
    return _signature_start(lines, index)


def _with_attribution(lines: list[str], quoted: int) -> int:
    for start in range(max(0, quoted - WINDOW), quoted):
        if lines[start].strip() and _attribution_end(lines, start) in range(start + 1, quoted + 1):
            stop = _attribution_end(lines, start)
            if stop is not None and not any(line.strip() for line in lines[stop:quoted]):
                return start
    return quoted


def _signature_start(lines: list[str], end: int) -> int:
    for start in range(end - 1, max(-1, end - SIGNATURE_LINES - 1), -1):
        if _is_signature_mark(lines[start]):
            below = lines[start + 1 : end]
            ruled = not lines[start].strip().startswith("--")
            allowed = RULED_SIGNATURE_LINES if ruled else SIGNATURE_LINES
            if len(below) <= allowed and sum(map(len, below)) <= SIGNATURE_CHARS:
                return start
            return end
    return end


def _is_signature_mark(line: str) -> bool:
    shown = line.strip()
    return shown in ("--", "—") or (len(shown) >= 5 and set(shown) <= {"_"})


def _is_mobile(line: str) -> bool:
    return len(line) <= patterns.MOBILE_MAX and bool(patterns.MOBILE.match(line))
