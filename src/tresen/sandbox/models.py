"""The mail provider of the demo: whose mailboxes there are, and what lies in them."""

from __future__ import annotations

from django.db import models

from tresen.customers.models import Customer
from tresen.kernel import clock


class Mailbox(models.Model):
    """An address of the provider. `digest`: of the password that a mail program logs in with; "" = on the page only.

    `story`: why this customer is offered on the page; "" for everybody else. `customer` is empty for strangers.
    """

    address = models.EmailField(max_length=254, unique=True)
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=5, default="de")
    digest = models.CharField(max_length=64, default="", blank=True)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.CASCADE, related_name="+")
    story = models.CharField(max_length=20, default="", blank=True, db_index=True)

    def __str__(self) -> str:
        return self.name


class Mail(models.Model):
    """A mail as it lies in a mailbox, with all headers that it got on its way. `raw` ends every line with CR LF."""

    class Folder(models.TextChoices):
        INBOX = "inbox"
        SENT = "sent"

    mailbox = models.ForeignKey(Mailbox, on_delete=models.CASCADE, related_name="mails")
    folder = models.CharField(max_length=5, choices=Folder.choices, default=Folder.INBOX)
    at = models.DateTimeField(default=clock.now)
    subject = models.CharField(max_length=300, default="", blank=True)
    partner = models.CharField(max_length=300, default="", blank=True)  # who wrote it, or to whom it went
    raw = models.BinaryField()
    size = models.PositiveIntegerField()
    seen = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["mailbox", "folder", "at"], name="sandbox_mail_list")]
