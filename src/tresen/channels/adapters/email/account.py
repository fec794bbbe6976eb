"""A channel's settings as typed values, with the defaults of mail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tresen.channels.adapters.email.engine.compose import Letterhead
from tresen.channels.adapters.email.engine.identity import Mailbox
from tresen.channels.contract import ChannelView, Setting

SECURITY = (("tls", "TLS"), ("starttls", "STARTTLS"), ("none", "none (same machine only)"))
PORTS = {
    ("imap", "tls"): 993,
    ("imap", "starttls"): 143,
    ("imap", "none"): 143,
    ("pop3", "tls"): 995,
    ("pop3", "starttls"): 110,
    ("pop3", "none"): 110,
    ("smtp", "tls"): 465,
    ("smtp", "starttls"): 587,
    ("smtp", "none"): 25,
}

SETTINGS = (
    Setting(
        "address",
        "Address",
        "email",
        required=True,
        group="Mailbox",
        help="Customers write to it and see it as sender.",
    ),
    Setting("name", "Sender name", group="Mailbox", help="Shown before the address, such as the company's name."),
    Setting(
        "aliases",
        "Further addresses",
        "lines",
        group="Mailbox",
        help="Other addresses that arrive in the same mailbox.",
    ),
    Setting(
        "protocol",
        "Protocol",
        "choice",
        "imap",
        choices=(("imap", "IMAP"), ("pop3", "POP3")),
        group="Incoming",
    ),
    Setting("in_host", "Server", required=True, group="Incoming"),
    Setting("in_port", "Port", "number", 0, group="Incoming", help="0: the usual one."),
    Setting("in_security", "Encryption", "choice", "tls", choices=SECURITY, group="Incoming"),
    Setting("user", "User name", group="Incoming", help="Empty: the address."),
    Setting("folder", "Folder", default="INBOX", group="Incoming"),
    Setting("idle", "Wait for new mail (IDLE)", "bool", True, group="Incoming", help="Off: look again and again."),
    Setting(
        "poll_seconds",
        "Seconds between two looks",
        "number",
        30,
        group="Incoming",
        help="POP3, and IMAP without IDLE.",
    ),
    Setting(
        "import_days",
        "Fetch mail of the last days",
        "number",
        14,
        group="Incoming",
        help="At the first start; 0: all.",
    ),
    Setting("out_host", "Server", required=True, group="Outgoing"),
    Setting("out_port", "Port", "number", 0, group="Outgoing", help="0: the usual one."),
    Setting("out_security", "Encryption", "choice", "tls", choices=SECURITY, group="Outgoing"),
    Setting(
        "out_user",
        "User name",
        group="Outgoing",
        help="Empty: as for incoming mail. A minus sign: no log-in.",
    ),
    Setting(
        "auth",
        "Log-in",
        "choice",
        "password",
        choices=(("password", "Password"), ("xoauth2", "OAuth 2 (XOAUTH2)")),
        group="Log-in",
    ),
    Setting("password", "Password", "secret", group="Log-in"),
    Setting("out_password", "Password for outgoing mail", "secret", group="Log-in", help="Empty: the same."),
    Setting("token_url", "Token address", "url", group="Log-in", help="OAuth 2 only."),
    Setting("client_id", "Client ID", group="Log-in", help="OAuth 2 only."),
    Setting("client_secret", "Client secret", "secret", group="Log-in", help="OAuth 2 only."),
    Setting(
        "refresh_token",
        "Refresh token",
        "secret",
        group="Log-in",
        help="OAuth 2 only. Empty: client credentials.",
    ),
    Setting("scope", "Scope", group="Log-in", help="OAuth 2 only."),
    Setting(
        "authserv_id",
        "Name in Authentication-Results",
        group="Trust",
        help="What your own mail server calls itself there. Empty: DKIM signatures are checked here.",
    ),
    Setting(
        "plus",
        "Reply addresses with plus sign",
        "bool",
        True,
        group="Trust",
        help="Off where the server refuses name+tag@…",
    ),
    Setting("signature", "Signature", "lines", group="Text"),
)
_DEFAULTS = {s.key: s.default for s in SETTINGS}


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect. `security`: tls, starttls or none."""

    host: str
    port: int
    security: str


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in. `method`: password, xoauth2, or "" for no log-in. Never print it."""

    method: str
    user: str
    password: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    scope: str = ""

    def __repr__(self) -> str:
        return f"Login({self.method!r}, {self.user!r})"


@dataclass(frozen=True, slots=True)
class Account:
    """Everything that the transports need."""

    box: Mailbox
    protocol: str
    incoming: Server
    outgoing: Server
    in_login: Login
    out_login: Login
    folder: str
    idle: bool
    poll_seconds: float
    import_days: int
    authserv_id: str
    own: frozenset[str]
    head: Letterhead


def account(channel: ChannelView) -> Account:
    """The settings of a channel with defaults filled in."""
    values = {**_DEFAULTS, **{k: v for k, v in channel.settings.items() if v is not None}}
    secrets = channel.secrets
    box = Mailbox(str(values["address"]).strip(), bool(values["plus"]))
    return Account(
        box=box,
        protocol=str(values["protocol"]),
        incoming=_server(values, "in", str(values["protocol"])),
        outgoing=_server(values, "out", "smtp"),
        in_login=_login(values, secrets, str(values["user"] or box.address), secrets.get("password", "")),
        out_login=_out_login(values, secrets, box),
        folder=str(values["folder"] or "INBOX"),
        idle=bool(values["idle"]),
        poll_seconds=max(1.0, float(values["poll_seconds"] or 0)),
        import_days=int(values["import_days"] or 0),
        authserv_id=str(values["authserv_id"] or "").strip(),
        own=frozenset(line.lower() for line in lines(values["aliases"])),
        head=Letterhead(
            box,
            name=str(values["name"] or ""),
            signature="\n".join(values["signature"])
            if isinstance(values["signature"], list)
            else str(values["signature"] or ""),
            language=channel.language,
        ),
    )


def lines(value: Any) -> list[str]:
    """A setting of kind `lines`, stored as text or as a list, without empty ones."""
    found = value.splitlines() if isinstance(value, str) else list(value or [])
    return [str(line).strip() for line in found if str(line).strip()]


def _server(values: Mapping[str, Any], side: str, protocol: str) -> Server:
    security = str(values[f"{side}_security"])
    port = int(values[f"{side}_port"] or 0) or PORTS[protocol, security]
    return Server(str(values[f"{side}_host"] or "").strip(), port, security)


def _login(values: Mapping[str, Any], secrets: Mapping[str, str], user: str, password: str) -> Login:
    return Login(
        str(values["auth"]),
        user,
        password,
        str(values["token_url"] or ""),
        str(values["client_id"] or ""),
        secrets.get("client_secret", ""),
        secrets.get("refresh_token", ""),
        str(values["scope"] or ""),
    )


def _out_login(values: Mapping[str, Any], secrets: Mapping[str, str], box: Mailbox) -> Login:
    user = str(values["out_user"] or values["user"] or box.address).strip()
    if user == "-":
        return Login("", "")
    return _login(values, secrets, user, secrets.get("out_password") or secrets.get("password", ""))
