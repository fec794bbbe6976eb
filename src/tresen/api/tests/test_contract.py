"""What integrations rely on, line by line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts.tests.people import present, staff
from tresen.api.tests.caller import Api, administrator, integration, person
from tresen.channels.tests.shop import arrive, posted, shop
from tresen.conversations.models import Conversation
from tresen.conversations.tests.world import begin, channel, customer, queue
from tresen.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
ITEM = {
    "id",
    "number",
    "status",
    "channel",
    "queue",
    "assignee",
    "customer",
    "subject",
    "priority",
    "last_message_at",
    "created_at",
}
MESSAGE = {"id", "seq", "direction", "channel", "author", "text", "html", "created_at", "delivery"}


def test_a_channel_is_created_and_its_token_shown_once():
    api = administrator()
    plain = api.post("/channels", {"kind": "api", "name": "Shop"})
    assert set(plain) == {"id", "key", "token"}
    hooked = api.post("/channels", {"kind": "api", "name": "Shop", "webhook_url": "https://shop.example/hook"})
    assert set(hooked) == {"id", "key", "token", "webhook_secret"}
    assert hooked["webhook_secret"].startswith("whsec_")
    listed = api.get("/channels")
    assert {"id": plain["id"], "kind": "api", "name": "Shop", "queue": listed[0]["queue"]} in listed
    assert plain["token"] not in str(listed)


def test_agents_and_their_presence():
    api = administrator()
    made = api.post("/agents", {"email": "Ada@Shop.example", "name": "Ada", "role": "agent", "capacity": 3})
    assert made == {
        "id": made["id"],
        "email": "ada@shop.example",
        "name": "Ada",
        "role": "agent",
        "capacity": 3,
        "load": 0,
        "presence": "offline",
    }
    for status in ("online", "away", "offline"):
        assert api.post(f"/agents/{made['id']}/presence", {"status": status}, 200)["presence"] == status
    api.post(f"/agents/{made['id']}/presence", {"status": "online"}, 200)
    clock.advance(timedelta(hours=11))
    assert [a["presence"] for a in api.get("/agents")] == ["online"]
    clock.advance(timedelta(hours=2))
    assert [a["presence"] for a in api.get("/agents")] == ["offline"]
    with_capacity_left_out = api.post("/agents", {"email": "b@shop.example", "name": "B", "role": "lead"})
    assert with_capacity_left_out["capacity"] == 5


def test_a_message_from_the_counter_to_the_answer():
    api, where = administrator(), shop()
    arrive(where, posted(where, text="Hallo"))
    (item,) = api.get("/conversations")["items"]
    assert set(item) == ITEM
    assert (item["status"], item["assignee"], item["priority"], item["subject"]) == ("waiting", None, "normal", "Hallo")
    assert api.get(f"/conversations/{item['id']}") == item
    found = api.get(f"/conversations/{item['id']}/messages")
    assert (set(found), found["next"]) == ({"items", "next"}, None)
    (message,) = found["items"]
    assert set(message) >= MESSAGE
    assert (message["seq"], message["direction"], message["author"], message["delivery"]) == (1, "in", "Clara", None)
    answer = api.post(f"/conversations/{item['id']}/messages", {"text": "Guten Tag", "kind": "reply"})
    assert set(answer) >= MESSAGE
    assert (answer["seq"], answer["direction"], answer["delivery"], answer["text"]) == (2, "out", "queued", "Guten Tag")
    note = api.post(f"/conversations/{item['id']}/messages", {"text": "intern", "kind": "note"})
    assert (note["seq"], note["direction"], note["delivery"]) == (3, "note", None)
    assert [m["seq"] for m in api.get(f"/conversations/{item['id']}/messages")["items"]] == [1, 2, 3]


def test_the_list_narrows_and_puts_the_newest_first():
    api, agent = administrator(), present("Ada")
    one, two = channel(), channel()
    rows = []
    for where in (one, two, one):
        rows.append(begin(where))
        clock.advance(timedelta(minutes=1))
    api.post(f"/conversations/{rows[0].pk}/assign", {"agent": agent.pk}, 200)

    def ids(query: str) -> list[int]:
        return [item["id"] for item in api.get(f"/conversations{query}")["items"]]

    assert ids("") == [rows[2].pk, rows[1].pk, rows[0].pk]
    assert ids("?status=waiting") == [rows[2].pk, rows[1].pk]
    assert ids(f"?queue={two.queue_id}") == [rows[1].pk]
    assert ids(f"?assignee={agent.pk}") == [rows[0].pk]
    assert ids(f"?customer={rows[2].customer_id}") == [rows[2].pk]
    assert ids(f"?customer={rows[2].customer_id}&status=resolved") == []


def test_the_cursor_of_an_answer_opens_the_next_page_as_it_stands():
    """Put into an address without any encoding, as people do."""
    api, where, who = administrator(), channel(), customer()
    rows = []
    for n in range(7):
        rows.append(begin(where, who))
        if n % 2:
            clock.advance(timedelta(minutes=1))
    found, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/conversations?limit=3&cursor={cursor}")
        assert len(page["items"]) <= 3
        found += [item["id"] for item in page["items"]]
        cursor = page["next"]
        begin(where, who)
        clock.advance(timedelta(minutes=1))
    assert found == [row.pk for row in sorted(rows, key=lambda r: (r.last_message_at, r.pk), reverse=True)]


def test_messages_page_in_order_while_new_ones_arrive():
    api = administrator()
    row = begin(channel())
    for n in range(6):
        api.post(f"/conversations/{row.pk}/messages", {"text": str(n), "kind": "note"})
    found, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/conversations/{row.pk}/messages?limit=3&cursor={cursor}")
        found += [m["seq"] for m in page["items"]]
        cursor = page["next"]
        if len(found) == 3:
            api.post(f"/conversations/{row.pk}/messages", {"text": "new", "kind": "note"})
    assert found == [1, 2, 3, 4, 5, 6, 7, 8]


def test_limits_are_kept():
    api = administrator()
    row = begin(channel())
    for path in ("/conversations", f"/conversations/{row.pk}/messages"):
        assert api.get(f"{path}?limit=200")["next"] is None
        for limit in ("0", "201", "-1", "x"):
            found = api.get(f"{path}?limit={limit}", 422)
            assert found["errors"][0]["field"] == "limit"
        assert api.get(f"{path}?cursor=nonsense", 422)["errors"][0]["field"] == "cursor"


def test_assigning_releasing_moving_resolving():
    api, ada, ben = administrator(), present("Ada"), present("Ben")
    other = queue()
    row = begin(channel())
    path = f"/conversations/{row.pk}"
    assert api.post(f"{path}/assign", {"agent": ada.pk}, 200)["assignee"] == ada.pk
    moved = api.post(f"{path}/assign", {"agent": ben.pk, "queue": other.pk}, 200)
    assert (moved["assignee"], moved["queue"], moved["status"]) == (ben.pk, other.pk, "assigned")
    back = api.post(f"{path}/assign", {"agent": None}, 200)
    assert (back["assignee"], back["status"], back["queue"]) == (None, "waiting", other.pk)
    moved = api.post(f"{path}/assign", {"agent": None, "queue": row.queue_id}, 200)
    assert (moved["queue"], moved["status"]) == (row.queue_id, "waiting")
    assert api.post(f"{path}/resolve", status=200)["status"] == "resolved"
    assert api.post(f"{path}/resolve", status=200)["status"] == "resolved"
    assert api.post(f"{path}/assign", {"agent": None}, 409)["detail"]
    assert api.post(f"{path}/reopen", status=200)["status"] == "waiting"


def test_snooze_priority_tags_take():
    agent = present("Ada")
    api = person(agent)
    row = begin(channel())
    path = f"/conversations/{row.pk}"
    assert api.post(f"{path}/take", status=200)["assignee"] == agent.pk
    assert api.put(f"{path}/priority", {"priority": "urgent"})["priority"] == "urgent"
    api.put(f"{path}/priority", {"priority": "huge"}, 422)
    api.put(f"{path}/tags", {"tags": ["a", "b"]})
    assert sorted(t.name for t in row.tags.all()) == ["a", "b"]
    later = (clock.now() + timedelta(hours=1)).isoformat()
    assert api.post(f"{path}/snooze", {"until": later}, 200)["status"] == "snoozed"
    for until in ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00", "soon"):
        assert api.post(f"{path}/snooze", {"until": until}, 422)["errors"][0]["field"] == "until"


def test_records_are_written_and_changed_by_the_same_call():
    api, who = administrator(), customer()
    path = f"/customers/{who.pk}/records/contract/V-4711%2F24"
    body = {"title": "Wartung", "status": "active", "amount": "19.90", "currency": "EUR", "plan": "Gold"}
    made = api.put(path, body, 201)
    assert (made["kind"], made["number"], made["status"], made["amount"]) == (
        "contract",
        "V-4711/24",
        "active",
        "19.90",
    )
    assert made["data"] == {"plan": "Gold"}
    changed = api.put(path, {"status": "ended"}, 200)
    assert (changed["id"], changed["status"], changed["title"]) == (made["id"], "ended", "Wartung")
    assert [r["id"] for r in api.get(f"/customers/{who.pk}/records")] == [made["id"]]
    api.put("/customers/99999/records/contract/1", body, 404)
    assert api.put(path, {"amount": "much"}, 422)["errors"][0]["field"] == "amount"


def test_customers_are_found_by_what_they_proved():
    api = administrator()
    who = customer("clara@home.example", name="Clara")
    (found,) = api.get("/customers?kind=email&value=Clara@Home.example")
    assert (found["id"], found["name"]) == (who.pk, "Clara")
    assert [(i["kind"], i["value"], i["assurance"]) for i in found["identities"]] == [
        ("email", "clara@home.example", "proved")
    ]
    claimed = customer("typed@home.example", "claimed")
    assert api.get("/customers?kind=email&value=typed@home.example") == []
    assert api.get(f"/customers/{claimed.pk}")["identities"][0]["assurance"] == "claimed"
    api.get("/customers/99999", 404)


def test_a_reply_posted_twice_is_one_message():
    api, row = administrator(), begin(channel())
    first = api.post(f"/conversations/{row.pk}/messages", {"text": "x", "key": "k1"})
    again = api.post(f"/conversations/{row.pk}/messages", {"text": "y", "key": "k1"})
    assert (again["id"], again["text"]) == (first["id"], "x")


def test_teams_and_queues():
    api, agent = administrator(), staff("Ada")
    made = api.post("/teams", {"name": "Returns", "members": [agent.pk]})
    assert api.put(f"/teams/{made['id']}", {"name": "Returns", "members": []})["members"] == []
    api.put("/teams/99999", {"name": "X", "members": []}, 404)
    api.post("/teams", {"name": "Returns"}, 409)
    line = api.post("/queues", {"name": "Returns", "team": made["id"], "pull": True})
    assert line in api.get("/queues")
    api.post("/queues", {"name": "Lost", "team": 99999}, 404)


def test_the_description_is_openapi_and_the_reference_loads_nothing_from_elsewhere():
    api = Api()
    document = api.get("/openapi.json")
    assert document["openapi"].startswith("3.1")
    for path in ("/conversations", "/conversations/{conversation_id}/messages", "/channels", "/agents"):
        assert f"/api/v1{path}" in document["paths"]
    page = api.client.get("/api/v1/docs")
    assert page.status_code == 200
    text = page.content.decode()
    assert "/conversations" in text
    assert "<script" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "default-src 'none'" in page["content-security-policy"]


def test_two_integrations_see_what_their_role_may():
    begin(channel())
    assert len(integration().get("/conversations")["items"]) == 1
    assert Conversation.objects.count() == 1
