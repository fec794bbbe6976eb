"""The contact form for the conformance suite."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from tresen.channels.adapters.form import proof
from tresen.channels.contract import ChannelView, RawReceipt
from tresen.channels.tests.samples import Samples
from tresen.kernel import clock


def message(channel: ChannelView, text: str) -> RawReceipt:
    """A filled form, shown a minute ago."""
    now = clock.now()
    message_id, signed = proof.issue(channel.secrets["proof_secret"], channel.key, now - timedelta(minutes=1))
    body = {"id": message_id, "name": "Clara", "email": "clara@home.example", "text": text, "proof": signed}
    return RawReceipt(json.dumps(body).encode(), path="messages", received_at=now)


def forgeries(channel: ChannelView, good: RawReceipt) -> Mapping[str, RawReceipt]:
    """Proofs of other secrets, forms, messages and times, and a filled trap."""
    now, body = clock.now(), json.loads(good.body)
    minute = timedelta(minutes=1)

    def changed(**fields: Any) -> RawReceipt:
        return replace(good, body=json.dumps(body | fields).encode())

    def signed(secret: str, key: str, age: timedelta) -> RawReceipt:
        message_id, text = proof.issue(secret, key, now - age)
        return changed(id=message_id, proof=text)

    secret = channel.secrets["proof_secret"]
    return {
        "none": changed(proof=""),
        "altered": changed(proof=body["proof"][:-2]),
        "other secret": signed("x" * 48, channel.key, minute),
        "other form": signed(secret, "another-key", minute),
        "other message": changed(id=proof.issue(secret, channel.key, now)[0]),
        "too quick": signed(secret, channel.key, timedelta(0)),
        "too old": signed(secret, channel.key, timedelta(days=2)),
        "trap": changed(website="https://evil.example"),
    }


SAMPLES = Samples(message=message, forgeries=forgeries, refused_with=422)
