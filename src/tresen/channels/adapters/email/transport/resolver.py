"""TXT records for DKIM and the health check. A resolver that is away is not asked again for a minute."""

from __future__ import annotations

import time

import dns.exception
import dns.resolver

SECONDS = 3.0
PAUSE = 60.0
_asleep_until = [0.0]


class NoAnswer(Exception):
    """DNS itself did not answer: nothing is known."""


def txt(name: str) -> list[str]:
    """All TXT records of a name; none for unknown names. Raises NoAnswer."""
    if time.monotonic() < _asleep_until[0]:
        raise NoAnswer("the resolver did not answer a moment ago")
    try:
        answer = dns.resolver.resolve(name.rstrip("."), "TXT", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (
        dns.resolver.LifetimeTimeout,
        dns.resolver.NoNameservers,
        dns.resolver.NoResolverConfiguration,
        OSError,
    ) as fault:
        _asleep_until[0] = time.monotonic() + PAUSE
        raise NoAnswer(str(fault)[:200]) from fault
    except (dns.exception.DNSException, ValueError):  # a name that cannot exist
        return []
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]


def for_dkim(name: bytes, timeout: float = SECONDS) -> bytes | None:
    """The look-up that dkimpy asks for."""
    try:
        records = txt(name.decode("ascii", "replace"))
    except NoAnswer:
        return None
    return records[0].encode() if records else None
