"""What an agent confirms, adds and removes."""

import pytest

from tresen.customers import queries
from tresen.customers.actions import (
    IdentityClaim,
    add_identity,
    confirm_identity,
    create_customer,
    recognise,
    remove_identity,
)
from tresen.customers.models import Customer, Identity
from tresen.customers.tests.facts import facts, refused
from tresen.kernel.errors import Conflict, Invalid, NotFound

pytestmark = pytest.mark.django_db
ADDRESS = "anna@example.org"
AGENT = "user:1"


def mail(assurance: str, value: str = ADDRESS) -> Customer:
    return recognise([IdentityClaim("email", value, assurance)], name="", language="", actor="channel:1")


def claim_of(customer: Customer) -> Identity:
    return Identity.objects.get(customer=customer)


def last_fact() -> tuple[str, int | None, dict[str, object]]:
    return facts()[-1]


def test_confirmed_as_the_one_who_proved_it() -> None:
    owner, writer = mail("proved"), mail("claimed")
    claim, proved = claim_of(writer), claim_of(owner)
    assert confirm_identity(claim.pk, actor=AGENT) == owner
    assert list(Identity.objects.values_list("id", "customer_id", "assurance")) == [(proved.pk, owner.pk, "proved")]
    moved = {"identity_id": proved.pk, "from_customer_id": writer.pk, "to_customer_id": owner.pk}
    assert last_fact() == ("identity.moved", owner.pk, moved)


def test_confirmed_as_a_customer_whom_nobody_linked_yet() -> None:
    known = create_customer(name="Anna Berg", actor=AGENT)
    writer = mail("claimed")
    claim = claim_of(writer)
    assert confirm_identity(claim.pk, actor=AGENT, customer_id=known.pk) == known
    claim.refresh_from_db()
    assert (claim.customer_id, claim.assurance, claim.proved, claim.anchor) == (known.pk, "proved", True, True)
    assert mail("proved") == known
    assert mail("claimed") not in (known, writer)


def test_confirmed_in_place() -> None:
    writer = mail("claimed")
    claim = claim_of(writer)
    assert confirm_identity(claim.pk, actor=AGENT, customer_id=writer.pk) == writer
    assert last_fact() == ("identity.raised", writer.pk, {"identity_id": claim.pk, "assurance": "proved"})
    assert mail("proved") == writer
    assert mail("claimed") != writer


def test_a_claim_that_both_hold_becomes_one() -> None:
    visitor = recognise(
        [IdentityClaim("visitor", "v1", "proved"), IdentityClaim("email", ADDRESS)],
        name="",
        language="",
        actor="channel:1",
    )
    writer = mail("claimed")
    confirm_identity(claim_of(writer).pk, actor=AGENT, customer_id=visitor.pk)
    assert sorted(Identity.objects.values_list("kind", "customer_id", "assurance")) == [
        ("email", visitor.pk, "proved"),
        ("visitor", visitor.pk, "proved"),
    ]


def test_nobody_else_gets_what_somebody_proved() -> None:
    owner, writer, other = mail("proved"), mail("claimed"), create_customer(name="Ben", actor=AGENT)
    before = len(facts())
    for identity in (claim_of(writer), claim_of(owner)):
        with refused(Conflict, "customer"):
            confirm_identity(identity.pk, actor=AGENT, customer_id=other.pk)
    assert claim_of(writer).assurance == "claimed"
    assert claim_of(owner).proved
    assert len(facts()) == before


def test_confirming_what_is_proved_changes_nothing() -> None:
    owner = mail("proved")
    before = len(facts())
    assert confirm_identity(claim_of(owner).pk, actor=AGENT) == owner
    assert len(facts()) == before


def test_confirming_needs_a_customer() -> None:
    claim = claim_of(mail("claimed"))
    with refused(Invalid, "customer"):
        confirm_identity(claim.pk, actor=AGENT)
    for identity_id, customer_id in ((claim.pk, 10**9), (10**9, None)):
        with refused(NotFound):
            confirm_identity(identity_id, actor=AGENT, customer_id=customer_id)


def test_adding() -> None:
    customer = create_customer(name="Anna Berg", actor=AGENT)
    added = add_identity(customer.pk, "phone", "0170 1234567", assurance="proved", actor=AGENT)
    assert (added.value, added.shown, added.anchor) == ("+491701234567", "+49 170 1234567", True)
    assert last_fact() == ("identity.added", customer.pk, {"identity_id": added.pk, "assurance": "proved"})
    assert queries.by_identity("phone", "+49 170 1234567") == customer
    before = len(facts())
    for assurance in ("claimed", "proved"):
        again = add_identity(customer.pk, "phone", "+491701234567", assurance=assurance, actor=AGENT)
        assert (again.pk, again.assurance) == (added.pk, "proved")
    assert len(facts()) == before


def test_who_proves_something_is_no_longer_found_by_a_claim() -> None:
    writer = mail("claimed")
    claim = claim_of(writer)
    add_identity(writer.pk, "phone", "0170 1234567", assurance="proved", actor=AGENT)
    claim.refresh_from_db()
    assert (claim.assurance, claim.anchor) == ("claimed", False)
    assert mail("claimed") != writer


def test_raising() -> None:
    customer = create_customer(name="Anna Berg", actor=AGENT)
    noted = add_identity(customer.pk, "email", ADDRESS, assurance="claimed", actor=AGENT)
    assert (noted.proved, noted.anchor) == (False, False)
    raised = add_identity(customer.pk, "email", ADDRESS, assurance="proved", actor=AGENT)
    assert (raised.pk, raised.proved, raised.anchor) == (noted.pk, True, True)
    assert last_fact()[0] == "identity.raised"


def test_adding_what_somebody_else_proved() -> None:
    owner, other = mail("proved"), create_customer(name="Ben", actor=AGENT)
    with refused(Conflict, "value"):
        add_identity(other.pk, "email", ADDRESS, assurance="proved", actor=AGENT)
    assert list(Identity.objects.values_list("customer_id", flat=True)) == [owner.pk]
    add_identity(other.pk, "email", ADDRESS, assurance="claimed", actor=AGENT)
    assert queries.possible_owner(other) == owner


@pytest.mark.parametrize(
    ("kind", "value", "assurance", "field"),
    [("email", "nonsense", "proved", "value"), ("E!", "x", "proved", "kind"), ("email", ADDRESS, "sure", "assurance")],
)
def test_adding_nonsense(kind: str, value: str, assurance: str, field: str) -> None:
    customer = create_customer(name="Anna Berg", actor=AGENT)
    with refused(Invalid, field):
        add_identity(customer.pk, kind, value, assurance=assurance, actor=AGENT)
    assert not Identity.objects.exists()


def test_adding_to_nobody() -> None:
    with refused(NotFound):
        add_identity(10**9, "email", ADDRESS, assurance="proved", actor=AGENT)


def test_removing() -> None:
    owner = mail("proved")
    identity = claim_of(owner)
    remove_identity(identity.pk, actor=AGENT)
    assert last_fact() == ("identity.removed", owner.pk, {"identity_id": identity.pk})
    assert mail("proved") != owner
    with refused(NotFound):
        remove_identity(identity.pk, actor=AGENT)
