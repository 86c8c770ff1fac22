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
from domain.errors import ArchiveError, IntegrityError, RuleError
from domain.events import Change
from domain.evidence import Attested, Checkpoint, Dated
from domain.refusals import ALARMS, Refusal
from domain.services import Archive, Request
from domain.services.deciding import Decided, carry_out, permit_everywhere, worker_acting
from domain.services.proving import advance
from domain.services.storing import stored
from domain.values import Basis, CommandId, Kind, kind_of

_BASIS = Basis("CHAUBAN")
_RENEWED = timedelta(days=90)
"""So long before an authority's certificate ends a later one is looked for."""
_NOTE, _REPLY = "text/plain", "application/timestamp-reply"
_OF_THE_LOG = (Kind.LOG, Kind.KEYS)
_LOOK = 50
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
    nobody. (4) The bytes are put. (5) The event that names them is appended. A crash before (5)
    leaves bytes without a fact, which the worker sweeps; the next attempt asks anew.

    Nothing happens while the log has nothing new but its own events, unless an outsider is missing
    from the newest attestation or its last certificate ends soon; then (4) and (5) happen only for
    who was missing, or for a certificate that ends later. Raises what `advance` raises.
    """
    checkpoint = advance(archive)  # (1)
    before = _newest(archive)
    news = checkpoint is not None and _has_news(archive, before.size if before else 0)
    if checkpoint is None or not (news or _is_wanting(archive, before)):
        return Attempt(made=False, newest=before, silent=())
    note, witnesses, unseen = _cosigned(archive, checkpoint)  # (2)
    dated, undated = _dated(archive, note)  # (3)
    silent = (*unseen, *undated)
    worth = (witnesses or dated) if news else _is_better(archive, before, witnesses, dated)
    if not worth:
        return Attempt(made=False, newest=before, silent=silent)
    _record(archive, checkpoint.size, note, witnesses, dated)  # (4) and (5)
    return Attempt(made=True, newest=_newest(archive), silent=silent)


def troubles(archive: Archive) -> Sequence[Trouble]:
    """What is wrong with what outsiders vouch for, the worst first; nobody is asked for it."""
    asked = {each.name for each in archive.witnesses}
    found = [
        Trouble(each.code, {**each.details, "since": _instant(each.since)})
        for each in archive.refusals.all()
        if each.witness in asked
    ]
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
    age = archive.clock.now() - last.at if last is not None else timedelta.max
    return age > 2 * archive.attest_every and _has_news(archive, last.size if last else 0)


def _newest(archive: Archive) -> Attested | None:
    archive.views.catch_up()
    return archive.attestations.newest()


# ---------------------------------------------------------------- whether


def _has_news(archive: Archive, covered: int) -> bool:
    """True when there is an event behind the last attested checkpoint that is not the log's own:
    those would beget each other for ever."""
    with suppress(IntegrityError):
        while events := archive.journal.follow(covered, _LOOK):
            if any(kind_of(each.stream) not in _OF_THE_LOG for each in events):
                return True
            covered = events[-1].position
        return False
    return True  # An altered event is for the log and for `verify` to name.


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


def _cosigned(
    archive: Archive, checkpoint: Checkpoint
) -> tuple[bytes, tuple[str, ...], list[Silent]]:
    """The note with the lines of all witnesses, who they are, and who gave none. That one has
    signed another history is remembered until it signs again."""
    note, names, silent = checkpoint.note, [], []
    for witness in archive.witnesses:
        try:
            line = witness.cosign(checkpoint, archive.log.consistency)
        except ArchiveError as exc:
            silent.append(Silent(witness.name, exc.code, exc.details))
            if exc.code in ALARMS:
                now = archive.clock.now()
                archive.refusals.keep(Refusal(witness.name, exc.code, exc.details, now))
        else:
            archive.refusals.settle(witness.name)
            note += line.encode()
            names.append(witness.name)
    return note, tuple(names), silent


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
