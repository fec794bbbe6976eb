"""What an adapter is: plain data in, plain data out. Nothing here or in an adapter touches the ORM.

The life of an inbound request: `authorize` (the web counter only; fail closed) → the raw receipt is stored and
acknowledged → `parse` → identity → filters → conversation. Outbound: `Outbound` → `send` → `SendResult`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol


def translatable(text: str) -> str:
    """Marks an English text of an adapter; the screen translates it."""
    return text


class Assurance(StrEnum):
    """How far an identity can be believed. History and records are shown only from `PROVED` on."""

    CLAIMED = "claimed"
    PROVED = "proved"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel kind can do. Sizes in bytes, lengths in characters, `window` in seconds."""

    text_max: int | None = None
    formats: frozenset[str] = frozenset({"text"})  # of: text, html
    media: bool = True
    media_max: int = 25 * 1024 * 1024
    window: int | None = None
    replies: bool = True  # False: answers go out by another channel
    receipts: frozenset[str] = frozenset()  # of: delivered, read, failed
    typing: bool = False
    starts_conversation: bool = False  # may an agent write first?
    address_kind: str | None = None  # identity kind one writes to ("email"), if addresses can be typed in
    realtime: bool = False  # a customer is waiting at the other end
    copies: bool = False  # Cc and Bcc exist
    subject: bool = False
    acknowledges: bool = False  # automatic acknowledgement makes sense
    idempotent: bool = False  # the far end recognises a repeated `Outbound.idempotency_key`: resending is safe


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote, in the channel's own terms. `kind` is an identity kind such as `email`, `phone`, `visitor`."""

    kind: str
    value: str
    name: str = ""
    assurance: Assurance = Assurance.CLAIMED
    also: tuple[tuple[str, str, Assurance], ...] = ()  # further identities: (kind, value, assurance)
    language: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """An attachment. `content_id` is the MIME Content-ID without angle brackets for inline pictures."""

    name: str
    content_type: str
    content: bytes
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class ThreadHint:
    """Evidence for the conversation a message belongs to, strongest first.

    `kind`: `key` (the channel's own thread id), `token` (our signed reply token), `reference` (a message id that must
    be known to us *and* the sender be a participant), `number` (a conversation number in the subject, same condition).
    """

    kind: str
    value: str


class EventType(StrEnum):
    MESSAGE = "message"
    STATUS = "status"  # a delivery report for a message of ours
    UNSUPPORTED = "unsupported"  # kept and shown as such
    IGNORED = "ignored"  # handshakes, echoes: nothing to show


@dataclass(frozen=True, slots=True)
class InboundEvent:
    """One thing that a provider told us. `dedup_key` is unique within the channel."""

    dedup_key: str
    type: EventType
    sender: Sender | None = None
    hints: tuple[ThreadHint, ...] = ()
    occurred_at: datetime | None = None
    external_id: str = ""  # the provider's message id, for later references and statuses
    subject: str = ""
    text: str = ""
    html: str = ""
    files: tuple[File, ...] = ()
    status: str = ""  # for STATUS: sent | delivered | read | failed
    status_for: tuple[str, ...] = ()  # external ids of our messages
    error: str = ""
    automated: bool = False  # an auto-reply, a list or a machine: never answered automatically
    reply_context: Mapping[str, Any] = field(default_factory=dict)  # kept with the thread, handed back in `Outbound`
    meta: Mapping[str, Any] = field(default_factory=dict)  # shown to agents: cc, verdicts, warnings


@dataclass(frozen=True, slots=True)
class RawReceipt:
    """One stored request or one fetched mail, exactly as it came. Header names are lower case."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    path: str = ""
    query: str = ""
    method: str = "POST"
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The adapter's HTTP answer to a push request that is not simply acknowledged (handshake, refusal)."""

    status: int
    body: Mapping[str, Any] | str = ""
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A push request that may be stored. `key` makes a repeated request the same receipt ("" = no key).

    `body` replaces the raw body when the adapter has to add what only the request knew (a visitor's verified claims).
    """

    key: str = ""
    body: bytes | None = None
    reply: Mapping[str, Any] = field(default_factory=dict)  # merged into the 200/202 answer


@dataclass(frozen=True, slots=True)
class Outbound:
    """A message on its way out. `idempotency_key` is stable over retries."""

    idempotency_key: str
    conversation_id: int
    message_id: int
    seq: int
    thread_key: str
    reply_context: Mapping[str, Any]
    to: tuple[str, ...]
    text: str
    html: str = ""
    subject: str = ""
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    files: tuple[File, ...] = ()
    references: tuple[str, ...] = ()  # external ids of the thread's messages, oldest first
    reply_token: str = ""  # signed; goes where the channel can carry it back
    automated: bool = False
    author: str = ""
    created_at: datetime | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


class SendState(StrEnum):
    """ACCEPTED: the provider has it. REJECTED: it never will (see `retry`). UNKNOWN: the answer was lost."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendResult:
    """`retry` says whether trying again can help; `retry_after` in seconds. `delivered`: the far end confirmed."""

    state: SendState
    external_ids: tuple[str, ...] = ()
    error: str = ""
    retry: bool = False
    retry_after: float | None = None
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a channel's health check. `fix` says in plain words what to do."""

    name: str
    ok: bool
    detail: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """One field of the set-up form. `kind`: text, secret, number, bool, choice, email, url, lines."""

    key: str
    label: str
    kind: str = "text"
    default: Any = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A configured channel as an adapter sees it. `secrets` are decrypted; never log them."""

    id: int
    key: str
    name: str
    kind: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    public_url: str
    language: str = "de"
    cursor: Mapping[str, Any] = field(default_factory=dict)  # how far a pull channel has fetched


class Pulled(Protocol):
    """What a pull channel hands over. Returns True once the raw bytes are durably stored (or were before).

    `cursor` is stored in the same transaction and comes back as `ChannelView.cursor` after a restart.
    """

    def __call__(self, raw: RawReceipt, *, key: str, cursor: Mapping[str, Any] | None = None) -> bool: ...


class Stop(Protocol):
    """`wait(seconds)` returns True as soon as the channel has to stop."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class AdapterError(Exception):
    """A request that cannot be taken: becomes HTTP `status` with `detail` (and `field`) as problem+json."""

    def __init__(self, status: int, detail: str = "", *, field: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail, self.field = status, detail, field


class Adapter:
    """Base class. An adapter is stateless: everything it needs stands in the `ChannelView` it is given."""

    kind: ClassVar[str]
    label: ClassVar[str]  # English; translated on the screen
    icon: ClassVar[str] = "message"  # Tabler icon name
    capabilities: ClassVar[Capabilities] = Capabilities()
    settings: ClassVar[tuple[Setting, ...]] = ()
    generated_secrets: ClassVar[tuple[str, ...]] = ()  # made when the channel is created, shown once
    pulls: ClassVar[bool] = False
    pushes: ClassVar[bool] = False
    body_max: ClassVar[int] = 10 * 1024 * 1024
    hostile: ClassVar[bool] = False  # `parse` meets formats that can hang a parser: it runs in a killable process
    browser_origin: ClassVar[bool] = False  # called from foreign web pages: answer CORS preflights

    def authorize(self, channel: ChannelView, raw: RawReceipt) -> Accepted | Answer:
        """Checks signature and form of a push request, before anything is stored.

        Raises AdapterError(401) without detail for a wrong signature, 422 naming the field for a wrong body.
        """
        raise AdapterError(404)

    def parse(self, channel: ChannelView, raw: RawReceipt) -> Iterable[InboundEvent]:
        """Pure: the same receipt always gives the same events."""
        raise AdapterError(422, "this channel takes no messages")

    def send(self, channel: ChannelView, message: Outbound) -> SendResult:
        """Hands a message to the provider. Never raises for provider faults: the result says what happened."""
        return SendResult(SendState.REJECTED, error="this channel cannot send")

    def run(self, channel: ChannelView, pulled: Pulled, stop: Stop) -> None:
        """Pull channels: fetch until `stop` is set. Raise on faults: the runner backs off and calls again."""

    def check(self, channel: ChannelView) -> Iterator[Check]:
        """Health check, a line at a time; may use the network."""
        yield Check("configuration", ok=True)

    def validate(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, str]:
        """Errors by field for the set-up form; empty when all is well."""
        return {
            s.key: "required" for s in self.settings if s.required and not (settings.get(s.key) or secrets.get(s.key))
        }


Sleep = Callable[[float], None]
