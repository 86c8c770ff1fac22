"""The archive's procedures. They decide through the domain and speak to ports alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from domain.agents import Agent
from domain.desk import Desk
from domain.evidence import (
    Attestations,
    LogInspector,
    ReportMaker,
    TimeAuthority,
    TransparencyLog,
    Witness,
)
from domain.identity import Accounts
from domain.keyring import KeyFolder
from domain.packs import Packer
from domain.papers import AnchorFolder, Limits, PagePictures, PaperReader, ReadingProgress
from domain.ports import (
    Clock,
    ErasureList,
    Identifiers,
    Journal,
    JournalInspector,
    ObjectStore,
    Quarantine,
)
from domain.reads import ReadRecord
from domain.refusals import Refusals
from domain.searching import SearchIndex
from domain.values import Basis, CommandId, StreamId
from domain.views import Catalogue, History, Views, Work


@dataclass(frozen=True)
class Archive:
    """Everything that a procedure may need, put together once at the start."""

    id: str
    journal: Journal
    objects: ObjectStore
    quarantine: Quarantine
    reader: PaperReader
    pictures: PagePictures
    index: SearchIndex
    views: Views
    catalogue: Catalogue
    work: Work
    history: History
    clock: Clock
    identifiers: Identifiers
    limits: Limits
    erasures: ErasureList
    inspector: JournalInspector
    progress: ReadingProgress
    accounts: Accounts
    desk: Desk
    reads: ReadRecord
    log: TransparencyLog
    log_inspector: LogInspector
    witnesses: Sequence[Witness]
    authorities: Sequence[TimeAuthority]
    attestations: Attestations
    refusals: Refusals
    report: ReportMaker
    packer: Packer
    anchors: AnchorFolder
    keys: KeyFolder
    worker: StreamId
    """The software agent in whose name the background worker records."""
    lock_horizon: timedelta = timedelta(days=365)
    """For how long a lock on an original falls; it is renewed at its half."""
    attest_every: timedelta = timedelta(hours=1)
    """How often outsiders are shown a checkpoint."""


@dataclass(frozen=True)
class Request:
    """Who asks, under which command id, and on what legal basis."""

    agent: Agent
    command: CommandId
    basis: Basis
