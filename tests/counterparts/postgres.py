"""Throw-away PostgreSQL clusters for the tests.

As a program it runs a command with DATABASE_URL set: `python tests/counterparts/postgres.py pytest src`. There is one
cluster for each worker of the test run (`TRESEN_TEST_PORTS`, see the root `conftest.py`): up to where events can be
read depends on all transactions of a cluster, so that workers would hold up each other's journals.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

START_SECONDS = 60
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off")
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "shared_buffers=64MB",
    "max_connections=200",
    "timezone=UTC",
)


class PostgresMissing(Exception):
    """No server is installed, or it did not start; the text says what to do or what the server said."""


def program(name: str) -> str:
    """Path of a server program, newest version first: Debian keeps them off the PATH."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    newest = max(versions, key=lambda path: int(path.parts[-3]), default=None)
    found = str(newest) if newest else shutil.which(name)
    if not found:
        raise PostgresMissing(f"{name} not found: apt-get install postgresql")
    return found


def account() -> pwd.struct_passwd | None:
    """Whom the server runs as: it refuses root. None means ourselves."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[str]:
    """Starts a cluster in a temporary folder and yields its DATABASE_URL; ends and deletes it afterwards.

    `durable` keeps fsync on: for crash tests and figures. Only this machine can connect.
    Raises PostgresMissing.
    """
    owner = account()
    folder = Path(tempfile.mkdtemp(prefix="tresen-postgres-"))
    try:
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        data, port = folder / "data", free_port()
        demote = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
        initdb = [program("initdb"), "-D", str(data), "-U", "tresen", "--auth=trust", "--no-sync"]
        initdb += ["--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(initdb, cwd=folder, check=True, stdout=subprocess.DEVNULL, **demote)
        options = [f"port={port}", f"unix_socket_directories={folder}", *SETTINGS, *(() if durable else FAST)]
        flags = [part for option in options for part in ("-c", option)]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [program("postgres"), "-D", str(data), *flags], cwd=folder, stdout=log, stderr=log, **demote
            )
        try:
            wait_until_ready(server, port, folder / "log")
            yield f"postgresql://tresen@127.0.0.1:{port}/postgres"
        finally:
            server.send_signal(signal.SIGINT)  # at once, whoever is still connected
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Returns once the server answers. Raises PostgresMissing with its log when it ends or stays silent."""
    ready = [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + START_SECONDS
    while subprocess.run(ready, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise PostgresMissing(f"PostgreSQL did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def main(command: list[str]) -> int:
    """Runs the command with DATABASE_URL set and returns its exit code."""
    if not command:
        sys.exit("usage: postgres.py COMMAND [ARGUMENT…]")
    with ExitStack() as stack:
        urls = [stack.enter_context(cluster()) for _ in os.sched_getaffinity(0)]
        ports = " ".join(str(urlsplit(url).port) for url in urls)
        environment = {**os.environ, "DATABASE_URL": urls[0], "TRESEN_TEST_PORTS": ports}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
