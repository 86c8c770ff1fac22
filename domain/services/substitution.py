"""Standing in for an absent officer (thay mặt): a role is lent for some days, with its ground.

What a substitute does bears the substitute's own identity, in the role and for the agency of the
officer. That it was done in the officer's place stands in the substitute's stream: `acted_for`
reads it from the state at the event's position.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial

from domain import agents
from domain.access import Action, Resource
from domain.agents import Role
from domain.dossier import parse_text
from domain.errors import IntegrityError, NotFoundError
from domain.events import Change, Event, Recorded
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import Decided, Loaded, carry_out, load, permit, today
from domain.text import nfc
from domain.values import EventId, StreamId


def appoint_substitute(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    absent: StreamId,
    role: Role,
    agency: StreamId,
    since: date | None,
    until: date,
    ground: str,
) -> Answer:
    """`target` stands in for `absent`, from today on if no first day is said. Result: `agent`."""
    why = parse_text(nfc(ground))

    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({agency})))
        loaded, officer = load(archive, target), load(archive, absent).agent()
        event = agents.substitute(
            loaded.agent(),
            officer,
            role,
            agency,
            since=since or today(at),
            until=until,
            ground=why,
        )
        changes = (Change(target, loaded.version, (event,)),)
        return Decided(actor, changes, {"agent": target})

    asked = {
        "do": "agent-substitute",
        "agent": target,
        "absent": absent,
        "role": role.value,
        "agency": agency,
        "since": since.isoformat() if since else None,
        "until": until.isoformat(),
        "ground": why,
    }
    return carry_out(archive, request, asked, decide)


def end_substitution(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    absent: StreamId,
    role: Role,
    agency: StreamId,
    reason: str,
) -> Answer:
    """`target` stands in no longer, from its next request on. Result: `agent`."""
    why = parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({agency})))
        loaded = load(archive, target)
        event = agents.end_substitution(loaded.agent(), absent, role, agency, why)
        changes = (Change(target, loaded.version, (event,)),)
        return Decided(actor, changes, {"agent": target})

    asked = {
        "do": "agent-substitute-end",
        "agent": target,
        "absent": absent,
        "role": role.value,
        "agency": agency,
        "reason": why,
    }
    return carry_out(archive, request, asked, decide)


def acted_for(archive: Archive, events: Sequence[Recorded[Event]]) -> Mapping[EventId, StreamId]:
    """Those of the events that somebody recorded in another's place, with whose it was.

    Nothing is said of an agent whose own stream cannot be read.
    """
    return acted_for_among(events, partial(load, archive))


def acted_for_among(
    events: Sequence[Recorded[Event]], loaded: Callable[[StreamId], Loaded]
) -> Mapping[EventId, StreamId]:
    """`acted_for` with the agents' streams as somebody else loads them, each once."""
    lent = {each: _lent(each, loaded) for each in {recorded.by.agent for recorded in events}}
    found: dict[EventId, StreamId] = {}
    for recorded in events:
        by = recorded.by
        person = lent[by.agent]
        # The founder acts in the transaction that makes him known: before there is a state.
        if person is None or recorded.position < person.events[0].position:
            continue
        state = person.agent(upto=recorded.position)
        absent = agents.acted_for(state, by.role, by.agency, today(recorded.at))
        if absent is not None:
            found[recorded.id] = absent
    return found


def _lent(agent: StreamId, loaded: Callable[[StreamId], Loaded]) -> Loaded | None:
    """The stream of an agent to whom a role was ever lent: nobody else acts in another's place."""
    try:
        person = loaded(agent)
    except (IntegrityError, NotFoundError):
        return None
    lent = any(isinstance(each.event, agents.SubstitutionAppointed) for each in person.events)
    return person if lent else None
