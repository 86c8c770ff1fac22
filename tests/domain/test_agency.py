"""Agencies: what they were called and where they stood on a day, and how they end."""

from datetime import date

import pytest

from domain import agency
from domain.agency import Agency, AgencyEvent, Succession
from domain.errors import InvalidValueError, RuleError
from domain.values import StreamId

HERE, ABOVE, OTHER, THIRD = (StreamId(f"agency-{n}") for n in range(1, 5))
FOUNDED, MERGER, AFTER = date(2016, 1, 1), date(2025, 7, 1), date(2026, 3, 2)


def given(*events: AgencyEvent, stream: StreamId = HERE) -> Agency:
    state: Agency | None = None
    for event in (agency.establish("Sở Nông nghiệp", "H33.05", ABOVE, FOUNDED), *events):
        state = agency.evolve(state, stream, event)
    assert state is not None
    return state


def test_a_name_stays_as_it_was_at_its_time() -> None:
    renamed = agency.rename(given(), " Sở Nông nghiệp và Môi trường ", MERGER)
    state = given(renamed)
    assert state.name_on(date(2025, 6, 30)) == "Sở Nông nghiệp"
    assert state.name_on(MERGER) == state.name == "Sở Nông nghiệp và Môi trường"
    assert state.name_on(date(1999, 1, 1)) == "Sở Nông nghiệp"


def test_an_earlier_name_may_be_told_later() -> None:
    newest = agency.rename(given(), "Sở mới", MERGER)
    between = agency.rename(given(newest), "Sở giữa", date(2020, 1, 1))
    state = given(newest, between)
    days = (FOUNDED, date(2020, 1, 1), MERGER)
    assert [state.name_on(day) for day in days] == ["Sở Nông nghiệp", "Sở giữa", "Sở mới"]
    assert state.name == "Sở mới"


def test_a_day_told_twice_has_the_later_word() -> None:
    wrong = agency.rename(given(), "Sở sai", MERGER)
    right = agency.rename(given(wrong), "Sở đúng", MERGER)
    assert given(wrong, right).name_on(MERGER) == "Sở đúng"


def test_a_name_that_says_nothing_new_is_refused() -> None:
    with pytest.raises(RuleError, match="nothing-changed"):
        agency.rename(given(), "Sở Nông nghiệp", AFTER)
    with pytest.raises(RuleError, match="before-agency"):
        agency.rename(given(), "Sở khác", date(2015, 12, 31))
    with pytest.raises(InvalidValueError, match="invalid-name"):
        agency.rename(given(), "  ", AFTER)


def test_a_code_ends_and_goes_on_naming_the_agency() -> None:
    second = agency.assign_code(given(), "H01.05", MERGER, None)
    ended = agency.end_code(given(second), "H33.05", date(2025, 6, 30))
    state = given(second, ended)
    assert state.code_on(date(2025, 6, 30)) == "H33.05"
    assert state.code_on(MERGER) == state.code == "H01.05"
    assert [known.code for known in state.codes] == ["H33.05", "H01.05"]
    assert given(agency.AgencyCodeEnded("H33.05", MERGER)).code_on(AFTER) == "H33.05"


def test_only_a_code_of_the_agency_ends_and_not_before_it_began() -> None:
    with pytest.raises(RuleError, match="code-not-of-agency"):
        agency.end_code(given(), "H33.06", AFTER)
    with pytest.raises(InvalidValueError, match="invalid-period"):
        agency.end_code(given(), "H33.05", date(2015, 12, 31))


def test_an_agency_moves_and_never_below_itself() -> None:
    moved = given(agency.move(given(), OTHER, frozenset({ABOVE}), MERGER))
    assert moved.parent_on(FOUNDED) == ABOVE
    assert moved.parent_on(MERGER) == moved.parent == OTHER
    for parent, above in ((HERE, frozenset[StreamId]()), (OTHER, frozenset({ABOVE, HERE}))):
        with pytest.raises(RuleError, match="agency-circle"):
            agency.move(given(), parent, above, MERGER)
    with pytest.raises(RuleError, match="nothing-changed"):
        agency.move(given(), ABOVE, frozenset(), MERGER)


def heirs(count: int) -> tuple[Agency, ...]:
    return tuple(given(stream=stream) for stream in (OTHER, THIRD)[:count])


@pytest.mark.parametrize(
    ("how", "counts"),
    [(Succession.MERGED, {1}), (Succession.SPLIT, {2}), (Succession.DISSOLVED, {0, 1, 2})],
)
def test_how_an_agency_ends_fits_its_successors(how: Succession, counts: set[int]) -> None:
    for count in range(3):
        if count in counts:
            ended = agency.succeed(given(), how, heirs(count), MERGER)
            assert len(ended.successors) == count
        else:
            with pytest.raises(RuleError, match="successors-do-not-fit"):
                agency.succeed(given(), how, heirs(count), MERGER)


def test_heirs_reach_its_papers_from_the_day_on() -> None:
    state = given(agency.succeed(given(), Succession.SPLIT, heirs(2), MERGER))
    assert state.heirs_on(date(2025, 6, 30)) == frozenset()
    assert state.heirs_on(MERGER) == {OTHER, THIRD}
    assert given().heirs_on(AFTER) == frozenset()


def test_nothing_new_begins_at_what_has_ended() -> None:
    state = given(agency.succeed(given(), Succession.MERGED, heirs(1), MERGER))
    agency.require_standing(state, date(2025, 6, 30))
    for late in (
        lambda: agency.require_standing(state, MERGER),
        lambda: agency.rename(state, "Sở khác", MERGER),
        lambda: agency.assign_code(state, "H01.05", AFTER, None),
        lambda: agency.move(state, OTHER, frozenset(), AFTER),
        lambda: agency.succeed(state, Succession.MERGED, heirs(1), AFTER),
        lambda: agency.succeed(given(stream=OTHER), Succession.MERGED, (state,), AFTER),
    ):
        with pytest.raises(RuleError, match="agency-ended"):
            late()
    agency.end_code(state, "H33.05", AFTER)


def test_an_agency_is_not_its_own_successor() -> None:
    with pytest.raises(RuleError, match="agency-circle"):
        agency.succeed(given(), Succession.MERGED, (given(),), MERGER)
