"""Setting channels up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tresen.accounts.actions import audit
from tresen.accounts.principal import Principal
from tresen.channels import directory, registry
from tresen.channels.contract import Adapter, Check
from tresen.channels.directory import view_of
from tresen.channels.events import ChannelChanged, ChannelFault
from tresen.channels.models import ChannelConfig
from tresen.conversations.actions import ensure_default_queue
from tresen.conversations.models import Channel, Queue
from tresen.kernel import clock, db, ids, journal, vault, wake
from tresen.kernel import settings as stored
from tresen.kernel.errors import Invalid, NotFound

LOGGED_NAMES = {"de": "Telefon und Theke", "en": "Phone and counter"}
LOGGED_KIND = "logged"  # calls and visits that a person writes down; no adapter


@dataclass(frozen=True, slots=True)
class NewChannel:
    """What `create_channel` answers. `secrets` are shown this once."""

    config: ChannelConfig
    secrets: Mapping[str, str] = field(default_factory=dict)


def create_channel(
    by: Principal,
    *,
    kind: str,
    name: str,
    queue_id: int | None = None,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> NewChannel:
    """Adds a channel. Secrets that the adapter generates (tokens, signing keys) come back once."""
    by.need_administrator()
    adapter = registry.need(kind)
    name = _name(name)
    made = {key: ids.token(256) for key in adapter.generated_secrets}
    kept = {**made, **(secrets or {})}
    given = _settings(adapter, settings or {}, kept)
    with db.atomic():
        queue = _queue(queue_id)
        channel = Channel.objects.create(name=name, kind=kind, queue=queue, replies=adapter.capabilities.replies)
        config = ChannelConfig.objects.create(
            channel=channel,
            key=ids.token(120),
            settings=given,
            sealed=vault.seal(kept),
            acknowledge=False,
        )
        _changed(by, config, "channel.create")
    return NewChannel(config, made)


def change_channel(
    by: Principal,
    channel_id: int,
    *,
    name: str | None = None,
    queue_id: int | None = None,
    enabled: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    acknowledge: bool | None = None,
    acknowledge_texts: Mapping[str, str] | None = None,
    reopen_days: int | None = None,
    answers_by: int | None = None,
) -> ChannelConfig:
    """Changes what is given. An empty secret means: keep the one there is."""
    by.need_administrator()
    with db.atomic():
        config = _config(channel_id)
        channel = config.channel
        channel.name = channel.name if name is None else _name(name)
        channel.queue = channel.queue if queue_id is None else _queue(queue_id)
        channel.enabled = channel.enabled if enabled is None else enabled
        channel.reopen_days = channel.reopen_days if reopen_days is None else max(0, min(reopen_days, 3650))
        if answers_by is not None:
            channel.answers_by = _answering(channel, answers_by)
        channel.save()
        kept = {**vault.unseal(config.sealed), **{k: v for k, v in (secrets or {}).items() if v}}
        if settings is not None:
            config.settings = _settings(registry.need(channel.kind), settings, kept)
        config.sealed = vault.seal(kept)
        config.acknowledge = config.acknowledge if acknowledge is None else acknowledge
        for language, text in (acknowledge_texts or {}).items():
            setattr(config, f"acknowledge_text_{language}", text[:4000])
        config.fault = ""
        config.save()
        _changed(by, config, "channel.change")
    return config


def renew_secret(by: Principal, channel_id: int, name: str) -> str:
    """A fresh generated secret; the old one stops working at once."""
    by.need_administrator()
    with db.atomic():
        config = _config(channel_id)
        if name not in registry.need(config.channel.kind).generated_secrets:
            raise NotFound("this channel has no such secret")
        secret = ids.token(256)
        config.sealed = vault.seal({**vault.unseal(config.sealed), name: secret})
        config.save(update_fields=["sealed"])
        _changed(by, config, "channel.renew_secret")
    return secret


def check_channel(by: Principal, channel_id: int) -> list[Check]:
    """Runs the adapter's health check (network, up to a minute) and keeps the result for the screen."""
    by.need_administrator()
    config = _config(channel_id)
    checks = list(registry.need(config.channel.kind).check(view_of(config)))
    with db.atomic():
        ChannelConfig.objects.filter(pk=channel_id).update(
            checked_at=clock.now(),
            check_result=[{"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in checks],
        )
    return checks


def note_fault(channel_id: int, fault: str) -> None:
    """Keeps a connection fault in view until it is over; "" ends it."""
    with db.atomic():
        config = ChannelConfig.objects.filter(pk=channel_id).first()
        if config is None or bool(config.fault) == bool(fault):
            return
        ChannelConfig.objects.filter(pk=channel_id).update(fault=fault[:1000], fault_at=clock.now() if fault else None)
        journal.append(ChannelFault(channel_id, ok=not fault), actor="system")


def ensure_logged_channel() -> Channel:
    """The entry under which calls and visits are written down."""
    with db.atomic():
        found = Channel.objects.filter(kind=LOGGED_KIND).first()
        name = LOGGED_NAMES.get(stored.get(directory.COMPANY_LANGUAGE), LOGGED_NAMES["en"])
        return found or Channel.objects.create(name=name, kind=LOGGED_KIND, queue=ensure_default_queue())


def _config(channel_id: int) -> ChannelConfig:
    found = db.locked(ChannelConfig.objects.select_related("channel", "channel__queue").filter(pk=channel_id)).first()
    if found is None:
        raise NotFound("no such channel")
    return found


def _queue(queue_id: int | None) -> Queue:
    if queue_id is None:
        return ensure_default_queue()
    queue = Queue.objects.filter(pk=queue_id).first()
    if queue is None:
        raise NotFound("no such queue", field="queue")
    return queue


def _name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= 80:
        raise Invalid("must have 1 to 80 characters", field="name")
    return name


def _settings(adapter: Adapter, given: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    known = {setting.key: setting for setting in adapter.settings if setting.kind != "secret"}
    for key in given:
        if key not in known:
            raise Invalid("this channel has no such setting", field=key)
    full = {key: given.get(key, setting.default) for key, setting in known.items()}
    for key, error in adapter.validate(full, secrets).items():
        raise Invalid(error, field=key)
    return full


def _answering(channel: Channel, channel_id: int) -> Channel:
    found = Channel.objects.filter(pk=channel_id, replies=True).exclude(pk=channel.pk).first()
    if found is None or registry.adapter(found.kind) is None:
        raise Invalid("must be a channel that can send", field="answers_by")
    return found


def _link_answers() -> None:
    """Channels that customers leave get the first mailbox as their way back, unless somebody chose another."""
    mailbox = next(
        (c for c in Channel.objects.filter(enabled=True).order_by("id") if _starts(c.kind)),
        None,
    )
    without = Channel.objects.filter(answers_by=None).exclude(kind=LOGGED_KIND)
    for channel in without if mailbox else ():
        if not channel.replies or registry.need(channel.kind).capabilities.realtime:
            Channel.objects.filter(pk=channel.pk).update(answers_by=mailbox)


def _starts(kind: str) -> bool:
    adapter = registry.adapter(kind)
    return adapter is not None and adapter.capabilities.starts_conversation and adapter.capabilities.copies


def _changed(by: Principal, config: ChannelConfig, verb: str) -> None:
    _link_answers()
    audit(by, verb, config.channel.name, kind=config.channel.kind)
    journal.append(ChannelChanged(config.channel_id), actor=by.actor)
    wake.on_commit(directory.TOPIC)
