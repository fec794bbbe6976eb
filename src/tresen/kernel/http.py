"""The only outbound HTTP client: checked, pinned addresses at every hop, one time-out, capped answers.

Private and loopback addresses answer only to a named exception (`configure_exceptions`). Proxies of the
environment are not used: they would resolve the name a second time, unchecked.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx
import orjson

from tresen.kernel.addresses import (
    Blocked,
    HttpError,
    TimedOut,
    TooLarge,
    Unreachable,
    check_host,
    configure_exceptions,
)
from tresen.kernel.pinned import PinnedBackend, Transport

__all__ = [
    "Blocked",
    "HttpError",
    "Response",
    "TimedOut",
    "TooLarge",
    "Unreachable",
    "check_host",
    "configure_exceptions",
    "request",
]

TIMEOUT = 7.0  # seconds
MAX_BYTES = 100_000
MAX_REDIRECTS = 5
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SECRET_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_SECRET_WORDS = ("token", "secret", "key", "password")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of any status. `headers` ignore case; `content` is unpacked; `url` is the last hop's."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The content as UTF-8, undecodable bytes replaced."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content parsed; raises ValueError."""
        return orjson.loads(self.content)


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    json: Any = None,
    timeout: float = TIMEOUT,
    max_bytes: int = MAX_BYTES,
    max_redirects: int = MAX_REDIRECTS,
    allow: Iterable[str] = (),
) -> Response:
    """Sends one request and follows its redirects.

    `timeout` bounds the whole exchange in seconds, look-ups and redirects included; `max_bytes` the unpacked
    answer; `allow` adds exceptions (`host:port` or network) for this call. On another origin, headers that
    carry secrets are dropped. Waits for the network: call it from threads. Raises Blocked, TooLarge,
    TimedOut, Unreachable; their `sent` says whether the receiver may have got the request.
    """
    if json is not None:
        content = orjson.dumps(json)
    hop = _first_hop(method.upper(), url, headers or {}, content)
    if json is not None:
        hop.headers.setdefault("content-type", "application/json")
    deadline = time.monotonic() + timeout
    answered: int | None = None  # by an earlier hop
    for _ in range(max_redirects + 1):
        try:
            response = _exchange(hop, deadline, max_bytes, frozenset(allow))
            following = _redirect(hop, response)
        except HttpError as error:
            if answered is not None:
                error.sent, error.answer = True, error.answer or answered
            raise
        if following is None:
            return response
        hop, answered = following, response.status
    raise Unreachable(f"more than {max_redirects} redirects", sent=True, answer=answered)


@dataclass(slots=True)
class _Hop:
    method: str
    url: httpx.URL
    headers: httpx.Headers
    content: bytes | None


def _first_hop(method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> _Hop:
    sent = httpx.Headers({"user-agent": "Tresen", "accept": "*/*", "accept-encoding": "identity"})
    sent.update(headers)
    return _Hop(method, _checked_url(url), sent, content)


def _checked_url(url: str | httpx.URL) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, TypeError) as error:
        raise Blocked(f"not a URL: {error}") from error
    if parsed.scheme not in ("http", "https"):
        raise Blocked("only http and https addresses are opened")
    if parsed.userinfo:
        raise Blocked("an address must not carry a user name or password")
    if not parsed.host or not 0 < _port(parsed) < 65536:
        raise Blocked("the address names no host")
    return parsed


def _port(url: httpx.URL) -> int:
    return url.port if url.port is not None else (443 if url.scheme == "https" else 80)


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _redirect(hop: _Hop, response: Response) -> _Hop | None:
    """The next hop (RFC 9110, 15.4), or None when the answer is final."""
    location = response.headers.get("location")
    if response.status not in (301, 302, 303, 307, 308) or not location:
        return None
    try:
        url = _checked_url(hop.url.join(location))
    except (httpx.InvalidURL, Blocked) as error:
        raise Blocked(f"redirect: {error}", sent=True, answer=response.status) from error
    method, content, headers = hop.method, hop.content, hop.headers.copy()
    to_get = response.status == 303 and method != "HEAD"
    if to_get or (response.status in (301, 302) and method not in _SAFE_METHODS):
        method, content = "GET", None
        headers.pop("content-type", None)
    if (url.scheme, url.raw_host, _port(url)) != (hop.url.scheme, hop.url.raw_host, _port(hop.url)):
        headers = httpx.Headers([(k, v) for k, v in headers.items() if not _is_secret(k)])
        headers.pop("host", None)
    return _Hop(method, url, headers, content)


def _is_secret(name: str) -> bool:
    return name.lower() in _SECRET_HEADERS or any(word in name.lower() for word in _SECRET_WORDS)


def _exchange(hop: _Hop, deadline: float, max_bytes: int, allow: frozenset[str]) -> Response:
    """One request to one checked host; the answer's body is read under the cap."""
    addresses = check_host(_host(hop.url), _port(hop.url), timeout=deadline - time.monotonic(), allow=allow)
    backend = PinnedBackend(addresses, deadline)
    sending = httpx.Request(hop.method, hop.url, headers=hop.headers, content=hop.content)
    status: int | None = None
    try:
        with Transport(backend) as transport, closing(transport.handle_request(sending)) as answer:
            status = answer.status_code
            content = _read(answer, max_bytes)
            return Response(status, answer.headers, content, str(hop.url))
    except httpcore.TimeoutException as error:
        raise TimedOut(f"{hop.url.host} took too long", sent=backend.sent(status), answer=status) from error
    except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, zlib.error) as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{hop.url.host}: {reason}", sent=backend.sent(status), answer=status) from error


def _read(answer: httpx.Response, max_bytes: int) -> bytes:
    """The unpacked body. Packed ones are inflated in bounded steps: a bomb costs no more than the cap."""

    def too_large() -> TooLarge:
        return TooLarge(f"the answer is larger than {max_bytes} bytes", sent=True, answer=answer.status_code)

    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise Unreachable(f"unknown content encoding {encoding[:20]}", sent=True, answer=answer.status_code)
    packed = encoding not in ("identity", "")
    length = answer.headers.get("content-length", "")
    if not packed and _has_body(answer) and length.isascii() and length.isdigit() and int(length) > max_bytes:
        raise too_large()
    body = bytearray()
    chunks = answer.iter_raw()
    for piece in _inflated(chunks, max_bytes + 1) if packed else chunks:
        body += piece
        if len(body) > max_bytes:
            raise too_large()
    return bytes(body)


def _has_body(answer: httpx.Response) -> bool:
    return answer.request.method != "HEAD" and answer.status_code not in (204, 304)


def _inflated(chunks: Iterable[bytes], step: int) -> Iterator[bytes]:
    """Unpacks gzip (several members too, RFC 1952) and zlib; at most `step` bytes at once."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
    complete = True
    for data in chunks:
        while data:
            if inflater.eof:
                inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield inflater.decompress(data, step)
            complete = inflater.eof
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not complete:
        raise zlib.error("the packed answer is cut short")
