"""The archive's own keys: which signed when, another one in their place, one that is believed no
more. The old key signs the event that introduces the new one; from the next event on it is out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time

from domain import keyring
from domain.access import Action
from domain.errors import InvalidValueError
from domain.events import Change
from domain.keyring import KeyEvent, KeyGround, KeyRing
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import VIETNAM, Decided, Loaded, carry_out, permit_everywhere
from domain.services.proving import EndedLog, ended_logs
from domain.services.replaying import day_of
from domain.values import Basis


@dataclass(frozen=True)
class KeyRow:
    """A key and its time."""

    kind: str
    """`system` for events, `log` for checkpoints."""
    key: str
    """SHA-256 of the certificate, or the verifier key."""
    introduced: int
    """Position of the event that introduced it; 0 of the founding's system key. Where that event
    was lost, of the one that ended its log."""
    at: datetime
    followed: int | None = None
    """Position of the event that introduced the next one; None while it signs."""
    place: str | None = None
    """`file` or `token`, None where the private half is not here."""
    ends: str | None = None
    """The day on which its certificate ends (ISO 8601)."""
    compromised_since: str | None = None
    """RFC 3339: from then on others may have used it."""
    ended: EndedLog | None = None
    """The log whose last key it was, where that was ended."""


def listed(archive: Archive, request: Request) -> tuple[KeyRow, ...]:
    """Every key that the archive has had, the oldest first: for who administers all of it."""
    permit_everywhere(archive, request, Action.ADMINISTER)
    (founding,) = archive.journal.follow(0, 1)
    system = [KeyRow("system", archive.keys.founding, 0, founding.at)]
    log: list[KeyRow] = []
    ended = {each.position: each for each in ended_logs(archive)}
    since: dict[str, str] = {}
    for each in archive.journal.load(keyring.stream_of(archive.id)):
        match each.event:
            case keyring.SystemKeyIntroduced():
                system[-1] = replace(system[-1], followed=each.position)
                key = each.event.certificate_sha256
                system.append(KeyRow("system", key, each.position, each.at))
            case keyring.LogKeyIntroduced():
                log[-1:] = [replace(last, followed=each.position) for last in log[-1:]]
                log.append(KeyRow("log", each.event.key, each.position, each.at))
            case keyring.LogEnded():
                if each.event.key not in [row.key for row in log]:
                    log[-1:] = [replace(last, followed=each.position) for last in log[-1:]]
                    log.append(KeyRow("log", each.event.key, each.position, each.at))
                end = ended[each.position]
                log = [replace(row, ended=end) if row.key == end.key else row for row in log]
            case keyring.KeyCompromised():
                since[each.event.key] = each.event.since
            case _:
                pass
    return tuple(
        replace(
            row,
            place=archive.keys.place_of(row.key),
            ends=archive.keys.ends_of(row.key),
            compromised_since=since.get(row.key),
        )
        for row in (*system, *log)
    )


def rotate_system_key(archive: Archive, request: Request, ground: KeyGround) -> Answer:
    """Another system key: (1) it is made and durable, (2) the present key signs its introduction,
    (3) it takes the place of the present one. Result: `certificate`.

    A crash before (2) leaves a key that the next rotation uses, after it one that the next start
    puts in its place; whoever writes meanwhile signs with the key whose turn it is.
    """

    def event(ring: KeyRing | None) -> KeyEvent:
        made = archive.keys.prepare_system_key()  # (1)
        return keyring.introduce_system_key(ring, archive.keys.founding, made, ground)

    return _rotate(archive, request, {"do": "key-rotate", "ground": ground.value}, event)


def rotate_log_key(archive: Archive, request: Request, ground: KeyGround) -> Answer:
    """Another key of the transparency log, under the same origin. The next checkpoint is signed by
    both. Result: `key`. The ground stands in the basis where nothing else does."""
    reference = request.basis.reference or ground.value
    request = replace(request, basis=Basis(request.basis.code, reference))

    def event(ring: KeyRing | None) -> KeyEvent:
        return keyring.replace_log_key(ring, archive.keys.prepare_log_key())

    return _rotate(archive, request, {"do": "log-key-rotate", "ground": ground.value}, event)


def declare_compromised(
    archive: Archive, request: Request, key: str, since: datetime, ground: KeyGround
) -> Answer:
    """Others may have signed with a key since an instant. It must have been replaced before."""
    if since > archive.clock.now():
        raise InvalidValueError("instant-in-future")
    if since.year <= 1:  # Beyond UTC's first day there is none to write.
        raise InvalidValueError("invalid-moment")
    text = since.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"
    asked = {"do": "key-compromised", "key": key, "since": text, "ground": ground.value}

    def event(ring: KeyRing | None) -> KeyEvent:
        return keyring.declare_compromised(ring, archive.keys.founding, key, text, ground)

    return carry_out(archive, request, asked, lambda at: _decided(archive, request, event))


def instant(text: str) -> datetime:
    """An instant, or the beginning of a day at UTC+7: RFC 3339, `2026-04-23`, `23/04/2026`."""
    stripped = text.strip()
    if len(stripped) <= 10:
        day = day_of(stripped)
        if day is None:
            raise InvalidValueError("invalid-moment")
        return datetime.combine(day, time.min, VIETNAM)
    try:
        at = datetime.fromisoformat(stripped)
    except ValueError as exc:
        raise InvalidValueError("invalid-moment") from exc
    return at if at.tzinfo else at.replace(tzinfo=VIETNAM)


def _rotate(
    archive: Archive,
    request: Request,
    asked: dict[str, str],
    event: Callable[[KeyRing | None], KeyEvent],
) -> Answer:
    permit_everywhere(archive, request, Action.ADMINISTER)
    with archive.keys.rotating():
        archive.keys.settle()  # What an earlier rotation left.
        answer = carry_out(archive, request, asked, lambda at: _decided(archive, request, event))
        archive.keys.settle()  # (3)
    return answer


def _decided(
    archive: Archive, request: Request, event: Callable[[KeyRing | None], KeyEvent]
) -> Decided:
    actor = permit_everywhere(archive, request, Action.ADMINISTER)
    stream = keyring.stream_of(archive.id)
    loaded = Loaded(archive.journal.load(stream))
    happened = event(loaded.keys() if loaded.events else None)
    result = {}
    if isinstance(happened, keyring.SystemKeyIntroduced):
        result = {"certificate": happened.certificate_sha256}
    elif isinstance(happened, keyring.LogKeyIntroduced):
        result = {"key": happened.key}
    return Decided(actor, (Change(stream, loaded.version, (happened,)),), result)
