"""The configured channels in memory, so that the counter looks nothing up while a provider waits."""

from __future__ import annotations

import time
from threading import Lock

from tresen.channels.contract import ChannelView
from tresen.channels.models import ChannelConfig
from tresen.kernel import settings, vault, wake
from tresen.kernel.addresses import Exceptions
from tresen.kernel.public import PUBLIC_URL
from tresen.kernel.settings import Declared

TOPIC = "channels"
MAX_AGE = 2.0


def _hosts(value: list[str]) -> list[str]:
    """Host:port or network in CIDR; ValueError for anything else."""
    cleaned = [str(entry).strip() for entry in value if str(entry).strip()]
    Exceptions.parse(cleaned)
    return cleaned


PRIVATE_HOSTS = Declared("private_hosts", list, [], check=_hosts)
COMPANY_NAME = Declared("company_name", str, "Tresen")
COMPANY_LANGUAGE = Declared("company_language", str, "de")


def view_of(config: ChannelConfig) -> ChannelView:
    """A configured channel as its adapter sees it."""
    return ChannelView(
        id=config.channel_id,
        key=config.key,
        name=config.channel.name,
        kind=config.channel.kind,
        settings=config.settings,
        secrets=vault.unseal(config.sealed),
        public_url=settings.get(PUBLIC_URL).rstrip("/"),
        language=settings.get(COMPANY_LANGUAGE),
        cursor=config.cursor,
    )


class Directory:
    """Enabled channels by public key and by id. At most `MAX_AGE` seconds old, at once after a change here."""

    def __init__(self) -> None:
        self._by_key: dict[str, ChannelView] = {}
        self._by_id: dict[int, ChannelView] = {}
        self._loaded = -1e9
        self._generation = -1
        self._lock = Lock()

    @property
    def stale(self) -> bool:
        """True when `refresh` is due."""
        return self._generation != wake.generation(TOPIC) or time.monotonic() - self._loaded > MAX_AGE

    def refresh(self) -> None:
        """Reads all enabled channels."""
        with self._lock:
            generation = wake.generation(TOPIC)
            rows = ChannelConfig.objects.select_related("channel").filter(channel__enabled=True)
            views = [view_of(row) for row in rows]
            self._by_key = {view.key: view for view in views}
            self._by_id = {view.id: view for view in views}
            self._loaded, self._generation = time.monotonic(), generation

    def known(self, key: str) -> ChannelView | None:
        """By public key, without looking anything up."""
        return self._by_key.get(key)

    def by_key(self, key: str) -> ChannelView | None:
        """By public key; refreshes first when stale."""
        if self.stale:
            self.refresh()
        return self._by_key.get(key)

    def by_id(self, channel_id: int) -> ChannelView | None:
        """By row id; refreshes first when stale."""
        if self.stale:
            self.refresh()
        return self._by_id.get(channel_id)

    def all(self) -> list[ChannelView]:
        """Every enabled channel."""
        if self.stale:
            self.refresh()
        return list(self._by_id.values())


DIRECTORY = Directory()
