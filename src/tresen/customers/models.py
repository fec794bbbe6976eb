"""Customers, their identities, companies and records."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tresen.kernel import clock


class Assurance(models.TextChoices):
    """How far an identity can be believed: history, look-ups and linking only from PROVED on."""

    CLAIMED = "claimed", _("Claimed")
    PROVED = "proved", _("Proved by the channel")
    SIGNED = "signed", _("Signed in")


class Company(models.Model):
    name = models.CharField(max_length=200)
    number = models.CharField(max_length=60, default="", blank=True)
    domain = models.CharField(max_length=200, default="", blank=True)
    fields = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["number"], condition=~Q(number=""), name="company_number_once")]
        indexes = [
            models.Index(fields=["domain"], name="company_domain"),
            models.Index(fields=["name"], name="company_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Customer(models.Model):
    """A person. `fields` holds custom fields by key; their definitions are `FieldDefinition` rows."""

    name = models.CharField(max_length=200, default="", blank=True)
    company = models.ForeignKey(Company, null=True, blank=True, on_delete=models.SET_NULL, related_name="people")
    language = models.CharField(max_length=5, default="", blank=True)
    about = models.TextField(default="", blank=True)
    fields = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [models.Index(fields=["name"], name="customer_name")]

    def __str__(self) -> str:
        return self.name or str(_("Unknown customer"))


class Identity(models.Model):
    """One way to recognise a customer. Kinds are data: any slug may be a kind.

    `anchor`: a message that shows this value, proved or merely claimed as the row is, lands on this customer. Every
    proved value is one. Of claimed values only the sender's own is, and only while its customer has proved nothing:
    so whoever merely claims something never lands on a customer who proved anything.
    """

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=40)
    value = models.CharField(max_length=320, db_index=True)
    shown = models.CharField(max_length=320)
    assurance = models.CharField(max_length=10, choices=Assurance.choices, default=Assurance.CLAIMED)
    proved = models.BooleanField(default=False)
    anchor = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "value", "proved"], condition=Q(anchor=True), name="identity_once"),
            models.UniqueConstraint(fields=["customer", "kind", "value"], name="identity_per_customer"),
            models.CheckConstraint(
                condition=Q(assurance="claimed", proved=False) | (~Q(assurance="claimed") & Q(proved=True)),
                name="identity_proved_fits_assurance",
            ),
            models.CheckConstraint(condition=Q(proved=False) | Q(anchor=True), name="identity_proved_is_anchor"),
        ]


class FieldDefinition(models.Model):
    """A custom field of customers, companies or conversations."""

    class Of(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        COMPANY = "company", _("Company")

    of = models.CharField(max_length=20, choices=Of.choices)
    key = models.SlugField(max_length=40)
    label_de = models.CharField(max_length=80)
    label_en = models.CharField(max_length=80)
    type = models.CharField(max_length=10, default="text")  # text, number, date, bool, url
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["of", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["of", "key"], name="field_once")]


class Record(models.Model):
    """A thing in the back office: contract, order, invoice, shipment, machine. Unique by kind and number."""

    kind = models.CharField(max_length=40)
    number = models.CharField(max_length=80)
    folded = models.CharField(max_length=80)  # number without spaces and punctuation, upper case: how it is found
    customer = models.ForeignKey(Customer, null=True, blank=True, on_delete=models.CASCADE, related_name="records")
    company = models.ForeignKey(Company, null=True, blank=True, on_delete=models.CASCADE, related_name="records")
    title = models.CharField(max_length=200, default="", blank=True)
    status = models.CharField(max_length=60, default="", blank=True)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, default="", blank=True)
    link = models.URLField(max_length=500, default="", blank=True)
    data = models.JSONField(default=dict, blank=True)
    source = models.CharField(max_length=60, default="", blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "number"], name="record_once")]
        indexes = [
            models.Index(fields=["folded"], name="record_folded"),
            models.Index(fields=["customer", "kind"], name="record_customer"),
            models.Index(fields=["company", "kind"], name="record_company"),
        ]
