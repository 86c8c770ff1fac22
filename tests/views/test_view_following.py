"""Several processes, killed processes and new versions: every event is applied once."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection

from domain.errors import NotFoundError, UnavailableError
from infrastructure.clock import SystemClock
from infrastructure.search.whoosh_index import WhooshIndex
from infrastructure.views import catalogue, work
from infrastructure.views.database import Database
from infrastructure.views.runner import Events
from tests.views.world import MemoryIndex, World, rows_of

REPOSITORY = Path(__file__).parent.parent.parent


@contextmanager
def follower(root: Path, times: int = 1) -> Iterator["subprocess.Popen[str]"]:
    """A process that waits for its sign to begin."""
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.views.follow", str(root), str(times)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process


def start(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def assert_as_rebuilt(root: Path) -> None:
    world = World(root, index=WhooshIndex(root / "index"), clock=SystemClock())
    world.views.catch_up()
    assert list(world.views.inspect()) == []
    before = rows_of(world.path)
    for name in world.views.names():
        world.views.rebuild(name)
    assert rows_of(world.path) == before
    assert list(world.views.inspect()) == []
    world.close()


def test_two_processes_catch_up_at_once(tmp_path: Path) -> None:
    world = World(tmp_path, index=WhooshIndex(tmp_path / "index"), clock=SystemClock())
    world.fill(150)
    with follower(tmp_path, 2) as one, follower(tmp_path, 2) as other:
        start(one)
        start(other)
        world.views.catch_up()
        for process in (one, other):
            assert process.stdout is not None
            positions = [int(line) for line in process.stdout]
            assert len(positions) == 2
            assert min(positions) >= world.journal.position()
            assert process.wait(60) == 0
    world.close()
    assert_as_rebuilt(tmp_path)


def test_a_process_is_killed_while_it_catches_up_and_another_goes_on(tmp_path: Path) -> None:
    world = World(tmp_path, index=WhooshIndex(tmp_path / "index"), clock=SystemClock())
    dice = random.Random(7)
    for _ in range(4):
        world.fill(100)
        with follower(tmp_path) as process:
            start(process)
            time.sleep(dice.uniform(0, 0.6))
            process.kill()
    world.close()
    assert_as_rebuilt(tmp_path)


def test_a_new_version_is_built_beside_the_live_one_and_switched_to(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fill(200)
    world.views.catch_up()
    before = rows_of(world.path)
    monkeypatch.setattr(work, "VERSION", work.VERSION + 1)
    seen: list[int] = []
    apply = work.WorkView.apply

    def watched(self: work.WorkView, connection: Connection, events: Events) -> None:
        seen.append(len(world.views.work.items()))  # The old version still answers the old program.
        apply(self, connection, events)

    monkeypatch.setattr(work.WorkView, "apply", watched)
    newer = world.open_views()
    with pytest.raises(UnavailableError, match="view-of-another-version"):
        newer.work.items()
    newer.catch_up()

    assert len(seen) > 1
    assert rows_of(world.path) == before
    assert newer.work.items() == []
    with pytest.raises(UnavailableError, match="view-of-another-version"):
        world.views.work.items()
    names = {name.split(":")[0] for name in rows_of(world.path)}
    assert names == {"attestations", "catalogue", "history", "work"}
    newer.close()


def test_a_rebuild_that_broke_off_leaves_the_live_view_and_is_swept_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.fill(300)
    world.views.catch_up()
    before, kept = rows_of(world.path), tables(world)
    apply = catalogue.CatalogueView.apply

    def broken(self: catalogue.CatalogueView, connection: Connection, events: Events) -> None:
        apply(self, connection, events)
        if events[0].position > 1:
            raise KeyboardInterrupt  # The machine stops here: nothing cleans up.

    with monkeypatch.context() as patch:
        patch.setattr(catalogue.CatalogueView, "apply", broken)
        with pytest.raises(KeyboardInterrupt):
            world.views.rebuild("catalogue")
    assert rows_of(world.path) == before
    assert tables(world) > kept

    again = world.open_views()
    assert tables(world) == kept
    assert list(again.inspect()) == []
    again.close()


def tables(world: World) -> set[str]:
    with Database(world.path).reading() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")
        return {name for (name,) in found}


def test_a_view_ahead_of_a_restored_journal_is_rebuilt(tmp_path: Path) -> None:
    earlier, root = tmp_path / "backup.sqlite", tmp_path / "archive"
    world = World(root)
    world.agency("H33.01")
    world.close()
    shutil.copy(root / "journal.sqlite", earlier)
    world = World(root)
    world.agency("H33.02")
    world.views.catch_up()
    assert len(world.views.catalogue.agencies()) == 2
    world.close()
    for leftover in root.glob("journal.sqlite-*"):
        leftover.unlink()
    shutil.copy(earlier, root / "journal.sqlite")

    restored = World(root, index=MemoryIndex(at=2))
    names = restored.views.names()
    found = [(finding.kind, finding.where) for finding in restored.views.inspect()]
    assert found == [("view-ahead", name) for name in names]
    restored.views.catch_up()
    assert [row.code for row in restored.views.catalogue.agencies().values()] == ["H33.01"]
    assert list(restored.views.inspect()) == []
    restored.close()


def test_a_busy_index_is_waited_for_and_a_damaged_one_is_built_anew(world: World) -> None:
    world.fill(3)
    world.index.failures = [UnavailableError("index-busy")] * 3
    world.views.catch_up()
    assert world.index.position() == world.journal.position()

    world.fill(3)
    world.index.failures = [UnavailableError("index-busy")] * 1000
    with pytest.raises(UnavailableError, match="index-busy"):
        world.views.catch_up()
    world.index.failures = [UnavailableError("index-damaged")]
    world.views.catch_up()
    assert list(world.views.inspect()) == []


def test_a_file_that_is_no_database_any_more_is_built_anew(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.agency()
    world.views.catch_up()
    world.close()
    (tmp_path / "views.sqlite").write_bytes(b"\0" * 100 + b"something else" * 1000)

    world = World(tmp_path)
    world.views.catch_up()
    assert len(world.views.catalogue.agencies()) == 1
    assert list(world.views.inspect()) == []
    world.close()


def test_what_is_no_view_cannot_be_rebuilt(world: World) -> None:
    with pytest.raises(NotFoundError):
        world.views.rebuild("nothing")
