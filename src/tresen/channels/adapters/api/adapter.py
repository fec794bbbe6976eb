"""The `api` channel. In: JSON with a bearer token. Out: a webhook signed after Standard Webhooks."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook

from tresen.channels.adapters.api.bodies import Body
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
    File,
    InboundEvent,
    Outbound,
    RawReceipt,
    Sender,
    SendResult,
    SendState,
    Setting,
    ThreadHint,
)
from tresen.kernel import clock, http

_FINAL = (400, 404, 405, 410, 413, 415, 422)


class ApiAdapter(Adapter):
    """Any system with HTTP: a shop, a machine, an app of the company's own."""

    kind = "api"
    label = "API"
    icon = "api"
    capabilities = Capabilities(
        formats=frozenset({"text", "html"}),
        receipts=frozenset({"delivered", "failed"}),
        starts_conversation=False,
        acknowledges=True,
        idempotent=True,
    )
    settings = (
        Setting(
            "webhook_url",
            "Webhook URL",
            "url",
            help="Replies are posted here. Empty: they are fetched by API.",
        ),
        Setting(
            "trusted",
            "The posting system knows who its customers are",
            "bool",
            default=True,
            help="Off: senders count as claimed, and agents see no history for them.",
        ),
    )
    generated_secrets: ClassVar[tuple[str, ...]] = ("token", "webhook_secret")
    pushes = True
    body_max = 35 * 1024 * 1024

    def authorize(self, channel: ChannelView, raw: RawReceipt) -> Accepted | Answer:
        """Token first, then the body: nobody without the token learns what a body should look like."""
        scheme, _, given = raw.headers.get("authorization", "").partition(" ")
        token = channel.secrets.get("token", "")
        if scheme.lower() != "bearer" or not token or not hmac.compare_digest(given.strip().encode(), token.encode()):
            raise AdapterError(401)
        if raw.method not in ("POST", "PUT"):
            raise AdapterError(405, "POST a message")
        return Accepted(key=read(raw.body).id)

    def parse(self, channel: ChannelView, raw: RawReceipt) -> Iterable[InboundEvent]:
        """One message."""
        body = read(raw.body)
        level = Assurance.PROVED if channel.settings.get("trusted", True) else Assurance.CLAIMED
        sender = body.sender
        yield InboundEvent(
            dedup_key=body.id,
            external_id=body.id,
            type=EventType.MESSAGE,
            sender=Sender(sender.kind, sender.value, sender.name, level, language=sender.language),
            hints=(ThreadHint("key", body.thread),),
            occurred_at=body.at,
            subject=body.subject,
            text=body.text,
            html=body.html,
            files=tuple(File(a.name, a.type, base64.b64decode(a.base64)) for a in body.attachments),
            reply_context={"thread": body.thread, "to": [sender.value]},
        )

    def send(self, channel: ChannelView, message: Outbound) -> SendResult:
        """Posts the reply; `webhook-id` stays the same over retries, so that the receiver can drop repeats."""
        url = channel.settings.get("webhook_url", "")
        if not url:
            return SendResult(SendState.ACCEPTED)  # it stands in the conversation, to be fetched
        body = orjson.dumps(_payload(message)).decode()
        headers = _signed(channel.secrets.get("webhook_secret", ""), message.idempotency_key, body)
        try:
            answer = http.request("POST", url, headers=headers, content=body.encode(), timeout=7.0)
        except http.Blocked as error:
            return SendResult(SendState.REJECTED, error=str(error))
        except http.HttpError as error:
            return SendResult(SendState.REJECTED, error=str(error), retry=True)
        if answer.ok:
            return SendResult(SendState.ACCEPTED, delivered=True)
        return SendResult(
            SendState.REJECTED,
            error=f"the receiver answered {answer.status}",
            retry=answer.status not in _FINAL,
            retry_after=_retry_after(answer.headers),
        )

    def check(self, channel: ChannelView) -> Iterator[Check]:
        """Is the webhook address one we may call?"""
        url = channel.settings.get("webhook_url", "")
        if not url:
            yield Check("webhook", ok=True, detail="no webhook: replies are fetched by API")
            return
        parts = urlsplit(url)
        try:
            http.check_host(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        except http.HttpError as error:
            yield Check("webhook", ok=False, detail=str(error), fix="Use an address that is reachable from here.")
            return
        yield Check("webhook", ok=True, detail=parts.hostname or "")

    def validate(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
        """Errors by field."""
        url = settings.get("webhook_url") or ""
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username):
            return {"webhook_url": "must be an http or https address without credentials"}
        return super().validate(settings, secrets)


def read(raw: bytes) -> Body:
    """The body, or AdapterError 422 naming the first wrong field."""
    try:
        return Body.model_validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise AdapterError(422, first["msg"], field=where) from None


def _payload(message: Outbound) -> dict[str, Any]:
    at = (message.created_at or clock.now()).isoformat()
    return {
        "type": "message.created",
        "timestamp": at,
        "data": {
            "conversation_id": message.conversation_id,
            "number": message.meta.get("number", ""),
            "thread": message.reply_context.get("thread", message.thread_key),
            "to": list(message.to),
            "message": {
                "id": message.message_id,
                "seq": message.seq,
                "author": message.author,
                "subject": message.subject,
                "text": message.text,
                "automated": message.automated,
                "created_at": at,
                "attachments": [
                    {"name": f.name, "type": f.content_type, "base64": base64.b64encode(f.content).decode()}
                    for f in message.files
                ],
            },
        },
    }


def webhook_secret(secret: str) -> str:
    """The secret as Standard Webhooks libraries want it: `whsec_` and base64."""
    return "whsec_" + base64.b64encode(secret.encode()).decode()


def _signed(secret: str, message_id: str, body: str) -> dict[str, str]:
    now = clock.now()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(webhook_secret(secret)).sign(message_id, now, body),
    }


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return min(float(value), 6 * 3600.0) if value.isdigit() else None
