"""Comparing with the paper: the queue, what was declared against what came, one record at a time.

What a person decides about a record holds for what the screen showed: `as_seen` refuses it once
somebody else changed the record, so that page numbers never mean other pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from domain import access
from domain.access import Action
from domain.errors import ConcurrentChangeError
from domain.events import Change, Event, Recorded
from domain.ports import Answer, Command, Journal
from domain.record import Record
from domain.searching import SearchScope
from domain.services import Archive, Request, retrieval
from domain.services.deciding import load, permit_on, today, tree
from domain.values import StreamId
from domain.views import RecordRow

A_PAGE = 15
_BATCHES = 12


@dataclass(frozen=True)
class Compared:
    """What stations declared for a dossier and what is there; None where nobody declared it."""

    sheets: int | None
    pages: int
    """Pages that came in the batches whose sheets were declared."""
    documents: int | None
    records: int
    """Scanned records that the dossier has now."""

    @property
    def missing(self) -> int:
        """Declared sheets for which no page came, however they were scanned."""
        return max((self.sheets or 0) - self.pages, 0)

    @property
    def extra(self) -> int:
        """Pages beyond both sides of every declared sheet."""
        return max(self.pages - 2 * self.sheets, 0) if self.sheets is not None else 0

    @property
    def differs(self) -> bool:
        """True when a person should count again."""
        wrong = self.documents is not None and self.documents != self.records
        return bool(self.missing or self.extra or wrong)


@dataclass(frozen=True)
class Group:
    """A dossier with those of its records that wait, as far as the page of the queue holds them."""

    dossier: StreamId
    code: str
    compared: Compared
    rows: Sequence[RecordRow]
    warnings: Mapping[StreamId, tuple[str, ...]]
    reading: frozenset[StreamId]
    """Records that are being read, or wait for it."""


@dataclass(frozen=True)
class Queue:
    """One page of what waits for a person's word, the oldest first."""

    groups: Sequence[Group]
    after: StreamId | None
    """Where the next page begins; None on the last one."""


def queue(archive: Archive, request: Request, *, after: StreamId | None = None) -> Queue:
    """What waits in the agencies for which the agent may confirm."""
    scope = _scope(archive, request)
    if not scope.agencies:
        return Queue((), None)
    rows = archive.catalogue.unconfirmed(scope, after=after, limit=A_PAGE + 1)
    shown, more = rows[:A_PAGE], len(rows) > A_PAGE
    held: dict[StreamId, list[RecordRow]] = {}
    for row in shown:
        held.setdefault(row.dossier, []).append(row)
    groups = [_group(archive, dossier, waiting) for dossier, waiting in held.items()]
    return Queue(groups, shown[-1].id if more else None)


def _scope(archive: Archive, request: Request) -> SearchScope:
    reading = retrieval.search_scope(archive, request)
    day = today(archive.clock.now())
    able = access.scope(request.agent, Action.CONFIRM, tree=tree(archive), on=day)
    return replace(reading, agencies=reading.agencies & able.agencies)


def _group(archive: Archive, dossier: StreamId, rows: Sequence[RecordRow]) -> Group:
    reading, warnings = work_of(archive, dossier)
    code = load(archive, dossier).dossier().code
    return Group(dossier, code, compare(archive, dossier), rows, warnings, frozenset(reading))


def work_of(
    archive: Archive, dossier: StreamId
) -> tuple[Mapping[StreamId, str], Mapping[StreamId, tuple[str, ...]]]:
    """Of the records of a dossier: the state of a reading that has not ended, and the warnings."""
    reading: dict[StreamId, str] = {}
    warnings: dict[StreamId, tuple[str, ...]] = {}
    for item in archive.work.items(dossier=dossier):
        if item.task == "read":
            reading[item.record] = item.state
        elif item.task == "look" and item.reason is not None:
            warnings[item.record] = (*warnings.get(item.record, ()), item.reason)
    return reading, warnings


def compare(archive: Archive, dossier: StreamId) -> Compared:
    """What the last batches of a dossier declared, against what is there."""
    streams = archive.history.batches(dossier, limit=_BATCHES)
    batches = [load(archive, each).batch() for each in streams]
    counted = [each for each in batches if each.sheets_declared is not None]
    named = [each.documents_declared for each in batches if each.documents_declared is not None]
    whole = len(named) == len(batches) and len(batches) < _BATCHES
    scanned = [row for row in archive.catalogue.records(dossier) if row.original is not None]
    return Compared(
        sum(each.sheets_declared or 0 for each in counted) if counted else None,
        sum(each.pages for each in counted),
        sum(named) if named and whole else None,
        len(scanned),
    )


# ---------------------------------------------------------------- one record after the other


def permit_confirming(archive: Archive, request: Request, target: StreamId) -> Record:
    """The record, for who may confirm it; NotFoundError, NotPermittedError."""
    paper = load(archive, target).record()
    permit_on(archive, request, Action.CONFIRM, load(archive, paper.dossier).dossier(), paper)
    return paper


def first_of(
    archive: Archive, request: Request, dossier: StreamId, *, after: StreamId | None = None
) -> StreamId | None:
    """The record of a dossier that comes next behind `after` and waits, else the first of them
    that waits; None when a person vouched for each."""
    permit_on(archive, request, Action.CONFIRM, load(archive, dossier).dossier())
    rows = archive.catalogue.records(dossier)
    ids = [row.id for row in rows]
    start = ids.index(after) + 1 if after in ids else 0
    waiting = [
        row.id
        for row in (*rows[start:], *rows[:start])
        if not row.confirmed and row.erased_by is None and row.id != after
    ]
    return waiting[0] if waiting else None


def next_of(
    archive: Archive, request: Request, done: StreamId, dossier: StreamId
) -> StreamId | None:
    """Where to go on after a record of a dossier: in the same dossier, else in the queue."""
    here = first_of(archive, request, dossier, after=done)
    scope = _scope(archive, request)
    if here is not None or not scope.agencies:
        return here
    rows = archive.catalogue.unconfirmed(scope, limit=2)
    return next((row.id for row in rows if row.id != done), None)


def as_seen(archive: Archive, target: StreamId, version: int) -> Archive:
    """The archive for a decision about a record that somebody saw at a version: what loads the
    record later raises ConcurrentChangeError("record-changed-meanwhile")."""
    return replace(archive, journal=cast(Journal, _AsSeen(archive.journal, target, version)))


class _AsSeen:
    """A journal in front of a journal, until the decision is appended. A decision is made on what
    `load` gave and appended at that version or made again, so nothing slips in between."""

    def __init__(self, journal: Journal, target: StreamId, version: int) -> None:
        self._journal = journal
        self._target = target
        self._version = version
        self._done = False

    def load(self, stream: StreamId) -> tuple[Recorded[Event], ...]:
        """See the port."""
        events = self._journal.load(stream)
        held = stream == self._target and not self._done
        if held and events and len(events) != self._version:
            raise ConcurrentChangeError("record-changed-meanwhile")
        return events

    def answered(self, command: Command) -> Answer | None:
        """See the port. The second click on a form gets the first answer."""
        answer = self._journal.answered(command)
        self._done = answer is not None
        return answer

    def append(self, changes: Sequence[Change], **more: Any) -> Answer:
        """See the port."""
        answer = self._journal.append(changes, **more)
        self._done = True
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)
