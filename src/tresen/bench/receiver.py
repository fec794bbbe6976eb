"""The far end of an `api` channel: takes webhooks, checks signatures, and can be as unreliable as real ones."""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

HANG = 8.0  # s; the product gives up after 7


@dataclass(frozen=True, slots=True)
class Taken:
    """A webhook that arrived whole with a good signature, whatever the sender was told."""

    id: str
    thread: str
    text: str


class Receiver:
    """`faults`: the share of requests that get an error, no answer in time, or an answer that is lost."""

    def __init__(self, *, faults: float = 0.0, seed: int = 1) -> None:
        self.faults, self.secret = faults, ""
        self.taken: list[Taken] = []
        self.bad_signatures = 0
        self.refused = 0
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/replies"

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: dict[str, str], body: bytes) -> str:
        """Notes a webhook; what to do with its sender: `answer`, `error`, `hang` or `drop`."""
        try:
            event: Any = Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError:
            self.bad_signatures += 1
            return "error"
        with self._lock:
            fault = self._random.random() < self.faults
            how = self._random.choice(("error", "hang", "drop")) if fault else "answer"
            if how == "error":  # refused: this receiver has not got it
                self.refused += 1
            else:
                data = event["data"]
                self.taken.append(Taken(headers["webhook-id"], data["thread"], data["message"]["text"]))
        return how

    def ids_by_text(self) -> dict[str, list[str]]:
        """Every webhook id under which a text arrived, in order, repeats included."""
        found: dict[str, list[str]] = defaultdict(list)
        with self._lock:
            for one in self.taken:
                found[one.text].append(one.id)
        return dict(found)

    def first_arrivals(self, thread: str) -> list[str]:
        """The texts of a thread in the order in which they first arrived."""
        with self._lock:
            return list(dict.fromkeys(one.text for one in self.taken if one.thread == thread))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A sender that was killed in the middle of a request is what this is for."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            how = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            if how == "hang":
                time.sleep(HANG)
            if how in ("hang", "drop"):
                self.close_connection = True
                return
            self.send_response(204 if how == "answer" else 500)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    return Handler
