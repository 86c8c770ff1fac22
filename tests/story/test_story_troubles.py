"""What an office meets sooner or later: a full disk, a wrong clock, lost keys, two clerks at once,
and a machine that is switched off at any moment."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from api.cli import main
from domain.errors import ArchiveError, ClockError, UnavailableError
from domain.services import oversight
from domain.services.deciding import load
from domain.values import Digest
from infrastructure.bootstrap import back_up, messages, opened
from infrastructure.lease import is_held
from infrastructure.quarantine import FolderQuarantine
from ingest.worker import Worker
from tests.services import required
from tests.story.checking import check_archive
from tests.story.papers import TINY
from tests.story.place import DOSSIER, FakeClock, Place, found_place
from tests.story.processes import kill_group, run_all, start

FULL = frozenset({"disk-full", "disk-failed", "journal-unavailable"})
"""SQLite calls it an I/O error when there is not even room for its shared memory."""
PAPER, OTHER = "don-xin-cap-dat", "quyet-dinh"


def said(capsys: pytest.CaptureFixture[str], place: Place, *arguments: str) -> tuple[int, dict]:
    """What a command answers: its exit code and its last JSON."""
    capsys.readouterr()
    code = main([*arguments, "--json", "--archive", str(place.folder)])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


# ---------------------------------------------------------------- disk


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own, which root can make; the test is skipped by name for others."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    done = subprocess.run(["mount", *options], capture_output=True, check=False)
    if done.returncode != 0:
        message = "a small file system cannot be mounted: the test needs root"
        pytest.fail(message) if required() else pytest.skip(message)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    """Takes all space but `leave` bytes, whole pages."""
    file = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with suppress(OSError):
            while True:
                os.write(file, b"\0" * 4096)
        os.ftruncate(file, max(0, os.fstat(file).st_size - leave))
    finally:
        os.close(file)


def codes_of(attempt: Callable[[], object]) -> set[str]:
    """The code of an attempt that found a part unavailable; nothing when it succeeded."""
    try:
        attempt()
    except UnavailableError as exc:
        return {exc.code}
    return set()


def test_a_full_disk_is_named_and_nothing_is_half_done(
    founded: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        place = founded.copy(disk / "place")
        with place.open() as desk:
            desk.archive.views.catch_up()
            kept = desk.receive(OTHER)
            desk.work()
            # (1) The disk is full while the archive is open.
            fill(disk)
            before = desk.archive.journal.position()
            for attempt in (
                lambda: desk.receive(PAPER),
                lambda: desk.correct(place.dossier, "title", "Tên khác" * 100),
                lambda: desk.open_dossier("Hồ sơ nữa " * 90),
            ):
                with pytest.raises(UnavailableError, match="disk-full"):
                    attempt()
            assert desk.archive.journal.position() == before
        # (2) Commands that begin on a full disk say so.
        paper = place.papers.path(PAPER)
        for arguments in (
            ("dossier", "open", "--agency", "H33", "--title", "Hồ sơ " * 99, "--work-file"),
            ("ingest", str(paper), "--dossier", DOSSIER),
            ("backup", str(disk / "backup")),
        ):
            fill(disk)  # Whoever closed the archive gave the space of its log back.
            code, answer = said(capsys, place, *arguments)
            assert code == 3, (arguments, answer)
            assert answer["error"] in FULL, (arguments, answer)
        assert not (disk / "backup").exists()
        assert not (disk / "backup.new").exists()

        def receive() -> None:
            with place.open() as desk:
                desk.receive(PAPER, command="gui-lai")

        # (3) Space for some of what a reception writes, each time a little more.
        for pages in (1, 2, 4, 8, 16, 32, 64):
            fill(disk, pages * 4096)
            assert codes_of(receive) <= FULL, f"with {pages} pages left"
        # (4) Space returns, and so does work.
        (disk / "filler").unlink()
        with place.open() as desk:
            again = desk.receive(PAPER, command="gui-lai")
            desk.work()
        assert kept.record is not None
        assert again.record is not None
        content = place.papers.content
        check_archive(place, receipts={kept.record: content(OTHER), again.record: content(PAPER)})
        with opened(place.settings) as house:
            back_up(house, tmp_path / "backup")


def test_a_worker_on_a_full_disk_goes_on_when_space_returns(
    received: tuple[Place, object], tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", 8) as disk:
        place = received[0].copy(disk / "place")

        def work() -> None:
            with place.open() as desk:
                desk.work()

        for pages in (0, 4, 8, 16, 24, 32):
            fill(disk, pages * 4096)
            assert codes_of(work) <= FULL, f"with {pages} pages left"
        (disk / "filler").unlink()
        with place.open() as desk:
            desk.work()
        check_archive(place)


# ---------------------------------------------------------------- clock


def test_a_clock_that_stepped_back_is_named_and_stores_nothing(place: Place) -> None:
    clock = FakeClock()
    clock.at += timedelta(days=1)
    with place.open(clock=clock) as desk:
        receipt = desk.receive(PAPER)
        clock.at -= timedelta(hours=1)
        before = desk.archive.journal.position()
        with pytest.raises(ClockError):
            desk.correct(place.dossier, "title", "Tên khác")
        with pytest.raises(ClockError):
            desk.receive(OTHER)
        with pytest.raises(ClockError):
            desk.work()
        waiting = desk.archive.work.items(task="read")
        assert [item.record for item in waiting] == [receipt.record]
        # A batch has a stream of its own, which no time was recorded in yet.
        assert desk.archive.journal.position() == before + 1
        clock.at += timedelta(hours=2)
        desk.work()
        desk.receive(OTHER)
        desk.work()
        result = oversight.verify(desk.archive, desk.request())
        assert result.ok


def test_a_clock_that_steps_back_a_second_is_waited_for(place: Place) -> None:
    clock = FakeClock()
    with place.open(clock=clock) as desk:
        desk.correct(place.dossier, "title", "Tên thứ nhất")
        clock.at -= timedelta(seconds=2.5)
        desk.correct(place.dossier, "title", "Tên thứ hai")
        times = [one.at for one in desk.archive.journal.load(place.dossier)]
        assert times == sorted(times)
    check_archive(place)


# ---------------------------------------------------------------- keys


def take_away(path: Path) -> None:
    path.unlink()


def make_unreadable(path: Path) -> None:
    """Root reads everything but a folder."""
    path.unlink()
    path.mkdir()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize("name", ["system.key.pem", "system.cert.pem", "personal.key",
                                  "commands.key"])  # fmt: skip
@pytest.mark.parametrize(
    ("spoil", "code"),
    [(take_away, "key-missing"), (make_unreadable, "key-unreadable"), (cut, "key-damaged")],
)
def test_a_key_that_cannot_be_used_is_named(
    place: Place,
    capsys: pytest.CaptureFixture[str],
    name: str,
    spoil: Callable[[Path], None],
    code: str,
) -> None:
    spoil(place.settings.keys / name)
    got, answer = said(capsys, place, "show", DOSSIER)
    assert (got, answer["error"]) == (3, code)


def test_keys_of_another_archive_are_named(
    place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    other = found_place(tmp_path / "other", place.papers)
    shutil.rmtree(place.settings.keys)
    shutil.copytree(other.settings.keys, place.settings.keys)
    for arguments in (("show", DOSSIER), ("verify",)):
        got, answer = said(capsys, place, *arguments)
        assert (got, answer["error"]) == (3, "key-of-another-archive")


# ---------------------------------------------------------------- two at once


def test_two_clerks_scan_into_one_dossier_at_once(place: Place, tmp_path: Path) -> None:
    def clerk(papers: tuple[str, ...]) -> None:
        with place.open() as desk:
            for paper in papers:
                assert desk.receive(paper).state == "stored"
                desk.open_dossier(f"Hồ sơ của {paper}")

    run_all([partial(clerk, TINY[::2]), partial(clerk, TINY[1::2])], tmp_path / "clerks")
    with place.open() as desk:
        desk.archive.views.catch_up()
        papers = load(desk.archive, place.dossier).dossier().records
        assert len(papers) == len(TINY)
        codes = desk.archive.journal.claimed("dossier-code", "H33-2026-")
        assert len(codes) == len(TINY) + 1
        contents = {place.papers.content(name) for name in TINY}
        for target in papers:
            original = load(desk.archive, target).record().original
            assert original is not None
            with desk.archive.objects.open(original.sha256) as source:
                contents.remove(source.read())
        assert not contents
    check_archive(place, finished=False)


def test_two_clerks_with_the_same_paper_make_one_record(place: Place, tmp_path: Path) -> None:
    def clerk() -> None:
        with place.open() as desk:
            for paper in TINY:
                assert desk.receive(paper).state in ("stored", "duplicate")

    run_all([clerk, clerk], tmp_path / "clerks")
    checked = check_archive(place, finished=False)
    assert len(checked.records) == len(TINY)


def test_the_same_command_twice_at_once_gives_one_receipt(place: Place, tmp_path: Path) -> None:
    def station(n: int) -> None:
        with place.open() as desk:
            receipts = [desk.receive(paper, command=f"gui-{paper}") for paper in TINY]
        (tmp_path / f"receipts-{n}").write_text(repr(receipts))

    run_all([partial(station, 0), partial(station, 1)], tmp_path / "stations")
    assert (tmp_path / "receipts-0").read_text() == (tmp_path / "receipts-1").read_text()
    check_archive(place, finished=False)


def test_bytes_that_come_again_while_they_are_swept_are_not_lost(place: Place) -> None:
    """An upload crashed two days ago; the station sends it again while the worker sweeps."""
    later = FakeClock()
    later.at += timedelta(days=3)
    content = place.papers.content(PAPER)
    with place.open(clock=later) as desk:
        digest = Digest.parse(sha256(content).hexdigest())
        desk.archive.objects.put(digest, BytesIO(content))
        listing = desk.archive.objects.inspect_objects
        receipts = []

        class Store:
            """Lists what there is; then the station's bytes arrive, and the sweep goes on."""

            def __getattr__(self, name: str) -> object:
                return getattr(desk.archive.objects, name)

            def inspect_objects(self) -> Iterator[object]:
                for one in listing():
                    if one[0] == digest and not receipts:
                        receipts.append(desk.receive(PAPER))
                    yield one

        oversight.sweep_strays(
            replace(desk.archive, objects=Store()),  # type: ignore[arg-type]
            older_than=timedelta(days=1),
        )
    assert receipts[0].record is not None
    check_archive(place, receipts={receipts[0].record: content}, finished=False)


def test_what_a_crash_left_is_swept_and_what_is_on_its_way_is_not(place: Place) -> None:
    folder = place.folder / "quarantine"
    for name, age in (("in-old", 2), ("in-new", 0)):
        (folder / name).write_bytes(b"x")
        at = time.time() - age * 24 * 3600
        os.utime(folder / name, (at, at))
    left = place.folder / "run" / "process-gone"
    left.mkdir()
    (left / "original-x").write_bytes(b"text of a stranger")
    with place.open() as one, place.open() as other:
        assert [path.name for path in folder.iterdir()] == ["in-new"]
        assert not left.exists()
        assert one.run_folder != other.run_folder
        assert one.run_folder.exists()
    assert FolderQuarantine(folder).sweep() == 0


def test_a_record_whose_own_events_are_damaged_keeps_no_other_from_being_read(
    place: Place,
) -> None:
    with place.open() as desk:
        bad, good = desk.receive(PAPER), desk.receive(OTHER)
    with closing(sqlite3.connect(place.folder / "journal.sqlite")) as journal, journal:
        journal.execute("DELETE FROM disclosures WHERE subject=?", (bad.record,))
    with place.open() as desk:
        worker = Worker(desk.archive, str(desk.run_folder), lambda: None, messages(english=False))
        worker.run(until_idle=True)
        assert worker.unusable == {bad.record}
        assert good.record is not None
        assert load(desk.archive, good.record).record().reading is not None


# ---------------------------------------------------------------- switched off


def test_commands_and_workers_killed_at_any_moment_lose_nothing(
    place: Place, tmp_path: Path
) -> None:
    """The real programs with their children, the real reader; the moments are drawn by lot."""
    lots = random.Random(20260302)
    papers = [str(place.papers.path(name)) for name in (PAPER, OTHER, "giay-moi")]
    ingest = ("api.cli", "ingest", *papers, "--dossier", DOSSIER, "--command", "lo-quet-1",
              "--json", "--archive", str(place.folder))  # fmt: skip
    worker = ("ingest", "--until-idle", "--archive", str(place.folder))
    for program, longest in ((ingest, 4.0), (worker, 5.0), (ingest, 6.0), (worker, 5.0)):
        process = start(*program)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=lots.uniform(0.5, longest))
        kill_group(process)
        check_archive(place, finished=False)
    process = start(*ingest)
    output, _ = process.communicate(timeout=120)
    kill_group(process)
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer.get("state") for answer in answers] == ["stored"] * 3, answers
    assert [page["state"] for answer in answers for page in answer["pages"]] == ["ok"] * 3
    receipts = {answer["record"]: Path(answer["file"]).read_bytes() for answer in answers}
    for path in (place.folder / "quarantine").iterdir():
        path.unlink()  # A crash may leave them for a day.
    checked = check_archive(place, receipts=receipts)
    assert set(checked.records) == set(receipts)


def test_a_worker_that_is_told_to_end_leaves_its_work_to_the_next(
    received: tuple[Place, object], tmp_path: Path
) -> None:
    place = received[0].copy(tmp_path / "place")
    process = start("ingest", "--archive", str(place.folder))
    try:
        assert _comes(lambda: is_held(place.folder / "worker.lock"))
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        kill_group(process)
    with place.open() as desk:
        desk.work()
    check_archive(place)


def test_a_worker_ends_when_whoever_started_it_is_gone(place: Place) -> None:
    stranger = start("http.server", "--bind", "127.0.0.1", "0")
    process = start("ingest", "--archive", str(place.folder), "--parent", str(stranger.pid))
    try:
        assert process.wait(timeout=60) == 0  # It is not that process's child: it is alone.
    finally:
        kill_group(process)
        kill_group(stranger)


def _comes(what: Callable[[], bool]) -> bool:
    """True when it happens within a minute."""
    for _ in range(600):
        if what():
            return True
        time.sleep(0.1)
    return False


def test_the_reasons_of_a_crash_have_a_name(place: Place) -> None:
    shutil.rmtree(place.folder / "objects")
    with pytest.raises(ArchiveError) as raised, place.open():
        pass
    assert raised.value.code == "store-missing"
