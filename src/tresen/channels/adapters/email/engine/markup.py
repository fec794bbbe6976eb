"""Mail HTML as a flat list of tokens. Hostile markup is tamed by nh3 first, so that the tokens are
well-formed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser

import nh3

DEPTH_MAX = 500
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
# Elements that close themselves when repeated: sloppy mails leave hundreds open without nesting.
AUTO = frozenset({"p", "li", "dd", "dt", "td", "th", "tr", "tbody", "thead", "tfoot", "option", "colgroup"})

TAGS = frozenset({
    "a", "abbr", "address", "b", "big", "blockquote", "br", "caption", "center", "cite", "code",
    "col", "colgroup", "dd", "del", "details", "div", "dl", "dt", "em", "font", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "img", "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s",
    "samp", "small", "span", "strike", "strong", "sub", "summary", "sup", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "tt", "u", "ul", "var", "wbr",
})  # fmt: skip
DROPPED_WITH_CONTENT = frozenset(
    {"script", "style", "title", "head", "noscript", "template", "iframe", "object", "textarea"}
)
COMMON = frozenset({
    "align", "bgcolor", "border", "class", "color", "dir", "height", "id", "lang", "style", "title",
    "valign", "width",
})  # fmt: skip
ATTRIBUTES: dict[str, set[str]] = {
    "*": set(COMMON),
    "a": {"href", "name"},
    "blockquote": {"type"},
    "col": {"span"},
    "colgroup": {"span"},
    "font": {"face", "size"},
    "hr": {"size"},
    "img": {"alt", "src"},
    "ol": {"start", "type"},
    "table": {"cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan", "nowrap"},
    "th": {"colspan", "rowspan", "nowrap"},
}
URL_SCHEMES = {"http", "https", "mailto", "tel", "cid", "data"}


@dataclass(slots=True)
class Token:
    """`kind`: start, end or data; `value` is the tag name or the text."""

    kind: str
    value: str
    attrs: dict[str, str]


def bounded(html: str, depth_max: int = DEPTH_MAX) -> str:
    """The markup up to where it nests absurdly deep: tree building costs the square of the depth."""
    depth = 0
    for match in TAG.finditer(html):
        tag = match[2].lower()
        if tag in VOID or tag in AUTO:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        if depth > depth_max:
            return html[: match.start()]
    return html


def tidy(html: str) -> str:
    """Well-formed markup of harmless elements. Class and id are kept for the quote markers; not fit for
    display yet."""
    return nh3.clean(
        bounded(html),
        tags=set(TAGS),
        clean_content_tags=set(DROPPED_WITH_CONTENT - TAGS),
        attributes=ATTRIBUTES,
        url_schemes=URL_SCHEMES,
        link_rel=None,
    )


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tokens: list[Token] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tokens.append(Token("start", tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            self.tokens.append(Token("end", tag, {}))

    def handle_data(self, data: str) -> None:
        self.tokens.append(Token("data", data, {}))


def tokens(tidied: str) -> list[Token]:
    """Reads what `tidy` returned."""
    reader = _Reader()
    reader.feed(tidied)
    reader.close()
    return reader.tokens


def serialise(stream: list[Token]) -> str:
    """Tokens back to markup."""
    out: list[str] = []
    for token in stream:
        if token.kind == "data":
            out.append(escape(token.value, quote=False))
        elif token.kind == "end":
            out.append(f"</{token.value}>")
        else:
            attrs = "".join(f' {name}="{escape(value)}"' for name, value in token.attrs.items())
            out.append(f"<{token.value}{attrs}>")
    return "".join(out)


def cut(stream: list[Token], index: int) -> tuple[list[Token], list[Token]]:
    """Splits before `index`; elements open there are closed in the first half and reopened in the second."""
    opened: list[Token] = []
    for token in stream[:index]:
        if token.kind == "start" and token.value not in VOID:
            opened.append(token)
        elif token.kind == "end" and opened:
            opened.pop()
    closing = [Token("end", t.value, {}) for t in reversed(opened)]
    return stream[:index] + closing, [*opened, *stream[index:]]
