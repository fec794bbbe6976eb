"""Typed settings that are set on a screen. Declare one in the room that needs it: `PUBLIC_URL = Declared(...)`."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tresen.kernel import clock, db, wake
from tresen.kernel.errors import Invalid
from tresen.kernel.models import StoredSetting

T = TypeVar("T")
TOPIC = "settings"
_MAX_AGE = 2.0
_cache: dict[str, Any] = {}
_loaded: tuple[float, int] = (-1e9, -1)


@dataclass(frozen=True, slots=True)
class Declared(Generic[T]):
    """A setting with its type and default. `check` returns the cleaned value or raises ValueError."""

    key: str
    type: type[T]
    default: T
    check: Callable[[T], T] | None = None

    def clean(self, value: Any) -> T:
        if not isinstance(value, self.type) or (self.type is int and isinstance(value, bool)):
            raise Invalid(f"must be of type {self.type.__name__}", field=self.key)
        try:
            return self.check(value) if self.check else value
        except ValueError as error:
            raise Invalid(str(error), field=self.key) from error


def get(setting: Declared[T]) -> T:
    """The value in force, at most 2 s old."""
    global _cache, _loaded
    generation = wake.generation(TOPIC)
    if _loaded[1] != generation or time.monotonic() - _loaded[0] > _MAX_AGE:
        try:
            _cache = dict(StoredSetting.objects.values_list("key", "value"))
        except db.StorageError:  # what held until now holds on, so that even "the database is away" can be said
            if _loaded[1] < 0:
                raise
        _loaded = (time.monotonic(), generation)
    return _cache.get(setting.key, setting.default)


def put(setting: Declared[T], value: T) -> T:
    """Stores a value after cleaning it."""
    cleaned = setting.clean(value)
    with db.atomic():
        StoredSetting.objects.update_or_create(key=setting.key, defaults={"value": cleaned, "changed_at": clock.now()})
        forget()  # whoever wrote it reads it back, also before the commit
        wake.on_commit(TOPIC)
    return cleaned


def forget() -> None:
    """Empties the cache (tests)."""
    global _loaded
    _loaded = (-1e9, -1)
