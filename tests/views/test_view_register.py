"""What the catalogue says of agencies, agents and procedures; and that a rebuild says the same."""

from datetime import date

from domain import agency, agents, procedure
from domain.agency import Succession
from domain.agents import AccountState, AgentKind, Grant, Role
from domain.values import Kind, StreamId
from domain.views import AgentRow
from tests.views.world import World, rows_of

FIRST, LATER, END = date(2020, 1, 1), date(2025, 7, 1), date(2026, 12, 31)


def agency_of(world: World, stream: StreamId) -> agency.Agency:
    state: agency.Agency | None = None
    for recorded in world.journal.load(stream):
        assert isinstance(recorded.event, agency.AgencyEvent)
        state = agency.evolve(state, stream, recorded.event)
    assert state is not None
    return state


def agent_of(world: World, stream: StreamId) -> agents.Agent:
    state: agents.Agent | None = None
    for recorded in world.journal.load(stream):
        assert isinstance(recorded.event, agents.AgentEvent)
        state = agents.evolve(state, stream, recorded.event)
    assert state is not None
    return state


def rows(world: World, *agencies: StreamId) -> dict[StreamId, AgentRow]:
    world.views.catch_up()
    return {row.id: row for row in world.views.catalogue.agents(frozenset(agencies))}


def test_an_agency_stands_in_the_catalogue_as_its_events_say(world: World) -> None:
    top, old, new = world.agency("H33"), world.agency("H33.05"), world.agency("H33.06")
    world.on(old, agency.rename(agency_of(world, old), "Sở mới", LATER))
    world.on(old, agency.assign_code(agency_of(world, old), "000.00.05.H33", FIRST, None))
    world.on(old, agency.end_code(agency_of(world, old), "H33.05", LATER))
    world.on(old, agency.move(agency_of(world, old), top, frozenset(), LATER))
    heirs = (agency_of(world, new),)
    world.on(old, agency.succeed(agency_of(world, old), Succession.MERGED, heirs, END))
    world.views.catch_up()

    row = world.views.catalogue.agencies()[old]

    assert row.history == agency_of(world, old)
    assert (row.code, row.name, row.parent) == ("000.00.05.H33", "Sở mới", top)
    assert row.history.name_on(FIRST) == "Cơ quan H33.05"
    assert list(world.views.catalogue.agencies()) == [old, top, new], "by code"


def test_an_administrator_sees_the_people_of_his_agencies_with_their_roles_there(
    world: World,
) -> None:
    here, there, nowhere = (world.agency(f"H33.0{n}") for n in range(1, 4))
    clerk, officer = world.agent("Bà Thu"), world.agent("Ông An")
    world.on(
        clerk,
        agents.grant(None, Role.ARCHIVIST, here, END, FIRST),
        agents.grant(None, Role.AUDITOR, there, END),
        agents.open_account(agent_of(world, clerk), "thu"),
    )
    world.on(officer, agents.grant(None, Role.LEADER, here, None))
    lent = agents.substitute(
        agent_of(world, clerk), agent_of(world, officer), Role.LEADER, here,
        since=FIRST, until=END, ground="Nghỉ phép",
    )  # fmt: skip
    world.on(clerk, lent)

    found = rows(world, here)

    assert list(found) == [clerk, officer], "by name"
    assert found[clerk].name == "Bà Thu"
    assert (found[clerk].kind, found[clerk].account) == (AgentKind.PERSON, AccountState.OPEN)
    assert set(found[clerk].grants) == {
        Grant(Role.ARCHIVIST, here, END, FIRST),
        Grant(Role.LEADER, here, END, FIRST, officer),
    }
    assert rows(world, there)[clerk].grants == (Grant(Role.AUDITOR, there, END),)
    assert rows(world, nowhere) == {}
    assert rows(world) == {}
    assert world.views.catalogue.substitutes(officer) == [clerk]

    ended = agents.end_substitution(agent_of(world, clerk), officer, Role.LEADER, here, "Trở lại")
    world.on(clerk, ended, agents.close_account(agent_of(world, clerk), "Nghỉ việc"))
    world.on(officer, agents.revoke(agent_of(world, officer), Role.LEADER, here, "Chuyển"))

    found = rows(world, here)
    assert found[officer].grants == (), "and yet he can be found and granted another role"
    assert found[clerk].account is AccountState.CLOSED
    assert found[clerk].grants == (Grant(Role.ARCHIVIST, here, END, FIRST),)
    assert world.views.catalogue.substitutes(officer) == []


def test_procedures_are_listed_with_every_version(world: World) -> None:
    adopted = [
        procedure.ProcedureVersionAdopted(code, version, name, (), None, None, day)
        for code, version, name, day in (
            ("1.013979", 1, "Cấp giấy", FIRST),
            ("1.013979", 2, "Cấp giấy xác nhận", LATER),
            ("1.000001", 1, "Đăng ký", LATER),
        )
    ]
    first, second = world.new(Kind.PROCEDURE), world.new(Kind.PROCEDURE)
    world.on(first, *adopted[:2])
    world.on(second, adopted[2])
    world.views.catch_up()

    listed = world.views.catalogue.procedures()

    assert [(row.id, row.code, row.version, row.in_force_from) for row in listed] == [
        (second, "1.000001", 1, LATER),
        (first, "1.013979", 1, FIRST),
        (first, "1.013979", 2, LATER),
    ]
    assert listed[2].name == "Cấp giấy xác nhận"


def test_followed_step_by_step_or_rebuilt_the_rows_are_equal(world: World) -> None:
    test_an_agency_stands_in_the_catalogue_as_its_events_say(world)
    test_procedures_are_listed_with_every_version(world)
    clerk, office = world.agent("Ông An"), world.agency("H33.09")
    for event in (
        agents.grant(None, Role.ARCHIVIST, office, None),
        agents.RoleRevoked(Role.ARCHIVIST, office),
        agents.grant(None, Role.ARCHIVIST, office, END),
    ):
        world.on(clerk, event)
        world.views.catch_up()
    followed = rows_of(world.path)
    for name in ("catalogue", "history"):
        world.views.rebuild(name)
    assert rows_of(world.path) == followed
    assert not [f for f in world.views.inspect() if f.where.startswith(("catalogue", "history"))]
