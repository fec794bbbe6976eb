"""HTML to readable plain text: blocks on lines of their own, lists with dashes, links with their address."""

from __future__ import annotations

import re

from tresen.channels.adapters.email.engine.markup import Token, tidy, tokens

SPACED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "pre", "blockquote"})
BLOCKS = SPACED | {
    "address",
    "caption",
    "center",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "hr",
    "li",
    "summary",
    "tr",
}
SPACE = re.compile(r"[ \t\r\n\f\u00a0\u200b\u200c\u200d\ufeff\u034f]+")


def from_html(html: str) -> str:
    """The visible text of any HTML, hostile included."""
    return from_tokens(tokens(tidy(html))) if html.strip() else ""


def from_tokens(stream: list[Token]) -> str:
    """The visible text of tidy tokens. Runs of spaces become one, more than one empty line becomes one."""
    writer = _Writer()
    for token in stream:
        writer.take(token)
    return writer.text()


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self.pre = 0
        self.links: list[tuple[str, int]] = []
        self.size = 0

    def take(self, token: Token) -> None:
        if token.kind == "data":
            self._data(token.value)
        elif token.kind == "start":
            self._start(token)
        else:
            self._end(token.value)

    def text(self) -> str:
        out: list[str] = []
        for line in self.lines:
            line = line.rstrip()
            if line or (out and out[-1]):
                out.append(line)
        return "\n".join(out).strip("\n")

    def _data(self, value: str) -> None:
        if self.pre:
            first, *rest = value.split("\n")
            self.lines[-1] += first
            self.lines += rest
        else:
            value = SPACE.sub(" ", value)
            self.lines[-1] += value.lstrip() if not self.lines[-1] or self.lines[-1].endswith(" ") else value
        self.size += len(value)

    def _start(self, token: Token) -> None:
        tag = token.value
        if tag == "br":
            self.lines.append("")
        elif tag in BLOCKS:
            self._block(tag)
        if tag == "li":
            self.lines[-1] += "- "
        elif tag == "pre":
            self.pre += 1
        elif tag in ("td", "th") and self.lines[-1].strip():
            self.lines[-1] += " "
        elif tag == "img" and token.attrs.get("alt", "").strip():
            self._data(f"[{token.attrs['alt'].strip()[:100]}]")
        elif tag == "a":
            self.links.append((token.attrs.get("href", ""), self.size))

    def _end(self, tag: str) -> None:
        if tag == "pre":
            self.pre = max(0, self.pre - 1)
        if tag == "a" and self.links:
            self._link(*self.links.pop())
        if tag in BLOCKS:
            self._block(tag)

    def _link(self, href: str, start: int) -> None:
        shown = self.lines[-1]
        length = self.size - start
        label = shown[-length:].strip() if length else ""
        target = href.removeprefix("mailto:")
        if href.startswith(("http://", "https://")) and label and label.rstrip("/") not in href:
            self.lines[-1] += f" <{target[:300]}>"

    def _block(self, tag: str) -> None:
        if self.lines[-1].strip():
            self.lines.append("")
        if tag in SPACED and len(self.lines) > 1 and self.lines[-2].strip():
            self.lines.append("")
