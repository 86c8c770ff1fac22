"""A scan batch: what a station sends for one dossier, and what became of each file.

The signed `ScanReceived` is the receipt: the station may let go of its copy.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from domain.errors import InvalidValueError
from domain.values import Digest, FileObject, PersonalOptional, PersonalText, StreamId, Tool


@dataclass(frozen=True)
class BatchOpened:
    """A station begins to send. What it declares is compared with what arrives."""

    dossier: StreamId
    agency: StreamId
    device: PersonalOptional
    files_declared: int
    sheets_declared: int | None
    documents_declared: int | None


@dataclass(frozen=True)
class ScanReceived:
    """The file is stored durably, unchanged: the receipt."""

    record: StreamId
    file: FileObject
    declared: Digest | None
    """The SHA-256 that the station computed, None when it declared none."""
    pages: int
    seen_elsewhere: bool
    """The same bytes are an original in another dossier: a person should look."""
    warnings: tuple[str, ...]
    active_content: tuple[str, ...]
    signatures: int
    inspector: Tool
    name: PersonalText
    """The file's name at the station."""


@dataclass(frozen=True)
class ScanDuplicated:
    """The same bytes are a record of this dossier already; nothing was added."""

    record: StreamId
    name: PersonalText


@dataclass(frozen=True)
class ScanRefused:
    """The file could not be taken in; nothing of it was stored."""

    dossier: StreamId
    reason: str
    name: PersonalText


BatchEvent = BatchOpened | ScanReceived | ScanDuplicated | ScanRefused


@dataclass(frozen=True)
class Batch:
    """A batch as it stands."""

    id: StreamId
    dossier: StreamId
    agency: StreamId
    files_declared: int
    sheets_declared: int | None
    documents_declared: int | None
    received: tuple[StreamId, ...] = ()
    pages: int = 0
    duplicated: int = 0
    refused: int = 0


def evolve(state: Batch | None, stream: StreamId, event: BatchEvent) -> Batch:
    """The batch after the event."""
    if isinstance(event, BatchOpened):
        return Batch(
            stream,
            event.dossier,
            event.agency,
            event.files_declared,
            event.sheets_declared,
            event.documents_declared,
        )
    assert state is not None
    match event:
        case ScanReceived():
            return replace(
                state,
                received=(*state.received, event.record),
                pages=state.pages + event.pages,
            )
        case ScanDuplicated():
            return replace(state, duplicated=state.duplicated + 1)
        case ScanRefused():
            return replace(state, refused=state.refused + 1)
        case _:
            assert_never(event)


def open_batch(
    *,
    dossier: StreamId,
    agency: StreamId,
    device: str | None,
    files: int,
    sheets: int | None,
    documents: int | None,
) -> BatchOpened:
    """Decides to begin a batch of `files` files."""
    if (
        files < 1
        or (sheets is not None and sheets < 1)
        or (documents is not None and documents < 1)
    ):
        raise InvalidValueError("invalid-declaration")
    return BatchOpened(dossier, agency, device, files, sheets, documents)
