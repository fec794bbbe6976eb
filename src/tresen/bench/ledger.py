"""An independent account of what customers sent and agents answered, held against what the product then shows."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tresen.bench.product import Failed, Product
from tresen.bench.receiver import Receiver

MESSAGES, REPLIES = 5, 4
PATIENCE = 240.0  # s until a customer or an agent gives up for good
PAUSE = 0.1
LARGE = 100_000  # bytes of an attachment: its receipt lies in a file, not in a row


@dataclass
class Talk:
    """One customer's thread: what was sent, in order, with the receipts that acknowledged it; what was answered."""

    thread: str
    sent: list[dict[str, Any]] = field(default_factory=list)
    receipts: dict[str, int] = field(default_factory=dict)
    replies: list[str] = field(default_factory=list)
    conversation: int = 0
    repeated: int = 0  # requests that had to be sent again


class Person(threading.Thread):
    """A customer and an agent in one: writes, waits for each acknowledgement, tries again after any fault."""

    def __init__(self, product: Product, channel: Mapping[str, Any], thread: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.product, self.channel, self.talk = product, channel, Talk(thread)
        self.random = Random(seed)
        self.fault = ""

    def run(self) -> None:
        try:
            self._write(0)
            self.talk.conversation = self._find()
            for number in range(1, max(MESSAGES, REPLIES + 1)):
                if number < MESSAGES:
                    self._write(number)
                if number <= REPLIES:
                    self._reply(number)
        except Exception as error:  # told at the end, with everything else
            self.fault = f"{self.talk.thread}: {type(error).__name__}: {error}"

    def _write(self, number: int) -> None:
        message: dict[str, Any] = {
            "id": f"{self.talk.thread}.{number}",
            "thread": self.talk.thread,
            "from": {"kind": "email", "value": f"{self.talk.thread}@example.org", "name": "Kim"},
            "text": f"{self.talk.thread}.{number} Guten Tag",
        }
        if number % 2:
            content = self.random.randbytes(LARGE if number % 4 == 1 else 500)
            file = {
                "name": f"{number}.bin",
                "type": "application/x-bench",
                "base64": base64.b64encode(content).decode(),
            }
            message["attachments"] = [file]
        self.talk.sent.append(message)
        path = f"/in/{self.channel['key']}"
        self.talk.receipts[message["id"]] = self._until(path, message, self.channel["token"])["receipt"]

    def _reply(self, number: int) -> None:
        text = f"{self.talk.thread} reply {number}"
        self.talk.replies.append(text)
        path = f"/api/v1/conversations/{self.talk.conversation}/messages"
        self._until(path, {"text": text, "kind": "reply", "key": text}, self.product.token)

    def _until(self, path: str, body: Mapping[str, Any], token: str) -> Any:
        """Posts until it is acknowledged. Only a lost connection and 5xx are answered with another try."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                status, content = self.product.call("POST", path, body, token)
            except OSError:
                status, content = 0, b""
            if 200 <= status < 300:
                return json.loads(content)
            if status not in (0, 500, 502, 503):
                raise Failed(f"{path}: {status} {content[:200]!r}")
            self.talk.repeated += 1
            time.sleep(PAUSE)
        raise Failed(f"{path}: not acknowledged in {PATIENCE:.0f} s")

    def _find(self) -> int:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                rows = self.product.api("GET", "/conversations?limit=50")["items"]
            except (OSError, Failed):
                rows = []
            for row in rows:
                if row["subject"].startswith(f"{self.talk.thread}.0 "):
                    return int(row["id"])
            time.sleep(PAUSE)
        raise Failed("the conversation never appeared")


class Watcher(threading.Thread):
    """A desk that stays open: reconnects with Last-Event-ID, and counts how often each message event came."""

    def __init__(self, product: Product) -> None:
        super().__init__(daemon=True)
        self.product, self.last, self.ending = product, "", threading.Event()
        self.messages: Counter[tuple[int, int]] = Counter()
        self.resets = 0

    def run(self) -> None:
        while not self.ending.is_set():
            try:
                self._follow()
            except (OSError, http.client.HTTPException):
                time.sleep(PAUSE)

    def _follow(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.product.port, timeout=40)
        headers = {"Authorization": f"Bearer {self.product.token}"}
        connection.request("GET", "/events", headers=headers | ({"Last-Event-ID": self.last} if self.last else {}))
        answer = connection.getresponse()
        if answer.status != 200:
            connection.close()
            raise ConnectionError(str(answer.status))
        place = name = ""
        while not self.ending.is_set():
            line = answer.readline().decode().rstrip("\n")
            if line.startswith("id: "):
                place = line[4:]
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                self._note(name, json.loads(line[6:]))
            elif not line:
                self.last, name = place or self.last, ""
                if answer.isclosed():
                    raise ConnectionError("the stream ended")

    def _note(self, name: str, data: Mapping[str, Any]) -> None:
        self.resets += name == "reset"
        if name == "message.created":
            self.messages[data["conversation_id"], data["seq"]] += 1


def audit(product: Product, channel: Mapping[str, Any], talk: Talk, receiver: Receiver, watcher: Watcher) -> list[str]:
    """What is wrong with one thread; empty when every promise was kept."""
    faults: list[str] = []
    rows = [
        r for r in product.api("GET", "/conversations?limit=200")["items"] if r["subject"].startswith(talk.thread + ".")
    ]
    if [row["id"] for row in rows] != [talk.conversation]:
        return [f"{talk.thread}: {len(rows)} conversations"]
    shown = product.api("GET", f"/conversations/{talk.conversation}/messages?limit=200")["items"]
    if [m["seq"] for m in shown] != list(range(1, len(shown) + 1)):
        faults.append(f"{talk.thread}: sequence {[m['seq'] for m in shown]}")
    if [m["text"] for m in shown if m["direction"] == "in"] != [m["text"] for m in talk.sent]:
        faults.append(f"{talk.thread}: received {[m['text'] for m in shown if m['direction'] == 'in']}")
    if [m["text"] for m in shown if m["direction"] == "out"] != talk.replies:
        faults.append(f"{talk.thread}: answered {[m['text'] for m in shown if m['direction'] == 'out']}")
    faults += [
        f"{talk.thread}: {m['text']} is {m['delivery']}" for m in shown if m["delivery"] not in (None, "delivered")
    ]
    seen = {seq: watcher.messages[talk.conversation, seq] for seq in range(1, len(shown) + 1)}
    if watcher.resets == 0 and set(seen.values()) != {1}:
        faults.append(f"{talk.thread}: on the stream {seen}")
    return faults + _files(product, talk, shown) + _again(product, channel, talk) + _delivered(talk, receiver)


def _files(product: Product, talk: Talk, shown: list[dict[str, Any]]) -> list[str]:
    """Attachments whose bytes are not those that were sent."""
    wrong = []
    stored = {m["text"]: m["attachments"] for m in shown}
    for message in talk.sent:
        want = [hashlib.sha256(base64.b64decode(f["base64"])).hexdigest() for f in message.get("attachments", [])]
        have = []
        for file in stored.get(message["text"], []):
            status, content = product.call("GET", file["url"], token=product.token)
            have.append(hashlib.sha256(content).hexdigest() if status == 200 else str(status))
        if have != want:
            wrong.append(f"{talk.thread}: files of {message['id']} differ")
    return wrong


def _again(product: Product, channel: Mapping[str, Any], talk: Talk) -> list[str]:
    """Posts everything once more: each message has to be known by the receipt that acknowledged it."""
    wrong = []
    for message in talk.sent:
        status, content = product.call("POST", f"/in/{channel['key']}", message, channel["token"])
        receipt = json.loads(content).get("receipt")
        if (status, receipt) != (200, talk.receipts[message["id"]]):
            wrong.append(f"{talk.thread}: {message['id']} again answers {status} {receipt}")
    return wrong


def _delivered(talk: Talk, receiver: Receiver) -> list[str]:
    """Every reply arrived, under one id of its own, in order."""
    ids = receiver.ids_by_text()
    wrong = [
        f"{talk.thread}: {text} has ids {ids.get(text)}" for text in talk.replies if len(set(ids.get(text, []))) != 1
    ]
    if len({ids[text][0] for text in talk.replies if text in ids}) != len(talk.replies):
        wrong.append(f"{talk.thread}: replies share an id")
    if receiver.first_arrivals(talk.thread) != talk.replies:
        wrong.append(f"{talk.thread}: arrived as {receiver.first_arrivals(talk.thread)}")
    return wrong
