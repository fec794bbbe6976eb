"""Calls the API as an integration does."""

from __future__ import annotations

import json
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.test import Client

from tresen.accounts.actions import create_token
from tresen.accounts.models import Role, User
from tresen.accounts.tests.people import SETUP
from tresen.kernel import db, settings
from tresen.kernel.public import PUBLIC_URL


class Api:
    """A client with a token; `status` checks the answer before it is read."""

    def __init__(self, token: str = "") -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.client = Client(raise_request_exception=False, headers=headers)

    def answer(self, method: str, path: str, body: Any = None) -> HttpResponse:
        """The answer as it is; what a refused request wrote is rolled back, as without the test's transaction."""
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        settings.get(PUBLIC_URL)  # read by the middleware, which must not ask in what a refusal has rolled back
        with db.atomic(savepoint=True):
            answer: HttpResponse = self.client.generic(method, f"/api/v1{path}", content, "application/json")
            transaction.set_rollback(answer.status_code >= 400)
        return answer

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The parsed answer, which must have this status."""
        answer = self.answer(method, path, body)
        shown = answer.content.decode()[:300]
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {shown}"
        found = json.loads(answer.content) if answer.content else None
        if status >= 400:
            assert answer["content-type"] == "application/problem+json", shown
            assert (found["type"], found["status"]) == ("about:blank", status)
        return found

    def get(self, path: str, status: int = 200) -> Any:
        return self.call("GET", path, None, status)

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        return self.call("POST", path, {} if body is None else body, status)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self.call("PUT", path, body, status)


def administrator(*scopes: str) -> Api:
    """A token with all rights, or with some scopes only."""
    return Api(create_token(SETUP, name="tests", role=Role.ADMINISTRATOR, scopes=list(scopes) or None)[1])


def integration(role: str = Role.AGENT) -> Api:
    """A token without a person."""
    return Api(create_token(SETUP, name="tests", role=role)[1])


def person(user: User, *scopes: str) -> Api:
    """A token that acts as somebody."""
    return Api(create_token(SETUP, name="tests", user_id=user.pk, scopes=list(scopes) or None)[1])
