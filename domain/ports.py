"""Every port with its promises; adapters and contract tests are written from these sentences."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import BinaryIO, Protocol

from domain.values import Digest, EventId, StreamId, Tool

# ---------------------------------------------------------------- bytes


class ObjectStore(Protocol):
    """Bytes by their SHA-256, written once.

    Once `put` returns, the bytes survive power loss. Putting existing bytes succeeds.
    Nothing is overwritten. Reading returns the very bytes that were put or raises.
    """

    lock: str
    """`none` where the store cannot refuse an administrator, else how it does."""

    def put(self, digest: Digest, source: BinaryIO) -> None:
        """Stores the bytes of `source`, which must hash to `digest` (SHA-256).

        Raises IntegrityError when they do not, UnavailableError when the store cannot take them;
        in both cases nothing is visible under `digest` that was not there before.
        """

    def open(self, digest: Digest, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes, or `length` of them from `offset`; raises NotFoundError."""

    def size(self, digest: Digest) -> int | None:
        """How many bytes are stored under `digest`, None when there are none."""

    def destroy(self, digest: Digest, *, decision: EventId) -> None:
        """Removes the bytes for good, for a lawful disposal or an approved erasure alone.

        Refuses with RuleError("still-referred") while a record refers to the bytes.
        Destroying what is not there succeeds.
        """

    def inspect_objects(self) -> Iterator[tuple[Digest, datetime]]:
        """Every stored digest with the time when it was written (UTC), in no order."""


# ---------------------------------------------------------------- reading paper


class PageState(StrEnum):
    """How the reading of a page ended. Nothing but OK and EMPTY counts as read."""

    OK = "ok"
    EMPTY = "empty"
    TIMEOUT = "timeout"
    TOO_LARGE = "too-large"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Limits:
    """What a file may ask of the reader."""

    file_bytes: int = 1 << 30
    pages: int = 3000
    page_megapixels: int = 250
    page_seconds: int = 180


@dataclass(frozen=True)
class PageFacts:
    """What is known of a page before it is read."""

    width: int
    """Pixels of the page's picture (of its largest image, or of the page at 300 dpi)."""
    height: int
    dpi: int | None
    """Resolution of the scan, None for a page that is not a picture."""
    colour: bool
    """False for grey or black and white."""
    born_digital: bool
    """True when the page carries visible text of its own."""


@dataclass(frozen=True)
class Inspection:
    """What a file is, found without trusting its name."""

    media_type: str
    pages: tuple[PageFacts, ...]
    signatures: int
    """How many digital signatures the file claims to carry; their verdict is another matter."""
    active_content: tuple[str, ...]
    """`javascript`, `launch`, `embedded-file`, `xfa`: kept as they are, named for the reader."""


@dataclass(frozen=True)
class PageRead:
    """One page after reading. `text` and the words are exactly what the engine said, in NFC."""

    n: int
    state: PageState
    width: int
    """Pixels of the picture that was read, after turning and straightening."""
    height: int
    turned: int
    """Degrees clockwise by which the picture was turned before reading: 0, 90, 180 or 270."""
    characters: int
    confidence: int | None
    """Mean confidence of the words, 0 to 100; None without words."""


@dataclass(frozen=True)
class Reading:
    """What a reading made, in files below a folder that is gone when the context ends."""

    pages: tuple[PageRead, ...]
    pdfa: str | None
    """Path of the PDF/A-2, None when it cannot be had (`pdfa_problem` says why)."""
    pdfa_problem: str | None
    text: str
    """Path of the text: UTF-8, NFC, the pages separated by a form feed."""
    words: str
    """Path of the words: one line of JSON a page,
    {"n":1,"w":px,"h":px,"words":[[text, left, top, right, bottom, confidence], …]},
    the box in 0..1 of the page as it is shown, confidence 0 to 100."""
    thumbnails: tuple[str | None, ...]
    """Path of a JPEG of each page, longest side 320 pixels."""
    tool: Tool
    warnings: tuple[str, ...]


class PaperReader(Protocol):
    """Looks at files of strangers in a sandbox: no network, limits on time, memory and pixels.

    Paths are of local files, which are only read. A bug in a foreign library, or an attack
    through one, costs a failed reading and nothing else.
    """

    def inspect(self, path: str, limits: Limits) -> Inspection:
        """What the file is; the same file gives the same answer.

        Raises RefusedFileError with one of: `empty-file`, `file-too-large`, `type-not-accepted`,
        `file-damaged`, `file-encrypted`, `too-many-pages`, `page-too-large`, `no-pages`.
        """

    def read(
        self, path: str, inspection: Inspection, limits: Limits, on_page: Callable[[PageRead], None]
    ) -> AbstractContextManager[Reading]:
        """Reads every page, calling `on_page` as each ends (from this thread, in any order).

        Raises ReadingError with one of: `reader-killed`, `reader-crashed`, `reader-timeout`,
        `text-layer-lost` (the PDF/A does not give back the text), `reader-unavailable`.
        """


# ---------------------------------------------------------------- searching


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


@dataclass(frozen=True)
class SearchScope:
    """What the searcher may see; applied before counting, never after."""

    agencies: frozenset[StreamId]
    restricted: bool
    """True when restricted pages may be seen too."""


@dataclass(frozen=True)
class Hit:
    """One page that matches."""

    record: StreamId
    page: int
    match: Match
    score: float
    """Comparable within one answer only."""
    snippet: str
    """Text around the first matches; each matched word between U+E000 and U+E001."""
    words: tuple[str, ...]
    """The matched words as the page writes them (NFC, lower case), for marking on the picture."""


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
        *,
        agency: StreamId | None = None,
        year: int | None = None,
        type_name: str | None = None,
        limit: int = 10,
        offset: int = 0,
    ) -> SearchAnswer:
        """Pages that match, best first. Raises InvalidValueError for a query that cannot be read."""

    def purge(self) -> None:
        """Rewrites the index so that no byte of a removed page is left in its files."""

    def inspect_pages(self) -> Iterator[PageDocument]:
        """Every page as it was put, with its text as indexed, for comparing with the events."""


# ---------------------------------------------------------------- time and identity


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The time in UTC, aware."""

    def wait(self, seconds: float) -> None:
        """Lets time pass."""


class Identifiers(Protocol):
    """Makes identities that never repeat and say nothing but their time (UUIDv7, RFC 9562)."""

    def new(self) -> str:
        """A UUIDv7 as text, later ones sort later within this process."""
