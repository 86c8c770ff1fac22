"""Appending: order, commands, codes, clock, racing writers, following."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.dossier import DossierOpened
from domain.errors import (
    ClaimTakenError,
    ClockError,
    CommandReusedError,
    ConcurrentChangeError,
    IntegrityError,
    UnavailableError,
)
from domain.events import Change, Claim
from domain.ports import Command
from domain.values import Basis, StreamId
from infrastructure.journal import keys as key_files
from tests.journal import writers
from tests.journal.house import BASIS, BY, MORNING, House, corrected, opened


def test_what_was_appended_is_loaded_as_it_was(house: House) -> None:
    dossier = house.open_dossier("H33.05-1.HS")
    first, second, third = house.journal.load(dossier)
    assert first.event == opened("H33.05-1.HS")
    assert second.event == corrected("0912345678")
    assert (first.version, second.version, third.version) == (1, 2, 3)
    assert (first.by, first.basis, first.at, first.subject) == (BY, BASIS, MORNING, dossier)
    assert first.position < second.position < third.position
    assert house.journal.load(house.new("dossier")) == ()


def test_everything_of_one_decision_or_nothing(house: House) -> None:
    taken = house.open_dossier("H33.05-1.HS")
    before = house.journal.position()
    first, second = house.new("dossier"), house.new("dossier")
    with pytest.raises(ClaimTakenError) as told:
        house.append_all(
            [
                Change(first, 0, [opened("H33.05-2.HS")]),
                Change(second, 0, [opened("H33.05-1.HS")]),
            ]
        )
    assert told.value.details["holder"] == taken
    assert house.journal.load(first) == ()
    assert house.journal.holder(Claim("dossier-code", "H33.05-2.HS")) is None
    assert house.journal.position() == before
    house.append_all(
        [
            Change(first, 0, [opened("H33.05-2.HS"), corrected("1")]),
            Change(taken, 3, [corrected("2")]),
        ]
    )
    assert [len(house.journal.load(stream)) for stream in (first, taken)] == [2, 4]
    assert house.journal.claimed("dossier-code", "H33.05-") == ["H33.05-1.HS", "H33.05-2.HS"]
    assert not house.inspect().findings


@pytest.mark.parametrize("expected", [0, 1, 2, 4, 9])
def test_a_stream_that_is_not_where_the_decision_saw_it(house: House, expected: int) -> None:
    dossier = house.open_dossier()
    with pytest.raises(ConcurrentChangeError):
        house.append(dossier, expected, corrected("1"))
    assert len(house.journal.load(dossier)) == 3
    assert not house.inspect().findings


# ---------------------------------------------------------------- commands


def test_a_repeated_command_gets_its_first_answer(house: House) -> None:
    dossier, command = house.open_dossier(), house.command("the request")
    first = house.append(dossier, 3, corrected("1"), command=command, result={"n": 1})
    again = house.append(dossier, 3, corrected("2"), command=command, result={"n": 2})
    assert (again.result, again.events) == (first.result, first.events)
    assert (first.repeated, again.repeated) == (False, True)
    assert house.journal.answered(command) == again
    assert len(house.journal.load(dossier)) == 4
    assert house.journal.answered(house.command()) is None


def test_a_command_id_with_another_request_is_refused(house: House) -> None:
    dossier, command = house.open_dossier(), house.command("the request")
    house.append(dossier, 3, corrected("1"), command=command)
    other = Command(command.id, "another request")
    with pytest.raises(CommandReusedError):
        house.journal.answered(other)
    with pytest.raises(CommandReusedError):
        house.append(dossier, 4, corrected("2"), command=other)
    assert len(house.journal.load(dossier)) == 4


def test_an_answer_that_was_altered_is_not_given(house: House) -> None:
    dossier, command = house.open_dossier(), house.command()
    house.append(dossier, 3, corrected("1"), command=command, result={"n": 1})
    house.tamper("UPDATE commands SET answer=replace(answer, '\"n\": 1', '\"n\": 2')")
    with pytest.raises(IntegrityError, match="command-row-altered"):
        house.journal.answered(command)


def test_the_request_cannot_be_read_from_the_row(house: House) -> None:
    dossier = house.open_dossier()
    house.append(dossier, 3, corrected("1"), command=house.command("số 0912345678"))
    rows = house.rows("SELECT request, answer FROM commands")
    assert all(len(request) == 64 and b"0912345678" not in request for request, _ in rows)


# ---------------------------------------------------------------- the clock


def test_a_small_step_back_of_the_clock_is_waited_out(house: House) -> None:
    dossier = house.open_dossier()
    house.clock.at = MORNING - timedelta(seconds=1.5)
    house.append(dossier, 3, corrected("1"))
    assert house.clock.waited == [1.5]
    times = [one.at for one in house.journal.load(dossier)]
    assert times == sorted(times)
    house.clock.at = MORNING - timedelta(seconds=2)
    house.append(dossier, 4, corrected("2"))
    assert not house.inspect().findings


def test_a_larger_step_back_is_refused_and_named(house: House) -> None:
    dossier = house.open_dossier()
    house.clock.at = MORNING - timedelta(seconds=2, microseconds=1)
    with pytest.raises(ClockError) as told:
        house.append(dossier, 3, corrected("1"))
    assert told.value.details["seconds"] == 2
    assert house.clock.waited == []
    assert len(house.journal.load(dossier)) == 3
    house.append(house.new("dossier"), 0, opened("H33.05-7.HS"))  # Another stream has its own time.
    assert not house.inspect().findings


def test_the_clock_is_compared_by_a_writer_that_just_started(house: House) -> None:
    dossier = house.open_dossier()
    house.journal = house.open()
    house.clock.at = MORNING - timedelta(hours=1)
    with pytest.raises(ClockError):
        house.append(dossier, 3, corrected("1"))


# ---------------------------------------------------------------- racing


def run_all(targets: list[tuple[Callable[..., None], tuple[Any, ...]]]) -> list[Any]:
    answers = writers.CONTEXT.Queue()
    processes = [writers.start(target, *given, answers) for target, given in targets]
    found = [answers.get(timeout=100) for _ in processes]
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    answers.close()
    answers.join_thread()
    return found


def test_racing_writers_lose_nothing_and_share_no_code(house: House) -> None:
    house.journal.close()
    won = run_all([(writers.open_many, (house.folder, 40))] * 3)
    codes = [code for one in won for code in one]
    assert sorted(codes) == sorted(f"H33.05-{number}.HS" for number in range(40))
    house.journal = house.open()
    stored = house.journal.follow(0, 1000)
    assert [one.event.code for one in stored if isinstance(one.event, DossierOpened)] != []
    assert len(stored) == 1 + len(codes)
    assert [one.position for one in stored] == list(range(1, len(stored) + 1))
    assert not house.inspect().findings


def test_two_writers_on_one_dossier(house: House) -> None:
    dossier = house.open_dossier()
    house.journal.close()
    done = run_all([(writers.correct_many, (house.folder, dossier, 25))] * 2)
    house.journal = house.open()
    stored = house.journal.load(dossier)
    assert len(stored) == 3 + 50
    assert {one.id for one in stored[3:]} == {event for one in done for event in one}
    assert not house.inspect().findings


def test_threads_share_one_journal(house: House) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for turn in range(10):
                house.append(house.new("dossier"), 0, opened(f"H33.05-{number}.{turn}"))
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert house.journal.position() == 41
    assert not house.inspect().findings


def test_following_leaves_nothing_out_while_others_write(house: House) -> None:
    answers = writers.CONTEXT.Queue()
    processes = [writers.start(writers.open_many, house.folder, 40, answers) for _ in range(2)]
    position = 0
    seen: list[int] = []
    while len(seen) < 41:
        found = house.journal.follow(position, 7)
        seen += [one.position for one in found]
        position = seen[-1]
    for _ in processes:
        answers.get(timeout=60)
    for process in processes:
        process.join(20)
    answers.close()
    answers.join_thread()
    assert seen == list(range(1, 42))
    assert house.journal.follow(position, 7) == []


# ---------------------------------------------------------------- following what was altered


def test_a_follower_stops_at_a_broken_chain(house: House) -> None:
    house.open_dossier()
    house.journal.close()
    house.tamper("DELETE FROM stored_events WHERE rowid=3")
    with pytest.raises(IntegrityError, match="chain-broken"):
        house.open().follow(0, 10)


def test_a_follower_stops_at_a_row_that_says_something_else(house: House) -> None:
    house.open_dossier()
    house.tamper("UPDATE stored_events SET topic='dossier-closed/1' WHERE rowid=3")
    with pytest.raises(IntegrityError, match="row-and-envelope-differ"):
        house.journal.follow(0, 10)


# ---------------------------------------------------------------- keys


def test_nothing_is_signed_with_the_keys_of_another_archive(house: House) -> None:
    house.keys = key_files.create(house.folder / "others", "archive-x", house.clock.now())
    house.journal = house.open()
    with pytest.raises(UnavailableError, match="key-of-another-archive"):
        house.append(house.new("dossier"), 0, opened("H33.05-1.HS"))
    assert house.journal.position() == 1


def test_an_identifier_of_a_legal_basis_is_no_free_text() -> None:
    with pytest.raises(ValueError, match="invalid-reference"):
        Basis("TT01", "Người Nộp Đơn, 0912345678")


def test_a_read_only_file_is_named(house: House) -> None:
    house.close()
    house.journal = house.open()
    with house.journal._recorder.datastore.get_connection(commit=True) as connection:
        connection.cursor().execute("PRAGMA query_only = ON")
    with pytest.raises(UnavailableError, match="journal-read-only"):
        house.append(StreamId(house.new("dossier")), 0, opened("H33.05-1.HS"))
