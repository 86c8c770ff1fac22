"""Files that a command writes for its user: whole, durable, and never in the place of another."""

import errno
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.files import write_through
from domain.errors import InvalidValueError, RuleError, UnavailableError

CHUNKS = (b"one ", b"two")


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def without_links(*args: Any, **kwargs: Any) -> None:
    """As a USB stick answers."""
    raise OSError(errno.EPERM, "Operation not permitted")


@pytest.fixture(params=["links", "no links"], autouse=True)
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no links":
        monkeypatch.setattr(os, "link", without_links)


def test_a_file_is_written_whole_beside_one_that_ends_in_part(tmp_path: Path) -> None:
    own = tmp_path / "pack.zip.part"
    own.write_bytes(b"of the user")
    assert write_through(tmp_path / "pack.zip", CHUNKS) == (sha256(b"one two").hexdigest(), 7)
    assert (tmp_path / "pack.zip").read_bytes() == b"one two"
    assert own.read_bytes() == b"of the user"
    assert names(tmp_path) == ["pack.zip", "pack.zip.part"]


def test_a_file_that_came_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "pack.zip"

    def chunks() -> Iterator[bytes]:
        yield b"one "
        target.write_bytes(b"somebody else's")
        yield b"two"

    with pytest.raises(RuleError, match="file-exists"):
        write_through(target, chunks())
    assert target.read_bytes() == b"somebody else's"
    assert names(tmp_path) == ["pack.zip"]


def test_an_error_midway_leaves_nothing(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"one "
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 (ours)
        write_through(tmp_path / "pack.zip", chunks())
    assert names(tmp_path) == []


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="file-not-writable"):
        write_through(tmp_path, CHUNKS)
    with pytest.raises(UnavailableError, match="file-not-writable"):
        write_through(tmp_path / "none" / "pack.zip", CHUNKS)


def test_the_bytes_are_durable_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced = tmp_path / "pack.zip", list[bool]()
    sync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(target.exists())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    write_through(target, CHUNKS)
    assert synced == [False, True]
