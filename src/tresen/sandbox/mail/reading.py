"""A mail as a mail program shows it, and the beginnings of an answer to it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from tresen.channels.adapters.email.engine.html import sanitise
from tresen.channels.adapters.email.engine.limits import Unparsable
from tresen.channels.adapters.email.engine.parse import Mail as Parsed
from tresen.channels.adapters.email.engine.parse import envelope, parse
from tresen.channels.contract import File
from tresen.sandbox.models import Mail

REPLY = re.compile(r"\s*(?:re|aw)\s*:\s*", re.IGNORECASE)
REFERENCES_MAX = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail to read. `files`: everything attached, in the mail's order."""

    subject: str
    sender: str
    sender_address: str
    to: str
    text: str
    html: bool
    files: tuple[File, ...]


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a mail program fills in when one presses "reply"."""

    to: str
    subject: str
    text: str
    references: tuple[str, ...]


def parsed(mail: Mail) -> Parsed:
    """The mail's parts; only its headers when the rest cannot be read."""
    try:
        return parse(bytes(mail.raw))
    except Unparsable:
        return envelope(bytes(mail.raw))


def shown(mail: Mail) -> Shown:
    """For the reading pane."""
    one = parsed(mail)
    sender = next(iter(one.senders), None)
    return Shown(
        subject=one.subject or _("(no subject)"),
        sender=(sender.name or sender.value) if sender else "",
        sender_address=sender.value if sender else "",
        to=", ".join(a.value for a in (*one.to, *one.cc)),
        text=one.text,
        html=bool(one.html),
        files=one.files,
    )


def body(mail: Mail) -> str:
    """HTML that may be shown in a frame without scripts; nothing is fetched from elsewhere."""
    return sanitise(parsed(mail).html, load_remote=False, cid_url=lambda _cid: None)


def answer_to(mail: Mail, language: str) -> Beginning:
    """Addresses, subject, references and quote as mail programs write them (RFC 5322, 3.6.4)."""
    one = parsed(mail)
    author = next(iter((*one.reply_to, *one.senders)), None)
    name = next((a.name or a.value for a in one.senders), "")
    with translation.override(language):
        at = date_format(localtime(mail.at), "DATETIME_FORMAT")
        intro = _("On %(at)s %(name)s wrote:") % {"at": at, "name": name}
    quote = "\n".join(f"> {line}".rstrip() for line in one.text.rstrip().splitlines())
    references = (*one.references, one.message_id) if one.message_id else one.references
    return Beginning(
        to=author.value if author else "",
        subject=f"Re: {REPLY.sub('', one.subject, count=1)}",
        text=f"\n\n{intro}\n{quote}\n",
        references=tuple(dict.fromkeys(references))[-REFERENCES_MAX:],
    )
