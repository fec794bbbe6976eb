"""Who must not be answered automatically, and how our own automatic mail says what it is (RFC 3834, RFC
5230, RFC 2919)."""

from __future__ import annotations

import re
from collections.abc import Collection

from tresen.channels.adapters.email.engine.parse import Mail

MACHINE = re.compile(
    r"(?:^|[-_.+])(?:no-?_?\.?reply|do-?_?not-?_?reply|noreply\w*|donotreply|nicht-?antworten|keine-?antwort|mailer-?daemon|"
    r"postmaster|bounces?|autoresponder|auto-?reply|notifications?|owner|request|majordomo|listserv|newsletter|root|daemon)"
    r"(?:$|[-_.+=])",
    re.IGNORECASE,
)
NO_REPLY = re.compile(
    r"no-?_?\.?reply|do-?_?not-?_?reply|donotreply|nicht-?antworten|keine-?antwort|unmonitored", re.IGNORECASE
)
PRECEDENCE = frozenset({"bulk", "junk", "list", "auto_reply", "auto-reply"})
# Headers whose mere presence tells a machine or a list.
MARKS = (
    "list-id",
    "list-unsubscribe",
    "list-post",
    "list-help",
    "list-owner",
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-auto-reply-from",
    "x-vacation",
    "x-loop",
    "feedback-id",
    "x-failed-recipients",
)
SUPPRESS = frozenset({"all", "autoreply", "oof", "dr", "rn", "nrn"})

AUTOMATIC_HEADERS = {
    "X-Auto-Response-Suppress": "All",
    "Precedence": "bulk",
}


def auto_submitted(mail: Mail) -> str:
    """The keyword of Auto-Submitted in lower case, "" without one."""
    return re.split(r"[;(\s]", mail.header("auto-submitted").strip(), maxsplit=1)[0].lower()


def reason(mail: Mail, own: Collection[str] = ()) -> str:
    """Why this mail must not be answered automatically, in a few words; "" when it may be.

    `own` are the addresses of our channels in lower case.
    """
    if auto_submitted(mail) not in ("", "no"):
        return f"Auto-Submitted: {auto_submitted(mail)[:60]}"
    if mail.return_path == "":
        return "null return path"
    if mail.header("precedence").lower() in PRECEDENCE:
        return f"Precedence: {mail.header('precedence').lower()}"
    for name in MARKS:
        if name in mail.headers:
            return name.title()
    if mail.header("x-auto-response-suppress") and SUPPRESS & set(
        re.split(r"[,;\s]+", mail.header("x-auto-response-suppress").lower())
    ):
        return "X-Auto-Response-Suppress"
    for address in mail.senders or mail.sender:
        if address.value.lower() in own:
            return "our own address"
        if MACHINE.search(address.local):
            return f"machine address {address.local[:60]}"
    return "" if mail.senders or mail.sender else "no sender"


def is_no_reply(mail: Mail) -> bool:
    """Whether the sender declares that nobody reads answers."""
    return any(NO_REPLY.search(a.local) for a in (*mail.senders, *mail.sender, *mail.reply_to))
