"""The read model `work`: what is to be read, confirmed, looked at or judged. Nothing personal.

An item lasts from the event that opened it to the one that settled it. A record that is isolated,
erased, absorbed or withdrawn, or whose dossier is erased, has none but its incident.
"""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

from sqlalchemy import BigInteger, Boolean, Column, Connection, Integer, MetaData, String, Table

from domain.agency import AgencyEvent
from domain.agents import AgentEvent
from domain.archive import ArchiveFounded
from domain.arrangement import (
    PagesArranged,
    RecordAbsorbed,
    RecordMerged,
    RecordMoved,
    RecordSplit,
    RecordWithdrawn,
)
from domain.attestation import CheckpointAttested
from domain.dossier import (
    DossierClosed,
    DossierCorrected,
    DossierErased,
    DossierOpened,
    DossierRecordAdded,
    DossierRecordRemoved,
    DossierRestricted,
)
from domain.erasure import (
    ErasureAnsweredByRestriction,
    ErasureApproved,
    ErasureCompleted,
    ErasureRefused,
    ErasureRequested,
)
from domain.events import Event, Recorded
from domain.hold import HoldLifted, HoldPlaced, LockLapsed, LockRestored
from domain.keyring import KeyCompromised, LogEnded, LogKeyIntroduced, SystemKeyIntroduced
from domain.procedure import ProcedureEvent
from domain.reads import ReadsRecorded
from domain.record import (
    ReadingAskedAgain,
    ReadingFailed,
    RecordConfirmed,
    RecordCorrected,
    RecordDescribed,
    RecordErased,
    RecordIsolated,
    RecordRead,
    RecordRegistered,
    RecordSplitOff,
    RepresentationAdded,
    SignaturesInspected,
    SignaturesJudged,
)
from domain.scanning import BatchOpened, ScanDuplicated, ScanReceived, ScanRefused
from domain.searches import SearchAttested
from domain.values import Digest, Kind
from infrastructure.views.rows import Row, Rows, Sets, of_kind
from infrastructure.views.times import Instant

VERSION = 3
READ, CONFIRM, LOOK = "read", "confirm", "look"
INCIDENT = "incident"
"""An isolated record: on no list of work, on the administrator's list of incidents alone."""
PENDING, FAILED, STUCK = "pending", "failed", "stuck"
SEEN_ELSEWHERE = "same-bytes-elsewhere"
PAGES_UNREAD = "pages-unread"
LOCK_LAPSED = "lock-lapsed"
_SCAN, _READING, _LOCK = "scan", "reading", "lock"
"""What warned: a new reading takes back what an earlier reading said, never what the scan said."""


class WorkView:
    """One generation of the work list's tables."""

    def __init__(self, prefix: str) -> None:
        self.metadata = MetaData()
        self.dossiers = Table(
            f"{prefix}dossiers",
            self.metadata,
            Column("id", String, primary_key=True),
            Column("code", String),
            Column("receiving", String),
            Column("deciding", String),
            Column("erased", Boolean, nullable=False),
        )
        self.records = Table(
            f"{prefix}records",
            self.metadata,
            Column("id", String, primary_key=True),
            Column("dossier", String, index=True),
            Column("confirmed", Boolean, nullable=False),
            Column("gone", Boolean, nullable=False),
        )
        self.items = Table(
            f"{prefix}items",
            self.metadata,
            Column("record", String, primary_key=True),
            Column("task", String, primary_key=True),
            Column("warning", String, primary_key=True),
            Column("origin", String, nullable=False),
            Column("state", String, nullable=False),
            Column("reason", String),
            Column("attempts", Integer, nullable=False),
            Column("since", Instant, nullable=False),
            Column("position", BigInteger, nullable=False, index=True),
        )

        self.judged = Table(
            f"{prefix}judged",
            self.metadata,
            Column("record", String, primary_key=True),
            Column("source", String, primary_key=True),
            Column("anchors", String, nullable=False, index=True),
        )

    def prepare(self, events: Sequence[Recorded[Event]]) -> None:
        """See `View`; the events say everything."""

    def apply(self, connection: Connection, events: Sequence[Recorded[Event]]) -> None:
        """See `View`."""
        _Batch(self, connection, events).apply(events)


_NO_DOSSIER: Mapping[str, Any] = {
    "code": None,
    "receiving": None,
    "deciding": None,
    "erased": False,
}
_NO_RECORD: Mapping[str, Any] = {"dossier": None, "confirmed": False, "gone": False}


_BEGINNINGS = (RecordRegistered, RecordSplitOff)


class _Batch:
    """The rows that some events touch."""

    def __init__(
        self, view: WorkView, connection: Connection, events: Sequence[Recorded[Event]]
    ) -> None:
        touched = {recorded.stream for recorded in events}
        touched |= {one.event.record for one in events if isinstance(one.event, ScanReceived)}
        touched |= {one.event.dossier for one in events if isinstance(one.event, _BEGINNINGS)}
        erased = {one.stream for one in events if isinstance(one.event, DossierErased)}
        if erased:
            of_erased = view.records.select().where(view.records.c.dossier.in_(erased))
            touched |= {row.id for row in connection.execute(of_erased)}
        records = of_kind(Kind.RECORD, touched)
        self._dossiers = Rows(
            connection, view.dossiers, of_kind(Kind.DOSSIER, touched), _NO_DOSSIER
        )
        self._records = Rows(connection, view.records, records, _NO_RECORD)
        self._items = Sets(connection, view.items, view.items.c.record, records)
        self._judged = Sets(connection, view.judged, view.judged.c.record, records)

    def apply(self, events: Sequence[Recorded[Event]]) -> None:
        for recorded in events:
            self._apply(recorded)
        self._dossiers.write()
        self._records.write()
        self._items.write()
        self._judged.write()

    def _apply(self, recorded: Recorded[Event]) -> None:
        stream, event = recorded.stream, recorded.event
        if isinstance(event, AgencyEvent | AgentEvent | ProcedureEvent):
            return  # They speak of no record.
        match event:
            case DossierOpened():
                self._dossiers.change(
                    stream, code=event.code, receiving=event.receiving, deciding=event.deciding
                )
            case DossierErased():
                self._dossiers.change(stream, erased=True)
                for record in self._records.having("dossier", stream):
                    self._go(record)
            case RecordRegistered():
                self._begin(stream, event.dossier)
                self._open(recorded, stream, READ if event.original else CONFIRM)
            case RecordSplitOff():
                self._begin(stream, event.dossier)
                self._open(recorded, stream, READ)
            case PagesArranged() | RecordSplit() | RecordMerged():
                self._records.change(stream, confirmed=False)
                self._settle(stream, READ, CONFIRM)
                self._settle(stream, LOOK, origin=_READING)
                self._settle(stream, LOOK, origin=_LOCK)
                self._open(recorded, stream, READ)
            case RecordAbsorbed() | RecordWithdrawn() | RecordErased():
                self._go(stream)
            case RecordMoved():
                self._records.change(stream, dossier=event.dossier)
            case RecordRead():
                self._settle(stream, READ)
                self._settle(stream, LOOK, origin=_READING)
                self._open(recorded, stream, CONFIRM)
                for warning in ((PAGES_UNREAD,) if event.unread else ()) + event.warnings:
                    self._warn(recorded, stream, warning, _READING)
            case ReadingFailed():
                self._fail(recorded, stream, event)
            case ReadingAskedAgain():
                self._settle(stream, CONFIRM)  # Until it is known what the reading brings.
                for row in self._items.of(stream):
                    if row["task"] == READ:
                        changed = {"state": PENDING, "reason": None, "attempts": 0}
                        self._items.put(row | changed)
            case RecordConfirmed():
                self._records.change(stream, confirmed=True)
                self._settle(stream, CONFIRM, LOOK)
            case LockLapsed():
                self._add(recorded, stream, LOOK, warning=LOCK_LAPSED, origin=_LOCK)
            case LockRestored():
                self._settle(stream, LOOK, origin=_LOCK)
            case RecordIsolated():
                self._add(recorded, stream, INCIDENT, warning=event.ground.value, origin="")
                self._go(stream)
            case SignaturesInspected():
                self._judge(stream, event.source, "")
            case SignaturesJudged():
                self._judge(stream, event.source, str(event.anchors))
            case ScanReceived():
                for warning in ((SEEN_ELSEWHERE,) if event.seen_elsewhere else ()) + event.warnings:
                    self._warn(recorded, event.record, warning, _SCAN)
            case (
                ArchiveFounded()
                | BatchOpened()
                | DossierClosed()
                | DossierCorrected()
                | DossierRecordAdded()
                | DossierRecordRemoved()
                | DossierRestricted()
                | ErasureAnsweredByRestriction()
                | ErasureApproved()
                | ErasureCompleted()
                | ErasureRefused()
                | ErasureRequested()
                | HoldLifted()
                | HoldPlaced()
                | LogEnded()
                | LogKeyIntroduced()
                | SystemKeyIntroduced()
                | KeyCompromised()
                | CheckpointAttested()
                | SearchAttested()
                | ReadsRecorded()
                | RecordCorrected()
                | RecordDescribed()
                | RepresentationAdded()
                | ScanDuplicated()
                | ScanRefused()
            ):
                pass  # These neither make work nor settle it.
            case _:
                assert_never(event)

    def _go(self, record: str) -> None:
        """Nothing is to be done about the record any more."""
        self._records.change(record, gone=True)
        self._settle(record, READ, CONFIRM, LOOK)
        self._judged.keep(record, ())

    def _judge(self, record: str, source: Digest, anchors: str) -> None:
        """By which anchors an original was judged last; none yet: the empty text."""
        row = self._records.get(record)
        if row is None or not row["gone"]:
            self._judged.put({"record": record, "source": str(source), "anchors": anchors})

    def _begin(self, record: str, dossier: str) -> None:
        row = self._dossiers.get(dossier)
        self._records.change(record, dossier=dossier, gone=row is not None and row["erased"])

    def _fail(self, recorded: Recorded[Event], record: str, event: ReadingFailed) -> None:
        """The item keeps its age: it was opened when the record was registered."""
        for row in self._items.of(record):
            if row["task"] == READ:
                state = STUCK if event.final else FAILED
                changed = {"state": state, "reason": event.reason, "attempts": event.attempt}
                self._items.put(row | changed)
        if event.final:
            self._open(recorded, record, CONFIRM)  # A person may still vouch for it.

    def _open(self, recorded: Recorded[Event], record: str, task: str) -> None:
        """Adds an item unless it is open or the record needs none."""
        row = self._records.get(record)
        if task != READ and row is not None and row["confirmed"]:
            return
        self._add(recorded, record, task, warning="", origin="")

    def _warn(self, recorded: Recorded[Event], record: str, warning: str, origin: str) -> None:
        row = self._records.get(record)
        if row is None or not row["confirmed"]:
            self._add(recorded, record, LOOK, warning=warning, origin=origin)

    def _add(
        self, recorded: Recorded[Event], record: str, task: str, *, warning: str, origin: str
    ) -> None:
        row = self._records.get(record)
        if row is not None and row["gone"]:
            return
        if any((one["task"], one["warning"]) == (task, warning) for one in self._items.of(record)):
            return
        item: Row = {
            "record": record,
            "task": task,
            "warning": warning,
            "origin": origin,
            "state": PENDING,
            "reason": warning or None,
            "attempts": 0,
            "since": recorded.at,
            "position": recorded.position,
        }
        self._items.put(item)

    def _settle(self, record: str, *tasks: str, origin: str | None = None) -> None:
        rest = [
            row
            for row in self._items.of(record)
            if row["task"] not in tasks or (origin is not None and row["origin"] != origin)
        ]
        self._items.keep(record, rest)
