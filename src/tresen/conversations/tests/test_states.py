"""The state machine and the delivery states as tables."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tresen.conversations.engine.states import STATUSES, TRANSITIONS, after, forward
from tresen.conversations.models import DeliveryState, Status

DELIVERY = tuple(DeliveryState.values)
# from → to: everything that may happen to an outgoing message
FORWARD = {
    "": {"queued", "unknown", "sent", "delivered", "read"},
    "queued": {"unknown", "failed", "sent", "delivered", "read"},
    "unknown": {"queued", "failed", "sent", "delivered", "read"},
    "failed": {"queued", "sent", "delivered", "read"},
    "sent": {"failed", "delivered", "read"},
    "delivered": {"failed", "read"},
    "read": set(),
}


def test_the_table_speaks_of_known_states_only():
    assert set(STATUSES) == set(Status.values)
    for verb, rows in TRANSITIONS.items():
        assert set(rows) <= set(STATUSES), verb
        assert set(rows.values()) <= set(STATUSES), verb


@pytest.mark.parametrize(("before", "state"), list(product(DELIVERY, [s for s in DELIVERY if s])))
def test_how_far_a_message_may_come(before: str, state: str):
    assert forward(before, state) is (state in FORWARD[before])


@given(st.lists(st.sampled_from(["sent", "delivered", "read", "unknown"]), max_size=12))
def test_reports_in_any_order_only_ever_lead_forward(reports: list[str]):
    order = ["queued", "unknown", "sent", "delivered", "read"]
    state, seen = "queued", ["queued"]
    for report in reports:
        if forward(state, report):
            assert order.index(report) > order.index(state)
            state = report
        seen.append(report)
    assert state == max(seen, key=order.index)


def test_nothing_follows_read_and_nothing_happens_twice():
    assert not any(forward("read", state) for state in DELIVERY if state)
    assert not any(forward(state, state) for state in DELIVERY if state)


def test_what_the_table_does_not_name_is_not_allowed():
    assert after("wake", "waiting") is None
    assert after("reopen", "assigned") is None
    assert after("snooze", "bot") is None
    assert after("resolve", "resolved") is None
    assert after("receive", "resolved") == "waiting"
