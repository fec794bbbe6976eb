"""Which addresses the server may talk to: public ones, and those that the settings name.

A host is resolved once; every answer is checked; the caller connects to a checked address and never asks
again, so a name that changes its mind between check and connect (DNS rebinding) gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import SOCK_STREAM, getaddrinfo

from tresen.kernel.errors import TresenError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class HttpError(TresenError):
    """A request that got no usable answer.

    `sent`: False = the receiver certainly did not get it; None = it may have; True = it answered something.
    `answer`: the status of that answer, None without one.
    """

    status, code = 502, "unreachable"

    def __init__(self, message: str, *, sent: bool | None = False, answer: int | None = None) -> None:
        super().__init__(message)
        self.sent, self.answer = sent, answer


class Blocked(HttpError):
    """The address is not public and no exception names it, or the URL is not one that we open."""

    status, code = 422, "blocked"


class TooLarge(HttpError):
    """The answer is larger than the caller takes, packed or unpacked."""

    code = "too_large"


class TimedOut(HttpError):
    """The whole exchange took longer than the caller waits."""

    status, code = 504, "timed_out"


class Unreachable(HttpError):
    """No connection, a broken one, a certificate that does not fit, or no valid HTTP."""


# Not "global" in fact, although Python's tables (3.11) or the registries' wording let them pass.
_SPECIAL_V4 = tuple(IPv4Network(n) for n in ("192.0.0.0/24", "192.88.99.0/24"))  # RFC 6890, RFC 7526
_UNICAST_V6 = IPv6Network("2000::/3")  # RFC 4291: all that is assigned for global unicast
_SPECIAL_V6 = tuple(
    IPv6Network(n)
    for n in (
        "2001::/23",  # RFC 2928 protocol assignments, among them Teredo (RFC 4380)
        "2001:db8::/32",  # RFC 3849 documentation
        "2002::/16",  # RFC 7526: 6to4, retired; embeds an IPv4 address
        "3fff::/20",  # RFC 9637 documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: stands for the IPv4 address in its last 32 bits


def effective(address: Address) -> Address:
    """The address that a packet in fact reaches: IPv4-mapped and NAT64 addresses stand for an IPv4 one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """False for private, loopback, link-local, CGNAT, multicast, reserved and tunnel addresses."""
    address = effective(address)
    if address.is_multicast or address.is_reserved or not address.is_global:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    return address in _UNICAST_V6 and not any(address in network for network in _SPECIAL_V6)


@dataclass(frozen=True, slots=True)
class Exceptions:
    """Named exceptions: `host:port` pairs (any address behind them) and networks (any port)."""

    hosts: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Exceptions:
        """From `crm.intern:8443`, `[::1]:25`, `10.1.0.0/16`, `127.0.0.1`; ValueError names a bad entry."""
        hosts: set[tuple[str, int]] = set()
        networks: list[Network] = []
        for entry in entries:
            text = entry.strip().lower()
            try:
                networks.append(ip_network(text))
                continue
            except ValueError:
                host, _, port = text.rpartition(":")
            if not host or "/" in host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f"not host:port and not a network: {entry!r}")
            hosts.add((_plain(host), int(port)))
        return cls(frozenset(hosts), tuple(networks))

    def allow(self, host: str, port: int, address: Address) -> bool:
        """True when an entry names this host and port, or a network holding the address."""
        address = effective(address)
        return (host, port) in self.hosts or any(address in network for network in self.networks)

    def __or__(self, other: Exceptions) -> Exceptions:
        return Exceptions(self.hosts | other.hosts, self.networks + other.networks)


_exceptions = Exceptions()
# The system's resolver knows no time-out of ours; a look-up that hangs costs a thread here, not the caller.
_resolvers = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolver")


def configure_exceptions(entries: Iterable[str]) -> Exceptions:
    """Sets the process-wide exceptions and returns those before; ValueError names a bad entry."""
    global _exceptions
    before, _exceptions = _exceptions, Exceptions.parse(entries)
    return before


def check_host(host: str, port: int, *, timeout: float = 5.0, allow: Iterable[str] = ()) -> list[Address]:
    """Resolves `host` and returns its addresses in the resolver's order, all of them allowed.

    `timeout` in seconds; `allow` adds exceptions for this call. One forbidden address among several blocks
    the host. Raises Blocked, Unreachable (no such name) or TimedOut.
    """
    name = _plain(host.lower())
    exceptions = _exceptions | Exceptions.parse(allow)
    addresses = _resolve(name, port, timeout)
    for address in addresses:
        if not is_public(address) and not exceptions.allow(name, port, address):
            raise Blocked(f"{host} leads to {address}, which is not a public address")
    return addresses


def _plain(host: str) -> str:
    return host.removeprefix("[").removesuffix("]").removesuffix(".")


def _resolve(host: str, port: int, timeout: float) -> list[Address]:
    look_up = _resolvers.submit(getaddrinfo, host, port, type=SOCK_STREAM)
    try:
        found = look_up.result(max(timeout, 0))
    except FutureTimeout:
        look_up.cancel()
        raise TimedOut(f"{host} was not resolved in time") from None
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that IDNA cannot encode
        raise Unreachable(f"{host} is not known: {error}") from error
    addresses = list(dict.fromkeys(ip_address(item[4][0]) for item in found))
    if not addresses:
        raise Unreachable(f"{host} has no address")
    return addresses
