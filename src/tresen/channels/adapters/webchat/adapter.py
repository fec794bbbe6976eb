"""Chat on a web site. A visitor's messages come in over `/in`; ours wait in the list and the stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from tresen.channels.adapters.webchat import tokens
from tresen.channels.adapters.webchat.bodies import MEDIA_MAX, TEXT_MAX, Message, validated
from tresen.channels.adapters.webchat.look import LOOK, RULES, origins, problems
from tresen.channels.contract import (
    Accepted,
    Adapter,
    AdapterError,
    Answer,
    Assurance,
    Capabilities,
    ChannelView,
    Check,
    EventType,
    InboundEvent,
    Outbound,
    RawReceipt,
    Sender,
    SendResult,
    SendState,
    Setting,
    ThreadHint,
)
from tresen.kernel import clock


def bearer(raw: RawReceipt) -> str:
    """The token of the Authorization header; "" when there is none."""
    scheme, _, token = raw.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def external_id(channel: ChannelView, subject: str) -> str:
    """The host site's user number in the name space of its site: user 42 of two sites are two people."""
    return f"{channel.settings.get('namespace') or channel.key}:{subject}"


def sender(channel: ChannelView, visitor: tokens.Visitor, *, name: str = "", email: str = "") -> Sender:
    """The identities a visitor has shown, strongest first. What was merely typed stays claimed."""
    also: list[tuple[str, str, Assurance]] = [("visitor", i, Assurance.PROVED) for i in visitor.previous]
    person = visitor.identity
    if person and person.email:
        also.append(("email", person.email, Assurance.SIGNED))
    if email and not (person and person.email == email):
        also.append(("email", email, Assurance.CLAIMED))
    if not person:
        return Sender("visitor", visitor.id, name, Assurance.PROVED, tuple(also), visitor.language)
    return Sender(
        "external",
        external_id(channel, person.subject),
        person.name or name,
        Assurance.SIGNED,
        (("visitor", visitor.id, Assurance.PROVED), *also),
        visitor.language,
    )


class WebchatAdapter(Adapter):
    """The chat button of a web site. In: signed by the visitor token. Out: nothing to transport."""

    kind = "webchat"
    label = "Web chat"
    icon = "message-chatbot"
    capabilities = Capabilities(
        text_max=TEXT_MAX,
        formats=frozenset({"text"}),
        media_max=MEDIA_MAX,
        receipts=frozenset({"delivered", "read"}),
        typing=True,
        realtime=True,
        idempotent=True,
    )
    settings: ClassVar[tuple[Setting, ...]] = (
        Setting("title", "Title", help="Shown at the top of the chat.", group="Look"),
        Setting("greeting", "Greeting", "lines", help="What a visitor reads first.", group="Look"),
        *LOOK,
        Setting(
            "position",
            "Corner",
            "choice",
            "right",
            choices=(("right", "Right"), ("left", "Left")),
            group="Look",
        ),
        *RULES,
        Setting(
            "namespace",
            "Name space of signed user numbers",
            help="Channels with the same name space share their users.",
            group="Rules",
        ),
    )
    generated_secrets = ("token_secret", "identity_secret")
    pushes = True
    browser_origin = True
    body_max = 14 * 1024 * 1024  # 10 MB of attachments as base64

    def authorize(self, channel: ChannelView, raw: RawReceipt) -> Accepted | Answer:
        """A message of a visitor whose token holds. What is stored: the verified claims, never the token."""
        if raw.path.strip("/") != "messages":
            raise AdapterError(404)
        secret, now = channel.secrets.get("token_secret", ""), raw.received_at or clock.now()
        try:
            visitor = tokens.read(secret, channel.key, bearer(raw), now)
        except tokens.TokenError:
            raise AdapterError(401) from None
        if raw.method != "POST":
            raise AdapterError(405)
        message = validated(Message, raw.body)
        person = visitor.identity
        claims = {
            "id": visitor.id,
            "previous": visitor.previous,
            "language": visitor.language,
            "identity": person and {"subject": person.subject, "email": person.email, "name": person.name},
        }
        body = orjson.dumps({"visitor": claims, "message": message.model_dump()})
        # A uuid counts within its visitor: nobody can swallow a stranger's message by sending its id first.
        return Accepted(key=f"{visitor.id}:{message.id}", body=body)

    def parse(self, channel: ChannelView, raw: RawReceipt) -> Iterable[InboundEvent]:
        """One message from the body that `authorize` made."""
        stored = orjson.loads(raw.body)
        claims = stored["visitor"]
        person = tokens.Identity(**claims["identity"]) if claims["identity"] else None
        visitor = tokens.Visitor(claims["id"], person, tuple(claims["previous"]), claims["language"])
        message = Message.model_validate(stored["message"])
        yield InboundEvent(
            dedup_key=f"{visitor.id}:{message.id}",
            type=EventType.MESSAGE,
            sender=sender(channel, visitor, name=message.name, email=message.email),
            hints=tuple(ThreadHint("key", i) for i in visitor.ids),
            occurred_at=raw.received_at,
            external_id=f"{visitor.id}:{message.id}",
            text=message.text,
            files=tuple(a.file() for a in message.attachments),
            meta={"answer_by": "email"} if message.email else {},
        )

    def send(self, channel: ChannelView, message: Outbound) -> SendResult:
        """The stored message is the transport: stream and list show it. The visitor's own call says read."""
        return SendResult(SendState.ACCEPTED)

    def check(self, channel: ChannelView) -> Iterator[Check]:
        """Whether the script line would work on a web site."""
        url = urlsplit(channel.public_url)
        local = url.hostname in ("localhost", "127.0.0.1", "::1")
        yield Check(
            "address",
            ok=url.scheme == "https" or local,
            detail=channel.public_url,
            fix="Browsers load the chat into https pages from https only: set the public URL to https.",
        )
        sites = ", ".join(origins(channel.settings))
        yield Check("web sites", ok=True, detail=sites or "every web site may use this chat")

    def validate(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
        """Errors by field."""
        return super().validate(settings, secrets) | problems(settings)
