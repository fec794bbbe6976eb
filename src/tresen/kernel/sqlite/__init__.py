"""SQLite for one process: every write and checkpoint goes through one lock."""

# Pages in the log before they are copied into the file. A message touches the same pages as the one before: four times
# SQLite's default saves most of the copying; 16 MB of log are read at the next start.
CHECKPOINT_PAGES = 4000
