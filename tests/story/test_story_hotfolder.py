"""A hot folder: no crash, full disk, odd name or second drop loses a file or doubles a record."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import pytest

import ingest.hotfolder as hotfolder
from domain.errors import RuleError
from domain.scanning import ScanDuplicated, ScanReceived, ScanRefused
from domain.services import description
from infrastructure.messages import Catalogue
from ingest.hotfolder import HotFolder, Outcome
from tests.story.checking import check_archive
from tests.story.faults import FAILURES, KILLS, Fault, Form, strikes_at_changes
from tests.story.place import BASIS, DOSSIER, Desk, Place
from tests.story.processes import run_all, run_killed

PAPER = "don-xin-cap-dat"
FULL = frozenset({"journal.append", "objects.put", "quarantine.receive"})
"""Calls of ports that a full disk stops."""
STEPS = ("_make_folder", "_write_once", "_move", "_sync")
"""What the hot folder does to the disk itself."""


def hot(desk: Desk, folder: Path, settle: float = 0) -> HotFolder:
    notes = (Catalogue("vi"), Catalogue("en"))
    agent = desk.place.people.clerk
    return HotFolder(desk.archive, agent, BASIS, folder, notes, settle=settle)


def swept(desk: Desk, folder: Path) -> list[Outcome]:
    return list(hot(desk, folder).sweep())


def drop(folder: Path, name: str | bytes, content: bytes, code: str = DOSSIER) -> Path:
    (folder / code).mkdir(parents=True, exist_ok=True)
    path = folder / code / os.fsdecode(name)
    path.write_bytes(content)
    return path


def files_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir()) if folder.exists() else []


# ---------------------------------------------------------------- what becomes of a file


def test_a_file_is_taken_once_and_ends_in_done(place: Place, tmp_path: Path) -> None:
    folder, content = tmp_path / "hot", place.papers.content(PAPER)
    drop(folder, "quet 1.png", content)
    with place.open() as desk:
        (first,) = swept(desk, folder)
        assert first.state == "stored"
        assert swept(desk, folder) == []
        drop(folder, "quet 1.png", content)
        (again,) = swept(desk, folder)
        assert (again.state, again.record) == ("duplicate", first.record)
        desk.work()
    done = folder / DOSSIER / "done"
    assert files_in(done) == ["quet 1 (2).png", "quet 1 (2).png.txt", "quet 1.png"]
    note = (done / "quet 1 (2).png.txt").read_text()
    assert "đã có trong hồ sơ" in note
    assert "was in the dossier already" in note
    assert (done / "quet 1.png").read_bytes() == content
    assert len(check_archive(place).records) == 1


def test_a_refused_file_ends_in_failed_with_its_reason(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "hot"
    drop(folder, "thu.docx", b"PK\x03\x04 no scan")
    with place.open() as desk:
        (outcome,) = swept(desk, folder)
    assert outcome.state == "refused"
    failed = folder / DOSSIER / "failed"
    assert files_in(failed) == ["thu.docx", "thu.docx.txt"]
    note = (failed / "thu.docx.txt").read_text()
    assert str(outcome.event) in note
    assert Catalogue("vi").text(str(outcome.reason)) in note
    assert Catalogue("en").text(str(outcome.reason)) in note


def test_a_folder_that_names_no_open_dossier_keeps_its_files(place: Place, tmp_path: Path) -> None:
    folder, content = tmp_path / "hot", place.papers.content(PAPER)
    drop(folder, "a.png", content, code="KHONG-CO")
    with place.open() as desk:
        closed = desk.open_dossier("Đã kết thúc", "HS-DONG")
        desk.receive("giay-moi", dossier=closed)
        description.close_dossier(desk.archive, desk.request(), closed)
        drop(folder, "b.png", content, code="HS-DONG")
        station = hot(desk, folder)
        told = list(station.sweep())
        assert [(each.state, each.reason) for each in told] == [
            ("failed", "dossier-closed"),
            ("failed", "not-found"),
        ]
        assert list(station.sweep()) == [], "said once"
        assert files_in(folder / "KHONG-CO") == ["a.png", "chauban-not-found.txt"]
        assert files_in(folder / "HS-DONG") == ["b.png", "chauban-dossier-closed.txt"]
        desk.open_dossier("Mở sau", "KHONG-CO")
        assert [each.state for each in swept(desk, folder) if each.state != "failed"] == ["stored"]
    assert files_in(folder / "KHONG-CO" / "done") == ["a.png"]


def test_only_a_plain_file_that_lies_still_is_taken(place: Place, tmp_path: Path) -> None:
    folder, content = tmp_path / "hot", place.papers.content(PAPER)
    growing = drop(folder, "lon.png", content[:1000])
    outside = tmp_path / "secret.png"
    outside.write_bytes(content)
    (folder / DOSSIER / "link.png").symlink_to(outside)
    (folder / "elsewhere").symlink_to(tmp_path)
    os.mkfifo(folder / DOSSIER / "pipe.png")
    for name in (".an.png", "~khoa.png", "dang-chep.png.part", "x.tmp"):
        drop(folder, name, content)
    with place.open() as desk:
        station = hot(desk, folder, settle=0.2)
        assert list(station.sweep()) == []
        growing.write_bytes(content)
        sleep(0.25)
        assert list(station.sweep()) == [], "it changed since it was seen"
        sleep(0.25)
        assert [each.file for each in station.sweep()] == [f"{DOSSIER}/lon.png"]
    assert files_in(folder / DOSSIER / "done") == ["lon.png"]
    assert outside.exists()


def test_hostile_names_are_taken_and_never_overwrite(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "hot"
    names = [
        b"\xff\xfe.png",
        "đảo\u202egnp.exe.png".encode(),
        b"dong\nmoi.png",
        b"n" * 251 + b".png",
        "ế".encode() * 83 + b".png",
        b"-rf.png",
    ]
    for n, name in enumerate(names):
        drop(folder, name, place.papers.content(f"to-{n:02}"))
        drop(folder, name, b"no paper", code=f"{DOSSIER}/failed")  # The name exists there.
    with place.open() as desk:
        told = swept(desk, folder)
        assert [each.state for each in told] == ["stored"] * len(names)
        for name in names:
            drop(folder, name, b"%PDF-1.7 broken " + name)
        told = swept(desk, folder)
        assert [each.state for each in told] == ["refused"] * len(names)
    failed = [os.fsencode(each) for each in (folder / DOSSIER / "failed").iterdir()]
    assert len(failed) == 3 * len(names)
    for name in names:
        assert (folder / DOSSIER / "failed" / os.fsdecode(name)).read_bytes() == b"no paper"
    assert files_in(folder / DOSSIER / "done") == sorted(map(os.fsdecode, names))


def test_a_file_that_changes_while_it_is_moved_comes_back(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, content = tmp_path / "hot", place.papers.content(PAPER)
    path = drop(folder, "a.png", content)
    move = hotfolder._move

    def written_first(old: Path, new: Path) -> bool:
        if old == path and path.read_bytes() == content:
            path.write_bytes(place.papers.content("giay-moi"))
        return move(old, new)

    with place.open() as desk:
        monkeypatch.setattr(hotfolder, "_move", written_first)
        assert [each.state for each in swept(desk, folder)] == ["stored"]
        assert files_in(folder / DOSSIER / "done") == []
        assert [each.state for each in swept(desk, folder)] == ["stored"]
        desk.work()
    assert len(check_archive(place).records) == 2


def test_two_watchers_do_not_share_a_folder(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "hot"
    folder.mkdir()
    with place.open() as desk:
        first = hot(desk, folder, settle=0.1)
        thread = threading.Thread(target=partial(first.run, lambda outcome: None, once=False))
        thread.start()
        sleep(0.2)
        with pytest.raises(RuleError) as caught:
            hot(desk, folder).run(lambda outcome: None, once=True)
        first.stop.set()
        thread.join(5)
    assert caught.value.code == "hotfolder-watched"
    assert not thread.is_alive()


# ---------------------------------------------------------------- crashes


def faulty_steps(fault: Fault) -> Iterator[None]:
    """The steps on the disk count as calls of a port, too."""
    kept = {name: getattr(hotfolder, name) for name in STEPS}
    for name, step in kept.items():

        def call(*args: object, step: object = step, name: str = name) -> object:
            return fault.around(f"hot.{name}", lambda: step(*args))  # type: ignore[operator]

        setattr(hotfolder, name, call)
    yield
    for name, step in kept.items():
        setattr(hotfolder, name, step)


def struck(place: Place, folder: Path, fault: Fault) -> list[Outcome]:
    with place.open(fault=fault) as desk:
        steps = faulty_steps(fault)
        next(steps)
        try:
            return swept(desk, folder)
        finally:
            next(steps, None)


def three_files(place: Place, folder: Path) -> dict[str, bytes]:
    """A paper, the same once more under another name, and what is no paper."""
    content = place.papers.content(PAPER)
    contents = {"1.png": content, "2.png": content, "3.docx": b"PK\x03\x04 no scan"}
    for name, each in contents.items():
        drop(folder, name, each)
    return contents


def check_hot(place: Place, folder: Path, contents: dict[str, bytes], *, ended: bool) -> None:
    """Each file is at one place alone with all its bytes, and what was moved has its event."""
    events = []
    if ended:
        with place.open() as desk:
            desk.work()
        checked = check_archive(place, finished=False)
        assert len(checked.records) == 1
        events = [type(each.event) for each in checked.events]
        assert events.count(ScanReceived) == 1
        assert events.count(ScanDuplicated) == 1
        assert events.count(ScanRefused) == 1
    for name, content in contents.items():
        put = folder / DOSSIER / ("failed" if name == "3.docx" else "done") / name
        there = [path for path in (folder / DOSSIER / name, put) if path.exists()]
        assert len(there) == 1, (name, there)
        assert there[0].read_bytes() == content
        assert not ended or there == [put]
    if ended:
        # Whichever of the two came first was stored; the other one has a note.
        done = files_in(folder / DOSSIER / "done")
        assert done in (["1.png", "2.png", "2.png.txt"], ["1.png", "1.png.txt", "2.png"])
        assert files_in(folder / DOSSIER / "failed") == ["3.docx", "3.docx.txt"]


def calls_of(founded: Place, folder: Path) -> list[str]:
    fault = Fault()
    place = founded.copy(folder)
    contents = three_files(place, folder / "hot")
    struck(place, folder / "hot", fault)
    check_hot(place, folder / "hot", contents, ended=True)
    return fault.calls


def strikes_of(calls: list[str], forms: tuple[Form, Form]) -> list[tuple[int, Form]]:
    """Both sides of every step on the disk and of every call that leaves something behind."""
    steps = [(n, form) for n, name in enumerate(calls, 1) if name[:4] == "hot." for form in forms]
    return sorted(steps + strikes_at_changes(calls, forms))


def test_a_killed_watcher_loses_and_doubles_nothing(founded: Place, tmp_path: Path) -> None:
    calls = calls_of(founded, tmp_path / "count")
    assert {f"hot.{name}" for name in STEPS} < set(calls)

    def trial(at: int, form: Form) -> None:
        folder = tmp_path / f"{at}-{form}"
        place = founded.copy(folder)
        contents = three_files(place, folder / "hot")
        assert run_killed(partial(struck, place, folder / "hot", Fault(at, form)))
        check_hot(place, folder / "hot", contents, ended=False)
        with place.open() as desk:
            swept(desk, folder / "hot")
        check_hot(place, folder / "hot", contents, ended=True)
        shutil.rmtree(folder)

    run_all([partial(trial, *one) for one in strikes_of(calls, KILLS)], tmp_path / "trials")


@pytest.mark.parametrize("form", FAILURES)
def test_a_full_disk_leaves_the_file_for_later(founded: Place, tmp_path: Path, form: Form) -> None:
    calls = calls_of(founded, tmp_path / "count")

    def trial(at: int) -> None:
        folder = tmp_path / str(at)
        place = founded.copy(folder)
        contents = three_files(place, folder / "hot")
        struck(place, folder / "hot", Fault(at, form))
        check_hot(place, folder / "hot", contents, ended=False)
        with place.open() as desk:
            swept(desk, folder / "hot")
        check_hot(place, folder / "hot", contents, ended=True)
        shutil.rmtree(folder)

    places = [n for n, name in enumerate(calls, 1) if name[:4] == "hot." or name in FULL]
    run_all([partial(trial, at) for at in places], tmp_path / "trials")


def test_the_command_watches_until_it_is_told_to_end(place: Place, tmp_path: Path) -> None:
    folder = tmp_path / "hot"
    folder.mkdir()
    words = ["watch", str(folder), "--settle", "0.2", "--json", "--archive", str(place.folder)]
    root = Path(__file__).parents[2]
    started = subprocess.Popen(
        [root / ".venv/bin/python", "-m", "api.cli", *words], cwd=root, stdout=subprocess.PIPE
    )
    try:
        drop(folder, "a.png", place.papers.content(PAPER))
        end = monotonic() + 60
        while monotonic() < end and not (folder / DOSSIER / "done" / "a.png").exists():
            sleep(0.1)
        started.send_signal(signal.SIGTERM)
        out, _ = started.communicate(timeout=60)
    finally:
        if started.poll() is None:
            started.kill()
    assert started.returncode == 0
    assert b'"state": "stored"' in out
    assert files_in(folder / DOSSIER / "done") == ["a.png"]
