"""Mail HTML: nothing runs, nothing is fetched unasked."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.channels.adapters.email.engine import html, markup
from tresen.channels.adapters.email.engine.plaintext import from_html

PAYLOADS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<img src=x onerror=alert(1)>",
    '<img src="javascript:alert(1)">',
    '<img src="data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+">',
    '<img src="data:text/html,<script>alert(1)</script>">',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<iframe src=https://evil.example></iframe>",
    "<object data=https://evil.example></object><embed src=https://evil.example>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="JaVa\tScRiPt:alert(1)">x</a>',
    '<a href="data:text/html,x">x</a>',
    '<a href="//evil.example">x</a>',
    '<a href="/desk/logout">x</a>',
    '<a href="vbscript:x">x</a>',
    '<form action="https://evil.example"><input name=p type=password><button>x</button></form>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import url(https://evil.example/x.css);</style>",
    '<div style="background:url(https://evil.example/x.png)">x</div>',
    '<div style="background-image:url(https://evil.example/x.png);color:red">x</div>',
    '<div style="list-style-image:url(https://evil.example/x.png)">x</div>',
    '<div style="color:expression(alert(1))">x</div>',
    '<div style="font-family:\\75 rl(https://evil.example)">x</div>',
    '<div style="position:fixed;top:0;left:0;width:100%;height:100%">x</div>',
    '<table background="https://evil.example/x.png"><tr><td>x</td></tr></table>',
    '<body background="https://evil.example/x.png" onload=alert(1)>x</body>',
    "<video src=https://evil.example poster=https://evil.example></video><audio src=https://evil.example></audio>",
    "<picture><source srcset=https://evil.example/x.png><img src=https://evil.example/x.png></picture>",
    '<img srcset="https://evil.example/x.png 2x" src="https://evil.example/x.png">',
    '<img src="//evil.example/x.png">',
    '<img src="\\\\evil.example\\x.png">',
    '<img src=" https://evil.example/x.png">',
    '<img src="http:evil.example/x.png">',
    "<img lowsrc=https://evil.example dynsrc=https://evil.example>",
    "<details ontoggle=alert(1) open>x</details>",
    "<p id=x class=y onclick=alert(1) tabindex=1 autofocus onfocus=alert(1)>x</p>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "<!--[if mso]><script>alert(1)</script><![endif]-->x",
    "<![CDATA[<script>alert(1)</script>]]>",
    '<a name="getElementById" id="cookie">x</a>',
    "<template><script>alert(1)</script></template>",
    "<textarea></textarea><script>alert(1)</script>",
    "<blockquote type=cite onmouseover=alert(1)><script>alert(1)</script>x</blockquote>",
    "\0<scr\0ipt>alert(1)</script>",
    "<img src='cid:x\" onerror=alert(1)'>",
    "<xmp><img src=x onerror=alert(1)></xmp><plaintext><script>alert(1)",
]
ALLOWED = set().union({"target", "rel", html.REMOTE}, *markup.ATTRIBUTES.values()) - {"class", "id", "name"}


class Inspector(HTMLParser):
    """Fails on any element or attribute that is not on the list."""

    def __init__(self, *, remote: bool) -> None:
        super().__init__()
        self.remote = remote

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in markup.TAGS, tag
        for name, value in attrs:
            assert name in ALLOWED and not name.startswith("on"), name
            if name == "href":
                assert re.match(r"(https?://|mailto:|tel:)", value or ""), value
            if name == "src":
                allowed = r"(/file/|data:image/(png|jpeg|gif|webp);base64,)" + (r"|https?://" if self.remote else "")
                assert re.match(allowed, value or ""), value
            if name == "style":
                assert not re.search(r"url|expression|import|\\|position", value or "", re.IGNORECASE), value


def clean(source: str, *, remote: bool = False, fold: str = "") -> str:
    shown = html.sanitise(source, load_remote=remote, cid_url=lambda cid: f"/file/{len(cid)}", fold=fold)
    inspector = Inspector(remote=remote)
    inspector.feed(shown)
    inspector.close()
    return shown


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    "around",
    ["{}", "<div class=gmail_quote>{}</div>", "<p>Hallo {}</p>", '<div title="{}">x</div>', "<a href='{}'>x</a>"],
)
def test_payloads(payload: str, around: str) -> None:
    for remote in (False, True):
        shown = clean(around.format(payload), remote=remote, fold="Zitat")
        assert "<script" not in shown.lower()


@given(
    st.lists(
        st.one_of(
            st.sampled_from(PAYLOADS),
            st.sampled_from(["<", ">", '"', "'", "</div>", "<div", "&lt;", "cid:", "="]),
            st.text(max_size=10),
        ),
        max_size=12,
    )
)
def test_any_mixture(pieces: list[str]) -> None:
    clean("".join(pieces), fold="…")
    from_html("".join(pieces))


def test_remote_pictures_wait_for_a_click() -> None:
    source = '<p>Hallo</p><img src="https://shop.example/logo.png" alt="Logo" width=80>'
    held = clean(source)
    assert 'data-remote-src="https://shop.example/logo.png"' in held and " src=" not in held
    assert html.has_remote(held)
    loaded = clean(source, remote=True)
    assert ' src="https://shop.example/logo.png"' in loaded and not html.has_remote(loaded)
    assert ' src="https://shop.example/x.png"' in clean('<img src="//shop.example/x.png">', remote=True)


def test_inline_pictures_get_their_address() -> None:
    shown = html.sanitise(
        '<img src="cid:logo%40hotel"><img src="CID:other"><img src="cid:gone">',
        load_remote=False,
        cid_url={"logo@hotel": "/file/1", "other": "/file/2"}.get,
    )
    assert re.findall(r'src="([^"]*)"', shown) == ["/file/1", "/file/2"]


def test_links_open_elsewhere_and_tell_nothing() -> None:
    shown = clean('<a href="https://x.example/?a=1&amp;b=2" title="t">x</a>')
    assert 'target="_blank"' in shown and 'rel="noopener noreferrer nofollow"' in shown
    assert 'href="https://x.example/?a=1&amp;b=2"' in shown


def test_looks_are_kept() -> None:
    cell = '<td style="color:red;font-size:12px;position:absolute">ä &amp; &lt;b&gt;</td>'
    shown = clean(f'<table bgcolor="#eee" cellpadding="4"><tr>{cell}</tr></table>')
    assert 'bgcolor="#eee"' in shown and "color:red" in shown and "font-size:12px" in shown
    assert "ä &amp; &lt;b&gt;" in shown


def test_the_quote_is_folded_and_nothing_is_lost() -> None:
    source = (
        '<div>Danke!</div><div class="gmail_quote"><i>Mia schrieb:</i><blockquote>alt <b>fett</b></blockquote></div>'
    )
    shown = clean(source, fold="Zitat <zeigen>")
    assert "<details><summary>Zitat &lt;zeigen&gt;</summary>" in shown
    before, after = shown.split("<details>")
    assert "Danke!" in before and "alt" not in before and "<b>fett</b>" in after
    assert "<details>" not in clean(source)


def test_absurdly_deep_markup_is_cut() -> None:
    shown = clean("<p>Hallo</p>" + "<div>" * 100_000 + "tief")
    assert "Hallo" in shown and "tief" not in shown
    assert clean("<p>" * 5000 + "flach").endswith("flach</p>")


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>eins</p><p>zwei<br>drei</p>", "eins\n\nzwei\ndrei"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ('<a href="https://x.example/y">hier</a>', "hier <https://x.example/y>"),
        ('<a href="https://x.example/">x.example</a>', "x.example"),
        ('<a href="mailto:a@b.de">a@b.de</a>', "a@b.de"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a  b\n  c</pre>", "a  b\n  c"),
        ("<style>p{}</style><title>t</title><p>x&nbsp;y</p>", "x y"),
        ("a &lt; b &amp;amp;", "a < b &amp;"),
        ("", ""),
    ],
)
def test_plain_text(source: str, text: str) -> None:
    assert from_html(source) == text
