"""Forged, foreign, stale and malformed tokens open nothing."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.channels.adapters.webchat import tokens
from tresen.channels.adapters.webchat.tokens import Identity, TokenError, Visitor

SECRET = "x" * 48
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ANNA = Identity("42", "anna@example.org", "Anna")


def part(content: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def identity_token(secret: str = SECRET, algorithm: str = "HS256", **changes: object) -> str:
    claims: dict[str, object] = {"aud": "k1", "sub": "42", "jti": "1", "exp": int(NOW.timestamp()) + 600}
    claims |= {"email": "anna@example.org", "name": "Anna", **changes}
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, secret, algorithm=algorithm)


def test_a_token_gives_back_what_was_issued():
    issued = Visitor("v1", ANNA, ("v0",), "de")
    read = tokens.read(SECRET, "k1", tokens.issue(SECRET, "k1", issued, NOW), NOW)
    assert (read.id, read.identity, read.previous, read.language) == ("v1", ANNA, ("v0",), "de")
    assert read.expires_at == NOW + tokens.ACCESS


def test_every_altered_character_is_noticed():
    token = tokens.issue(SECRET, "k1", Visitor("v1"), NOW)
    for i, char in enumerate(token):
        # The last character of base64url carries unused bits: change the one before it instead.
        if i == len(token) - 1:
            continue
        forged = token[:i] + ("A" if char != "A" else "B") + token[i + 1 :]
        with pytest.raises(TokenError):
            tokens.read(SECRET, "k1", forged, NOW)


@pytest.mark.parametrize(
    ("secret", "audience", "at"),
    [("y" * 48, "k1", NOW), (SECRET, "k2", NOW), (SECRET, "k1", NOW + tokens.ACCESS), ("", "k1", NOW)],
    ids=["other secret", "other channel", "expired", "no secret"],
)
def test_a_token_holds_for_its_channel_and_time(secret, audience, at):
    token = tokens.issue(SECRET, "k1", Visitor("v1"), NOW)
    with pytest.raises(TokenError):
        tokens.read(secret, audience, token, at)


def test_renewing_does_not_prolong_what_the_host_site_vouched_for():
    token, at = tokens.issue(SECRET, "k1", Visitor("s1", ANNA), NOW), NOW
    for _ in range(12):
        at += timedelta(minutes=55)
        token = tokens.issue(SECRET, "k1", tokens.read(SECRET, "k1", token, at, renewing=True), at)
    with pytest.raises(TokenError):
        tokens.read(SECRET, "k1", token, NOW + timedelta(hours=12), renewing=True)


def test_a_token_from_the_future_is_refused():
    token = tokens.issue(SECRET, "k1", Visitor("v1"), NOW + timedelta(minutes=5))
    with pytest.raises(TokenError):
        tokens.read(SECRET, "k1", token, NOW)


def test_renewal_outlives_access_but_a_signed_person_proves_herself_sooner():
    plain = tokens.issue(SECRET, "k1", Visitor("v1"), NOW)
    signed = tokens.issue(SECRET, "k1", Visitor("s1", ANNA), NOW)
    late, later = NOW + timedelta(hours=13), NOW + timedelta(days=31)
    assert tokens.read(SECRET, "k1", plain, late, renewing=True).id == "v1"
    for token, at in ((signed, late), (plain, later)):
        with pytest.raises(TokenError):
            tokens.read(SECRET, "k1", token, at, renewing=True)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
def test_alg_none_is_refused(algorithm):
    claims = {
        "aud": "k1",
        "sub": "v1",
        "jti": "1",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
    }
    for signature in ("", "e30"):
        forged = f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}.{signature}"
        for reader in (tokens.read, tokens.read_identity):
            with pytest.raises(TokenError):
                reader(SECRET, "k1", forged, NOW)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_other_algorithms_are_refused_even_with_the_right_secret(algorithm):
    with pytest.raises(TokenError):
        tokens.read_identity("x" * 64, "k1", identity_token("x" * 64, algorithm), NOW)


def test_the_host_sites_identity_is_read():
    assert tokens.read_identity(SECRET, "k1", identity_token(), NOW) == ANNA


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "k2"},
        {"aud": ["k1", "k2"]},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "  "},
        {"sub": "4" * 256},
        {"jti": None},
        {"exp": None},
        {"exp": int(NOW.timestamp())},
        {"exp": int(NOW.timestamp()) + 2 * 3600},
        {"exp": "soon"},
        {"exp": 1e300},
        {"exp": True},
        {"nbf": int(NOW.timestamp()) + 300},
    ],
    ids=str,
)
def test_an_identity_that_lacks_or_stretches_a_claim_is_refused(changes):
    with pytest.raises((TokenError, TypeError)) as caught:
        tokens.read_identity(SECRET, "k1", identity_token(**changes), NOW)
    assert caught.type is TokenError or changes == {"aud": ["k1", "k2"]}


def test_a_visitor_token_is_no_identity_and_an_identity_no_visitor_token():
    """The two secrets differ; this holds even for one who configures the same secret twice."""
    with pytest.raises(TokenError):
        tokens.read(SECRET, "k1", identity_token(), NOW)


@given(st.text(max_size=200) | st.binary(max_size=80).map(lambda b: b.decode("latin-1")))
def test_any_text_is_refused_quietly(text):
    for reader in (tokens.read, tokens.read_identity):
        with pytest.raises(TokenError):
            reader(SECRET, "k1", text, NOW)
    assert isinstance(tokens.audience_of(text), str)


def test_an_error_says_nothing():
    with pytest.raises(TokenError) as caught:
        tokens.read("y" * 48, "k1", tokens.issue(SECRET, "k1", Visitor("v1"), NOW), NOW)
    assert str(caught.value) == "" and caught.value.__suppress_context__


def test_the_same_person_is_the_same_visitor_everywhere_and_another_channels_is_not():
    first = tokens.signed_visitor_id(SECRET, "k1", "42")
    assert first == tokens.signed_visitor_id(SECRET, "k1", "42")
    others = {tokens.signed_visitor_id(SECRET, "k2", "42"), tokens.signed_visitor_id(SECRET, "k1", "43")}
    assert first not in others and len(others) == 2


def test_signing_in_keeps_the_anonymous_conversation_but_never_that_of_another_person():
    anonymous, ben = Visitor("v1", None, ("v0",)), Visitor("s2", Identity("43"))
    anna = Visitor("s1", ANNA)
    assert anna.after(anonymous).ids == ("s1", "v1", "v0")
    assert anna.after(ben).ids == ("s1",)
    assert anna.after(None) == anna
    assert anna.after(Visitor("s1", ANNA, ("v1",))).ids == ("s1", "v1")


def test_codes_are_typed_as_people_type():
    code = tokens.new_code()
    assert len(code) == 8 and tokens.clean_code(f" {code[:4].lower()}-{code[4:]} ") == code
    assert tokens.clean_code("O0O0O0O0") == "" and tokens.clean_code("ABC") == ""
    assert tokens.hash_code(SECRET, "k1", code) != tokens.hash_code(SECRET, "k2", code)
