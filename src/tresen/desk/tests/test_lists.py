"""The list: tabs, filters, search, and how many queries it may cost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tresen.accounts.models import User
from tresen.conversations import actions
from tresen.customers import actions as customers
from tresen.desk.present.lists import PAGE, ROWS_MAX, ListQuery
from tresen.desk.tests.conftest import World
from tresen.kernel import clock


def shown(client: Client, query: str) -> list[int]:
    """Ids of the rows that the list shows, in order."""
    answer = client.get(reverse("desk:list") + query)
    assert answer.status_code == 200
    return [int(pk) for pk in re.findall(r'id="row-(\d+)"', answer.content.decode())]


def test_tabs_hold_what_they_say(world: World, agent: Client) -> None:
    start = clock.now()
    with clock.frozen(start):
        first = world.receive("one").conversation_id
        clock.advance(timedelta(minutes=1))
        second = world.receive("two").conversation_id
        clock.advance(timedelta(minutes=1))
        mine = world.receive("three").conversation_id
        actions.take(world.me(), mine)
        clock.advance(timedelta(minutes=1))
        done = world.receive("four").conversation_id
        actions.resolve(world.me(), done)
        world.receive("foreign", channel=world.foreign_shop)
    assert shown(agent, "?view=mine") == [mine]
    assert shown(agent, "?view=waiting") == [first, second]
    assert shown(agent, "?view=all") == [done, mine, second, first]
    assert shown(agent, "?view=all&status=resolved") == [done]
    page = agent.get(reverse("desk:inbox") + "?view=all").content.decode()
    counts = re.findall(r'<span class="count"(?: title="\w+")?>(\d+\+?)</span>', page)
    assert counts[:3] == ["1", "2", "3"]


def test_filters_combine_and_unknown_values_open_a_list(world: World, agent: Client) -> None:
    tagged = world.receive("a").conversation_id
    other = world.receive("b", channel=world.mailbox).conversation_id
    actions.set_tags(world.me(), tagged, ["Kalk"])
    assert shown(agent, "?view=all&tag=Kalk") == [tagged]
    assert shown(agent, f"?view=all&channel={world.mailbox.pk}") == [other]
    assert shown(agent, f"?view=all&tag=Kalk&channel={world.mailbox.pk}") == []
    assert shown(agent, f"?view=all&queue={world.theirs.pk}") == []
    for rubbish in ("?view=nope", "?status=nope", "?queue=x", "?cursor=x", "?queue=99999999999999999999", "?rows=-1"):
        assert agent.get(reverse("desk:list") + rubbish).status_code == 200


def test_pages_follow_each_other_without_gap(world: World, agent: Client) -> None:
    ids = [world.receive(f"m{n}").conversation_id for n in range(53)]
    first = agent.get(reverse("desk:list") + "?view=all").content.decode()
    more = re.search(r'hx-get="[^"]*/list/(\?[^"]*cursor=[^"]*)"', first)
    assert more
    rest = shown(agent, more[1].replace("&amp;", "&"))
    assert shown(agent, "?view=all") + rest == ids[::-1]
    assert shown(agent, "?view=all&rows=53") == ids[::-1]


def test_search_finds_numbers_people_records_and_subjects(world: World, agent: Client) -> None:
    hanna = world.receive("x", subject="Mahlwerk klemmt").conversation
    other = world.receive("y", customer=world.customer("Emil Aas", "emil@aas.example")).conversation
    foreign = world.receive("z", channel=world.foreign_shop, subject="Mahlwerk").conversation
    customers.upsert_record("machine", "BB-2024-1", actor="test", customer=other.customer_id)
    assert shown(agent, f"?view=all&q={hanna.number}") == [hanna.pk]
    assert shown(agent, f"?view=all&q={foreign.number}") == []
    assert shown(agent, "?view=all&q=mahlwerk") == [hanna.pk]
    assert shown(agent, "?view=all&q=emil@aas") == [other.pk]
    assert shown(agent, "?view=all&q=bb 2024 1") == [other.pk]
    assert shown(agent, "?view=all&q=%25") == []
    actions.resolve(world.me(), hanna.pk)
    assert shown(agent, "?view=all&q=Hanna") == [hanna.pk]


def test_cost_does_not_grow_with_the_rows(world: World, agent: Client, django_assert_max_num_queries: object) -> None:
    for number in range(30):
        row = world.receive(f"m{number}", customer=world.customer(f"K{number}", f"k{number}@lind.example"))
        actions.set_tags(world.me(), row.conversation_id, ["a", f"t{number}"])
    with django_assert_max_num_queries(14):  # type: ignore[operator]
        agent.get(reverse("desk:list") + "?view=all")


def test_an_open_conversation_costs_little(world: World, agent: Client, django_assert_max_num_queries: object) -> None:
    row = world.receive("m0").conversation
    for number in range(30):
        world.receive(f"m{number}", conversation_id=row.pk)
        actions.note(world.me(), row.pk, actions.Draft(text=f"n{number}"))
    target = reverse("desk:conversation", args=[row.pk])
    with django_assert_max_num_queries(34):  # type: ignore[operator]
        agent.get(target, HTTP_HX_REQUEST="true")


@pytest.mark.parametrize("rows", ["1", "99999", "x"])
def test_a_refresh_never_asks_for_too_much(rows: str) -> None:
    assert PAGE <= ListQuery.read({"rows": rows}).rows <= ROWS_MAX


def test_the_first_page_says_what_to_do_when_there_is_nothing(world: World, agent: Client) -> None:
    assert b"Nothing on your desk" in agent.get(reverse("desk:inbox")).content
    assert b"Nobody waits" in agent.get(reverse("desk:inbox") + "?view=waiting").content
    assert b"Nothing found" in agent.get(reverse("desk:inbox") + "?q=zzz").content
    assert User.objects.get(pk=world.agent.pk).name.encode() in agent.get(reverse("desk:inbox")).content
