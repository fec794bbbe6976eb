"""Be the customer: pick somebody, read their mail, write."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tresen.kernel import clock, db
from tresen.sandbox import people, stories
from tresen.sandbox.demo.house import DOMAIN
from tresen.sandbox.demo.load import introduced
from tresen.sandbox.doors import person, playable, sandboxed
from tresen.sandbox.forms import Letter, Stranger
from tresen.sandbox.mail import reading, store, wire
from tresen.sandbox.models import Mail, Mailbox

LISTED = 100
COMPANY = f"service@{DOMAIN}"


@require_safe
@sandboxed
def home(request: HttpRequest) -> HttpResponse:
    """Who one can be."""
    rank = list(stories.ROLES)
    boxes = sorted(playable().select_related("customer__company"), key=lambda box: (rank.index(box.story), box.pk))
    agent = next((person.email for person, _password in introduced()), "")
    context = {"people": [(box, stories.ROLES[box.story]) for box in boxes], "stranger": Stranger(), "agent": agent}
    return render(request, "sandbox/home.html", context)


@require_POST
@sandboxed
def stranger(request: HttpRequest) -> HttpResponse:
    """Somebody new comes by."""
    form = Stranger(request.POST)
    if not form.is_valid():
        return HttpResponseRedirect(reverse("sandbox:home"))
    box = people.open_stranger(form.cleaned_data["name"], (get_language() or "en")[:2])
    return HttpResponseRedirect(reverse("sandbox:inbox", args=[box.pk]))


@require_safe
@sandboxed
def language(request: HttpRequest, code: str) -> HttpResponse:
    """Keeps the chosen language where the desk looks for it, too."""
    back = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()})
    answer = HttpResponseRedirect(back if safe else reverse("sandbox:home"))
    if code in dict(settings.LANGUAGES):
        answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, code, max_age=365 * 24 * 3600, samesite="Lax")
    return answer


def _folder(request: HttpRequest) -> str:
    return Mail.Folder.SENT if request.GET.get("folder") == Mail.Folder.SENT else Mail.Folder.INBOX


def _list(box: Mailbox, folder: str, selected: int | None = None) -> dict[str, Any]:
    rows = box.mails.filter(folder=folder).order_by("-at", "-id").defer("raw")
    return {
        "box": box,
        "folder": folder,
        "mails": list(rows[:LISTED]),
        "unseen": box.mails.filter(folder=Mail.Folder.INBOX, seen=False).count(),
        "selected": selected,
    }


def _page(request: HttpRequest, box: Mailbox, name: str, **context: Any) -> HttpResponse:
    listed = _list(box, context.pop("folder", _folder(request)), context.get("selected"))
    about = {"ideas": stories.ideas(box), "role": stories.ROLES[box.story], "company": COMPANY}
    return render(request, f"sandbox/{name}.html", {**listed, **about, **context})


@require_safe
@sandboxed
def inbox(request: HttpRequest, box_id: int) -> HttpResponse:
    """A mailbox."""
    return _page(request, person(box_id), "inbox")


@require_safe
@sandboxed
def mails(request: HttpRequest, box_id: int) -> HttpResponse:
    """Only the list, for the page that asks again and again."""
    selected = request.GET.get("selected", "")
    number = int(selected) if selected.isascii() and selected.isdigit() and len(selected) < 18 else None
    return render(request, "sandbox/parts/mails.html", _list(person(box_id), _folder(request), number))


def _mail(box_id: int, mail_id: int) -> Mail:
    found = Mail.objects.filter(pk=mail_id, mailbox=person(box_id)).select_related("mailbox").first()
    if found is None:
        raise Http404
    return found


@require_safe
@sandboxed
def read(request: HttpRequest, box_id: int, mail_id: int) -> HttpResponse:
    """One mail."""
    mail = _mail(box_id, mail_id)
    if not mail.seen:
        with db.atomic():
            Mail.objects.filter(pk=mail.pk).update(seen=True)
    context = {"mail": mail, "shown": reading.shown(mail), "selected": mail.pk, "folder": mail.folder}
    return _page(request, mail.mailbox, "read", **context)


@require_safe
@sandboxed
def body(request: HttpRequest, box_id: int, mail_id: int) -> HttpResponse:
    """The HTML of a mail for its frame: no script, no form, nothing fetched from elsewhere."""
    html = mark_safe(reading.body(_mail(box_id, mail_id)))  # sanitised twice by nh3
    answer = render(request, "sandbox/body.html", {"html": html})
    answer["Content-Security-Policy"] = (
        "sandbox allow-same-origin allow-popups; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
    )
    answer["X-Frame-Options"] = "SAMEORIGIN"
    return answer


@require_safe
@sandboxed
def file(request: HttpRequest, box_id: int, mail_id: int, number: int) -> HttpResponse:
    """An attachment, always as a download."""
    files = reading.parsed(_mail(box_id, mail_id)).files
    if number >= len(files):
        raise Http404
    answer = HttpResponse(files[number].content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(files[number].name)}"
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


@require_http_methods(["GET", "POST"])
@sandboxed
def write(request: HttpRequest, box_id: int) -> HttpResponse:
    """Writes a mail: an empty one, an idea (`?try=`), or an answer (`?reply=`)."""
    box = person(box_id)
    references, initial = _beginning(request, box)
    form = Letter(request.POST, request.FILES) if request.method == "POST" else Letter(initial=initial)
    if form.is_valid():
        _send(box, form, references)
        return HttpResponseRedirect(f"{reverse('sandbox:inbox', args=[box.pk])}?sent=1")
    return _page(request, box, "write", form=form)


def _beginning(request: HttpRequest, box: Mailbox) -> tuple[tuple[str, ...], dict[str, str]]:
    """(message ids that the mail refers to, what the fields begin with)."""
    reply = request.GET.get("reply", "")
    if reply.isascii() and reply.isdigit() and len(reply) < 18:
        start = reading.answer_to(_mail(box.pk, int(reply)), box.language)
        return start.references, {"to": start.to, "subject": start.subject, "text": start.text}
    idea = stories.idea(box, request.GET.get("try", ""))
    return (), {"to": COMPANY} | ({"subject": idea.subject, "text": idea.text} if idea else {})


def _send(box: Mailbox, form: Letter, references: tuple[str, ...]) -> None:
    given = form.cleaned_data
    files = tuple(
        (one.name or "file", one.content_type or "application/octet-stream", one.read()) for one in given["attached"]
    )
    written = wire.letter(
        author=(box.name, box.address),
        to=given["to"],
        subject=given["subject"],
        text=given["text"].replace("\r\n", "\n"),
        at=clock.now(),
        references=references,
        files=files,
    )
    store.send(box, written, given["to"])
