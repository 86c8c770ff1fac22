"""A crash at every call of every port in the life of a scanned page, and the next start."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from domain.errors import UnavailableError
from domain.scanning import ScanReceived
from domain.services.reception import Receipt
from ingest.worker import read_record
from tests.story.checking import check_archive
from tests.story.faults import FAILURES, KILLS, Fault, Form, strikes
from tests.story.place import Desk, Place
from tests.story.processes import run_all, run_killed

PAPER = "don-xin-cap-dat"
Step = Callable[[Desk], object]


def reception(desk: Desk) -> Receipt:
    return desk.receive(PAPER, command="gui-lan-dau")


def calls_of(place: Place, step: Step) -> list[str]:
    """Every port call of an undisturbed run, in order."""
    fault = Fault()
    with place.open(fault=fault) as desk:
        step(desk)
    return fault.calls


def struck(place: Place, step: Step, fault: Fault) -> None:
    with place.open(fault=fault) as desk:
        step(desk)


def test_a_killed_command_leaves_nothing_lost_and_nothing_doubled(
    founded: Place, tmp_path: Path
) -> None:
    calls = calls_of(founded.copy(tmp_path / "count"), reception)

    def trial(at: int, form: Form) -> None:
        folder = tmp_path / f"{at}-{form}"
        place = founded.copy(folder)
        killed = run_killed(partial(struck, place, reception, Fault(at, form)))
        assert killed, f"{calls[at - 1]} ({at}) was not reached"
        _send_again(place)
        shutil.rmtree(folder)

    run_all([partial(trial, *one) for one in strikes(calls, KILLS)], tmp_path / "trials")


@pytest.mark.parametrize("form", FAILURES)
def test_a_command_whose_disk_is_full_leaves_nothing_half_done(
    founded: Place, tmp_path: Path, form: Form
) -> None:
    calls = calls_of(founded.copy(tmp_path / "count"), reception)

    def trial(at: int) -> None:
        folder = tmp_path / str(at)
        place = founded.copy(folder)
        with pytest.raises(UnavailableError):
            struck(place, reception, Fault(at, form))
        _send_again(place)
        shutil.rmtree(folder)

    run_all([partial(trial, at) for at in range(1, len(calls) + 1)], tmp_path / "trials")


def _send_again(place: Place) -> None:
    """The station has no receipt, still has its copy, and sends it under the same command id."""
    with place.open() as desk:
        first = reception(desk)
        assert first.state == "stored"
        assert reception(desk) == first
        desk.work()
    assert first.record is not None
    checked = check_archive(
        place, receipts={first.record: place.papers.content(PAPER)}, finished=False
    )
    assert list(checked.records) == [first.record]
    assert sum(isinstance(one.event, ScanReceived) for one in checked.events) == 1


def test_the_work_of_a_killed_worker_goes_on(
    received: tuple[Place, Receipt], tmp_path: Path
) -> None:
    before, receipt = received
    step = partial(_read, receipt=receipt)
    calls = calls_of(before.copy(tmp_path / "count"), step)

    def trial(at: int, form: Form) -> None:
        folder = tmp_path / f"{at}-{form}"
        place = before.copy(folder)
        assert run_killed(partial(struck, place, step, Fault(at, form)))
        _work_goes_on(place, receipt)
        shutil.rmtree(folder)

    run_all([partial(trial, *one) for one in strikes(calls, KILLS)], tmp_path / "trials")


@pytest.mark.parametrize("form", FAILURES)
def test_a_worker_whose_disk_is_full_begins_again(
    received: tuple[Place, Receipt], tmp_path: Path, form: Form
) -> None:
    before, receipt = received
    step = partial(_read, receipt=receipt)
    calls = calls_of(before.copy(tmp_path / "count"), step)

    def trial(at: int) -> None:
        folder = tmp_path / str(at)
        place = before.copy(folder)
        with pytest.raises(UnavailableError):
            struck(place, step, Fault(at, form))
        _work_goes_on(place, receipt)
        shutil.rmtree(folder)

    run_all([partial(trial, at) for at in range(1, len(calls) + 1)], tmp_path / "trials")


def _read(desk: Desk, receipt: Receipt) -> None:
    assert receipt.record is not None
    read_record(desk.archive, receipt.record, str(desk.run_folder))


def _work_goes_on(place: Place, receipt: Receipt) -> None:
    with place.open() as desk:
        desk.work()
    assert receipt.record is not None
    checked = check_archive(place, receipts={receipt.record: place.papers.content(PAPER)})
    assert checked.records[receipt.record].reading is not None
    assert not checked.harmless, "what was put before the crash was put again and is named"
