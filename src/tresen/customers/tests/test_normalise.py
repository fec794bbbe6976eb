"""One spelling per identity."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tresen.customers.engine.normalise import NORMALISERS, lenient, normalise
from tresen.kernel.errors import Invalid

KINDS = [*NORMALISERS, "visitor", "external"]


@pytest.mark.parametrize(
    ("kind", "given_value", "value", "shown"),
    [
        ("email", " Anna.Berg@Example.ORG ", "anna.berg@example.org", "Anna.Berg@example.org"),
        ("email", "info@Müller.de", "info@xn--mller-kva.de", "info@müller.de"),
        ("email", "INFO@XN--MLLER-KVA.de", "info@xn--mller-kva.de", "INFO@müller.de"),
        ("email", "a@straße.de", "a@xn--strae-oqa.de", "a@straße.de"),
        ("email", "Jörg@example.org", "jörg@example.org", "Jörg@example.org"),
        ("email", "Jo\u0308rg@example.org", "jörg@example.org", "Jörg@example.org"),
        ("email", "o'neil+shop@mail.example.org", "o'neil+shop@mail.example.org", "o'neil+shop@mail.example.org"),
        ("email", "root@localhost", "root@localhost", "root@localhost"),
        ("phone", "0170 1234567", "+491701234567", "+49 170 1234567"),
        ("phone", "+49 (0)30 23125-000", "+493023125000", "+49 30 23125000"),
        ("phone", "0049 170 1234567", "+491701234567", "+49 170 1234567"),
        ("phone", "tel:+43-1-5880-1234", "+43158801234", "+43 1 58801234"),
        ("sms", "+1 202-555-0143", "+12025550143", "+1 202-555-0143"),
        ("whatsapp", "491701234567", "+491701234567", "+49 170 1234567"),
        ("whatsapp", "+491701234567", "+491701234567", "+49 170 1234567"),
        ("fax", "030/23125-001", "+493023125001", "+49 30 23125001"),
        ("visitor", " v12AB ", "v12AB", "v12AB"),
        ("external", "shop:Zoe\u0308", "shop:Zoë", "shop:Zoë"),
    ],
)
def test_one_spelling(kind: str, given_value: str, value: str, shown: str) -> None:
    assert normalise(kind, given_value) == (value, shown)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", ""),
        ("email", "anna"),
        ("email", "@example.org"),
        ("email", "a@"),
        ("email", "a@b@example.org"),
        ("email", "a@example.org\r\nBcc: all@example.org"),
        ("email", "a\nb@example.org"),
        ("email", "a b@example.org"),
        ("email", "a,b@example.org"),
        ("email", "Anna <a@example.org>"),
        ("email", '"a b"@example.org'),
        ("email", "a@[192.0.2.1]"),
        ("email", "a@exa mple.org"),
        ("email", "a@-example.org"),
        ("email", "a@example..org"),
        ("email", ".a@example.org"),
        ("email", "a..b@example.org"),
        ("email", "a\u200b@example.org"),
        ("email", "ａ@example.org"),
        ("email", "a@example.org\u202e"),
        ("email", "a" * 65 + "@example.org"),
        ("email", "a@" + "b." * 130 + "org"),
        ("phone", "call me"),
        ("phone", "12"),
        ("phone", "0" * 41),
        ("sms", "22922"),
        ("whatsapp", "shop"),
        ("visitor", " \t"),
        ("visitor", "a\x00b"),
        ("visitor", "v" * 321),
    ],
)
def test_nonsense_is_refused(kind: str, value: str) -> None:
    with pytest.raises(Invalid) as raised:
        normalise(kind, value)
    assert raised.value.field == "value"


@pytest.mark.parametrize("kind", ["", "E-Mail", "1a", "a b", "ä", "a" * 41])
def test_kinds_are_short_words(kind: str) -> None:
    with pytest.raises(Invalid) as raised:
        normalise(kind, "a@example.org")
    assert raised.value.field == "kind"


def test_a_foreign_script_cannot_imitate_a_domain() -> None:
    imitation = normalise("email", "info@аррӏе.com")
    assert imitation.shown == imitation.value == "info@xn--80ak6aa92e.com"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("email", "undisclosed recipients", ("email", ("undisclosed recipients", "undisclosed recipients"))),
        ("email", "Anna@exa\u200bmple.org", ("email", ("anna@example.org", "Anna@example.org"))),
        ("sms", " DHL\x00 ", ("sms", ("DHL", "DHL"))),
        ("No kind!", "x", ("unknown", ("x", "x"))),
        ("email", "\u200b \x00", None),
    ],
)
def test_what_came_is_kept_readable(kind: str, value: str, expected: object) -> None:
    assert lenient(kind, value) == expected


@given(st.sampled_from(KINDS), st.text(max_size=60))
@example("email", "İ@example.org")
@example("email", "ǅ@x.de")
@example("phone", "+49 170 1234567;ext=5")
def test_a_normalised_value_stays_as_it_is(kind: str, value: str) -> None:
    try:
        normal = normalise(kind, value)
    except Invalid:
        return
    assert normalise(kind, normal.value).value == normal.value
    assert normalise(kind, normal.shown).value == normal.value
    assert 0 < len(normal.value) <= 320
    assert "\n" not in normal.value


LOCAL = st.text("abcxyzABC019.!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=20)


@given(LOCAL, st.lists(st.from_regex(r"[a-z0-9]{1,9}", fullmatch=True), min_size=1, max_size=4))
def test_an_address_is_read_whatever_its_case(local: str, labels: list[str]) -> None:
    address = f"{local}@{'.'.join(labels)}"
    try:
        normal = normalise("email", address)
    except Invalid:
        assert local.startswith(".") or local.endswith(".") or ".." in local
        return
    assert normal.value == address.lower()
    assert normalise("email", f" {address.upper()} ").value == normal.value


@given(st.text(max_size=20), st.text(max_size=400))
def test_a_message_is_never_lost_for_its_sender(kind: str, value: str) -> None:
    kept = lenient(kind, value)
    if kept is not None:
        kind, normal = kept
        assert 0 < len(normal.value) <= 320
        assert lenient(kind, normal.value) == (kind, lenient(kind, normal.value)[1])
        assert "\x00" not in normal.value + normal.shown
