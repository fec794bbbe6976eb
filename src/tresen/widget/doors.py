"""The way in for foreign pages: which sites may ask, how often, and errors that a script can read.

The widget proves itself by a token in the Authorization header and never by a cookie: a foreign page that calls these
addresses has no more rights than anybody, so Django's CSRF check is neither needed nor possible.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from pydantic import BaseModel, ValidationError

from tresen.channels.adapters.webchat import look, tokens
from tresen.channels.adapters.webchat.tokens import Visitor
from tresen.channels.contract import ChannelView
from tresen.channels.directory import DIRECTORY
from tresen.kernel import clock, db
from tresen.kernel.errors import Denied, Invalid, NotFound, TresenError, Unavailable
from tresen.kernel.limits import InMemory

BODY_MAX = 16 * 1024
RETRY_AFTER = {429: "20", 503: "5"}  # s
Body = TypeVar("Body", bound=BaseModel)
View = Callable[..., HttpResponseBase]


class Unauthorized(TresenError):
    """The token does not hold. Says nothing more."""

    status, code = 401, "unauthorized"


class TooMany(TresenError):
    """Come back in a minute."""

    status, code = 429, "too_many"


def channel_of(key: str, kind: str) -> ChannelView:
    """The enabled channel with this public key, if it is of this kind."""
    view = DIRECTORY.by_key(key)
    if view is None or view.kind != kind:
        raise NotFound("no such channel")
    return view


def visitor_of(request: HttpRequest, channel: ChannelView) -> Visitor:
    """Who asks, by the token in the Authorization header."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise tokens.TokenError
        return tokens.read(channel.secrets.get("token_secret", ""), channel.key, token.strip(), clock.now())
    except tokens.TokenError:
        raise Unauthorized from None


def body_of(request: HttpRequest, model: type[Body]) -> Body:
    """The JSON body. Invalid names the field and repeats nothing that was sent."""
    if len(request.body) > BODY_MAX:
        raise Invalid("is too large", field="body")
    try:
        return model.model_validate_json(request.body or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Invalid(first["msg"], field=".".join(str(p) for p in first["loc"]) or "body") from None


def door(method: str, *, kind: str = "webchat", per_minute: int) -> Callable[[View], View]:
    """Makes `view(request, channel, **more)` an address `<key>/…` that pages of the allowed sites may call."""
    limit = InMemory(per_minute, seconds=60)

    def make(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def enter(request: HttpRequest, key: str, **more: Any) -> HttpResponseBase:
            origin = request.headers.get("Origin", "")
            try:
                channel = channel_of(key, kind)
                if not may_ask(request, channel, origin):
                    origin = ""
                    raise Denied("this site may not use the channel")
                if request.method == "OPTIONS":
                    answer: HttpResponseBase = HttpResponse(status=204)
                elif request.method != method:
                    answer = HttpResponse(status=405, headers={"Allow": f"{method}, OPTIONS"})
                elif not limit.allows(request.META.get("REMOTE_ADDR", "")):
                    raise TooMany("too many requests")
                else:
                    answer = view(request, channel, **more)
            except TresenError as error:
                answer = _problem(error)
            except db.StorageError:
                answer = _problem(Unavailable("try again later"))
            return _cors(answer, origin, method)

        return enter

    return make


def may_ask(request: HttpRequest, channel: ChannelView, origin: str) -> bool:
    """An allowed site, our own page, or no page at all."""
    allowed = look.origins(channel.settings)
    own = urlsplit(origin).netloc == request.get_host() or origin == channel.public_url
    return not origin or not allowed or own or origin in allowed


def _problem(error: TresenError) -> HttpResponse:
    body = {"type": "about:blank", "status": error.status, "code": error.code, "detail": error.message}
    if error.field:
        body["field"] = error.field
    answer = JsonResponse(body, status=error.status, content_type="application/problem+json")
    if error.status in RETRY_AFTER:
        answer["Retry-After"] = RETRY_AFTER[error.status]
    if error.status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def _cors(answer: HttpResponseBase, origin: str, method: str) -> HttpResponseBase:
    answer["Vary"] = "Origin"
    if origin:
        answer["Access-Control-Allow-Origin"] = origin
        answer["Access-Control-Allow-Methods"] = f"{method}, OPTIONS"
        answer["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        answer["Access-Control-Expose-Headers"] = "Retry-After"
        answer["Access-Control-Max-Age"] = "7200"
    return answer
