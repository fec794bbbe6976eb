"""The adapter against servers that say no, say it late, or die."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tresen.channels.adapters.email import health
from tresen.channels.adapters.email.account import account
from tresen.channels.adapters.email.adapter import EmailAdapter
from tresen.channels.adapters.email.engine.parse import parse
from tresen.channels.adapters.email.tests.helpers import TOKEN, channel, outbound, raw
from tresen.channels.adapters.email.tests.servers import HANG_UP, Smtp, smtp, tokens
from tresen.channels.adapters.email.transport import oauth, resolver
from tresen.channels.contract import ChannelView, EventType, RawReceipt, SendResult, SendState
from tresen.kernel import http

ADAPTER = EmailAdapter()
A, R, U = SendState.ACCEPTED, SendState.REJECTED, SendState.UNKNOWN


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def silent(name: str) -> list[str]:
        raise resolver.NoAnswer

    monkeypatch.setattr(resolver, "txt", silent)
    http.configure_exceptions(["127.0.0.0/8"])
    oauth.forget()
    yield
    http.configure_exceptions([])


def view(server: Smtp, **settings: object) -> ChannelView:
    return channel(out_port=server.port, out_security="none", **settings)


def send(server: Smtp, **fields: object) -> SendResult:
    return ADAPTER.send(view(server), outbound(**fields))


def test_accepted() -> None:
    with smtp() as server:
        result = send(server, bcc=("chef@bohne.test",), text=".\n..\nPunkt")
    assert (result.state, result.error, result.retry) == (A, "", False)
    assert result.external_ids[0].startswith(f"<{TOKEN}.") and result.external_ids[1].startswith("verp:")
    assert [s for s in server.seen if s.startswith("rcpt")] == ["rcpt TO:<kim@kunde.test>", "rcpt TO:<chef@bohne.test>"]
    (mail,) = server.mails
    assert mail.count(b"\r\n..\r\n...\r\nPunkt") == 1
    assert parse(mail.replace(b"\r\n..", b"\r\n.")).text == ".\n..\nPunkt"
    assert any(s.startswith("mail FROM:<service+b-") for s in server.seen)


@pytest.mark.parametrize(
    ("replies", "state", "retry"),
    [
        ({"CONNECT": "421 busy"}, R, True),
        ({"CONNECT": "554 go away"}, R, False),
        ({"CONNECT": HANG_UP}, R, True),
        ({"AUTH": "535 5.7.8 wrong password"}, R, False),
        ({"AUTH": "454 4.7.0 later"}, R, True),
        ({"MAIL": "550 5.7.1 not you"}, R, False),
        ({"MAIL": "452 4.3.1 disk full"}, R, True),
        ({"MAIL": HANG_UP}, R, True),
        ({"RCPT": "550 5.1.1 unknown user"}, R, False),
        ({"RCPT": "450 4.2.0 greylisted"}, R, True),
        ({"RCPT": HANG_UP}, R, True),
        ({"DATA": "554 no"}, R, False),
        ({"DATA": HANG_UP}, R, True),
        ({"dot": "552 5.3.4 too large"}, R, False),
        ({"dot": "451 4.3.0 try again"}, R, True),
        ({"dot": HANG_UP}, U, False),
        ({"QUIT": HANG_UP}, A, False),
    ],
)
def test_every_answer_at_every_step(replies: dict[str, str], state: SendState, retry: bool) -> None:
    with smtp(**replies) as server:
        result = send(server)
    assert (result.state, result.retry) == (state, retry)
    assert bool(result.error) == (state is not A)
    assert bool(result.external_ids) == (state is not R)
    assert "geheim" not in result.error
    assert len(server.mails) == int("dot" in replies or state is A)


def test_greylisting_waits() -> None:
    with smtp(RCPT="450 4.2.0 greylisted") as server:
        assert send(server).retry_after == 300


def test_one_refused_recipient_does_not_stop_the_others() -> None:
    with smtp(**{"RCPT TO:<WEG@KUNDE.TEST>": "550 5.1.1 unknown"}) as server:
        result = send(server, cc=("weg@kunde.test",))
    assert result.state is A and len(server.mails) == 1
    assert result.error == "weg@kunde.test: 550 5.1.1 unknown"


def test_a_temporary_refusal_among_final_ones_is_tried_again() -> None:
    replies = {"RCPT TO:<KIM@KUNDE.TEST>": "550 no", "RCPT TO:<EVA@KUNDE.TEST>": "451 later"}
    with smtp(**replies) as server:
        result = send(server, cc=("eva@kunde.test",))
    assert (result.state, result.retry) == (R, True) and server.mails == []


def test_nobody_there_and_nobody_to_write_to() -> None:
    with smtp() as server:
        gone = view(server)
        assert ADAPTER.send(gone, outbound(to=())).error == "no valid recipient address"
        assert server.seen == []
    result = ADAPTER.send(gone, outbound())
    assert (result.state, result.retry) == (R, True)


def test_private_hosts_are_refused() -> None:
    http.configure_exceptions([])
    with smtp() as server:
        result = send(server)
        assert (result.state, result.retry) == (R, False)
        assert "not a public address" in result.error
        assert server.seen == []


def test_xoauth2_fetches_a_token_once_and_anew_after_a_refusal() -> None:
    answer = {"access_token": "ya29", "expires_in": 3600}
    with smtp() as server, tokens(answer) as provider:
        known = view(server, auth="xoauth2", token_url=provider.url, client_id="id")
        known = ChannelView(
            **{
                **{f: getattr(known, f) for f in known.__slots__},
                "secrets": {"refresh_token": "r&1", "client_secret": "s"},
            }
        )
        assert ADAPTER.send(known, outbound()).state is A
        assert ADAPTER.send(known, outbound()).state is A
        assert provider.asked == ["client_id=id&client_secret=s&grant_type=refresh_token&refresh_token=r%261"]
        assert "AUTH XOAUTH2 dXNlcj1zZXJ2aWNlQGJvaG5lLnRlc3QBYXV0aD1CZWFyZXIgeWEyOQEB" in server.seen
        server.replies["AUTH"] = "535 expired"
        assert ADAPTER.send(known, outbound()).state is R
        assert ADAPTER.send(known, outbound()).state is R
    assert len(provider.asked) == 2


def test_a_refused_grant_says_the_provider_s_reason() -> None:
    with smtp() as server, tokens({"error": "invalid_grant"}, 400) as provider:
        result = ADAPTER.send(view(server, auth="xoauth2", token_url=provider.url, client_id="id"), outbound())
    assert (result.state, result.retry) == (R, True)
    assert result.error == "OAuthFault: the token address answered 400 invalid_grant"


def test_parse_is_pure_and_total() -> None:
    receipt = RawReceipt(raw(), {"x-uid": "5"})
    (event,) = ADAPTER.parse(channel(), receipt)
    assert event.type is EventType.MESSAGE and event == next(iter(ADAPTER.parse(channel(), receipt)))
    (event,) = ADAPTER.parse(channel(address=""), RawReceipt(b"\xff\0"))
    assert event.type is EventType.MESSAGE


def test_aliases_are_our_own() -> None:
    view = channel(aliases="info@bohne.test\n\nHilfe@bohne.test")
    (event,) = ADAPTER.parse(view, RawReceipt(raw(cc="info@bohne.test, hilfe@bohne.test, kim2@kunde.test")))
    assert event.meta["cc"] == ["kim2@kunde.test"]


def test_check_names_what_is_wrong_and_how_to_mend_it() -> None:
    with smtp(AUTH="535 no") as server:
        view = channel(
            in_port=server.port, in_security="none", out_port=server.port, out_security="none", protocol="pop3"
        )
        found = {c.name: c for c in ADAPTER.check(view)}
    assert not found["POP3 log-in"].ok and found["POP3 log-in"].fix
    assert found["SMTP log-in"].fix.startswith("Check user name and password.")
    assert "geheim" not in repr(found)
    gone = {c.name: c for c in ADAPTER.check(view)}
    assert gone["SMTP log-in"].fix.startswith("Nothing listens there.")
    assert gone["SMTP log-in"].detail.startswith(f"127.0.0.1:{server.port}: ConnectionRefusedError")


@pytest.mark.parametrize(
    ("values", "secrets", "errors"),
    [
        ({}, {"password": "x"}, set()),
        ({"address": "service"}, {"password": "x"}, {"address"}),
        ({"in_host": "https://imap.example"}, {"password": "x"}, {"in_host"}),
        ({"in_host": ""}, {"password": "x"}, {"in_host"}),
        ({"in_port": "70000"}, {"password": "x"}, {"in_port"}),
        ({"out_security": "ssl"}, {"password": "x"}, {"out_security"}),
        ({"auth": "xoauth2"}, {}, {"token_url", "client_id"}),
        ({}, {}, {"password"}),
    ],
)
def test_validate(values: dict[str, object], secrets: dict[str, str], errors: set[str]) -> None:
    assert set(ADAPTER.validate(channel(**values).settings, secrets)) == errors


def test_what_dns_says_about_our_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    records = {"bohne.test": ["google-site=1", "v=spf1 mx -all"], "_dmarc.bohne.test": []}
    monkeypatch.setattr(resolver, "txt", records.__getitem__)
    spf, dmarc = health.dns_checks("bohne.test")
    assert (spf.name, spf.ok, spf.detail, spf.fix) == ("SPF", True, "v=spf1 mx -all", "")
    assert (dmarc.name, dmarc.ok) == ("DMARC", False)
    assert (dmarc.detail, dmarc.fix) == (
        "_dmarc.bohne.test",
        'Publish a TXT record for this name: "v=DMARC1; p=none".',
    )


def test_silent_dns_is_no_fault_of_the_mailbox() -> None:
    assert list(health.dns_checks("bohne.test")) == []


@pytest.mark.parametrize(("host", "told"), [("127.0.0.1", 0), ("1.1.1.1", 2)])
def test_unencrypted_mail_across_the_internet_is_told(host: str, told: int) -> None:
    known = account(channel(in_host=host, out_host=host, in_security="none", out_security="none"))
    found = [c for c in health._encryption(known) if not c.ok]
    assert len(found) == told
    assert not list(health._encryption(account(channel(in_host=host, out_host=host))))


def test_secrets_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with smtp(AUTH="535 no") as server:
        send(server)
    known = account(channel())
    assert "geheim" not in caplog.text and "geheim" not in repr(known) and known.in_login.password == "geheim"
