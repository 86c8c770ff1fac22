"""What every procedure does alike: load what it decides on, ask for permission, append.

A decision that met a concurrent change is made again on what is there now; nobody's change is
overwritten and nobody's decision is taken on a state that has passed.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar, cast

from domain import access, agency, agents, dossier, erasure, keyring, procedure, record, scanning
from domain.access import Action, Resource
from domain.agents import Actor, Agent
from domain.errors import (
    ConcurrentChangeError,
    IntegrityError,
    NotFoundError,
    NotPermittedError,
)
from domain.events import Change, Claim, Event, Recorded
from domain.ports import Answer, Command, Json
from domain.services import Archive, Request
from domain.values import EventId, Kind, StreamId

VIETNAM = timezone(timedelta(hours=7), "+07:00")
"""Days begin and end at UTC+7, in every year that the archive knows."""
_ATTEMPTS = 8
State = TypeVar("State")


@dataclass(frozen=True)
class Decided:
    """What a decision wants appended, and what the command answers."""

    actor: Actor
    changes: Sequence[Change]
    result: Json = field(default_factory=dict)


def carry_out(
    archive: Archive,
    request: Request,
    asked: Json,
    decide: Callable[[datetime], Decided],
    *,
    cause: EventId | None = None,
) -> Answer:
    """Decides and appends, or gives the first answer of a command that was done before.

    `asked` is everything that makes this command this one; only a keyed hash of it is stored.
    """
    canonical = json.dumps(asked, sort_keys=True, ensure_ascii=True)
    command = Command(request.command, f"{request.agent.id} {canonical}")
    earlier = archive.journal.answered(command)
    if earlier is not None:
        return earlier
    attempt = 1
    while True:
        at = archive.clock.now()
        decided = decide(at)
        try:
            return archive.journal.append(
                decided.changes,
                by=decided.actor,
                basis=request.basis,
                at=at,
                command=command,
                result=decided.result,
                cause=cause,
            )
        except ConcurrentChangeError:
            attempt += 1
            if attempt > _ATTEMPTS:
                raise
            archive.clock.wait(0.01 * attempt)


def worker_acting(archive: Archive) -> tuple[Agent, Actor]:
    """The software agent that records in the background, and in what role it acts."""
    worker = load(archive, archive.worker).agent()
    (agency,) = (grant.agency for grant in worker.grants if grant.role is agents.Role.SYSTEM)
    return worker, Actor(worker.id, agents.Role.SYSTEM, agency)


def permit(archive: Archive, request: Request, action: Action, resource: Resource) -> Actor:
    """The agent in the role that allows the action; NotPermittedError says why not."""
    decision = access.may(
        request.agent, action, resource, tree=tree(archive), on=today(archive.clock.now())
    )
    if decision.actor is None:
        raise NotPermittedError(action=action.value, reason=decision.reason)
    return decision.actor


def permit_everywhere(archive: Archive, request: Request, action: Action) -> Actor:
    """`permit` for every agency there is: for what speaks of all of them at once.

    Where no list of agencies can be had, the agent's own are asked.
    """
    agencies = tree(archive).keys() or {grant.agency for grant in request.agent.grants}
    actors = [permit(archive, request, action, Resource(frozenset({each}))) for each in agencies]
    if not actors:
        raise NotPermittedError(action=action.value, reason="no-role")
    return actors[0]


def require_seen(archive: Archive, request: Request, resource: Resource, reference: str) -> Actor:
    """Like `permit` for reading; what may not be read does not exist for the asker."""
    try:
        return permit(archive, request, Action.READ, resource)
    except NotPermittedError as exc:
        raise NotFoundError(reference=reference) from exc


def permit_on(
    archive: Archive,
    request: Request,
    action: Action,
    state: dossier.Dossier,
    paper: record.Record | None = None,
) -> Actor:
    """`permit` for a dossier or a record in it; NotFoundError for who may not even read it, so
    that a refusal tells nobody of another agency what exists."""
    resource = resource_of(state, paper)
    try:
        return permit(archive, request, action, resource)
    except NotPermittedError:
        require_seen(archive, request, resource, paper.id if paper is not None else state.code)
        raise


def tree(archive: Archive) -> access.Tree:
    """Every agency with the one above it and its heirs, as they are today."""
    day = today(archive.clock.now())
    return {
        row.id: access.Place(row.history.parent_on(day), row.history.heirs_on(day))
        for row in archive.catalogue.agencies().values()
    }


def today(at: datetime) -> date:
    """The day of an instant in Việt Nam."""
    return at.astimezone(VIETNAM).date()


# ---------------------------------------------------------------- states


def fold(
    events: Sequence[Recorded[Event]],
    evolve: Callable[[State | None, StreamId, Event], State],
    upto: int | None = None,
) -> State | None:
    """The state after all events, or after those up to a journal position."""
    state: State | None = None
    for recorded in events:
        if upto is None or recorded.position <= upto:
            state = evolve(state, recorded.stream, recorded.event)
    return state


@dataclass(frozen=True)
class Loaded:
    """A stream with its checked events; `version` is what an append expects."""

    events: tuple[Recorded[Event], ...]

    @property
    def version(self) -> int:
        """The version of the newest event."""
        return len(self.events)

    def dossier(self, upto: int | None = None) -> dossier.Dossier:
        """The dossier of this stream."""
        return cast(dossier.Dossier, self._state(dossier.evolve, upto))

    def record(self, upto: int | None = None) -> record.Record:
        """The record of this stream."""
        return cast(record.Record, self._state(record.evolve, upto))

    def agent(self, upto: int | None = None) -> Agent:
        """The agent of this stream."""
        return cast(Agent, self._state(agents.evolve, upto))

    def agency(self) -> agency.Agency:
        """The agency of this stream."""
        return cast(agency.Agency, self._state(agency.evolve, None))

    def procedure(self) -> procedure.Procedure:
        """The procedure of this stream."""
        return cast(procedure.Procedure, self._state(procedure.evolve, None))

    def batch(self) -> scanning.Batch:
        """The batch of this stream."""
        return cast(scanning.Batch, self._state(scanning.evolve, None))

    def keys(self) -> keyring.KeyRing:
        """The keys of the archive."""
        return cast(keyring.KeyRing, self._state(keyring.evolve, None))

    def erasure(self) -> erasure.ErasureCase:
        """The erasure case of this stream."""
        return cast(erasure.ErasureCase, self._state(erasure.evolve, None))

    def _state(self, evolve: Callable[..., object], upto: int | None) -> object:
        state = fold(self.events, evolve, upto)
        if state is None:
            raise NotFoundError(reference=self.events[0].stream)
        return state


def load(archive: Archive, stream: StreamId) -> Loaded:
    """A stream that must exist."""
    events = archive.journal.load(stream)
    if not events:
        raise NotFoundError(reference=stream)
    return Loaded(events)


def new_stream(archive: Archive, kind: Kind) -> StreamId:
    """The identity of a thing that is about to exist."""
    return StreamId(f"{kind}-{archive.identifiers.new()}")


def agencies_of(person: Loaded) -> frozenset[StreamId]:
    """The agencies of an agent's roles; of one who lost the last of them, those it once had."""
    held = frozenset(grant.agency for grant in person.agent().grants)
    given = (each.event for each in person.events)
    return held or frozenset(e.agency for e in given if isinstance(e, agents.RoleGranted))


def resource_of(state: dossier.Dossier, paper: record.Record | None = None) -> Resource:
    """What access to a dossier, or to a record in it, depends on."""
    return Resource(
        state.agencies,
        restricted=state.restricted_by is not None,
        isolated=paper is not None and paper.isolated is not None,
    )


# ---------------------------------------------------------------- references

_CODES = (
    (Kind.DOSSIER, "dossier-code"),
    (Kind.AGENCY, "agency-code"),
    (Kind.PROCEDURE, "procedure-code"),
)


def resolve(archive: Archive, reference: str, *kinds: Kind) -> StreamId:
    """The stream that an identity or a code names, among some kinds; NotFoundError else."""
    text = reference.strip()
    for kind in kinds:
        if text.startswith(f"{kind}-") and _exists(archive, StreamId(text)):
            return StreamId(text)
    for kind, claim in _CODES:
        if kind in kinds:
            found = archive.journal.holder(Claim(claim, text.upper()))
            if found is not None:
                return found
    raise NotFoundError(reference=text[:80])


def _exists(archive: Archive, stream: StreamId) -> bool:
    """True for a damaged stream, too: who names it may want to know what is wrong with it."""
    try:
        return bool(archive.journal.load(stream))
    except IntegrityError:
        return True
