"""Several messages of one sender at the same moment."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tresen.customers.actions import IdentityClaim, recognise, upsert_record
from tresen.customers.models import Customer, Identity, Record
from tresen.customers.tests.facts import facts
from tresen.kernel import db

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8
EMAIL, VISITOR = IdentityClaim("email", "anna@example.org", "proved"), IdentityClaim("visitor", "v1", "proved")


def at_once(call: Callable[[int], int]) -> list[int]:
    """Runs `call(number)` in eight threads, each with its own connection."""
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> int:
        try:
            barrier.wait(10)
            return call(number)
        finally:
            db.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


@pytest.mark.parametrize("assurance", ["claimed", "proved"])
def test_one_sender_is_one_customer(assurance: str) -> None:
    claim = IdentityClaim("email", "anna@example.org", assurance)
    found = at_once(lambda _n: recognise([claim], name="Anna", language="de", actor="channel:1").pk)
    customer = Customer.objects.get()
    assert found == [customer.pk] * AT_ONCE
    assert Identity.objects.count() == 1
    assert len(facts()) == 1


def test_two_values_in_either_order_are_one_customer() -> None:
    orders = ([EMAIL, VISITOR], [VISITOR, EMAIL])
    found = at_once(lambda n: recognise(orders[n % 2], name="", language="", actor="channel:1").pk)
    assert found == [Customer.objects.get().pk] * AT_ONCE
    assert Identity.objects.filter(proved=True).count() == 2


def test_a_second_value_is_added_once() -> None:
    customer = recognise([EMAIL], name="", language="", actor="channel:1")
    found = at_once(lambda _n: recognise([EMAIL, VISITOR], name="", language="", actor="channel:1").pk)
    assert found == [customer.pk] * AT_ONCE
    assert len(facts("identity.added")) == 1


def test_one_number_is_one_record() -> None:
    found = at_once(lambda _n: upsert_record("contract", "BB-1", actor="token:1", title="Full service")[0].pk)
    assert found == [Record.objects.get().pk] * AT_ONCE
    assert len(facts("record.upserted")) == 1
