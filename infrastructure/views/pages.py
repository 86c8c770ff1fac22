"""Feeds the search index: the pages of each record that events touched, at a position.

A record's pages are put anew as a whole: its metadata stands on each of them. What the record
said is loaded from its own stream, so that a batch of many events costs one look at each record.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain import dossier as dossiers
from domain import record as records
from domain.dossier import (
    Dossier,
    DossierErased,
    DossierEvent,
    DossierOpened,
    DossierRestricted,
)
from domain.errors import ConcurrentChangeError, IntegrityError, NotFoundError, UnavailableError
from domain.events import Event, Recorded
from domain.ports import Clock, Journal, ObjectStore
from domain.record import (
    ReadingAskedAgain,
    ReadingFailed,
    Record,
    RecordEvent,
    RecordField,
    RepresentationAdded,
    RepresentationKind,
)
from domain.searching import PageDocument, SearchIndex
from domain.values import Digest, Kind, StreamId, kind_of
from domain.views import Rebuilt

BATCH = 500
"""Events in one look; a commit of the index is dear, so few records make a long batch."""
_RECORDS = 256
"""Records in one commit, which bounds the texts in memory."""
_STEP_SECONDS = 0.1
_BUSY_ATTEMPTS = 100
"""Each waits a step, and the index itself waits a while for its writer."""
_DECISIVE = (DossierOpened, DossierRestricted, DossierErased)
"""Events of a dossier that say what stands on the pages of its records."""
_BUSY = "index-busy"
_DAMAGED = "index-damaged"


class RebuildableIndex(SearchIndex, Protocol):
    """An index that can be built beside itself."""

    def rebuild(self) -> AbstractContextManager[SearchIndex]:
        """An empty index to fill: what searches find at the end of the block, or dropped."""

    def aside(self) -> AbstractContextManager[SearchIndex]:
        """An empty index to fill and to ask, dropped at the end of the block."""


@dataclass(frozen=True)
class _Touched:
    """The records whose pages must be put anew to come to a position."""

    position: int
    records: frozenset[StreamId]
    dossiers: frozenset[StreamId]
    """Those whose own decisions touch all their records."""
    events: int


class PagesFollower:
    """Brings a search index to the journal's end."""

    def __init__(
        self, journal: Journal, objects: ObjectStore, index: RebuildableIndex, clock: Clock
    ) -> None:
        self._journal = journal
        self._objects = objects
        self._index = index
        self._clock = clock

    def catch_up(self, until: int) -> None:
        """Brings the index to a position, or finds that another process did.

        An index that is damaged, or ahead of the journal (restored from a backup), is rebuilt.
        """
        try:
            if self._index.position() <= self._journal.position():
                self._follow(self._index, until)
                return
        except UnavailableError as exc:
            if exc.code != _DAMAGED:
                raise
        self.rebuild()

    def rebuild(self) -> Rebuilt:
        """Builds the index beside the live one from the first event, then switches to it."""
        began = self._clock.now()
        with self._index.rebuild() as fresh:
            events = self._follow(fresh, self._journal.position())
        # What others added to the former index in the meantime is not lost: it is followed here.
        events += self._follow(self._index, self._journal.position())
        return Rebuilt("index", events, (self._clock.now() - began).total_seconds())

    @contextmanager
    def past(self, position: int) -> Iterator[SearchIndex]:
        """See `Views.past`: built beside the live index from the first event to the position."""
        with self._index.aside() as fresh:
            self._follow(fresh, position, is_gone)
            yield fresh

    def _follow(
        self, index: SearchIndex, until: int, leaves_out: Callable[[Record], bool] | None = None
    ) -> int:
        """Applies batches until the index has reached a position; how many events they held.

        `leaves_out` says of a record as it is now that no page of it is put, whatever was then.
        """
        events = 0
        dossiers_known: dict[StreamId, list[Recorded[Event]]] = {}
        for _ in self._attempts():
            while (after := index.position()) < until:
                touched = self._touched(after, until)
                if touched is None:
                    return events
                for changed in touched.dossiers:
                    dossiers_known.pop(changed, None)
                pages, removed = self._documents(touched, dossiers_known, leaves_out or is_hidden)
                try:
                    index.apply(touched.position, pages, removed)
                except ConcurrentChangeError:
                    continue  # Another process was faster; what is left begins further on.
                except UnavailableError as exc:
                    if exc.code != _BUSY:
                        raise
                    break
                events += touched.events
            else:
                return events
        raise UnavailableError(_BUSY)

    def purge(self) -> None:
        """Leaves no byte of a removed page in the index."""
        for _ in self._attempts():
            try:
                return self._index.purge()
            except UnavailableError as exc:
                if exc.code != _BUSY:
                    raise
        raise UnavailableError(_BUSY)

    def _attempts(self) -> Iterator[None]:
        """Tries as long as another process may be at work on the index."""
        yield
        for _ in range(_BUSY_ATTEMPTS):
            self._clock.wait(_STEP_SECONDS)
            yield

    # ------------------------------------------------------------ which records

    def _touched(self, after: int, until: int) -> _Touched | None:
        """What a batch behind a position touches, up to another one; None where there is none."""
        touched: set[StreamId] = set()
        dossiers_changed: set[StreamId] = set()
        position, count = after, 0
        while len(touched) < _RECORDS:
            events = self._journal.follow(position, min(BATCH, until - position))
            for recorded in events:
                touched |= self._records_of(recorded)
                if isinstance(recorded.event, _DECISIVE):
                    dossiers_changed.add(recorded.stream)
                position, count = recorded.position, count + 1
                if len(touched) >= _RECORDS:
                    break
            if len(events) < BATCH or position >= until:
                break
        if not count:
            return None
        return _Touched(position, frozenset(touched), frozenset(dossiers_changed), count)

    def _records_of(self, recorded: Recorded[Event]) -> set[StreamId]:
        event = recorded.event
        if isinstance(event, DossierRestricted | DossierErased):
            state = dossier_of(self._journal.load(recorded.stream), upto=recorded.position)
            return set(state.records) if state else set()
        if kind_of(recorded.stream) is not Kind.RECORD or not concerns_pages(event):
            return set()
        return {recorded.stream}

    # ------------------------------------------------------------ what they say

    def _documents(
        self,
        touched: _Touched,
        dossiers_known: dict[StreamId, list[Recorded[Event]]],
        leaves_out: Callable[[Record], bool],
    ) -> tuple[list[PageDocument], list[StreamId]]:
        """The pages of the touched records at the position, and the records put or removed.

        Every touched record is removed first, so that none of its former pages stays. Dossiers
        stay known from batch to batch, or a large one would be loaded again for each.
        """
        pages: list[PageDocument] = []
        for stream in sorted(touched.records):
            events = self._journal.load(stream)
            now = record_of(events)
            then = record_of([one for one in events if one.position <= touched.position])
            if now is None or then is None or leaves_out(now):
                continue
            if then.dossier not in dossiers_known:
                loaded = self._journal.load(then.dossier)
                dossiers_known[then.dossier] = [
                    one for one in loaded if isinstance(one.event, _DECISIVE)
                ]
            dossier = dossier_of(dossiers_known[then.dossier], upto=touched.position)
            if dossier is not None:
                pages += documents(then, dossier, self.text)
        return pages, sorted(touched.records)

    def text(self, digest: Digest) -> str:
        """The text under a digest; empty when its bytes are gone or damaged, which verification
        names: the record can still be found by its metadata."""
        try:
            with self._objects.open(digest) as stream:
                return stream.read().decode()
        except (NotFoundError, IntegrityError, UnicodeDecodeError):
            return ""


def concerns_pages(event: Event) -> bool:
    """False for events of a record that change nothing of what the index knows."""
    if isinstance(event, RepresentationAdded):
        return event.representation.kind is RepresentationKind.TEXT
    return not isinstance(event, ReadingFailed | ReadingAskedAgain)


def record_of(events: Sequence[Recorded[Event]]) -> Record | None:
    """The record after its events, None before the first."""
    state: Record | None = None
    for one in events:
        assert isinstance(one.event, RecordEvent)
        state = records.evolve(state, one.stream, one.event)
    return state


def dossier_of(events: Sequence[Recorded[Event]], *, upto: int | None = None) -> Dossier | None:
    """The dossier after its events up to a position, None before the first."""
    state: Dossier | None = None
    for one in events:
        assert isinstance(one.event, DossierEvent)
        if upto is None or one.position <= upto:
            state = dossiers.evolve(state, one.stream, one.event)
    return state


def is_hidden(record: Record) -> bool:
    """True when no page of the record may be found."""
    return (
        record.isolated is not None
        or record.erased_by is not None
        or record.absorbed_into is not None
        or record.withdrawn
    )


def is_gone(record: Record) -> bool:
    """True when no index, not even one of former days, may hold a page of the record any more."""
    return record.isolated is not None or record.erased_by is not None


def documents(
    record: Record, dossier: Dossier, read: Callable[[Digest], str]
) -> list[PageDocument]:
    """The pages of a record as the index takes them, none for one that must not be found.

    A record on paper alone has one page without text, so that its metadata can be found; one
    whose original was not read yet has none.
    """
    text = record.representation(RepresentationKind.TEXT)
    if is_hidden(record) or dossier.erased_by is not None:
        return []
    if text is not None:
        pages = read(text.file.sha256).split("\f")
        if record.reading is not None:  # A form feed may end the last page, too.
            pages = pages[: record.reading.pages]
            pages += [""] * (record.reading.pages - len(pages))
    elif record.original is None:
        pages = [""]
    else:
        return []
    issued_on = _value(record, RecordField.ISSUED_ON)
    return [
        PageDocument(
            record=record.id,
            page=n,
            dossier=dossier.id,
            dossier_code=dossier.code,
            agencies=dossier.agencies,
            title=_value(record, RecordField.SUBJECT),
            code=record.code,
            type_name=_value(record, RecordField.TYPE_NAME),
            issued_on=_day(issued_on),
            organ=_value(record, RecordField.ORGAN),
            confirmed=record.confirmed,
            text=page,
            restricted=dossier.restricted_by is not None,
            signatures=record.signature_verdicts,
        )
        for n, page in enumerate(pages, start=1)
    ]


def _value(record: Record, name: RecordField) -> str:
    value = record.metadata.get(name)
    return value if isinstance(value, str) else ""


def _day(text: str) -> date | None:
    """A stored value loads even if today's rules would refuse it."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
