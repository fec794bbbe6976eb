"""Expected refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tresen.kernel import db


@contextmanager
def refused(error: type[Exception], field: str | None = None) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """Expects the error, naming the field; what was written until then is rolled back, as the caller would."""
    with pytest.raises(error) as caught, db.atomic(savepoint=True):
        yield caught
    if field is not None:
        assert getattr(caught.value, "field", None) == field
