"""What the archive asks of the world around it; adapters and contract tests are written from these
sentences. Ports that have many values of their own stand with them, in `papers.py`, `searching.py`,
`views.py`, `evidence.py`, `identity.py`, `reads.py` and `desk.py`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, Protocol

from domain.agents import Actor
from domain.events import Change, Claim, Event, Recorded
from domain.values import Basis, CommandId, Digest, EventId, StreamId

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
class Finding:
    """Something that is not as it was recorded."""

    kind: str
    """A stable code, such as `signature-broken` or `object-missing`."""
    where: str
    """The position, stream, digest, view or page."""
    what: str = ""
    """Facts for the message, nothing personal."""


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
        dated: Mapping[int, datetime],
        progress: Callable[[int, int], None],
    ) -> Inspected:
        """All of it, or the named streams. `pinned` is the SHA-256 of the system certificate
        from outside; without it the certificate of the archive's own keys is believed. Events up to
        `after` are left to whoever verified them before and compares their hashes. `dated` are the
        attestations whose tokens were checked, by position, with the earliest time of these: what
        such a checkpoint covers is not in doubt when a key fell into other hands later."""
