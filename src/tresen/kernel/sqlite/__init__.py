"""SQLite for one process: every write and checkpoint goes through one lock."""
