"""The product as its users run it: a process of its own on loopback, driven through its public interfaces."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tresen.bench import machine

COMMAND = str(Path(sys.executable).with_name("tresen"))
START_MAX = 30.0


class Failed(Exception):
    """The product did not do what the bench relies on."""


def environment(data: Path, given: Mapping[str, str]) -> dict[str, str]:
    """Ours without what selects a database or a role; `given` may put it back."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TRESEN_") and k != "DATABASE_URL"}
    return {**kept, "TRESEN_DATA": str(data), **given}


class Process:
    """A server process on a free port of loopback, its output in a file, ended by its id."""

    def __init__(self, command: list[str], port: int, environ: Mapping[str, str], log: Path) -> None:
        self.command, self.port, self.environ, self.log = command, port, dict(environ), log
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0

    @property
    def pid(self) -> int:
        if self.process is None:
            raise Failed("not running")
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, path: str = "/healthz") -> float:
        """Starts and waits for an answer to `path`; seconds from start to answer."""
        with self.log.open("ab") as log:
            self.started = time.perf_counter()
            self.process = subprocess.Popen(self.command, env=self.environ, stdout=log, stderr=log)
        while time.perf_counter() - self.started < START_MAX:
            if not self.running:
                break
            try:
                status, _body = self.call("GET", path)
            except OSError:
                time.sleep(0.01)
                continue
            if status < 500:
                return time.perf_counter() - self.started
        self.kill()
        raise Failed(f"{self.command[0]} did not start:\n{self.log.read_text()[-2000:]}")

    def call(self, method: str, path: str, body: Any = None, token: str = "", timeout: float = 15) -> tuple[int, bytes]:
        """One request on a connection of its own; OSError when there is no whole answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def stop(self) -> None:
        """Asks to stop, then insists."""
        self._end(signal.SIGTERM, 15)

    def kill(self) -> None:
        """The power cut of processes."""
        self._end(signal.SIGKILL, 5)

    def _end(self, how: signal.Signals, patience: float) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


class Product(Process):
    """`tresen run --no-demo` on a data directory. `given`: environment variables of its own."""

    def __init__(self, data: Path, **given: str) -> None:
        port = machine.free_port()
        command = [COMMAND, "run", "--no-demo", "--data", str(data), "--port", str(port)]
        data.mkdir(parents=True, exist_ok=True)
        super().__init__(command, port, environment(data, given), data.parent / f"{data.name}.log")
        self.data, self.token = data, ""

    def database(self) -> Path:
        return self.data / "tresen.sqlite3"

    def log_in(self) -> None:
        """Makes an administrator's token by the command line; `api` uses it."""
        command = [COMMAND, "token", "create", "--role", "administrator", "--data", str(self.data)]
        made = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=True)
        self.token = made.stdout.split()[-1]

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """A call of API v1 that has to succeed; the parsed answer."""
        status, content = self.call(method, f"/api/v1{path}", body, self.token)
        if not 200 <= status < 300:
            raise Failed(f"{method} {path}: {status} {content[:300]!r}")
        return json.loads(content)

    def metrics(self) -> dict[str, float]:
        """`/metrics` by name."""
        _status, content = self.call("GET", "/metrics")
        lines = [line.split() for line in content.decode().splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, value in (line[:2] for line in lines)}

    def settle(self, seconds: float = 60) -> float:
        """Waits until nothing waits for processing; how many seconds that took."""
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds:
            if self.metrics()["tresen_receipts_pending"] == 0:
                return time.perf_counter() - begun
            time.sleep(0.2)
        raise Failed(f"receipts still wait after {seconds:.0f} s")


@contextmanager
def workshop(kept: Path | None = None) -> Iterator[Path]:
    """A directory for data: `kept` stays, otherwise a temporary one that goes."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    folder = Path(tempfile.mkdtemp(prefix="tresen-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(process: Process, path: str = "/healthz") -> Iterator[float]:
    """Runs a process for the time of a block; gives the seconds it took to start."""
    try:
        yield process.start(path)
    finally:
        process.stop()
