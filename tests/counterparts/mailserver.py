"""Throw-away mail servers on free ports of 127.0.0.1: Postfix takes and bounces, Dovecot keeps, serves and answers.

`with mailserver() as mail:` gives the ports. The servers need root (or `sudo -n`): a child process runs them and
ends them when its standard input closes, whatever happens to the tests.
Debian packages: postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # as a program this file stands alone

from counterparts import mailconfig
from counterparts.mailconfig import AWAY, BOXES, GONE, HOME, LATER, NOBODY, PASSWORD, SHOP

__all__ = ["AWAY", "BOXES", "GONE", "HOME", "LATER", "NOBODY", "PASSWORD", "SHOP", "MailServer", "mailserver"]

START_SECONDS = 60


class MailServerMissing(Exception):
    """The servers are not installed or did not start; the text says what to do or what they said."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Ports on 127.0.0.1; all mailboxes have `PASSWORD`. `folder` holds logs and mail."""

    imap: int
    imaps: int
    pop3: int
    pop3s: int
    smtp: int
    smtps: int
    folder: str

    @property
    def certificate(self) -> str:
        """What the servers show for 127.0.0.1, to be trusted by tests alone."""
        return f"{self.folder}/cert.pem"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mailserver(tokeninfo_port: int = 0) -> Iterator[MailServer]:
    """Starts both servers, yields where they listen, ends them and deletes everything.

    With `tokeninfo_port`, XOAUTH2 is offered and tokens are checked at http://127.0.0.1:PORT/tokeninfo?token=….
    """
    for program in ("/usr/sbin/postfix", "/usr/sbin/dovecot"):
        if not Path(program).exists():
            packages = "postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-sieve"
            raise MailServerMissing(f"{program} not found: apt-get install {packages}")
    command = [sys.executable, __file__, str(tokeninfo_port)]
    if os.geteuid() != 0:
        command = ["sudo", "-n", *command]
    # A session of its own: a signal to the tests' process group must not reach it before it has cleaned up.
    pipe = subprocess.PIPE
    child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
    assert child.stdin is not None and child.stdout is not None
    try:
        line = child.stdout.readline()
        if not line.startswith("{"):
            raise MailServerMissing(line.strip() or "the mail servers did not start")
        yield MailServer(**json.loads(line))
    finally:
        child.stdin.close()
        child.wait(START_SECONDS)
        child.stdout.close()


def main(tokeninfo_port: int) -> None:
    """Runs the servers until standard input ends."""
    folder = Path(tempfile.mkdtemp(prefix="tresen-mail-"))
    folder.chmod(0o755)
    dovecot: subprocess.Popen[bytes] | None = None
    try:
        names = ("imap", "imaps", "pop3", "pop3s", "smtp", "smtps", "lmtp")
        ports = {name: free_port() for name in names}
        mailconfig.write(folder, {**ports, "tokeninfo": tokeninfo_port})
        with (folder / "output").open("wb") as output:
            dovecot = subprocess.Popen(
                ["/usr/sbin/dovecot", "-F", "-c", str(folder / "dovecot.conf")], stdout=output, stderr=output
            )
            started = subprocess.run(_postfix(folder, "start"), stdout=output, stderr=output, check=False)
        if started.returncode or not all(map(_answers, ports.values())):
            logs = " | ".join(p.read_text(errors="replace")[-1500:] for p in folder.glob("*.log"))
            print(f"{(folder / 'output').read_text()[-1500:]} {logs}".replace("\n", " "), flush=True)
            return
        del ports["lmtp"]
        print(json.dumps({**ports, "folder": str(folder)}), flush=True)
        sys.stdin.read()
    finally:
        subprocess.run(_postfix(folder, "abort"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if dovecot:
            dovecot.terminate()
            dovecot.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _postfix(folder: Path, command: str) -> list[str]:
    return ["/usr/sbin/postfix", "-c", str(folder / "postfix"), command]


def _answers(port: int) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return True
        except OSError:
            time.sleep(0.05)
    return False


if __name__ == "__main__":
    main(int(sys.argv[1]))
