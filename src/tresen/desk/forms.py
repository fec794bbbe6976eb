"""Forms of the administrators' pages. Rules stand in the actions; forms only read and show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tresen.accounts.models import Role, Team, User
from tresen.accounts.principal import SCOPES
from tresen.channels.contract import Adapter, Setting
from tresen.channels.directory import PRIVATE_HOSTS
from tresen.conversations.models import Channel, Queue
from tresen.customers.models import FieldDefinition
from tresen.desk.wording import explain
from tresen.kernel.errors import TresenError

CAPACITY_MAX = 1000
PREFIX = "set_"  # keeps an adapter's settings apart from the fields that every channel has


def refuse(form: forms.Form, error: TresenError) -> None:
    """Shows an action's refusal at the field it names."""
    named = (error.field, PREFIX + error.field)
    form.add_error(next((name for name in named if name in form.fields), None), explain(error))


class QueueForm(forms.Form):
    """A queue: where conversations wait, and who serves it."""

    name = forms.CharField(label=_l("Name"), max_length=80)
    team = forms.ModelChoiceField(
        Team.objects.all(), label=_l("Served by"), required=False, empty_label=_l("everybody")
    )
    pull = forms.BooleanField(
        label=_l("Agents take from it themselves; nothing is assigned automatically"), required=False
    )


class TeamForm(forms.Form):
    """A team and its members."""

    name = forms.CharField(label=_l("Name"), max_length=80)
    members = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True),
        label=_l("Members"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )


class StaffForm(forms.Form):
    """A member of staff."""

    name = forms.CharField(label=_l("Name"), max_length=120)
    email = forms.EmailField(label=_l("E-mail"), max_length=254)
    role = forms.ChoiceField(label=_l("Role"), choices=Role.choices, initial=Role.AGENT)
    capacity = forms.IntegerField(
        label=_l("Capacity"),
        min_value=0,
        max_value=CAPACITY_MAX,
        initial=5,
        help_text=_l("How many open conversations at once are assigned automatically."),
    )
    language = forms.ChoiceField(label=_l("Language"), choices=(("de", "Deutsch"), ("en", "English")))


class ChangeStaffForm(StaffForm):
    """The same, with the switch that keeps somebody out."""

    is_active = forms.BooleanField(label=_l("May sign in"), required=False)


class TokenForm(forms.Form):
    """A new API token."""

    name = forms.CharField(label=_l("What is it for?"), max_length=120)
    role = forms.ChoiceField(label=_l("Role"), choices=Role.choices, initial=Role.AGENT)
    scopes = forms.MultipleChoiceField(
        label=_l("May"),
        choices=(("read", _l("read")), ("write", _l("write")), ("admin", _l("set up"))),
        initial=list(SCOPES[:2]),
        widget=forms.CheckboxSelectMultiple,
    )


class CompanyForm(forms.Form):
    """What all channels share."""

    company_name = forms.CharField(label=_l("Company"), max_length=120)
    public_url = forms.URLField(
        label=_l("Public address"),
        max_length=300,
        assume_scheme="https",
        help_text=_l(
            "Under this address customers and messaging providers reach Tresen, such as https://service.example."
        ),
    )
    company_language = forms.ChoiceField(
        label=_l("Language for customers"), choices=(("de", "Deutsch"), ("en", "English"))
    )
    private_hosts = forms.CharField(
        label=_l("Hosts in your own network"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_l(
            "Tresen calls private addresses only if they stand here, one a line: mail.intern:993 or 10.1.0.0/16."
        ),
    )

    def clean_private_hosts(self) -> list[str]:
        """One entry a line."""
        try:
            return PRIVATE_HOSTS.clean(self.cleaned_data["private_hosts"].splitlines())
        except TresenError as error:
            raise forms.ValidationError(explain(error)) from error


class FieldForm(forms.Form):
    """A new custom field."""

    of = forms.ChoiceField(label=_l("Belongs to"), choices=FieldDefinition.Of.choices)
    key = forms.SlugField(label=_l("Key"), max_length=40, help_text=_l("Lower-case letters, digits and underscores."))
    label_de = forms.CharField(label=_l("German label"), max_length=80)
    label_en = forms.CharField(label=_l("English label"), max_length=80)
    type = forms.ChoiceField(
        label=_l("Type"),
        choices=(
            ("text", _l("Text")),
            ("number", _l("Number")),
            ("date", _l("Date")),
            ("bool", _l("Yes or no")),
            ("url", _l("Link")),
        ),
    )


class ChannelForm(forms.Form):
    """Set-up of a channel: common fields, then one field for each of the adapter's settings, in its groups."""

    name = forms.CharField(label=_l("Name"), max_length=80)
    queue = forms.ModelChoiceField(Queue.objects.all(), label=_l("Queue"), empty_label=None)

    def __init__(self, adapter: Adapter, *args: Any, existing: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.adapter = adapter
        for setting in adapter.settings:
            self.fields[PREFIX + setting.key] = field_for(setting, existing=existing)
        if existing:
            self._add_common(adapter)

    def _add_common(self, adapter: Adapter) -> None:
        self.fields["enabled"] = forms.BooleanField(label=_("Switched on"), required=False)
        self.fields["reopen_days"] = forms.IntegerField(
            label=_("Days in which an answer reopens a resolved conversation"), min_value=0, max_value=3650
        )
        if not adapter.capabilities.replies or adapter.capabilities.realtime:
            self.fields["answers_by"] = forms.ModelChoiceField(
                Channel.objects.filter(replies=True, enabled=True).exclude(kind=adapter.kind),
                label=_("Answers to customers who are no longer there go by"),
                required=False,
                empty_label=_("none"),
            )
        if adapter.capabilities.acknowledges:
            self.fields["acknowledge"] = forms.BooleanField(
                label=_("Acknowledge new conversations automatically"), required=False
            )
            area = {
                "rows": 4,
                "placeholder": _("Empty: the usual text. {number} becomes the conversation's number."),
            }
            for code, label in (("de", _("German acknowledgement")), ("en", _("English acknowledgement"))):
                self.fields[f"acknowledge_text_{code}"] = forms.CharField(
                    label=label, required=False, max_length=4000, widget=forms.Textarea(attrs=area)
                )

    def groups(self) -> list[tuple[str, list[forms.BoundField]]]:
        """(heading, fields) in the adapter's order; the common fields stand first and last."""
        named: dict[str, list[forms.BoundField]] = {"": [self["name"], self["queue"]]}
        keys = {PREFIX + setting.key: setting for setting in self.adapter.settings}
        for key, setting in keys.items():
            named.setdefault(_(setting.group) if setting.group else "", []).append(self[key])
        rest = [self[key] for key in self.fields if key not in keys and key not in ("name", "queue")]
        if rest:
            named[_("Behaviour")] = rest
        return list(named.items())

    def given_settings(self) -> dict[str, Any]:
        """What was entered, for the adapter; secrets apart."""
        return {s.key: self.cleaned_data[PREFIX + s.key] for s in self.adapter.settings if s.kind != "secret"}

    def given_secrets(self) -> dict[str, str]:
        """Entered secrets; an empty one keeps what is stored."""
        return {s.key: self.cleaned_data[PREFIX + s.key] for s in self.adapter.settings if s.kind == "secret"}


def field_for(setting: Setting, *, existing: bool = False) -> forms.Field:
    """A form field for one setting. A stored secret is never shown again, so it may stay empty."""
    common: dict[str, Any] = {
        "label": _(setting.label) if setting.label else setting.key,
        "help_text": _(setting.help) if setting.help else "",
        "required": setting.required,
        "initial": setting.default,
    }
    kind = setting.kind
    if kind == "secret":
        hint = _("unchanged") if existing else ""
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "placeholder": hint})
        return forms.CharField(
            **{**common, "required": setting.required and not existing, "widget": widget}, strip=False
        )
    if kind == "number":
        return forms.IntegerField(**common)
    if kind == "bool":
        return forms.BooleanField(**{**common, "required": False})
    if kind == "choice":
        return forms.ChoiceField(**common, choices=[(value, _(label)) for value, label in setting.choices])
    if kind == "email":
        return forms.EmailField(**common)
    if kind == "url":
        return forms.URLField(**common, assume_scheme="https")
    if kind == "lines":
        return forms.CharField(**common, widget=forms.Textarea(attrs={"rows": 3}))
    return forms.CharField(**common)


def current(adapter: Adapter, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Stored settings as initial values of `ChannelForm`."""
    values: dict[str, Any] = {}
    for setting in adapter.settings:
        value = settings.get(setting.key, setting.default)
        values[PREFIX + setting.key] = "\n".join(value) if isinstance(value, list | tuple) else value
    return values
