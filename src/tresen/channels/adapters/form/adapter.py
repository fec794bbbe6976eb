"""A contact form, on its own page or inside any web site. What was typed in proves nothing about who did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import orjson
from pydantic import Field, field_validator

from tresen.channels.adapters.form.fields import parse_fields
from tresen.channels.adapters.form.proof import ProofError, verify
from tresen.channels.adapters.webchat.bodies import (
    MEDIA_MAX,
    TEXT_MAX,
    Message,
    one_line,
    printable,
    validated,
)
from tresen.channels.adapters.webchat.look import LOOK, RULES, problems
from tresen.channels.contract import (
    Accepted,
    Adapter,
    AdapterError,
    Answer,
    Assurance,
    Capabilities,
    ChannelView,
    EventType,
    InboundEvent,
    Outbound,
    RawReceipt,
    Sender,
    SendResult,
    SendState,
    Setting,
)
from tresen.kernel import clock

_REASONS = {
    "early": "was sent faster than a person can write; please send it again",
    "old": "is too old; please send it again",
    "invalid": "is not valid; please reload the page",
}


class Submission(Message):
    """A filled form. `website` is the trap: people do not see it, machines fill it in."""

    email: str = Field(min_length=3, max_length=254)
    subject: str = Field(default="", max_length=300)
    fields: dict[str, str] = Field(default_factory=dict, max_length=40)
    proof: str
    website: str = Field(default="", max_length=1000)

    @field_validator("subject")
    @classmethod
    def _subject(cls, value: str) -> str:
        return one_line(value)


class FormAdapter(Adapter):
    """A contact form. Answers go out by e-mail: a form has no way back."""

    kind = "form"
    label = "Contact form"
    icon = "forms"
    capabilities = Capabilities(text_max=TEXT_MAX, media_max=MEDIA_MAX, subject=True, acknowledges=True, replies=False)
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("title", "Title", help="Shown above the form.", group="Look"),
        Setting("intro", "Introduction", "lines", help="A sentence or two under the title.", group="Look"),
        *LOOK,
        Setting(
            "fields",
            "Further fields",
            "lines",
            help="One a line: key | label | kind | required. Example: order | Bestellnummer // Order number",
            group="Fields",
        ),
        *RULES,
    )
    generated_secrets = ("proof_secret",)
    pushes = True
    browser_origin = True
    body_max = 14 * 1024 * 1024

    def authorize(self, channel: ChannelView, raw: RawReceipt) -> Accepted | Answer:
        """A filled form whose proof holds. The proof and the trap are not stored."""
        if raw.path.strip("/") != "messages":
            raise AdapterError(404)
        if raw.method != "POST":
            raise AdapterError(405)
        message = validated(Submission, raw.body)
        if message.website:
            raise AdapterError(422, "must stay empty", field="website")
        secret, now = channel.secrets.get("proof_secret", ""), raw.received_at or clock.now()
        try:
            verify(secret, channel.key, message.proof, message.id, now)
        except ProofError as error:
            raise AdapterError(422, _REASONS[error.reason], field="proof") from None
        answers = _answers(channel, message.fields)
        body = message.model_dump(exclude={"proof", "website", "fields"}) | {"answers": answers}
        return Accepted(key=message.id, body=orjson.dumps(body))

    def parse(self, channel: ChannelView, raw: RawReceipt) -> Iterable[InboundEvent]:
        """One message from the body that `authorize` made. Answers stand below the text, for the search."""
        stored = orjson.loads(raw.body)
        message = Message.model_validate(stored)
        answers = [(label, value) for label, value in stored["answers"] if value]
        lines = [f"{label}: {value}" for label, value in answers]
        yield InboundEvent(
            dedup_key=message.id,
            type=EventType.MESSAGE,
            sender=Sender("email", message.email, message.name, Assurance.CLAIMED),
            occurred_at=raw.received_at,
            external_id=message.id,
            subject=stored["subject"],
            text="\n\n".join(part for part in (message.text, "\n".join(lines)) if part),
            files=tuple(a.file() for a in message.attachments),
        )

    def send(self, channel: ChannelView, message: Outbound) -> SendResult:
        """Refused: the answer to a form is an e-mail."""
        return SendResult(SendState.REJECTED, error="a contact form cannot be answered; answer by e-mail")

    def validate(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
        """Errors by field."""
        errors = super().validate(settings, secrets) | problems(settings)
        try:
            parse_fields(settings.get("fields") or "")
        except ValueError as error:
            errors["fields"] = str(error)
        return errors


def _answers(channel: ChannelView, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """(label, answer) of the configured fields in their order. Raises AdapterError(422) naming the field."""
    fields = {f.key: f for f in parse_fields(channel.settings.get("fields") or "")}
    for key in given:
        if key not in fields:
            raise AdapterError(422, "is not a field of this form", field=f"fields.{one_line(key)[:60]}")
    answers = []
    for key, field in fields.items():
        value = printable(given.get(key, "")) if field.kind == "long" else one_line(given.get(key, ""))
        if problem := field.problem(value.strip()):
            raise AdapterError(422, problem, field=f"fields.{key}")
        answers.append((field.label.get(channel.language, field.label["de"]), value.strip()))
    return answers
