"""Signing in, and getting a new password, without telling strangers who works here."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from tresen.accounts import actions as accounts
from tresen.desk.tests.conftest import BY, PASSWORD, World


@pytest.mark.parametrize(("language", "heading"), [("de", "Anmelden"), ("en", "Sign in")])
def test_the_door_speaks_both_languages(client: Client, db: None, language: str, heading: str) -> None:
    page = client.get(reverse("account_login"), HTTP_ACCEPT_LANGUAGE=language).content.decode()
    assert f"<h1>{heading}</h1>" in page


def test_sign_in_leads_back_to_the_page_and_never_elsewhere(world: World, client: Client) -> None:
    form = {"login": "agent@tresen.example", "password": PASSWORD}
    wanted = "/desk/?view=all"
    assert client.post(reverse("account_login"), {**form, "next": wanted})["Location"] == wanted
    for evil in ("//evil.example", "https://evil.example/", "/\\evil.example"):
        assert Client().post(reverse("account_login"), {**form, "next": evil})["Location"] == "/desk/"


def test_wrong_passwords_unknown_and_inactive_people_get_one_answer(world: World, client: Client) -> None:
    def said(login: str, password: str) -> list[str]:
        page = client.post(reverse("account_login"), {"login": login, "password": password})
        assert page.status_code == 200
        return re.findall(r'role="alert"><p>([^<]+)', page.content.decode())

    accounts.change_user(BY, world.lead.pk, is_active=False)
    first = said("agent@tresen.example", "wrong words here")
    assert first
    assert said("nobody@tresen.example", PASSWORD) == first
    gone = client.post(reverse("account_login"), {"login": "lead@tresen.example", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert gone.status_code in (200, 302)


def test_a_new_password_by_mail(world: World, client: Client) -> None:
    answers = [
        client.post(reverse("account_reset_password"), {"email": e}) for e in ("agent@tresen.example", "x@y.example")
    ]
    assert {a["Location"] for a in answers} == {reverse("account_reset_password_done")}
    assert [message.to for message in mail.outbox] == [["agent@tresen.example"]]
    link = re.search(r"http://localhost:8000(/account/password/reset/key/\S+)", str(mail.outbox[0].body))
    assert link
    page = client.get(link[1], follow=True)
    fresh = "a wholly different sentence"
    done = client.post(page.request["PATH_INFO"], {"password1": fresh, "password2": fresh})
    assert done["Location"] == reverse("account_reset_password_from_key_done")
    assert b"been used or has expired" in Client(HTTP_ACCEPT_LANGUAGE="en").get(link[1], follow=True).content
    world.agent.refresh_from_db()
    assert world.agent.check_password(fresh)


def test_nobody_registers(client: Client, db: None) -> None:
    page = client.post(reverse("account_signup"), {"email": "eve@y.example", "password1": PASSWORD})
    assert b"<form" not in page.content.split(b"</main>")[0]
    for path in ("email/", "confirm-email/", "social/signup/"):
        assert client.get(f"/account/{path}").status_code == 404


def test_what_is_not_there_is_said_nicely(client: Client, db: None) -> None:
    answer = client.get("/nowhere/", HTTP_ACCEPT_LANGUAGE="de")
    assert answer.status_code == 404
    assert "Hier ist nichts" in answer.content.decode()
