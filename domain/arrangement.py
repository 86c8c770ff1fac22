"""Which pages of which originals a record shows, in what order and turned how.

The pages of all originals of a record, put one after the other, are numbered 1 to N. An
arrangement lists those that are shown, each with the degrees clockwise by which it is turned
against its original. The originals themselves are never touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import InvalidValueError
from domain.values import Digest, FileObject, PersonalText, StreamId

QUARTERS = (0, 90, 180, 270)
Leaf = tuple[int, int]
"""The number of a page among all originals, and its degrees clockwise."""
Arrangement = tuple[Leaf, ...]


@dataclass(frozen=True)
class Source:
    """An original of a record."""

    file: FileObject
    pages: int | None
    """How many pages it has, None until it was read for the first time."""


@dataclass(frozen=True)
class PagesArranged:
    """A person put the pages in another order or turned some; all of them are listed."""

    order: tuple[int, ...]
    turned: tuple[int, ...]
    """Degrees clockwise of each page of `order`."""


@dataclass(frozen=True)
class RecordSplit:
    """Pages became a record of their own; `order` and `turned` list what stays here."""

    into: StreamId
    order: tuple[int, ...]
    turned: tuple[int, ...]


@dataclass(frozen=True)
class RecordMerged:
    """Another record's pages were added behind these; all pages are listed."""

    absorbed: StreamId
    originals: tuple[FileObject, ...]
    """The originals that are new here; their pages are numbered behind those that were known."""
    counts: tuple[int, ...]
    """The pages of each of `originals`."""
    order: tuple[int, ...]
    turned: tuple[int, ...]


@dataclass(frozen=True)
class RecordAbsorbed:
    """The pages belong to another record from now on; this one is a pointer to it."""

    into: StreamId


@dataclass(frozen=True)
class RecordMoved:
    """The record belongs to another dossier from now on."""

    dossier: StreamId
    originals: tuple[Digest, ...]
    """The originals that the record is the first to bring into that dossier."""
    reason: PersonalText


@dataclass(frozen=True)
class RecordWithdrawn:
    """The record was scanned by mistake: it stands in no list; bytes and history stay."""

    reason: PersonalText


def arrangement(order: Sequence[int], turned: Sequence[int]) -> Arrangement:
    """The two lists of an event as one."""
    return tuple(zip(order, turned, strict=True))


def orders(pages: Arrangement) -> tuple[int, ...]:
    """The page numbers of an arrangement."""
    return tuple(number for number, _ in pages)


def turns(pages: Arrangement) -> tuple[int, ...]:
    """The degrees of an arrangement."""
    return tuple(degrees for _, degrees in pages)


def place_of(sources: Sequence[Source], number: int) -> tuple[int, int]:
    """Which source a page number means (from 0), and which of its pages (from 1)."""
    before = 0
    for at, source in enumerate(sources):
        if number <= before + (source.pages or 0):
            return at, number - before
        before += source.pages or 0
    raise InvalidValueError("invalid-pages")
