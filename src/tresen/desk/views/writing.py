"""The composer: reply, note, forward."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tresen.accounts.principal import Principal
from tresen.conversations import actions, queries
from tresen.desk import drafts
from tresen.desk.present.composers import composer, foreign_addresses, last_received
from tresen.desk.views.common import NO_CONTENT, changed, number, staff
from tresen.desk.wording import explain
from tresen.kernel import wake
from tresen.kernel.errors import Invalid

PANES = ("thread", "list", "head")


@require_POST
@staff
def write(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """Stores what was written and answers with an empty composer; what was wrong is shown without losing a word."""
    row = queries.get(me, conversation_id)
    mode = request.POST.get("mode", "reply")
    try:
        said, undo = _store(request, me, conversation_id, mode)
    except Invalid as error:
        answer = render(request, "desk/parts/errors.html", {"errors": [explain(error)]}, status=error.status)
        answer["HX-Retarget"], answer["HX-Reswap"] = "#composer-errors", "innerHTML"
        return answer
    fresh = composer(me, row, mode="note" if mode == "note" else "reply")
    answer = render(request, "desk/parts/composer.html", {"composer": fresh})
    return changed(PANES, said, undo=undo, answer=answer)


@require_POST
@staff
def typing(request: HttpRequest, me: Principal, conversation_id: int) -> HttpResponse:
    """Passing news, never stored: the customer sees that somebody answers, colleagues see who."""
    row = queries.get(me, conversation_id)
    news = {"kind": "typing", "conversation_id": row.pk, "author": me.name}
    if request.POST.get("mode") == "reply":
        wake.pass_on({**news, "to": "visitor"})
    wake.pass_on({**news, "user_id": me.user_id})
    return HttpResponse(status=NO_CONTENT)


def _store(request: HttpRequest, me: Principal, conversation_id: int, mode: str) -> tuple[str, str]:
    """Returns what to say about it and how to take it back ("" = nothing, not at all)."""
    if mode == "note":
        actions.note(me, conversation_id, drafts.read(request, me, mode="note"))
        return "", ""
    draft = drafts.read(request, me, mode=mode)
    if mode == "forward":
        if "to" not in draft.address:
            raise Invalid(_("to whom?"), field="to")
        message_id = number(request.POST.get("message"))
        subject, quoted, files = drafts.forwarded(me, message_id, conversation_id)
        text = f"{draft.text}\n\n{quoted}" if draft.text else quoted
        actions.reply(me, conversation_id, replace(draft, text=text, subject=subject, files=(*draft.files, *files)))
        return _("Forwarded."), ""
    address = {key: found for key, found in draft.address.items() if key != "to"}
    chosen = request.POST.get("answer_to", "")
    if chosen and chosen in foreign_addresses(last_received(conversation_id)):
        address["to"] = [chosen]
    actions.reply(me, conversation_id, replace(draft, address=address))
    if request.POST.get("then") == "resolve":
        actions.resolve(me, conversation_id)
        return _("Sent and resolved."), reverse("desk:reopen", args=[conversation_id])
    return "", ""
