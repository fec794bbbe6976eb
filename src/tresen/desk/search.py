"""The search box of the list: a spoken number, a name, an address, a record's number, words of a subject."""

from __future__ import annotations

from django.db.models import Q

from tresen.accounts.principal import Principal
from tresen.conversations import queries
from tresen.customers import queries as customers
from tresen.kernel.errors import NotFound

CUSTOMERS_MAX = 100
FOUND_MAX = 100


def page(me: Principal, given: queries.Filter, text: str, *, cursor: str = "", limit: int = 50) -> queries.Page:
    """Like `queries.page`, narrowed to what `text` finds; a search shows its newest hundred and has no second page."""
    if not text:
        return queries.page(me, given, cursor=cursor, limit=limit)
    try:
        return queries.Page([queries.by_number(me, text)], None)
    except NotFound:
        pass
    people = [customer.pk for customer in customers.search(text, limit=CUSTOMERS_MAX)]
    rows = given.apply(queries.visible(me)).filter(Q(customer__in=people) | Q(subject__icontains=text))
    related = rows.select_related("customer", "channel", "queue", "assignee")
    return queries.Page(list(related.order_by("-last_message_at", "-id")[:FOUND_MAX]), None)
