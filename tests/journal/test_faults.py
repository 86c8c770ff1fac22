"""Crashes and full disks: what was acknowledged is there, nothing is half done."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.errors import UnavailableError
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from tests.journal.house import ARCHIVE, House, opened

KILLS = 4


def test_every_acknowledged_event_outlives_a_kill(house: House) -> None:
    house.close()
    acknowledged: set[str] = set()
    for turn in range(KILLS):
        command = [sys.executable, "-m", "tests.journal.writers", str(house.folder)]
        root = Path(__file__).parents[2]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(10 + 7 * turn):
                acknowledged.add(writer.stdout.readline().strip())
            os.kill(writer.pid, signal.SIGKILL)
            *whole, _ = writer.stdout.read().split("\n")
            acknowledged.update(whole)
        assert not house.inspect().findings
    house.journal = house.open()
    stored = house.journal.follow(0, 100_000)
    assert acknowledged <= {one.id for one in stored}
    assert len(stored) % 2 == 1  # The genesis, and appends of two events each: none is half there.


@contextmanager
def full_disk(house: House) -> Iterator[None]:
    """No file can grow: RLIMIT_FSIZE, which SQLite calls an I/O error and not a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    largest = max(file.stat().st_size for file in house.folder.glob("journal.sqlite*"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 40_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def fill(house: House, code: str) -> int:
    """Opens dossiers until the disk is full; how many went in."""
    before = house.journal.position()

    def fill_on() -> None:
        for number in range(10_000):
            house.append(house.new("dossier"), 0, opened(f"H33.05-F{number}.HS"))

    with pytest.raises(UnavailableError, match=code):
        fill_on()
    return house.journal.position() - before


def check_after_full_disk(house: House, before: int, stored: int) -> None:
    assert house.journal.position() == before + stored
    assert not house.inspect().findings
    house.append(house.new("dossier"), 0, opened("H33.05-G.HS"))
    assert house.journal.position() == before + stored + 1
    house.close()
    assert not house.inspect().findings


def test_a_full_disk_leaves_nothing_half_done(house: House) -> None:
    before = house.journal.position()
    with full_disk(house):
        stored = fill(house, "disk-full|journal-unavailable")
    assert stored > 0
    check_after_full_disk(house, before, stored)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs takes root")
def test_a_full_file_system_leaves_nothing_half_done(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no mounting here")
    try:
        house = House(place)
        house.found()
        ballast = place / "ballast"
        ballast.write_bytes(bytes(300_000))
        stored = fill(house, "disk-full")
        ballast.unlink()
        check_after_full_disk(house, 1, stored)
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_journal_that_is_no_database_is_named(tmp_path: Path, house: House) -> None:
    (tmp_path / "other.sqlite").write_bytes(b"no database, and long enough to be read as one" * 99)
    other = JournalRecorder(str(tmp_path / "other.sqlite"))
    journal = SignedJournal(
        other,
        archive=ARCHIVE,
        keys=house.keys,
        clock=house.clock,
        identifiers=house.identifiers,
        software="chauban test",
    )
    with pytest.raises(UnavailableError, match="journal-damaged"):
        journal.position()
