"""Files lie under random names, and nothing but such a name reaches the disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tresen.kernel import blobs

NAME = "a" * 32


def test_what_was_stored_comes_back(data_dir: Path):
    content = bytes(range(256)) * 300
    key = blobs.store("receipts", content)
    area, folder, name = key.split("/")
    assert (area, folder) == ("receipts", name[:2])
    assert len(name) == 32
    assert blobs.load(key) == content
    (file,) = [p for p in data_dir.rglob("*") if p.is_file()]
    assert file == data_dir / "files" / key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_equal_contents_lie_in_two_files(data_dir: Path):
    first, second = blobs.store("attachments", b""), blobs.store("attachments", b"")
    assert first != second
    blobs.remove(first)
    assert blobs.load(second) == b""


def test_what_is_gone_is_gone(data_dir: Path):
    key = blobs.store("attachments", b"x")
    blobs.remove(key)
    blobs.remove(key)
    with pytest.raises(FileNotFoundError):
        blobs.load(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../secrets/vault.key",
        f"attachments/../{NAME}",
        f"attachments/aa/../../../{NAME}",
        f"attachments/aa/{NAME}/../x",
        f"attachments/aa/{NAME}\n",
        f"attachments/aa/{NAME}\x00.png",
        f"attachments\\aa\\{NAME}",
        f"Attachments/aa/{NAME}",
        "attachments/aa/short",
        f"attachments/aa/{'a' * 65}",
        f"attachments/a\u200b/{NAME}",
        f"attachments/aa/{NAME[:-1]}ä",
        f"/attachments/aa/{NAME}",
        f"attachments//aa/{NAME}",
    ],
)
def test_hostile_keys_reach_no_file(key: str, data_dir: Path):
    secret = data_dir / "secrets" / "vault.key"
    secret.parent.mkdir(parents=True)
    secret.write_text("secret")
    for call in (blobs.load, blobs.remove):
        with pytest.raises(ValueError, match="not a storage key"):
            call(key)
    assert secret.read_text() == "secret"


@given(st.text(alphabet="ab./\\\n\x00-_", max_size=60))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_key_leaves_the_folder(data_dir: Path, key: str):
    try:
        path = blobs._path(key)
    except ValueError:
        return
    assert (data_dir / "files").resolve() in path.resolve().parents


@pytest.mark.parametrize("area", ["", "UP", "a/b", "..", "x" * 17])
def test_an_area_is_a_plain_word(area: str, data_dir: Path):
    with pytest.raises(ValueError, match="not a storage key"):
        blobs.store(area, b"x")
    assert not [p for p in data_dir.rglob("*") if p.is_file()]
