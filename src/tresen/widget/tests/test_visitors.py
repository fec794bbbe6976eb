"""What visitors may read and do: their own conversations, whole, and nothing else."""

from __future__ import annotations

import base64
import logging
from datetime import timedelta

import jwt
import pytest

from tresen.conversations import actions
from tresen.conversations.actions import Draft
from tresen.conversations.models import Conversation, Message
from tresen.customers.models import Identity
from tresen.kernel import clock, wake
from tresen.kernel.models import Event
from tresen.widget.models import ResumeCode
from tresen.widget.tests.conftest import switch_off

pytestmark = pytest.mark.django_db


def identity(site, subject="42", **changes):
    now = int(clock.now().timestamp())
    claims = {"aud": site.view.key, "sub": subject, "jti": "1", "exp": now + 600, "email": f"{subject}@kunde.test"}
    return jwt.encode(claims | changes, site.view.secrets["identity_secret"], algorithm="HS256")


def test_a_chat_from_the_first_word_to_the_read_answer(chat, agent):
    session = chat.session(language="de")
    assert session["conversation"] is None and session["resumed"] is False
    assert session["config"]["online"] is True
    token = session["token"]
    uuid = chat.write(token, "Meine Maschine steht.")
    listed = chat.call("messages", token=token).json()
    (own,) = listed["items"]
    assert (own["uuid"], own["delivery"], own["direction"]) == (uuid, "stored", "in")
    assert listed["wait"] == {"position": 1, "low": None, "high": None}

    row = Conversation.objects.get()
    actions.take(agent, row.pk)
    actions.mark_seen(agent, row.pk, 1)
    actions.note(agent, row.pk, Draft("Kunde klingt verärgert"))
    actions.reply(agent, row.pk, Draft("Guten Tag!"))
    listed = chat.call("messages", token=token).json()
    assert [(m["direction"], m["text"], m["author"]) for m in listed["items"]] == [
        ("in", "Meine Maschine steht.", ""),
        ("out", "Guten Tag!", "Mara Lindt"),
    ]
    assert listed["items"][0]["delivery"] == "read"
    assert listed["conversation"]["assignee_name"] == "Mara Lindt" and listed["wait"] is None

    assert chat.call("read", {"seq": 99}, token).json() == {"read": 1}
    assert chat.call("read", {"seq": 99}, token).json() == {"read": 0}
    assert Message.objects.get(direction="out").delivery == "read"
    assert b"mara@bohne.test" not in chat.call("messages", token=token).content


def test_after_gives_only_what_is_new(chat, agent):
    token = chat.session()["token"]
    chat.write(token, "eins")
    chat.write(token, "zwei")
    after = chat.call("messages?after=1", token=token).json()["items"]
    assert [m["text"] for m in after] == ["zwei"]
    assert chat.call("messages?after=x", token=token).status_code == 422


def test_a_stranger_reads_nothing_of_it(chat, site, agent):
    anna, ben = chat.session()["token"], chat.session()["token"]
    picture = {"name": "a.txt", "type": "text/plain", "base64": base64.b64encode(b"geheim").decode()}
    chat.write(anna, "nur für Anna", attachments=[picture])
    actions.reply(agent, Conversation.objects.get().pk, Draft("auch nur für Anna"))
    url = chat.call("messages", token=anna).json()["items"][0]["attachments"][0]["url"]
    path = url.removeprefix(f"/widget/{chat.view.key}/")
    assert chat.call(path, token=anna).content == b"geheim"
    assert chat.texts(ben) == [] and chat.session(token=ben)["conversation"] is None
    assert chat.call(path, token=ben).status_code == 404
    assert chat.call("read", {"seq": 99}, ben).json() == {"read": 0}
    assert chat.call("code", {}, ben).status_code == 409
    other = site()
    assert other.call("messages", token=anna).status_code == 401
    assert other.call(path, token=anna).status_code == 401


def test_files_are_only_ever_downloads(chat):
    token = chat.session()["token"]
    page = {"name": "x.html", "type": "text/html", "base64": base64.b64encode(b"<script>1</script>").decode()}
    chat.write(token, "", attachments=[page])
    url = chat.call("messages", token=token).json()["items"][0]["attachments"][0]["url"]
    answer = chat.client.get(url, headers={"Authorization": f"Bearer {token}"})
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"] and answer["X-Content-Type-Options"] == "nosniff"


def test_mail_in_the_same_conversation_stays_out_of_the_chat(chat, site, agent):
    token = chat.session()["token"]
    chat.write(token, "im Chat")
    row = Conversation.objects.get()
    form = site("form")
    shown = set(chat.texts(token))
    Message.objects.create(
        conversation=row, seq=9, direction="out", channel_id=form.view.id, text="per Mail", author="Mara"
    )
    assert set(chat.texts(token)) == shown == {"im Chat"}


def test_earlier_conversations_stay_readable_but_not_those_of_another_browser(chat, agent):
    token, other = chat.session()["token"], chat.session()["token"]
    chat.write(token, "damals")
    first = Conversation.objects.get()
    chat.write(other, "anderes Gerät")
    second = Conversation.objects.exclude(pk=first.pk).get()
    actions.reply(agent, second.pk, Draft("Antwort dorthin"))
    actions.change_customer(agent, second.pk, first.customer_id)
    first.threads.all().delete()  # the thread went on in a newer conversation
    chat.write(token, "heute")
    assert chat.texts(token) == ["damals", "heute"]
    assert chat.texts(other) == ["anderes Gerät", "Antwort dorthin"]


def test_a_signed_person_finds_the_conversation_on_every_device(chat, agent):
    first = chat.session(identity=identity(chat))
    assert first["identified"] is True
    chat.write(first["token"], "vom Telefon")
    second = chat.session(identity=identity(chat))
    assert second["visitor"] == first["visitor"] and second["conversation"]["id"] == Conversation.objects.get().pk
    assert chat.texts(second["token"]) == ["vom Telefon"]
    assert chat.texts(chat.session(identity=identity(chat, "43"))["token"]) == []
    known = set(Identity.objects.values_list("kind", "value", "assurance"))
    assert ("email", "42@kunde.test", "signed") in known


def test_signing_in_keeps_what_was_written_before(chat):
    anonymous = chat.session()["token"]
    chat.write(anonymous, "noch unbekannt")
    signed = chat.session(identity=identity(chat), token=anonymous)
    assert chat.texts(signed["token"]) == ["noch unbekannt"]
    chat.write(signed["token"], "jetzt bekannt")
    assert Conversation.objects.count() == 1
    assert chat.texts(signed["token"]) == ["noch unbekannt", "jetzt bekannt"]
    somebody_else = chat.session(identity=identity(chat, "43"), token=signed["token"])
    assert chat.texts(somebody_else["token"]) == []


@pytest.mark.parametrize("changes", [{"aud": "other"}, {"exp": 1}, {"exp": 2**33}, {"sub": ""}], ids=str)
def test_an_identity_that_does_not_hold_gives_no_session(chat, changes):
    answer = chat.call("session", {"identity": identity(chat, **changes)})
    assert answer.status_code == 401
    assert answer.json()["field"] == "identity" and answer.json()["detail"] == ""
    assert "token" not in answer.json()


def test_an_old_token_is_exchanged_for_a_while_and_opens_nothing_by_itself(chat, frozen_clock):
    session = chat.session()
    chat.write(session["token"], "hallo")
    clock.advance(timedelta(hours=2))
    assert chat.call("messages", token=session["token"]).status_code == 401
    again = chat.session(token=session["token"])
    assert again["visitor"] == session["visitor"] and again["resumed"] is True
    assert chat.texts(again["token"]) == ["hallo"]
    clock.advance(timedelta(days=40))
    assert chat.session(token=again["token"])["visitor"] != session["visitor"]


def test_a_code_carries_the_conversation_once(chat):
    token = chat.session()["token"]
    chat.write(token, "am Rechner")
    made = chat.call("code", {}, token).json()
    assert made["url"].endswith(f"/widget/{chat.view.key}/chat#tresen={made['code']}")
    assert not ResumeCode.objects.filter(digest__contains=made["code"]).exists()
    typed = f"{made['code'][:4].lower()} {made['code'][4:]}"
    assert chat.texts(chat.session(code=typed)["token"]) == ["am Rechner"]
    used = chat.call("session", {"code": made["code"]})
    assert (used.status_code, used.json()["field"]) == (422, "code")


def test_a_code_ends_and_cannot_be_tried_for_long(chat, site, frozen_clock):
    token = chat.session()["token"]
    chat.write(token, "x")
    code = chat.call("code", {}, token).json()["code"]
    assert site().call("session", {"code": code}).status_code == 422
    clock.advance(timedelta(minutes=10))
    assert chat.call("session", {"code": code}).status_code == 422
    tried = [chat.call("session", {"code": "ABCD2345"}).status_code for _ in range(20)]
    assert tried[-1] == 429


def test_typing_is_passed_on_and_never_stored(chat, monkeypatch):
    news = []
    monkeypatch.setattr(wake, "pass_on", news.append)
    token = chat.session()["token"]
    assert chat.call("typing", {}, token).status_code == 200 and news == []
    chat.write(token, "x", name="Anna", email="anna@kunde.test")
    before = Event.objects.count()
    chat.call("typing", {}, token)
    assert news == [{"kind": "typing", "conversation_id": Conversation.objects.get().pk, "author": "Anna"}]
    assert Event.objects.count() == before


def test_an_absent_team_is_not_called_present(chat):
    session = chat.session()
    assert session["config"]["online"] is False
    assert chat.call("messages", token=session["token"]).json()["online"] is False


def test_a_channel_that_is_switched_off_is_gone(chat):
    token = chat.session()["token"]
    switch_off(chat)
    for answer in (
        chat.call("session", {}),
        chat.call("messages", token=token),
        chat.client.get(f"/widget/{chat.view.key}.js"),
    ):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        ({"language": 7}, "language"),
        ({"token": "x" * 5000}, "token"),
        (b"x" * 20_000, "body"),
    ],
    ids=["broken", "list", "number", "long", "huge"],
)
def test_a_hostile_session_request_names_the_field(chat, body, field):
    answer = chat.call("session", body)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_no_token_reaches_the_log(chat, caplog):
    caplog.set_level(logging.DEBUG)
    token = chat.session(identity=identity(chat))["token"]
    chat.call("messages", token=token)
    chat.call("messages", token=token[:-4] + "AAAA")
    chat.call("session", {"token": token, "identity": "a.b.c"})
    for secret in (token.rsplit(".", 1)[1], "Bearer", chat.view.secrets["identity_secret"]):
        assert secret not in caplog.text
