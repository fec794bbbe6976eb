"""An installation with many conversations, written by SQL within a minute: what years of work leave behind.

Per conversation ten messages, their events, receipts, references and deliveries. One in a hundred waits, three are
assigned, one is snoozed, the others are resolved; 40 agents in five teams; four conversations per customer.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from tresen.bench.browser import first_administrator
from tresen.bench.product import Product, serving

AGENTS, TEAMS, MESSAGES = 40, 5, 10
TEXT = (
    "Guten Tag, seit gestern leuchtet an meiner Maschine die rote Lampe, und sie mahlt nicht mehr. Ich habe sie "
    "entkalkt und neu gestartet, ohne Erfolg. Die Garantie läuft noch. Was kann ich tun? Mit freundlichen Grüßen"
)
_COUNT = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
# A moment per conversation: minutes back from the newest.
_AT = "strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || (({total} - {i}) * 3 + 5) || ' minutes')"


def token_of(number: int) -> str:
    """The API token of agent `number`, 1 to `AGENTS` or as many as were asked for."""
    return f"tsn_bench{number:08d}" + "x" * 30


def install(
    data: Path, conversations: int, *, agents: int = AGENTS, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Makes an installation of that size in `data`, unless it is there already."""
    done = data / "volume.done"
    if done.exists():
        return
    product = Product(data)
    with serving(product):
        first_administrator(product)
        product.log_in()
        product.api("POST", "/channels", {"kind": "api", "name": "Shop"})
    with closing(sqlite3.connect(product.database(), isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -400000;")
        database.execute("BEGIN")
        channel = database.execute("SELECT id FROM conversations_channel WHERE kind = 'api'").fetchone()[0]
        _staff(database, agents)
        for name, sql in _statements(conversations, channel):
            tell(name)
            database.execute(sql)
        database.execute("UPDATE event_cursors SET event_id = (SELECT max(id) FROM events)")
        database.execute("COMMIT")
        tell("analysing")
        database.executescript("PRAGMA optimize = 0x10002; PRAGMA journal_mode = WAL;")
    done.touch()


def _staff(database: sqlite3.Connection, agents: int) -> None:
    password = database.execute("SELECT password FROM accounts_user").fetchone()[0]
    for team in range(1, TEAMS + 1):
        database.execute("INSERT INTO accounts_team (id, name) VALUES (?, ?)", (team, f"Team {team}"))
        database.execute(
            "INSERT INTO conversations_queue (id, name, pull, team_id) VALUES (?, ?, 0, ?)",
            (100 + team, f"Queue {team}", team),
        )
    for number in range(1, agents + 1):
        user = 1000 + number
        database.execute(
            "INSERT INTO accounts_user (id, password, email, name, role, language, theme, signature, is_active,"
            " created_at) VALUES (?, ?, ?, ?, 'agent', 'de', 'auto', '', 1, datetime('now'))",
            (user, password, f"agent{number}@example.org", f"Agent {number}"),
        )
        database.execute(
            "INSERT INTO accounts_presence (user_id, status, idle_since, capacity, load)"
            " VALUES (?, 'offline', datetime('now'), 5, 0)",
            (user,),
        )
        database.execute(
            "INSERT INTO accounts_team_members (team_id, user_id) VALUES (?, ?)", (number % TEAMS + 1, user)
        )
        text = token_of(number)
        database.execute(
            "INSERT INTO accounts_apitoken (name, digest, prefix, role, scopes, created_at, user_id)"
            " VALUES ('bench', ?, ?, 'agent', '[\"read\", \"write\"]', datetime('now'), ?)",
            (hashlib.sha256(text.encode()).hexdigest(), text[:12], user),
        )


def _statements(total: int, channel: int) -> Iterator[tuple[str, str]]:
    """(what, SQL) in order."""
    people = max(1, total // 4)
    values = {
        "people": _COUNT.format(count=people),
        "each": _COUNT.format(count=total),
        "messages": f"SELECT 1 UNION ALL SELECT s + 1 FROM m WHERE s < {MESSAGES}",
        "text": TEXT.replace("'", "''"),
        "at": _AT.format(total=total, i="i"),
        "agent": f"1001 + (i / 100) % {AGENTS}",
        "customer": f"1 + i % {people}",
        "queue": f"101 + (i / 100) % {TEAMS}",
        "number": f"(i - 1) * {MESSAGES} + s",
        "seq": MESSAGES,
        "channel": channel,
    }
    for what, sql in _STEPS:
        yield what, sql.format(**values)


_STEPS = (
    (
        "customers",
        "{people} INSERT INTO customers_customer (id, name, language, about, fields, created_at)"
        " SELECT i, 'Kundin ' || i, 'de', '', '{{}}', datetime('now') FROM n",
    ),
    (
        "identities",
        "{people} INSERT INTO customers_identity (kind, value, shown, assurance, proved, anchor, created_at,"
        " customer_id) SELECT 'email', 'kunde' || i || '@example.org', 'kunde' || i || '@example.org', 'proved', 1, 1,"
        " datetime('now'), i FROM n",
    ),
    (
        "records",
        "{people} INSERT INTO customers_record (kind, number, folded, title, status, currency, link, data, source,"
        " updated_at, customer_id) SELECT 'contract', 'V-' || i, 'V' || i, 'Wartung', 'active', '', '', '{{}}', '',"
        " datetime('now'), i FROM n",
    ),
    (
        "conversations",
        "{each} INSERT INTO conversations_conversation (id, status, subject, preview, priority, language, last_seq,"
        " seen_seq, last_message_at, last_direction, waiting_since, snoozed_until, resolved_at, created_at,"
        " assignee_id, channel_id, customer_id, queue_id) SELECT i,"
        " CASE i % 100 WHEN 0 THEN 'waiting' WHEN 1 THEN 'assigned' WHEN 2"
        " THEN 'assigned' WHEN 3 THEN 'assigned' WHEN 4 THEN 'snoozed' ELSE 'resolved' END, 'Rote Lampe ' || i,"
        " substr('{text}', 1, 150), 1, 'de', {seq}, {seq}, {at}, 'out', CASE WHEN i % 100 = 0 THEN {at} END,"
        " CASE WHEN i % 100 = 4 THEN datetime('now', '+30 days') END, CASE WHEN i % 100 > 4 THEN {at} END, {at},"
        " CASE WHEN i % 100 <> 0 THEN {agent} END, {channel}, {customer}, {queue} FROM n",
    ),
    (
        "messages",
        "{each}, m(s) AS ({messages}) INSERT INTO conversations_message (id, seq, direction, author, subject, text,"
        " html, external_id, automated, files, supported, address, meta, delivery, delivery_error, created_at,"
        " channel_id, conversation_id, customer_id, user_id) SELECT {number}, s,"
        " CASE WHEN s % 2 THEN 'in' ELSE 'out' END,"
        " CASE WHEN s % 2 THEN 'Kundin' ELSE 'Agent' END, '', s || ' {text}', CASE WHEN s % 2 AND i % 4 = 0 THEN"
        " '<p>' || s || ' {text}</p><p><b>{text}</b></p>' ELSE '' END, CASE WHEN s % 2 THEN 'v' || i || '-' || s END,"
        " 0, 0, 1, '{{}}', '{{}}', CASE WHEN s % 2 THEN '' ELSE 'sent' END, '', {at}, {channel}, i,"
        " CASE WHEN s % 2 THEN {customer} END, CASE WHEN s % 2 = 0 THEN {agent} END FROM n, m",
    ),
    (
        "threads",
        "{each} INSERT INTO channels_threadlink (key, context, token, created_at, channel_id, conversation_id)"
        " SELECT 'v' || i, '{{}}', 'token' || i, {at}, {channel}, i FROM n",
    ),
    (
        "references",
        "INSERT INTO channels_knownreference (external_id, channel_id, message_id)"
        " SELECT external_id, channel_id, id FROM conversations_message WHERE external_id IS NOT NULL",
    ),
    (
        "deliveries",
        "INSERT INTO channels_delivery (message_id, state, attempts, due_at, error, steps, channel_id, conversation_id)"
        " SELECT id, 'sent', 1, created_at, '', '[]', channel_id, conversation_id FROM conversations_message"
        " WHERE direction = 'out'",
    ),
    (
        "assignments",
        "INSERT INTO conversations_assignment (by, reason, started_at, ended_at, agent_id, conversation_id)"
        " SELECT 'routing', '{{}}', created_at, resolved_at, assignee_id, id FROM conversations_conversation"
        " WHERE assignee_id IS NOT NULL",
    ),
    (
        "receipts",
        "INSERT INTO receipts (key, received_at, state, body, file, envelope, attempts, due_at, error, channel_id)"
        " SELECT external_id, created_at, 'done', CAST(text AS BLOB), '', '{{}}', 0, created_at, '', channel_id"
        " FROM conversations_message WHERE direction = 'in'",
    ),
    (
        "events",
        "INSERT INTO events (at, kind, scope, customer_id, conversation_id, actor, data)"
        " SELECT created_at, 'message.created', '', customer_id, conversation_id, 'bench',"
        " json_object('message_id', id, 'seq', seq, 'direction', direction, 'channel_id', channel_id,"
        " 'automated', json('false'))"
        " FROM conversations_message",
    ),
)
