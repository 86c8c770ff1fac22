"""The worker lets the log follow the journal, as a process of its own, killed and started again."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from domain.errors import IntegrityError, UnavailableError
from domain.services import oversight, proving
from infrastructure.bootstrap import House, messages
from infrastructure.evidence.merkle import check_consistency
from ingest import sequencer
from tests.evidence.archives import add_events, archive_with, request_of
from tests.evidence.test_verifying import alter

ROOT = Path(__file__).parents[2]
_WITHIN = 60.0
"""Seconds; on an idle machine a checkpoint is there within five (bench/log.py measures)."""


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest", "--archive", str(folder / "archive")],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def wait_for(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + _WITHIN
    while not reached():
        assert time.monotonic() < until, "the log did not follow"
        time.sleep(0.1)


def covered(house: House) -> int:
    newest = house.archive.log.newest()
    return newest.size if newest is not None else 0


def test_an_event_is_soon_in_the_log_and_a_burst_too(tmp_path: Path) -> None:
    with archive_with(tmp_path, 1) as house, worker(tmp_path):
        wait_for(lambda: covered(house) == house.archive.journal.position())
        for count in (1, 3000, 1):
            add_events(house, count)
            wait_for(lambda: covered(house) == house.archive.journal.position())
        assert oversight.verify(house.archive, request_of(house)).ok


def test_a_worker_that_is_killed_again_and_again_leaves_one_log(tmp_path: Path) -> None:
    with archive_with(tmp_path, 300) as house:
        seen = []
        for delay in (0.8, 1.1, 1.4, 1.7):
            process = subprocess.Popen(
                [sys.executable, "-m", "ingest", "--archive", str(tmp_path / "archive")],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
            )
            until = time.monotonic() + delay
            while time.monotonic() < until:
                add_events(house, 60)
            process.kill()
            process.wait(10)
            newest = house.archive.log.newest()
            if newest is not None:
                seen.append(newest)
        last = proving.advance(house.archive)
        assert last is not None
        assert last.size == house.archive.journal.position()
        for one in seen:
            path = house.archive.log.consistency(one.size, last.size)
            roots = bytes.fromhex(one.root), bytes.fromhex(last.root)
            check_consistency(one.size, roots[0], last.size, roots[1], path)
        notes = [one.note for one in seen]
        assert oversight.verify(house.archive, request_of(house), remembered=notes).ok


@dataclass
class Failing:
    """A journal that cannot tell its position as often as there are faults left."""

    journal: Any
    faults: list[Exception] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)

    def position(self) -> int:
        if self.faults:
            raise self.faults.pop()
        position: int = self.journal.position()
        return position


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (UnavailableError("journal-busy"), "the transparency log did not grow: journal-busy"),
        (ValueError("Ông A"), "the transparency log did not grow: unexpected ValueError"),
    ],
)
def test_the_sequencer_rests_and_goes_on_after_a_fault(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
    told: str,
) -> None:
    monkeypatch.setattr(sequencer, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(sequencer, "_REST_SECONDS", 0.02)
    with archive_with(tmp_path, 1) as house:
        journal = Failing(house.archive.journal, [fault])
        with sequencer.sequencing(replace(house.archive, journal=journal), messages(english=False)):
            wait_for(lambda: covered(house) == house.archive.journal.position())
            journal.faults += [fault, fault]
            add_events(house, 10)
            wait_for(lambda: covered(house) == house.archive.journal.position())
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
    assert said == [told] * 3


def test_the_log_comes_as_far_as_the_event_that_was_altered_and_says_so(tmp_path: Path) -> None:
    with archive_with(tmp_path, 5) as house:
        proving.advance(house.archive)
        before = covered(house)
        add_events(house, 20)
        altered = before + 4
        alter(house, altered)
        with pytest.raises(IntegrityError, match="signature-broken"):
            proving.advance(house.archive)
        state = proving.log_state(house.archive)
        assert covered(house) == altered - 1
        assert (state.stopped, state.waiting) == ("signature-broken", 17)
