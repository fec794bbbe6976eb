"""A chat, a form, and people on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client

from tresen.accounts import presence
from tresen.accounts.actions import create_user
from tresen.accounts.principal import Principal, for_user, system
from tresen.channels import processing, registry
from tresen.channels.actions import change_channel, create_channel
from tresen.channels.contract import Accepted, ChannelView, RawReceipt
from tresen.channels.directory import DIRECTORY
from tresen.channels.models import Receipt
from tresen.kernel import clock

_addresses = count(1)  # rate limits live as long as the process: every test comes from somewhere else


@dataclass
class Site:
    """A channel as its visitors reach it. `client` sends JSON, with the token when there is one."""

    view: ChannelView
    client: Client = field(default_factory=lambda: Client(REMOTE_ADDR=f"10.0.0.{next(_addresses)}"))

    def call(self, path: str, body: Any = None, token: str = "", **headers: str) -> Any:
        url = f"/widget/{self.view.key}/{path}"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is None:
            return self.client.get(url, headers=headers)
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.client.post(url, raw, content_type="application/json", headers=headers)

    def session(self, **body: str) -> dict[str, Any]:
        answer = self.call("session", body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def write(self, token: str, text: str, **more: Any) -> str:
        """Through the counter and the pipeline; returns the uuid."""
        uuid = str(uuid4())
        body = orjson.dumps({"id": uuid, "text": text, **more})
        self.receive(RawReceipt(body, {"authorization": f"Bearer {token}"}, "messages", received_at=clock.now()))
        return uuid

    def receive(self, raw: RawReceipt) -> None:
        accepted = registry.need(self.view.kind).authorize(self.view, raw)
        assert isinstance(accepted, Accepted)
        Receipt.objects.create(channel_id=self.view.id, key=accepted.key, body=accepted.body)
        processing.step()
        assert not Receipt.objects.exclude(state="done").exists()

    def texts(self, token: str) -> list[str]:
        return [m["text"] for m in self.call("messages", token=token).json()["items"]]


@pytest.fixture
def site(db: None) -> Iterator[Callable[..., Site]]:
    """Makes channels: `site(kind="webchat", **settings)`."""

    def make(kind: str = "webchat", **settings: Any) -> Site:
        made = create_channel(system(), kind=kind, name=kind, settings=settings)
        DIRECTORY.refresh()
        view = DIRECTORY.by_id(made.config.pk)
        assert view is not None
        return Site(view)

    yield make
    DIRECTORY.__init__()  # type: ignore[misc]


@pytest.fixture
def chat(site: Callable[..., Site]) -> Site:
    return site()


@pytest.fixture
def agent(db: None) -> Principal:
    """Mara, present, with room for five."""
    user = create_user(system(), email="mara@bohne.test", name="Mara Lindt", role="agent")
    presence.set_presence(user.pk, "online", actor="test", lease=presence.API_LEASE)
    return for_user(user)


def switch_off(site: Site) -> None:
    """Disables the channel."""
    change_channel(system(), site.view.id, enabled=False)
    DIRECTORY.refresh()
