"""After an erasure nothing personal is left in the views' files or in the index."""

from pathlib import Path

import pytest

from infrastructure.clock import SystemClock
from infrastructure.search.whoosh_index import WhooshIndex
from tests.views.world import World, rows_of

NAME = "Người Được Quên"


def traces(root: Path, *words: str) -> list[str]:
    """The files of the views and of the index that hold one of the words."""
    files = [*root.glob("views.sqlite*"), *(p for p in root.glob("index/**/*") if p.is_file())]
    return [path.name for path in files for word in words if word.encode() in path.read_bytes()]


def test_an_erasure_leaves_no_trace_in_rows_log_and_index(tmp_path: Path) -> None:
    world = World(tmp_path, index=WhooshIndex(tmp_path / "index"), clock=SystemClock())
    office = world.agency()
    kept = world.open_dossier("H33.05-260302-0001", office, title="Ở lại nguyên vẹn")
    holder = world.open_dossier("H33.05-260302-0002", office, title=f"Hồ sơ của {NAME}")
    for n in range(25):  # Rows that grow make SQLite move others between pages.
        stream = world.scan(holder, b"%d" % n)
        world.read(stream, [f"đơn của {NAME}", "trang hai"])
        world.describe(stream, subject=f"Đơn của {NAME} số {n}", number=str(n))
        world.views.catch_up()
        other = world.scan(kept, b"kept %d" % n)
        world.read(other)
        world.describe(other, subject=f"Tờ khai {n} " + "dài " * n)
        if n == 20:
            world.views.forget()  # From here on the names stand in the file and in its log.
    world.views.catch_up()
    assert {"views.sqlite", "views.sqlite-wal"} <= set(traces(tmp_path, NAME))

    world.erase(holder)
    world.views.forget()

    assert traces(tmp_path, NAME, "Hồ sơ của", "đơn của") == []
    assert (tmp_path / "views.sqlite-wal").stat().st_size == 0
    assert list(world.views.inspect()) == []
    (row,) = [r for r in rows_of(world.path)["catalogue:dossiers"] if r[0] == holder]
    assert row[3] is None
    assert all(r.subject is None for r in world.views.catalogue.records(holder))
    assert all(r.subject for r in world.views.catalogue.records(kept))

    for name in world.views.names():
        world.views.rebuild(name)
    assert traces(tmp_path, NAME) == []
    world.close()


def test_what_a_broken_rebuild_left_is_forgotten_too(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = world.open_dossier("H33.05-260302-0002", world.agency(), title=f"Hồ sơ của {NAME}")
    world.views.catch_up()

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("infrastructure.views.database.switch", broken)
        with pytest.raises(KeyboardInterrupt):
            world.views.rebuild("catalogue")
    world.erase(holder)
    assert traces(world.root, NAME) != []

    world.views.forget()

    assert traces(world.root, NAME) == []
    assert world.index.purged == 1
