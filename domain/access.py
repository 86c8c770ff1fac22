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
    ARRANGE = "arrange"
    ATTEST_SEARCH = "attest-search"
    AUDIT = "audit"
    CLOSE = "close"
    CONFIRM = "confirm"
    CORRECT = "correct"
    DECIDE_ERASURE = "decide-erasure"
    HOLD = "hold"
    ISOLATE = "isolate"
    OPEN_DOSSIER = "open-dossier"
    READ = "read"
    RECEIVE_SCAN = "receive-scan"
    REQUEST_ERASURE = "request-erasure"
    SEE_INCIDENTS = "see-incidents"
    SEE_READS = "see-reads"
    SEE_WORK = "see-work"
    VERIFY = "verify"


_A = Action
_ALLOWED: Mapping[Role, frozenset[Action]] = MappingProxyType(
    {
        Role.SCANNING_CLERK: frozenset(
            {
                _A.OPEN_DOSSIER,
                _A.READ,
                _A.RECEIVE_SCAN,
                _A.CONFIRM,
                _A.ARRANGE,
                _A.ISOLATE,
                _A.SEE_WORK,
            }
        ),
        Role.ONE_STOP_OFFICER: frozenset(
            {
                _A.OPEN_DOSSIER,
                _A.READ,
                _A.RECEIVE_SCAN,
                _A.CONFIRM,
                _A.ARRANGE,
                _A.CORRECT,
                _A.ISOLATE,
                _A.REQUEST_ERASURE,
                _A.SEE_WORK,
            }
        ),
        Role.HANDLING_OFFICER: frozenset({_A.READ, _A.CORRECT, _A.RECEIVE_SCAN, _A.CLOSE}),
        Role.LEADER: frozenset({_A.READ, _A.CLOSE, _A.DECIDE_ERASURE, _A.HOLD, _A.SEE_WORK}),
        Role.RECORDS_OFFICER: frozenset(
            {
                _A.OPEN_DOSSIER,
                _A.READ,
                _A.RECEIVE_SCAN,
                _A.CONFIRM,
                _A.ARRANGE,
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
                _A.ARRANGE,
                _A.CORRECT,
                _A.ISOLATE,
                _A.CLOSE,
                _A.REQUEST_ERASURE,
                _A.DECIDE_ERASURE,
                _A.HOLD,
                _A.ATTEST_SEARCH,
                _A.SEE_READS,
                _A.SEE_WORK,
                _A.VERIFY,
            }
        ),
        Role.AUDITOR: frozenset(
            {_A.READ, _A.ATTEST_SEARCH, _A.AUDIT, _A.SEE_READS, _A.SEE_WORK, _A.VERIFY}
        ),
        Role.ADMINISTRATOR: frozenset({_A.ADMINISTER, _A.SEE_INCIDENTS, _A.SEE_WORK, _A.VERIFY}),
        Role.SYSTEM: frozenset({_A.READ, _A.SEE_WORK}),
    }
)
_WIDE = frozenset({Role.ARCHIVIST, Role.AUDITOR, Role.ADMINISTRATOR, Role.LEADER})
"""Roles whose grant reaches the agencies below, too (docs/decisions/0005-access.md)."""
_RESTRICTED = frozenset({Role.ARCHIVIST, Role.AUDITOR, Role.LEADER})
"""Roles that still read a dossier to which access was restricted."""
_READS = frozenset({_A.READ, _A.AUDIT, _A.SEE_READS})


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


@dataclass(frozen=True)
class Place:
    """Where an agency stands on a day."""

    parent: StreamId | None
    """The agency above it."""
    heirs: frozenset[StreamId] = frozenset()
    """When it has ended: those whose people reach its papers as their own."""


Tree = Mapping[StreamId, Place]
"""Every agency with its place on the day that is asked about."""


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
    # Who may in his own right acts in it, whatever was lent to him besides.
    chosen = min(near, key=lambda grant: grant.standing_in_for is not None)
    return Decision(Actor(agent.id, chosen.role, chosen.agency), "allowed")


def scope(agent: Agent, action: Action, *, tree: Tree, on: date) -> Scope:
    """Every agency for which the agent may do the action, for queries."""
    able = [grant for grant in _holding(agent, on) if action in _ALLOWED[grant.role]]
    reached = {a: [g for g in able if _reaches(g, a, tree)] for a in tree}
    return Scope(
        frozenset(a for a, grants in reached.items() if grants),
        frozenset(a for a, grants in reached.items() if any(g.role in _RESTRICTED for g in grants)),
    )


def able(agent: Agent, on: date) -> frozenset[Action]:
    """Every action that some role of the agent allows on that day, wherever it may reach."""
    return frozenset().union(*(_ALLOWED[grant.role] for grant in _holding(agent, on)))


def _holding(agent: Agent, on: date) -> list[Grant]:
    return [grant for grant in agent.grants if grant.holds_on(on)]


def _reaches(grant: Grant, agency: StreamId, tree: Tree) -> bool:
    """True when a way leads to the grant's agency: by heirs, for a wide role upwards, too."""
    wide = grant.role in _WIDE
    seen: set[StreamId] = set()
    ahead = [agency]
    while ahead:
        here = ahead.pop()
        if here == grant.agency:
            return True
        if here in seen or here not in tree:
            continue
        seen.add(here)
        place = tree[here]
        ahead += place.heirs
        if wide and place.parent is not None:
            ahead.append(place.parent)
    return False
