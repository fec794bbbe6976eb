"""Connections to checked addresses only, under one deadline. For `tresen.kernel.http` alone."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import certifi
import httpcore
import httpx

from tresen.kernel.addresses import Address

_WRITE_SIZE = 16 * 1024


@lru_cache
def tls_context() -> ssl.SSLContext:
    """Verifies against the system's roots (a company's own authority counts) and certifi's."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class _Body(httpx.SyncByteStream):
    """httpcore's response stream in httpx's terms."""

    def __init__(self, answer: httpcore.Response) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self.answer.iter_stream()

    def close(self) -> None:
        self.answer.close()


class Transport(httpx.BaseTransport):
    """Plain HTTP/1.1 over connections that the pinned backend opens. Errors stay httpcore's."""

    def __init__(self, backend: PinnedBackend) -> None:
        self.pool = httpcore.ConnectionPool(ssl_context=tls_context(), max_connections=1, network_backend=backend)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        answer = self.pool.handle_request(
            httpcore.Request(request.method, target, headers=request.headers.raw, content=request.stream)
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), request=request)

    def close(self) -> None:
        self.pool.close()


class PinnedBackend(httpcore.NetworkBackend):
    """Connects to the checked addresses, whatever the name says by now; TLS still verifies the name."""

    def __init__(self, addresses: list[Address], deadline: float) -> None:
        self.addresses, self.deadline = addresses, deadline
        self.wrote = False

    def sent(self, status: int | None) -> bool | None:
        """What `HttpError.sent` has to say at this point."""
        return True if status is not None else None if self.wrote else False

    def left(self) -> float:
        """Seconds until the deadline; raises when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.TimeoutException
        return left

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        for address in self.addresses[:-1]:
            try:
                return self._connect(address, port, self.left() / 2)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(self.addresses[-1], port, self.left())

    def _connect(self, address: Address, port: int, timeout: float) -> _TimedStream:
        return _TimedStream(httpcore.SyncBackend().connect_tcp(str(address), port, timeout), self)


class _TimedStream(httpcore.NetworkStream):
    """Every read and write shares the exchange's deadline, so that a dripping receiver cannot stretch it."""

    def __init__(self, stream: httpcore.NetworkStream, backend: PinnedBackend) -> None:
        self.stream, self.backend = stream, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.backend.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_SIZE):
            left = self.backend.left()
            self.backend.wrote = True
            self.stream.write(buffer[start : start + _WRITE_SIZE], left)

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> _TimedStream:
        return _TimedStream(self.stream.start_tls(ssl_context, server_hostname, self.backend.left()), self.backend)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)
