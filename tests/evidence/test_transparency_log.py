"""The sequencer: the same log whatever happens on the way, and never another one."""

import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import IntegrityError, NotFoundError, RuleError, UnavailableError
from domain.keyring import KeyRing
from domain.values import StreamId
from infrastructure.clock import SystemClock
from infrastructure.evidence.head import Head, HeadCell, beginning
from infrastructure.evidence.log import TiledLog, read_checkpoint
from infrastructure.evidence.merkle import check_consistency, leaf_hash
from infrastructure.evidence.notes import Body, parse_note, signed
from infrastructure.evidence.proofs import check_proof, parse_proof
from infrastructure.evidence.tiles import bundle_name, pack, tile_name, unpack
from infrastructure.objects.named import FolderFiles
from tests.evidence.log_attacks import flip, rewrite
from tests.evidence.logs import KEY, ORIGIN, VERIFIER, Entries, Place, entry
from tests.evidence.test_merkle import root_of
from tests.foreign import reference_log


def exported(log: TiledLog, folder: Path) -> dict[str, bytes]:
    newest = log.newest()
    assert newest is not None
    steps = list(log.export(str(folder), newest))
    assert steps == [(n + 1, len(steps)) for n in range(len(steps))]
    return read(folder)


def read(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 1000, 70_000])
def test_a_log_is_the_one_that_another_writer_makes(size: int, tmp_path: Path) -> None:
    place = Place(tmp_path / "ours", size)
    log = place.open()
    log.sync()
    files = exported(log, tmp_path / "exported")
    assert files.pop("log.vkey").decode() == VERIFIER.text + "\n"
    reference_log.write(tmp_path / "theirs", [entry(n) for n in range(size)], ORIGIN, KEY)
    assert files == read(tmp_path / "theirs")


def test_a_log_grows_in_any_steps_to_the_same_files(tmp_path: Path) -> None:
    steps = [1, 3, 250, 2, 1, 255, 256, 300, 20_000, 1]
    place = Place(tmp_path / "steps")
    older = []
    for step in steps:
        place.entries.count += step
        checkpoint = place.open().sync()
        assert checkpoint is not None
        assert checkpoint.size == place.entries.count
        older.append(checkpoint)
    whole = Place(tmp_path / "whole", sum(steps))
    whole.open().sync()
    mine = exported(place.open(), tmp_path / "a")
    assert mine == exported(whole.open(), tmp_path / "b")
    log = place.open()
    for first in older:
        for second in older:
            if first.size <= second.size:
                path = log.consistency(first.size, second.size)
                roots = bytes.fromhex(first.root), bytes.fromhex(second.root)
                check_consistency(first.size, roots[0], second.size, roots[1], path)


def test_partial_files_go_when_the_full_one_is_there(tmp_path: Path) -> None:
    place = Place(tmp_path, 100)
    log = place.open()
    early = log.sync()
    place.entries.count = 256
    log.sync()
    assert sorted(read(place.folder)) == [
        "checkpoint",
        "tile/0/000",
        "tile/1/000.p/1",
        "tile/entries/000",
    ]
    assert early is not None
    check_proof(parse_proof(log.proof(100, early)), entry(99), [VERIFIER])
    assert log.entries(0, 100) == [entry(n) for n in range(100)]


def test_every_event_is_proved_under_every_checkpoint_that_covers_it(tmp_path: Path) -> None:
    place = Place(tmp_path, 300)
    log = place.open()
    checkpoint = log.sync()
    assert checkpoint is not None
    for position in range(1, 301):
        proof = parse_proof(log.proof(position, checkpoint))
        assert proof.index == position - 1
        check_proof(proof, entry(position - 1), [VERIFIER])
        with pytest.raises(IntegrityError):
            check_proof(proof, entry(position), [VERIFIER])
    for position in (0, 301):
        with pytest.raises(NotFoundError):
            log.proof(position, checkpoint)


class Crash(BaseException):
    """The process ends here."""


class Crashing:
    """Named files that are written up to a number of them; then the process ends."""

    def __init__(self, folder: Path, left: int) -> None:
        self.inner = FolderFiles(folder)
        self.left = left

    def put(self, name: str, content: bytes) -> None:
        if not self.left:
            raise Crash
        self.left -= 1
        self.inner.put(name, content)

    def get(self, name: str) -> bytes:
        return self.inner.get(name)

    def drop(self, folder: str) -> None:
        if not self.left:
            raise Crash
        self.left -= 1
        self.inner.drop(folder)


def test_a_crash_at_any_write_leaves_the_same_log(tmp_path: Path) -> None:
    """Before each file and after it, before the cell and after it."""
    whole = Place(tmp_path / "whole", 600)
    whole.open().sync()
    wanted = exported(whole.open(), tmp_path / "wanted")
    for left in range(40):
        place = Place(tmp_path / f"crashed-{left}", 250)
        place.open().sync()
        place.entries.count = 600
        crashed = False
        try:
            place.open(Crashing(place.folder, left)).sync()
        except Crash:
            crashed = True
        checkpoint = place.open().sync()
        assert checkpoint is not None
        assert checkpoint.size == 600
        assert exported(place.open(), tmp_path / f"exported-{left}") == wanted
        if not crashed:
            assert left > 8
            return
    pytest.fail("it never came to its end")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6)), min_size=1, max_size=6))
def test_growth_and_crashes_in_any_order(steps: list[tuple[int, int]]) -> None:
    with TemporaryDirectory() as folder:
        place = Place(Path(folder))
        sizes = [0]
        for step, left in steps:
            place.entries.count += step
            with suppress(Crash):
                place.open(Crashing(place.folder, left)).sync()
            newest = place.open().newest()
            sizes.append(newest.size if newest else 0)
        assert sizes == sorted(sizes)
        last = place.open().sync()
        if last is not None:
            assert last.size == place.entries.count
            leaves = [leaf_hash(entry(n)) for n in range(last.size)]
            assert last.root == root_of(leaves).hex()


def test_files_that_somebody_lost_or_altered_are_made_again(tmp_path: Path) -> None:
    place = Place(tmp_path, 700)
    place.open().sync()
    before = read(place.folder)
    shutil.rmtree(place.folder / "tile")
    place.entries.count = 700
    place.open().sync()
    assert read(place.folder) == before
    edge = place.folder / "tile" / "0" / "002.p" / "188"
    edge.chmod(0o600)
    edge.write_bytes(bytes(188 * 32))
    place.entries.count = 701
    checkpoint = place.open().sync()
    assert checkpoint is not None
    assert checkpoint.root == root_of([leaf_hash(entry(n)) for n in range(701)]).hex()


def test_an_altered_entry_never_enters_the_full_bundle(tmp_path: Path) -> None:
    """Found once: the partial bundle was believed, and no later look could mend the full one."""
    place = Place(tmp_path / "altered", 60)
    place.open().sync()
    bundle = place.folder / bundle_name(0, 60)
    rewrite(bundle, pack([*(entry(n) for n in range(59)), b"forged"]))
    assert place.open().state().stopped == "log-files-differ"
    place.entries.count = 300
    place.open().sync()
    assert unpack((place.folder / bundle_name(0)).read_bytes(), 256) == [
        entry(n) for n in range(256)
    ]
    exported(place.open(), tmp_path / "exported")


def test_an_altered_tile_at_the_end_is_made_again(tmp_path: Path) -> None:
    """A full one, which the edge does not need, wherever the byte lies."""
    for number, at in enumerate((0, 4000, -1)):
        place = Place(tmp_path / str(number), 512)
        place.open().sync()
        tile = place.folder / tile_name(0, 1)
        good = tile.read_bytes()
        flip(tile, at)
        assert place.open().state().stopped == "log-files-differ"
        place.entries.count = 513
        checkpoint = place.open().sync()
        assert checkpoint is not None
        assert checkpoint.root == root_of([leaf_hash(entry(n)) for n in range(513)]).hex()
        assert tile.read_bytes() == good


class Counted(Entries):
    """Counts what is read."""

    read = 0

    def sealed(self, after: int, limit: int) -> Sequence[bytes]:
        found = super().sealed(after, limit)
        self.read += len(found)
        return found


def test_a_log_that_stands_still_does_not_recompute_everything_at_each_look(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path, 5000)
    place.open().sync()
    shutil.rmtree(place.folder / "tile")
    entries = place.entries = Counted(5000)
    entries.altered[4000] = b"another event"
    log = place.open()
    for most in (5000, 5000):
        with pytest.raises(IntegrityError, match="log-diverged"):
            log.sync()
        assert entries.read <= most
    assert log.loss().kept is None


@pytest.mark.parametrize("lost", ["tile", "entries"])
def test_measuring_what_is_lost_writes_nothing(tmp_path: Path, lost: str) -> None:
    """Found once: where the files alone were lost, it made them again."""
    place = Place(tmp_path, 700)
    place.open().sync()
    shutil.rmtree(place.folder / ("tile/0" if lost == "tile" else "tile/entries"))
    before = read(place.folder)
    with pytest.raises(RuleError, match="log-not-stopped"):
        place.open().loss()
    assert read(place.folder) == before


@pytest.mark.parametrize("keep_tiles", [True, False])
def test_another_history_is_never_signed(tmp_path: Path, *, keep_tiles: bool) -> None:
    place = Place(tmp_path, 500)
    signed = place.open().sync()
    place.entries.altered[100] = b"forged"
    place.entries.count = 520
    if not keep_tiles:
        shutil.rmtree(place.folder / "tile")
        with pytest.raises(IntegrityError, match="log-diverged"):
            place.open().sync()
        assert place.open().state().stopped == "log-files-differ"
    else:
        # What was logged stays logged: the forged row is no leaf, and verification says so.
        grown = place.open().sync()
        assert grown is not None
        assert grown.root == root_of([leaf_hash(entry(n)) for n in range(520)]).hex()
        return
    newest = place.open().newest()
    assert signed is not None
    assert newest is not None
    assert newest.note == signed.note


@pytest.mark.parametrize("size", [500, 512], ids=["a partial tile", "a full one"])
def test_a_journal_that_went_back_and_grew_again_is_never_signed(tmp_path: Path, size: int) -> None:
    """Found once: the tiles were still there, so that the log went on above other events."""
    place = Place(tmp_path, size)
    place.open().sync()
    for position in range(size - 10, size + 20):
        place.entries.altered[position] = b"another event"
    place.entries.count = size + 20
    with pytest.raises(IntegrityError, match="log-diverged"):
        place.open().sync()
    assert place.open().state().stopped == "log-diverged"


def test_an_older_journal_is_never_signed(tmp_path: Path) -> None:
    place = Place(tmp_path, 500)
    place.open().sync()
    place.entries.count = 499
    with pytest.raises(IntegrityError, match="log-ahead-of-journal"):
        place.open().sync()
    assert place.open().state().stopped == "log-ahead-of-journal"


def test_an_older_head_of_another_process_is_never_signed(tmp_path: Path) -> None:
    place = Place(tmp_path, 100)
    slow = place.open()
    slow.sync()
    place.entries.count = 300
    place.open().sync()
    head = place.cell.read()
    assert head is not None
    assert not place.cell.move(head, Head(ORIGIN, 299, head.root, head.at))
    place.entries.count = 301
    checkpoint = slow.sync()
    assert checkpoint is not None
    assert checkpoint.size == 301


def test_a_head_without_its_cell_is_taken_from_the_checkpoint(tmp_path: Path) -> None:
    place = Place(tmp_path / "one", 500)
    place.open().sync()
    other = Place(tmp_path / "two", 450)
    shutil.copytree(place.folder, other.folder)
    with pytest.raises(IntegrityError, match="log-ahead-of-journal"):
        other.open().sync()
    founded = Place(tmp_path / "founded", 450)
    shutil.copytree(place.folder, founded.folder)
    assert founded.cell.move(None, beginning(ORIGIN, SystemClock().now()))
    with pytest.raises(IntegrityError, match="log-ahead-of-journal"):
        founded.open().sync()
    third = Place(tmp_path / "three", 500)
    shutil.copytree(place.folder, third.folder)
    third.entries.altered[3] = b"forged"
    shutil.rmtree(third.folder / "tile")
    with pytest.raises(IntegrityError, match="log-diverged"):
        third.open().sync()


def test_processes_that_race_make_one_log(tmp_path: Path) -> None:
    place = Place(tmp_path, 0)
    logs = [place.open() for _ in range(4)]
    seen: list[bytes] = []
    codes: set[str] = set()

    def work(log: TiledLog) -> None:
        for _ in range(40):
            try:
                checkpoint = log.sync()
            except UnavailableError as exc:
                codes.add(exc.code)
                continue
            if checkpoint is not None:
                seen.append(checkpoint.note)

    threads = [threading.Thread(target=work, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for count in range(0, 2000, 7):
        place.entries.count = count
    for thread in threads:
        thread.join(60)
    assert codes == set()  # Who was slower went on above what the other one had signed.
    place.open().sync()
    leaves = [leaf_hash(entry(n)) for n in range(place.entries.count)]
    for note in set(seen):
        parse_note(note).by(VERIFIER)
        checkpoint = read_checkpoint(note)
        assert checkpoint.root == root_of(leaves[: checkpoint.size]).hex()


class Contested(HeadCell):
    """Other processes are faster, so often as is left."""

    def __init__(self, path: Path, place: Place, left: int) -> None:
        super().__init__(path)
        self.place = place
        self.left = left

    def move(self, before: Head | None, after: Head) -> bool:
        if self.left:
            self.left -= 1
            self.place.entries.count += 300  # More than the loser has read.
            self.place.open().sync()
            self.place.entries.count += 1
        return super().move(before, after)


def test_who_was_overtaken_goes_on_above_it_and_gives_up_at_last(tmp_path: Path) -> None:
    place, loser = Place(tmp_path, 10), Place(tmp_path, 10)
    loser.entries = place.entries
    for left in (1, 3):
        loser.cell = Contested(tmp_path / "log-head.sqlite", place, left)
        place.entries.count += 10
        checkpoint = loser.open().sync()
        assert checkpoint is not None
        assert checkpoint.size == place.entries.count
        assert checkpoint == place.open().newest()
    loser.cell = Contested(tmp_path / "log-head.sqlite", place, 1000)
    place.entries.count += 10
    with pytest.raises(UnavailableError, match="log-busy"):
        loser.open().sync()
    loser.cell = place.cell
    checkpoint = loser.open().sync()
    assert checkpoint is not None
    assert checkpoint.root == root_of([leaf_hash(entry(n)) for n in range(checkpoint.size)]).hex()


class Barred(Entries):
    """Some events may not enter; what is told of the first of them may lack its position."""

    def __init__(self, count: int, barred: Sequence[int], *, named: bool) -> None:
        super().__init__(count)
        self.barred = barred
        self.named = named

    def sealed(self, after: int, limit: int) -> Sequence[bytes]:
        for position in self.barred:
            if after < position <= min(after + limit, self.count):
                details = {"position": position} if self.named else {}
                raise IntegrityError("signature-broken", **details)
        return super().sealed(after, limit)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("barred", [(17,), (900, 17), (14,), (5000,), (4110, 9000)])
def test_what_lies_before_an_event_that_may_not_enter_is_taken_in(
    tmp_path: Path, barred: tuple[int, ...], *, named: bool
) -> None:
    place = Place(tmp_path, 13)
    place.open().sync()
    place.entries = Barred(9010, barred, named=named)
    sound = min(barred) - 1
    for _ in range(2):
        with pytest.raises(IntegrityError, match="signature-broken"):
            place.open().sync()
        newest = place.open().newest()
        assert newest is not None
        assert newest.root == root_of([leaf_hash(entry(n)) for n in range(sound)]).hex()
        parse_note(newest.note).by(VERIFIER)
        state = place.open().state()
        assert (state.stopped, state.waiting) == ("signature-broken", 9010 - sound)
    place.entries = Entries(9010)
    checkpoint = place.open().sync()
    assert checkpoint is not None
    assert checkpoint.size == 9010


def test_bundles_hold_what_was_put_in() -> None:
    for entries in ([b""], [b"a" * 65_535], [entry(n) for n in range(256)]):
        assert unpack(pack(entries), len(entries)) == entries
    whole = pack([b"abc", b"de"])
    for altered in (whole[:-1], whole + b"\0", whole + b"\0\0", b"\xff", whole[:1]):
        with pytest.raises(IntegrityError):
            unpack(altered, 2)


def test_a_log_begins_once(tmp_path: Path) -> None:
    """An archive from before there was a log: its head is there before the event that introduces
    the key, and whoever loses it later on does not begin again."""
    place, ring = Place(tmp_path, 3), KeyRing(StreamId("keys-1"))

    def opened() -> TiledLog:
        return TiledLog(
            FolderFiles(place.folder),
            place.cell,
            place.entries,
            keys=lambda: (ORIGIN, [KEY]),
            clock=SystemClock(),
            ring=lambda: ring,
        )

    opened().begin(ORIGIN)
    opened().begin("archive.example/other")
    ring = replace(ring, origin=ORIGIN)
    assert opened().state().stopped is None
    first = opened().sync()
    assert first is not None
    opened().begin(ORIGIN)
    assert opened().sync() == first
    place.cell.close()
    (tmp_path / "log-head.sqlite").unlink()
    opened().begin(ORIGIN)
    assert opened().sync() == first, "the checkpoint lies there"
    place.cell.close()
    (tmp_path / "log-head.sqlite").unlink()
    (place.folder / "checkpoint").unlink()
    with pytest.raises(IntegrityError, match="log-head-missing"):
        opened().sync()
    loss = opened().loss()
    assert (loss.known, loss.size, loss.root) == (False, 3, first.root)


def test_a_log_without_entries_has_no_checkpoint(tmp_path: Path) -> None:
    place = Place(tmp_path)
    assert place.open().sync() is None
    state = place.open().state()
    assert (state.checkpoint, state.waiting, state.stopped) == (None, 0, None)
    assert state.key == VERIFIER.text


def test_an_altered_checkpoint_is_published_again(tmp_path: Path) -> None:
    place = Place(tmp_path, 300)
    good = place.open().sync()
    assert good is not None
    line = parse_note(good.note).lines[0]
    forged = replace(line, signature=bytes(64)).text.encode()
    elsewhere = signed(Body("archive.example/log2", good.size, bytes.fromhex(good.root)), [KEY])
    for altered in (
        b"",
        b"no note",
        good.note.replace(b"300", b"301"),
        good.note.replace(line.text.encode(), forged),
        good.note.replace(line.text.encode(), replace(line, key=b"four").text.encode()),
        good.note.replace(ORIGIN.encode(), b"archive.example/log2"),
        elsewhere.raw,
    ):
        (place.folder / "checkpoint").unlink()
        (place.folder / "checkpoint").write_bytes(altered)
        assert place.open().sync() == good
        assert (place.folder / "checkpoint").read_bytes() == good.note


class Overtaken(FolderFiles):
    """While a checkpoint is written, another process grows the log and publishes its own."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.folder)
        self.place = place

    def put(self, name: str, content: bytes) -> None:
        if name == "checkpoint" and self.place.entries.count == 300:
            self.place.entries.count = 310
            self.place.open().sync()
        super().put(name, content)


def test_who_publishes_late_puts_no_older_checkpoint_over_a_newer_one(tmp_path: Path) -> None:
    place = Place(tmp_path, 300)
    checkpoint = place.open(Overtaken(place)).sync()
    assert checkpoint is not None
    assert checkpoint.size == 310
    assert place.open().newest() == checkpoint


@pytest.mark.parametrize("damage", ["lost", "altered"])
def test_the_state_names_files_that_are_not_the_signed_ones_until_they_are_again(
    tmp_path: Path, damage: str
) -> None:
    place = Place(tmp_path, 300)
    place.open().sync()
    tile = place.folder / "tile" / "0" / "001.p" / "44"
    if damage == "lost":
        tile.unlink()
    else:
        tile.chmod(0o600)
        tile.write_bytes(bytes(44 * 32))
    assert place.open().state().stopped == "log-files-differ"
    place.open().sync()
    assert place.open().state().stopped is None


def test_the_state_names_what_may_not_enter(tmp_path: Path) -> None:
    place = Place(tmp_path, 300)
    place.open().sync()
    place.entries.count = 301
    place.entries.refused = "signature-broken"
    state = place.open().state()
    assert (state.stopped, state.waiting) == ("signature-broken", 1)
