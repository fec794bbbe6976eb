"""The demo company: same seed, same world; everything in it fits together."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tresen.sandbox.demo.build import CUSTOMERS, DAYS, PLAN, build
from tresen.sandbox.demo.hours import is_open
from tresen.sandbox.demo.house import STAFF
from tresen.sandbox.demo.script import load_scenes
from tresen.sandbox.demo.world import DemoStatus, DemoWorld, TurnKind

NOW = datetime(2026, 3, 4, 10, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> DemoWorld:
    return build(7, NOW)


def test_the_same_seed_and_moment_give_the_same_world(world: DemoWorld) -> None:
    assert build(7, NOW) == world
    assert build(8, NOW) != world


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 3, 1, 3, 0, tzinfo=UTC),  # a Sunday night
        datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
        datetime(2028, 2, 29, 8, 0, tzinfo=UTC),
    ],
)
def test_it_can_be_built_at_any_time(now: datetime) -> None:
    assert Counter(c.status for c in build(1, now).conversations) == PLAN


def test_it_has_the_planned_size(world: DemoWorld) -> None:
    assert len(world.customers) == CUSTOMERS
    assert Counter(c.status for c in world.conversations) == PLAN
    assert Counter(s.role for s in world.staff) == {"agent": 8, "lead": 2, "administrator": 1}
    assert {r.kind for r in world.records} == {"contract", "order", "invoice", "shipment", "machine"}
    assert {c.language for c in world.conversations} == {"de", "en"}
    assert {c.country for c in world.customers} >= {"DE", "AT", "CH", "GB"}


def test_references_lead_somewhere(world: DemoWorld) -> None:
    customers, companies = {c.key for c in world.customers}, {c.key for c in world.companies}
    channels, queues = {c.key for c in world.channels}, {q.key for q in world.queues}
    staff, teams = {s.key for s in world.staff}, {t.key for t in world.teams}
    assert len(customers) == CUSTOMERS
    assert {c.company for c in world.customers} - {""} == companies
    assert {r.customer for r in world.records} <= customers
    assert {q.team for q in world.queues} | {t for s in world.staff for t in s.teams} == teams
    assert {c.queue for c in world.channels} | {c.queue for c in world.conversations} <= queues
    assert {c.channel for c in world.conversations} == channels
    assert {c.customer for c in world.conversations} <= customers
    assert {t.channel for c in world.conversations for t in c.turns} - {""} == channels
    assert {t.staff for c in world.conversations for t in c.turns} - {""} <= staff


def test_identities_names_and_numbers_are_unique_and_point_nowhere_real(world: DemoWorld) -> None:
    identities = [(i.kind, i.value) for c in world.customers for i in c.identities]
    assert len(set(identities)) == len(identities)
    assert len({c.name for c in world.customers}) == CUSTOMERS
    assert len({(r.kind, r.number) for r in world.records}) == len(world.records)
    free = re.compile(r"\+49(3023125|6990009|4066969|2214710|8999998)\d{3}|\+44(2079460|7700900)\d{3}")
    for kind, value in identities:
        assert free.fullmatch(value) if kind == "phone" else re.fullmatch(r"[a-z0-9.-]+@[a-z0-9.-]+\.example", value)
    assert all(staff.email.endswith("@bohne-brand.example") for staff in STAFF)
    texts = " ".join(t.text for c in world.conversations for t in c.turns)
    hosts = re.findall(r"https?://([^/\s]+)", texts) + re.findall(r"\S+@(\S+?)[,\s]", texts)
    assert hosts
    assert all(host.endswith(".example") for host in hosts)


def test_turns_are_in_order_in_the_past_and_answered_in_opening_hours(world: DemoWorld) -> None:
    for conversation in world.conversations:
        times = [turn.at for turn in conversation.turns]
        assert times == sorted(times), conversation
        assert NOW - timedelta(days=DAYS) <= times[0]
        assert times[-1] <= NOW
        assert conversation.turns[0].kind is TurnKind.IN
        assert conversation.turns[0].channel == conversation.channel
        for turn in conversation.turns:
            assert (turn.kind is TurnKind.IN) == (turn.staff == "")
            assert (turn.kind in (TurnKind.NOTE, TurnKind.CALL)) == (turn.channel == "")
    firsts = [c.turns[0].at for c in world.conversations]
    assert firsts == sorted(firsts)
    answers = [t.at for c in world.conversations for t in c.turns if t.kind is TurnKind.OUT]
    assert sum(map(is_open, answers)) / len(answers) > 0.95


def test_status_fits_what_was_said(world: DemoWorld) -> None:
    load: Counter[str] = Counter()
    for c in world.conversations:
        kinds = [turn.kind for turn in c.turns]
        assert (c.resolved_at is not None) == (c.status is DemoStatus.RESOLVED)
        assert (c.snoozed_until is not None) == (c.status is DemoStatus.SNOOZED)
        if c.status is DemoStatus.WAITING:
            assert (kinds, c.assignee) == ([TurnKind.IN], "")
        else:
            assert c.assignee
        if c.resolved_at:
            assert c.turns[-1].at <= c.resolved_at <= NOW
        if c.snoozed_until:
            assert c.snoozed_until > NOW
            assert kinds[-1] is TurnKind.OUT
        load[c.assignee] += c.status is DemoStatus.ASSIGNED
    assert all(load[s.key] <= s.capacity for s in world.staff)


def test_whoever_answers_serves_the_queue_and_speaks_the_language(world: DemoWorld) -> None:
    staff = {s.key: s for s in world.staff}
    team = {q.key: q.team for q in world.queues}
    for c in world.conversations:
        for key in {t.staff for t in c.turns} - {""}:
            assert team[c.queue] in staff[key].teams
            assert c.language in staff[key].languages


def test_texts_are_finished_and_seldom_repeat(world: DemoWorld) -> None:
    texts = [t.text for c in world.conversations for t in c.turns] + [c.subject for c in world.conversations]
    for text in texts:
        assert text == text.strip() != ""
        assert not re.search(r"[{}|$]|  |\b[a-z]=", text.replace("\n-- \n", "\n").replace("?page=", "")), text
    assert len({c.turns[0].text for c in world.conversations}) == len(world.conversations)
    swiss = {c.key for c in world.customers if c.country == "CH"}
    written = [t.text for c in world.conversations if c.customer in swiss for t in c.turns if t.kind is TurnKind.IN]
    assert written
    assert not any("ß" in text for text in written if "Automatische Meldung" not in text)


def test_the_stories_wait_at_the_counter(world: DemoWorld) -> None:
    numbers = {(r.customer, r.kind): r.number for r in world.records}
    records = {(r.customer, r.number): r for r in world.records}
    waiting = [c for c in world.conversations if c.status is DemoStatus.WAITING]
    contract = [c for c in waiting if re.search(r"WV-\d{4}-\d{5}", c.turns[0].text) and c.channel == "mail"]
    assert contract
    for c in contract:
        number = re.search(r"WV-\d{4}-\d{5}", c.turns[0].text)
        assert number is not None
        assert records[c.customer, number[0]].kind == "contract"
        assert (c.customer, "machine") in numbers
    machines = [c for c in waiting if c.turns[0].text.startswith(("Automatische Meldung", "Automatic message"))]
    assert machines
    for c in machines:
        serial = re.search(r"[A-Z0-9]{2}-\d{4}-\d{5}", c.turns[0].text)
        assert serial is not None
        assert records[c.customer, serial[0]].kind == "machine"
    fleet = next(c for c in waiting if c.turns[0].files)
    rows = fleet.turns[0].files[0].content.decode("utf-8-sig").splitlines()
    assert {row.split(";")[0] for row in rows[1:]} == {
        r.number for r in world.records if r.customer == fleet.customer and r.kind == "machine"
    }
    assert len(rows) >= 13


def test_numbers_in_texts_belong_to_the_customer(world: DemoWorld) -> None:
    owned = {(r.customer, r.number) for r in world.records}
    pattern = re.compile(r"\b(?:B-\d{5}-\d{3}|R-\d{5}-\d{3}|DP-\d{10}|(?:WV|VB|VG|ABO)-\d{4}-\d{5})\b")
    found = [(c.customer, number) for c in world.conversations for t in c.turns for number in pattern.findall(t.text)]
    assert len(found) > 150
    assert set(found) <= owned


def test_some_conversations_span_channels(world: DemoWorld) -> None:
    spans = [{t.channel for t in c.turns} - {""} for c in world.conversations]
    calls = [c for c in world.conversations if any(t.kind is TurnKind.CALL for t in c.turns)]
    assert sum(len(channels) > 1 for channels in spans) > 50
    assert any({"mail", "chat"} <= channels for channels in spans)
    assert any({"shop", "chat"} <= channels for channels in spans)
    assert len(calls) > 5


def test_every_scene_is_played(world: DemoWorld) -> None:
    scenes = load_scenes()
    assert len({scene.key for scene in scenes}) == len(scenes) > 60
    tags = Counter(tags for c in world.conversations for tags in c.tags)
    assert set(tags) == {tag for scene in scenes for tag in scene.tags}
