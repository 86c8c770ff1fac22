"""Oversight finds what somebody changed behind the program's back, and never stumbles over it."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from domain.values import StreamId
from tests.views.world import World


def alter(world: World, view: str, statement: str) -> None:
    """Runs a statement on a table of the live generation, named by {prefix}."""
    with closing(sqlite3.connect(world.path)) as connection, connection:
        (number,) = connection.execute(
            "SELECT number FROM generations WHERE live AND view=?", (view,)
        ).fetchone()
        assert connection.execute(statement.format(prefix=f"{view}_{number}_")).rowcount > 0


def tamper(world: World, statement: str) -> None:
    with closing(sqlite3.connect(world.root / "journal.sqlite")) as connection, connection:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(statement)


def found(world: World) -> set[tuple[str, str]]:
    return {(finding.kind, finding.where) for finding in world.views.inspect()}


@pytest.fixture
def holder(world: World) -> StreamId:
    holder = world.open_dossier("H33.05-260302-0001", world.agency())
    stream = world.scan(holder, b"one")
    world.read(stream)
    world.scan(holder, b"two")
    world.views.catch_up()
    assert found(world) == set()
    return holder


@pytest.mark.usefixtures("holder")
@pytest.mark.parametrize(
    ("view", "table", "statement"),
    [
        ("catalogue", "dossiers", "UPDATE {prefix}dossiers SET title='khác'"),
        ("catalogue", "dossiers", "UPDATE {prefix}dossiers SET title=NULL"),
        ("catalogue", "records", "DELETE FROM {prefix}records WHERE ordinal=1"),
        ("catalogue", "references", "INSERT INTO {prefix}references VALUES ('a', 'b', 'c')"),
        ("history", "links", "DELETE FROM {prefix}links WHERE position=1"),
        ("history", "events", "UPDATE {prefix}events SET at=at+1 WHERE position=2"),
        ("work", "items", "UPDATE {prefix}items SET state='stuck' WHERE task='read'"),
    ],
)
def test_a_changed_row_is_found(world: World, view: str, table: str, statement: str) -> None:
    alter(world, view, statement)

    assert found(world) == {("view-differs", f"{view}:{table}")}
    world.views.rebuild(view)
    assert found(world) == set()


@pytest.mark.usefixtures("holder")
def test_a_finding_names_the_row_and_nothing_personal(world: World) -> None:
    alter(world, "catalogue", "UPDATE {prefix}dossiers SET title='Người Ẩn Danh'")
    (finding,) = world.views.inspect()
    assert finding.what.startswith("dossier-")
    assert "Ẩn" not in str(finding)


@pytest.mark.usefixtures("holder")
def test_many_changed_rows_are_counted(world: World) -> None:
    world.fill(40)
    world.views.catch_up()
    alter(world, "history", "UPDATE {prefix}events SET at=1")
    findings = list(world.views.inspect())
    assert len(findings) == 21
    assert findings[-1].what == f"{world.journal.position()} in all"


@pytest.mark.usefixtures("holder")
def test_a_changed_position_is_found(world: World) -> None:
    end = world.journal.position()
    alter(world, "work", "UPDATE generations SET position=3 WHERE view='work'")
    assert ("view-behind", "work") in found(world)
    assert ("view-differs", "work:items") in found(world)
    alter(world, "work", f"UPDATE generations SET position={end + 9} WHERE view='work'")  # noqa: S608
    assert found(world) == {("view-ahead", "work")}


def test_views_that_nobody_followed_are_behind(world: World) -> None:
    world.agency()
    assert found(world) == {("view-behind", name) for name in world.views.names()}


def test_a_view_behind_an_erasure_is_behind_and_nothing_else(
    world: World, holder: StreamId, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(world.views, "catch_up", lambda: 0)
        patch.setattr(world.objects, "destroy", lambda digest, decision: None)
        world.erase(holder)
    assert found(world) == {("view-behind", name) for name in world.views.names()}
    world.views.catch_up()
    assert found(world) == set()


@pytest.mark.usefixtures("holder")
def test_a_view_whose_tables_are_gone_is_a_finding(world: World) -> None:
    alter(world, "work", "UPDATE {prefix}items SET state='stuck'")
    with closing(sqlite3.connect(world.path)) as connection, connection:
        (number,) = connection.execute(
            "SELECT number FROM generations WHERE live AND view='work'"
        ).fetchone()
        connection.execute(f"DROP TABLE work_{number}_items")
    assert found(world) == {("view-unreadable", "work")}
    world.views.rebuild("work")
    assert found(world) == set()


@pytest.mark.usefixtures("holder")
def test_a_tampered_journal_is_a_finding_and_no_crash(world: World) -> None:
    tamper(world, "UPDATE stored_events SET originator_version=77 WHERE rowid=3")
    assert found(world) == {("replay-stopped", "journal:0")}


@pytest.mark.usefixtures("holder")
def test_a_stream_without_its_beginning_is_a_finding(world: World) -> None:
    tamper(world, "DELETE FROM stored_events WHERE rowid=2")
    assert "replay-stopped" in {kind for kind, _ in found(world)}


@pytest.mark.usefixtures("holder")
def test_altered_missing_and_unknown_pages_of_the_index_are_found(world: World) -> None:
    (first, second) = sorted(world.index.held)
    world.index.held[first] = replace(world.index.held[first], restricted=True)
    assert found(world) == {("index-page-differs", "index")}
    del world.index.held[first]
    assert found(world) == {("index-page-missing", "index")}
    world.index.held[first[0], 9] = world.index.held[second]
    world.index.held[first[0], 9] = replace(world.index.held[second], page=9)
    assert found(world) == {("index-page-missing", "index"), ("index-page-unknown", "index")}
    world.views.rebuild("index")
    assert found(world) == set()
