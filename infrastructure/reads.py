"""The record of reads in a small database beside the journal.

What a closed segment holds can be made anew from its object, so a lost file costs the reads of
the open segment; the next number is then left out, and the next segment counts it as missing.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from domain.agents import Actor, Role
from domain.reads import Read, ReadKind, Segment
from domain.values import Digest, StreamId
from infrastructure.sqlite import SmallDatabase, instant, microseconds

_SCHEMA = """
CREATE TABLE reads (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, agent TEXT NOT NULL,
    role TEXT NOT NULL, agency TEXT NOT NULL, purpose TEXT NOT NULL, kind TEXT NOT NULL,
    what TEXT, detail TEXT NOT NULL);
CREATE INDEX reads_of ON reads (what, number);
CREATE INDEX reads_by ON reads (agent, at);
CREATE TABLE segments (
    number INTEGER PRIMARY KEY, last INTEGER NOT NULL UNIQUE, sha256 TEXT NOT NULL);
CREATE TABLE syncs (n INTEGER PRIMARY KEY, count INTEGER NOT NULL);
INSERT INTO syncs VALUES (1, 0)
"""
_INSERT = "INSERT INTO reads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = """SELECT *, (SELECT min(s.number) FROM segments s WHERE s.last >= reads.number) segment
FROM reads"""
_AGAIN = """SELECT 1 FROM reads WHERE agent = ? AND at > ? AND at <= ? AND role = ? AND agency = ?
AND purpose = ? AND kind = ? AND what IS ? AND detail = ?"""
_ONE_VIEW = timedelta(minutes=1)
_LONGEST_DETAIL = 60
Recorded = Callable[[], Iterable[tuple[Segment, Sequence[Read]]]]


class SqliteReads:
    """The port `ReadRecord`; `recorded` tells the segments that events name, for a new file."""

    def __init__(self, path: Path, recorded: Recorded) -> None:
        self._recorded = recorded
        # The same file twice: a read waits for no disk, a segment does.
        self._quick = SmallDatabase(path, _SCHEMA, durable=False, fill=self._fill)
        self._durable = SmallDatabase(path, _SCHEMA, durable=True, fill=self._fill)

    def close(self) -> None:
        """Lets go of the file."""
        self._quick.close()
        self._durable.close()

    def note(
        self,
        at: datetime,
        by: Actor,
        purpose: str,
        kind: ReadKind,
        what: StreamId | None,
        detail: str = "",
    ) -> None:
        """See the port."""
        now = microseconds(at)
        who = (by.role.value, by.agency, purpose, kind.value, what, detail[:_LONGEST_DETAIL])
        with self._quick.writing() as connection:
            if kind is ReadKind.VIEW:
                since = microseconds(at - _ONE_VIEW)
                if connection.execute(_AGAIN, (by.agent, since, now, *who)).fetchone():
                    return
            connection.execute(_INSERT, (None, now, by.agent, *who))

    def of(self, targets: Sequence[StreamId], *, limit: int = 100) -> Sequence[Read]:
        """See the port."""
        found: list[Read] = []
        with self._quick.reading() as connection:
            for target in dict.fromkeys(targets):
                rows = connection.execute(
                    f"{_SELECT} WHERE what = ? ORDER BY number DESC LIMIT ?", (target, limit)
                )
                found.extend(map(_read, rows))
        return sorted(found, key=lambda read: -read.number)[:limit]

    def by(self, agent: StreamId, *, limit: int = 100) -> Sequence[Read]:
        """See the port."""
        with self._quick.reading() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE agent = ? ORDER BY at DESC, number DESC LIMIT ?", (agent, limit)
            )
            return [_read(row) for row in rows]

    def open_segment(self, *, limit: int) -> tuple[Sequence[Read], Segment | None]:
        """See the port."""
        with self._durable.writing() as connection:
            # The commit of this row syncs the log with every read before it.
            connection.execute("UPDATE syncs SET count = count + 1")
            before = _last_segment(connection)
            rows = connection.execute(
                f"{_SELECT} WHERE number > ? ORDER BY number LIMIT ?",
                (before.last if before else 0, limit),
            )
            reads = [_read(row) for row in rows]
        return reads, before

    def close_segment(self, upto: int, digest: Digest) -> int:
        """See the port."""
        with self._durable.writing() as connection:
            held = "SELECT min(number) FROM segments WHERE last >= ?"
            (marked,) = connection.execute(held, (upto,)).fetchone()
            if marked is not None:
                return int(marked)
            before = _last_segment(connection)
            number = before.number + 1 if before else 1
            connection.execute("INSERT INTO segments VALUES (?, ?, ?)", (number, upto, digest.text))
        return number

    def _fill(self, connection: sqlite3.Connection) -> None:
        """What the segments of the archive hold, and the place behind them."""
        last = 0
        for segment, reads in self._recorded():
            connection.execute(
                "INSERT INTO segments VALUES (?, ?, ?)",
                (segment.number, segment.last, segment.sha256.text),
            )
            connection.executemany(_INSERT, map(_row, reads))
            last = segment.last
        if last:
            # Nobody knows how many open reads were lost: one number without a read says so.
            connection.execute("DELETE FROM sqlite_sequence WHERE name = 'reads'")
            connection.execute("INSERT INTO sqlite_sequence VALUES ('reads', ?)", (last + 1,))


def _last_segment(connection: sqlite3.Connection) -> Segment | None:
    row = connection.execute("SELECT * FROM segments ORDER BY number DESC LIMIT 1").fetchone()
    return Segment(row["number"], row["last"], Digest(row["sha256"])) if row else None


def _row(read: Read) -> tuple[object, ...]:
    by = read.by
    who = (microseconds(read.at), by.agent, by.role.value, by.agency)
    return read.number, *who, read.purpose, read.kind.value, read.what, read.detail


def _read(row: sqlite3.Row) -> Read:
    return Read(
        number=row["number"],
        at=instant(row["at"]),
        by=Actor(StreamId(row["agent"]), Role(row["role"]), StreamId(row["agency"])),
        purpose=row["purpose"],
        kind=ReadKind(row["kind"]),
        what=StreamId(row["what"]) if row["what"] is not None else None,
        detail=row["detail"],
        segment=row["segment"],
    )
