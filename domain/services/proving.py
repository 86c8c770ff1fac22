"""The transparency log of the archive: letting it grow, and proving to others what stands in it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain import keyring
from domain.access import Action
from domain.archive import ArchiveFounded
from domain.errors import ArchiveError, IntegrityError, InvalidValueError, NotFoundError
from domain.events import Change, Event, Recorded
from domain.evidence import Checkpoint, LogState
from domain.services import Archive, Request, attested
from domain.services.deciding import Decided, Loaded, carry_out, permit_everywhere, worker_acting
from domain.services.replaying import stream_seen
from domain.values import Basis, CommandId, EventId, StreamId

_BASIS = Basis("CHAUBAN")
_LATE = timedelta(minutes=1)


@dataclass(frozen=True)
class Proved:
    """That an event stands in the log."""

    position: int
    stream: StreamId
    """What the event is about."""
    checkpoint: Checkpoint
    proof: bytes
    """A C2SP tlog-proof."""
    envelope: bytes
    """The signed event, the entry that is proved."""


@dataclass(frozen=True)
class Consistency:
    """That one state of the log is the beginning of a later one."""

    old: int
    size: int
    newest: Checkpoint
    path: tuple[bytes, ...]
    """RFC 6962, section 2.1.2."""


class Continuity(StrEnum):
    """What the log of today is to a checkpoint that somebody kept."""

    SAME = "same"
    CONTINUES = "continues"
    SHORTER = "shorter"
    """The end is gone, or all of it was taken back to an older state."""
    DIFFERS = "differs"
    """What was signed then is not what is there now."""
    LOST = "lost"
    """The archive has lost events that it covers, and its log was ended for it."""


@dataclass(frozen=True)
class Compared:
    """A kept checkpoint and the newest one."""

    kept: Checkpoint
    newest: Checkpoint | None
    continuity: Continuity


@dataclass(frozen=True)
class EndedLog:
    """A log that another one followed, because the archive lost events that it had signed."""

    origin: str
    key: str
    """The verifier key that signed last."""
    size: int
    """Events that were signed."""
    root: str
    """Root of their tree, hexadecimal."""
    kept: int | None
    """See `keyring.LogEnded`."""
    ground: keyring.LogEndGround
    reference: str | None
    """What the order to end it is called; None where none was named."""
    at: datetime
    """When it was ended, UTC."""
    position: int
    """Of the event that says so."""


def advance(archive: Archive) -> Checkpoint | None:
    """Brings the log to the journal's present end, in the worker's name; the newest checkpoint.

    The key that signs it is introduced by an event first: what introduces it is in the log itself.
    Raises what `TransparencyLog.sync` raises.
    """
    _introduce(archive)
    return archive.log.sync()


def _introduce(archive: Archive) -> None:
    state = archive.log.state()
    stream = keyring.stream_of(archive.id)

    def events(loaded: Loaded) -> tuple[keyring.KeyEvent, ...]:
        known = loaded.keys() if loaded.events else None
        return tuple(keyring.introduce_log_key(known, state.origin, state.key))

    if not events(Loaded(archive.journal.load(stream))):
        return
    worker, actor = worker_acting(archive)

    def decide(at: datetime) -> Decided:
        loaded = Loaded(archive.journal.load(stream))
        change = Change(stream, loaded.version, events(loaded))
        return Decided(actor, (change,))

    archive.log.begin(state.origin)
    request = Request(worker, CommandId(f"log-key/{state.key}"), _BASIS)
    carry_out(archive, request, {"do": "log-key-introduce", "key": state.key}, decide)


def log_state(archive: Archive) -> LogState:
    """How far the log is: for everybody, as a checkpoint says nothing of what it covers."""
    return archive.log.state()


def is_late(archive: Archive, state: LogState) -> bool:
    """True when an event has waited for the log longer than it should."""
    covered = state.checkpoint.size if state.checkpoint is not None else 0
    try:
        waiting = archive.journal.follow(covered, 1) if state.waiting else ()
    except IntegrityError:
        return True  # It will never come: what cannot be read does not enter the log.
    return bool(waiting) and archive.clock.now() - waiting[0].at > _LATE


def newest(archive: Archive) -> Checkpoint:
    """The newest checkpoint: for everybody, too. Raises NotFoundError before the first one."""
    found = archive.log.newest()
    if found is None:
        raise NotFoundError("log-empty")
    return found


def proof_of(archive: Archive, request: Request, reference: str) -> Proved:
    """The proof of an event under the newest checkpoint, for whoever may see it in a history.

    `reference` is its identity or its position. What no checkpoint covers yet is taken into the log
    first. Raises NotFoundError when there is none or it may not be seen, IntegrityError where what
    was logged is not what the journal has: "log-diverged", or "log-files-differ".
    """
    position, stream = _seen(archive, request, reference)
    covering = archive.log.newest()
    if covering is None or covering.size < position:
        covering = advance(archive)
    if covering is None:
        raise NotFoundError("event-not-in-log", position=position)
    proof, envelope = archive.log.proof(position, covering), _envelope(archive, position)
    archive.log.check(proof, envelope, log_keys(archive))
    return Proved(position, stream, covering, proof, envelope)


def envelope_of(archive: Archive, request: Request, reference: str) -> tuple[int, StreamId, bytes]:
    """The position of an event, what it is about, and its signed envelope; as `proof_of`."""
    position, stream = _seen(archive, request, reference)
    return position, stream, _envelope(archive, position)


def _seen(archive: Archive, request: Request, reference: str) -> tuple[int, StreamId]:
    position = _position(archive, reference)
    try:
        return position, stream_seen(archive, request, position)
    except NotFoundError as exc:
        raise NotFoundError(reference=reference[:80]) from exc


def _envelope(archive: Archive, position: int) -> bytes:
    return archive.journal.sealed(position - 1, 1)[0]


def _position(archive: Archive, reference: str) -> int:
    text = reference.strip()
    if text.isascii() and text.isdecimal() and len(text) < 16:
        position = int(text)
    else:
        position = archive.history.position_of(EventId(text)) or 0
    if not 1 <= position <= archive.journal.position():
        raise NotFoundError(reference=text[:80])
    return position


# ---------------------------------------------------------------- checkpoints that were kept


def consistency_of(archive: Archive, old: int, size: int | None = None) -> Consistency:
    """That the log of `size` events (of the newest checkpoint) continues that of `old`."""
    found = archive.log.newest()
    covered = found.size if found is not None else 0
    size = covered if size is None else size
    if found is None or not 0 < old <= size <= covered:
        raise InvalidValueError("log-sizes", covered=covered)
    return Consistency(old, size, found, tuple(archive.log.consistency(old, size)))


def read_kept(archive: Archive, kept: bytes) -> Checkpoint:
    """The checkpoint that somebody kept, alone or in a proof, signed with a key of this log.

    Raises InvalidValueError: "not-a-checkpoint", "checkpoint-of-another-log".
    """
    return archive.log.read(kept, log_keys(archive))


def compare_kept(archive: Archive, kept: bytes) -> Compared:
    """What became of the log since a checkpoint that somebody kept elsewhere; as `read_kept`.

    IntegrityError when the archive's own newest checkpoint is not signed with a key of the log.
    """
    keys = log_keys(archive)
    remembered, now = archive.log.read(kept, keys), archive.log.newest()
    if now is None or now.size < remembered.size:
        is_lost = now is not None and _is_lost(archive, remembered, now, keys)
        return Compared(remembered, now, Continuity.LOST if is_lost else Continuity.SHORTER)
    try:
        archive.log.read(now.note, keys)
    except InvalidValueError as exc:
        raise IntegrityError("note-not-signed") from exc
    if not archive.log.continues(remembered, now):
        is_lost = _is_lost(archive, remembered, now, keys)
        return Compared(remembered, now, Continuity.LOST if is_lost else Continuity.DIFFERS)
    same = now.size == remembered.size
    return Compared(remembered, now, Continuity.SAME if same else Continuity.CONTINUES)


def _is_lost(archive: Archive, kept: Checkpoint, now: Checkpoint, keys: Sequence[str]) -> bool:
    """True where a log was ended because the archive lost what the checkpoint covers. One that an
    event of the archive's own attests covers nothing that was lost."""
    loaded = Loaded(archive.journal.load(keyring.stream_of(archive.id)))
    ended = loaded.keys().ended if loaded.events else {}
    if kept.origin == now.origin or not keyring.is_lost(ended, kept.origin, kept.size):
        return False
    for each in archive.attestations.all():
        with suppress(ArchiveError):  # One that cannot be read attests nothing.
            note = attested.content_of(archive, each.checkpoint) if each.size == kept.size else b""
            found = archive.log.read(note, keys)
            if (found.origin, found.root) == (kept.origin, kept.root):
                return False
    return True


def log_keys(archive: Archive) -> tuple[str, ...]:
    """The keys that the log has had, by the events; the one that is there where none is told."""
    loaded = Loaded(archive.journal.load(keyring.stream_of(archive.id)))
    told = loaded.keys().log_keys if loaded.events else ()
    return told or (archive.log.state().key,)


def ended_logs(archive: Archive) -> tuple[EndedLog, ...]:
    """The logs that came before the present one, the first one first: for everybody, as the state
    of the log is."""
    return tuple(
        EndedLog(
            each.event.origin,
            each.event.key,
            each.event.size,
            each.event.root,
            each.event.kept,
            each.event.ground,
            each.basis.reference,
            each.at,
            each.position,
        )
        for each in archive.journal.load(keyring.stream_of(archive.id))
        if isinstance(each.event, keyring.LogEnded)
    )


def signer_of(archive: Archive, kept: bytes, keys: Sequence[str]) -> str | None:
    """The last of these keys of the log that signed a checkpoint, alone or in a proof."""
    for key in reversed(keys):
        with suppress(InvalidValueError):
            archive.log.read(kept, [key])
            return key
    return None


def certificates_in(recorded: Iterable[Recorded[Event]]) -> dict[str, str]:
    """Every system certificate that these events introduce, the first one first: X.509 DER in
    base64, by SHA-256 in hexadecimal."""
    return {
        each.event.certificate_sha256: each.event.certificate
        for each in recorded
        if isinstance(each.event, ArchiveFounded | keyring.SystemKeyIntroduced)
    }


# ---------------------------------------------------------------- all of it


def export(
    archive: Archive, request: Request, folder: str, *, progress: Callable[[str, int, int], None]
) -> Checkpoint:
    """The whole log in a new folder, for who may verify all of it: entries say who, when, what."""
    permit_everywhere(archive, request, Action.VERIFY)
    covering = advance(archive)
    if covering is None:
        raise NotFoundError("log-empty")
    done: Iterator[tuple[int, int]] = archive.log.export(folder, covering, attested.files(archive))
    for each in done:
        progress("log", *each)
    return covering
