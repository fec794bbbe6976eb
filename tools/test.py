"""Runs the test suites one after the other, all of them even when one fails, and sums them up.

Usage: `test.py [sqlite] [postgresql] [counterparts]` (default: all three). What follows `--` goes to pytest.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POSTGRES = ROOT / "tests" / "counterparts" / "postgres.py"
SUITES = {
    "sqlite": ("unit suite, SQLite", ["src", "-n", "auto"]),
    "postgresql": ("unit suite, PostgreSQL", ["src", "-n", "auto"]),
    "counterparts": ("real counterparts", ["tests"]),
}
CLOSING = re.compile(r"^=* ?\d+ (passed|failed|error|skipped|deselected)\w*(, \d+ \w+)* in [\d.]+s")


@dataclass(frozen=True)
class Result:
    """How a suite ended; `closing` is pytest's own last line."""

    title: str
    code: int
    closing: str
    seconds: float

    def count(self, *words: str) -> int:
        """The number that stands before one of the words in the closing line, summed over the words."""
        return sum(int(n) for n, word in re.findall(r"(\d+) (\w+)", self.closing) if word in words)


def run_suite(name: str, extra: list[str]) -> Result:
    """Runs one suite, shows its output as it comes and keeps the closing line."""
    title, arguments = SUITES[name]
    command = [sys.executable, "-m", "pytest", *arguments, *extra]
    if name == "postgresql":
        command = [sys.executable, str(POSTGRES), *command]
    print(f"\n── {title}", flush=True)
    closing, began = "", time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tresen-test-") as data:
        environment = {**os.environ, "TRESEN_DATA": data, "PYTHONUNBUFFERED": "1"}
        if name != "postgresql":
            environment.pop("DATABASE_URL", None)
        with subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                sys.stdout.write(line)
                sys.stdout.flush()
                closing = line.strip("= \n") if CLOSING.match(line) else closing
    return Result(title, process.returncode, closing or "ran no test", time.monotonic() - began)


def main() -> int:
    """Returns 0 only when every suite passed and executed at least one test."""
    arguments, _, extra = " ".join(sys.argv[1:]).partition("-- ")
    names = arguments.split() or list(SUITES)
    if unknown := set(names) - set(SUITES):
        print(f"unknown suite {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}", file=sys.stderr)
        return 2
    results = [run_suite(name, extra.split()) for name in names]
    print()
    for result in results:
        print(f"{result.title:<24} {'ok' if result.code == 0 else 'FAILED':<8} {result.closing}")
    skipped = sum(result.count("skipped") for result in results)
    failed = sum(result.count("failed", "error", "errors") for result in results)
    passed = sum(result.count("passed") for result in results)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return int(any(result.code for result in results))


if __name__ == "__main__":
    sys.exit(main())
