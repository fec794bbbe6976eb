"""What the tests of this room share: the journal read back, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tresen.kernel import db
from tresen.kernel.errors import TresenError
from tresen.kernel.models import Event


def facts(*kinds: str) -> list[tuple[str, int | None, dict[str, Any]]]:
    """(kind, customer, data) of all events in order, or of those of some kinds."""
    rows = Event.objects.order_by("id").values_list("kind", "customer_id", "data")
    return [row for row in rows if not kinds or row[0] in kinds]


@contextmanager
def refused(error: type[TresenError], field: str = "") -> Iterator[None]:
    """Expects the error, naming the field, and rolls back as the caller's transaction would."""
    with pytest.raises(error) as raised, db.atomic(savepoint=True):
        yield
    assert raised.value.field == field
    assert raised.value.message
