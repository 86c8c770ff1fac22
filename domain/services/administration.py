"""Founding an archive, and keeping its procedures and agents with their own roles.

Agencies are kept in `agencies`, roles that are lent in `substitution`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from domain import access, agents, keyring, procedure
from domain.access import Action, Resource
from domain.agency import establish
from domain.agents import Actor, Agent, AgentKind, Role
from domain.archive import POLICIES, ArchiveFounded
from domain.dossier import parse_text
from domain.errors import RuleError
from domain.events import Change, Event
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import (
    Decided,
    carry_out,
    load,
    new_stream,
    permit,
    resolve,
    today,
    tree,
)
from domain.text import nfc
from domain.values import Kind, StreamId
from domain.views import AgentRow


@dataclass(frozen=True)
class Founding:
    """What a new archive begins with."""

    archive: StreamId
    agency: StreamId
    administrator: StreamId
    worker: StreamId
    changes: tuple[Change, ...]
    actor: Actor


def found(
    *,
    archive_id: StreamId,
    agency_id: StreamId,
    administrator: StreamId,
    worker: StreamId,
    name: str,
    agency_code: str,
    agency_name: str,
    account: str,
    certificate: str,
    certificate_sha256: str,
    log_origin: str,
    log_key: str,
    on: date,
) -> Founding:
    """The first decision of an archive: itself, its first agency, its first people."""
    events: dict[StreamId, tuple[Event, ...]] = {
        archive_id: (
            ArchiveFounded(nfc(name), agency_id, certificate, certificate_sha256, POLICIES),
        ),
        keyring.stream_of(archive_id): (keyring.LogKeyIntroduced(log_origin, log_key),),
        agency_id: (establish(nfc(agency_name), agency_code, None, on),),
        administrator: (
            agents.register(AgentKind.PERSON, nfc(account)),
            agents.grant(None, Role.ADMINISTRATOR, agency_id, None),
            agents.grant(None, Role.ARCHIVIST, agency_id, None),
        ),
        worker: (
            agents.register(AgentKind.SOFTWARE, "chauban worker"),
            agents.grant(None, Role.SYSTEM, agency_id, None),
        ),
    }
    changes = tuple(Change(stream, 0, those) for stream, those in events.items())
    actor = Actor(administrator, Role.ADMINISTRATOR, agency_id)
    return Founding(archive_id, agency_id, administrator, worker, changes, actor)


@dataclass(frozen=True)
class ProcedureText:
    """A procedure's version as an administrator wrote it down."""

    code: str
    name: str
    components: tuple[procedure.Component, ...]
    time_limit: procedure.TimeLimit | None
    retention: procedure.RetentionRule | None
    in_force_from: date


def adopt_procedure(archive: Archive, request: Request, text: ProcedureText) -> Answer:
    """A new procedure, or a new version of a known one. Result: `procedure`, `version`."""

    def decide(at: datetime) -> Decided:
        return _adoption(archive, request, text)

    return carry_out(archive, request, {"do": "procedure-add", "text": repr(text)}, decide)


def adoptable(archive: Archive, request: Request, text: ProcedureText) -> None:
    """Raises what `adopt_procedure` would raise, and changes nothing."""
    _adoption(archive, request, text)


def _adoption(archive: Archive, request: Request, text: ProcedureText) -> Decided:
    code = procedure.parse_code(text.code)
    own = frozenset({request.agent.grants[0].agency})
    actor = permit(archive, request, Action.ADMINISTER, Resource(own))
    known = [c for c in archive.journal.claimed("procedure-code", code) if c == code]
    if known:
        stream = resolve(archive, code, Kind.PROCEDURE)
        loaded = load(archive, stream)
        state, version = loaded.procedure(), loaded.version
    else:
        stream, state, version = new_stream(archive, Kind.PROCEDURE), None, 0
    event = procedure.adopt(
        state,
        code=code,
        name=nfc(text.name),
        components=text.components,
        time_limit=text.time_limit,
        retention=text.retention,
        in_force_from=text.in_force_from,
    )
    result = {"procedure": code, "version": event.version}
    return Decided(actor, (Change(stream, version, (event,)),), result)


def add_agent(
    archive: Archive,
    request: Request,
    *,
    name: str,
    roles: tuple[Role, ...],
    agencies: tuple[StreamId, ...],
    until: date | None,
    since: date | None = None,
) -> Answer:
    """A person with every one of the roles for every one of the agencies. Result: `agent`."""

    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset(agencies)))
        for each in agencies:  # An administrator of one agency grants nothing in another.
            permit(archive, request, Action.ADMINISTER, Resource(frozenset({each})))
        stream = new_stream(archive, Kind.AGENT)
        registered = agents.register(AgentKind.PERSON, nfc(name))
        fresh = agents.evolve(None, stream, registered)
        grants = tuple(
            agents.grant(fresh, role, each, until, since) for role in roles for each in agencies
        )
        return Decided(actor, (Change(stream, 0, (registered, *grants)),), {"agent": stream})

    asked = {
        "do": "agent-add",
        "name": name,
        "roles": [role.value for role in roles],
        "agencies": list(agencies),
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    return carry_out(archive, request, asked, decide)


def grant_role(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    role: Role,
    agency: StreamId,
    until: date | None,
    since: date | None = None,
) -> Answer:
    """A role for an agent that is known; granted anew it has its new days. Result: `agent`.

    Who grants himself one must be administrator of the agency like for anybody else.
    """

    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({agency})))
        loaded = load(archive, target)
        event = agents.grant(loaded.agent(), role, agency, until, since)
        if role is Role.ADMINISTRATOR:
            require_administrator(archive, loaded.agent(), event, today(at))
        changes = (Change(target, loaded.version, (event,)),)
        return Decided(actor, changes, {"agent": target})

    asked = {
        "do": "agent-grant",
        "agent": target,
        "role": role.value,
        "agency": agency,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
    }
    return carry_out(archive, request, asked, decide)


def revoke_role(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    role: Role,
    agency: StreamId,
    reason: str,
) -> Answer:
    """The agent holds the role no longer, from its next request on. Result: `agent`.

    Who was lent the role in the agent's place holds it no longer either. The last administrator
    of the archive cannot lose the role: nobody could give it back.
    """
    why = parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({agency})))
        loaded = load(archive, target)
        event = agents.revoke(loaded.agent(), role, agency, why)
        if role is Role.ADMINISTRATOR:
            require_administrator(archive, loaded.agent(), event, today(at))
        changes = [Change(target, loaded.version, (event,))]
        for substitute in archive.catalogue.substitutes(target):
            other = load(archive, substitute)
            if agents.held(other.agent(), role, agency, target) is not None:
                ended = agents.end_substitution(other.agent(), target, role, agency, why)
                changes.append(Change(substitute, other.version, (ended,)))
        return Decided(actor, changes, {"agent": target})

    asked = {
        "do": "agent-revoke",
        "agent": target,
        "role": role.value,
        "agency": agency,
        "reason": why,
    }
    return carry_out(archive, request, asked, decide)


def require_administrator(
    archive: Archive, agent: Agent, event: agents.AgentEvent, day: date
) -> None:
    """Raises RuleError when the event would leave nobody who administers the whole archive.

    Such a one reaches the first agency as administrator today, without an end to the grant, and
    was not shut out. Two who revoke each other in the same instant are not told apart by this.
    """
    founded = load(archive, StreamId(archive.id)).events[0].event
    assert isinstance(founded, ArchiveFounded)
    places, whole = tree(archive), Resource(frozenset({founded.agency}))

    def administers(state: Agent) -> bool:
        lasting = tuple(grant for grant in state.grants if grant.until is None)
        found = access.may(
            replace(state, grants=lasting), Action.ADMINISTER, whole, tree=places, on=day
        )
        return found.allowed and state.account is not agents.AccountState.CLOSED

    if not administers(agent) or administers(agents.evolve(agent, agent.id, event)):
        return
    rows = archive.catalogue.agents(frozenset(places))
    others = (row.id for row in rows if row.id != agent.id)
    if not any(administers(load(archive, other).agent()) for other in others):
        raise RuleError("last-administrator")


def people(archive: Archive, request: Request) -> Sequence[AgentRow]:
    """The agents of the agencies that the asker administers, with their roles there."""
    reach = access.scope(
        request.agent, Action.ADMINISTER, tree=tree(archive), on=today(archive.clock.now())
    )
    return archive.catalogue.agents(reach.agencies)
