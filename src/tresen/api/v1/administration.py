"""Channels, queues, teams, agents and their presence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from tresen.accounts import actions as accounts
from tresen.accounts import presence
from tresen.accounts.models import Presence, Team, User
from tresen.api.v1.auth import administrator, reader, writer
from tresen.api.v1.schemas import (
    AgentIn,
    AgentOut,
    ChannelIn,
    PresenceIn,
    QueueIn,
    QueueOut,
    TeamIn,
    TeamOut,
)
from tresen.channels import actions as channels
from tresen.channels.adapters.api.adapter import webhook_secret
from tresen.conversations import actions as conversations
from tresen.conversations import queries
from tresen.conversations.models import Queue
from tresen.kernel.errors import Denied, NotFound

router = Router(tags=["administration"])


@router.post("/channels", response={201: dict[str, Any]})
def create_channel(request: HttpRequest, given: ChannelIn) -> Status[dict[str, Any]]:
    """Adds a channel. Its secrets are in this answer and never shown again."""
    by = administrator(request)
    settings = dict(given.settings)
    if given.webhook_url is not None:
        settings["webhook_url"] = given.webhook_url
    made = channels.create_channel(
        by, kind=given.kind, name=given.name, queue_id=given.queue, settings=settings, secrets=given.secrets
    )
    secrets = dict(made.secrets)
    if "webhook_secret" in secrets:
        secret = secrets.pop("webhook_secret")
        if settings.get("webhook_url"):
            secrets["webhook_secret"] = webhook_secret(secret)
    return Status(201, {"id": made.config.pk, "key": made.config.key, **secrets})


@router.get("/channels", response=list[dict[str, Any]])
def list_channels(request: HttpRequest) -> list[dict[str, Any]]:
    """Enabled channels that you may write on."""
    rows = queries.channels(reader(request))
    return [{"id": row.pk, "kind": row.kind, "name": row.name, "queue": row.queue_id} for row in rows]


@router.get("/queues", response=list[QueueOut])
def list_queues(request: HttpRequest) -> list[dict[str, Any]]:
    """Queues that you may see."""
    return [_queue(row) for row in queries.queues(reader(request))]


@router.post("/queues", response={201: QueueOut})
def create_queue(request: HttpRequest, given: QueueIn) -> Status[dict[str, Any]]:
    """Adds a queue."""
    queue = conversations.save_queue(administrator(request), name=given.name, team_id=given.team, pull=given.pull)
    return Status(201, _queue(queue))


@router.get("/teams", response=list[TeamOut])
def list_teams(request: HttpRequest) -> list[dict[str, Any]]:
    """All teams."""
    reader(request)
    return [_team(row) for row in Team.objects.prefetch_related("members")]


@router.post("/teams", response={201: TeamOut})
def create_team(request: HttpRequest, given: TeamIn) -> Status[dict[str, Any]]:
    """Adds a team."""
    return Status(201, _team(accounts.save_team(administrator(request), name=given.name, members=given.members)))


@router.put("/teams/{int:team_id}", response=TeamOut)
def change_team(request: HttpRequest, team_id: int, given: TeamIn) -> dict[str, Any]:
    """Changes a team and its members."""
    by = administrator(request)
    return _team(accounts.save_team(by, name=given.name, members=given.members, team_id=team_id))


@router.get("/agents", response=list[AgentOut])
def list_agents(request: HttpRequest) -> list[dict[str, Any]]:
    """Active staff."""
    reader(request)
    rows = Presence.objects.select_related("user").filter(user__is_active=True).order_by("user__name", "user_id")
    return [_agent(row) for row in rows]


@router.post("/agents", response={201: AgentOut})
def create_agent(request: HttpRequest, given: AgentIn) -> Status[dict[str, Any]]:
    """Adds a member of staff, who sets a password by a one-time link from the desk's staff screen."""
    user = accounts.create_user(
        administrator(request),
        email=given.email,
        name=given.name,
        role=given.role,
        capacity=given.capacity,
        language=given.language,
    )
    return Status(201, _agent(Presence.objects.select_related("user").get(user=user)))


@router.post("/agents/{int:agent_id}/presence", response=AgentOut)
def set_presence(request: HttpRequest, agent_id: int, given: PresenceIn) -> dict[str, Any]:
    """Says where somebody is: oneself, or anybody for team leads."""
    by = writer(request)
    if agent_id != by.user_id and not by.is_lead:
        raise Denied("only a team lead may do this for others")
    presence.set_presence(agent_id, given.status, actor=by.actor, lease=timedelta(seconds=given.lease))
    row = Presence.objects.select_related("user").filter(user=agent_id).first()
    if row is None:
        raise NotFound("no such agent")
    return _agent(row)


def _agent(row: Presence) -> dict[str, Any]:
    user: User = row.user
    return {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "role": user.role,
        "capacity": row.capacity,
        "load": row.load,
        "presence": row.effective(),
    }


def _queue(row: Queue) -> dict[str, Any]:
    return {"id": row.pk, "name": row.name, "team": row.team_id, "pull": row.pull}


def _team(row: Team) -> dict[str, Any]:
    return {"id": row.pk, "name": row.name, "members": [member.pk for member in row.members.all()]}
