"""What a scanning station sees: the batches of a dossier or of a day, and how far each file is.

It only reads. How far a file is comes from the signed events of its batch, the work list, the
progress of the reading and the position of the index.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from domain.access import Action
from domain.agents import Actor
from domain.archive import ArchiveFounded
from domain.dossier import Dossier
from domain.errors import NotFoundError, UnavailableError
from domain.events import Event, Recorded
from domain.papers import PageState
from domain.scanning import Batch, BatchOpened, ScanDuplicated, ScanReceived, ScanRefused
from domain.services import Archive, Request
from domain.services.deciding import (
    VIETNAM,
    load,
    permit,
    permit_on,
    require_seen,
    resolve,
    resource_of,
    today,
)
from domain.services.retrieval import manifest_of
from domain.values import Digest, EventId, FileObject, Kind, StreamId
from domain.views import RecordRow, WorkItem

_BATCHES_SHOWN = 12
"""Of a dossier: as many as a screen can hold; the dossier's own page lists every record."""
_BATCHES_OF_A_DAY = 40
_FOLLOWED_WITHIN = timedelta(seconds=10)
"""So long a view may need to know of a file; what it does not list then has left the dossier."""
_PAGE_WARNINGS = frozenset({"low-resolution", "pages-unread"})
"""Warnings of which the report of the reading says which page they mean."""
_LOW_DPI = 200


class FileState(StrEnum):
    """How far a file is."""

    RECEIVED = "received"
    READING = "reading"
    STORED = "stored"
    """Read, the derivatives are stored; the index has not followed yet."""
    SEARCHABLE = "searchable"
    RETRIED = "retried"
    """A reading failed and another one follows."""
    STUCK = "stuck"
    """A reading failed and none follows by itself."""
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    GONE = "gone"
    """Received, and since then taken out of the dossier by a decision."""


WAITING = frozenset({FileState.RECEIVED, FileState.READING, FileState.STORED, FileState.RETRIED})
"""Files of which more is to come by itself."""
KEPT = WAITING | {FileState.SEARCHABLE, FileState.STUCK, FileState.GONE}
"""Files that have a receipt of their own."""


@dataclass(frozen=True)
class PageSeen:
    """A page of which the reading said something that a person should know."""

    n: int
    state: PageState
    dpi: int | None
    """Where it is below the norm, else None."""


@dataclass(frozen=True)
class FileSeen:
    """One file that a station sent."""

    event: EventId
    """The signed fact of its arrival or refusal."""
    at: datetime
    state: FileState
    name: str | None
    """The name at the station; None when it was erased or must not be seen any more."""
    record: StreamId | None = None
    reason: str | None = None
    """The code of a refusal or of a failed reading."""
    pages: int = 0
    read: int = 0
    """Pages that were read so far, while it is being read."""
    size: int = 0
    warnings: tuple[str, ...] = ()
    odd_pages: tuple[PageSeen, ...] = ()
    confirmed: bool = False


@dataclass(frozen=True)
class BatchSeen:
    """What a station declared at once and what became of it."""

    batch: Batch
    at: datetime
    by: Actor
    files: tuple[FileSeen, ...] = ()

    @property
    def complete(self) -> bool:
        """True when every file that was declared arrived, whatever became of it."""
        return len(self.files) >= self.batch.files_declared

    @property
    def missing(self) -> int:
        """Sheets that were declared and for which no page came, however they were scanned."""
        return max((self.batch.sheets_declared or 0) - self.batch.pages, 0)

    @property
    def extra(self) -> int:
        """Pages beyond both sides of every declared sheet."""
        declared = self.batch.sheets_declared
        return max(self.batch.pages - 2 * declared, 0) if declared is not None else 0


@dataclass(frozen=True)
class Seen:
    """A dossier at the station."""

    dossier: Dossier
    batches: tuple[BatchSeen, ...]
    """The newest first."""
    position: int
    """The journal position up to which at least it is true."""

    @property
    def files(self) -> Sequence[FileSeen]:
        """Every file of every batch."""
        return [file for batch in self.batches for file in batch.files]

    @property
    def sheets(self) -> int:
        """Sheets that were declared."""
        return sum(each.batch.sheets_declared or 0 for each in self.batches)

    @property
    def received(self) -> int:
        """Pages with a receipt."""
        return sum(file.pages for file in self.files if file.state in KEPT)

    @property
    def read(self) -> int:
        """Pages that were read."""
        done = {FileState.STORED, FileState.SEARCHABLE}
        return sum(f.pages if f.state in done else f.read for f in self.files)

    @property
    def to_look_at(self) -> int:
        """Files that a person must look at before anything goes on, and pages that are bad."""
        return sum(
            len(file.odd_pages)
            or file.state in (FileState.STUCK, FileState.REFUSED)
            or (bool(file.warnings) and not file.confirmed)
            for file in self.files
        )

    @property
    def waiting(self) -> Sequence[StreamId]:
        """Records of which more is to come by itself."""
        return [f.record for f in self.files if f.record is not None and f.state in WAITING]


# ---------------------------------------------------------------- finding a dossier


def find_dossier(archive: Archive, request: Request, typed: str) -> StreamId:
    """The dossier that a person typed or a wedge scanner sent: its code, its identity, or an
    address of ours with one of them. NotFoundError when there is none that may be seen."""
    for each in _references(typed):
        with suppress(NotFoundError):
            found = resolve(archive, each, Kind.DOSSIER)
            state = load(archive, found).dossier()
            require_seen(archive, request, resource_of(state), state.code)
            return found
    raise NotFoundError(reference=typed[:80])


_SYMBOLOGY = re.compile(r"^\][A-Za-z]\d")
"""What scanners put before a code to say of which kind it is (ISO/IEC 15424)."""
_DASHES = re.compile("[\u2010-\u2015\u2212\ufe63\uff0d]")


def _references(typed: str) -> Iterator[str]:
    text = _DASHES.sub("-", _SYMBOLOGY.sub("", "".join(typed.split())))[:2000]
    if not text.isprintable() or not text:
        return
    yield text
    path = unquote(urlsplit(text).path) if text.startswith(("http://", "https://")) else ""
    parts = [part for part in path.split("/") if part]
    for start in range(1, len(parts)):  # A code may hold a stroke itself.
        yield "/".join(parts[start:])


# ---------------------------------------------------------------- a dossier, a day


def look(archive: Archive, request: Request, target: StreamId) -> Seen:
    """A dossier for which the agent may receive scans, with its last batches."""
    position = archive.journal.position()
    state = load(archive, target).dossier()
    require_seen(archive, request, resource_of(state), state.code)
    permit(archive, request, Action.RECEIVE_SCAN, resource_of(state))
    looking = _Looking(archive, target)
    batches = archive.history.batches(target, limit=_BATCHES_SHOWN)
    return Seen(state, tuple(looking.batch(each) for each in batches), position)


def require_sendable(archive: Archive, request: Request, batch: StreamId) -> None:
    """Raises what `receive` would raise for this batch, before the first byte was sent."""
    state = load(archive, load(archive, batch).batch().dossier).dossier()
    require_seen(archive, request, resource_of(state), batch)
    permit_on(archive, request, Action.RECEIVE_SCAN, state)


@dataclass(frozen=True)
class DayLine:
    """A batch as the list of a day shows it."""

    batch: Batch
    at: datetime
    dossier_code: str


def day_of(archive: Archive, request: Request) -> Sequence[DayLine]:
    """The batches to which the agent sent today, the newest first."""
    begin = datetime.combine(today(archive.clock.now()), time.min, VIETNAM)
    lines = []
    for each in archive.history.batches_since(request.agent.id, begin, limit=_BATCHES_OF_A_DAY):
        loaded = load(archive, each)
        batch = loaded.batch()
        state = load(archive, batch.dossier).dossier()
        with suppress(NotFoundError):  # In another role, or for a dossier that was restricted.
            require_seen(archive, request, resource_of(state), state.code)
            lines.append(DayLine(batch, loaded.events[0].at, state.code))
    return lines


def indexed(archive: Archive) -> int:
    """How far the index is; a broken one has reached nothing and keeps nobody from scanning."""
    try:
        return archive.index.position()
    except UnavailableError:
        return 0


class _Looking:
    """One look at the batches of a dossier; what its files have in common is asked for once."""

    def __init__(self, archive: Archive, dossier: StreamId) -> None:
        self._archive = archive
        # The index first: what it has reached holds for every row that is read after it.
        self._indexed = indexed(archive)
        self._work: dict[tuple[StreamId, str], WorkItem] = {}
        self._warnings: dict[StreamId, tuple[str, ...]] = {}
        for item in archive.work.items(dossier=dossier):
            self._work[item.record, item.task] = item
            if item.task == "look" and item.reason is not None:
                held = self._warnings.get(item.record, ())
                self._warnings[item.record] = (*held, item.reason)
        self._rows: dict[StreamId, RecordRow] = {
            row.id: row for row in archive.catalogue.records(dossier)
        }

    def batch(self, stream: StreamId) -> BatchSeen:
        """A batch with its files."""
        loaded = load(self._archive, stream)
        first = loaded.events[0]
        files = tuple(
            self._file(each) for each in loaded.events if not isinstance(each.event, BatchOpened)
        )
        return BatchSeen(loaded.batch(), first.at, first.by, files)

    def _file(self, recorded: Recorded[Event]) -> FileSeen:
        event = recorded.event
        assert isinstance(event, ScanReceived | ScanDuplicated | ScanRefused)
        name = event.name if isinstance(event.name, str) else None
        if isinstance(event, ScanRefused):
            return FileSeen(recorded.id, recorded.at, FileState.REFUSED, name, reason=event.reason)
        row = self._rows.get(event.record)
        if row is None and self._archive.clock.now() - recorded.at > _FOLLOWED_WITHIN:
            return FileSeen(recorded.id, recorded.at, FileState.GONE, None, event.record)
        if isinstance(event, ScanDuplicated):
            return FileSeen(recorded.id, recorded.at, FileState.DUPLICATE, name, event.record)
        state, reason, read = self._reading(event.record, row)
        warnings = self._warnings.get(event.record, ())
        return FileSeen(
            recorded.id,
            recorded.at,
            state,
            name,
            event.record,
            reason,
            event.pages,
            read,
            event.file.size,
            warnings,
            self._odd_pages(event.record) if _PAGE_WARNINGS.intersection(warnings) else (),
            row is not None and row.confirmed,
        )

    def _reading(
        self, record: StreamId, row: RecordRow | None
    ) -> tuple[FileState, str | None, int]:
        """How far the reading is, why it failed, and how many pages are read so far."""
        item = self._work.get((record, "read"))
        if item is None:
            confirm = self._work.get((record, "confirm"))
            if confirm is None and not (row is not None and row.confirmed):
                return FileState.RECEIVED, None, 0  # The views are about to follow.
            behind = confirm is not None and confirm.position > self._indexed
            return FileState.STORED if behind else FileState.SEARCHABLE, None, 0
        if item.state == "stuck":
            return FileState.STUCK, item.reason, 0
        progress = self._archive.progress.of(record)
        if progress is not None:
            return FileState.READING, None, progress[0]
        return (FileState.RETRIED if item.state == "failed" else FileState.RECEIVED), item.reason, 0

    def _odd_pages(self, record: StreamId) -> tuple[PageSeen, ...]:
        state = load(self._archive, record).record()
        if state.reading is None or state.erased_by is not None:
            return ()
        odd = []
        for page in manifest_of(self._archive, state)["pages"]:
            dpi: int | None = page["dpi"]
            low = dpi if dpi is not None and dpi < _LOW_DPI else None
            reading = PageState(page["state"])
            if low is not None or reading not in (PageState.OK, PageState.EMPTY):
                odd.append(PageSeen(page["n"], reading, low))
        return tuple(odd)


# ---------------------------------------------------------------- the receipt


@dataclass(frozen=True)
class ReceiptSeen:
    """The signed fact that a file arrived, as it is shown and printed for the office."""

    archive: str
    """The archive's name."""
    dossier: Dossier
    batch: Batch
    record: StreamId
    name: str | None
    """None when it was erased."""
    file: FileObject
    pages: int
    declared: Digest | None
    event: EventId
    at: datetime
    by: Actor
    envelope: Digest
    """SHA-256 of the signed bytes."""
    warnings: tuple[str, ...] = field(default=())


def receipt_of(archive: Archive, request: Request, target: StreamId) -> ReceiptSeen:
    """The receipt of the file with which a record came; NotFoundError for one without a file."""
    paper = load(archive, target).record()
    holder = load(archive, paper.dossier).dossier()
    require_seen(archive, request, resource_of(holder, paper), target)
    if paper.batch is None:
        raise NotFoundError(reference=target)
    loaded = load(archive, paper.batch)
    for recorded in loaded.events:
        event = recorded.event
        if isinstance(event, ScanReceived) and event.record == target:
            return ReceiptSeen(
                _name(archive),
                holder,
                loaded.batch(),
                target,
                event.name if isinstance(event.name, str) else None,
                event.file,
                event.pages,
                event.declared,
                recorded.id,
                recorded.at,
                recorded.by,
                recorded.envelope,
                event.warnings,
            )
    raise NotFoundError(reference=target)


def _name(archive: Archive) -> str:
    first = load(archive, StreamId(archive.id)).events[0].event
    assert isinstance(first, ArchiveFounded)
    return first.name
