"""Every port with its promises; adapters and contract tests are written from these sentences."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, BinaryIO, Protocol

from domain.agency import Agency
from domain.agents import AccountState, Actor, AgentKind, Grant
from domain.events import Change, Claim, Event, Recorded
from domain.values import Basis, CommandId, Digest, EventId, FileObject, StreamId, Tool

# ---------------------------------------------------------------- facts

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Command:
    """An invocation that may come twice: its id, and what was asked (hashed with a secret)."""

    id: CommandId
    request: str


@dataclass(frozen=True)
class Answer:
    """What a command answered, the first time and every time after."""

    result: Json
    events: tuple[EventId, ...]
    position: int
    """The journal position of its last event."""
    repeated: bool


@dataclass(frozen=True)
class Examined:
    """One event looked at by itself, also when it is no longer what was signed."""

    position: int
    stream: StreamId | None
    """None when no row is left at the position."""
    name: str | None
    """The stored name, as the row says it."""
    state: str
    """`intact`, or the code of what is wrong: `signature-broken`, `chain-broken`,
    `event-missing`…"""
    recorded: Recorded[Event] | None
    """None when it cannot be read. With another state than `intact` it proves nothing."""


@dataclass(frozen=True)
class Exhibit:
    """An event as others are given it: what was signed, and what its digests stand for."""

    position: int
    envelope: bytes
    """As it lies in the row, also when it is no longer what was signed."""
    disclosures: tuple[tuple[str, str], ...]
    """Name and SD-JWT disclosure (RFC 9901) of each personal field; none where they were erased
    or do not fit the envelope."""


class Journal(Protocol):
    """Signed events, only ever appended.

    Once `append` returns, the events survive power loss. Everything of one append is there or
    nothing is. What is read is the very bytes that were signed.
    """

    def append(
        self,
        changes: Sequence[Change],
        *,
        by: Actor,
        basis: Basis,
        at: datetime,
        command: Command,
        result: Json,
        cause: EventId | None = None,
    ) -> Answer:
        """Everything of one decision, in one transaction, with the claims and personal fields
        of its events and the command's row.

        A repeated command gets its first answer and appends nothing; with another request it
        raises CommandReusedError. Raises ConcurrentChangeError when a stream is not at its
        expected version, ClaimTakenError, ErasedSubjectError for personal data of an erased
        subject, ClockError when `at` lies more than two seconds before a stream's last event,
        InvalidValueError("event-too-large"), UnavailableError.
        """

    def answered(self, command: Command) -> Answer | None:
        """The answer of a command that was done before; CommandReusedError for another request."""

    def load(self, stream: StreamId) -> tuple[Recorded[Event], ...]:
        """A whole stream, every signature, row and link of its chain checked (IntegrityError).

        Empty for a stream that does not exist.
        """

    def examine(self, positions: Sequence[int]) -> Sequence[Examined]:
        """The events at some positions, each with its signature, its row, its place in the chain
        and its disclosures checked; what is wrong is told and nothing is raised for it."""

    def follow(self, after: int, limit: int) -> Sequence[Recorded[Event]]:
        """Up to `limit` events behind a position, in order, none left out; agreement of row and
        envelope is checked, signatures are not (`load` and verification do)."""

    def sealed(self, after: int, limit: int) -> Sequence[bytes]:
        """Up to `limit` envelopes behind a position as they are stored, in order: each signed by a
        known key, agreeing with its row, and none left out (IntegrityError)."""

    def exhibit(self, positions: Sequence[int]) -> Sequence[Exhibit]:
        """The events at some positions by position, as far as rows are left there. Nothing is
        checked but that disclosures fit: whoever gets them checks, and sees what was altered."""

    def vouch(self, kind: str, said: Json) -> bytes:
        """A statement of the archive that is no event: a JWS of the type `kind`, signed with the
        key that signs events now, and recorded nowhere."""

    def position(self) -> int:
        """The position of the newest event, 0 for an empty journal."""

    def holder(self, claim: Claim) -> StreamId | None:
        """The stream to which a claim belongs."""

    def claimed(self, kind: str, prefix: str) -> Sequence[str]:
        """Every claimed text of a kind that begins so, in order."""


# ---------------------------------------------------------------- bytes


@dataclass(frozen=True)
class Protection:
    """What stands between an object and its destruction, as the store itself says."""

    until: datetime | None
    """Before that moment nobody can destroy it; it may lie in the past. None without a lock."""
    held: bool
    """True while a legal hold stands."""


class ObjectStore(Protocol):
    """Bytes by their SHA-256, written once.

    Once `put` returns, the bytes survive power loss. Putting existing bytes succeeds.
    Nothing is overwritten. Reading returns the very bytes that were put or raises.
    """

    lock: str
    """`none` where the store cannot refuse an administrator: there `protect`, `hold`, `release`
    and `probe` do nothing. Else `compliance`: nobody ends a lock before its time."""

    def put(self, digest: Digest, source: BinaryIO) -> None:
        """Stores the bytes of `source`, which must hash to `digest` (SHA-256).

        Raises IntegrityError when they do not, and then nothing is visible that was not there
        before; UnavailableError when the store cannot take them. As a reply can be lost on its
        way, the right bytes may be there after that, and never others.
        """

    def open(self, digest: Digest, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes, or `length` of them from `offset`; raises NotFoundError."""

    def size(self, digest: Digest) -> int | None:
        """How many bytes are stored under `digest`, None when there are none."""

    def destroy(self, digest: Digest, *, decision: EventId) -> None:
        """Removes the bytes for good, for a lawful disposal or an approved erasure alone.

        Refuses with RuleError("still-referred") while a record refers to the bytes, and with
        RuleError("object-locked") while a lock or a hold stands.
        Destroying what is not there succeeds.
        """

    def protect(self, digest: Digest, *, until: datetime) -> None:
        """Nobody can destroy the bytes before a moment; a lock is made longer, never shorter.

        What is locked are the right bytes: raises NotFoundError, IntegrityError("bytes-altered"),
        UnavailableError("lock-refused") when the store has not kept the lock.
        """

    def protection(self, digest: Digest) -> Protection:
        """What the store says of the bytes now; raises NotFoundError."""

    def hold(self, digest: Digest) -> None:
        """Nobody can destroy the bytes until `release`; raises as `protect` does."""

    def release(self, digest: Digest) -> None:
        """Takes the hold away; a lock stays. Releasing what is not held succeeds."""

    def probe(self, *, within: timedelta = timedelta(0)) -> None:
        """Proves that the store refuses to destroy, or to lock for a shorter time, what is locked.

        Raises UnavailableError("worm-probe-failed") when it does not. A proof of this process
        that is younger than `within` is enough.
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


@dataclass(frozen=True)
class SignatureVerdict:
    """One signature inside a file: is it mathematically sound, and over what.

    No trust anchor, no revocation and no time of ours was asked: who signed is a claim.
    """

    field: str
    """Name of the form field that holds it, empty when it cannot be told."""
    verdict: str
    """`intact`, `broken` (digest or signature do not fit), `changed-after-signing` (intact, and
    the file was altered later in a way that signing does not allow), `unknown-algorithm`,
    `unreadable`."""
    coverage: str
    """`entire-file`, `entire-revision`, `part` or `unclear`: what the signed bytes span."""
    signed_at: str | None
    """The time that the signer's machine claims (RFC 3339), None when it claims none."""
    digest: str | None
    """The digest algorithm of the signature, `sha256` for example."""
    weak: bool
    """True for a digest that no longer proves anything by itself (MD5, SHA-1)."""
    signer: str | None
    """Subject of the certificate as it names itself; its chain was not checked."""


@dataclass(frozen=True)
class TrustAnchors:
    """The certificates that the archive was told to believe."""

    certificates: tuple[bytes, ...]
    """DER, each once, sorted by their bytes; none where nobody configured any."""
    digest: Digest
    """SHA-256 over the certificates, one after the other: which set it was."""


class AnchorFolder(Protocol):
    """Where an administrator puts what the archive shall believe."""

    def current(self) -> TrustAnchors:
        """The set as it is now. Raises UnavailableError("anchor-unreadable") rather than judge by
        a part of it."""


@dataclass(frozen=True)
class SignatureJudgement:
    """One signature inside a file, judged offline against trust anchors.

    What the file itself carries was asked: certificates, revocation data, timestamps. Nobody else
    was; what became known elsewhere does not count.
    """

    field: str
    """As in SignatureVerdict."""
    verdict: str
    """`valid` (it fits, leads to an anchor and was not revoked at `signed_at`), or the first of
    these that holds: `broken`, `changed-after-signing`, `unreadable`, `unknown-algorithm` (see
    SignatureVerdict), `weak-algorithm`, `no-anchors` (none is configured; everything so far is
    in order), `unknown-issuer`, `revoked`, `expired` (the certificate ended and nothing proves
    that the signature is older), `unclear` (`reason` says why)."""
    reason: str | None
    """For `unclear`: `revocation-unknown`, `not-yet-valid`, `not-for-signing`, `chain-unsound`;
    for `weak-algorithm`: `weak-digest`, `weak-certificate`. Otherwise None."""
    signed_at: str | None
    """The time that was judged by (RFC 3339): the proved one, or else what the signer claims."""
    time: str
    """`proved` by a timestamp that leads to an anchor, `claimed` by the signer alone, or `none`."""
    revocation: str
    """`good`, `revoked`, `unknown` (the file carries no answer that fits the time) or
    `not-asked`."""
    digest: str | None
    signer: str | None
    """Subject of the certificate."""


@dataclass(frozen=True)
class Assembled:
    """A PDF of chosen pages, gone when its context ends."""

    path: str
    tool: Tool


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
        self,
        path: str,
        inspection: Inspection,
        limits: Limits,
        on_page: Callable[[PageRead], None],
        *,
        as_it_lies: bool = False,
    ) -> AbstractContextManager[Reading]:
        """Reads every page, calling `on_page` as each ends (from this thread, in any order).

        `as_it_lies` turns no page upright: a person decided how each of them lies.
        Raises ReadingError with one of: `reader-killed`, `reader-crashed`, `reader-timeout`,
        `text-layer-lost` (the PDF/A does not give back the text), `reader-unavailable`.
        """

    def assemble(
        self, paths: Sequence[str], pages: Sequence[tuple[int, int, int]], limits: Limits
    ) -> AbstractContextManager[Assembled]:
        """One PDF of pages of several files, with the pictures' own bytes where a PDF can hold
        them. Each page: the file (from 0), its page (from 1), degrees clockwise.

        Raises ReadingError as `read` does, `reader-crashed` also for a page that a file has not.
        """

    def picture(self, path: str, page: int, width: int, turned: int) -> bytes:
        """Page `page` (from 1) of a PDF or picture file as it is shown, then turned clockwise by
        `turned` degrees: a JPEG, `width` pixels across.

        Raises NotFoundError for no such page, ReadingError as `read` does.
        """

    def signatures(self, path: str) -> tuple[SignatureVerdict, ...]:
        """The signatures inside a file, in order; a file that is no PDF carries none.

        Raises ReadingError as `read` does; an odd file gives a verdict `unreadable` instead.
        """

    def judge(
        self, path: str, anchors: TrustAnchors, at: datetime
    ) -> tuple[tuple[SignatureJudgement, ...], Tool]:
        """The same signatures judged against anchors as of an instant, and what judged them.

        Raises ReadingError as `signatures` does.
        """


class PagePictures(Protocol):
    """Pictures of pages for the screen, kept for a while; they can always be made again."""

    def picture(self, file: FileObject, page: int, width: int, turned: int) -> bytes:
        """See `PaperReader.picture`, for stored bytes."""

    def forget(self, files: Sequence[Digest]) -> None:
        """Leaves no picture of any page of these files."""


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


# ---------------------------------------------------------------- views


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
class Finding:
    """Something that is not as it was recorded."""

    kind: str
    """A stable code, such as `signature-broken` or `object-missing`."""
    where: str
    """The position, stream, digest, view or page."""
    what: str = ""
    """Facts for the message, nothing personal."""


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


# ---------------------------------------------------------------- arriving files


@dataclass(frozen=True)
class Quarantined:
    """Bytes of a stranger on a local disk, hashed and synced; gone when the context ends."""

    path: str
    open: Callable[[], BinaryIO]
    """The bytes from the beginning."""
    sha256: Digest
    sha512: Digest
    size: int


class Quarantine(Protocol):
    """Where bytes wait until they are known to be acceptable. Never served, never indexed."""

    def receive(self, source: BinaryIO, limit: int) -> AbstractContextManager[Quarantined]:
        """Takes the bytes in; more than `limit` of them: RefusedFileError("file-too-large")."""


class Messages(Protocol):
    """What people read, by stable code, in their language."""

    def text(self, code: str, /, **details: str | int) -> str:
        """The message of a code; the code itself where no message exists."""


# ---------------------------------------------------------------- erasure and oversight


@dataclass(frozen=True)
class NotedErasure:
    """An erasure as it is remembered outside the archive and its backups."""

    case: StreamId
    dossier: StreamId
    requested_by: StreamId
    decision: str
    approved: bool
    """False when it was about to be approved and nobody knows whether it was."""


class ErasureList(Protocol):
    """Survives the loss of the archive: after a restore the erasures are applied again."""

    def note(self, erasure: NotedErasure) -> None:
        """Durable on return."""

    def noted(self) -> Sequence[NotedErasure]:
        """Every case once, as it was noted last."""


@dataclass(frozen=True)
class Inspected:
    """What a recomputation of the whole journal, or of some streams, found."""

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    """`events`, `signatures`, `disclosures`, `erased`, `commands`, `claims`: how many were
    recomputed."""
    doubtful: int = 0
    """Signatures of a key that others may have used by then."""


class JournalInspector(Protocol):
    """Recomputes the journal from its bytes, believing no cache and no row."""

    def inspect(
        self,
        *,
        streams: frozenset[StreamId] | None,
        pinned: Digest | None,
        after: int = 0,
        progress: Callable[[int, int], None],
    ) -> Inspected:
        """All of it, or the named streams. `pinned` is the SHA-256 of the system certificate
        from outside; without it the certificate of the archive's own keys is believed. Events up to
        `after` are left to whoever verified them before and compares their hashes."""


class ReadingProgress(Protocol):
    """How far a reading is, for whoever waits. It may be lost at any time and is no fact."""

    def note(self, record: StreamId, done: int, total: int) -> None:
        """`done` of `total` pages have ended."""

    def of(self, record: StreamId) -> tuple[int, int] | None:
        """Pages done and pages in all, None when nobody reads the record."""

    def drop(self, record: StreamId) -> None:
        """The reading ended."""
