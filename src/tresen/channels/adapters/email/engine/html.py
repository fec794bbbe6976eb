"""Mail HTML made fit for a sandboxed frame: no script, no foreign request, quotes folded.

Three steps: nh3 makes it well-formed and harmless, our rewriting changes pictures, links and quotes, and
nh3 looks
again with the final rules, so that a fault in the rewriting cannot let anything through.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

import nh3

from tresen.channels.adapters.email.engine import markup
from tresen.channels.adapters.email.engine.markup import Token
from tresen.channels.adapters.email.engine.quotes_html import quote_start

REMOTE = "data-remote-src"
DATA_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=\s]*\Z", re.IGNORECASE)
LINK = re.compile(r"(?:https?://|mailto:|tel:)\S", re.IGNORECASE)
HTTP = re.compile(r"(?:https?:)?//", re.IGNORECASE)
STYLE_REFUSED = re.compile(r"url|expression|import|image|\\|@|javascript|-moz-binding|behavior", re.IGNORECASE)
STYLES = frozenset({
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left",
    "border-radius", "border-right", "border-spacing", "border-style", "border-top", "border-width",
    "color", "direction", "display", "font", "font-family", "font-size", "font-style",
    "font-variant", "font-weight", "height", "letter-spacing", "line-height", "list-style-type",
    "margin", "margin-bottom", "margin-left", "margin-right", "margin-top", "max-width",
    "min-width", "overflow-wrap", "padding", "padding-bottom", "padding-left", "padding-right",
    "padding-top", "table-layout", "text-align", "text-decoration", "text-indent", "text-transform",
    "vertical-align", "white-space", "width", "word-break", "word-wrap",
})  # fmt: skip


def sanitise(html: str, *, load_remote: bool, cid_url: Callable[[str], str | None], fold: str = "") -> str:
    """HTML that may be shown in a frame sandboxed without scripts.

    `cid_url` gives the address of an inline picture by its Content-ID, or None. Remote pictures stand as
    `data-remote-src` without `src` unless `load_remote`. With `fold` (the label), a trailing quote is put
    into
    `<details><summary>label</summary>`.
    """
    stream = markup.tokens(markup.tidy(html))
    start = quote_start(stream) if fold else None
    visible, quoted = markup.cut(stream, start) if start is not None else (stream, [])
    sources: set[str] = set()

    def rewrite(part: list[Token]) -> str:
        return markup.serialise([_rewritten(t, load_remote, cid_url, sources) for t in part])

    shown = rewrite(visible)
    if quoted:
        summary = markup.serialise([Token("data", fold, {})])
        shown += f"<details><summary>{summary}</summary>{rewrite(quoted)}</details>"
    return _final(shown, sources)


def has_remote(sanitised: str) -> bool:
    """Whether pictures were held back in what `sanitise` returned."""
    return f" {REMOTE}=" in sanitised


def _rewritten(token: Token, load_remote: bool, cid_url: Callable[[str], str | None], sources: set[str]) -> Token:
    if token.kind != "start":
        return token
    attrs = {k: v for k, v in token.attrs.items() if k not in ("class", "id", "name")}
    if token.value == "a" and not LINK.match(attrs.get("href", "").strip()):
        attrs.pop("href", None)
    if token.value == "img":
        source = attrs.pop("src", "").strip()
        if source.lower().startswith("cid:"):
            source = cid_url(unquote(source[4:]).strip("<> ")) or ""
        elif HTTP.match(source):
            if not load_remote:
                attrs[REMOTE] = source
                source = ""
            elif source.startswith("//"):
                source = "https:" + source
        elif not DATA_PICTURE.match(source):
            source = ""
        if source:
            sources.add(source)
            attrs["src"] = source
    return Token("start", token.value, attrs)


def _final(html: str, sources: set[str]) -> str:
    def allowed(tag: str, name: str, value: str) -> str | None:
        if name == "src" and value not in sources:
            return None
        if name == "style" and STYLE_REFUSED.search(value):
            return None
        if name == "href" and not LINK.match(value):
            return None
        return value

    attributes = {tag: set(names) for tag, names in markup.ATTRIBUTES.items()}
    attributes["*"] -= {"class", "id"}
    attributes["a"] = {"href", "target"}
    attributes["img"] = {"alt", "src", REMOTE}
    return nh3.clean(
        html,
        tags=set(markup.TAGS),
        attributes=attributes,
        attribute_filter=allowed,
        url_schemes=markup.URL_SCHEMES - {"cid"},
        link_rel="noopener noreferrer nofollow",
        set_tag_attribute_values={"a": {"target": "_blank"}},
        filter_style_properties=set(STYLES),
    )
