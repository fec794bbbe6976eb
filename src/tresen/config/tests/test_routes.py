"""Who may call what: every address that Django answers × everybody who may ask × an object of somebody else.

The rows stand here, the addresses come from the URL configuration and the OpenAPI document: an address without a row
fails, so that nobody adds one without saying who may call it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tresen.accounts import actions as accounts
from tresen.accounts.models import Role, User
from tresen.api.v1 import api
from tresen.channels import actions as channels
from tresen.channels.adapters.webchat import tokens
from tresen.channels.directory import DIRECTORY
from tresen.conversations.actions import StoredFile
from tresen.conversations.models import Message
from tresen.desk.tests.conftest import BY, World, make_world
from tresen.kernel import blobs, clock
from tresen.kernel.models import Event

# Anybody: pages that show no data and redirects.
OPEN = {
    "", "account/login/", "account/logout/", "account/inactive/", "account/signup/", "account/password/reset/",
    "account/password/reset/done/", "account/password/reset/key/<uidb36>-<key>/", "account/password/reset/key/done/",
    "desk/preferences/", "desk/settings/", "api/v1/docs", "api/v1/openapi.json",
}  # fmt: skip
# Whoever has the secret of the link.
LINK = {"desk/start/<secret>", "desk/password/<secret>"}
# Everybody who is signed in; what they show is narrowed to what one may see.
STAFF = {
    "account/reauthenticate/", "account/password/change/", "desk/", "desk/list/", "desk/next/", "desk/new/",
    "desk/new/customers/", "desk/attention/", "desk/attention/bell/", "desk/attention/retry/", "desk/presence/",
    "desk/presence/beat/", "desk/profile/",
}  # fmt: skip
# Who may see the conversation; for all others it does not exist.
SCOPED = {
    f"desk/c/<conversation_id>/{verb}"
    for verb in (
        "", "head/", "thread/", "customer/", "write/", "typing/", "take/", "assign/", "release/", "resolve/", "reopen/",
        "snooze/", "tag/", "untag/", "priority/", "subject/", "rename/", "confirm/",
    )
} | {"desk/mail/<message_id>/", "desk/file/<attachment_id>/", "desk/retry/<message_id>/"}  # fmt: skip
ADMINISTRATOR = {
    f"desk/settings/{page}"
    for page in (
        "channels/", "channels/new/<kind>/", "channels/<channel_id>/", "channels/<channel_id>/check/",
        "channels/<channel_id>/secret/", "queues/", "queues/new/", "queues/<queue_id>/", "staff/", "staff/new/",
        "staff/<user_id>/", "staff/<user_id>/link/", "teams/", "teams/new/", "teams/<team_id>/", "tokens/",
        "tokens/<token_id>/revoke/", "company/", "fields/",
    )
}  # fmt: skip
# Visitors of web sites: a channel's public key; and with a visitor's token in the header, never by cookie.
SITE = {"widget/<key>.js", "widget/assets/<version>/<name>", "widget/<key>/form", "widget/<key>/chat"}
DOOR = {"widget/<key>/session", "widget/<key>/proof"}
VISITOR = {f"widget/<key>/{verb}" for verb in ("messages", "typing", "read", "code", "files/<file_id>")}
# The demo's players: a browser on this machine, and nobody while there is no demo.
LOCAL = {
    f"sandbox/{page}"
    for page in (
        "", "stranger/", "language/<code>/", "as/<box_id>/", "as/<box_id>/list/", "as/<box_id>/write/",
        "as/<box_id>/mail/<mail_id>/", "as/<box_id>/mail/<mail_id>/body/",
        "as/<box_id>/mail/<mail_id>/file/<number>/", "shop/", "shop/contact/", "shop/login/", "shop/identity/",
    )
}  # fmt: skip
ROWS = (OPEN, LINK, STAFF, SCOPED, ADMINISTRATOR, SITE, DOOR, VISITOR, LOCAL)

# API: operation → scope of the token; "foreign": for others the object does not exist; "admin" needs the role, too.
API = {
    "GET /conversations": "read",
    "POST /conversations": "write",
    "POST /conversations/log": "write",
    "GET /conversations/{conversation_id}": "read foreign",
    "GET /conversations/{conversation_id}/messages": "read foreign",
    "POST /conversations/{conversation_id}/messages": "write foreign",
    "POST /conversations/{conversation_id}/assign": "write foreign",
    "POST /conversations/{conversation_id}/take": "write foreign",
    "POST /conversations/{conversation_id}/resolve": "write foreign",
    "POST /conversations/{conversation_id}/reopen": "write foreign",
    "POST /conversations/{conversation_id}/snooze": "write foreign",
    "PUT /conversations/{conversation_id}/priority": "write foreign",
    "PUT /conversations/{conversation_id}/tags": "write foreign",
    "POST /messages/{message_id}/retry": "write foreign",
    "GET /attachments/{attachment_id}": "read foreign",
    "GET /customers": "read",
    "GET /customers/{customer_id}": "read",
    "GET /customers/{customer_id}/records": "read",
    "PUT /customers/{customer_id}/records/{kind}/{number}": "write",
    "GET /channels": "read",
    "GET /queues": "read",
    "GET /teams": "read",
    "GET /agents": "read",
    "POST /agents/{agent_id}/presence": "write",
    "POST /channels": "admin",
    "POST /queues": "admin",
    "POST /teams": "admin",
    "PUT /teams/{team_id}": "admin",
    "POST /agents": "admin",
    "POST /records/import": "admin",
}
SECRET = "only for those who may"
POST = {"text": "x", "agent": "1", "until": "2099-01-01T00:00+00:00", "priority": "1", "tag": "x", "subject": "x"}


def routes(resolver: URLResolver | None = None, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    """All addresses in one notation: `desk/c/<conversation_id>/`."""
    for pattern in (resolver or get_resolver()).url_patterns:
        own = re.sub(r"\(\?P(<\w+>)(?:\[[^]]*\][+*]?|[^)]*)\)", r"\1", str(pattern.pattern)).lstrip("^").rstrip("$")
        whole = before + re.sub(r"<\w+:(\w+)>", r"<\1>", own)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, whole)
        elif not (whole.startswith("api/v1/") and whole not in OPEN):
            yield whole, pattern


class Place:
    """A company, a conversation that agent and lead must not see, one that they may, and a stranger's chat."""

    def __init__(self) -> None:
        self.world: World = make_world()
        self.foreign = self._message(self.world.foreign_shop)
        self.own = self._message(self.world.shop)
        accounts.create_token(BY, name="t", role=Role.AGENT)
        self.chat = channels.create_channel(BY, kind="webchat", name="Chat").config.key
        self.form = channels.create_channel(BY, kind="form", name="Form").config.key
        DIRECTORY.refresh()

    def _message(self, channel: Any) -> Message:
        file = StoredFile("a.png", "image/png", 3, "0" * 64, blobs.store("attachments", b"abc"))
        customer = self.world.customer(SECRET, f"{channel.pk}@kunde.example")
        return self.world.receive(SECRET, channel=channel, html=f"<p>{SECRET}</p>", files=(file,), customer=customer)

    def address(self, route: str, message: Message | None = None) -> str:
        """The address of an object; of the foreign conversation unless told otherwise."""
        shown = message or self.foreign
        values: dict[str, Any] = {
            "conversation_id": shown.conversation_id, "message_id": shown.pk, "customer_id": shown.customer_id,
            "attachment_id": shown.attachments.get().pk, "file_id": shown.attachments.get().pk, "kind": "api",
            "channel_id": self.world.shop.pk, "queue_id": self.world.ours.pk, "user_id": self.world.lead.pk,
            "agent_id": self.world.lead.pk, "team_id": self.world.ours.team_id, "token_id": 1, "secret": "guessed",
            "key": self.form if route.endswith(("/form", "/proof")) else self.chat, "version": "1", "name": "form.js",
            "uidb36": "1", "box_id": 1, "mail_id": 1, "number": 0, "code": "de",
        }  # fmt: skip
        return "/" + re.sub(r"[<{](\w+)[>}]", lambda found: str(values[found[1]]), route)


def state() -> tuple[int, int, int]:
    """What a refused request must leave as it is."""
    return Event.objects.count(), Message.objects.count(), User.objects.count()


def signed_in(user: User | None, **options: Any) -> Client:
    client = Client(raise_request_exception=False, HTTP_ACCEPT_LANGUAGE="en", **options)
    if user is not None:
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def answers(client: Client, place: Place, rows: set[str], message: Message | None = None) -> dict[str, set[int]]:
    """Statuses of GET and POST by address; none may show what is secret unless it is one's own."""
    found: dict[str, set[int]] = {}
    for route in sorted(rows):
        given = [client.get(place.address(route, message)), client.post(place.address(route, message), POST)]
        if message is None:
            assert not [a for a in given if SECRET.encode() in b"".join(a)], route
        found[route] = {answer.status_code for answer in given}
    return found


def beyond(found: dict[str, set[int]], allowed: set[int], needed: set[int]) -> dict[str, set[int]]:
    """Addresses that answered otherwise: with another status, or with none of those that must be among them."""
    return {route: seen for route, seen in found.items() if not (seen <= allowed and seen & needed)}


def test_every_address_stands_in_one_row() -> None:
    known = [route for rows in ROWS for route in rows]
    assert len(known) == len(set(known))
    assert {route for route, _pattern in routes()} == set(known)


def test_every_operation_of_the_api_stands_in_a_row() -> None:
    assert {name for name, _body in operations()} == set(API)
    hidden = [v for _p, router in api._routers for view in router.path_operations.values() for v in view.operations]
    assert len(hidden) == len(API), "an operation is not in the document"


def test_who_is_not_signed_in(db: None) -> None:
    place, client = Place(), signed_in(None)
    before = state()
    assert beyond(answers(client, place, OPEN), {200, 302, 405}, {200, 302}) == {}
    assert beyond(answers(client, place, LINK | LOCAL), {404, 405}, {404}) == {}
    assert beyond(answers(client, place, STAFF | SCOPED | ADMINISTRATOR), {302, 405}, {302}) == {}
    assert beyond(answers(client, place, SITE), {200, 405}, {200}) == {}
    assert beyond(answers(client, place, VISITOR), {401, 405}, {401}) == {}
    for route in STAFF | SCOPED | ADMINISTRATOR:
        answer = client.post(place.address(route)) if client.get(place.address(route)).status_code == 405 else None
        target = (answer or client.get(place.address(route)))["Location"]
        assert target.startswith("/account/login/?next=/"), route
    assert state() == before


@pytest.mark.parametrize("role", ["agent", "lead"])
def test_what_is_foreign_or_for_administrators(transactional_db: None, role: str) -> None:
    place = Place()
    client = signed_in(getattr(place.world, role))
    before = state()
    assert beyond(answers(client, place, SCOPED), {404, 405}, {404}) == {}
    assert beyond(answers(client, place, ADMINISTRATOR), {403, 405}, {403}) == {}
    assert beyond(answers(client, place, LINK | LOCAL), {404, 405}, {404}) == {}
    assert state() == before


def test_what_is_ones_own(transactional_db: None) -> None:
    place = Place()
    client = signed_in(place.world.agent)
    assert beyond(answers(client, place, STAFF), {200, 204, 302, 404, 405, 422}, {200, 204, 302, 404}) == {}
    own = answers(client, place, SCOPED, place.own)
    assert beyond(own, {200, 204, 404, 405, 409, 422}, {200, 204, 404, 409}) == {}
    done = {route.rpartition(">/")[2] for route, seen in own.items() if seen & {200, 204}}
    verbs = {route.rpartition(">/")[2] for route in SCOPED}
    assert done >= verbs - {"assign/", "confirm/", "rename/", "reopen/", "snooze/"}  # what was posted did not fit


def test_administrators_find_everything(transactional_db: None) -> None:
    place = Place()
    client = signed_in(place.world.administrator)
    for route in sorted(ADMINISTRATOR | STAFF | SCOPED):
        assert client.get(place.address(route)).status_code in (200, 302, 405), route


def test_what_a_form_names_is_looked_at_too(transactional_db: None) -> None:
    place = Place()
    client, own, foreign = signed_in(place.world.agent), place.own, place.foreign
    before = state()
    for path, body in (
        ("/desk/attention/retry/", {"kind": "message", "id": foreign.pk}),
        ("/desk/attention/retry/", {"kind": "job", "id": 1}),
        (
            "/desk/new/",
            {"kind": "write", "channel": place.world.foreign_shop.pk, "customer": own.customer_id, "text": "x"},
        ),
        (
            place.address("desk/c/<conversation_id>/write/", own),
            {"mode": "forward", "message": foreign.pk, "to": "a@b.de"},
        ),
    ):
        answer = client.post(path, body)
        assert answer.status_code in (403, 404, 422), path
    assert state() == before


def test_no_session_view_acts_without_a_csrf_token(db: None) -> None:
    place = Place()
    client = signed_in(place.world.administrator, enforce_csrf_checks=True)
    before = state()
    exempt = {route for route, pattern in routes() if getattr(pattern.callback, "csrf_exempt", False)}
    assert exempt - {route for route in OPEN if route.startswith("api/")} == DOOR | VISITOR
    for route, _pattern in routes():
        if route not in exempt:
            for method in ("post", "put", "patch", "delete"):
                answer: HttpResponse = getattr(client, method)(place.address(route))
                assert answer.status_code == 403, (method, route)
    assert state() == before


def test_a_visitor_reads_nothing_of_another(db: None) -> None:
    place, client = Place(), signed_in(None)
    view = DIRECTORY.by_key(place.chat)
    assert view is not None
    made = client.post(f"/widget/{place.chat}/session", "{}", content_type="application/json").json()
    bearer = {"headers": {"Authorization": f"Bearer {made['token']}"}}
    assert client.get(f"/widget/{place.chat}/messages", **bearer).json()["items"] == []
    assert client.get(place.address("widget/<key>/files/<file_id>"), **bearer).status_code == 404
    other = channels.create_channel(BY, kind="webchat", name="Other").config.key
    DIRECTORY.refresh()
    assert client.get(f"/widget/{other}/messages", **bearer).status_code == 401
    with pytest.raises(tokens.TokenError):
        tokens.read(view.secrets["token_secret"], other, made["token"], clock.now())


def operations() -> Iterator[tuple[str, Any]]:
    """(name, the smallest body that its schema allows) of every operation in the OpenAPI document."""
    document = api.get_openapi_schema()
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            content = about.get("requestBody", {}).get("content", {}).get("application/json", {})
            body = smallest(document, content["schema"]) if content else None
            yield f"{method.upper()} {path.removeprefix('/api/v1')}", body


def smallest(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that a JSON schema of ours allows."""
    if "$ref" in schema:
        return smallest(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return smallest(document, schema["anyOf"][0])
    if schema.get("type") == "object":
        return {key: smallest(document, schema["properties"][key]) for key in schema.get("required", ())}
    samples = {"integer": 1, "array": [], "boolean": True, "date-time": "2099-01-01T00:00:00Z"}
    return schema.get("enum", [samples.get(schema.get("format", schema.get("type")), "x@y.example")])[0]


def call(place: Place, name: str, body: Any, **token: Any) -> int:
    """The status of an operation for a token; `token`: as of `create_token`, nothing = no token."""
    method, path = name.split()
    text = accounts.create_token(BY, name="t", **token)[1] if token else ""
    headers = {"Authorization": f"Bearer {text}"} if text else {}
    query = "?kind=email&value=x" if name == "GET /customers" else ""
    content = b"kind,number\n" if "import" in path else json.dumps(body).encode() if body is not None else b""
    answer = Client(raise_request_exception=False).generic(
        method, f"/api/v1{place.address(path[1:])}{query}", content, "application/json", headers=headers
    )
    assert SECRET.encode() not in answer.content, name
    return answer.status_code


def test_the_api_asks_for_token_scope_role_and_team(transactional_db: None) -> None:
    place = Place()
    bodies = dict(operations())
    before = state()[1:]
    agent, administrator = {"user_id": place.world.agent.pk}, {"role": Role.ADMINISTRATOR}
    for name, row in API.items():
        scope, _, foreign = row.partition(" ")
        others = [s for s in ("read", "write", "admin") if s != ("write" if scope == "admin" else scope)]
        assert call(place, name, bodies[name]) == 401, name
        assert call(place, name, bodies[name], **administrator, scopes=others) == 403, name
        if scope == "admin":
            assert call(place, name, bodies[name], **administrator, scopes=["read", "write"]) == 403, name
            for given in (agent, {"user_id": place.world.lead.pk}, {"role": Role.LEAD}):
                assert call(place, name, bodies[name], **given) == 403, name
        if foreign:
            assert call(place, name, bodies[name], **agent) == 404, name
    assert state()[1:] == before
    client = signed_in(place.world.administrator)
    assert {
        client.get(f"/api/v1{place.address(n.split()[1][1:])}").status_code for n in API if n.startswith("GET")
    } == {401}
