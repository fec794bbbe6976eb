"""A member of staff's session without a browser: cookies, forms with their CSRF token, pages by keep-alive."""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tresen.bench.product import Failed, Product

PASSWORD = "ein langer Satz zum Messen"
_SETUP = re.compile(r"(/desk/start/\S+)")


class Session:
    """One connection to the product with its cookies."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies: SimpleCookie = SimpleCookie()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body."""
        return self._ask("GET", path, None, dict(headers or {}))

    def submit(self, path: str, fields: Mapping[str, str]) -> tuple[int, bytes]:
        """Fetches a form and sends it."""
        status, page = self.get(path)
        if status != 200:
            raise Failed(f"{path}: {status}")
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        given = {**fields, "csrfmiddlewaretoken": token.group(1).decode() if token else ""}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(given), headers)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        headers["Cookie"] = "; ".join(f"{name}={cookie.value}" for name, cookie in self._cookies.items())
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self._cookies.load(value)
        return answer.status, answer.read()

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


def first_administrator(product: Product) -> None:
    """Follows the one-time link that a first start prints."""
    found = _SETUP.search(product.log.read_text())
    if found is None:
        raise Failed("no link for the administrator was printed")
    fields = {"company": "Bench", "name": "Admin", "email": "admin@example.org", "password": PASSWORD}
    session = Session(product.port)
    status, page = session.submit(found.group(1), fields)
    session.close()
    if status != 302:
        raise Failed(f"the first administrator: {status} {page[-500:]!r}")


def log_in(port: int, email: str) -> Session:
    """A session of a member of staff with the bench's password."""
    session = Session(port)
    status, page = session.submit("/account/login/", {"login": email, "password": PASSWORD})
    if status != 302:
        raise Failed(f"log-in of {email}: {status} {page[-500:]!r}")
    return session
