"""Staff, teams, queues and channels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tresen.accounts import actions as accounts
from tresen.accounts.models import Role
from tresen.accounts.principal import Principal, for_user, system
from tresen.channels import actions as channels
from tresen.channels.contract import ChannelView
from tresen.channels.directory import COMPANY_LANGUAGE, COMPANY_NAME, view_of
from tresen.conversations import actions as conversations
from tresen.conversations.models import Channel
from tresen.customers import actions as customers
from tresen.kernel import settings
from tresen.sandbox.demo.world import DemoChannel, DemoStatus, DemoWorld
from tresen.sandbox.loading.passwords import MAILBOX
from tresen.sandbox.mail import office, wire

BY = system("setup")
ACTOR = BY.actor
RECEPTION = "Empfang"
COLOUR = "#7a3b12"


@dataclass(frozen=True, slots=True)
class Line:
    """A channel with what the adapter sees of it."""

    channel: Channel
    view: ChannelView


@dataclass(frozen=True, slots=True)
class House:
    """The company as it was set up, by the world's keys. `staff` act with all rights: what happened was allowed."""

    staff: Mapping[str, Principal]
    queues: Mapping[str, int]
    lines: Mapping[str, Line]
    logged: Channel


def furnish(world: DemoWorld, passwords: Mapping[str, str]) -> House:
    """Sets the company up.

    Whatever comes in reaches the queue `Empfang` (reception), which is handed out to whoever is there. From the
    teams' own queues people take work themselves: else the first to log in would get the whole backlog.
    """
    settings.put(COMPANY_NAME, "Bohne & Brand")
    settings.put(COMPANY_LANGUAGE, "de")
    logged = channels.ensure_logged_channel()
    reception = conversations.save_queue(BY, name=RECEPTION, queue_id=logged.queue_id).pk
    staff = _staff(world, passwords)
    members = {team.key: [p.user_id for p, keys in staff.values() if team.key in keys] for team in world.teams}
    teams = {
        team.key: accounts.save_team(BY, name=team.name, members=[m for m in members[team.key] if m]).pk
        for team in world.teams
    }
    queues = {
        queue.key: conversations.save_queue(BY, name=queue.name, team_id=teams[queue.team], pull=True).pk
        for queue in world.queues
    }
    for position, field in enumerate(world.fields):
        customers.define_field(
            of="customer",
            key=field.key,
            label_de=field.label_de,
            label_en=field.label_en,
            actor=ACTOR,
            position=position,
        )
    return House(
        staff={key: replace(principal, role=Role.ADMINISTRATOR) for key, (principal, _) in staff.items()},
        queues=queues,
        lines={channel.key: _line(channel, reception, passwords) for channel in world.channels},
        logged=logged,
    )


def _staff(world: DemoWorld, passwords: Mapping[str, str]) -> dict[str, tuple[Principal, tuple[str, ...]]]:
    """Everybody with their teams' keys. Beside what they have open, they have room for as much as the demo says."""
    open_now = Counter(c.assignee for c in world.conversations if c.status is DemoStatus.ASSIGNED)
    found = {}
    for person in world.staff:
        user = accounts.create_user(
            BY,
            email=person.email,
            name=person.name,
            role=person.role,
            capacity=person.capacity + open_now[person.key],
            language="de" if person.languages[0] == "de" else "en",
            password=passwords[person.email],
        )
        found[person.key] = (for_user(user), person.teams)
    return found


def _line(channel: DemoChannel, queue_id: int, passwords: Mapping[str, str]) -> Line:
    settings_by_kind: dict[str, dict[str, Any]] = {"email": _mail(channel), "webchat": CHAT, "form": FORM, "api": {}}
    made = channels.create_channel(
        BY,
        kind=channel.kind,
        name=channel.name,
        queue_id=queue_id,
        settings=settings_by_kind[channel.kind],
        secrets={"password": passwords[MAILBOX]} if channel.kind == "email" else {},
    )
    return Line(made.config.channel, view_of(made.config))


def _mail(channel: DemoChannel) -> dict[str, Any]:
    return {
        "address": channel.address,
        "name": "Bohne & Brand Service",
        "protocol": "pop3",
        "in_host": office.HOST,
        "in_port": office.POP3_PORT,
        "in_security": "none",
        "poll_seconds": 1,
        "out_host": office.HOST,
        "out_port": office.SMTP_PORT,
        "out_security": "none",
        "authserv_id": wire.HOST,
        "signature": "Bohne & Brand · Kundenservice",
    }


CHAT = {
    "title": "Bohne & Brand",
    "greeting": "Guten Tag! Wie können wir helfen?\nHello! How can we help?",
    "colour": COLOUR,
}
FORM = {
    "title": "Schreiben Sie uns · Write to us",
    "intro": "Wir antworten per E-Mail. · We answer by e-mail.",
    "colour": COLOUR,
    "fields": "order | Bestellnummer // Order number",
}
