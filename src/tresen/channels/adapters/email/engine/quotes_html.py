"""Where the quoted rest of an HTML mail begins: by the marks that mail programs leave."""

from __future__ import annotations

import re

from tresen.channels.adapters.email.engine.markup import VOID, Token
from tresen.channels.adapters.email.engine.quote_patterns import is_attribution, is_header_line, is_separator

# Elements that hold a quote (Gmail, Yahoo, Thunderbird, Apple, Proton, Tutanota, Zoho, GMX/web.de, Zimbra,
# Outlook for Mac).
CONTAINER = re.compile(
    r"(?:^|[\s_-])(?:gmail_quote\S*|gmail_attr|gmail_extra_quote|yahoo_quoted|moz-cite-prefix|moz-forward-container|"
    r"protonmail_quote|tutanota_quote|zmail_extra|OutlookMessageHeader|OLK_SRC_BODY_SECTION|quote_header|"
    r"ms-outlook-mobile-reference-message|mail-editor-reference-message-container|ydp\w*yahoo_quoted|gmx_quote)(?:$|\s)",
    re.IGNORECASE,
)
# Elements from which on everything is quoted (Outlook desktop, web and mobile).
TAIL = re.compile(
    r"(?:^|\s)(?:x_)*(?:divRplyFwdMsg|appendonsend|stopSpelling|replySplit|isForwardContent)(?:$|\s)",
    re.IGNORECASE,
)
OUTLOOK_RULE = re.compile(
    r"border(?:-top)?:\s*(?:solid|none;\s*border-top:\s*solid)\s*#?(?:E1E1E1|B5C4DF|windowtext)?\s*1\.0pt",
    re.IGNORECASE,
)
LOOK_BACK = 12  # text runs that may form the attribution line before a quote


def quote_start(stream: list[Token]) -> int | None:
    """Index of the token where the trailing quote begins, or None.

    Only a quote after which nothing new is written counts: answers between or below the quoted lines stay
    in view,
    and a mail that is all quote (a bare forward) stays unfolded.
    """
    quoted = _quoted(stream)
    last_own = max((i for i, t in enumerate(stream) if not quoted[i] and _visible(t)), default=-1)
    start = next((i for i in range(last_own + 1, len(stream)) if quoted[i] and _visible(stream[i])), None)
    if start is None or last_own < 0:
        return None
    start = _attribution(stream, quoted, last_own) or next(i for i in range(last_own + 1, start + 1) if quoted[i])
    return start if any(_visible(t) for t in stream[:start]) else None


def _visible(token: Token) -> bool:
    return (token.kind == "data" and bool(token.value.strip())) or (token.kind == "start" and token.value == "img")


def _quoted(stream: list[Token]) -> list[bool]:
    flags: list[bool] = []
    inside: list[bool] = []  # per open element: does it lie in a quote?
    tail = False
    for index, token in enumerate(stream):
        if token.kind == "start":
            tail = tail or _starts_tail(stream, index)
            now = tail or (bool(inside) and inside[-1]) or _is_container(token)
            flags.append(now)
            if token.value not in VOID:
                inside.append(now)
        elif token.kind == "end":
            flags.append(tail or (bool(inside) and inside[-1]))
            if inside:
                inside.pop()
        else:
            tail = tail or is_separator(token.value.strip())
            flags.append(tail or (bool(inside) and inside[-1]))
    return flags


def _marks(token: Token) -> str:
    return f"{token.attrs.get('class', '')} {token.attrs.get('id', '')}".strip()


def _is_container(token: Token) -> bool:
    if token.value == "blockquote":
        return token.attrs.get("type", "").lower() == "cite" or not token.attrs.get("style", "").startswith(
            "margin: 0 0 0 40px"
        )
    return bool(CONTAINER.search(_marks(token)))


def _starts_tail(stream: list[Token], index: int) -> bool:
    token = stream[index]
    if TAIL.search(_marks(token)):
        return True
    if token.value != "div" or not OUTLOOK_RULE.search(token.attrs.get("style", "")):
        return False
    text = next((t.value.strip() for t in stream[index : index + 20] if t.kind == "data" and t.value.strip()), "")
    return is_header_line(text if ":" in text else text + ":")


def _attribution(stream: list[Token], quoted: list[bool], last_own: int) -> int | None:
    """Start of an "On … wrote:" that stands unmarked before the quote."""
    text = ""
    runs = 0
    for index in range(last_own, -1, -1):
        token = stream[index]
        if token.kind != "data" or not token.value.strip():
            continue
        if quoted[index] or runs >= LOOK_BACK:
            return None
        runs += 1
        text = f"{token.value.strip()} {text}".strip()
        if is_attribution(text):
            return index
    return None
