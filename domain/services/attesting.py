"""Attestation: outsiders are shown the newest checkpoint, and what they sign is kept and logged.

Witnesses cosign that it continues everything they saw before; authorities date the cosigned note.
What they gave stands in the object store, what it is in an event, and that event in the log: each
attestation covers all those before it, so that a new token renews the old ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain import attestation
from domain.access import Action
from domain.attestation import CheckpointAttested, TimeToken
from domain.errors import ArchiveError, IntegrityError, RuleError, UnavailableError
from domain.events import Change
from domain.evidence import Attested, Checkpoint, Dated
from domain.refusals import AHEAD, ALARMS, Refusal
from domain.services import Archive, Request
from domain.services.deciding import Decided, carry_out, permit_everywhere, worker_acting
from domain.services.proving import advance, ended_logs
from domain.services.storing import stored
from domain.values import Basis, CommandId, Kind, kind_of

_BASIS = Basis("CHAUBAN")
_RENEWED = timedelta(days=90)
"""So long before an authority's certificate ends a later one is looked for."""
_NOTE, _REPLY = "text/plain", "application/timestamp-reply"
_OF_THE_LOG = (Kind.LOG, Kind.KEYS)
_LOOK = 50
_ROUNDS = 3
"""How often all are asked anew because another process has shown a newer checkpoint meanwhile."""
OVERDUE, UNDATED, UNWITNESSED, ENDING = (
    "attestation-overdue",
    "attestation-undated",
    "attestation-unwitnessed",
    "attestation-ending",
)


@dataclass(frozen=True)
class Silent:
    """An outsider who gave nothing."""

    name: str
    code: str
    """What was wrong, the code of an error."""
    details: Mapping[str, str | int]
    """The facts of that error."""


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with what outsiders vouch for."""

    code: str
    """One of those above, or of `domain.refusals.ALARMS`."""
    details: Mapping[str, str | int]
    """Facts for the message."""

    @property
    def is_alarm(self) -> bool:
        """True when a witness has signed another history than this one."""
        return self.code in ALARMS


@dataclass(frozen=True)
class Attempt:
    """What asking the outsiders brought."""

    made: bool
    """True when an attestation was recorded."""
    newest: Attested | None
    """The newest one now."""
    silent: tuple[Silent, ...]
    """Who was asked and gave nothing."""


def attest_for(archive: Archive, request: Request) -> Attempt:
    """`attest` now, for who may verify everything; RuleError when there is no outsider to ask."""
    permit_everywhere(archive, request, Action.VERIFY)
    if not (archive.witnesses or archive.authorities):
        raise RuleError("no-outsiders")
    return attest(archive)


def attest(archive: Archive) -> Attempt:
    """Has the newest checkpoint attested, in the worker's name.

    (1) The log is brought to the journal's end. (2) Each witness is asked for its line, (3) each
    authority for a token over the note with these lines; who gives nothing is named and hinders
    nobody. (4) The bytes are put. (5) The event that names them is appended. (6) Who signed another
    history is remembered until it signs again. A crash before (5) leaves bytes without a fact,
    which the worker sweeps; the next attempt asks anew. One before (6) leaves no alarm, and the
    next attempt is refused anew.

    Nothing happens while the log has nothing new but its own events, unless an outsider is missing
    from the newest attestation or its last certificate ends soon; then (4) and (5) happen only for
    who was missing, or for a certificate that ends later. Raises what `advance` raises.
    """
    checkpoint = advance(archive)  # (1)
    before = _newest(archive)
    news = checkpoint is not None and _news_since(archive, before) is not None
    if checkpoint is None or not (news or _is_wanting(archive, before)):
        return Attempt(made=False, newest=before, silent=())
    asked = _cosigned(archive, checkpoint)  # (2)
    try:
        dated, undated = _dated(archive, asked.note)  # (3)
        silent = (*asked.silent, *undated)
        signed = asked.witnesses
        worth = (signed or dated) if news else _is_better(archive, before, signed, dated)
        if not worth:
            return Attempt(made=False, newest=before, silent=silent)
        _record(archive, asked.checkpoint.size, asked.note, signed, dated)  # (4) and (5)
    finally:
        _remember(archive, asked)  # (6)
    return Attempt(made=True, newest=_newest(archive), silent=silent)


def troubles(archive: Archive) -> Sequence[Trouble]:
    """What is wrong with what outsiders vouch for, the worst first; nobody is asked for it."""
    asked = {each.name for each in archive.witnesses}
    found = _alarms(archive, asked)
    dated = {each.name for each in archive.authorities}
    if is_overdue(archive):
        found.append(Trouble(OVERDUE, {}))
    else:
        if _is_silent(archive, dated, _authorities_of):
            found.append(Trouble(UNDATED, {"count": len(dated)}))
        if _is_silent(archive, asked, _witnesses_of):
            found.append(Trouble(UNWITNESSED, {"count": len(asked)}))
    last = _heard(archive.attestations.last(_LOOK), _authorities_of)
    if last is not None and _ends(archive, last):
        found.append(Trouble(ENDING, {"day": _until(last).isoformat()}))
    return found


def _alarms(archive: Archive, asked: set[str]) -> list[Trouble]:
    """Who of those that are asked has signed another history. What a witness holds against a log
    that was ended is in the event of its end."""
    try:
        refusals = archive.refusals.all()
    except UnavailableError as exc:
        return [Trouble(exc.code, exc.details)]
    ended = set[str]()
    if refusals:
        with suppress(IntegrityError):  # An altered event hides no alarm.
            ended = {each.origin for each in ended_logs(archive)}
    return [
        Trouble(each.code, {**each.details, "since": _instant(each.since)})
        for each in refusals
        if each.witness in asked and each.origin not in ended
    ]


def is_overdue(archive: Archive) -> bool:
    """True when outsiders should have been shown what is new long ago."""
    if not (archive.witnesses or archive.authorities):
        return False
    return _is_late(archive, archive.attestations.newest())


def _is_silent(archive: Archive, names: set[str], of: Callable[[Attested], set[str]]) -> bool:
    """True when none of these outsiders gave anything for what is new, for as long as nobody's
    silence is borne."""
    if not names:
        return False
    looked = archive.attestations.last(_LOOK)
    last = _heard(looked, lambda each: of(each) & names)
    if last is None and len(looked) == _LOOK:
        last = looked[-1]  # It was even longer ago.
    return _is_late(archive, last)


def _heard(looked: Sequence[Attested], of: Callable[[Attested], set[str]]) -> Attested | None:
    return next((each for each in looked if of(each)), None)


def _is_late(archive: Archive, last: Attested | None) -> bool:
    since = _news_since(archive, last)
    return since is not None and archive.clock.now() - since > 2 * archive.attest_every


def _newest(archive: Archive) -> Attested | None:
    archive.views.catch_up()
    return archive.attestations.newest()


# ---------------------------------------------------------------- whether


def _news_since(archive: Archive, last: Attested | None) -> datetime | None:
    """When the first event was recorded that an attestation does not cover, None where it covers
    all but the log's own: those would beget each other for ever."""
    covered = last.size if last is not None else 0
    with suppress(IntegrityError):
        while events := archive.journal.follow(covered, _LOOK):
            for each in events:
                if kind_of(each.stream) not in _OF_THE_LOG:
                    return each.at
            covered = events[-1].position
        return None
    # An altered event is for the log and for `verify` to name; it came behind that attestation.
    return last.at if last is not None else datetime.min.replace(tzinfo=UTC)


def _is_wanting(archive: Archive, before: Attested | None) -> bool:
    """True when asking again, with nothing new to show, may bring something that is not there."""
    if before is None:
        return False
    asked = {each.name for each in archive.witnesses} | {each.name for each in archive.authorities}
    return bool(asked - _names(before)) or (bool(archive.authorities) and _ends(archive, before))


def _is_better(
    archive: Archive,
    before: Attested | None,
    witnesses: Sequence[str],
    dated: Sequence[tuple[str, Dated]],
) -> bool:
    """True when somebody gave something who was missing, or a token outlives one that ends."""
    assert before is not None
    gave = {*witnesses, *(name for name, _ in dated)}
    until = max((_day(each.until) for _, each in dated), default=date.min)
    later = _ends(archive, before) and until > _until(before)
    return bool(gave - _names(before)) or later


def _names(attested: Attested) -> set[str]:
    return _witnesses_of(attested) | _authorities_of(attested)


def _witnesses_of(attested: Attested) -> set[str]:
    return set(attested.witnesses)


def _authorities_of(attested: Attested) -> set[str]:
    return {each.authority for each in attested.tokens}


def _until(attested: Attested) -> date:
    """The day on which the last of its certificates ends."""
    return max((each.until for each in attested.tokens), default=date.min)


def _ends(archive: Archive, attested: Attested) -> bool:
    """True when every certificate behind its tokens ends soon, or there is none."""
    return _until(attested) < _day(archive.clock.now() + _RENEWED)


# ---------------------------------------------------------------- asking


@dataclass(frozen=True)
class _Asked:
    """What the witnesses said of a checkpoint."""

    checkpoint: Checkpoint
    note: bytes
    """Its note with the lines of those who signed."""
    witnesses: tuple[str, ...]
    """Who signed."""
    silent: tuple[Silent, ...]
    """Who did not."""


def _cosigned(archive: Archive, checkpoint: Checkpoint) -> _Asked:
    """What the witnesses say of the checkpoint, or of a newer one of this log that another process
    has shown to one of them meanwhile: that it knows more than the first one is no alarm.

    Raises UnavailableError("log-busy") when others are always faster.
    """
    for _ in range(_ROUNDS):
        asked = _asked(archive, checkpoint)
        newer = _overtaken(archive, asked)
        if newer is None:
            return asked
        checkpoint = newer
    raise UnavailableError("log-busy")


def _overtaken(archive: Archive, asked: _Asked) -> Checkpoint | None:
    """The newest checkpoint where a witness is ahead of the one that it was shown and not of it."""
    ahead = [each.details["seen"] for each in asked.silent if each.code == AHEAD]
    newest = archive.log.newest() if ahead else None
    if newest is None or newest.origin != asked.checkpoint.origin:
        return None
    covered = any(isinstance(seen, int) and seen <= newest.size for seen in ahead)
    return newest if covered else None


def _asked(archive: Archive, checkpoint: Checkpoint) -> _Asked:
    note, names, silent = checkpoint.note, [], []
    for witness in archive.witnesses:
        try:
            line = witness.cosign(checkpoint, archive.log.consistency)
        except ArchiveError as exc:
            silent.append(Silent(witness.name, exc.code, exc.details))
        else:
            note += line.encode()
            names.append(witness.name)
    return _Asked(checkpoint, note, tuple(names), tuple(silent))


def _remember(archive: Archive, asked: _Asked) -> None:
    """A memory that cannot be written hinders nothing: whoever asked is told, and the next one."""
    origin, now = asked.checkpoint.origin, archive.clock.now()
    with suppress(UnavailableError):
        for each in asked.silent:
            if each.code in ALARMS:
                archive.refusals.keep(Refusal(each.name, origin, each.code, each.details, now))
        for name in asked.witnesses:
            archive.refusals.settle(name, origin)


def _dated(archive: Archive, note: bytes) -> tuple[list[tuple[str, Dated]], list[Silent]]:
    dated, silent = [], []
    for authority in archive.authorities:
        try:
            dated.append((authority.name, authority.date(note)))
        except ArchiveError as exc:
            silent.append(Silent(authority.name, exc.code, exc.details))
    return dated, silent


# ---------------------------------------------------------------- recording


def _record(
    archive: Archive,
    size: int,
    note: bytes,
    witnesses: tuple[str, ...],
    dated: Iterable[tuple[str, Dated]],
) -> None:
    worker, actor = worker_acting(archive)
    stream = attestation.stream_of(archive.id)

    def decide(at: datetime) -> Decided:
        tokens = tuple(  # (4)
            TimeToken(
                name,
                _instant(each.at),
                _day(each.until),
                stored(archive.objects, each.token, _REPLY),
            )
            for name, each in dated
        )
        event = CheckpointAttested(size, stored(archive.objects, note, _NOTE), witnesses, tokens)
        earlier = _newest(archive)
        change = Change(stream, earlier.version if earlier else 0, (event,))
        return Decided(actor, (change,))

    # Two processes may attest the same checkpoint: the second gets the first one's answer.
    request = Request(worker, CommandId(f"attest/{archive.id}/{size}"), _BASIS)
    carry_out(archive, request, {"do": "checkpoint-attest", "size": size}, decide)  # (5)


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
