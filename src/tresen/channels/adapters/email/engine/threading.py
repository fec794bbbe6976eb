"""Evidence for the conversation a mail belongs to, strongest first. The core decides; nothing here is
believed."""

from __future__ import annotations

import re

from tresen.channels.adapters.email.engine import identity
from tresen.channels.adapters.email.engine.headers import Address
from tresen.channels.adapters.email.engine.identity import Mailbox
from tresen.channels.adapters.email.engine.parse import Mail
from tresen.channels.contract import ThreadHint

REFERENCES_MAX = 50
TOKENS_MAX = 10
NUMBER = re.compile(r"\[#([A-Za-z0-9][A-Za-z0-9-]{0,19})\]")


def hints(mail: Mail, box: Mailbox) -> tuple[ThreadHint, ...]:
    """Tokens (from our plus-addresses, then from our own ids), references newest first, then the subject's
    number.

    A token counts only in an address or id of this very mailbox; whether its signature holds is checked by
    the core.
    References and numbers are guessable: the core also asks that the sender takes part in the conversation.
    """
    ids = known_ids(mail)
    found = [ThreadHint("token", token) for token in tokens(mail, box, ids)]
    found += [ThreadHint("reference", known) for known in ids]
    found += [ThreadHint("number", match[1]) for match in list(NUMBER.finditer(mail.subject))[:3]]
    return tuple(dict.fromkeys(found))


def known_ids(mail: Mail) -> tuple[str, ...]:
    """In-Reply-To first, then References from the newest to the oldest; at most 50."""
    return tuple(dict.fromkeys((*mail.in_reply_to, *reversed(mail.references))))[:REFERENCES_MAX]


def tokens(mail: Mail, box: Mailbox, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Reply tokens that the mail carries, unchecked."""
    found = [
        d for d in map(box.detail, recipients(mail)) if d and identity.TOKEN.fullmatch(d) and not identity.VERP.match(d)
    ]
    found += [own[0] for own in (identity.own_id(i, box) for i in ids) if own and own[0]]
    return tuple(dict.fromkeys(found))[:TOKENS_MAX]


def recipients(mail: Mail) -> tuple[Address, ...]:
    """Whom the mail reached: the envelope as far as the server recorded it, then To and Cc."""
    return (*mail.delivered_to, *mail.to, *mail.cc)


def to_plus_address(mail: Mail, box: Mailbox) -> bool:
    """Whether the mail was written to one of our reply addresses instead of the mailbox itself."""
    return any(box.detail(a) for a in recipients(mail))
