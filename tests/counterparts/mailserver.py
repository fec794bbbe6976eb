"""Throw-away mail servers on free ports of 127.0.0.1: Postfix takes and bounces, Dovecot keeps, serves and
answers.

`with mailserver() as mail:` gives the ports. The servers need root (or `sudo -n`): a child process runs
them and ends
them when its standard input closes, whatever happens to the tests.
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
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

PASSWORD = "geheim"
SHOP = "bohne.test"  # our company
HOME = "kunde.test"  # the customers
BOXES = (
    *(f"{name}@{SHOP}" for name in ("service", "service2", "service3", "service4", "pop")),
    *(f"{name}@{HOME}" for name in ("kim", "ali", "urlaub")),
)
AWAY = f"urlaub@{HOME}"  # answers by itself
GONE = f"weg@{HOME}"  # taken by Postfix, unknown to Dovecot: a bounce comes back
LATER = f"spaeter@{HOME}"  # refused for now (450)
NOBODY = f"niemand@{HOME}"  # refused for good (550)
START_SECONDS = 20
SERVICES = """
pickup    unix  n - n 60   1 pickup
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n 1    1 qmgr
rewrite   unix  - - n -    - trivial-rewrite
bounce    unix  - - n -    0 bounce
defer     unix  - - n -    0 bounce
trace     unix  - - n -    0 bounce
verify    unix  - - n -    1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -    - proxymap
smtp      unix  - - n -    - smtp
relay     unix  - - n -    - smtp
showq     unix  n - n -    - showq
error     unix  - - n -    - error
retry     unix  - - n -    - error
discard   unix  - - n -    - discard
lmtp      unix  - - n -    - lmtp
anvil     unix  - - n -    1 anvil
scache    unix  - - n -    1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class MailServerMissing(Exception):
    """The servers are not installed or did not start; the text says what to do or what they said."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Ports on 127.0.0.1; all mailboxes have `PASSWORD`. `folder` holds logs and mail."""

    imap: int
    pop3: int
    smtp: int
    folder: str


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
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
        imap, pop3, lmtp, smtp = (free_port() for _ in range(4))
        _write_dovecot(folder, imap, pop3, lmtp, smtp, tokeninfo_port)
        _write_postfix(folder, smtp, lmtp, oauth=bool(tokeninfo_port))
        with (folder / "output").open("wb") as output:
            dovecot = subprocess.Popen(
                ["/usr/sbin/dovecot", "-F", "-c", str(folder / "dovecot.conf")], stdout=output, stderr=output
            )
            started = subprocess.run(_postfix(folder, "start"), stdout=output, stderr=output, check=False)
        if started.returncode or not all(_answers(p) for p in (imap, pop3, lmtp, smtp)):
            logs = " | ".join(p.read_text(errors="replace")[-1500:] for p in folder.glob("*.log"))
            print(f"{(folder / 'output').read_text()[-1500:]} {logs}".replace("\n", " "), flush=True)
            return
        print(json.dumps(asdict(MailServer(imap, pop3, smtp, str(folder)))), flush=True)
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


def _write_dovecot(folder: Path, imap: int, pop3: int, lmtp: int, smtp: int, tokeninfo_port: int) -> None:
    mail = folder / "mail"
    mail.mkdir()
    shutil.chown(mail, "mail", "mail")
    (folder / "users").write_text("".join(f"{box}:{{PLAIN}}{PASSWORD}\n" for box in BOXES))
    sieve = folder / "away.sieve"
    sieve.write_text(
        'require ["vacation", "envelope"];\n'
        f'if envelope :is "to" "{AWAY}" {{\n'
        '  vacation :subject "Abwesend" "Ich bin bis Montag im Urlaub.";\n}\n'
    )
    oauth = ""
    if tokeninfo_port:
        (folder / "oauth2.conf").write_text(
            f"tokeninfo_url = http://127.0.0.1:{tokeninfo_port}/tokeninfo?token=\n"
            "introspection_mode = \nusername_attribute = email\nactive_attribute = active\nactive_value = "
            "yes\n"
        )
        oauth = f"passdb {{\n driver = oauth2\n mechanisms = xoauth2\n args = {folder}/oauth2.conf\n}}"
    (folder / "dovecot.conf").write_text(
        textwrap.dedent(
            f"""
            base_dir = {folder}/run
            state_dir = {folder}/run
            log_path = {folder}/dovecot.log
            protocols = imap pop3 lmtp
            listen = 127.0.0.1
            ssl = no
            disable_plaintext_auth = no
            auth_failure_delay = 0
            auth_mechanisms = plain login {"xoauth2" if tokeninfo_port else ""}
            mail_location = maildir:{mail}/%u
            first_valid_uid = 1
            recipient_delimiter = +
            submission_host = 127.0.0.1:{smtp}
            pop3_uidl_format = %g
            {oauth}
            passdb {{
              driver = passwd-file
              args = {folder}/users
            }}
            userdb {{
              driver = static
              args = uid=mail gid=mail home={mail}/%u
            }}
            service imap-login {{
              chroot =
              inet_listener imap {{
                port = {imap}
              }}
            }}
            service pop3-login {{
              chroot =
              inet_listener pop3 {{
                port = {pop3}
              }}
            }}
            service lmtp {{
              inet_listener lmtp {{
                address = 127.0.0.1
                port = {lmtp}
              }}
            }}
            service auth {{
              unix_listener {folder}/auth {{
                mode = 0666
              }}
            }}
            service anvil {{
              unix_listener anvil-auth-penalty {{
                mode = 0
              }}
            }}
            service stats {{
              chroot =
            }}
            protocol lmtp {{
              mail_plugins = sieve
              postmaster_address = postmaster@{SHOP}
            }}
            plugin {{
              sieve_before = {sieve}
            }}
            """
        )
    )
    subprocess.run(["sievec", "-c", str(folder / "dovecot.conf"), str(sieve)], check=True, stderr=subprocess.DEVNULL)


def _write_postfix(folder: Path, smtp: int, lmtp: int, *, oauth: bool) -> None:
    config, queue, data = folder / "postfix", folder / "queue", folder / "data"
    for each in (config, queue, data):
        each.mkdir()
    shutil.chown(data, "postfix")
    known = (*BOXES, GONE, LATER)
    (config / "boxes").write_text("".join(f"{box} ok\n" for box in known))
    (config / "access").write_text(f"{LATER} 450 4.2.0 Come back later\n")
    (config / "main.cf").write_text(
        textwrap.dedent(
            f"""
            compatibility_level = 3.6
            queue_directory = {queue}
            data_directory = {data}
            command_directory = /usr/sbin
            daemon_directory = /usr/lib/postfix/sbin
            meta_directory = /etc/postfix
            shlib_directory = /usr/lib/postfix
            maillog_file = {folder}/postfix.log
            maillog_file_prefixes = {folder}
            inet_interfaces = 127.0.0.1
            inet_protocols = ipv4
            myhostname = mail.{SHOP}
            mydestination =
            alias_maps =
            local_recipient_maps =
            virtual_mailbox_domains = {SHOP}, {HOME}
            virtual_mailbox_maps = texthash:{config}/boxes
            virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
            recipient_delimiter = +
            mynetworks = 127.0.0.0/8
            smtpd_relay_restrictions = permit_mynetworks, reject
            smtpd_recipient_restrictions = check_recipient_access texthash:{config}/access, permit
            smtpd_sasl_auth_enable = yes
            smtpd_sasl_type = dovecot
            smtpd_sasl_path = {folder}/auth
            default_transport = error:5.1.2 No such place
            message_size_limit = 80000000
            smtp_tls_security_level = none
            """
        )
    )
    (config / "master.cf").write_text(f"127.0.0.1:{smtp} inet n - n - - smtpd\n{SERVICES.lstrip()}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
