"""A small HTTP server on loopback that answers as a test tells it and records what it got."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(slots=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Answer:
    """`raw` replaces the whole answer, byte for byte; with `drip`, bytes come one by one, `drip` s apart."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes | None = None
    drip: float = 0.0


@dataclass(slots=True)
class Server:
    host: str
    port: int
    scheme: str = "http"
    requests: list[Received] = field(default_factory=list)

    @property
    def netloc(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.netloc}/"


class _Handler(BaseHTTPRequestHandler):
    """One request per connection. `server` is the `_Httpd` below."""

    protocol_version = "HTTP/1.1"
    server: _Httpd

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {k.lower(): v for k, v in self.headers.items()}
        received = Received(self.command, self.path, headers, body)
        self.server.log.requests.append(received)
        reply = self.server.answer(received)
        self.close_connection = True
        if reply.raw is not None:
            self._write(reply.raw, reply.drip)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "content-length" not in reply.headers and "transfer-encoding" not in reply.headers:
            self.send_header("content-length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self._write(reply.body, reply.drip)

    def _write(self, data: bytes, drip: float) -> None:
        pieces = [data] if not drip else [data[i : i + 1] for i in range(len(data))]
        for piece in pieces:
            try:
                self.wfile.write(piece)
            except OSError:
                return
            if drip and self.server.stopping.wait(drip):
                return

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_one

    def log_message(self, *_: object) -> None: ...


class _Httpd(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, answer: Callable[[Received], Answer]) -> None:
        super().__init__((host, 0), _Handler)
        self.answer, self.stopping = answer, threading.Event()
        self.log = Server(host, self.server_address[1])


@contextmanager
def serving(
    answer: Callable[[Received], Answer], *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serves until the block ends. With `tls` over that context."""
    httpd = _Httpd(host, answer)
    if tls is not None:
        httpd.socket = tls.wrap_socket(httpd.socket, server_side=True)
        httpd.log.scheme = "https"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield httpd.log
    finally:
        httpd.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()
