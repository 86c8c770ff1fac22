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
    """The agent holds the role for the agency no longer. No longer written: it has no reason."""

    role: Role
    agency: StreamId


@dataclass(frozen=True)
class RoleRevokedFor:
    """The agent holds the role for the agency no longer, and why."""

    role: Role
    agency: StreamId
    reason: PersonalText


@dataclass(frozen=True)
class AccountOpened:
    """The agent may sign in from now on, once an invitation was used; again after each one."""

    login: PersonalText


@dataclass(frozen=True)
class AccountClosed:
    """The agent signs in no longer, until it is invited again."""

    reason: PersonalText


@dataclass(frozen=True)
class SubstitutionAppointed:
    """The agent stands in for an absent officer, in a role that the officer holds.

    It stands in the substitute's stream, from a day to a day, both included.
    """

    absent: StreamId
    role: Role
    agency: StreamId
    since: date
    until: date
    ground: PersonalText


@dataclass(frozen=True)
class SubstitutionEnded:
    """The agent stands in no longer, before the day that was named."""

    absent: StreamId
    role: Role
    agency: StreamId
    reason: PersonalText


AgentEvent = (
    AgentRegistered
    | RoleGranted
    | RoleRevoked
    | RoleRevokedFor
    | SubstitutionAppointed
    | SubstitutionEnded
    | AccountOpened
    | AccountClosed
)


class AccountState(StrEnum):
    """Whether an agent may sign in, as its events say."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class Grant:
    """A role for an agency from a day to a day."""

    role: Role
    agency: StreamId
    until: date | None
    since: date | None = None
    standing_in_for: StreamId | None = None
    """The absent officer in whose place it is exercised (thay mặt); None for the agent's own."""

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
    account: AccountState | None = None
    """None for an agent that was never invited to sign in."""


def evolve(state: Agent | None, stream: StreamId, event: AgentEvent) -> Agent:
    """The agent after the event."""
    if isinstance(event, AgentRegistered):
        return Agent(stream, event.kind, event.name)
    assert state is not None
    match event:
        case RoleGranted():
            granted = Grant(event.role, event.agency, event.until, event.since)
            return replace(state, grants=(*_without(state, event.role, event.agency), granted))
        case RoleRevoked() | RoleRevokedFor():
            return replace(state, grants=_without(state, event.role, event.agency))
        case SubstitutionAppointed():
            rest = _without(state, event.role, event.agency, event.absent)
            lent = Grant(event.role, event.agency, event.until, event.since, event.absent)
            return replace(state, grants=(*rest, lent))
        case SubstitutionEnded():
            return replace(state, grants=_without(state, event.role, event.agency, event.absent))
        case AccountOpened():
            return replace(state, account=AccountState.OPEN)
        case AccountClosed():
            return replace(state, account=AccountState.CLOSED)
        case _:
            assert_never(event)


def _without(
    state: Agent, role: Role, agency: StreamId, absent: StreamId | None = None
) -> tuple[Grant, ...]:
    gone = (role, agency, absent)
    return tuple(g for g in state.grants if (g.role, g.agency, g.standing_in_for) != gone)


def held(
    state: Agent, role: Role, agency: StreamId, absent: StreamId | None = None
) -> Grant | None:
    """The agent's own grant of a role, or the one lent in the place of `absent`."""
    wanted = (role, agency, absent)
    return next((g for g in state.grants if (g.role, g.agency, g.standing_in_for) == wanted), None)


def acted_for(state: Agent, role: Role, agency: StreamId, day: date) -> StreamId | None:
    """In whose place (thay mặt) an actor of this role and agency acted on a day, None for himself.

    An event names agent, role and agency alone; with the agent's stream as it stood at the
    event's position this says the rest, by the rule by which `access.may` chose the grant.
    """
    able = [g for g in state.grants if (g.role, g.agency) == (role, agency) and g.holds_on(day)]
    if not able or any(grant.standing_in_for is None for grant in able):
        return None
    return able[0].standing_in_for


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
    if state is not None and (role is Role.SYSTEM or state.kind is AgentKind.SOFTWARE):
        raise RuleError("role-reserved")
    if since is not None and until is not None and until < since:
        raise InvalidValueError("invalid-period")
    return RoleGranted(role, agency, since, until)


def open_account(state: Agent, login: str) -> AccountOpened:
    """Decides that a person may sign in; stations and programs work with tokens instead."""
    if state.kind is not AgentKind.PERSON:
        raise RuleError("account-for-persons")
    return AccountOpened(login)


def close_account(state: Agent, reason: str) -> AccountClosed:
    """Decides that the agent signs in no longer."""
    if state.account is not AccountState.OPEN:
        raise RuleError("account-not-open")
    if not reason.strip() or len(reason) > 500:
        raise InvalidValueError("reason-required")
    return AccountClosed(reason.strip())


def revoke(state: Agent, role: Role, agency: StreamId, reason: str) -> RoleRevokedFor:
    """Decides that the agent holds a role of its own no longer."""
    if held(state, role, agency) is None:
        raise RuleError("role-not-held")
    return RoleRevokedFor(role, agency, reason)


NOT_LENT = frozenset({Role.AUDITOR, Role.ADMINISTRATOR, Role.SYSTEM})
"""A mandate is a person's own; who administers appoints another administrator."""


def substitute(
    state: Agent,
    absent: Agent,
    role: Role,
    agency: StreamId,
    *,
    since: date,
    until: date,
    ground: str,
) -> SubstitutionAppointed:
    """Decides that the agent stands in for an absent officer, who must hold the role himself from
    the first day to the last: what is lent is never more than what is there."""
    if role in NOT_LENT:
        raise RuleError("role-not-lent")
    if AgentKind.SOFTWARE in {state.kind, absent.kind}:
        raise RuleError("role-reserved")
    if state.id == absent.id:
        raise RuleError("substitute-himself")
    if until < since:
        raise InvalidValueError("invalid-period")
    own = held(absent, role, agency)
    if own is None or not (own.holds_on(since) and own.holds_on(until)):
        raise RuleError("role-not-held")
    return SubstitutionAppointed(absent.id, role, agency, since, until, ground)


def end_substitution(
    state: Agent, absent: StreamId, role: Role, agency: StreamId, reason: str
) -> SubstitutionEnded:
    """Decides that the agent stands in no longer."""
    if held(state, role, agency, absent) is None:
        raise RuleError("role-not-held")
    return SubstitutionEnded(absent, role, agency, reason)
