"""What the API refuses: always as problem+json, naming the field, and never telling what a stranger may not know."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from tresen.accounts.models import Role
from tresen.accounts.tests.people import SETUP, present, team
from tresen.api.tests.caller import Api, administrator, integration, person
from tresen.api.v1 import api as ninja_api
from tresen.conversations import actions, queries
from tresen.conversations.models import Attachment, Conversation, Message
from tresen.conversations.tests.world import begin, channel, customer, draft, queue, receive
from tresen.kernel import blobs
from tresen.kernel.models import Event

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]
LATER = "2030-01-01T00:00:00Z"

# operation → method, path ({c} conversation, {m} message, {a} attachment, {k} customer, {u} agent, {t} team), body
WRITES: dict[str, tuple[str, str, Any]] = {
    "start": ("POST", "/conversations", {"channel": 1, "customer": 1, "text": "x"}),
    "log": ("POST", "/conversations/log", {"customer": 1, "medium": "call", "text": "x"}),
    "message": ("POST", "/conversations/{c}/messages", {"text": "x"}),
    "assign": ("POST", "/conversations/{c}/assign", {"agent": None}),
    "take": ("POST", "/conversations/{c}/take", {}),
    "resolve": ("POST", "/conversations/{c}/resolve", {}),
    "reopen": ("POST", "/conversations/{c}/reopen", {}),
    "snooze": ("POST", "/conversations/{c}/snooze", {"until": LATER}),
    "priority": ("PUT", "/conversations/{c}/priority", {"priority": "high"}),
    "tags": ("PUT", "/conversations/{c}/tags", {"tags": []}),
    "retry": ("POST", "/messages/{m}/retry", {}),
    "record": ("PUT", "/customers/{k}/records/order/1", {}),
    "presence": ("POST", "/agents/{u}/presence", {"status": "online"}),
}
ADMINISTRATION: dict[str, tuple[str, str, Any]] = {
    "channel": ("POST", "/channels", {"kind": "api", "name": "X"}),
    "queue": ("POST", "/queues", {"name": "X"}),
    "team": ("POST", "/teams", {"name": "X"}),
    "change team": ("PUT", "/teams/{t}", {"name": "X"}),
    "agent": ("POST", "/agents", {"email": "x@y.example", "name": "X"}),
    "import": ("POST", "/records/import", b"kind,number\n"),
}
READS = {
    "list": "/conversations",
    "one": "/conversations/{c}",
    "messages": "/conversations/{c}/messages",
    "attachment": "/attachments/{a}",
    "customer": "/customers/{k}",
    "customers": "/customers?kind=email&value=x",
    "records": "/customers/{k}/records",
    "channels": "/channels",
    "queues": "/queues",
    "teams": "/teams",
    "agents": "/agents",
}
FOREIGN = ("message", "assign", "take", "resolve", "reopen", "snooze", "priority", "tags", "retry")
FOREIGN_READS = ("one", "messages", "attachment")


def told() -> int:
    """How many events there are, besides those of the tests' own tokens."""
    return Event.objects.exclude(kind="token.changed").count()


class Place:
    """A conversation of one team with all that hangs on it, somebody of it and somebody of another."""

    def __init__(self) -> None:
        ours, theirs = team("Ours"), team("Theirs")
        self.member = present("Ada", teams=(ours,))
        self.stranger = present("Mallory", teams=(theirs,))
        self.lead = present("Lea", Role.LEAD, teams=(theirs,))
        where = channel(queue(team=ours))
        file = actions.StoredFile("a.txt", "text/plain", 5, "0" * 64, blobs.store("attachments", b"hello"))
        message = receive(where, customer(), files=(file,))
        self.conversation = message.conversation
        answer = actions.reply(SETUP, self.conversation.pk, draft())
        actions.set_delivery(answer.pk, "failed")
        self.names = {
            "c": message.conversation_id,
            "m": answer.pk,
            "a": Attachment.objects.get().pk,
            "k": message.customer_id,
            "q": where.queue_id,
            "u": self.member.pk,
            "t": ours.pk,
        }

    def path(self, template: str) -> str:
        return template.format(**self.names)


@pytest.fixture
def place() -> Place:
    return Place()


def test_the_matrix_knows_every_operation():
    """A new endpoint needs a row here, else nobody has thought about who may call it."""
    known = {(method, path) for method, path, _ in (*WRITES.values(), *ADMINISTRATION.values())}
    known |= {("GET", path.partition("?")[0]) for path in READS.values()}
    found = set()
    for path, methods in ninja_api.get_openapi_schema()["paths"].items():
        short = path.removeprefix("/api/v1")
        for name, letter in (
            ("conversation", "c"),
            ("message", "m"),
            ("attachment", "a"),
            ("customer", "k"),
            ("agent", "u"),
            ("team", "t"),
        ):
            short = short.replace(f"{{{name}_id}}", f"{{{letter}}}")
        short = short.replace("{kind}", "order").replace("{number}", "1")
        found |= {(method.upper(), short) for method in methods}
    assert found == known


@pytest.mark.parametrize("token", ["", "tsn_wrong", "x" * 300, "ä"])
@pytest.mark.parametrize("name", [*READS, *WRITES, *ADMINISTRATION])
def test_without_a_good_token_nothing_is_there(place: Place, name: str, token: str):
    method, template, body = {**WRITES, **ADMINISTRATION}.get(name) or ("GET", READS[name], None)
    before = told()
    found = Api(token).call(method, place.path(template), body, 401)
    assert found == {"type": "about:blank", "status": 401}
    assert told() == before


@pytest.mark.parametrize("name", [*WRITES, *ADMINISTRATION])
def test_who_may_only_read_changes_nothing(place: Place, name: str):
    method, template, body = {**WRITES, **ADMINISTRATION}[name]
    before = told()
    administrator("read").call(method, place.path(template), body, 403)
    assert told() == before


@pytest.mark.parametrize("name", READS)
def test_who_may_only_write_reads_nothing(place: Place, name: str):
    administrator("write", "admin").call("GET", place.path(READS[name]), None, 403)


@pytest.mark.parametrize("name", ADMINISTRATION)
def test_administration_needs_role_and_scope(place: Place, name: str):
    method, template, body = ADMINISTRATION[name]
    before = told()
    administrator("read", "write").call(method, place.path(template), body, 403)
    for caller in (person(place.member), person(place.lead), integration(), integration(Role.LEAD)):
        caller.call(method, place.path(template), body, 403)
    assert told() == before


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_foreign_is_not_there_for_any_verb(place: Place, name: str):
    method, template, body = WRITES[name]
    before = told()
    nobody = [] if name == "take" else [integration(), integration(Role.LEAD)]  # who is no person takes nothing anyway
    for caller in (person(place.stranger), person(place.lead), *nobody):
        foreign = caller.call(method, place.path(template), body, 404)
        missing = caller.call(method, template.format(**dict.fromkeys(place.names, 99_999)), body, 404)
        assert foreign == missing
    assert told() == before


@pytest.mark.parametrize("name", FOREIGN_READS)
def test_what_is_foreign_is_not_there_to_read(place: Place, name: str):
    for caller in (person(place.stranger), person(place.lead), integration()):
        caller.get(place.path(READS[name]), 404)
        assert caller.get("/conversations")["items"] == []
        assert caller.get("/queues") == []
        assert caller.get("/channels") == []
        assert caller.get(f"/conversations?queue={place.names['q']}")["items"] == []
    assert person(place.member).client.get(f"/api/v1{place.path(READS[name])}").status_code == 200


def test_nobody_sets_the_presence_of_another(place: Place):
    person(place.member).post(f"/agents/{place.member.pk}/presence", {"status": "away"}, 200)
    person(place.stranger).post(f"/agents/{place.member.pk}/presence", {"status": "offline"}, 403)
    integration().post(f"/agents/{place.member.pk}/presence", {"status": "offline"}, 403)
    assert administrator().get("/agents")[0]["presence"] == "away"
    administrator().post("/agents/99999/presence", {"status": "online"}, 404)


def test_an_attachment_is_always_a_download(place: Place):
    answer = person(place.member).client.get(f"/api/v1/attachments/{place.names['a']}")
    assert (answer.content, answer["content-disposition"]) == (b"hello", "attachment")
    assert answer["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer["x-content-type-options"] == "nosniff"
    assert "no-store" in answer["cache-control"]


def test_an_attachment_whose_file_is_gone_is_not_there(place: Place):
    blobs.remove(Attachment.objects.get().key)
    person(place.member).get(f"/attachments/{place.names['a']}", 404)


@pytest.mark.parametrize("name", [n for n, (_, _, body) in WRITES.items() if body])
def test_unknown_fields_are_refused_by_name(place: Place, name: str):
    method, template, body = WRITES[name]
    found = administrator().call(method, place.path(template), {**body, "typo": 1}, 422)
    assert [e["field"] for e in found["errors"]] == ["typo"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/conversations/{c}/messages", {}, "text"),
        ("/conversations/{c}/messages", {"text": ""}, "text"),
        ("/conversations/{c}/messages", {"text": " \n"}, "text"),
        ("/conversations/{c}/messages", {"text": 5}, "text"),
        ("/conversations/{c}/messages", {"text": "x" * 100_001}, "text"),
        ("/conversations/{c}/messages", {"text": "\ud800"}, "text"),
        ("/conversations/{c}/messages", {"text": "x", "kind": "shout"}, "kind"),
        ("/conversations/{c}/messages", {"text": "x", "to": "a@b"}, "to"),
        ("/conversations/{c}/messages", {"text": "x", "key": "k" * 81}, "key"),
        ("/conversations/{c}/assign", {}, "agent"),
        ("/conversations/{c}/assign", {"agent": "Ada"}, "agent"),
        ("/channels", {"kind": "fax", "name": "X"}, "kind"),
        ("/channels", {"kind": "api"}, "name"),
        ("/channels", {"kind": "api", "name": "X", "webhook_url": "ftp://x"}, "webhook_url"),
        ("/channels", {"kind": "api", "name": "X", "settings": {"no": 1}}, "no"),
        ("/agents", {"email": "x", "name": "X"}, "email"),
        ("/agents", {"email": "x@y.example", "name": "X", "role": "root"}, "role"),
        ("/agents", {"email": "x@y.example", "name": "X", "capacity": 1001}, "capacity"),
        ("/agents/{u}/presence", {"status": "lunch"}, "status"),
        ("/agents/{u}/presence", {"status": "online", "lease": 1}, "lease"),
    ],
)
def test_what_is_wrong_is_named(place: Place, path: str, body: Any, field: str):
    before = (told(), Message.objects.count())
    found = administrator().post(place.path(path), body, 422)
    assert field in [e["field"] for e in found["errors"]]
    assert (told(), Message.objects.count()) == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'"text"', b"[" * 50_000])
def test_what_is_no_json_object_is_refused(place: Place, body: bytes):
    found = administrator().post(place.path("/conversations/{c}/messages"), body, 422)
    assert found["errors"]
    assert Message.objects.count() == 2


@pytest.mark.parametrize("query", ["status=nope", "status=waiting,nope", "queue=x", "assignee=me", "customer=1.5"])
def test_a_wrong_filter_is_named(query: str):
    found = administrator().get(f"/conversations?{query}", 422)
    assert [e["field"] for e in found["errors"]] == [query.partition("=")[0]]


@pytest.mark.parametrize("big", [2**63, 10**30])
def test_numbers_beyond_any_row_are_not_there_or_refused(place: Place, big: int):
    api = administrator()
    for path in ("/conversations/{}", "/conversations/{}/messages", "/customers/{}"):
        api.get(path.format(big), 404)
    for name in ("queue", "assignee", "customer"):
        answer = api.answer("GET", f"/conversations?{name}={big}")
        assert answer.status_code in (200, 422)
        assert b"Error" not in answer.content
    assert api.answer("POST", place.path("/conversations/{c}/assign"), {"agent": big}).status_code in (404, 422)
    assert api.answer("POST", "/teams", {"name": "T", "members": [big]}).status_code in (201, 422)


def test_a_nul_in_a_text_breaks_nothing(place: Place):
    api = administrator()
    made = api.post(place.path("/conversations/{c}/messages"), {"text": "a\x00b"})
    assert made["text"] == "ab"
    for path in ("/customers?kind=email&value=%00", "/conversations?cursor=%00", "/attachments/%00"):
        assert api.answer("GET", path).status_code in (200, 404, 422)


@pytest.mark.parametrize("path", ["/nope", "/conversations/abc", "/conversations/1/nope", "/", "//"])
def test_what_is_no_address_is_a_problem_too(path: str):
    administrator().get(path, 404)
    Api().get(path, 404)


def test_a_wrong_method_is_a_problem_too():
    answer = administrator().client.delete("/api/v1/conversations")
    assert (answer.status_code, answer["content-type"]) == (405, "application/problem+json")
    assert "GET" in answer["allow"]


def test_a_database_that_is_away_is_told_and_nothing_was_done(place: Place, monkeypatch: pytest.MonkeyPatch):
    def away(*_args: object, **_more: object) -> None:
        raise OperationalError("could not connect to 10.0.0.5")

    api = administrator()
    monkeypatch.setattr(queries, "page", away)
    answer = api.client.get("/api/v1/conversations")
    assert (answer.status_code, answer["content-type"]) == (503, "application/problem+json")
    assert answer["retry-after"] == "5"
    assert b"10.0.0.5" not in answer.content


def test_a_fault_of_ours_tells_nothing(place: Place, monkeypatch: pytest.MonkeyPatch):
    def broken(*_args: object, **_more: object) -> None:
        raise ZeroDivisionError("secret detail")

    api = administrator()
    monkeypatch.setattr(queries, "page", broken)
    answer = api.answer("GET", "/conversations")
    assert (answer.status_code, answer["content-type"]) == (500, "application/problem+json")
    assert b"secret" not in answer.content and b"Traceback" not in answer.content


def test_a_session_is_no_token(place: Place):
    """A cookie opens the desk, not the API: a foreign page could make the browser send it."""
    client = Client()
    client.force_login(place.member)
    assert client.get("/api/v1/conversations").status_code == 401


def test_answers_are_kept_by_no_cache(place: Place):
    answer = person(place.member).client.get(f"/api/v1/conversations/{place.names['c']}")
    assert answer["cache-control"] == "private, no-store"
    assert Conversation.objects.get().status == "waiting"
    assert begin(channel()).pk != place.names["c"]
