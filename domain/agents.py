"""Who acts: agents (PREMIS: person, organisation's device, software) and the roles they hold."""

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never

from domain.errors import InvalidValueError, RuleError
from domain.values import PersonalText, StreamId


class AgentKind(StrEnum):
    """What acts."""

    PERSON = "person"
    STATION = "station"
    SOFTWARE = "software"


class Role(StrEnum):
    """What an agent may be for an agency. A person may hold several."""

    SCANNING_CLERK = "scanning-clerk"
    ONE_STOP_OFFICER = "one-stop-officer"
    HANDLING_OFFICER = "handling-officer"
    LEADER = "leader"
    RECORDS_OFFICER = "records-officer"
    ARCHIVIST = "archivist"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"
    """The archive's own worker; never given to a person."""


@dataclass(frozen=True)
class Actor:
    """Who makes a change, in which role and for which agency. Stands in every event, in clear."""

    agent: StreamId
    role: Role
    agency: StreamId


@dataclass(frozen=True)
class AgentRegistered:
    """An agent may act from now on, in the roles granted to it."""

    kind: AgentKind
    name: PersonalText


@dataclass(frozen=True)
class RoleGranted:
    """The agent holds a role for an agency, from a day to a day, both included.

    Without `since` from now on, without `until` until it is revoked. An auditor's grants are the
    mandate: which agencies, until when.
    """

    role: Role
    agency: StreamId
    since: date | None
    until: date | None


@dataclass(frozen=True)
class RoleRevoked:
    """The agent holds the role for the agency no longer."""

    role: Role
    agency: StreamId


AgentEvent = AgentRegistered | RoleGranted | RoleRevoked


@dataclass(frozen=True)
class Grant:
    """A role for an agency from a day to a day."""

    role: Role
    agency: StreamId
    until: date | None
    since: date | None = None

    def holds_on(self, day: date) -> bool:
        """True on every day of the grant, its first and its last included."""
        begun = self.since is None or self.since <= day
        return begun and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class Agent:
    """An agent as it stands."""

    id: StreamId
    kind: AgentKind
    name: PersonalText
    grants: tuple[Grant, ...] = ()


def evolve(state: Agent | None, stream: StreamId, event: AgentEvent) -> Agent:
    """The agent after the event."""
    if isinstance(event, AgentRegistered):
        return Agent(stream, event.kind, event.name)
    assert state is not None
    match event:
        case RoleGranted():
            rest = _without(state.grants, event.role, event.agency)
            return replace(
                state, grants=(*rest, Grant(event.role, event.agency, event.until, event.since))
            )
        case RoleRevoked():
            return replace(state, grants=_without(state.grants, event.role, event.agency))
        case _:
            assert_never(event)


def _without(grants: tuple[Grant, ...], role: Role, agency: StreamId) -> tuple[Grant, ...]:
    return tuple(grant for grant in grants if (grant.role, grant.agency) != (role, agency))


def register(kind: AgentKind, name: str) -> AgentRegistered:
    """Decides to register an agent of this name."""
    if not name.strip() or len(name) > 200:
        raise InvalidValueError("invalid-name")
    return AgentRegistered(kind, name.strip())


def grant(
    state: Agent | None,
    role: Role,
    agency: StreamId,
    until: date | None,
    since: date | None = None,
) -> RoleGranted:
    """Decides to give a role; `state` is None for an agent that is being registered.

    An auditor without an end date is refused: a mandate ends.
    """
    if role is Role.AUDITOR and until is None:
        raise RuleError("mandate-without-end")
    if role is Role.SYSTEM and state is not None:
        raise RuleError("role-reserved")
    if since is not None and until is not None and until < since:
        raise InvalidValueError("invalid-period")
    return RoleGranted(role, agency, since, until)
