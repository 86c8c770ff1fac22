"""Locks on originals: they fall with the confirmation, roll on, and their lapse is named.

The horizon is short (a year) and renewed at its half, for a lock under COMPLIANCE ends for nobody
before its time: what retention lets go one day must not stay locked for a generation.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.agents import Actor, Role
from domain.dossier import Dossier
from domain.errors import IntegrityError, NotFoundError
from domain.events import Change
from domain.hold import LockLapsed, LockRestored
from domain.ports import Protection
from domain.record import Record
from domain.searching import SearchScope
from domain.services import Archive, Request
from domain.services.deciding import Decided, carry_out, load
from domain.values import Basis, CommandId, Digest, Kind, StreamId, kind_of
from domain.views import Cursor, DossierFilter, DossierRow, RecordRow

UNLOCKED = "none"
LAPSED = "lock-lapsed"
"""The reason of the item in the work list that lasts until the lock is restored."""
_PROOF_LASTS = timedelta(days=1)
_PAGE = 500


@dataclass(frozen=True)
class Renewed:
    """What a pass over all locks found and did."""

    checked: int
    """Originals of confirmed records whose lock was asked for."""
    renewed: int
    """Originals whose lock was made longer or set again."""
    lapsed: tuple[StreamId, ...]
    """Records of which an original had no lock, or an ended one, when the pass came to them."""


def originals(paper: Record) -> tuple[Digest, ...]:
    """The bytes of a record that are locked; none for one on paper alone."""
    return tuple(source.file.sha256 for source in paper.sources)


def listed_originals(row: RecordRow) -> tuple[Digest, ...]:
    """`originals`, of a record as lists show it."""
    return row.originals


def lock_originals(archive: Archive, paper: Record, at: datetime, *, held: bool) -> str:
    """Locks the originals before the confirmation is recorded; how they are locked then.

    (1) The store proves that it keeps a lock; else UnavailableError("worm-probe-failed") and
    nobody confirms anything. (2) The lock falls, and the hold where one stands on the dossier.
    A crash after it leaves locked bytes and no confirmation: the next confirmation finds them so.
    """
    sources = originals(paper)
    if archive.objects.lock == UNLOCKED or not sources:
        return UNLOCKED
    archive.objects.probe(within=_PROOF_LASTS)  # (1)
    for source in sources:  # (2)
        archive.objects.protect(source, until=at + archive.lock_horizon)
        if held:
            archive.objects.hold(source)
    return archive.objects.lock


def renew_locks(archive: Archive, *, now: datetime) -> Renewed:
    """Makes longer every lock of which less than half the horizon is left; nightly work.

    (1) The store proves anew that it keeps a lock. (2) One question for each original tells how
    it stands. (3) A lapse is recorded before it is mended, and (4) that it is mended. A crash
    repeats the pass; UnavailableError ends it, and what was done stays done. Holds are brought
    to what the dossiers say, also after a crash in the middle of placing or lifting one.
    """
    if archive.objects.lock == UNLOCKED:
        return Renewed(0, 0, ())
    archive.objects.probe()  # (1)
    archive.views.catch_up()
    open_lapses = lapses(archive)
    checked = renewed = 0
    lapsed: list[StreamId] = []
    for row in _dossiers(archive):
        held = _is_held(archive, row.id)
        for paper in archive.catalogue.records(row.id):
            found = {each: _protection(archive, each) for each in listed_originals(paper)}  # (2)
            _bring_holds(archive, found, held=held)
            if not paper.confirmed or not found:
                continue
            checked += len(found)
            due = [each for each in found if _is_due(archive, found[each], now)]
            if due or paper.id in open_lapses:
                done, had_lapsed = _renew(archive, paper.id, found, due, now)
                renewed += done
                lapsed.extend([paper.id] if had_lapsed else [])
    archive.views.catch_up()  # The work list shall name a lapse at once.
    return Renewed(checked, renewed, tuple(lapsed))


def lapses(archive: Archive) -> frozenset[StreamId]:
    """The records whose lock has lapsed and was not restored, as far as the views have come."""
    items = archive.work.items(task="look")
    return frozenset(item.record for item in items if item.reason == LAPSED)


def release_unless_held(archive: Archive, source: Digest) -> None:
    """Takes the hold of the bytes away unless a record of a held dossier has the same ones.

    The views must have come to the journal's end.
    """
    for holder in archive.catalogue.referring(source):
        if kind_of(holder) is Kind.RECORD:
            state = _state(archive, holder)
            if state is None or _is_held(archive, state.dossier):
                return
    archive.objects.release(source)


def _renew(
    archive: Archive,
    record: StreamId,
    found: dict[Digest, Protection],
    due: list[Digest],
    now: datetime,
) -> tuple[int, bool]:
    """How many originals were locked for longer, and whether one had no lock."""
    gone = [each for each in found if not _is_locked(found[each], now)]
    state = _state(archive, record)
    if gone and state is not None and state.lock != UNLOCKED and not state.lapsed:  # (3)
        _record(
            archive,
            record,
            tuple(LockLapsed(each, _day(found[each].until)) for each in gone),
        )
    until = now + archive.lock_horizon
    renewed = 0
    for each in due:
        with suppress(IntegrityError, NotFoundError):  # `verify` names what is wrong with them.
            archive.objects.protect(each, until=until)
            renewed += 1
    state = _state(archive, record)
    mended = renewed == len(due)
    if mended and state is not None and (state.lapsed or state.lock == UNLOCKED):  # (4)
        # What was not due is locked for at least half the horizon.
        least = min([until, *(p.until for d, p in found.items() if p.until and d not in due)])
        _record(archive, record, (LockRestored(archive.objects.lock, least.date()),))
    return renewed, bool(gone) and (state is None or state.lock != UNLOCKED)


def _record(
    archive: Archive, record: StreamId, events: tuple[LockLapsed | LockRestored, ...]
) -> None:
    worker = load(archive, archive.worker).agent()
    request = Request(worker, CommandId(archive.identifiers.new()), Basis("CHAUBAN"))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, record)
        agency = load(archive, loaded.record().dossier).dossier().receiving
        actor = Actor(archive.worker, Role.SYSTEM, agency)
        return Decided(actor, (Change(record, loaded.version, events),))

    carry_out(archive, request, {"do": "renew-lock", "record": record}, decide)


def _bring_holds(archive: Archive, found: dict[Digest, Protection], *, held: bool) -> None:
    for source, protection in found.items():
        if held and not protection.held:
            with suppress(IntegrityError, NotFoundError):
                archive.objects.hold(source)
        elif protection.held and not held:
            release_unless_held(archive, source)


def _dossiers(archive: Archive) -> Iterator[DossierRow]:
    """Every dossier; one that is opened meanwhile is for the next pass."""
    scope = SearchScope(frozenset(archive.catalogue.agencies()), restricted=True)
    after: Cursor | None = None
    while rows := archive.catalogue.browse(scope, DossierFilter(), after=after, limit=_PAGE):
        yield from rows
        after = (rows[-1].opened_on, rows[-1].id)


def _is_held(archive: Archive, dossier: StreamId) -> bool:
    """A dossier whose events are damaged counts as held: nothing of it is let go."""
    try:
        state: Dossier = load(archive, dossier).dossier()
    except IntegrityError:
        return True
    return state.held


def _state(archive: Archive, record: StreamId) -> Record | None:
    """None where the record's events are damaged: its bytes are locked all the same."""
    try:
        return load(archive, record).record()
    except IntegrityError:
        return None


def _protection(archive: Archive, source: Digest) -> Protection:
    try:
        return archive.objects.protection(source)
    except NotFoundError:
        return Protection(None, held=False)


def _is_locked(found: Protection, now: datetime) -> bool:
    return found.until is not None and found.until > now


def _is_due(archive: Archive, found: Protection, now: datetime) -> bool:
    return found.until is None or found.until - now < archive.lock_horizon / 2


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.astimezone(UTC).date()
