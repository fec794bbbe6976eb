"""Mailboxes and what lies in them. Called by the servers of the provider and by the customer's page."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

from tresen.channels.adapters.email.engine.parse import Mail as Parsed
from tresen.channels.adapters.email.engine.parse import envelope
from tresen.kernel import clock, db, ids
from tresen.sandbox.mail import wire
from tresen.sandbox.models import Mail, Mailbox

MAILS_MAX = 2000  # in one folder; the oldest go first
INBOX, SENT = Mail.Folder.INBOX, Mail.Folder.SENT


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail of an inbox as POP3 names it."""

    id: int
    size: int


def bare(address: str) -> str:
    """The mailbox behind an address: lower case, without the detail after a plus sign."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def fits(digest: str, password: str) -> bool:
    """Whether a password is the one behind a digest; "" lets nobody in."""
    return bool(digest) and hmac.compare_digest(digest, ids.digest(password))


def digests() -> dict[str, str]:
    """Address and digest of every mailbox that mail programs may open."""
    return dict(Mailbox.objects.exclude(digest="").values_list("address", "digest"))


def open_mailbox(address: str, password: str) -> int | None:
    """The id of the mailbox that a mail program may open; None for a wrong name or password."""
    found = Mailbox.objects.filter(address=address.strip().lower()).first()
    return found.pk if found and fits(found.digest, password) else None


def listing(mailbox_id: int) -> list[Listed]:
    """What lies in an inbox, oldest first."""
    rows = Mail.objects.filter(mailbox=mailbox_id, folder=INBOX).order_by("id")
    return [Listed(*row) for row in rows.values_list("id", "size")]


def raw(mailbox_id: int, mail_id: int) -> bytes | None:
    """A mail of an inbox; None when it is gone."""
    found = Mail.objects.filter(mailbox=mailbox_id, pk=mail_id).values_list("raw", flat=True).first()
    return None if found is None else bytes(found)


def remove(mailbox_id: int, mail_ids: Iterable[int]) -> None:
    """Deletes mails, as a mail program asks at the end of its session."""
    with db.atomic():
        Mail.objects.filter(mailbox=mailbox_id, pk__in=list(mail_ids)).delete()


def send(mailbox: Mailbox, content: bytes, recipient: str) -> Mail:
    """A customer's mail: kept in the folder of sent mail and delivered. The page knows who writes, so it is proved."""
    with db.atomic():
        kept = keep(mailbox, content, SENT)
        deliver(mailbox.address, [recipient], content, proved=mailbox.address)
    return kept


def deliver(sender: str, recipients: Iterable[str], content: bytes, *, proved: str = "") -> None:
    """Puts a mail into the mailboxes of its recipients; what cannot be delivered comes back as a report.

    `sender`: the envelope's, "" for reports (they never come back). `proved`: the address that logged in; its domain
    is vouched for when it is the author's.
    """
    at = clock.now()
    author = next(iter(envelope(content).senders), None)
    domain = proved.rpartition("@")[2]
    vouched = domain if author and author.domain == domain else ""
    lost: list[str] = []
    with db.atomic():
        for recipient in recipients:
            mailbox = Mailbox.objects.filter(address=bare(recipient)).first()
            if mailbox is None:
                lost.append(recipient)
                continue
            keep(mailbox, wire.stamp(content, sender=sender, recipient=recipient, at=at, proved=vouched), INBOX)
        if lost and sender:
            deliver("", [sender], wire.bounce(content, sender=sender, recipients=lost, at=at))


def keep(mailbox: Mailbox, content: bytes, folder: str, *, seen: bool = False) -> Mail:
    """Lays a mail into a folder."""
    parsed = envelope(content)
    with db.atomic():
        mail = Mail.objects.create(
            mailbox=mailbox,
            folder=folder,
            subject=parsed.subject[:300],
            partner=_partner(parsed, folder)[:300],
            raw=content,
            size=len(content),
            seen=seen or folder == SENT,
        )
        surplus = Mail.objects.filter(mailbox=mailbox, folder=folder).order_by("-id").values_list("id", flat=True)
        Mail.objects.filter(pk__in=list(surplus[MAILS_MAX:])).delete()
    return mail


def _partner(parsed: Parsed, folder: str) -> str:
    people = parsed.senders if folder == INBOX else parsed.to
    return ", ".join(one.name or one.value for one in people)
