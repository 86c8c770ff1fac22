"""The archive's own keys and what became of them, in a stream beside the founding.

The founding names the first certificate; every later key is introduced by an event that the key
before it has signed, so that whoever knows the first one can follow to the last. When a key fell
into other hands, an event says since when: what it signed after that is in doubt. When the archive
lost events that its log has signed, that log is ended by an event, and another one begins.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol, assert_never

from domain.errors import NotFoundError, RuleError
from domain.values import Kind, StreamId


class KeyGround(StrEnum):
    """Why a key is changed, or why it is believed no more."""

    SCHEDULED = "scheduled"
    MOVED = "moved"
    """To another place: into a token, to another machine."""
    STAFF = "staff"
    """Somebody who could reach it has left."""
    LOST = "lost"
    DISCLOSED = "disclosed"
    WEAK = "weak"
    """Its algorithm or its making is trusted no more."""


class LogEndGround(StrEnum):
    """Why the archive no longer has what its log has signed."""

    RESTORED = "restored"
    """It was brought back from an older backup."""
    LOST = "lost"
    """Its last events were lost in another way."""
    ALTERED = "altered"
    """Its events are not those that were signed."""


@dataclass(frozen=True)
class LogKeyIntroduced:
    """Checkpoints of the transparency log are signed with this key from now on."""

    origin: str
    """The log's name in the world, the first line of every checkpoint."""
    key: str
    """The verifier key, `name+hash+key` (C2SP signed-note)."""


@dataclass(frozen=True)
class SystemKeyIntroduced:
    """Events are signed with this key from the next position on; this one the key before signed."""

    certificate: str
    """The new system certificate, X.509 DER in base64."""
    certificate_sha256: str
    ground: KeyGround


@dataclass(frozen=True)
class KeyCompromised:
    """Others may have signed with this key since an instant."""

    key: str
    """SHA-256 of a system certificate, or a verifier key of the log."""
    since: str
    """RFC 3339 in UTC, with microseconds."""
    ground: KeyGround


@dataclass(frozen=True)
class LogEnded:
    """A log ended at the head that it signed last: the archive has lost what this one had beyond
    the archive's own events. The log that follows begins with these. Where nobody knew that head,
    the log ended at the archive's own events, all of which are kept; more may have been signed."""

    origin: str
    key: str
    """The verifier key that signed there last; an older journal may not know it."""
    size: int
    """Events that were signed."""
    root: str
    """Root of their tree, hexadecimal."""
    kept: int | None
    """So many of them, from the first one on, the archive has as they were signed, by all entries
    in the files of the log; None where these did not tell."""
    ground: LogEndGround


KeyEvent = LogKeyIntroduced | SystemKeyIntroduced | KeyCompromised | LogEnded


@dataclass(frozen=True)
class KeyRing:
    """The keys as the events tell of them. The founding's certificate is not among them."""

    id: StreamId
    origin: str | None = None
    log_keys: tuple[str, ...] = ()
    """The first one first; the last one signs."""
    system_keys: tuple[str, ...] = ()
    """SHA-256 of the certificates after the founding's; the last one signs, where there is one."""
    compromised: Mapping[str, str] = field(default_factory=dict)
    """Key to the earliest instant since which it is in doubt."""
    ended: Mapping[str, LogEnded] = field(default_factory=dict)
    """The logs that came before, by their origins."""


@dataclass(frozen=True)
class NewCertificate:
    """A key that is ready to sign and that no event has introduced yet."""

    der: str
    """X.509 DER in base64."""
    sha256: str


class KeyFolder(Protocol):
    """Where the archive's own keys are. What it makes is durable before it returns."""

    @property
    def founding(self) -> str:
        """SHA-256 of the first system certificate."""

    def rotating(self) -> AbstractContextManager[None]:
        """One rotation at a time, in all processes."""

    def prepare_system_key(self) -> NewCertificate:
        """The key that shall sign next, made now or by a rotation that did not get further."""

    def prepare_log_key(self) -> str:
        """The same for the log; its verifier key, under the origin that the log has."""

    def prepare_new_log(self, origin: str, known: Sequence[str]) -> str:
        """The same for a log of another origin, with a key that no event has introduced: `known`
        are those that were."""

    def settle(self) -> None:
        """Puts what the events have introduced in force: after a rotation, and after a crash in
        the middle of one."""

    def place_of(self, key: str) -> str | None:
        """`file` or `token`, where the private half is here; None where it is not."""

    def ends_of(self, key: str) -> str | None:
        """The day on which a system certificate ends (ISO 8601); None for one that is not here."""


def stream_of(archive: str) -> StreamId:
    """The stream of an archive's keys, known as soon as the archive is."""
    return StreamId(f"{Kind.KEYS}-{archive.partition('-')[2]}")


_NUMBERED = re.compile(r"(.+)~([0-9]{1,9})", re.DOTALL)


def is_numbered(origin: str) -> bool:
    """True for the name of a log that followed another one: `name~2`, `name~3` …"""
    return _NUMBERED.fullmatch(origin) is not None


def next_origin(origin: str) -> str:
    """The name of the log that follows one."""
    found = _NUMBERED.fullmatch(origin)
    return f"{found[1]}~{int(found[2]) + 1}" if found else f"{origin}~2"


def log_folder(origin: str) -> str:
    """Where the files of a log lie, beside the objects: nothing is ever written over those of a
    log that was ended, as they have the events that the archive lost."""
    found = _NUMBERED.fullmatch(origin)
    return f"log-{int(found[2])}" if found else "log"


def is_lost(ended: Mapping[str, LogEnded], origin: str, size: int) -> bool:
    """True where the archive may lack what a checkpoint of a former log covers: neither this log
    nor one that ended after it is known to have kept so many events."""
    logs = list(ended)
    if origin not in logs:  # The event that ended it was lost with the next one's.
        return True
    since = [ended[name].kept for name in logs[logs.index(origin) :]]
    return any(kept is None or kept < size for kept in since)


def introduce_log_key(state: KeyRing | None, origin: str, key: str) -> Sequence[KeyEvent]:
    """The log's first key; nothing when it is known, RuleError when another one is."""
    if state is None or not state.log_keys:
        return (LogKeyIntroduced(origin, key),)
    if (state.origin, state.log_keys[-1]) != (origin, key):
        raise RuleError("log-key-differs", origin=origin)
    return ()


def replace_log_key(state: KeyRing | None, key: str) -> KeyEvent:
    """Another key under the same origin; RuleError for one that signed before, and for one of a
    log that was ended."""
    if state is None or state.origin is None:
        raise RuleError("log-key-unknown")
    if key.partition("+")[0] != state.origin:
        raise RuleError("log-ended", origin=key.partition("+")[0])
    if key in state.log_keys:
        raise RuleError("key-known")
    return LogKeyIntroduced(state.origin, key)


def end_log(state: KeyRing | None, ended: LogEnded, key: str) -> Sequence[KeyEvent]:
    """The end of a log and the first key of the one that follows it under the next origin;
    RuleError for one that was ended before: the keys that are here are of an earlier day."""
    if state is not None and ended.origin in state.ended:
        raise RuleError("log-key-differs", origin=ended.origin)
    return ended, LogKeyIntroduced(next_origin(ended.origin), key)


def introduce_system_key(
    state: KeyRing | None, founding: str, made: NewCertificate, ground: KeyGround
) -> KeyEvent:
    """The next system key; RuleError for one that signed before."""
    if made.sha256 in (founding, *(state.system_keys if state is not None else ())):
        raise RuleError("key-known")
    return SystemKeyIntroduced(made.der, made.sha256, ground)


def declare_compromised(
    state: KeyRing | None, founding: str, key: str, since: str, ground: KeyGround
) -> KeyEvent:
    """A key of this archive that signs no more; a later declaration can only go further back.

    RuleError while it signs: whatever it signs from now on would be in doubt, the declaration, too.
    """
    ring = state or KeyRing(StreamId(""))
    system = (founding, *ring.system_keys)
    if key not in (*system, *ring.log_keys):
        raise NotFoundError(reference=key[:80])
    if key in (system[-1], *ring.log_keys[-1:]):
        raise RuleError("key-still-signs")
    if key in ring.compromised and ring.compromised[key] <= since:
        raise RuleError("key-compromised-earlier", since=ring.compromised[key])
    return KeyCompromised(key, since, ground)


def evolve(state: KeyRing | None, stream: StreamId, event: KeyEvent) -> KeyRing:
    """The keys after the event."""
    ring = state or KeyRing(stream)
    match event:
        case LogKeyIntroduced():
            return replace(ring, origin=event.origin, log_keys=(*ring.log_keys, event.key))
        case SystemKeyIntroduced():
            return replace(ring, system_keys=(*ring.system_keys, event.certificate_sha256))
        case KeyCompromised():
            return replace(ring, compromised={**ring.compromised, event.key: event.since})
        case LogEnded():
            unknown = () if event.key in ring.log_keys else (event.key,)
            return replace(
                ring,
                log_keys=(*ring.log_keys, *unknown),
                ended={**ring.ended, event.origin: event},
            )
        case _:
            assert_never(event)
