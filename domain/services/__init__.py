"""The archive's procedures. They decide through the domain and speak to ports alone."""

from dataclasses import dataclass
from datetime import timedelta

from domain.agents import Agent
from domain.desk import Desk
from domain.identity import Accounts
from domain.ports import (
    Catalogue,
    Clock,
    ErasureList,
    History,
    Identifiers,
    Journal,
    JournalInspector,
    Limits,
    ObjectStore,
    PagePictures,
    PaperReader,
    Quarantine,
    ReadingProgress,
    SearchIndex,
    Views,
    Work,
)
from domain.reads import ReadRecord
from domain.values import Basis, CommandId, StreamId


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
    worker: StreamId
    """The software agent in whose name the background worker records."""
    lock_horizon: timedelta = timedelta(days=365)
    """For how long a lock on an original falls; it is renewed at its half."""


@dataclass(frozen=True)
class Request:
    """Who asks, under which command id, and on what legal basis."""

    agent: Agent
    command: CommandId
    basis: Basis
