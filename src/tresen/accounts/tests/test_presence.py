"""Presence is a lease, capacity a claim that two can never win."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tresen.accounts import presence
from tresen.accounts.models import Presence, User
from tresen.accounts.tests.people import load, present, staff
from tresen.kernel import clock, db
from tresen.kernel.errors import Invalid, NotFound
from tresen.kernel.models import Event
from tresen.kernel.tests.refusals import refused
from tresen.kernel.tests.threads import together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_clock")]


def status(user: User) -> str:
    return Presence.objects.get(user=user).effective()


def told() -> list[tuple[int, str]]:
    rows = Event.objects.filter(kind="presence.changed").order_by("id").values_list("data", flat=True)
    return [(data["user_id"], data["status"]) for data in rows]


def later(seconds: float) -> None:
    clock.advance(timedelta(seconds=seconds))


def test_presence_lasts_as_long_as_its_lease():
    user = staff("Ada")
    presence.set_presence(user.pk, "online", actor="tests")
    later(59)
    assert status(user) == "online"
    assert [row[0] for row in presence.free_places(10)] == [user.pk]
    later(1)
    assert status(user) == "offline"
    assert presence.free_places(10) == []
    assert not presence.available().exists()
    assert not presence.claim_capacity(user.pk)


def test_the_journal_hears_of_changes_only():
    user = staff("Ada")
    for wanted in ("online", "online", "away", "online", "offline", "offline"):
        presence.set_presence(user.pk, wanted, actor="tests")
    assert told() == [(user.pk, s) for s in ("online", "away", "online", "offline")]


def test_a_lease_that_ran_out_is_told_once():
    user, other = staff("Ada"), present("Grace")
    presence.set_presence(user.pk, "away", actor="tests")
    before = len(told())
    assert presence.expire_leases() == 0
    later(60)
    assert presence.expire_leases() == 1
    assert presence.expire_leases() == 0
    assert told()[before:] == [(user.pk, "offline")]
    assert status(other) == "online"


def test_a_heart_beat_prolongs_and_never_shortens():
    short, long, gone = staff("Ada"), staff("Grace"), staff("Gone")
    presence.set_presence(short.pk, "online", actor="tests")
    presence.set_presence(long.pk, "online", actor="tests", lease=timedelta(hours=12))
    later(50)
    for user in (short, long, gone):
        presence.renew(user.pk)
    presence.renew(99999)
    later(50)
    assert [status(u) for u in (short, long, gone)] == ["online", "online", "offline"]
    later(3600)
    assert [status(u) for u in (short, long)] == ["offline", "online"]


def test_a_late_heart_beat_brings_back_and_says_so():
    user = staff("Ada")
    presence.set_presence(user.pk, "online", actor="tests")
    later(70)
    presence.renew(user.pk)
    assert status(user) == "online"
    assert told() == [(user.pk, "online"), (user.pk, "online")]


def test_a_heart_beat_after_going_offline_brings_nobody_back():
    user = staff("Ada")
    presence.set_presence(user.pk, "online", actor="tests")
    presence.set_presence(user.pk, "offline", actor="tests")
    presence.renew(user.pk)
    assert status(user) == "offline"


def test_what_is_no_presence():
    user = staff("Ada")
    with refused(Invalid, "status"):
        presence.set_presence(user.pk, "lunch", actor="tests")
    with refused(NotFound):
        presence.set_presence(99999, "online", actor="tests")
    assert told() == []


def test_coming_starts_the_idle_time_and_coming_back_from_away_too():
    user = staff("Ada")
    presence.set_presence(user.pk, "online", actor="tests")
    first = clock.now()
    later(10)
    presence.set_presence(user.pk, "online", actor="tests")
    assert Presence.objects.get().idle_since == first
    presence.set_presence(user.pk, "away", actor="tests")
    later(10)
    presence.set_presence(user.pk, "online", actor="tests")
    assert Presence.objects.get().idle_since == clock.now()


def test_places_are_claimed_up_to_the_capacity():
    user = present("Ada", capacity=2)
    with db.atomic():
        assert [presence.claim_capacity(user.pk) for _ in range(3)] == [True, True, False]
    assert load(user) == 2
    assert presence.free_places(10) == []
    with db.atomic():
        presence.free(user.pk, actor="tests")
        assert presence.claim_capacity(user.pk)
    assert load(user) == 2


@pytest.mark.parametrize("where", ["away", "offline"])
def test_nobody_claims_a_place_of_who_is_not_there(where: str):
    user = present("Ada")
    presence.set_presence(user.pk, where, actor="tests")
    assert not presence.claim_capacity(user.pk)
    assert presence.free_places(10) == []
    assert load(user) == 0


def test_a_place_taken_by_hand_counts_beyond_the_capacity_and_frees_never_fall_below_nothing():
    user = present("Ada", capacity=1)
    with db.atomic():
        presence.occupy(user.pk)
        presence.occupy(user.pk)
        assert load(user) == 2
        for _ in range(3):
            presence.free(user.pk, actor="tests")
    assert load(user) == 0
    assert Event.objects.filter(kind="capacity.freed").count() == 3


def test_who_was_idle_longest_comes_first_and_full_ones_hide_nobody():
    users = [present(f"A{n}", capacity=1) for n in range(4)]
    for n, user in enumerate(users):
        Presence.objects.filter(user=user).update(idle_since=clock.now() - timedelta(minutes=10 - n))
    assert [row[0] for row in presence.free_places(10)] == [u.pk for u in users]
    Presence.objects.filter(user__in=users[:2]).update(load=1)
    assert [row[0] for row in presence.free_places(2)] == [users[2].pk, users[3].pk]


@pytest.mark.django_db(transaction=True)
def test_claims_at_the_same_time_never_exceed_the_capacity():
    user = present("Ada", capacity=7)

    def claim() -> int:
        won = 0
        for _ in range(5):
            with db.atomic():
                won += presence.claim_capacity(user.pk)
        return won

    assert sum(together(*[claim] * 4)) == 7
    assert load(user) == 7
