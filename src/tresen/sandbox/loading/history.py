"""The past of the demo company: what was written, by whom and when, in the order in which it happened.

Customers' messages go the way that real ones go (recognised, threaded, received); staff use their own verbs. The
clock stands at each step's moment. Answers get their final delivery state at once, so that nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from tresen.accounts.principal import Principal
from tresen.channels import processing, threads
from tresen.channels.adapters.webchat import tokens
from tresen.channels.adapters.webchat.adapter import sender as chat_sender
from tresen.channels.contract import Assurance, EventType, File, InboundEvent, Sender, ThreadHint
from tresen.conversations import actions as conversations
from tresen.conversations.actions import Draft
from tresen.conversations.models import Priority
from tresen.customers.models import Customer
from tresen.kernel import clock
from tresen.sandbox.demo.house import DOMAIN
from tresen.sandbox.demo.world import DemoConversation, DemoCustomer, DemoStatus, DemoTurn, DemoWorld, TurnKind
from tresen.sandbox.loading.house import BY, House
from tresen.sandbox.loading.people import address
from tresen.sandbox.mail import store, wire
from tresen.sandbox.models import Mailbox

COMPANY = ("Bohne & Brand Service", f"service@{DOMAIN}")
_SORTING = timedelta(seconds=20)  # until somebody has put a new concern into its queue
_TAKING = timedelta(minutes=4)
_SNOOZING = timedelta(minutes=1)


class Step(NamedTuple):
    """Something that happened at a moment; `number` keeps the order of what happened at once."""

    at: datetime
    number: int
    do: Callable[[], None]


def tell(
    world: DemoWorld,
    house: House,
    people: Mapping[str, Customer],
    boxes: Mapping[str, Mailbox],
    now: datetime,
    done: Callable[[], None],
) -> None:
    """Writes all conversations. `done` is called after each turn."""
    characters = {person.key: person for person in world.customers}
    steps: list[Step] = []
    for plot in world.conversations:
        tale = Tale(plot, characters[plot.customer], people[plot.customer], house, boxes.get(plot.customer))
        steps += [Step(min(at, now), len(steps) + n, do) for n, (at, do) in enumerate(tale.steps(now))]
    for step in sorted(steps):
        with clock.frozen(step.at):
            step.do()
        done()


def count(world: DemoWorld) -> int:
    """How often `tell` calls `done`, nearly."""
    return sum(len(plot.turns) + 1 for plot in world.conversations)


@dataclass
class Tale:
    """One conversation on its way from plot to rows."""

    plot: DemoConversation
    character: DemoCustomer
    customer: Customer
    house: House
    box: Mailbox | None
    id: int = 0
    tagged: bool = False
    references: list[str] = field(default_factory=list)  # message ids of its mails, oldest first

    def steps(self, now: datetime) -> Iterator[tuple[datetime, Callable[[], None]]]:
        """Every turn with its moment, and how it ended."""
        plot = self.plot
        for number, turn in enumerate(plot.turns):
            yield turn.at, lambda t=turn, n=number: self._turn(t, n)  # type: ignore[misc]
        last = plot.turns[-1].at
        if plot.status is DemoStatus.RESOLVED:
            yield plot.resolved_at or last, lambda: self._tagged(conversations.resolve)
        elif plot.status is DemoStatus.SNOOZED and plot.snoozed_until:
            until = plot.snoozed_until
            yield last + _SNOOZING, lambda: self._tagged(lambda by, row: conversations.snooze(by, row, until))
        elif plot.status is DemoStatus.ASSIGNED and not any(t.kind is TurnKind.OUT for t in plot.turns):
            yield min(last + _TAKING, now), lambda: self._tagged(conversations.take)

    def _by(self, key: str) -> Principal:
        return self.house.staff[key or self.plot.assignee]

    def _tagged(self, verb: Callable[[Principal, int], object]) -> None:
        """A verb of whoever has the concern, who also says what it is about."""
        verb(self._by(""), self.id)
        self._tag(self._by(""))

    def _tag(self, by: Principal) -> None:
        if self.plot.tags and not self.tagged:
            conversations.set_tags(by, self.id, self.plot.tags)
            self.tagged = True

    def _turn(self, turn: DemoTurn, number: int) -> None:
        if turn.kind is TurnKind.IN:
            self._incoming(turn, number)
        elif turn.kind is TurnKind.OUT:
            self._outgoing(turn, number)
        elif turn.kind is TurnKind.NOTE:
            conversations.note(self._by(turn.staff), self.id, Draft(turn.text))
        else:
            conversations.log_contact(
                self._by(turn.staff),
                self.house.logged.pk,
                self.customer.pk,
                Draft(turn.text),
                medium="call",
                conversation_id=self.id,
            )

    def _incoming(self, turn: DemoTurn, number: int) -> None:
        line = self.house.lines[turn.channel]
        event = self._event(turn, number)
        files = processing.store_files(event.files)
        message = processing.take_in(line.view, line.channel, event, files)
        if message is None:
            raise RuntimeError(f"{self.plot.key}: the message was not taken in")
        if line.view.kind == "webchat":  # from now on the visitor's messages belong here
            threads.open_thread(line.view.id, message.conversation_id, key=self._visitor(turn.channel).id)
        if not self.id:
            self.id = message.conversation_id
            if self.plot.priority != "normal":
                conversations.set_priority(BY, self.id, Priority[self.plot.priority.upper()])
            clock.advance(_SORTING)
            conversations.move(BY, self.id, self.house.queues[self.plot.queue])

    def _event(self, turn: DemoTurn, number: int) -> InboundEvent:
        """The turn as the channel's adapter would have read it."""
        name = f"{self.plot.key}-{number}"
        event = InboundEvent(
            name,
            EventType.MESSAGE,
            self._sender(Assurance.PROVED),
            self._token(turn),
            clock.now(),
            name,
            self.plot.subject if not self.references else f"Re: {self.plot.subject}",
            turn.text,
            files=tuple(File(f.name, f.content_type, f.content) for f in turn.files),
        )
        return self._by_kind(event, turn)

    def _by_kind(self, event: InboundEvent, turn: DemoTurn) -> InboundEvent:
        view = self.house.lines[turn.channel].view
        if view.kind == "webchat":
            visitor = self._visitor(turn.channel)
            key = f"{visitor.id}:{event.external_id}"
            return replace(event, dedup_key=key, external_id=key, sender=chat_sender(view, visitor), subject="")
        if view.kind == "email":
            return self._by_mail(event, turn)
        if view.kind == "form":
            # What was typed into a form proves nothing until an agent says so; those that wait nobody has seen.
            seen = self.plot.status is not DemoStatus.WAITING
            return replace(event, sender=self._sender(Assurance.PROVED if seen else Assurance.CLAIMED))
        context = {"thread": self.plot.key, "to": [self._address]}
        return replace(event, hints=(ThreadHint("key", self.plot.key),), reply_context=context)

    def _by_mail(self, event: InboundEvent, turn: DemoTurn) -> InboundEvent:
        domain = self._address.rpartition("@")[2]
        message_id = f"<{event.external_id}@{domain}>"
        context = {"message_id": message_id, "references": list(self.references), "subject": event.subject}
        sent = self._mail((self.character.name, self._address), COMPANY[1], event.subject, turn, message_id)
        if self.box:
            store.keep(self.box, sent, store.SENT)
        return replace(
            event,
            dedup_key=message_id,
            external_id=message_id,
            reply_context=context,
            meta={"authentication": f"dmarc=pass ({domain})"},
        )

    @property
    def _address(self) -> str:
        return address(self.character)

    def _sender(self, assurance: Assurance) -> Sender:
        return Sender("email", self._address, self.character.name, assurance, language=self.character.language)

    def _visitor(self, channel: str) -> tokens.Visitor:
        """The customer as the web shop signs them in: on the page they find their chats again."""
        view, person = self.house.lines[channel].view, self.character
        subject = person.fields["customer_number"]
        identity = tokens.Identity(subject, self._address, person.name)
        visitor_id = tokens.signed_visitor_id(view.secrets["token_secret"], view.key, subject)
        return tokens.Visitor(visitor_id, identity, language=person.language)

    def _token(self, turn: DemoTurn) -> tuple[ThreadHint, ...]:
        """The way into this conversation over any channel; none for its first message."""
        if not self.id:
            return ()
        link = threads.open_thread(self.house.lines[turn.channel].view.id, self.id)
        return (ThreadHint("token", link.token),)

    def _outgoing(self, turn: DemoTurn, number: int) -> None:
        by, line = self._by(turn.staff), self.house.lines[turn.channel]
        message = conversations.reply(by, self.id, Draft(turn.text, channel_id=line.channel.pk))
        self._tag(by)
        if not any(later.kind is TurnKind.OUT for later in self.plot.turns[number + 1 :]):
            conversations.mark_seen(by, self.id, message.seq)
        threads.open_thread(line.view.id, self.id)
        external_id = None
        if line.view.kind == "email":
            external_id = f"<{self.plot.key}-{number}@{DOMAIN}>"
            sent = self._mail(COMPANY, self._address, f"Re: {self.plot.subject}", turn, external_id)
            if self.box:
                store.keep(self.box, sent, store.INBOX, seen=True)
            threads.note_reference(line.view.id, external_id, message.pk)
        conversations.set_delivery(message.pk, self._delivery(line.view.kind, number), external_id=external_id)

    def _delivery(self, kind: str, number: int) -> str:
        """How far an answer has come by now: chats are read by whoever writes on, or by the end."""
        later = self.plot.turns[number + 1 :]
        went_on = self.plot.status is DemoStatus.RESOLVED or any(t.kind is TurnKind.IN for t in later)
        return {"email": "sent", "webchat": "read" if went_on else "sent"}.get(kind, "delivered")

    def _mail(self, author: tuple[str, str], to: str, subject: str, turn: DemoTurn, message_id: str) -> bytes:
        written = wire.letter(
            author=author,
            to=to,
            subject=subject,
            text=turn.text,
            at=clock.now(),
            message_id=message_id,
            references=tuple(self.references[-20:]),
            files=tuple((f.name, f.content_type, f.content) for f in turn.files),
        )
        self.references.append(message_id)
        return written
