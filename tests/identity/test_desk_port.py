"""Saved searches and the tray."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from domain.errors import InvalidValueError, RuleError
from domain.values import StreamId
from infrastructure.desk import SqliteDesk
from tests.identity.conftest import ANN, BINH, MORNING


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[SqliteDesk]:
    made = SqliteDesk(tmp_path / "desk.sqlite")
    yield made
    made.close()


def records(*numbers: int) -> list[StreamId]:
    return [StreamId(f"record-{n}") for n in numbers]


def test_a_saved_search_is_its_owners_alone(desk: SqliteDesk) -> None:
    desk.save_search(ANN, "1", "Đất đai", "q=đất&year=2026", MORNING)
    desk.save_search(ANN, "2", "Trạm bơm", "q=bơm", MORNING + timedelta(seconds=1))
    assert [each.id for each in desk.searches(ANN)] == ["2", "1"]
    assert desk.searches(ANN)[1].query == "q=đất&year=2026"
    assert desk.searches(ANN)[1].saved_at == MORNING
    assert not desk.searches(BINH)
    desk.drop_search(BINH, "1")
    assert len(desk.searches(ANN)) == 2
    desk.drop_search(ANN, "1")
    assert [each.id for each in desk.searches(ANN)] == ["2"]


def test_a_hundred_searches_are_enough(desk: SqliteDesk) -> None:
    for n in range(100):
        desk.save_search(ANN, str(n), f"Tìm {n}", "q", MORNING)
    with pytest.raises(RuleError, match="too-many-saved"):
        desk.save_search(ANN, "100", "Tìm nữa", "q", MORNING)
    desk.save_search(ANN, "7", "Tên khác", "q", MORNING)
    assert {each.name for each in desk.searches(ANN)} >= {"Tên khác"}
    desk.save_search(BINH, "100", "Tìm nữa", "q", MORNING)
    with pytest.raises(InvalidValueError, match="invalid-name"):
        desk.save_search(BINH, "101", " ", "q", MORNING)


def test_a_tray_keeps_the_order_and_each_record_once(desk: SqliteDesk, tmp_path: Path) -> None:
    assert desk.put(ANN, records(3, 1)) == 2
    assert desk.put(ANN, records(1, 2, 2)) == 3
    assert desk.put(BINH, records(9)) == 1
    assert desk.tray(ANN) == records(3, 1, 2)
    assert desk.take(ANN, records(1, 9)) == 2
    assert desk.put(ANN, records(1)) == 3
    with closing(SqliteDesk(tmp_path / "desk.sqlite")) as again:
        assert again.tray(ANN) == records(3, 2, 1)
        assert again.tray(BINH) == records(9)


def test_a_full_tray_takes_nothing_in(desk: SqliteDesk) -> None:
    desk.put(ANN, records(*range(999)))
    with pytest.raises(RuleError, match="tray-full"):
        desk.put(ANN, records(1000, 1001))
    assert desk.put(ANN, records(1000)) == 1000
    assert desk.put(ANN, records(5)) == 1000
    assert desk.tray(ANN)[-1:] == records(1000)


def test_many_at_once_fill_a_tray_to_its_limit(desk: SqliteDesk) -> None:
    def lay(n: int) -> bool:
        try:
            desk.put(ANN, records(*range(n * 100, n * 100 + 100)))
        except RuleError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        laid = list(pool.map(lay, range(12)))
    assert sum(laid) == 10
    assert len(desk.tray(ANN)) == 1000
