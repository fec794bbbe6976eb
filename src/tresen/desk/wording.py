"""The words for what can go wrong. Rooms below speak plain English for machines; here it is said to people."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from tresen.kernel.errors import Conflict, Denied, Invalid, NotFound, TresenError, Unavailable

KNOWN = frozenset(
    (
        gettext_noop("must not be empty"),
        gettext_noop("must have 1 to 80 characters"),
        gettext_noop("must have 1 to 120 characters"),
        gettext_noop("must be between 0 and 1000"),
        gettext_noop("must lie in the future"),
        gettext_noop("must not be longer than 2000 characters"),
        gettext_noop("must not be longer than 100000 characters"),
        gettext_noop("is not an e-mail address"),
        gettext_noop("somebody with this address exists"),
        gettext_noop("one active administrator must remain"),
        gettext_noop("an administrator exists already"),
        gettext_noop("a team with this name exists"),
        gettext_noop("a queue with this name exists"),
        gettext_noop("no such conversation"),
        gettext_noop("no such channel"),
        gettext_noop("no such customer"),
        gettext_noop("no such queue"),
        gettext_noop("no such agent"),
        gettext_noop("no such team"),
        gettext_noop("no such member of staff"),
        gettext_noop("this link is no longer valid"),
        gettext_noop("a colleague has just taken it"),
        gettext_noop("only a team lead may take this from a colleague"),
        gettext_noop("only administrators may do this"),
        gettext_noop("only team leads and administrators may do this"),
        gettext_noop("required"),
    )
)


def explain(error: TresenError) -> str:
    """A sentence for people, in their language."""
    if error.message in KNOWN:
        said = _(error.message)
        return said[:1].upper() + said[1:] + "." if not said.endswith(".") else said
    if isinstance(error, NotFound):
        return _("That does not exist, or you may not see it.")
    if isinstance(error, Denied):
        return _("You may not do that.")
    if isinstance(error, Conflict):
        return _("That is no longer possible: something has changed in the meantime.")
    if isinstance(error, Unavailable):
        return _("The storage cannot take it right now. Please try again in a moment.")
    if isinstance(error, Invalid):
        return error.message[:1].upper() + error.message[1:] + "."
    return _("That did not work. Nothing was changed.")
