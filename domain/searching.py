"""What is searched: pages with their terms, what is asked, what is found, and the index."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from domain.values import StreamId


class Match(StrEnum):
    """How a page matched; each ranks above the next."""

    EXACT = "exact"
    FOLDED = "folded"
    NEAR = "near"


@dataclass(frozen=True)
class PageDocument:
    """One page as the index takes it; all texts are plain, the index normalises them."""

    record: StreamId
    page: int
    dossier: StreamId
    dossier_code: str
    agencies: frozenset[StreamId]
    """Whoever may read one of these agencies' papers may find the page."""
    title: str
    """Trích yếu of the record, empty when unknown; searched with the page's text."""
    code: str
    """Số, ký hiệu: `390/BC-UBND`, empty when unknown."""
    type_name: str
    issued_on: date | None
    organ: str
    confirmed: bool
    text: str
    restricted: bool = False
    """True when access was restricted by a decision."""
    signatures: frozenset[str] = frozenset()
    """Every verdict on the record's signatures (see `SignatureJudgement`); `valid` alone."""


@dataclass(frozen=True)
class SearchScope:
    """What the searcher may see; applied before counting, never after."""

    agencies: frozenset[StreamId]
    restricted: bool
    """True when restricted pages may be seen too."""
    codes: Mapping[str, StreamId] = field(default_factory=dict, compare=False)
    """The codes by which a query may name agencies of the scope, in upper case."""


@dataclass(frozen=True)
class PageFilter:
    """Which pages besides the query; None does not ask."""

    agency: StreamId | None = None
    year: int | None = None
    """Of issue."""
    type_name: str | None = None
    confirmed: bool | None = None
    since: date | None = None
    """Issued on that day or later."""
    until: date | None = None
    """Issued on that day or before."""
    dossier: StreamId | None = None


EVERY_PAGE = PageFilter()


class Order(StrEnum):
    """In which order hits stand. Near matches always come last, pages without a date last of
    theirs."""

    BEST = "best"
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True)
class Hit:
    """One page that matches."""

    document: PageDocument
    """The page as the index knows it; its text is left out."""
    match: Match
    score: float
    """Comparable within one answer only."""
    snippet: str
    """Text around the first matches; each matched word between U+E000 and U+E001."""
    words: tuple[str, ...]
    """The matched words as the page writes them (NFC, lower case), for marking on the picture."""

    @property
    def record(self) -> StreamId:
        """The record of the page."""
        return self.document.record

    @property
    def page(self) -> int:
        """Its number, from 1."""
        return self.document.page


@dataclass(frozen=True)
class Places:
    """Where one record matches."""

    pages: tuple[int, ...]
    """Every page that matches, rising."""
    hits: tuple[Hit, ...]
    """Those of them that were asked for, rising."""


@dataclass(frozen=True)
class SearchAnswer:
    """The hits of one page of results, and what all hits together look like."""

    total: int
    position: int
    """The journal position that the index had reached."""
    hits: tuple[Hit, ...]
    facets: Mapping[str, Sequence[tuple[str, int]]] = field(default_factory=dict)
    """`agency`, `year`, `type`, `confirmed` → (value, pages), most pages first."""


class SearchIndex(Protocol):
    """Pages by what they say. Disposable: all of it can be built again from events and bytes.

    One writer at a time (UnavailableError "index-busy" for a second); any number of readers.
    The position is inside the commit: after a crash the index holds all pages up to a position
    that it knows, and none of a later one.
    """

    def position(self) -> int:
        """The journal position reached, 0 for an empty index."""

    def apply(
        self, position: int, pages: Sequence[PageDocument], removed: Sequence[StreamId]
    ) -> None:
        """In one commit: drops all pages of the records `removed`, then puts `pages`
        (replacing the same record and page), then moves to `position`. Durable on return."""

    def search(
        self,
        query: str,
        scope: SearchScope,
        wanted: PageFilter = EVERY_PAGE,
        *,
        order: Order = Order.BEST,
        limit: int = 10,
        offset: int = 0,
    ) -> SearchAnswer:
        """Pages that match. A query that cannot be read: InvalidValueError; one without words is
        one only where a filter asks for nothing either."""

    def places(
        self, query: str, scope: SearchScope, record: StreamId, shown: Collection[int]
    ) -> Places:
        """The pages of one record that match, and of the pages `shown` the words. Near matches
        count where nothing else does."""

    def purge(self) -> None:
        """Rewrites the index so that no byte of a removed page is left in its files."""

    def inspect_pages(self) -> Iterator[PageDocument]:
        """Every page as it was put, with its text as indexed, for comparing with the events."""
