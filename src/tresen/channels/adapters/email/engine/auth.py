"""Did the sender's domain really send this mail? DMARC's question (RFC 7489), answered from what can be
trusted here.

Either the Authentication-Results of our own mail server (RFC 8601), named in the settings, or DKIM
signatures that
were checked when the mail was fetched. Anything else proves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import authres
import dkim

from tresen.channels.adapters.email.engine import headers
from tresen.channels.adapters.email.engine.parse import Mail
from tresen.channels.contract import Assurance

SIGNATURES_MAX = 5
RESULTS_MAX = 20
DnsTxt = Callable[..., bytes | None]  # (name: bytes, timeout=…) → TXT record or None, as dkimpy wants it
METHODS = ("dmarc", "dkim", "spf")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`text` is shown to agents, e.g. "dmarc=pass (example.de)" or "not checked"."""

    assurance: Assurance
    text: str
    failed: bool = False  # the domain's owner says that this mail is not theirs


def aligned(domain: str, sender: str) -> bool:
    """Whether an authenticated domain speaks for the sender's: the same one or a parent of it.

    The other direction (a sub-domain speaking for its parent) needs the public suffix list to be safe and
    is left to
    the mail server's own DMARC check.
    """
    domain, sender = domain.lower().strip("."), sender.lower().strip(".")
    return "." in domain and (sender == domain or sender.endswith("." + domain))


def verdict(mail: Mail, *, authserv_id: str = "", dkim_domains: Iterable[str] = ()) -> Verdict:
    """Judges the From address. Several From addresses, or none, are never believed.

    `authserv_id`: the name that our own server writes into Authentication-Results; it must strip foreign
    ones.
    `dkim_domains`: domains whose signature held when the mail was fetched.
    """
    if len(mail.senders) != 1 or len(mail.headers.get("from", ())) != 1:
        return Verdict(Assurance.CLAIMED, "no single sender", failed=len(mail.senders) > 1)
    domain = mail.senders[0].domain
    if authserv_id:
        return _by_results(_trusted_results(mail, authserv_id), domain)
    signed = [d for d in dkim_domains if aligned(d, domain)]
    if signed:
        return Verdict(Assurance.PROVED, f"dkim=pass ({signed[0]})")
    return Verdict(Assurance.CLAIMED, "not proved")


def _trusted_results(mail: Mail, authserv_id: str) -> list[authres.AuthenticationResult]:
    """Our server's results; of each method the topmost header counts, so that a planted one below cannot
    help."""
    found: list[authres.AuthenticationResult] = []
    seen: set[str] = set()
    for raw in mail.headers.get("authentication-results", ())[:RESULTS_MAX]:
        try:
            parsed = authres.AuthenticationResultsHeader.parse("Authentication-Results: " + _flat(raw))
        except (authres.core.AuthResError, ValueError, IndexError, RecursionError):
            continue
        if (parsed.authserv_id or "").lower() != authserv_id.lower():
            continue
        methods = {r.method for r in parsed.results}
        found += [r for r in parsed.results if r.method not in seen]
        seen |= methods
    return found


def _flat(raw: str) -> str:
    return re.sub(r"\s*[\r\n]+\s*", " ", headers.unescape(raw)).strip()


def _by_results(results: list[authres.AuthenticationResult], domain: str) -> Verdict:
    dmarc = [r for r in results if r.method == "dmarc"]
    if dmarc:
        named = _property(dmarc[0], "header", "from") or domain
        if dmarc[0].result == "pass" and named.rpartition("@")[2].lower() == domain:
            return Verdict(Assurance.PROVED, f"dmarc=pass ({domain})")
        if dmarc[0].result != "none":
            return Verdict(Assurance.CLAIMED, f"dmarc={dmarc[0].result} ({named})", failed=dmarc[0].result == "fail")
    for result in results:
        speaker = ""
        if result.method == "dkim":
            speaker = _property(result, "header", "d") or _property(result, "header", "i").rpartition("@")[2]
        elif result.method == "spf":
            speaker = _property(result, "smtp", "mailfrom").rpartition("@")[2]
        if result.result == "pass" and speaker and aligned(speaker, domain):
            return Verdict(Assurance.PROVED, f"{result.method}=pass ({speaker})")
    said = ", ".join(f"{r.method}={r.result}" for r in results if r.method in METHODS)
    return Verdict(Assurance.CLAIMED, said[:200] or "not checked")


def _property(result: authres.AuthenticationResult, kind: str, name: str) -> str:
    return next((p.value for p in result.properties if p.type == kind and p.name == name and p.value), "")


def dkim_domains(raw: bytes, dns: DnsTxt) -> tuple[str, ...]:
    """Domains whose DKIM signature over this mail holds. Uses the network through `dns`; never raises.

    Signatures over a part of the body only (`l=`) are not counted: anything could be appended.
    """
    try:
        message = dkim.DKIM(raw, timeout=5)
    except (dkim.DKIMException, ValueError):
        return ()
    signatures = [value for name, value in message.headers if name.lower() == b"dkim-signature"][:SIGNATURES_MAX]
    return tuple(dict.fromkeys(d for n, s in enumerate(signatures) if (d := _domain(s)) and _holds(message, n, dns)))


def _domain(signature: bytes) -> str:
    try:
        tags = dkim.util.parse_tag_value(signature)
    except (dkim.util.InvalidTagValueList, ValueError):
        return ""
    return "" if b"l" in tags else tags.get(b"d", b"").decode("ascii", "replace").lower()


def _holds(message: dkim.DKIM, number: int, dns: DnsTxt) -> bool:
    try:
        return bool(message.verify(idx=number, dnsfunc=dns))
    except Exception:  # dkimpy and its parsers raise whatever broken signatures lead to
        return False
