"""Secrets at rest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tresen.kernel import vault
from tresen.kernel.errors import Unavailable
from tresen.kernel.tests.threads import together


@pytest.fixture(autouse=True)
def fresh_key():
    """Each test reads the key of its own data directory."""
    vault._fernet.cache_clear()
    yield
    vault._fernet.cache_clear()


def test_what_is_sealed_comes_back_and_cannot_be_read_on_the_way():
    secrets = {"password": "geheim äöü 🔑", "empty": ""}
    sealed = vault.seal(secrets)
    assert "geheim" not in sealed
    assert vault.unseal(sealed) == secrets
    assert vault.seal(secrets) != sealed


def test_nothing_is_sealed_as_nothing(data_dir: Path):
    assert vault.seal({}) == ""
    assert vault.unseal("") == {}
    assert not (data_dir / "secrets").exists()


def test_the_key_is_for_its_owner_only(data_dir: Path):
    vault.seal({"a": "b"})
    key = data_dir / "secrets" / "vault.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [p.name for p in key.parent.iterdir()] == ["vault.key"]


def test_another_key_opens_nothing(data_dir: Path):
    sealed = vault.seal({"password": "geheim"})
    (data_dir / "secrets" / "vault.key").unlink()
    vault._fernet.cache_clear()
    with pytest.raises(Unavailable) as caught:
        vault.unseal(sealed)
    assert "geheim" not in str(caught.value)
    assert sealed not in str(caught.value)


@pytest.mark.parametrize("broken", ["x", "gAAAA", "äöü", "\x00"])
def test_what_is_not_sealed_is_refused(broken: str):
    with pytest.raises(Unavailable):
        vault.unseal(broken)


def test_a_secret_file_is_made_once_whoever_comes_first(tmp_path: Path):
    path = tmp_path / "secrets" / "one.key"
    found = together(*(lambda n=n: vault.secret_file(path, b"%d" % n * 4000) for n in range(8)))
    assert len(set(found)) == 1
    assert path.read_bytes() == found[0]
    assert len(found[0]) == 4000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert vault.secret_file(path, b"later") == found[0]
