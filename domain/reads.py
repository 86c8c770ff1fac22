"""The record of reads: who looked at, downloaded or exported what, when and what for.

A read is no change, so it is no event; reads are kept in segments that are closed, stored and
signed by an event every hour (docs/decisions/0009-reads.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.agents import Actor
from domain.values import StreamId


class ReadKind(StrEnum):
    """What was done without changing anything."""

    VIEW = "view"
    DOWNLOAD = "download"
    EXPORT = "export"
    PRINT = "print"
    SEARCH = "search"


@dataclass(frozen=True)
class Read:
    """One read. It says nothing personal: search words are not kept."""

    number: int
    """Its place in the record of reads, from 1, without gaps."""
    at: datetime
    by: Actor
    purpose: str
    kind: ReadKind
    what: StreamId | None
    """Dossier or record; None for a search."""
    detail: str
    """The representation or page: `original`, `page 3`; at most 60 characters."""
    segment: int | None
    """The closed segment that holds it, None while it is in the open one."""


class ReadRecord(Protocol):
    """Reads in order. `note` returns without waiting for a disk; a power loss may cost the
    reads of the last seconds and nothing else, and never leaves a gap unseen."""

    def note(
        self,
        at: datetime,
        by: Actor,
        purpose: str,
        kind: ReadKind,
        what: StreamId | None,
        detail: str = "",
    ) -> None:
        """Keeps a read. The same view again by the same person within a minute is one."""

    def of(self, targets: Sequence[StreamId], *, limit: int = 100) -> Sequence[Read]:
        """Reads of dossiers or records, the newest first."""

    def by(self, agent: StreamId, *, limit: int = 100) -> Sequence[Read]:
        """Reads by an agent, the newest first."""

    def open_segment(self) -> tuple[Sequence[Read], str]:
        """The reads that no segment holds yet, and the digest of the last segment (empty for
        none), to be closed into the next one."""

    def close_segment(self, upto: int, digest: str) -> int:
        """Marks reads up to a number as held by the next segment; its number."""
