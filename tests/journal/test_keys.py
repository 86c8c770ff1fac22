"""The archive's keys: named when something is wrong with them, and back from the recovery file."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import InvalidValueError, RuleError, UnavailableError
from infrastructure.journal import keys as key_files
from infrastructure.journal.envelope import b64
from tests.journal.house import House

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PASSPHRASE = "mười lăm chữ trở lên"
FILES = ("system.key.pem", "system.cert.pem", "personal.key", "commands.key")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    key_files.create(tmp_path / "keys", "archive-1", NOW)
    return tmp_path / "keys"


def test_keys_are_new_for_every_archive_and_read_by_nobody_else(
    tmp_path: Path, place: Path
) -> None:
    key_files.create(tmp_path / "others", "archive-1", NOW)
    for name in FILES:
        assert (place / name).read_bytes() != (tmp_path / "others" / name).read_bytes()
        assert stat.S_IMODE((place / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    with pytest.raises(RuleError, match="keys-exist"):
        key_files.create(place, "archive-1", NOW)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_key_is_named(place: Path, name: str) -> None:
    (place / name).unlink()
    with pytest.raises(UnavailableError, match="key-missing") as told:
        key_files.load(place)
    assert told.value.details["file"] == name


@pytest.mark.parametrize("name", FILES)
def test_a_key_that_cannot_be_read_is_named(place: Path, name: str) -> None:
    (place / name).unlink()
    (place / name).mkdir()
    with pytest.raises(UnavailableError, match="key-unreadable") as told:
        key_files.load(place)
    assert told.value.details["file"] == name


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"x" * 31, b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_damaged_key_is_named(place: Path, name: str, content: bytes) -> None:
    (place / name).write_bytes(content)
    with pytest.raises(UnavailableError, match="key-damaged"):
        key_files.load(place)


@pytest.mark.parametrize("name", FILES[:2])
def test_a_key_of_another_certificate_is_named(tmp_path: Path, place: Path, name: str) -> None:
    key_files.create(tmp_path / "others", "archive-1", NOW)
    (place / name).write_bytes((tmp_path / "others" / name).read_bytes())
    with pytest.raises(UnavailableError, match="key-of-another-certificate"):
        key_files.load(place)


def test_the_recovery_file_brings_every_key_back(house: House, tmp_path: Path) -> None:
    dossier = house.open_dossier()
    recovery, count = key_files.write_recovery(tmp_path / "keys", PASSPHRASE)
    told = recovery.decode()
    assert all(b64((tmp_path / "keys" / name).read_bytes()) not in told for name in FILES)
    (tmp_path / "keys").rename(tmp_path / "lost")
    assert key_files.recover(tmp_path / "keys", recovery, PASSPHRASE) == count == 4
    for name in FILES:
        assert (tmp_path / "keys" / name).read_bytes() == (tmp_path / "lost" / name).read_bytes()
    house.keys = key_files.load(tmp_path / "keys")
    house.journal = house.open()
    assert len(house.journal.load(dossier)) == 3
    assert not house.inspect().findings


def test_a_wrong_passphrase_opens_nothing(tmp_path: Path, place: Path) -> None:
    recovery, _ = key_files.write_recovery(place, PASSPHRASE)
    with pytest.raises(InvalidValueError, match="passphrase-wrong"):
        key_files.recover(tmp_path / "back", recovery, PASSPHRASE + "!")
    assert not (tmp_path / "back").exists()
    with pytest.raises(RuleError, match="keys-exist"):
        key_files.recover(place, recovery, PASSPHRASE)
    with pytest.raises(InvalidValueError, match="passphrase-too-short"):
        key_files.write_recovery(place, "ngắn quá")


@pytest.mark.parametrize(
    "recovery",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        json.dumps({"salt": "!", "nonce": "", "keys": ""}).encode(),
        json.dumps({"salt": 5, "nonce": "", "keys": ""}).encode(),
        json.dumps({"salt": "AAAA", "nonce": "", "keys": "AAAA"}).encode(),
    ],
)
def test_a_damaged_recovery_file_is_named(tmp_path: Path, recovery: bytes) -> None:
    with pytest.raises(InvalidValueError, match="recovery-file-damaged"):
        key_files.recover(tmp_path / "back", recovery, PASSPHRASE)
    assert not (tmp_path / "back").exists()


def test_a_folder_that_a_crash_left_half_made_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "keys.new").mkdir()
    (tmp_path / "keys.new" / FILES[0]).write_bytes(b"half a key")
    key_files.create(tmp_path / "keys", "archive-1", NOW)
    assert not (tmp_path / "keys.new").exists()
