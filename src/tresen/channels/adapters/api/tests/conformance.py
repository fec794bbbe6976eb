"""The `api` channel for the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from tresen.channels.contract import ChannelView, RawReceipt, SendState
from tresen.channels.tests.samples import Samples, Trouble
from tresen.kernel import clock, http
from tresen.kernel.tests.counterpart import Answer, Received, serving

R = SendState.REJECTED


def message(channel: ChannelView, text: str) -> RawReceipt:
    """A posted message."""
    body = {"id": "m1", "thread": "t1", "from": {"kind": "email", "value": "clara@home.example"}, "text": text}
    headers = {"authorization": f"Bearer {channel.secrets['token']}"}
    return RawReceipt(json.dumps(body).encode(), headers, received_at=clock.now())


def forgeries(channel: ChannelView, good: RawReceipt) -> Mapping[str, RawReceipt]:
    """Wrong tokens; the body does not matter, not even a broken one."""
    token = channel.secrets["token"]

    def say(authorization: str, body: bytes = good.body) -> RawReceipt:
        return replace(good, headers={"authorization": authorization}, body=body)

    return {
        "none": replace(good, headers={}),
        "empty": say(""),
        "scheme": say(f"Basic {token}"),
        "shorter": say(f"Bearer {token[:-1]}"),
        "longer": say(f"Bearer {token}x"),
        "other letter": say(f"Bearer {'B' if token[0] == 'A' else 'A'}{token[1:]}"),
        "case": say(f"Bearer {token.swapcase()}"),
        "nothing": say("Bearer "),
        "not ascii": say("Bearer ä€"),
        "other secret": say(f"Bearer {channel.secrets['webhook_secret']}"),
        "broken body": say("Bearer wrong", b"{"),
    }


def answering(
    answer: Callable[[Received], Answer],
) -> Callable[[], AbstractContextManager[Mapping[str, Any]]]:
    """A webhook receiver on loopback that answers so, by name allowed for the time of the test."""

    @contextmanager
    def far_end() -> Iterator[Mapping[str, Any]]:
        with serving(answer) as server:
            http.configure_exceptions([server.netloc])
            try:
                yield {"webhook_url": server.url}
            finally:
                http.configure_exceptions([])

    return far_end


def status(code: int, **headers: str) -> Callable[[], AbstractContextManager[Mapping[str, Any]]]:
    """A receiver that answers with a status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answering(lambda _request: Answer(code, named))


SAMPLES = Samples(
    message=message,
    forgeries=forgeries,
    troubles=(
        Trouble("accepted", status(204), SendState.ACCEPTED, False),
        Trouble("server fault", status(500), R, True),
        Trouble("away", status(503, retry_after="120"), R, True, 120),
        Trouble("too many", status(429, retry_after="7"), R, True, 7),
        Trouble("endless wait is cut", status(429, retry_after="99999999"), R, True, 6 * 3600),
        Trouble("a date is no number", status(503, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), R, True),
        Trouble("gone", status(410), R, False),
        Trouble("refused", status(422), R, False),
        Trouble("not found", status(404), R, False),
        Trouble("hangs up", answering(lambda _request: Answer(raw=b"")), R, True),
        Trouble("nonsense", answering(lambda _request: Answer(raw=b"220 smtp\r\n\r\n")), R, True),
    ),
)
