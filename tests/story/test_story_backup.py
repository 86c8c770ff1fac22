"""A backup is consistent while clerks work; a restore brings back what it holds, or refuses."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import ArchiveError, IntegrityError, RuleError, UnavailableError
from domain.services import oversight
from infrastructure.backup import BackedUp
from infrastructure.bootstrap import back_up, found_archive, opened, read_settings, restore
from infrastructure.settings import Settings
from tests.story.checking import check_archive
from tests.story.papers import TINY
from tests.story.place import Place, found_place
from tests.story.processes import run_killed_after

PAPER = "don-xin-cap-dat"


@contextmanager
def busy_clerk(place: Place) -> Iterator[None]:
    """A process that receives and corrects without a pause, until the context ends."""
    child = os.fork()
    if child == 0:
        with place.open() as desk:
            n = 0
            while True:
                desk.receive(TINY[n % len(TINY)], dossier=desk.open_dossier(f"Hồ sơ số {n}"))
                desk.correct(place.dossier, "title", f"Tên thứ {n}")
                n += 1
    try:
        time.sleep(0.3)
        yield
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the clerk ended by himself"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def until_written(place: Place, *, beyond: int) -> None:
    """Waits until the journal holds more events; a busy machine may keep the clerk waiting."""
    with opened(place.settings) as house:
        for _ in range(600):
            if house.archive.journal.position() > beyond:
                return
            time.sleep(0.1)
    raise AssertionError("the clerk writes nothing")


def saved(place: Place, target: Path) -> BackedUp:
    with opened(place.settings) as house:
        return back_up(house, target)


def restored(place: Place, folder: Path, source: Path) -> Place:
    """The backup under a new name, with a copy of the keys."""
    settings = read_settings(str(folder / "again"), {})
    shutil.copytree(place.settings.keys, settings.keys)
    restore(settings, source)
    return replace(place, settings=settings)


def test_a_backup_made_while_clerks_write_restores_to_a_sound_archive(
    place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        receipt = desk.receive(PAPER)
        desk.work()
    assert receipt.record is not None
    backups: list[tuple[Path, BackedUp]] = []
    with busy_clerk(place):
        for n in range(3):
            until_written(place, beyond=backups[-1][1].events if backups else 0)
            backups.append((tmp_path / f"backup-{n}", saved(place, tmp_path / f"backup-{n}")))
    counts = [done.events for _, done in backups]
    assert counts == sorted(set(counts)), "each holds more than the one before"
    for target, done in backups:
        again = restored(place, target.with_suffix(".place"), target)
        checked = check_archive(
            again, receipts={receipt.record: place.papers.content(PAPER)}, finished=False
        )
        assert len(checked.events) == done.events
        assert (again.folder / "run").is_dir()


def test_a_backup_that_was_killed_never_looks_like_one(place: Place, tmp_path: Path) -> None:
    with place.open() as desk:
        receipt = desk.receive(PAPER)
        desk.work()
    assert receipt.record is not None
    target = tmp_path / "backup"
    for milliseconds in (5, 10, 15, 20, 25, 30, 40):
        run_killed_after(milliseconds, lambda: saved(place, target))
        if target.exists():
            restored(place, tmp_path / f"place-{milliseconds}", target)
            shutil.rmtree(target)
    saved(place, target)
    check_archive(restored(place, tmp_path / "place-again", target))


def test_a_backup_never_lies_on_another_one(place: Place, tmp_path: Path) -> None:
    saved(place, tmp_path / "backup")
    with pytest.raises(RuleError, match="backup-exists"):
        saved(place, tmp_path / "backup")
    with pytest.raises(RuleError, match="archive-exists"):
        restore(place.settings, tmp_path / "backup")


def flip_object(backup: Path) -> None:
    path = max((backup / "objects").iterdir(), key=lambda found: found.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def take_object_away(backup: Path) -> None:
    min((backup / "objects").iterdir()).unlink()


def exchange_object(backup: Path) -> None:
    """The number of files stays the same."""
    take_object_away(backup)
    content = b"other bytes"
    (backup / "objects" / hashlib.sha256(content).hexdigest()).write_bytes(content)


def add_strange_file(backup: Path) -> None:
    (backup / "objects" / "notes.txt").write_text("x")


def cut_journal(backup: Path) -> None:
    path = backup / "journal.sqlite"
    path.write_bytes(path.read_bytes()[:-4096])


def alter_row(backup: Path) -> None:
    with closing(sqlite3.connect(backup / "journal.sqlite")) as journal, journal:
        journal.execute("DROP TRIGGER stored_events_UPDATE")
        journal.execute(
            "UPDATE stored_events SET state=CAST(replace(state, 'A', 'B') AS BLOB) WHERE rowid=9"
        )


def alter_row_and_summary(backup: Path) -> None:
    """Whoever can write the backup can write what the backup says of itself, too."""
    alter_row(backup)
    summary = json.loads((backup / "backup.json").read_text())
    content = (backup / "journal.sqlite").read_bytes()
    summary["journal"] = hashlib.sha256(content).hexdigest()
    (backup / "backup.json").write_text(json.dumps(summary))


def forge_description(backup: Path) -> None:
    path = backup / "archive.json"
    path.write_text(path.read_text().replace("accounts", "accovnts"))


def take_summary_away(backup: Path) -> None:
    (backup / "backup.json").unlink()


@pytest.mark.parametrize(
    ("alter", "code"),
    [
        (flip_object, "backup-altered"),
        (take_object_away, "backup-altered"),
        (add_strange_file, "backup-altered"),
        (cut_journal, "backup-altered"),
        (alter_row, "backup-altered"),
        (forge_description, "backup-altered"),
        (take_summary_away, "backup-missing"),
    ],
)
def test_an_altered_backup_is_refused_and_leaves_no_archive(
    place: Place, tmp_path: Path, alter: Callable[[Path], None], code: str
) -> None:
    with place.open() as desk:
        desk.receive(PAPER)
        desk.work()
    saved(place, tmp_path / "backup")
    alter(tmp_path / "backup")
    with pytest.raises(ArchiveError) as raised:
        restored(place, tmp_path / "place-again", tmp_path / "backup")
    assert raised.value.code == code
    assert isinstance(raised.value, IntegrityError | UnavailableError)
    left = [path.name for path in (tmp_path / "place-again").iterdir()]
    assert left == ["again.keys"]


@pytest.mark.parametrize("alter", [alter_row_and_summary, exchange_object])
def test_an_alteration_that_the_summary_hides_is_found_by_verification(
    place: Place, tmp_path: Path, alter: Callable[[Path], None]
) -> None:
    with place.open() as desk:
        desk.receive(PAPER)
        desk.work()
    saved(place, tmp_path / "backup")
    alter(tmp_path / "backup")
    try:
        again = restored(place, tmp_path / "place-again", tmp_path / "backup")
    except IntegrityError:
        return  # Refused already: the views could not be built from it.
    with again.open() as desk:
        assert not oversight.verify(desk.archive, desk.request()).ok


def test_a_restore_without_its_keys_is_refused(place: Place, tmp_path: Path) -> None:
    saved(place, tmp_path / "backup")
    settings = read_settings(str(tmp_path / "elsewhere" / "again"), {})
    with pytest.raises(UnavailableError, match="key-missing"):
        restore(settings, tmp_path / "backup")
    assert not settings.directory.parent.exists()


def test_a_restore_with_the_keys_of_another_archive_is_refused(
    place: Place, founded: Place, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = found_place(tmp_path / "other", founded.papers)
    saved(place, tmp_path / "backup")
    shutil.rmtree(other.folder)
    with pytest.raises(UnavailableError, match="key-of-another-archive"):
        restore(other.settings, tmp_path / "backup")
    assert not other.folder.exists()


def test_a_crash_while_founding_does_not_stand_in_the_way_of_the_next_founding(
    founded: Place, tmp_path: Path
) -> None:
    """Keys have their name already, the archive does not."""
    place = founded.copy(tmp_path / "half")
    place.folder.rename(place.folder.with_name("archive.founding"))
    again = found_place(place.folder.parent, founded.papers)
    check_archive(again)
    assert sorted(path.name for path in again.folder.parent.iterdir()) == [
        "archive",
        "archive.keys",
    ]


def test_a_founding_that_was_killed_can_be_repeated(founded: Place, tmp_path: Path) -> None:
    for milliseconds in (2, 5, 10, 15, 20, 25, 30, 40):
        folder = tmp_path / str(milliseconds)
        settings = read_settings(str(folder / "archive"), {})

        def found(settings: Settings = settings) -> None:
            found_archive(settings, name="Kho", agency="H33", agency_name="Sở")

        run_killed_after(milliseconds, found)
        if not settings.directory.exists():
            found()
        with opened(settings) as house:
            assert house.archive.journal.position() > 0
        assert {path.name for path in folder.iterdir()} == {"archive", "archive.keys"}


def test_founding_never_takes_keys_that_belong_to_another_archive(
    founded: Place, tmp_path: Path
) -> None:
    """A disk that is not mounted looks like an archive that is gone; its keys are still there."""
    place = founded.copy(tmp_path / "lost")
    before = sorted(path.read_bytes() for path in place.settings.keys.iterdir())
    shutil.rmtree(place.folder)
    with pytest.raises(RuleError, match="keys-exist"):
        found_archive(place.settings, name="Kho", agency="H33", agency_name="Sở")
    assert sorted(path.read_bytes() for path in place.settings.keys.iterdir()) == before
