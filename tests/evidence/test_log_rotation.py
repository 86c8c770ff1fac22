"""Another key for the transparency log: one checkpoint is signed by both, so that whoever knows
only the old key can follow; nothing is lost where a crash comes in between."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import IntegrityError
from domain.evidence import Checkpoint
from infrastructure.clock import SystemClock
from infrastructure.evidence import log_keys
from infrastructure.evidence.log import TiledLog
from infrastructure.evidence.notes import VerifierKey, parse_note, verifier_key
from infrastructure.objects.named import FolderFiles
from tests.evidence.logs import ORIGIN, Place
from tests.foreign import tools
from tests.story.processes import run_killed


class Rotating:
    """A log whose key can change; `introduced` is what the events say."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder, 300)
        self.keys = folder / "keys"
        self.keys.mkdir(exist_ok=True)
        log_keys.ensure(self.keys, ORIGIN)
        self.introduced = [log_keys.verifier_of(self.keys).text]

    def open(self) -> TiledLog:
        log = TiledLog(
            FolderFiles(self.place.folder),
            self.place.cell,
            self.place.entries,
            keys=lambda: log_keys.signers(self.keys, lambda: self.introduced[-1], log.newest),
            clock=SystemClock(),
        )
        return log

    def grow(self) -> Checkpoint:
        self.place.entries.count += 100
        checkpoint = self.open().sync()
        assert checkpoint is not None
        return checkpoint

    def rotate(self) -> None:
        self.introduced.append(log_keys.prepare(self.keys).text)


@pytest.fixture
def log(tmp_path: Path) -> Rotating:
    return Rotating(tmp_path)


def signers(log: Rotating, checkpoint: Checkpoint) -> list[int]:
    """Which of the keys that were introduced signed a checkpoint."""
    found = []
    for number, text in enumerate(log.introduced):
        try:
            parse_note(checkpoint.note).by(VerifierKey.parse(text))
            found.append(number)
        except IntegrityError:
            continue
    return found


def test_the_next_checkpoint_is_signed_by_both_and_later_ones_by_the_new_key(
    log: Rotating,
) -> None:
    assert signers(log, log.grow()) == [0]
    log.rotate()
    assert signers(log, log.grow()) == [0, 1]
    assert signers(log, log.grow()) == [1]
    log.rotate()
    assert signers(log, log.grow()) == [1, 2]
    assert signers(log, log.grow()) == [2]
    assert log.open().state().key == log.introduced[2]
    assert (log.keys / "log.vkey").read_text() == log.introduced[2] + "\n"
    assert len(list((log.keys / "retired").glob("log-*.vkey"))) == 2
    assert not (log.keys / "log.next.key.pem").exists()


@pytest.mark.parametrize("damage", [b"", b"no note", None])
def test_a_checkpoint_that_was_damaged_during_a_rotation_is_signed_by_both(
    log: Rotating, damage: bytes | None
) -> None:
    before = log.grow()
    log.rotate()
    checkpoint = log.place.folder / "checkpoint"
    checkpoint.unlink()
    if damage is not None:
        checkpoint.write_bytes(damage)
    assert log.open().state().key == log.introduced[1]
    again = log.open().sync()
    assert again is not None
    assert (again.size, again.root) == (before.size, before.root)
    assert signers(log, again) == [0, 1]
    assert signers(log, log.grow()) == [1]


def test_a_head_without_its_cell_is_taken_from_a_checkpoint_of_the_key_before(
    log: Rotating,
) -> None:
    before = log.grow()
    log.rotate()
    (log.keys.parent / "log-head.sqlite").unlink()
    log.place.cell.close()
    assert log.open().sync() == before
    assert signers(log, log.grow()) == [0, 1]


def test_a_checkpoint_of_nobody_is_not_taken_for_the_head(log: Rotating) -> None:
    before = log.grow()
    log.rotate()
    checkpoint = log.place.folder / "checkpoint"
    checkpoint.unlink()
    line = parse_note(before.note).lines[0]
    forged = replace(line, signature=bytes(64)).text.encode()
    checkpoint.write_bytes(before.note.replace(line.text.encode(), forged))
    (log.keys.parent / "log-head.sqlite").unlink()
    log.place.cell.close()
    with pytest.raises(IntegrityError, match="note-not-signed"):
        log.open().sync()


@pytest.mark.parametrize("reading", ["_private", "load"])
def test_who_reads_while_another_process_promotes_the_key_gets_the_new_one(
    log: Rotating, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    """It has read the old key; all that follows is of the time after."""
    log.grow()
    log.rotate()
    log.grow()
    read = getattr(log_keys, reading)

    def overtaken(path: Path) -> object:
        found = read(path)
        monkeypatch.undo()
        log.open().state()
        return found

    monkeypatch.setattr(log_keys, reading, overtaken)
    origin, keys = log_keys.signers(log.keys, lambda: log.introduced[-1], log.open().newest)
    assert [verifier_key(origin, each).text for each in keys] == [log.introduced[1]]
    assert not (log.keys / "log.next.key.pem").exists()


def test_a_key_that_no_event_introduced_signs_nothing(log: Rotating) -> None:
    log.grow()
    log_keys.prepare(log.keys)
    assert signers(log, log.grow()) == [0]
    log.rotate()  # The key that was left behind is the one that is introduced.
    assert signers(log, log.grow()) == [0, 1]


@pytest.mark.services
def test_others_follow_from_the_old_key_to_the_new_one(log: Rotating, tmp_path: Path) -> None:
    """Go's x/mod and fsck with either key on the checkpoint of both, then with the new one."""
    before = log.grow()
    log.rotate()
    both = log.grow()
    old, new = log.introduced

    def exported(name: str, checkpoint: Checkpoint) -> Path:
        list(log.open().export(str(tmp_path / name), checkpoint))
        return tmp_path / name

    (tmp_path / "older").write_bytes(before.note)
    folder = exported("both", both)
    for key in (old, new):
        assert tools.fsck(folder, key).accepted
        assert tools.sumdb_audit(folder, key).accepted
    assert tools.sumdb_audit(folder, old, [tmp_path / "older"]).accepted
    (tmp_path / "both-signed").write_bytes(both.note)
    folder = exported("after", log.grow())
    assert tools.sumdb_audit(folder, new, [tmp_path / "both-signed"]).accepted
    assert tools.fsck(folder, new).accepted
    assert not tools.fsck(folder, old).accepted
    assert (folder / "log.vkey").read_text() == new + "\n"


@pytest.mark.parametrize("call", range(1, 7))
def test_a_crash_at_any_step_is_repaired_by_the_next_checkpoint(
    call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step of keys and checkpoint ends in a rename: the process dies before one of them."""
    made = Rotating(tmp_path)
    made.grow()
    made.introduced.append(log_keys.prepare(made.keys).text)
    rename, count = Path.rename, 0

    def dying(self: Path, target: Path) -> Path:
        nonlocal count
        if self.parent in (made.keys, made.keys / "retired"):
            count += 1
            if count == call:
                os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)

    def doomed() -> None:
        again = Rotating(tmp_path)
        again.introduced = made.introduced
        monkeypatch.setattr(Path, "rename", dying)
        again.place.entries.count = made.place.entries.count
        again.grow()
        again.grow()

    killed = run_killed(doomed)
    assert killed == (call <= 3)  # Old verifier key kept, new one in its place, key in its place.
    again = Rotating(tmp_path)
    again.introduced = made.introduced
    again.place.entries.count = made.place.entries.count + 200
    assert signers(again, again.grow()) == [1]
    assert not (again.keys / "log.next.key.pem").exists()
