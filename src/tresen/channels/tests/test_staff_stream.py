"""What the stream tells whom: current sight first, and whoever has just lost it learns only that it is gone."""

from __future__ import annotations

import json

import pytest

from tresen.accounts.models import Role
from tresen.accounts.principal import Principal, for_user
from tresen.accounts.tests.people import SETUP, present, team
from tresen.channels import stream
from tresen.channels.stream import GONE, STAFF, Facts, StaffViewer
from tresen.conversations import actions
from tresen.conversations.models import Conversation
from tresen.conversations.tests.world import begin, channel, customer, draft, queue, receive
from tresen.kernel import journal
from tresen.kernel.journal import Position
from tresen.kernel.models import Event
from tresen.kernel.stream.contract import Rendered, rendered

MINE, FOREIGN, ME, OTHER = 1, 2, 10, 11


def viewer(user_id: int | None = ME, queues: frozenset[int] | None = frozenset({MINE})) -> StaffViewer:
    return StaffViewer(Principal(actor="a", role=Role.AGENT, user_id=user_id), key="k", queues=queues)


def shown(facts: Facts, **frames: bytes) -> Rendered:
    payloads = frames or {STAFF: b'"all"', GONE: b'"gone"'}
    return rendered(Position(0, 1), facts.kind, facts, payloads)


def sees(one: StaffViewer, **facts: object) -> str:
    found = one.sees(shown(Facts("x", **{"conversation_id": 5, **facts})))
    return "nothing" if found is None else "gone" if b'"gone"' in found else "all"


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"queue_id": MINE}, "all"),
        ({"queue_id": FOREIGN}, "nothing"),
        ({"queue_id": FOREIGN, "assignee_id": ME}, "all"),
        ({"queue_id": FOREIGN, "assignee_id": OTHER}, "nothing"),
        ({"queue_id": FOREIGN, "former_queue": MINE}, "gone"),
        ({"queue_id": FOREIGN, "former_agent": ME}, "gone"),
        ({"queue_id": FOREIGN, "former_agent": OTHER, "former_queue": FOREIGN}, "nothing"),
        ({"queue_id": MINE, "former_queue": FOREIGN}, "all"),
        ({"queue_id": FOREIGN, "assignee_id": ME, "former_queue": MINE}, "all"),
        ({"queue_id": None}, "nothing"),
    ],
)
def test_who_sees_what(facts: dict[str, object], expected: str):
    assert sees(viewer(), **facts) == expected
    assert sees(viewer(queues=None), **facts) == "all"
    token = {"all": "all", "gone": "gone"}.get(expected, "nothing")
    if "assignee_id" not in facts and "former_agent" not in facts:
        assert sees(viewer(user_id=None), **facts) == token


def test_a_token_without_a_person_is_nobody_s_assignee():
    assert sees(viewer(user_id=None), queue_id=FOREIGN, assignee_id=None) == "nothing"
    assert sees(viewer(user_id=None), queue_id=FOREIGN, former_agent=None) == "nothing"


def test_rights_are_taken_over_and_lost_ones_close():
    one = viewer()
    wider = Principal(actor="a", role=Role.AGENT, user_id=ME)
    one.learn(wider, lambda _principal: frozenset({FOREIGN}))
    assert (sees(one, queue_id=FOREIGN), sees(one, queue_id=MINE)) == ("all", "nothing")
    one.learn(Principal(actor="a", role=Role.AGENT, scopes=frozenset({"write"})), lambda _principal: None)
    assert one.closed
    other = viewer()
    other.learn(None)
    assert other.closed


def told(kind: str) -> dict[str, dict[str, object]]:
    """The payloads of the newest event of a kind."""
    row_id = Event.objects.filter(kind=kind).latest("id").pk
    (loaded,) = stream.load([journal.read_ids([row_id])[row_id]])
    return {audience: json.loads(body) for audience, body in stream.staff_payloads(loaded).items()}


@pytest.mark.django_db
def test_an_event_carries_the_conversation_and_its_message_as_they_are():
    row = begin(channel())
    actions.reply(SETUP, row.pk, draft("Guten Tag"))
    found = told("message.created")
    assert found[STAFF]["kind"] == "message.created"
    assert found[STAFF]["conversation"]["id"] == found[STAFF]["conversation_id"] == row.pk
    assert found[STAFF]["message"]["text"] == "Guten Tag"
    assert found[GONE] == {"kind": "conversation.gone", "conversation_id": row.pk}


@pytest.mark.django_db
def test_hostile_html_is_clean_on_the_stream_too():
    html = "<p>x</p><script>alert(1)</script><img src=https://evil.example/p.gif onerror=alert(1)>"
    receive(channel(), customer(), html=html)
    shown_html = str(told("message.created")[STAFF]["message"]["html"])
    assert "<p>x</p>" in shown_html
    for word in ("script", "onerror", " src="):
        assert word not in shown_html


@pytest.mark.django_db
def test_what_everybody_may_know_and_what_nobody():
    present("Ada")
    assert told("presence.changed")[STAFF]["status"] == "online"
    row = begin(channel())
    actions.assign(SETUP, row.pk, present("Ben").pk)
    actions.resolve(SETUP, row.pk)
    assert told("capacity.freed") == {}
    assert told("customer.created") == {}


@pytest.mark.django_db
def test_a_move_is_told_to_both_sides():
    ours, theirs = team("Ours"), team("Theirs")
    one, two = queue(team=ours), queue(team=theirs)
    row = begin(channel(one))
    actions.move(SETUP, row.pk, two.pk)
    row_id = Event.objects.latest("id").pk
    (loaded,) = stream.load([journal.read_ids([row_id])[row_id]])
    for mine, expected in ((ours, GONE), (theirs, STAFF)):
        person = for_user(present("Ada", teams=(mine,)))
        watching = StaffViewer(person, key="k")
        watching.learn(person)
        payloads = stream.staff_payloads(loaded)
        event = rendered(loaded.entry.position, loaded.entry.kind, loaded.facts, payloads)
        assert watching.sees(event) == event.frames[expected]
    assert Conversation.objects.get().queue_id == two.pk
