"""Typed settings."""

from __future__ import annotations

import pytest

from tresen.kernel import db, settings
from tresen.kernel.errors import Invalid
from tresen.kernel.models import StoredSetting
from tresen.kernel.settings import Declared


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("must be even")
    return abs(value)


NUMBER = Declared("tests.number", int, 4, check=_even)
TEXT = Declared("tests.text", str, "none")
FLAG = Declared("tests.flag", bool, False)

pytestmark = pytest.mark.django_db


def test_the_default_holds_until_something_is_set():
    assert settings.get(NUMBER) == 4
    assert settings.put(NUMBER, -6) == 6
    settings.forget()
    assert settings.get(NUMBER) == 6
    assert settings.get(TEXT) == "none"
    settings.put(FLAG, True)
    settings.forget()
    assert settings.get(FLAG) is True
    settings.put(NUMBER, 8)
    assert StoredSetting.objects.count() == 2


@pytest.mark.parametrize(("setting", "value"), [(NUMBER, "4"), (NUMBER, True), (NUMBER, 3), (TEXT, None), (FLAG, 1)])
def test_what_does_not_fit_is_refused_by_name_and_nothing_changes(setting, value):
    with pytest.raises(Invalid) as caught:
        settings.put(setting, value)
    assert caught.value.field == setting.key
    assert not StoredSetting.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_change_is_seen_at_once_and_a_rolled_back_one_never():
    settings.get(TEXT)
    settings.put(TEXT, "first")
    assert settings.get(TEXT) == "first"
    with pytest.raises(ValueError), db.atomic():
        settings.put(TEXT, "second")
        raise ValueError
    assert settings.get(TEXT) == "first"


@pytest.mark.django_db(transaction=True)
def test_a_change_of_another_process_is_seen_within_two_seconds(monkeypatch):
    moment = 1000.0
    monkeypatch.setattr(settings.time, "monotonic", lambda: moment)
    settings.put(TEXT, "ours")
    assert settings.get(TEXT) == "ours"
    StoredSetting.objects.update(value="theirs")
    assert settings.get(TEXT) == "ours"
    moment = 1002.1
    assert settings.get(TEXT) == "theirs"
