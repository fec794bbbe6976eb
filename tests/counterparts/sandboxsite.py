"""`tresen run --demo` as a newcomer starts it, and its pages in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from counterparts.chatsite import free_port

START_SECONDS = 300.0  # the first start builds the demo company


@dataclass
class Demo:
    """One process with the demo company. `said`: what it printed on the terminal."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    said: str = ""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def start(self) -> float:
        """Starts, waits for the first page, and tells how many seconds that took."""
        log = self.data.parent / "terminal.log"
        begun = time.monotonic()
        command = [
            str(Path(sys.executable).with_name("tresen")),
            "run",
            "--demo",
            "--data",
            str(self.data),
            "--port",
            str(self.port),
        ]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)
        while time.monotonic() - begun < START_SECONDS and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2).is_success:
                    self.said = log.read_text()
                    return time.monotonic() - begun
            except httpx.HTTPError:
                time.sleep(0.1)
        raise AssertionError(log.read_text()[-4000:])

    def stop(self) -> None:
        """Ends the process."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)
            self.process = None

    def password(self, address: str) -> str:
        """What a member of staff logs in with."""
        known: dict[str, str] = json.loads((self.data / "secrets" / "demo.json").read_text())
        return known[address]


def make(folder: Path) -> Demo:
    """A demo in a fresh data directory."""
    return Demo(folder / "data", free_port())
