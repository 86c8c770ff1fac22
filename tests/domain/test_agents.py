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
