"""Whose message is it? The matrix of what a sender shows and where the message lands (security: a believed sender)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tresen.customers import queries
from tresen.customers.actions import IdentityClaim, recognise, recognition
from tresen.customers.engine import claims
from tresen.customers.models import Customer, Identity
from tresen.customers.tests.facts import facts
from tresen.kernel import db
from tresen.kernel.errors import Unavailable

EMAIL, OTHER, VISITOR = ("email", "anna@example.org"), ("email", "ben@example.org"), ("visitor", "v1")


def meet(*shown: tuple[tuple[str, str], str], name: str = "", language: str = "") -> Customer:
    """A message whose sender shows ((kind, value), assurance) pairs."""
    identity_claims = [IdentityClaim(*key, assurance) for key, assurance in shown]
    return recognise(identity_claims, name=name, language=language, actor="channel:1")


def held(customer: Customer) -> list[tuple[str, str, str, bool]]:
    rows = Identity.objects.filter(customer=customer).order_by("id")
    return list(rows.values_list("kind", "value", "assurance", "anchor"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("claimed", "claimed", True),
        ("claimed", "proved", False),
        ("claimed", "signed", False),
        ("proved", "claimed", False),
        ("proved", "proved", True),
        ("proved", "signed", True),
        ("signed", "claimed", False),
        ("signed", "proved", True),
        ("signed", "signed", True),
    ],
)
def test_the_same_value_twice(first: str, second: str, same: bool) -> None:
    one, two = meet((EMAIL, first)), meet((EMAIL, second))
    assert (one.pk == two.pk) is same
    assert meet((EMAIL, first)).pk == one.pk
    assert meet((EMAIL, second)).pk == two.pk
    assert Customer.objects.count() == (1 if same else 2)


@pytest.mark.django_db
@pytest.mark.parametrize("typed_in", ["claimed"])
@pytest.mark.parametrize("mail", ["claimed", "proved"])
def test_a_typed_in_address_links_nobody(typed_in: str, mail: str) -> None:
    """A visitor types in a stranger's address: the stranger's mail must not land on the visitor, nor back."""
    visitor = meet((VISITOR, "proved"), (EMAIL, typed_in))
    assert held(visitor) == [("email", EMAIL[1], "claimed", False), ("visitor", "v1", "proved", True)]
    writer = meet((EMAIL, mail))
    assert writer.pk != visitor.pk
    assert meet((VISITOR, "proved"), (EMAIL, typed_in)).pk == visitor.pk
    assert meet((EMAIL, mail)).pk == writer.pk


@pytest.mark.django_db
def test_a_typed_in_address_does_not_lead_to_who_proved_it() -> None:
    owner = meet((EMAIL, "proved"))
    visitor = meet((VISITOR, "proved"), (EMAIL, "claimed"))
    assert visitor.pk != owner.pk
    assert facts("identity.contested") == []
    assert queries.possible_owner(visitor) == owner


@pytest.mark.django_db
@pytest.mark.parametrize("reply_to", ["claimed", "proved"])
def test_a_forged_sender_brings_nothing_along(reply_to: str) -> None:
    """From: the victim, merely claimed; a second address of the attacker never joins the victim's customer."""
    victim = meet((EMAIL, "proved"))
    attacker = meet((EMAIL, "claimed"), (OTHER, reply_to))
    assert attacker.pk != victim.pk
    assert held(victim) == [("email", EMAIL[1], "proved", True)]
    assert meet((OTHER, "proved")).pk != victim.pk


@pytest.mark.django_db
def test_a_claimed_sender_never_lands_on_one_who_proved_anything() -> None:
    meet((EMAIL, "claimed"), (VISITOR, "proved"))
    stranger = meet((EMAIL, "claimed"))
    assert not queries.has_proved_identity(stranger)
    assert held(stranger) == [("email", EMAIL[1], "claimed", True)]


@pytest.mark.django_db
def test_signing_in_joins_what_the_browser_proved() -> None:
    visitor = meet((VISITOR, "proved"), (EMAIL, "claimed"))
    signed_in = meet((("external", "shop:7"), "signed"), (VISITOR, "proved"), (EMAIL, "signed"))
    assert signed_in.pk == visitor.pk
    assert sorted(held(visitor)) == [
        ("email", EMAIL[1], "signed", True),
        ("external", "shop:7", "signed", True),
        ("visitor", "v1", "proved", True),
    ]
    assert [(kind, data["assurance"]) for kind, _c, data in facts("identity.raised", "identity.added")] == [
        ("identity.raised", "signed"),
        ("identity.added", "signed"),
    ]


@pytest.mark.django_db
def test_who_signs_in_on_a_strangers_browser_stays_herself() -> None:
    stranger = meet((VISITOR, "proved"))
    anna = meet((EMAIL, "proved"))
    before = len(facts())
    for _time in range(2):
        assert meet((VISITOR, "proved"), (EMAIL, "signed")).pk == anna.pk
    assert held(stranger) == [("visitor", "v1", "proved", True)]
    assert held(anna) == [("email", EMAIL[1], "signed", True), ("visitor", "v1", "claimed", False)]
    email, visitor = Identity.objects.filter(customer=anna).order_by("id")
    assert facts()[before:] == [
        ("identity.raised", anna.pk, {"identity_id": email.pk, "assurance": "signed"}),
        ("identity.contested", anna.pk, {"identity_id": visitor.pk, "owner_id": stranger.pk}),
    ]


@pytest.mark.django_db
def test_a_second_proved_value_is_added() -> None:
    anna = meet((EMAIL, "proved"))
    assert meet((EMAIL, "proved"), (OTHER, "proved")).pk == anna.pk
    assert meet((OTHER, "proved")).pk == anna.pk


@pytest.mark.django_db
def test_assurance_is_never_lowered() -> None:
    anna = meet((EMAIL, "signed"))
    meet((EMAIL, "proved"))
    meet((VISITOR, "proved"), (EMAIL, "signed"))
    meet((VISITOR, "proved"), (EMAIL, "claimed"))
    assert held(anna) == [("email", EMAIL[1], "signed", True), ("visitor", "v1", "proved", True)]


@pytest.mark.django_db
def test_what_a_new_customer_is_made_of() -> None:
    customer = meet((("email", " Anna@Müller.DE"), "proved"), name=" Anna \x00 Berg ", language="de-AT")
    customer.refresh_from_db()
    assert (customer.name, customer.language, customer.fields) == ("Anna Berg", "de", {})
    identity = Identity.objects.get()
    assert (identity.value, identity.shown) == ("anna@xn--mller-kva.de", "Anna@müller.de")
    assert facts() == [("customer.created", customer.pk, {"identities": [identity.pk]})]


@pytest.mark.django_db
def test_a_message_may_tell_the_name_once() -> None:
    meet((EMAIL, "proved"))
    for name, language in (("Anna", ""), ("Else", "en"), ("Other", "de")):
        customer = meet((EMAIL, "proved"), name=name, language=language)
    customer.refresh_from_db()
    assert (customer.name, customer.language) == ("Anna", "en")
    assert facts("customer.changed") == [
        ("customer.changed", customer.pk, {"fields": ["name"]}),
        ("customer.changed", customer.pk, {"fields": ["language"]}),
    ]


@pytest.mark.django_db
def test_senders_that_do_not_normalise_are_kept_as_claimed() -> None:
    one = meet((("email", "undisclosed sender"), "proved"))
    assert held(one) == [("email", "undisclosed sender", "claimed", True)]
    assert meet((("email", "undisclosed sender"), "proved")).pk == one.pk
    nobody = meet((("email", "\u200b"), "proved"), name="x" * 300)
    assert (held(nobody), nobody.name) == ([], "x" * 200)
    assert recognise([], name="", language="", actor="channel:1").pk not in (one.pk, nobody.pk)


@pytest.mark.django_db
def test_values_claimed_are_bounded() -> None:
    for number in range(60):
        customer = meet((VISITOR, "proved"), (("email", f"a{number}@example.org"), "claimed"))
    assert len(held(customer)) == claims.HELD_MAX
    meet(*[((f"k{n}", "x"), "proved") for n in range(30)])
    assert Identity.objects.exclude(customer=customer).count() == claims.CLAIMS_MAX


@pytest.mark.django_db
@pytest.mark.parametrize("shown", [[(EMAIL, "proved")], [(VISITOR, "proved"), (EMAIL, "claimed")]])
def test_queries(django_assert_num_queries: Any, shown: list[Any]) -> None:
    with django_assert_num_queries(4 + db.is_postgresql()):  # look, customer, identities, event; NOTIFY
        meet(*shown, name="Anna")
    with django_assert_num_queries(1):
        customer = meet(*shown, name="Anna", language="")
        assert (customer.name, customer.company_id) == ("Anna", None)


@pytest.mark.django_db
def test_the_second_of_two_at_once_finds_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL another transaction may commit between our look and our write."""
    first = meet((EMAIL, "proved"))
    look, stale = recognition._known, [({}, [])]
    monkeypatch.setattr(recognition, "_known", lambda wanted: stale.pop() if stale else look(wanted))
    assert meet((EMAIL, "proved")).pk == first.pk
    assert Customer.objects.count() == 1
    assert len(facts("customer.created")) == 1


@pytest.mark.django_db
def test_a_value_lost_at_the_last_moment_is_contested(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, anna = meet((OTHER, "proved")), meet((EMAIL, "proved"))
    look, looks = recognition._known, [1]

    def known(wanted: Any) -> Any:
        customers, rows = look(wanted)
        return (customers, [row for row in rows if row.customer_id != owner.pk] if looks and looks.pop() else rows)

    monkeypatch.setattr(recognition, "_known", known)
    assert meet((EMAIL, "signed"), (OTHER, "proved")).pk == anna.pk
    assert held(owner) == [("email", OTHER[1], "proved", True)]
    assert held(anna) == [("email", EMAIL[1], "signed", True), ("email", OTHER[1], "claimed", False)]
    assert len(facts("identity.contested")) == 1


@pytest.mark.django_db
def test_a_raise_lost_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    anna = meet((VISITOR, "proved"), (EMAIL, "claimed"))
    owner = meet((EMAIL, "proved"))
    look, looks = recognition._known, [1]

    def known(wanted: Any) -> Any:
        customers, rows = look(wanted)
        return (customers, [row for row in rows if row.customer_id != owner.pk] if looks and looks.pop() else rows)

    monkeypatch.setattr(recognition, "_known", known)
    assert meet((VISITOR, "signed"), (EMAIL, "proved")).pk == anna.pk
    assert ("email", EMAIL[1], "claimed", False) in held(anna)
    assert held(owner) == [("email", EMAIL[1], "proved", True)]


@pytest.mark.django_db
def test_endless_races_end(monkeypatch: pytest.MonkeyPatch) -> None:
    meet((EMAIL, "proved"))
    monkeypatch.setattr(recognition, "_known", lambda wanted: ({}, []))
    with pytest.raises(Unavailable):
        meet((EMAIL, "proved"))
    assert Customer.objects.count() == 1


KEYS = [("email", "a@x.de"), ("email", "b@x.de"), ("visitor", "v1"), ("visitor", "v2"), ("phone", "+491701234567")]
SHOWN = st.lists(
    st.tuples(st.sampled_from(KEYS), st.sampled_from(["claimed", "proved", "signed"])), min_size=1, max_size=4
)


class Histories(TestCase):
    """Whatever is shown in whatever order."""

    @settings(max_examples=60)
    @given(st.lists(SHOWN, max_size=6))
    def test_rules_that_always_hold(self, history: list[Any]) -> None:
        for shown in history:
            owners = dict(Identity.objects.filter(proved=True).values_list("id", "customer_id"))
            customer = meet(*shown)
            strongest = dict(sorted(shown, key=lambda s: claims.STRENGTH[s[1]]))
            if all(assurance == "claimed" for assurance in strongest.values()):
                assert not queries.has_proved_identity(customer)
            else:
                assert queries.has_proved_identity(customer)
                assert not Identity.objects.filter(customer=customer, proved=False, anchor=True).exists()
            now = dict(Identity.objects.filter(pk__in=owners).values_list("id", "customer_id"))
            assert now == owners
            assert meet(*shown).pk == customer.pk
