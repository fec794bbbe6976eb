"""Mail to staff (password links) goes out through the first mail channel; without one it cannot be sent."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from tresen.channels import registry
from tresen.channels.contract import Outbound, SendState
from tresen.channels.directory import DIRECTORY

log = logging.getLogger(__name__)


class ChannelBackend(BaseEmailBackend):
    """Django's mail over the company's own mail channel."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        view = next((one for one in DIRECTORY.all() if one.kind == "email"), None)
        sent = 0
        for mail in email_messages:
            if view is not None:
                outbound = Outbound(
                    idempotency_key=f"staff-{id(mail)}",
                    conversation_id=0,
                    message_id=0,
                    seq=0,
                    thread_key="",
                    reply_context={},
                    to=tuple(mail.to),
                    text=str(mail.body),
                    subject=str(mail.subject),
                    automated=True,
                )
                sent += registry.need("email").send(view, outbound).state is SendState.ACCEPTED
        if sent < len(email_messages) and not self.fail_silently:
            log.warning("mail to staff was not sent: no working mail channel")
            raise SMTPException("no working mail channel")
        return sent
