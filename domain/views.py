"""What is derived from the events for those who look: catalogue, work, histories."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.agency import Agency
from domain.agents import AccountState, AgentKind, Grant
from domain.ports import Finding
from domain.searching import SearchIndex, SearchScope
from domain.values import Digest, EventId, StreamId


@dataclass(frozen=True)
class AgencyRow:
    """An agency as lists show it: code, name and the agency above are the newest."""

    id: StreamId
    code: str
    name: str
    parent: StreamId | None
    history: Agency
    """Every name, place and code with its days; a list of old papers asks what held then."""


@dataclass(frozen=True)
class AgentRow:
    """An agent as the lists of an administrator show it."""

    id: StreamId
    kind: AgentKind
    name: str | None
    """None when it was erased."""
    grants: tuple[Grant, ...]
    """Those for the agencies that were asked about, ended ones and substitutions included."""
    account: AccountState | None


@dataclass(frozen=True)
class ProcedureRow:
    """A version of a procedure."""

    id: StreamId
    code: str
    name: str
    version: int
    in_force_from: date


@dataclass(frozen=True)
class DossierRow:
    """A dossier as lists show it; the title is None when it was erased."""

    id: StreamId
    code: str
    kind: str
    title: str | None
    receiving: StreamId
    deciding: StreamId
    opened_on: date
    closed: bool
    restricted: bool
    erased_by: StreamId | None
    records: int
    procedure: StreamId | None
    unconfirmed: int
    """How many of `records` wait for a person's word."""


@dataclass(frozen=True)
class DossierFilter:
    """Which dossiers of a scope; None does not ask."""

    agency: StreamId | None = None
    """Receiving or deciding."""
    year: int | None = None
    """In which it was opened."""
    procedure: StreamId | None = None
    kind: str | None = None
    closed: bool | None = None


Cursor = tuple[date, StreamId]
"""`opened_on` and identity of the last dossier of a page: the next one begins behind it."""


@dataclass(frozen=True)
class RecordRow:
    """A record as lists show it; personal values are None when unknown or erased."""

    id: StreamId
    dossier: StreamId
    ordinal: int
    code: str | None
    type_name: str | None
    issued_on: str | None
    subject: str | None
    paper_location: str | None
    original: Digest | None
    """The one that came first."""
    originals: tuple[Digest, ...]
    """All of them, in no order."""
    pages: int | None
    signatures: str | None
    """The worst verdict on the signatures inside its originals, None where they carry none."""
    confirmed: bool
    isolated: bool
    erased_by: StreamId | None


class Catalogue(Protocol):
    """Agencies, agents, dossiers and records as lists need them, as of the view's position."""

    def agencies(self) -> Mapping[StreamId, AgencyRow]:
        """Every agency."""

    def agents_named(self, name: str) -> Sequence[StreamId]:
        """Agents of exactly this name (NFC)."""

    def agents(self, agencies: frozenset[StreamId]) -> Sequence[AgentRow]:
        """Agents to whom a role for one of the agencies was ever granted or lent, by name."""

    def substitutes(self, absent: StreamId) -> Sequence[StreamId]:
        """Agents to whom a role was lent in this agent's place, and not taken back."""

    def procedures(self) -> Sequence[ProcedureRow]:
        """Every version of every procedure, by code and version."""

    def browse(
        self,
        scope: SearchScope,
        wanted: DossierFilter,
        *,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Sequence[DossierRow]:
        """Dossiers of the scope behind `after`, the newest first."""

    def count(self, scope: SearchScope, wanted: DossierFilter) -> int:
        """How many dossiers `browse` would list in all."""

    def facets(
        self, scope: SearchScope, wanted: DossierFilter
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        """`agency` (none outside the scope), `year`, `procedure`, `kind` → (value, dossiers), most
        dossiers first. A dossier of two agencies counts for both."""

    def unconfirmed(
        self, scope: SearchScope, *, after: StreamId | None = None, limit: int = 50
    ) -> Sequence[RecordRow]:
        """Records behind `after` that wait for a person's word, the oldest first; erased ones
        and those that no list shows left out."""

    def records(self, dossier: StreamId) -> Sequence[RecordRow]:
        """The records of a dossier in their order; isolated, absorbed and withdrawn ones left
        out."""

    def record_rows(self, records: Collection[StreamId]) -> Mapping[StreamId, RecordRow]:
        """Records by identity, also isolated ones: who asks decides what of them is shown."""

    def is_elsewhere(self, sha256: Digest, dossier: StreamId) -> bool:
        """True when the bytes are an original in another dossier."""

    def referring(self, digest: Digest) -> frozenset[StreamId]:
        """The records (not erased) and dossiers whose representations or manifests name it."""


@dataclass(frozen=True)
class WorkItem:
    """Something that is to be done or went wrong. It says nothing personal."""

    record: StreamId
    dossier: StreamId
    dossier_code: str
    agencies: frozenset[StreamId]
    task: str
    """`read` (to be read by the worker), `confirm` (a person's turn), `look` (a warning)."""
    state: str
    """`pending`, `failed` (another attempt follows), `stuck` (none follows by itself)."""
    reason: str | None
    """A stable code: of the failure or of the warning."""
    attempts: int
    since: datetime
    position: int


@dataclass(frozen=True)
class Incident:
    """An isolated record, which no other list shows. It says nothing personal."""

    record: StreamId
    dossier: StreamId
    dossier_code: str
    agencies: frozenset[StreamId]
    ground: str
    since: datetime


class Work(Protocol):
    """What is still to be done. A view, so a lost queue loses nothing."""

    def items(
        self, *, task: str | None = None, dossier: StreamId | None = None
    ) -> Sequence[WorkItem]:
        """Everything open, or that of one dossier, the oldest first."""

    def incidents(self) -> Sequence[Incident]:
        """Every isolated record, the oldest first."""

    def to_judge(self, anchors: Digest, *, limit: int) -> Sequence[StreamId]:
        """Records with signatures that were last judged by other anchors, or by none, the oldest
        first."""


class History(Protocol):
    """Which events speak of what. It holds positions and identities, nothing personal."""

    def of(self, reference: StreamId, *, upto: int | None = None) -> Sequence[int]:
        """The positions of all events of a dossier (with its records, batches and erasures) or
        of any other stream, in order, up to a journal position."""

    def batches(self, dossier: StreamId, *, limit: int) -> Sequence[StreamId]:
        """The last batches of a dossier, the newest first."""

    def batches_since(self, agent: StreamId, since: datetime, *, limit: int) -> Sequence[StreamId]:
        """The last batches that were begun from an instant on and to which the agent sent, the
        newest first."""

    def by_agent(
        self,
        agent: StreamId,
        *,
        upto: int | None = None,
        limit: int,
        before: int | None = None,
        within: frozenset[StreamId] | None = None,
    ) -> Sequence[int]:
        """The positions of up to `limit` events that the agent caused, the newest first: up to a
        journal position, and below `before`, which is the last of the page before.

        `within` leaves those of dossiers, agencies and agents that belong to one of the agencies,
        and those of public streams.
        """

    def on_day(
        self,
        start: datetime,
        end: datetime,
        *,
        limit: int,
        before: int | None = None,
        within: frozenset[StreamId] | None = None,
    ) -> Sequence[int]:
        """The same of what was recorded from `start` to before `end`."""

    def batches_within(
        self, agencies: frozenset[StreamId], *, limit: int, before: StreamId | None = None
    ) -> Sequence[tuple[StreamId, int]]:
        """Batches of dossiers that belong to one of the agencies, the newest first, each with
        the position of its first event; those that were begun before another one."""

    def position_of(self, event: EventId) -> int | None:
        """The position of an event, None for one that is not known."""

    def position_at(self, at: datetime) -> int:
        """The position of the last event recorded at or before an instant, 0 for none."""


@dataclass(frozen=True)
class Rebuilt:
    """A view or index that was built anew and switched to."""

    name: str
    events: int
    seconds: float


class Views(Protocol):
    """All views and the index: derived from events and bytes, never the other way round.

    The rows of a view and its position change in one transaction. `catch_up` may be called by
    several processes at once; each event is applied once.
    """

    def catch_up(self) -> int:
        """Brings every view and the index to the journal's present end; that position."""

    def names(self) -> Sequence[str]:
        """What can be rebuilt: `catalogue`, `history`, `work`, `attestations`, `index`."""

    def rebuild(self, name: str) -> Rebuilt:
        """Builds the view beside the live one from the first event, then switches to it."""

    def past(self, position: int) -> AbstractContextManager[SearchIndex]:
        """A throw-away index of what could be found at a position, gone at the end of the block.

        Records that were erased or isolated since are left out, whatever was found of them then.
        """

    def forget(self) -> None:
        """Leaves no byte of rows that an erasure dropped in any view file or index file."""

    def inspect(self) -> Iterator[Finding]:
        """Compares position and content of every view and of the index with a replay."""
