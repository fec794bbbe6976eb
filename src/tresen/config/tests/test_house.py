"""The house as a whole: reactions, jobs, error pages, health, first start."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace

import pytest
from django.core import mail
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from rich.console import Console

from tresen.accounts import actions as accounts
from tresen.accounts.models import Role, User
from tresen.accounts.tests.people import staff
from tresen.accounts.tokens import principal_of_token
from tresen.config import health, jobs, serving
from tresen.config.middleware import PlainErrors
from tresen.config.subscriptions import SUBSCRIPTIONS
from tresen.conversations.models import Channel
from tresen.kernel import db, settings
from tresen.kernel.errors import Conflict, NotFound
from tresen.kernel.jobs import REGISTRY
from tresen.kernel.journal import Payload
from tresen.kernel.models import StoredSetting
from tresen.kernel.public import PUBLIC_URL
from tresen.kernel.tests.threads import together


def kinds(base: type[Payload] = Payload) -> set[str]:
    """All kinds of events that any room can write."""
    found = set()
    for one in base.__subclasses__():
        found |= {one.kind} if one.__module__.endswith(".events") else set()
        found |= kinds(one)
    return found


def test_every_reaction_has_a_name_of_its_own_and_waits_for_something_that_happens():
    names = [s.name for s in SUBSCRIPTIONS]
    assert len(names) == len(set(names))
    known = kinds()
    assert {"message.created", "conversation.queued", "presence.changed"} <= known
    for subscription in SUBSCRIPTIONS:
        assert subscription.kinds
        assert subscription.kinds <= known, subscription.name


def test_every_room_s_jobs_are_registered():
    assert jobs.__all__
    assert {"channels.deliver", "channels.forget_raw_receipts", "routing.sweep"} <= set(REGISTRY)
    assert all(kind.lease > 0 and kind.attempts > 0 for kind in REGISTRY.values())


def request(path: str = "/desk/", accept: str = "text/html") -> HttpRequest:
    one = HttpRequest()
    one.path, one.META["HTTP_ACCEPT"] = path, accept
    return one


def handled(error: Exception, one: HttpRequest) -> HttpResponse | None:
    return PlainErrors(lambda _request: HttpResponse()).process_exception(one, error)


@pytest.mark.parametrize(("error", "status"), [(NotFound("no such thing"), 404), (Conflict("too late"), 409)])
def test_expected_errors_have_their_status_in_words_or_as_a_problem(error: Exception, status: int):
    page = handled(error, request())
    assert page is not None
    assert (page.status_code, page["content-type"]) == (status, "text/plain; charset=utf-8")
    for one in (request(accept="application/json"), request("/api/v1/x")):
        found = handled(error, one)
        assert found is not None
        assert (found.status_code, found["content-type"]) == (status, "application/problem+json")


def test_a_database_that_is_away_is_said_so_without_its_address():
    found = handled(OperationalError("connection to 10.0.0.5 refused"), request())
    assert found is not None
    assert (found.status_code, found["retry-after"]) == (503, "5")
    assert b"10.0.0.5" not in found.content
    assert handled(ZeroDivisionError(), request()) is None


@pytest.mark.django_db
def test_pages_have_the_strict_policy_and_are_kept_by_no_cache():
    page = Client().get("/account/login/")
    assert page.status_code == 200
    policy = page["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert page["x-content-type-options"] == "nosniff"
    assert "no-store" in page["cache-control"] and "private" in page["cache-control"]


@pytest.mark.django_db
def test_a_request_cannot_choose_where_a_link_in_a_mail_leads():
    user = staff("Ada")
    user.set_password("correct horse battery")
    user.save()
    asking = Client(headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert asking.post("/account/password/reset/", {"email": user.email}).status_code == 302
    (letter,) = mail.outbox
    assert "evil.example" not in letter.body
    assert f"{settings.get(PUBLIC_URL)}/account/password/reset/key/" in letter.body


@pytest.mark.django_db
def test_even_without_a_database_a_page_says_what_is_wrong(monkeypatch: pytest.MonkeyPatch):
    """The middleware reads settings: what held until now holds on."""
    moment = 1000.0
    monkeypatch.setattr(settings.time, "monotonic", lambda: moment)
    client = Client(raise_request_exception=False)
    client.get("/account/login/")

    def away(*_args: object, **_more: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(StoredSetting.objects, "values_list", away)
    moment = 2000.0
    assert client.get("/account/login/").status_code == 200


class Hub:
    def __init__(self, failing: float = 0.0) -> None:
        self.failing = failing

    def failing_for(self) -> float:
        return self.failing

    def stats(self) -> SimpleNamespace:
        return SimpleNamespace(streams=3)


def doctor(failing: float = 0.0, **faults: str) -> health.Health:
    crew = SimpleNamespace(faults=lambda: faults)
    return health.Health(crew, Hub(failing), SimpleNamespace(waiting=2))  # type: ignore[arg-type]


@pytest.mark.django_db
def test_readiness_names_what_does_not_fare_well(monkeypatch: pytest.MonkeyPatch):
    assert doctor().ready()[0] == 200
    status, body = doctor(journal="OperationalError: secret host").ready()
    assert (status, body["faults"]) == (503, ["journal"])
    assert "secret" not in str(body)
    assert doctor(failing=11).ready()[0] == 503
    monkeypatch.setattr(health.jobs, "lag", lambda: 301.0)
    assert doctor().ready()[0] == 503
    monkeypatch.undo()

    def away() -> float:
        raise OperationalError("connection to 10.0.0.5 refused")

    monkeypatch.setattr(health.jobs, "lag", away)
    monkeypatch.setattr(health, "connection", SimpleNamespace(cursor=health.connection.cursor, close=lambda: None))
    status, body = doctor().ready()
    assert (status, body) == (503, {"status": "unavailable", "database": "away"})


@pytest.mark.django_db
def test_metrics_are_prometheus_text():
    text = doctor().metrics().decode()
    for name, value in (("streams_open", 3), ("receipts_unwritten", 2), ("jobs_parked", 0), ("loops_faulty", 0)):
        assert re.search(rf"^tresen_{name} {value}\.0$", text, re.M), name


def started() -> str:
    output = io.StringIO()
    serving.prepare(Console(file=output, soft_wrap=True), demo=False, port=8123)
    return output.getvalue()


@pytest.mark.django_db(transaction=True)
def test_the_first_start_gives_a_link_that_works_once():
    first = started()
    (secret,) = re.findall(r"http://localhost:8123/desk/start/(\S+)", first)
    accounts.first_administrator(secret, email="boss@shop.example", name="Boss", password="correct horse battery")
    assert User.objects.get().role == Role.ADMINISTRATOR
    again = started()
    assert "/desk/start/" not in again
    assert "http://localhost:8123" in again
    assert Channel.objects.filter(kind="logged").count() == 1


@pytest.mark.django_db(transaction=True)
def test_processes_that_start_at_once_prepare_one_house():
    together(started, started, started)
    assert Channel.objects.filter(kind="logged").count() == 1


@pytest.mark.django_db
def test_tokens_from_the_command_line():
    text = serving.make_token(name="t", role="lead", email="")
    found = principal_of_token(text)
    assert found is not None and (found[0].role, found[0].user_id) == ("lead", None)
    user = staff("Ada")
    personal = principal_of_token(serving.make_token(name="t", role="agent", email=user.email.upper()))
    assert personal is not None and personal[0].user_id == user.pk
    with pytest.raises(SystemExit):
        serving.make_token(name="t", role="agent", email="nobody@shop.example")


def test_several_processes_are_refused_on_sqlite(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(db, "is_postgresql", lambda: False)
    with pytest.raises(SystemExit, match="PostgreSQL"):
        serving.need_postgresql()
    monkeypatch.setattr(db, "is_postgresql", lambda: True)
    serving.need_postgresql()
