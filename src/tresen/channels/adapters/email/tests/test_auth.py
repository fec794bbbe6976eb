"""Whose word counts about a sender."""

from __future__ import annotations

import base64

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tresen.channels.adapters.email.engine import auth
from tresen.channels.adapters.email.tests.helpers import mail, raw, read
from tresen.channels.contract import Assurance

MX = "mx.bohne.test"


def results(*values: str, **named: str) -> auth.Verdict:
    return auth.verdict(mail(*(f"Authentication-Results: {v}" for v in values), **named), authserv_id=MX)


PROVED = {
    "dmarc": (f"{MX}; dmarc=pass (p=reject) header.from=kunde.test",),
    "dkim of the domain": (f"{MX}; dkim=pass header.d=kunde.test header.s=s1; spf=fail smtp.mailfrom=x@evil.test",),
    "dkim by identity": (f"{MX}; dkim=pass header.i=@kunde.test",),
    "spf": (f"{MX}; spf=pass smtp.mailfrom=kim@kunde.test",),
    "spf of the parent for a sub-domain is aligned": (f"{MX}; spf=pass smtp.mailfrom=kim@kunde.test",),
    "several headers": (f"{MX}; spf=fail smtp.mailfrom=x@y.test", f"{MX}; dkim=pass header.d=kunde.test"),
    "folded": (f"{MX};\r\n\tdmarc=pass\r\n\theader.from=kunde.test",),
}
CLAIMED = {
    "nothing": (),
    "another server": ("mx.evil.test; dmarc=pass header.from=kunde.test",),
    "similar name": ("mx.bohne.test.evil.test; dmarc=pass header.from=kunde.test",),
    "fail": (f"{MX}; dmarc=fail header.from=kunde.test; dkim=pass header.d=kunde.test",),
    "pass of another From": (f"{MX}; dmarc=pass header.from=evil.test",),
    "dkim of another domain": (f"{MX}; dkim=pass header.d=evil.test",),
    "dkim of a sub-domain": (f"{MX}; dkim=pass header.d=user.kunde.test",),
    "dkim of a top-level domain": (f"{MX}; dkim=pass header.d=test",),
    "dkim of a look-alike": (f"{MX}; dkim=pass header.d=xkunde.test",),
    "planted below the real one": (
        f"{MX}; dmarc=fail header.from=kunde.test",
        f"{MX}; dmarc=pass header.from=kunde.test",
    ),
    "rubbish": (f"{MX}; dmarc=", ";;;", "(" * 500),
    "pass in a comment": (f"{MX}; dmarc=none (dmarc=pass header.from=kunde.test)",),
}


@pytest.mark.parametrize("name", PROVED)
def test_proved(name: str) -> None:
    assert results(*PROVED[name]).assurance is Assurance.PROVED


@pytest.mark.parametrize("name", CLAIMED)
def test_claimed(name: str) -> None:
    assert results(*CLAIMED[name]).assurance is Assurance.CLAIMED


def test_without_a_trusted_server_no_header_counts() -> None:
    forged = mail(f"Authentication-Results: {MX}; dmarc=pass header.from=kunde.test")
    assert auth.verdict(forged).assurance is Assurance.CLAIMED


@pytest.mark.parametrize("name", [", b@kunde.test", ", kim@evil.test"])
def test_two_senders_are_never_proved(name: str) -> None:
    verdict = results(f"{MX}; dmarc=pass header.from=kunde.test", **{"from": f"kim@kunde.test{name}"})
    assert verdict.assurance is Assurance.CLAIMED and verdict.failed


def test_a_forged_sender_is_told() -> None:
    content = raw(f"Authentication-Results: {MX}; dmarc=fail header.from=kunde.test")
    event = read(content, authserv_id=MX)
    assert event.meta["warnings"] == ["sender_forged"]
    assert event.meta["authentication"] == "dmarc=fail (kunde.test)"


@pytest.fixture(scope="module")
def keys() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def signed(content: bytes, private: bytes, domain: bytes = b"kunde.test", **options: object) -> bytes:
    return dkim.sign(content, b"s1", domain, private, include_headers=[b"from", b"to", b"subject"], **options) + content


def test_dkim_is_checked_against_dns(keys: tuple[bytes, bytes]) -> None:
    private, record = keys
    asked = []

    def dns(name: bytes, timeout: float = 0) -> bytes:
        asked.append(name)
        return record

    content = signed(raw(), private)
    assert auth.dkim_domains(content, dns) == ("kunde.test",)
    assert asked == [b"s1._domainkey.kunde.test."]
    event = read(content, headers={"x-dkim-domains": "kunde.test"})
    assert event.sender is not None and event.sender.assurance is Assurance.PROVED
    assert event.meta["authentication"] == "dkim=pass (kunde.test)"


@pytest.mark.parametrize(
    "change",
    [(b"Hallo", b"Hullo"), (b"kim@kunde.test", b"eva@kunde.test"), (b"Subject: Frage", b"Subject: Frage!")],
)
def test_a_changed_mail_is_not_signed(keys: tuple[bytes, bytes], change: tuple[bytes, bytes]) -> None:
    private, record = keys
    assert auth.dkim_domains(signed(raw(), private).replace(*change), lambda name, timeout=0: record) == ()


def test_partial_signatures_absent_keys_and_rubbish_do_not_count(keys: tuple[bytes, bytes]) -> None:
    private, record = keys
    partly = signed(raw(), private, length=True)
    assert b"l=" in partly
    assert auth.dkim_domains(partly, lambda name, timeout=0: record) == ()
    assert auth.dkim_domains(signed(raw(), private), lambda name, timeout=0: None) == ()
    for rubbish in (
        b"",
        b"DKIM-Signature: x\r\n\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=\xff\r\n\r\nx",
        b"\xff\xfe",
    ):
        assert auth.dkim_domains(rubbish, lambda name, timeout=0: record) == ()


def test_a_signature_of_somebody_else_proves_nothing_about_the_sender(keys: tuple[bytes, bytes]) -> None:
    event = read(raw(), headers={"x-dkim-domains": "evil.test newsletter.example"})
    assert event.sender is not None and event.sender.assurance is Assurance.CLAIMED
