"""The one place that decides who may do what.

`may` answers for one resource; `scope` gives the agencies whose papers a search may reach, to be
pushed into queries, so that nothing is counted that could not be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from domain.agents import Actor, Agent, Grant, Role
from domain.values import StreamId


class Action(StrEnum):
    """What can be asked for."""

    ADMINISTER = "administer"
    AUDIT = "audit"
    CLOSE = "close"
    CONFIRM = "confirm"
    CORRECT = "correct"
    DECIDE_ERASURE = "decide-erasure"
    ISOLATE = "isolate"
    OPEN_DOSSIER = "open-dossier"
    READ = "read"
    RECEIVE_SCAN = "receive-scan"
    REQUEST_ERASURE = "request-erasure"
    SEE_INCIDENTS = "see-incidents"
    SEE_WORK = "see-work"
    VERIFY = "verify"


_A = Action
_ALLOWED: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.SCANNING_CLERK: frozenset(
            {_A.OPEN_DOSSIER, _A.READ, _A.RECEIVE_SCAN, _A.CONFIRM, _A.ISOLATE, _A.SEE_WORK}
        ),
        Role.ONE_STOP_OFFICER: frozenset(
            {
                _A.OPEN_DOSSIER,
                _A.READ,
                _A.RECEIVE_SCAN,
                _A.CONFIRM,
                _A.CORRECT,
                _A.ISOLATE,
                _A.REQUEST_ERASURE,
                _A.SEE_WORK,
            }
        ),
        Role.HANDLING_OFFICER: frozenset({_A.READ, _A.CORRECT, _A.RECEIVE_SCAN, _A.CLOSE}),
        Role.LEADER: frozenset({_A.READ, _A.CLOSE, _A.DECIDE_ERASURE, _A.SEE_WORK}),
        Role.RECORDS_OFFICER: frozenset(
            {
                _A.OPEN_DOSSIER,
                _A.READ,
                _A.RECEIVE_SCAN,
                _A.CONFIRM,
                _A.CORRECT,
                _A.ISOLATE,
                _A.CLOSE,
                _A.SEE_WORK,
            }
        ),
        Role.ARCHIVIST: frozenset(
            {
                _A.OPEN_DOSSIER,
                _A.READ,
                _A.RECEIVE_SCAN,
                _A.CONFIRM,
                _A.CORRECT,
                _A.ISOLATE,
                _A.CLOSE,
                _A.REQUEST_ERASURE,
                _A.DECIDE_ERASURE,
                _A.SEE_WORK,
                _A.VERIFY,
            }
        ),
        Role.AUDITOR: frozenset({_A.READ, _A.AUDIT, _A.SEE_WORK, _A.VERIFY}),
        Role.ADMINISTRATOR: frozenset({_A.ADMINISTER, _A.SEE_INCIDENTS, _A.SEE_WORK, _A.VERIFY}),
        Role.SYSTEM: frozenset({_A.READ, _A.SEE_WORK}),
    }
)
_WIDE = frozenset({Role.ARCHIVIST, Role.AUDITOR, Role.ADMINISTRATOR, Role.LEADER})
"""Roles whose grant reaches the agencies below, too (docs/decisions/0005-access.md)."""
_RESTRICTED = frozenset({Role.ARCHIVIST, Role.AUDITOR, Role.LEADER})
"""Roles that still read a dossier to which access was restricted."""
_READS = frozenset({_A.READ, _A.AUDIT})


@dataclass(frozen=True)
class Resource:
    """What an action is about, as far as access depends on it."""

    agencies: frozenset[StreamId]
    restricted: bool = False
    isolated: bool = False


@dataclass(frozen=True)
class Decision:
    """Allowed, as whom; or not, and why."""

    actor: Actor | None
    """The agent in the role that allows it; None when nothing does."""
    reason: str
    """A stable code: `allowed`, `no-role`, `other-agency`, `restricted`, `isolated`."""

    @property
    def allowed(self) -> bool:
        """True when the action may go on."""
        return self.actor is not None


@dataclass(frozen=True)
class Scope:
    """The agencies whose papers may be found."""

    agencies: frozenset[StreamId]
    restricted: frozenset[StreamId]
    """Among them, those whose restricted papers may be found too."""


Tree = Mapping[StreamId, StreamId | None]
"""Every agency and the one above it."""


def may(agent: Agent, action: Action, resource: Resource, *, tree: Tree, on: date) -> Decision:
    """Whether the agent may, on that day, and in which of its roles."""
    able = [grant for grant in _holding(agent, on) if action in _ALLOWED[grant.role]]
    if not able:
        return Decision(None, "no-role")
    near = [grant for grant in able if any(_reaches(grant, a, tree) for a in resource.agencies)]
    if not near:
        return Decision(None, "other-agency")
    if resource.isolated and action is not Action.SEE_INCIDENTS:
        return Decision(None, "isolated")
    if resource.restricted and action in _READS:
        near = [grant for grant in near if grant.role in _RESTRICTED]
        if not near:
            return Decision(None, "restricted")
    chosen = near[0]
    return Decision(Actor(agent.id, chosen.role, chosen.agency), "allowed")


def scope(agent: Agent, action: Action, *, tree: Tree, on: date) -> Scope:
    """Every agency for which the agent may do the action, for queries."""
    able = [grant for grant in _holding(agent, on) if action in _ALLOWED[grant.role]]
    reached = {a: [g for g in able if _reaches(g, a, tree)] for a in tree}
    return Scope(
        frozenset(a for a, grants in reached.items() if grants),
        frozenset(a for a, grants in reached.items() if any(g.role in _RESTRICTED for g in grants)),
    )


def _holding(agent: Agent, on: date) -> list[Grant]:
    return [grant for grant in agent.grants if grant.holds_on(on)]


def _reaches(grant: Grant, agency: StreamId, tree: Tree) -> bool:
    if grant.agency == agency:
        return True
    if grant.role not in _WIDE:
        return False
    above = tree.get(agency)
    seen = {agency}
    while above is not None and above not in seen:
        if above == grant.agency:
            return True
        seen.add(above)
        above = tree.get(above)
    return False
