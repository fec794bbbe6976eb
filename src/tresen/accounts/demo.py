"""A demo company's staff: their passwords are printed on a terminal, so they may log in on that machine only."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import HttpRequest
from django.http.request import split_domain_port

from tresen.kernel.settings import Declared

DEMO = Declared("demo", bool, False)  # this installation holds the demo company
DEMO_DOMAIN = "example"  # reserved (RFC 2606): no real member of staff has an address there
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_HOST", "HTTP_X_REAL_IP", "HTTP_VIA")


def is_demo_address(email: str) -> bool:
    """Whether an address belongs to the demo's cast."""
    domain = email.strip().lower().rpartition("@")[2]
    return domain == DEMO_DOMAIN or domain.endswith(f".{DEMO_DOMAIN}")


def is_local(request: HttpRequest) -> bool:
    """Whether a browser on this very machine asks.

    A proxy in between makes every caller look local, and a foreign name that leads here (DNS rebinding) lets a
    foreign page ask in the browser's name: neither counts.
    """
    if any(name in request.META for name in _FORWARDED):
        return False
    host = split_domain_port(request.META.get("HTTP_HOST", ""))[0]
    return _loopback(str(request.META.get("REMOTE_ADDR", ""))) and (host == "localhost" or _loopback(host.strip("[]")))


def _loopback(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
