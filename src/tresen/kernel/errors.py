"""What can go wrong, as types. Surfaces turn them into answers; nothing else decides on status codes."""

from __future__ import annotations


class TresenError(Exception):
    """Base of every expected error. `message` is shown to people, `code` is for machines."""

    status = 400
    code = "error"

    def __init__(self, message: str = "", *, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


class Invalid(TresenError):
    """Input that cannot be taken; `field` names the culprit."""

    status, code = 422, "invalid"


class NotFound(TresenError):
    """Not there, or not there for you: the two are never told apart."""

    status, code = 404, "not_found"


class Denied(TresenError):
    """You may see it, but not do this."""

    status, code = 403, "denied"


class Conflict(TresenError):
    """The state does not allow this verb (any more)."""

    status, code = 409, "conflict"


class Unavailable(TresenError):
    """The storage cannot take it now; try again later. Nothing was acknowledged."""

    status, code = 503, "unavailable"
