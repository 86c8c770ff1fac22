"""Founding an archive, and keeping its agencies, procedures and agents."""

from dataclasses import dataclass
from datetime import date

from domain import agency, agents, archive, procedure
from domain.access import Action, Resource
from domain.agents import Actor, AgentKind, Role
from domain.events import Change, Event
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import Decided, carry_out, load, new_stream, permit, resolve, today
from domain.text import nfc
from domain.values import Kind, StreamId


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
    on: date,
) -> Founding:
    """The first decision of an archive: itself, its first agency, its first people."""
    events: dict[StreamId, tuple[Event, ...]] = {
        archive_id: (
            archive.ArchiveFounded(
                nfc(name), agency_id, certificate, certificate_sha256, archive.POLICIES
            ),
        ),
        agency_id: (agency.establish(nfc(agency_name), agency_code, None, on),),
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


def add_agency(
    archive: Archive,
    request: Request,
    *,
    code: str,
    name: str,
    parent: StreamId | None,
    valid_from: date | None,
) -> Answer:
    """An agency below `parent`, or below the archive's first agency. Result: `agency`."""
    above = parent or request.agent.grants[0].agency
    parsed = agency.parse_code(code)

    def decide(at: object) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({above})))
        since = valid_from or today(archive.clock.now())
        event = agency.establish(nfc(name), parsed, above, since)
        change = Change(new_stream(archive, Kind.AGENCY), 0, (event,))
        return Decided(actor, (change,), {"agency": change.stream, "code": parsed})

    asked = {
        "do": "agency-add",
        "code": parsed,
        "name": name,
        "parent": parent,
        "from": valid_from.isoformat() if valid_from else None,
    }
    return carry_out(archive, request, asked, decide)


def add_agency_code(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    code: str,
    valid_from: date,
    valid_until: date | None,
) -> Answer:
    """A further code of an agency, old or new form, with its days."""
    parsed = agency.parse_code(code)

    def decide(at: object) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({target})))
        loaded = load(archive, target)
        event = agency.assign_code(loaded.agency(), parsed, valid_from, valid_until)
        changes = (Change(target, loaded.version, (event,)),)
        return Decided(actor, changes, {"agency": target, "code": parsed})

    asked = {
        "do": "agency-code",
        "agency": target,
        "code": parsed,
        "from": valid_from.isoformat(),
        "until": valid_until.isoformat() if valid_until else None,
    }
    return carry_out(archive, request, asked, decide)


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
    code = procedure.parse_code(text.code)

    def decide(at: object) -> Decided:
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

    return carry_out(archive, request, {"do": "procedure-add", "text": repr(text)}, decide)


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

    def decide(at: object) -> Decided:
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
