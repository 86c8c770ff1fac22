"""People and their roles: granted, ended, revoked; and a mandate that must end."""

from datetime import date

import pytest

from domain import agents
from domain.agents import Agent, AgentEvent, AgentKind, AgentRegistered, Grant, Role, RoleRevoked
from domain.errors import InvalidValueError, RuleError
from domain.values import StreamId

AGENT, HERE, THERE = StreamId("agent-1"), StreamId("agency-1"), StreamId("agency-2")
REGISTERED = AgentRegistered(AgentKind.PERSON, "Người Đăng Ký")
END = date(2026, 6, 30)


def given(*events: AgentEvent) -> Agent:
    state: Agent | None = None
    for event in (REGISTERED, *events):
        state = agents.evolve(state, AGENT, event)
    assert state is not None
    return state


def test_a_role_holds_through_its_last_day() -> None:
    grant = Grant(Role.LEADER, HERE, END)
    assert grant.holds_on(END)
    assert not grant.holds_on(date(2026, 7, 1))
    assert Grant(Role.LEADER, HERE, None).holds_on(date(2999, 1, 1))
    later = Grant(Role.LEADER, HERE, None, since=END)
    assert later.holds_on(END)
    assert not later.holds_on(date(2026, 6, 29))


def test_a_person_holds_several_roles_and_loses_one() -> None:
    state = given()
    first = agents.grant(state, Role.LEADER, HERE, None)
    second = agents.grant(state, Role.ARCHIVIST, HERE, None)
    third = agents.grant(state, Role.LEADER, THERE, END)
    held = given(first, second, third, RoleRevoked(Role.LEADER, HERE)).grants
    assert held == (Grant(Role.ARCHIVIST, HERE, None), Grant(Role.LEADER, THERE, END))


def test_a_role_granted_anew_has_its_new_end() -> None:
    first = agents.grant(None, Role.LEADER, HERE, None)
    second = agents.grant(None, Role.LEADER, HERE, END)
    assert given(first, second).grants == (Grant(Role.LEADER, HERE, END),)


def test_a_role_does_not_end_before_it_begins() -> None:
    with pytest.raises(InvalidValueError, match="invalid-period"):
        agents.grant(given(), Role.LEADER, HERE, until=date(2026, 1, 1), since=END)


def test_a_mandate_ends() -> None:
    with pytest.raises(RuleError, match="mandate-without-end"):
        agents.grant(given(), Role.AUDITOR, HERE, None)
    assert agents.grant(given(), Role.AUDITOR, HERE, END).until == END


def test_the_role_of_the_worker_is_given_to_nobody() -> None:
    with pytest.raises(RuleError, match="role-reserved"):
        agents.grant(given(), Role.SYSTEM, HERE, None)


@pytest.mark.parametrize("name", ["", "  ", "x" * 201])
def test_an_agent_has_a_name(name: str) -> None:
    with pytest.raises(InvalidValueError):
        agents.register(AgentKind.PERSON, name)
    assert agents.register(AgentKind.PERSON, " Người Đăng Ký ").name == "Người Đăng Ký"


def test_only_a_role_that_is_held_is_revoked() -> None:
    state = given(agents.grant(None, Role.LEADER, HERE, None))
    assert given(*_events(state), agents.revoke(state, Role.LEADER, HERE, "x")).grants == ()
    for role, agency in ((Role.LEADER, THERE), (Role.ARCHIVIST, HERE)):
        with pytest.raises(RuleError, match="role-not-held"):
            agents.revoke(state, role, agency, "x")


def _events(state: Agent) -> list[AgentEvent]:
    return [agents.RoleGranted(g.role, g.agency, g.since, g.until) for g in state.grants]


# ---------------------------------------------------------------- standing in

OFFICER = StreamId("agent-2")
FROM, TO = date(2026, 3, 2), date(2026, 3, 13)


def officer(*grants: Grant, kind: AgentKind = AgentKind.PERSON) -> Agent:
    return Agent(OFFICER, kind, "Người Vắng Mặt", grants)


def lend(
    absent: Agent, role: Role = Role.LEADER, since: date = FROM, until: date = TO
) -> agents.SubstitutionAppointed:
    return agents.substitute(given(), absent, role, HERE, since=since, until=until, ground="phép")


def test_a_lent_role_holds_on_its_days_and_names_the_absent_officer() -> None:
    state = given(lend(officer(Grant(Role.LEADER, HERE, None))))
    assert state.grants == (Grant(Role.LEADER, HERE, TO, FROM, OFFICER),)
    acted = [
        agents.acted_for(state, Role.LEADER, HERE, day)
        for day in (date(2026, 3, 1), FROM, TO, date(2026, 3, 14))
    ]
    assert acted == [None, OFFICER, OFFICER, None]
    assert agents.acted_for(state, Role.LEADER, THERE, FROM) is None


def test_who_holds_the_role_himself_acts_for_himself() -> None:
    lent = lend(officer(Grant(Role.LEADER, HERE, None)))
    own = agents.grant(None, Role.LEADER, HERE, None)
    for state in (given(lent, own), given(own, lent)):
        assert len(state.grants) == 2
        assert agents.acted_for(state, Role.LEADER, HERE, FROM) is None
        ended = agents.revoke(state, Role.LEADER, HERE, "x")
        left = agents.evolve(state, AGENT, ended)
        assert agents.acted_for(left, Role.LEADER, HERE, FROM) == OFFICER


def test_nothing_is_lent_that_is_not_held_from_the_first_day_to_the_last() -> None:
    for grants in (
        (),
        (Grant(Role.LEADER, THERE, None),),
        (Grant(Role.ARCHIVIST, HERE, None),),
        (Grant(Role.LEADER, HERE, date(2026, 3, 12)),),
        (Grant(Role.LEADER, HERE, None, since=date(2026, 3, 3)),),
        (Grant(Role.LEADER, HERE, TO, FROM, StreamId("agent-3")),),
    ):
        with pytest.raises(RuleError, match="role-not-held"):
            lend(officer(*grants))


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMINISTRATOR, Role.SYSTEM])
def test_a_mandate_and_the_administration_are_not_lent(role: Role) -> None:
    with pytest.raises(RuleError, match="role-not-lent"):
        lend(officer(Grant(role, HERE, TO)), role)


def test_a_substitute_is_another_person_for_some_days() -> None:
    held = Grant(Role.LEADER, HERE, None)
    with pytest.raises(InvalidValueError, match="invalid-period"):
        lend(officer(held), since=TO, until=FROM)
    with pytest.raises(RuleError, match="role-reserved"):
        lend(officer(held, kind=AgentKind.SOFTWARE))
    himself = Agent(AGENT, AgentKind.PERSON, "x", (held,))
    with pytest.raises(RuleError, match="substitute-himself"):
        lend(himself)


def test_a_substitution_ends_before_its_day() -> None:
    state = given(lend(officer(Grant(Role.LEADER, HERE, None))))
    ended = agents.end_substitution(state, OFFICER, Role.LEADER, HERE, "trở lại")
    assert agents.evolve(state, AGENT, ended).grants == ()
    with pytest.raises(RuleError, match="role-not-held"):
        agents.end_substitution(state, StreamId("agent-3"), Role.LEADER, HERE, "x")
    with pytest.raises(RuleError, match="role-not-held"):
        agents.revoke(state, Role.LEADER, HERE, "what is lent is not his own")


def test_a_program_is_given_no_role() -> None:
    program = Agent(AGENT, AgentKind.SOFTWARE, "x")
    with pytest.raises(RuleError, match="role-reserved"):
        agents.grant(program, Role.ARCHIVIST, HERE, None)
