"""What an administrator sees before deciding: the state of the archive, agencies, people.

What lies beyond the administrator's reach does not exist here: NotFoundError.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from domain import access, agency
from domain.access import Action
from domain.agency import Succession
from domain.agents import NOT_LENT, AgentKind, Grant
from domain.archive import ArchiveFounded
from domain.errors import NotFoundError, NotPermittedError, UnavailableError
from domain.identity import Account, Session, Token
from domain.procedure import Procedure
from domain.services import Archive, Request
from domain.services.deciding import load, today, tree
from domain.services.enrolment import administers, sessions_of
from domain.services.retrieval import work
from domain.services.tokens import tokens_of
from domain.values import StreamId
from domain.views import AgencyRow, AgentRow


@dataclass(frozen=True)
class ArchiveState:
    """How the archive as a whole stands."""

    name: str
    founded_at: datetime
    events: int
    """The journal's position."""
    indexed: int
    """The position that the search index reached."""
    lock: str
    """What the object store says of locks: `none` or `compliance`."""
    work: Mapping[str, int]
    """How much of the work in reach is `pending`, `failed` or `stuck`."""


def archive_state(archive: Archive, request: Request) -> ArchiveState:
    """The state of the archive, for administrators alone."""
    reach(archive, request)
    first = load(archive, StreamId(archive.id)).events[0]
    assert isinstance(first.event, ArchiveFounded)
    return ArchiveState(
        first.event.name,
        first.at,
        archive.journal.position(),
        archive.index.position(),
        archive.objects.lock,
        Counter(item.state for item in work(archive, request) if item.task != "confirm"),
    )


def reach(archive: Archive, request: Request) -> frozenset[StreamId]:
    """The agencies that the asker administers today; NotPermittedError for none."""
    found = access.scope(
        request.agent, Action.ADMINISTER, tree=tree(archive), on=today(archive.clock.now())
    )
    if not found.agencies:
        raise NotPermittedError(action=Action.ADMINISTER.value, reason="no-role")
    return found.agencies


def follow(archive: Archive) -> None:
    """Lets the lists show what was just recorded. Where they cannot now, they do so later."""
    with suppress(UnavailableError):
        archive.views.catch_up()


# ---------------------------------------------------------------- agencies


@dataclass(frozen=True)
class Branch:
    """An agency in reach with those below it."""

    row: AgencyRow
    ended: bool
    """True when it has ended by today."""
    below: tuple["Branch", ...]


def agency_tree(archive: Archive, request: Request) -> tuple[Branch, ...]:
    """The agencies in reach as they stand today."""
    inside, day = reach(archive, request), today(archive.clock.now())
    rows = {i: row for i, row in archive.catalogue.agencies().items() if i in inside}
    below: dict[StreamId | None, list[StreamId]] = {}
    for i, row in rows.items():
        above = row.history.parent_on(day)
        below.setdefault(above if above in rows else None, []).append(i)

    def branch(i: StreamId) -> Branch:
        history = rows[i].history
        ended = history.ended is not None and history.ended.on <= day
        return Branch(rows[i], ended, tuple(branch(each) for each in below.get(i, ())))

    return tuple(branch(i) for i in below.get(None, ()))


def agency_seen(archive: Archive, request: Request, target: str) -> AgencyRow:
    """One agency in reach."""
    row = archive.catalogue.agencies().get(StreamId(target))
    if row is None or row.id not in reach(archive, request):
        raise NotFoundError(reference=target[:80])
    return row


@dataclass(frozen=True)
class Concerned:
    """Whom the end of an agency concerns."""

    people: int
    """Persons who hold a role in it today."""
    below: tuple[AgencyRow, ...]
    """Agencies that stand below it and go on."""


def succession_ahead(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    how: Succession,
    successors: tuple[StreamId, ...],
    on: date,
) -> Concerned:
    """What `succeed_agency` would mean; raises as it would, and changes nothing."""
    inside = reach(archive, request)
    if not {target, *successors} <= inside:
        raise NotFoundError(reference=target)
    heirs = tuple(load(archive, each).agency() for each in successors)
    agency.succeed(load(archive, target).agency(), how, heirs, on)
    day = today(archive.clock.now())
    people = archive.catalogue.agents(frozenset({target}))
    rows = archive.catalogue.agencies().values()
    return Concerned(
        sum(any(grant.holds_on(day) for grant in each.grants) for each in people),
        tuple(r for r in rows if r.history.parent_on(on) == target and r.history.ended is None),
    )


# ---------------------------------------------------------------- procedures


def procedure_seen(archive: Archive, target: str) -> Procedure:
    """A procedure with every version: public law, for everybody who acts."""
    if all(row.id != target for row in archive.catalogue.procedures()):
        raise NotFoundError(reference=target[:80])
    return load(archive, StreamId(target)).procedure()


# ---------------------------------------------------------------- people


@dataclass(frozen=True)
class Person:
    """Somebody who holds or once held a role in reach."""

    row: AgentRow
    """With the grants in reach alone."""
    whole: bool
    """True when no role of the person lies beyond the reach: then the account is the asker's
    business, too."""
    account: Account | None
    """What the door knows; None unless `whole`, and for who was never invited."""
    sessions: Sequence[Session]
    """What is open; empty unless `whole`."""
    tokens: Sequence[Token]
    """Tokens for the agencies in reach."""


@dataclass(frozen=True)
class Lendable:
    """A role that somebody else may be lent while its holder is absent."""

    holder: AgentRow
    grant: Grant


def person_seen(archive: Archive, request: Request, target: str) -> Person:
    """One person, station or program in reach."""
    people = archive.catalogue.agents(reach(archive, request))
    row = next((each for each in people if each.id == target), None)
    if row is None:
        raise NotFoundError(reference=target[:80])
    whole = administers(archive, request, row.id)
    return Person(
        row,
        whole,
        archive.accounts.account(row.id) if whole else None,
        sessions_of(archive, request, row.id) if whole else (),
        tokens_of(archive, request, row.id),
    )


def lendable(archive: Archive, request: Request, substitute: StreamId) -> Sequence[Lendable]:
    """The roles in reach in which somebody could stand in for another today or later."""
    day = today(archive.clock.now())
    return [
        Lendable(row, grant)
        for row in archive.catalogue.agents(reach(archive, request))
        for grant in row.grants
        if row.id != substitute and row.kind is not AgentKind.SOFTWARE
        if grant.standing_in_for is None and grant.role not in NOT_LENT
        if grant.until is None or grant.until >= day
    ]
