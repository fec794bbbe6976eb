"""The web chat for the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from tresen.channels.adapters.webchat import tokens
from tresen.channels.contract import ChannelView, RawReceipt
from tresen.channels.tests.samples import Samples
from tresen.kernel import clock

MESSAGE_ID = "0b7f1c9e-6a55-4a0e-9a44-0d6f3f1f2a11"


def message(channel: ChannelView, text: str) -> RawReceipt:
    """A visitor's message."""
    now = clock.now()
    token = tokens.issue(channel.secrets["token_secret"], channel.key, tokens.Visitor("v1"), now)
    body = json.dumps({"id": MESSAGE_ID, "text": text}).encode()
    return RawReceipt(body, {"authorization": f"Bearer {token}"}, "messages", received_at=now)


def forgeries(channel: ChannelView, good: RawReceipt) -> Mapping[str, RawReceipt]:
    """Tokens of other secrets, chats and times."""
    now, secret, visitor = clock.now(), channel.secrets["token_secret"], tokens.Visitor("v1")
    whole = good.headers["authorization"].removeprefix("Bearer ")
    head, claims, signature = whole.split(".")

    def bearer(token: str) -> RawReceipt:
        return replace(good, headers={"authorization": f"Bearer {token}"})

    return {
        "none": replace(good, headers={}),
        "scheme": replace(good, headers={"authorization": f"Basic {whole}"}),
        "unsigned": bearer(f"{head}.{claims}."),
        "signature": bearer(f"{head}.{claims}.{'A' * len(signature)}"),
        "other secret": bearer(tokens.issue("x" * 48, channel.key, visitor, now)),
        "identity secret": bearer(tokens.issue(channel.secrets["identity_secret"], channel.key, visitor, now)),
        "other chat": bearer(tokens.issue(secret, "another-key", visitor, now)),
        "long over": bearer(tokens.issue(secret, channel.key, visitor, now - timedelta(days=400))),
        "endless": bearer(whole * 50),
    }


SAMPLES = Samples(message=message, forgeries=forgeries)
