"""The process's one write lock.

Two connections that write at once wreck SQLite's tail latency (p99 from 6 to some 500 ms, measured), and before 3.51.3
a reset of the write-ahead log could lose a commit when another connection wrote. Waiting here instead of in SQLite's
busy loop is fair and costs no polling.
"""

from __future__ import annotations

from threading import Lock

WRITER = Lock()
