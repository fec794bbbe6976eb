"""The rows of a finished `bench pipeline`, written again by plain sqlite3: what no product can do without."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

TABLES = (
    "customers_customer",
    "customers_identity",
    "conversations_conversation",
    "conversations_message",
    "conversations_assignment",
    "channels_threadlink",
    "channels_knownreference",
    "events",
)


@dataclass(frozen=True, slots=True)
class Floor:
    """CPU milliseconds and rows per message."""

    cpu_ms: float
    rows_per_message: float


def replay(source: Path, target: Path) -> Floor:
    """Copies the rows message by message: one transaction for the receipt, one for all that follows from it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, isolation_level=None)) as new:
        new.execute("PRAGMA journal_mode = WAL")
        new.execute("PRAGMA synchronous = FULL")
        for table in ("receipts", *TABLES):
            for (sql,) in old.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql <> ''", [table]):
                new.execute(sql)
        receipts = old.execute("SELECT * FROM receipts ORDER BY id").fetchall()
        others = {table: old.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in TABLES}
        begun = time.process_time()
        for turn, receipt in enumerate(receipts):
            _insert(new, {"receipts": [receipt]})
            _insert(new, {table: _share(rows, turn, len(receipts)) for table, rows in others.items()})
        spent = time.process_time() - begun
    total = len(receipts) + sum(map(len, others.values()))
    return Floor(spent * 1000 / len(receipts), total / len(receipts))


def _share(rows: Sequence[tuple[object, ...]], turn: int, turns: int) -> Sequence[tuple[object, ...]]:
    return rows[len(rows) * turn // turns : len(rows) * (turn + 1) // turns]


def _insert(database: sqlite3.Connection, rows: dict[str, Sequence[tuple[object, ...]]]) -> None:
    database.execute("BEGIN IMMEDIATE")
    for table, some in rows.items():
        for row in some:
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
    database.execute("COMMIT")
