"""What the archive can prove to others: its transparency log, the keys that signed, the times that
others vouch for (docs/decisions/0015-log.md).

The log is a Merkle tree over the envelopes of all events, in the order of the journal: the event at
position p is leaf p - 1. A checkpoint is a signed size and root. Whoever holds one can be shown
that an event is in the log, and that a later checkpoint has changed nothing before it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.ports import Finding
from domain.values import Digest, StreamId


@dataclass(frozen=True)
class Checkpoint:
    """A signed statement about the whole log."""

    origin: str
    """The log's name in the world."""
    size: int
    """Events in the log."""
    root: str
    """Root of the tree, hexadecimal."""
    note: bytes
    """The C2SP signed note, with cosignatures where witnesses gave some."""


@dataclass(frozen=True)
class LogState:
    """How far the log is."""

    origin: str
    key: str
    """The verifier key (`name+hash+key`) under which checkpoints are signed now."""
    checkpoint: Checkpoint | None
    """The newest, None before the first one."""
    published_at: datetime | None
    """When it was published, UTC."""
    waiting: int
    """Events of the journal that no checkpoint covers yet."""
    stopped: str | None
    """The code of what keeps the log from growing, None while it may."""


@dataclass(frozen=True)
class LogLoss:
    """What a log has signed and the archive no longer has."""

    origin: str
    key: str
    """The verifier key that signed last."""
    size: int
    """Events that were signed."""
    root: str
    """Root of their tree, hexadecimal."""
    kept: int | None
    """So many of them, from the first one on, the journal has as they were signed; None where the
    files of the log do not tell."""
    events: int
    """Events of the journal today."""
    found: int
    """Entries behind those in the files of the log: so many events that were lost can be read
    there. What is counted was verified against the root."""
    unproved: int
    """Entries in the files where these are not all that was signed: some are missing or altered,
    and nobody can tell here which ones are true."""
    known: bool
    """False where nobody knows what was signed last, as the keys came back from a recovery file:
    size and root are those of the journal then, and more may have been signed."""


class TransparencyLog(Protocol):
    """The log of this archive. Several processes may use it; none of them can fork it."""

    def begin(self, origin: str) -> None:
        """Keeps beside the keys that the log of a name has signed nothing, where nothing is known
        to be signed; durable before an event introduces its key."""

    def sync(self) -> Checkpoint | None:
        """Takes in what the journal has and signs a checkpoint of it; the newest one.

        Raises IntegrityError: `log-diverged` and `log-ahead-of-journal` when the journal is not
        what was signed before, `log-head-missing` when nobody knows what was, any other code when
        an event is not what it was, and what lies before that event is taken in; nothing smaller or
        different is ever signed.
        UnavailableError when the store cannot take it, `log-busy` when others are always faster.
        """

    def state(self) -> LogState:
        """How far the log is; changes nothing."""

    def loss(self) -> LogLoss:
        """What the log has signed and the archive has lost; changes nothing.

        Raises RuleError("log-not-stopped") unless that is what stops it, or that nobody knows what
        was signed last.
        """

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that was published."""

    def proof(self, position: int, checkpoint: Checkpoint) -> bytes:
        """The C2SP tlog-proof of the event at a position under a checkpoint that covers it.

        Raises NotFoundError("event-not-in-log") when it does not.
        """

    def check(self, proof: bytes, entry: bytes, keys: Sequence[str]) -> None:
        """A proof of this log leads from an entry to a checkpoint that one of the keys signed.

        Raises IntegrityError: "log-diverged" when another entry was logged there,
        "log-files-differ" when the files do not give the root, "note-not-signed".
        """

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """That the tree of `size` leaves continues that of `old` (RFC 6962, section 2.1.2)."""

    def read(self, kept: bytes, keys: Sequence[str]) -> Checkpoint:
        """The checkpoint in a note or in a tlog-proof, signed with one of these verifier keys.

        Raises InvalidValueError: "not-a-checkpoint", or "checkpoint-of-another-log".
        """

    def continues(self, kept: Checkpoint, newest: Checkpoint) -> bool:
        """True when the log of the newest begins with the log of the kept one, by its roots."""

    def export(
        self, folder: str, checkpoint: Checkpoint, also: Iterable[tuple[str, bytes]] = ()
    ) -> Iterator[tuple[int, int]]:
        """Writes `checkpoint`, all tiles and entries and `log.vkey` into a new folder, each file
        checked on the way, and behind them `also`, names with contents; tells how many of how many
        files of the log are done."""


@dataclass(frozen=True)
class LogInspected:
    """What a recomputation of the whole log found."""

    findings: tuple[Finding, ...]
    checkpoint: Checkpoint | None
    """The one up to which it was recomputed."""
    leaves: int
    """Leaves that were compared with their rows."""


class LogInspector(Protocol):
    """Recomputes the log from its bytes and from the journal, believing neither."""

    def inspect(
        self,
        *,
        remembered: Sequence[bytes],
        attested: Sequence[bytes],
        progress: Callable[[int, int], None],
    ) -> LogInspected:
        """A leaf for each row, a row for each leaf, every tile, the root, the signature; and that
        each remembered and each attested checkpoint is a beginning of this log.

        Raises InvalidValueError for one that is no checkpoint of this log.
        """


class Witness(Protocol):
    """An outsider who signs only what continues everything that it signed before."""

    @property
    def name(self) -> str:
        """Its name in the world, that of its key."""

    @property
    def key(self) -> str:
        """Its verifier key (`name+hash+key`)."""

    def cosign(
        self, checkpoint: Checkpoint, consistency: Callable[[int, int], Sequence[bytes]]
    ) -> str:
        """Its signature line (with the line end) on a checkpoint, checked with its key.

        `consistency` gives the proof from the size that the witness saw last. Raises
        UnavailableError when it cannot be reached or answers nothing that can be believed,
        RuleError when it will not: "witness-ahead" when it has cosigned more events than the
        checkpoint covers (`seen`), "witness-forked" when it has cosigned another tree of this
        size, "witness-unproved" when the checkpoint does not continue what it cosigned last
        (`seen`), "witness-refused" for anything else (`status`).
        """


@dataclass(frozen=True)
class WitnessAnswer:
    """What a witness answers over HTTP."""

    status: int
    """200 cosigned; 400 malformed, 403 no known key of the log, 404 unknown log, 409 not what was
    cosigned last, 422 no proof."""
    kind: str
    """The media type: `text/x.tlog.size` with a 409."""
    body: bytes
    """Signature lines with a 200, the size that was cosigned last with a 409."""


@dataclass(frozen=True)
class WitnessedLog:
    """A log of others, as far as a witness has cosigned it."""

    origin: str
    size: int
    """Events of the newest checkpoint that was cosigned, 0 before the first one."""
    root: str
    """Its root, hexadecimal."""
    keys: tuple[str, ...]
    """The verifier keys that are believed; none for a log that was withdrawn."""


@dataclass(frozen=True)
class Fork:
    """Two checkpoints of one size, both signed by the log itself: nobody can explain them away."""

    origin: str
    size: int
    roots: tuple[str, str]
    """The one that was cosigned and the one that came later, hexadecimal."""
    notes: tuple[bytes | None, bytes]
    """Both as the log signed them; None for one that a witness of an older make did not keep."""
    at: datetime
    """When the second one came, UTC."""


class Witnessing(Protocol):
    """The witness that this house is for the logs of others."""

    @property
    def key(self) -> str:
        """Its verifier key (`name+hash+key`)."""

    def register(self, text: str) -> str:
        """Begins to witness the log of a verifier key, whose name is the origin; gives the origin.

        A further key of a known log is added to those that it has, and its memory stays. Raises
        InvalidValueError("verifier-key").
        """

    def withdraw(self, origin: str) -> None:
        """Witnesses a log no more. What was cosigned stays remembered, should it be registered
        again. Raises NotFoundError("witness-log-unknown")."""

    def logs(self) -> Sequence[WitnessedLog]:
        """All logs that were ever registered, by origin."""

    def forks(self) -> Sequence[Fork]:
        """Those that were seen, the first one first."""

    def add_checkpoint(self, request: bytes, now: datetime) -> WitnessAnswer:
        """The answer to a request, as C2SP tlog-witness has it. What a 200 signs is remembered,
        durable, before this returns, and so is the proof of a fork. Raises UnavailableError when
        it cannot be."""


@dataclass(frozen=True)
class Dated:
    """What a time-stamp authority gave."""

    token: bytes
    """The RFC 3161 response as it came."""
    at: datetime
    """The time that it vouches for, UTC."""
    until: datetime
    """When the authority's certificate ends, UTC."""


class TimeAuthority(Protocol):
    """A time-stamp authority (RFC 3161)."""

    @property
    def name(self) -> str:
        """As the settings name it."""

    @property
    def roots(self) -> bytes:
        """The certificates by which it is believed, PEM; raises UnavailableError."""

    def date(self, content: bytes) -> Dated:
        """A token over the bytes, checked against the authority's own certificates.

        Raises UnavailableError when it cannot be had, IntegrityError when it does not fit.
        """

    def check(self, content: bytes, token: bytes) -> Dated:
        """What a kept token says of the bytes; raises IntegrityError when it does not fit."""


@dataclass(frozen=True)
class KeptToken:
    """An authority's reply in the object store."""

    authority: str
    at: datetime
    """The time that it vouches for, UTC."""
    until: date
    """The day on which the authority's certificate ends."""
    token: Digest


@dataclass(frozen=True)
class Attested:
    """A checkpoint that outsiders have vouched for."""

    position: int
    """Of the event that says so."""
    version: int
    """Of that event in its stream."""
    size: int
    """Events that the checkpoint covers."""
    at: datetime
    """When it was recorded, UTC."""
    checkpoint: Digest
    """The signed note with all cosignatures, in the object store."""
    witnesses: tuple[str, ...]
    tokens: tuple[KeptToken, ...]


class Attestations(Protocol):
    """What outsiders have vouched for, the answers of a view: it may lie a moment behind."""

    def newest(self) -> Attested | None:
        """The last one, None before the first."""

    def last(self, count: int) -> Sequence[Attested]:
        """The newest ones, the newest first."""

    def covering(self, position: int) -> Sequence[Attested]:
        """Of those whose checkpoint covers a position of the journal: the oldest and the newest
        of all, and the oldest and the newest of those that an authority dated; by size, each
        once."""

    def all(self) -> Sequence[Attested]:
        """Every one, by size."""


@dataclass(frozen=True)
class PackedEvent:
    """An event in an evidence pack, as the report tells of it."""

    position: int
    at: datetime | None
    """When it was recorded, UTC; None where the event cannot be read."""
    name: str
    """The stored name, `dossier-opened/1`; "" where the event cannot be read."""
    by: str | None
    """The name of who acted; None where it was erased or cannot be read."""
    agent: str
    """The opaque identity of who acted."""
    role: str
    agency: str
    """Code and name of the agency for which they acted."""
    basis: str
    """Code of the legal basis and its reference."""
    says: tuple[tuple[str, str], ...]
    """Field names and values, as far as the reader of the pack may see them."""
    state: str
    """Of the signature: `intact`, or the code of what is wrong."""
    in_log: bool
    left_out: tuple[str, ...]
    """Personal fields whose disclosures are not in the pack: left out on request or erased."""


@dataclass(frozen=True)
class PackedFile:
    """A document in an evidence pack."""

    name: str
    """The path in the pack."""
    kind: str
    """`original`, `pdfa`, `text`, `words`."""
    sha256: str
    """Hexadecimal."""
    size: int
    """Bytes."""


@dataclass(frozen=True)
class MissingFile:
    """A document that events in the pack name by its digest and whose bytes the archive has no
    more."""

    name: str
    """The path that it would have in the pack."""
    kind: str
    """As that of a PackedFile."""
    record: StreamId
    number: int | None
    """Of the record in its dossier, as far as events in the pack tell it."""
    why: str
    """`lost`, or `damaged`: there are other bytes in its place."""


@dataclass(frozen=True)
class PackedAttestation:
    """Somebody outside who vouches for the checkpoint of a pack."""

    kind: str
    """`witness`; `unnamed` for one whom the policy of the pack does not name; `time`."""
    name: str
    at: datetime | None
    """The time that it vouches for, UTC."""


@dataclass(frozen=True)
class Absence:
    """What a reader may look for in a pack and does not find, though nobody asked to leave it
    out."""

    why: str
    """Of records: `isolated`, `erased`, `withdrawn`, `moved`, `unreadable`. Of files: `shared`,
    with records out of sight; `damaged`, whose bytes are damaged or lost. Of streams: `part`, some
    of their events stay out."""
    count: int
    """How many records, files or streams."""
    numbers: tuple[int, ...] = ()
    """The numbers of the records in the dossier, for damaged files of those that they belong to, as
    far as events in the pack tell them."""


@dataclass(frozen=True)
class PackFacts:
    """What an evidence pack holds, for the report in it. Personal values are in here as far as
    the disclosures are in the pack."""

    reference: str
    """The dossier's code, or a record's code or identity."""
    kind: str
    """`dossier` or `record`."""
    title: str | None
    """None when it was left out, erased or never given."""
    archive: str
    origin: str
    """The log's name in the world."""
    made_at: datetime
    """UTC."""
    made_by: str | None
    """The name of who asked for the pack."""
    made_for: str
    """Code and name of the agency in whose name they asked."""
    checkpoint_size: int
    checkpoint_root: str
    """Hexadecimal."""
    certificate: str
    """SHA-256 of the first system certificate, hexadecimal."""
    log_key: str
    """The verifier key of the log."""
    attestations: tuple[PackedAttestation, ...]
    events: tuple[PackedEvent, ...]
    files: tuple[PackedFile, ...]
    left_out: tuple[str, ...]
    """The fields that were left out on request, by name."""
    proves: tuple[str, ...]
    """Codes of what the pack proves, the most important first."""
    not_proved: tuple[str, ...]
    """Codes of what it does not prove."""
    absent: tuple[Absence, ...] = ()
    missing: tuple[MissingFile, ...] = ()
    """Each file once for every record that it belongs to."""

    @property
    def altered(self) -> tuple[int, ...]:
        """The positions of events that are not what the archive signed, or that its log does not
        hold with this content."""
        return tuple(
            each.position for each in self.events if each.state != "intact" or not each.in_log
        )


class ReportMaker(Protocol):
    """Makes the report that people read of an evidence pack."""

    def make(self, facts: PackFacts) -> bytes:
        """A PDF/A in Vietnamese and English, signed with the system signature.

        Raises UnavailableError when it cannot be made now.
        """
