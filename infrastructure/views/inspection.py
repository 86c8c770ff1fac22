"""Compares every view and the index with a replay of the journal, and changes nothing.

(1) One pass over the journal feeds replicas of all views in memory, each up to the position that
its original had reached. (2) The original is read in one transaction, its replica is brought to
exactly that position, and the rows are compared. The journal may be the one that was tampered
with: where it cannot be followed, that is a finding and what was replayed is not compared.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection, Table

from domain.errors import ArchiveError, IntegrityError, UnavailableError
from domain.events import Event, Recorded
from domain.ports import Clock, Finding, Journal
from infrastructure.views.database import scratch
from infrastructure.views.expected import Expected, digest_of
from infrastructure.views.pages import PagesFollower, RebuildableIndex
from infrastructure.views.rows import is_personal
from infrastructure.views.runner import BATCH, Runner, View

_LISTED = 20
"""Rows of a table, or pages, that are named one by one; the rest is counted."""
_GRACE_SECONDS = 2.0
"""Another process that has just appended is about to catch up; that is no finding."""
_STEP_SECONDS = 0.1
_ATTEMPTS = 3
_REPLICA = "replica_"
_INDEX = "index"


class _Replica(Protocol):
    """What a replay feeds."""

    def apply(self, connection: Connection, events: Sequence[Recorded[Event]]) -> None:
        """See `View`."""


class Inspection:
    """One comparison of everything derived with the journal."""

    def __init__(
        self,
        runner: Runner,
        journal: Journal,
        index: RebuildableIndex,
        pages: PagesFollower,
        clock: Clock,
    ) -> None:
        self._runner = runner
        self._journal = journal
        self._index = index
        self._clock = clock
        self._expected = Expected(pages)
        self._replicas: dict[str, _Replica] = {_INDEX: self._expected}
        self._views: dict[str, View] = {}
        self._reached: dict[str, int] = {}

    def findings(self) -> Iterator[Finding]:
        """Everything that is not as a replay would make it."""
        end = self._journal.position()
        positions = yield from self._positions(end)
        with scratch() as memory:
            for name in self._runner.models:
                view = self._runner.models[name].build(f"{_REPLICA}{name}_")
                view.metadata.create_all(memory)
                self._views[name] = self._replicas[name] = view
            self._reached = dict.fromkeys(positions, 0)
            yield from self._replay(memory, positions)
            for name in self._runner.models:
                if name in positions:
                    yield from self._compare_view(memory, name)
            if _INDEX in positions:
                yield from self._compare_index(memory)

    # ------------------------------------------------------------ positions

    def _positions(self, end: int) -> Generator[Finding, None, dict[str, int]]:
        """How far everything is, without what cannot be read or is ahead of the journal."""
        found: dict[str, int] = {}
        for name in (*self._runner.models, _INDEX):
            try:
                position = self._settled(name, end)
            except ArchiveError as exc:
                yield Finding("view-unreadable", name, exc.code)
                continue
            if position < end:
                yield Finding("view-behind", name, f"{position} < {end}")
            if position > self._journal.position():
                yield Finding("view-ahead", name, f"{position} > {self._journal.position()}")
            else:
                found[name] = position
        return found

    def _settled(self, name: str, end: int) -> int:
        waited = 0.0
        while (position := self._position(name)) < end and waited < _GRACE_SECONDS:
            self._clock.wait(_STEP_SECONDS)
            waited += _STEP_SECONDS
        return position

    def _position(self, name: str) -> int:
        if name == _INDEX:
            return self._index.position()
        with self._runner.reading(name) as (_, _, generation):
            return generation.position

    # ------------------------------------------------------------ replaying

    def _replay(self, memory: Connection, goals: Mapping[str, int]) -> Iterator[Finding]:
        """Brings each replica to its goal, reading every event once for all of them."""
        while behind := [name for name, goal in goals.items() if self._reached[name] < goal]:
            after = min(self._reached[name] for name in behind)
            try:
                events = self._journal.follow(after, BATCH)
                for name in behind:
                    self._feed(memory, name, events, goals[name])
            except IntegrityError as exc:
                yield Finding("replay-stopped", f"journal:{after}", exc.code)
                return
            except AssertionError:  # A stream that does not begin with its first event.
                yield Finding("replay-stopped", f"journal:{after}", "stream-incomplete")
                return
            if not events:
                return

    def _feed(
        self, memory: Connection, name: str, events: Sequence[Recorded[Event]], goal: int
    ) -> None:
        fresh = [one for one in events if self._reached[name] < one.position <= goal]
        if fresh:
            self._replicas[name].apply(memory, fresh)
        if events:
            self._reached[name] = min(events[-1].position, goal)

    # ------------------------------------------------------------ comparing

    def _compare_view(self, memory: Connection, name: str) -> Iterator[Finding]:
        try:
            with self._runner.reading(name) as (connection, view, generation):
                yield from self._replay(memory, {name: generation.position})
                if self._reached[name] != generation.position:
                    return
                # An erasure behind this position empties the replica before it empties the view.
                lenient = self._journal.position() > generation.position
                pairs = zip(
                    view.metadata.sorted_tables,
                    self._views[name].metadata.sorted_tables,
                    strict=True,
                )
                for table, replica in pairs:
                    wrong = _differences(connection, table, memory, replica, lenient=lenient)
                    short = replica.name.removeprefix(f"{_REPLICA}{name}_")
                    yield from _listed("view-differs", f"{name}:{short}", wrong)
        except UnavailableError as exc:
            yield Finding("view-unreadable", name, exc.code)

    def _compare_index(self, memory: Connection) -> Iterator[Finding]:
        """Compares all pages while the index stands where the journal ends.

        Behind the end, a page may lawfully be gone already: nobody indexes what is known to have
        been isolated or erased later. Then the position alone is told.
        """
        for _ in range(_ATTEMPTS):
            try:
                position = self._index.position()
                yield from self._replay(memory, {_INDEX: position})
                if self._reached[_INDEX] != position:
                    return
                wrong = list(self._page_differences())
                if self._index.position() == position == self._journal.position():
                    break
            except ArchiveError as exc:
                yield Finding("view-unreadable", _INDEX, exc.code)
                return
        else:
            return
        for kind in sorted({kind for kind, _ in wrong}):
            yield from _listed(kind, _INDEX, (where for found, where in wrong if found == kind))

    def _page_differences(self) -> Iterator[tuple[str, str]]:
        expected = self._expected.pages()
        for found in self._index.inspect_pages():
            wanted = expected.pop((found.record, found.page), None)
            if wanted is None:
                yield "index-page-unknown", f"{found.record}/{found.page}"
            elif wanted != digest_of(found):
                yield "index-page-differs", f"{found.record}/{found.page}"
        for record, page in expected:
            yield "index-page-missing", f"{record}/{page}"


def _differences(
    live: Connection, table: Table, memory: Connection, replica: Table, *, lenient: bool
) -> Iterator[str]:
    """The keys of rows that are not the same in both; nothing personal is in a key."""
    if lenient and table.info.get("from_bytes"):
        return
    width = len(replica.primary_key.columns)
    masked = [lenient and is_personal(column) for column in replica.columns]
    expected = {tuple(row[:width]): tuple(row) for row in memory.execute(replica.select())}
    for row in live.execute(table.select()):
        key = tuple(row[:width])
        wanted = expected.pop(key, None)
        if wanted is None or any(
            have != want and not (mask and want is None)
            for have, want, mask in zip(row, wanted, masked, strict=True)
        ):
            yield "/".join(str(part) for part in key)
    for key in expected:
        yield "/".join(str(part) for part in key)


def _listed(kind: str, where: str, wrong: Iterator[str]) -> Iterator[Finding]:
    count = 0
    for count, what in enumerate(wrong, 1):
        if count <= _LISTED:
            yield Finding(kind, where, what)
    if count > _LISTED:
        yield Finding(kind, where, f"{count} in all")
