"""Connections to mail servers: the host is checked by the rule of our HTTP client and the checked address
is used."""

from __future__ import annotations

import socket
import ssl
from functools import cache

from tresen.kernel import http

CONNECT_SECONDS = 20.0


@cache
def tls() -> ssl.SSLContext:
    """Certificates are verified against the system's authorities; TLS 1.2 at least."""
    return ssl.create_default_context()


def connect(host: str, port: int, timeout: float | None = CONNECT_SECONDS) -> socket.socket:
    """A TCP connection to the first checked address that answers.

    Raises kernel.http.Blocked for forbidden addresses, OSError for those that do not answer.
    """
    fault: OSError | None = None
    for address in http.check_host(host, port):
        try:
            return socket.create_connection((str(address), port), timeout or CONNECT_SECONDS)
        except OSError as error:
            fault = error
    raise fault or OSError(f"{host} has no address")
