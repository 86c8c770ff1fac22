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
from domain.values import Digest, FileObject, StreamId


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


@dataclass(frozen=True)
class ReadsRecorded:
    """A segment of the record of reads was closed; in the stream of the archive."""

    segment: FileObject
    """Lines of JSON: the digest of the segment before, then a line a read."""
    first: int
    last: int
    missing: int
    """How many of these numbers no read holds any more: the file that held them was lost or
    altered before they were signed."""
    previous: Digest | None
    """SHA-256 of the segment before, None for the first one."""


@dataclass(frozen=True)
class Segment:
    """A closed segment as the record of reads remembers it."""

    number: int
    """From 1, without gaps."""
    last: int
    """Number of its last read."""
    sha256: Digest


class ReadRecord(Protocol):
    """Reads in order. `note` returns without waiting for a disk; a power loss may cost the
    reads of the last seconds and nothing else, and never leaves a gap unseen.

    Where the open reads are lost with their file, the next one leaves out a number.
    """

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

    def open_segment(self, *, limit: int) -> tuple[Sequence[Read], Segment | None]:
        """Up to `limit` reads that no segment holds yet, in order and durable, and the last
        segment (None before the first one)."""

    def close_segment(self, upto: int, digest: Digest) -> int:
        """Marks reads up to a number as held by the next segment; its number. Durable on return;
        marking the same again is marking it once."""
