"""The read model `catalogue`: agencies, agents, dossiers and records as lists need them.

Personal columns are empty after an erasure. What an erased record still refers to are the bytes
that stay until their lawful disposal (original, PDF/A, the report of its reading).
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, assert_never

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Date,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    and_,
)

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
    DossierField,
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
from domain.errors import IntegrityError, NotFoundError
from domain.events import Event, Recorded
from domain.hold import HoldLifted, HoldPlaced, LockLapsed, LockRestored
from domain.keyring import KeyCompromised, LogEnded, LogKeyIntroduced, SystemKeyIntroduced
from domain.ports import ObjectStore
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
    RepresentationKind,
    SignaturesInspected,
    SignaturesJudged,
)
from domain.scanning import BatchOpened, ScanDuplicated, ScanReceived, ScanRefused
from domain.searches import SearchAttested
from domain.values import Digest, FileObject, Kind
from infrastructure.views.register import RegisterBatch, RegisterTables
from infrastructure.views.rows import Rows, Sets, of_kind, personal, plain

VERSION = 5
_DESCRIBED = ("number", "notation", "type_name", "issued_on", "subject")
_METADATA = (*_DESCRIBED, "paper_location")
"""Fields of a record that lists show, by the names of their columns and of the events' fields."""
_WORST_FIRST = (
    "broken",
    "changed-after-signing",
    "revoked",
    "unreadable",
    "unknown-algorithm",
    "weak-algorithm",
    "unknown-issuer",
    "expired",
    "unclear",
    "no-anchors",
    "intact",
    "valid",
)
"""What a list says of several signatures is what the worst of them is."""
ORIGINAL = RepresentationKind.ORIGINAL.value
_MANIFEST = "manifest"
_SEGMENT = "segment"
_NAMED = "named"
"""Bytes that a manifest of the record names: the thumbnails of its pages."""
_GO_WITH_ERASURE = frozenset(
    {
        RepresentationKind.TEXT.value,
        RepresentationKind.WORDS.value,
        RepresentationKind.THUMBNAILS.value,
        _NAMED,
    }
)
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class Manifests:
    """Which bytes a manifest names. Manifests never change, so an answer may be kept."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self.named = lru_cache(maxsize=4096)(self._named)

    def _named(self, manifest: Digest) -> frozenset[str]:
        """Every SHA-256 that stands in the manifest as `sha256:<hex>`.

        Nothing when its bytes are gone or damaged: verification names that, lists go on.
        """
        try:
            with self._objects.open(manifest) as stream:
                said = json.loads(stream.read())
        except (NotFoundError, IntegrityError, ValueError):
            return frozenset()
        return frozenset(_digests(said))


def _digests(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if found := _SHA256.fullmatch(value):
            yield f"sha256:{found[1]}"
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _digests(item)


class CatalogueView:
    """One generation of the catalogue's tables."""

    def __init__(self, prefix: str, manifests: Manifests) -> None:
        self.metadata = MetaData()
        self.register = RegisterTables(prefix, self.metadata)
        self.dossiers = Table(
            f"{prefix}dossiers",
            self.metadata,
            Column("id", String, primary_key=True),
            Column("code", String),
            Column("kind", String),
            personal("title"),
            Column("receiving", String),
            Column("deciding", String, index=True),
            Column("opened_on", Date),
            Column("closed", Boolean, nullable=False),
            Column("restricted", Boolean, nullable=False),
            Column("erased_by", String),
            Column("procedure", String),
        )
        dossiers = self.dossiers.c
        Index(f"{prefix}dossiers_newest", dossiers.opened_on, dossiers.id)
        # Counting reads this alone: no title, and the rows of an agency stand together.
        Index(
            f"{prefix}dossiers_counted",
            dossiers.receiving,
            dossiers.deciding,
            dossiers.opened_on,
            dossiers.procedure,
            dossiers.kind,
            dossiers.restricted,
            dossiers.closed,
        )
        self.records = Table(
            f"{prefix}records",
            self.metadata,
            Column("id", String, primary_key=True),
            Column("dossier", String),
            Column("ordinal", Integer),
            *(personal(name) for name in _METADATA),
            Column("original", String, index=True),
            Column("pages", Integer),
            Column("signatures", String),
            Column("confirmed", Boolean, nullable=False),
            Column("isolated", Boolean, nullable=False),
            Column("listed", Boolean, nullable=False),
            Column("erased_by", String),
        )
        Index(f"{prefix}records_of", self.records.c.dossier, self.records.c.ordinal)
        queue = waiting(self.records)
        Index(f"{prefix}records_waiting", self.records.c.id, sqlite_where=queue)
        self.references = Table(
            f"{prefix}references",
            self.metadata,
            Column("digest", String, primary_key=True),
            Column("holder", String, primary_key=True, index=True),
            Column("role", String, primary_key=True),
            sqlite_with_rowid=False,
            info={"from_bytes": True},  # Its manifests may be gone when it is replayed.
        )
        self.signatures = Table(
            f"{prefix}signatures",
            self.metadata,
            Column("record", String, primary_key=True),
            Column("source", String, primary_key=True),
            Column("verdict", String),
            sqlite_with_rowid=False,
        )
        self._manifests = manifests

    def prepare(self, events: Sequence[Recorded[Event]]) -> None:
        """Reads the manifests that these events name, which may lie on another machine."""
        for recorded in events:
            for manifest in _manifests_of(recorded.event):
                self._manifests.named(manifest)

    def apply(self, connection: Connection, events: Sequence[Recorded[Event]]) -> None:
        """See `View`."""
        _Batch(self, self._manifests, connection, events).apply(events)


def waiting(records: Table) -> ColumnElement[bool]:
    """Records that wait for a person's word: in a list, not vouched for, not erased."""
    columns = records.c
    return and_(columns.confirmed.is_(False), columns.listed.is_(True), columns.erased_by.is_(None))


def _manifests_of(event: Event) -> Sequence[Digest]:
    """The manifests in an event that list bytes of a record."""
    match event:
        case RecordRead():
            return (event.manifest.sha256,)
        case RepresentationAdded() if event.representation.kind is RepresentationKind.THUMBNAILS:
            return (event.representation.file.sha256,)
        case _:
            return ()


def _worst(verdicts: Collection[str | None]) -> str | None:
    return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), None)


_NO_DOSSIER: Mapping[str, Any] = {
    "code": None,
    "kind": None,
    "title": None,
    "receiving": None,
    "deciding": None,
    "opened_on": None,
    "closed": False,
    "restricted": False,
    "erased_by": None,
    "procedure": None,
}
_NO_RECORD: Mapping[str, Any] = {
    "dossier": None,
    "ordinal": None,
    **dict.fromkeys(_METADATA),
    "original": None,
    "pages": None,
    "signatures": None,
    "confirmed": False,
    "isolated": False,
    "listed": True,
    "erased_by": None,
}


class _Batch:
    """The rows that some events touch."""

    def __init__(
        self,
        view: CatalogueView,
        manifests: Manifests,
        connection: Connection,
        events: Sequence[Recorded[Event]],
    ) -> None:
        streams = {recorded.stream for recorded in events}
        named = {
            recorded.event.record
            for recorded in events
            if isinstance(recorded.event, ScanReceived | DossierRecordAdded)
        }
        dossiers, records = of_kind(Kind.DOSSIER, streams), of_kind(Kind.RECORD, streams | named)
        self._register = RegisterBatch(view.register, connection, events)
        self._dossiers = Rows(connection, view.dossiers, dossiers, _NO_DOSSIER)
        self._records = Rows(connection, view.records, records, _NO_RECORD)
        self._references = Sets(
            connection, view.references, view.references.c.holder, streams | named
        )
        self._signatures = Sets(connection, view.signatures, view.signatures.c.record, records)
        self._manifests = manifests

    def apply(self, events: Sequence[Recorded[Event]]) -> None:
        for recorded in events:
            self._apply(recorded)
        for rows in (
            self._register,
            self._dossiers,
            self._records,
            self._references,
            self._signatures,
        ):
            rows.write()

    def _apply(self, recorded: Recorded[Event]) -> None:
        stream, event = recorded.stream, recorded.event
        for manifest in _manifests_of(event):
            for digest in self._manifests.named(manifest):
                self._refer(stream, digest, _NAMED)
        if isinstance(event, AgencyEvent | AgentEvent | ProcedureEvent):
            self._register.apply(stream, event)
            return
        match event:
            case DossierOpened():
                self._dossiers.change(
                    stream,
                    code=event.code,
                    kind=event.kind.value,
                    title=plain(event.title),
                    receiving=event.receiving,
                    deciding=event.deciding,
                    opened_on=event.opened_on,
                    procedure=event.procedure,
                )
            case DossierCorrected():
                if event.field is DossierField.TITLE:
                    self._dossiers.change(stream, title=plain(event.value))
            case DossierRecordAdded():
                self._records.change(event.record, ordinal=event.ordinal)
            case DossierClosed():
                self._dossiers.change(stream, closed=True)
                self._refer(stream, str(event.manifest.sha256), _MANIFEST)
            case DossierRestricted():
                self._dossiers.change(stream, restricted=True)
            case DossierErased():
                self._dossiers.change(stream, title=None, erased_by=event.erasure)
            case RecordRegistered():
                original = str(event.original.sha256) if event.original else None
                location = plain(event.paper_location)
                self._records.change(
                    stream, dossier=event.dossier, original=original, paper_location=location
                )
                if original is not None:
                    self._refer(stream, original, ORIGINAL)
            case RepresentationAdded():
                added = event.representation
                self._refer(stream, str(added.file.sha256), added.kind.value)
            case RecordRead():
                self._records.change(stream, pages=event.pages)
                self._refer(stream, str(event.manifest.sha256), _MANIFEST)
            case RecordDescribed():
                said = {name: getattr(event, name) for name in _DESCRIBED}
                known = {name: plain(value) for name, value in said.items() if value is not None}
                self._records.change(stream, **known)
            case RecordCorrected():
                if event.field.value in _METADATA:
                    self._records.change(stream, **{event.field.value: plain(event.value)})
            case SignaturesInspected() | SignaturesJudged():
                verdicts = {finding.verdict for finding in event.findings}
                self._signed(stream, str(event.source), verdicts)
            case RecordConfirmed():
                self._records.change(stream, confirmed=True)
            case RecordIsolated():
                self._records.change(stream, isolated=True, listed=False)
            case RecordSplitOff():
                self._records.change(
                    stream,
                    dossier=event.dossier,
                    original=str(event.originals[0].sha256),
                    pages=len(event.order),
                    paper_location=plain(event.paper_location),
                )
                self._refer_to_originals(stream, event.originals)
            case PagesArranged() | RecordSplit():
                self._records.change(stream, pages=len(event.order), confirmed=False)
            case RecordMerged():
                self._records.change(stream, pages=len(event.order), confirmed=False)
                self._refer_to_originals(stream, event.originals)
            case RecordMoved():
                self._records.change(stream, dossier=event.dossier)
            case RecordAbsorbed() | RecordWithdrawn():
                self._records.change(stream, listed=False)
            case RecordErased():
                self._records.change(stream, **dict.fromkeys(_METADATA), erased_by=event.erasure)
                stays = self._references.of(stream)
                self._references.keep(
                    stream, [row for row in stays if row["role"] not in _GO_WITH_ERASURE]
                )
            case ScanReceived():
                known_row = self._records.get(event.record)
                if known_row is None or known_row["pages"] is None:
                    self._records.change(event.record, pages=event.pages)
            case ErasureApproved():
                self._refer(stream, str(event.manifest.sha256), _MANIFEST)
            case ReadsRecorded():
                self._refer(stream, str(event.segment.sha256), _SEGMENT)
            case CheckpointAttested():
                for file in (event.checkpoint, *(token.token for token in event.tokens)):
                    self._refer(stream, str(file.sha256), _SEGMENT)
            case SearchAttested():
                self._refer(stream, str(event.manifest.sha256), _SEGMENT)
            case (
                ArchiveFounded()
                | BatchOpened()
                | DossierRecordRemoved()
                | ErasureAnsweredByRestriction()
                | ErasureCompleted()
                | ErasureRefused()
                | ErasureRequested()
                | HoldLifted()
                | HoldPlaced()
                | LockLapsed()
                | LockRestored()
                | LogEnded()
                | LogKeyIntroduced()
                | SystemKeyIntroduced()
                | KeyCompromised()
                | ReadingAskedAgain()
                | ReadingFailed()
                | ScanDuplicated()
                | ScanRefused()
            ):
                pass  # Nothing of these stands in a list.
            case _:
                assert_never(event)

    def _signed(self, record: str, source: str, verdicts: Collection[str]) -> None:
        """The worst of one original, and so of the record."""
        row = {"record": record, "source": source, "verdict": _worst(verdicts)}
        self._signatures.put(row)
        of_all = {each["verdict"] for each in self._signatures.of(record)}
        self._records.change(record, signatures=_worst(of_all))

    def _refer_to_originals(self, holder: str, originals: Sequence[FileObject]) -> None:
        for each in originals:
            self._refer(holder, str(each.sha256), ORIGINAL)

    def _refer(self, holder: str, digest: str, role: str) -> None:
        self._references.put({"digest": digest, "holder": holder, "role": role})
