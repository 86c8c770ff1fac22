"""The record of reads: numbers, the minute, segments, a lost file."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from domain.agents import Actor, Role
from domain.reads import Read, ReadKind, Segment
from domain.values import Digest, StreamId
from infrastructure.reads import SqliteReads
from tests.identity.conftest import AGENCY, ANN, BINH, MORNING

REPOSITORY = Path(__file__).parents[2]
BY = Actor(ANN, Role.ARCHIVIST, AGENCY)
PAPER, OTHER = StreamId("record-1"), StreamId("record-2")
ONE, TWO = Digest("sha256:" + "1" * 64), Digest("sha256:" + "2" * 64)
SECOND = timedelta(seconds=1)


@pytest.fixture
def reads(tmp_path: Path) -> Iterator[SqliteReads]:
    made = SqliteReads(tmp_path / "reads.sqlite", lambda: ())
    yield made
    made.close()


def note(reads: SqliteReads, n: int, *, kind: ReadKind = ReadKind.DOWNLOAD) -> None:
    reads.note(MORNING + n * SECOND, BY, "work", kind, PAPER, "original")


def numbers(found: Sequence[Read]) -> list[int]:
    return [read.number for read in found]


def test_a_read_is_kept_as_it_was(reads: SqliteReads) -> None:
    reads.note(MORNING, BY, "audit", ReadKind.EXPORT, PAPER, "trang 3 " * 20)
    reads.note(MORNING, BY, "work", ReadKind.SEARCH, None)
    (read,) = reads.of([PAPER])
    assert read == Read(
        1, MORNING, BY, "audit", ReadKind.EXPORT, PAPER, ("trang 3 " * 20)[:60], None
    )
    assert [each.kind for each in reads.by(ANN)] == [ReadKind.SEARCH, ReadKind.EXPORT]
    assert not reads.by(BINH)
    assert not reads.of([OTHER])


def test_the_same_view_within_a_minute_is_one(reads: SqliteReads) -> None:
    for n in (0, 1, 59, 60, 61):
        note(reads, n, kind=ReadKind.VIEW)
    assert numbers(reads.of([PAPER])) == [2, 1]
    assert reads.of([PAPER])[0].at == MORNING + 60 * SECOND


@pytest.mark.parametrize(
    "other",
    [
        (MORNING, Actor(BINH, Role.ARCHIVIST, AGENCY), "work", ReadKind.VIEW, PAPER, "x"),
        (MORNING, Actor(ANN, Role.AUDITOR, AGENCY), "work", ReadKind.VIEW, PAPER, "x"),
        (MORNING, BY, "audit", ReadKind.VIEW, PAPER, "x"),
        (MORNING, BY, "work", ReadKind.DOWNLOAD, PAPER, "x"),
        (MORNING, BY, "work", ReadKind.VIEW, OTHER, "x"),
        (MORNING, BY, "work", ReadKind.VIEW, PAPER, "y"),
        (MORNING - SECOND, BY, "work", ReadKind.VIEW, PAPER, "x"),
    ],
)
def test_another_view_is_another_read(reads: SqliteReads, other: tuple[object, ...]) -> None:
    reads.note(MORNING, BY, "work", ReadKind.VIEW, PAPER, "x")
    reads.note(*other)  # type: ignore[arg-type]
    assert len(reads.open_segment(limit=9)[0]) == 2


def test_downloads_are_each_a_read(reads: SqliteReads) -> None:
    for _ in range(3):
        note(reads, 0)
    assert numbers(reads.of([PAPER], limit=2)) == [3, 2]


def test_segments_hold_the_reads_up_to_their_end(reads: SqliteReads) -> None:
    assert reads.open_segment(limit=9) == ([], None)
    for n in range(5):
        note(reads, n)
    opened, before = reads.open_segment(limit=3)
    assert (numbers(opened), before) == ([1, 2, 3], None)
    assert reads.close_segment(3, ONE) == 1
    assert reads.close_segment(3, ONE) == 1
    opened, before = reads.open_segment(limit=9)
    assert (numbers(opened), before) == ([4, 5], Segment(1, 3, ONE))
    assert [read.segment for read in reads.of([PAPER])] == [None, None, 1, 1, 1]
    assert reads.close_segment(5, TWO) == 2
    assert [read.segment for read in reads.by(ANN)] == [2, 2, 1, 1, 1]


def test_a_lost_file_is_made_anew_from_its_segments_with_one_number_left_out(
    reads: SqliteReads, tmp_path: Path
) -> None:
    for n in range(5):
        note(reads, n)
    held, _ = reads.open_segment(limit=3)
    reads.close_segment(3, ONE)
    kept = [*reads.of([PAPER])][2:]
    recorded = [(Segment(1, 3, ONE), held)]
    reads.close()
    (tmp_path / "reads.sqlite").unlink()
    with closing(SqliteReads(tmp_path / "reads.sqlite", lambda: recorded)) as again:
        assert [*again.of([PAPER])] == kept
        note(again, 9)
        opened, before = again.open_segment(limit=9)
        assert (numbers(opened), before) == ([5], Segment(1, 3, ONE))


def test_a_file_that_goes_while_it_is_in_use_is_made_again(
    reads: SqliteReads, tmp_path: Path
) -> None:
    note(reads, 0)
    for each in tmp_path.glob("reads.sqlite*"):
        each.unlink()
    note(reads, 1)
    assert [read.at for read in reads.of([PAPER])] == [MORNING + SECOND]
    assert len(reads.open_segment(limit=9)[0]) == 1


OTHER_PROCESS = """
import sys
from pathlib import Path
from infrastructure.reads import SqliteReads
from tests.identity.test_reads_port import note
reads = SqliteReads(Path(sys.argv[1]), lambda: ())
for n in range(200):
    note(reads, n)
reads.close()
"""


def test_threads_and_processes_leave_no_gap(reads: SqliteReads, tmp_path: Path) -> None:
    path = tmp_path / "reads.sqlite"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", OTHER_PROCESS, str(path)],
            cwd=REPOSITORY,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: note(reads, n), range(200)))
    for other in others:
        _, said = other.communicate(timeout=60)
        assert other.returncode == 0, said.decode()
    assert numbers(reads.open_segment(limit=1000)[0]) == list(range(1, 601))
