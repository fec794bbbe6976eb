"""Small scripted servers on 127.0.0.1 for what real ones do too rarely: dying at the wrong moment."""

from __future__ import annotations

import json
import socket
import socketserver
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

HANG_UP = "hang up"


class Smtp(socketserver.ThreadingTCPServer):
    """Answers by `replies` (verb → reply, "." for the end of the data); HANG_UP closes the connection."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, replies: Mapping[str, str]) -> None:
        self.replies = {
            "CONNECT": "220 test",
            "EHLO": "250-test\r\n250-SIZE 1000000\r\n250 AUTH PLAIN XOAUTH2",
            "AUTH": "235 ok",
            "DATA": "354 go on",
            ".": "250 taken",
            **replies,
        }
        self.seen: list[str] = []
        self.mails: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _SmtpHandler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _SmtpHandler(socketserver.StreamRequestHandler):
    server: Smtp

    def handle(self) -> None:
        if not self._say("CONNECT"):
            return
        while line := self.rfile.readline():
            text = line.decode().strip()
            verb = text.split(" ")[0].upper()
            self.server.seen.append(text)
            key = text.upper() if text.upper() in self.server.replies else verb
            if not self._say(key):
                return
            if verb == "DATA" and self.server.replies["DATA"].startswith("354") and not self._data():
                return
            if verb == "QUIT":
                return

    def _data(self) -> bool:
        content = b""
        while not content.endswith(b"\r\n.\r\n"):
            line = self.rfile.readline()
            if not line:
                return False
            content += line
        self.server.mails.append(content[:-3])
        return self._say(".")

    def _say(self, key: str) -> bool:
        reply = self.server.replies.get(key, "250 ok")
        if reply == HANG_UP:
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        self.wfile.write(f"{reply}\r\n".encode())
        return True


@contextmanager
def smtp(**replies: str) -> Iterator[Smtp]:
    """A scripted SMTP server; `dot` is the reply after the data."""
    if "dot" in replies:
        replies["."] = replies.pop("dot")
    with Smtp(replies) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class Tokens(ThreadingHTTPServer):
    """An OAuth provider: POST gives `answer` with `status`; GET /tokeninfo?token=… tells whose token it is."""

    def __init__(self, answer: Mapping[str, Any], status: int = 200, user: str = "") -> None:
        self.answer, self.status, self.user = dict(answer), status, user
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _TokenHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/token"

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _TokenHandler(BaseHTTPRequestHandler):
    server: Tokens

    def do_POST(self) -> None:
        self.server.asked.append(self.rfile.read(int(self.headers["content-length"])).decode())
        self._answer(self.server.status, self.server.answer)

    def do_GET(self) -> None:
        good = self.path.endswith(f"token={self.server.answer.get('access_token')}")
        self._answer(200 if good else 401, {"email": self.server.user, "active": "yes"} if good else {})

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: object) -> None:
        """Quiet."""


@contextmanager
def tokens(answer: Mapping[str, Any], status: int = 200, user: str = "") -> Iterator[Tokens]:
    """A scripted OAuth provider."""
    with Tokens(answer, status, user) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
