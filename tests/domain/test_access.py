"""Who may do what: every role with every action, at its own agency, below, above and elsewhere."""

from datetime import date

import pytest

from domain.access import Action, Decision, Place, Resource, may, scope
from domain.agents import Agent, AgentKind, Grant, Role
from domain.values import StreamId

PROVINCE, DEPARTMENT, OFFICE, OTHER = (StreamId(f"agency-{n}") for n in range(1, 5))
TREE = {
    PROVINCE: Place(None),
    DEPARTMENT: Place(PROVINCE),
    OFFICE: Place(DEPARTMENT),
    OTHER: Place(PROVINCE),
}
TODAY = date(2026, 3, 2)

TABLE = {
    #                       role's letters: S scanning clerk, O one-stop, H handling, L leader,
    #                       R records officer, A archivist, U auditor, D administrator, Y system
    Action.ADMINISTER: "D",
    Action.ARRANGE: "SORA",
    Action.ATTEST_SEARCH: "AU",
    Action.AUDIT: "U",
    Action.CLOSE: "HLRA",
    Action.CONFIRM: "SORA",
    Action.CORRECT: "OHRA",
    Action.DECIDE_ERASURE: "LA",
    Action.HOLD: "LA",
    Action.ISOLATE: "SORA",
    Action.OPEN_DOSSIER: "SORA",
    Action.READ: "SOHLRAUY",
    Action.RECEIVE_SCAN: "SOHRA",
    Action.REQUEST_ERASURE: "OA",
    Action.SEE_INCIDENTS: "D",
    Action.SEE_READS: "AU",
    Action.SEE_WORK: "SOLRAUDY",
    Action.VERIFY: "AUD",
}
LETTERS = {
    Role.SCANNING_CLERK: "S",
    Role.ONE_STOP_OFFICER: "O",
    Role.HANDLING_OFFICER: "H",
    Role.LEADER: "L",
    Role.RECORDS_OFFICER: "R",
    Role.ARCHIVIST: "A",
    Role.AUDITOR: "U",
    Role.ADMINISTRATOR: "D",
    Role.SYSTEM: "Y",
}
WIDE = "LAUD"
"""Roles that reach the agencies below their own."""


def holding(role: Role, agency: StreamId = DEPARTMENT, until: date | None = None) -> Agent:
    return Agent(StreamId("agent-1"), AgentKind.PERSON, "x", (Grant(role, agency, until),))


def of(agency: StreamId, **said: bool) -> Resource:
    return Resource(frozenset({agency}), **said)


def asked(agent: Agent, action: Action, resource: Resource) -> Decision:
    return may(agent, action, resource, tree=TREE, on=TODAY)


def test_the_table_names_every_action_and_role() -> None:
    assert TABLE.keys() == set(Action)
    assert LETTERS.keys() == set(Role)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_each_role_at_each_distance(role: Role, action: Action) -> None:
    able, wide = LETTERS[role] in TABLE[action], LETTERS[role] in WIDE
    agent = holding(role)
    expected = {
        DEPARTMENT: able,
        OFFICE: able and wide,
        PROVINCE: False,
        OTHER: False,
    }
    for agency, allowed in expected.items():
        decision = asked(agent, action, of(agency))
        assert decision.allowed is allowed, agency
        reason = "allowed" if allowed else "other-agency" if able else "no-role"
        assert decision.reason == reason
    reached = scope(agent, action, tree=TREE, on=TODAY)
    assert reached.agencies == {agency for agency, allowed in expected.items() if allowed}


@pytest.mark.parametrize("role", Role)
def test_an_ended_grant_allows_nothing(role: Role) -> None:
    agent = holding(role, until=date(2026, 3, 1))
    for action in Action:
        assert asked(agent, action, of(DEPARTMENT)).reason == "no-role"
        assert scope(agent, action, tree=TREE, on=TODAY).agencies == frozenset()
    last_day = holding(role, until=TODAY)
    assert any(asked(last_day, action, of(DEPARTMENT)).allowed for action in Action)


@pytest.mark.parametrize("role", Role)
def test_a_restricted_paper_is_read_by_few(role: Role) -> None:
    decision = asked(holding(role), Action.READ, of(DEPARTMENT, restricted=True))
    reads = LETTERS[role] in TABLE[Action.READ]
    assert decision.allowed is (LETTERS[role] in "LAU")
    assert decision.reason == (
        "allowed" if LETTERS[role] in "LAU" else "restricted" if reads else "no-role"
    )
    reached = scope(holding(role), Action.READ, tree=TREE, on=TODAY)
    assert (DEPARTMENT in reached.restricted) is (LETTERS[role] in "LAU")
    assert reached.restricted <= reached.agencies


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_an_isolated_record_is_for_the_incident_list(role: Role, action: Action) -> None:
    decision = asked(holding(role), action, of(DEPARTMENT, isolated=True))
    assert decision.allowed is (action is Action.SEE_INCIDENTS and role is Role.ADMINISTRATOR)


def test_the_decision_names_the_role_that_allows_it() -> None:
    agent = Agent(
        StreamId("agent-1"),
        AgentKind.PERSON,
        "x",
        (Grant(Role.SCANNING_CLERK, OTHER, None), Grant(Role.ARCHIVIST, PROVINCE, None)),
    )
    decision = asked(agent, Action.CORRECT, of(OFFICE))
    assert decision.actor is not None
    assert (decision.actor.role, decision.actor.agency) == (Role.ARCHIVIST, PROVINCE)


def test_one_of_two_agencies_is_enough() -> None:
    both = Resource(frozenset({OTHER, DEPARTMENT}))
    assert asked(holding(Role.ONE_STOP_OFFICER), Action.READ, both).allowed


def test_a_circle_of_agencies_ends() -> None:
    circle = {PROVINCE: Place(OFFICE), OFFICE: Place(PROVINCE)}
    decision = may(holding(Role.ARCHIVIST, OTHER), Action.READ, of(OFFICE), tree=circle, on=TODAY)
    assert decision.reason == "other-agency"


def test_an_unknown_agency_is_nobodys() -> None:
    assert not asked(holding(Role.ARCHIVIST), Action.READ, of(StreamId("agency-9"))).allowed
    assert not asked(holding(Role.ARCHIVIST), Action.READ, Resource(frozenset())).allowed


# ---------------------------------------------------------------- heirs

OLD, HEIR, SECTION = (StreamId(f"agency-{n}") for n in range(5, 8))
SUCCEEDED = TREE | {
    OLD: Place(OTHER, frozenset({HEIR})),
    HEIR: Place(DEPARTMENT),
    SECTION: Place(OLD),
}
"""OLD stood below OTHER with a section of its own, and was merged into HEIR."""


def reached(agent: Agent, action: Action, agency: StreamId) -> bool:
    allowed = may(agent, action, of(agency), tree=SUCCEEDED, on=TODAY).allowed
    assert (agency in scope(agent, action, tree=SUCCEEDED, on=TODAY).agencies) is allowed
    return allowed


@pytest.mark.parametrize("role", Role)
def test_people_of_an_heir_reach_the_papers_of_what_it_succeeded(role: Role) -> None:
    able, wide = LETTERS[role] in TABLE[Action.READ], LETTERS[role] in WIDE
    assert reached(holding(role, HEIR), Action.READ, OLD) is able
    assert reached(holding(role, HEIR), Action.READ, SECTION) is (able and wide)
    assert reached(holding(role, DEPARTMENT), Action.READ, OLD) is (able and wide)
    assert reached(holding(role, OTHER), Action.READ, OLD) is (able and wide)
    assert reached(holding(role, OLD), Action.READ, OLD) is able


@pytest.mark.parametrize("role", Role)
def test_people_of_what_ended_reach_nothing_of_the_heir(role: Role) -> None:
    for action in Action:
        assert not reached(holding(role, OLD), action, HEIR)
        assert not reached(holding(role, OTHER), action, HEIR)


def test_agencies_that_succeed_each_other_end() -> None:
    circle = {OLD: Place(None, frozenset({HEIR})), HEIR: Place(None, frozenset({OLD}))}
    decision = may(holding(Role.ARCHIVIST), Action.READ, of(OLD), tree=circle, on=TODAY)
    assert decision.reason == "other-agency"


def test_an_own_role_goes_before_a_lent_one() -> None:
    absent = StreamId("agent-2")
    lent = Grant(Role.ARCHIVIST, DEPARTMENT, TODAY, standing_in_for=absent)
    own = Grant(Role.RECORDS_OFFICER, DEPARTMENT, None)
    agent = Agent(StreamId("agent-1"), AgentKind.PERSON, "x", (lent, own))
    for action, role in ((Action.CONFIRM, own.role), (Action.DECIDE_ERASURE, lent.role)):
        actor = asked(agent, action, of(DEPARTMENT)).actor
        assert actor is not None
        assert actor.role is role
