"""Processes that write to a journal at the same time, for the tests of racing and of crashes."""

import os
import sys
import time
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

from domain.errors import ClaimTakenError, ConcurrentChangeError, ErasedSubjectError
from domain.values import StreamId
from infrastructure.clock import SystemClock
from tests.journal.house import House, corrected, opened

CONTEXT = get_context("spawn")


def start(target: object, *arguments: object) -> BaseProcess:
    process = CONTEXT.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
    process.start()
    return process


def house_of(folder: Path) -> House:
    """The same archive for another process, with the real clock."""
    house = House(folder)
    house.journal._clock = SystemClock()
    return house


def open_many(folder: Path, count: int, answers: object) -> None:
    """Opens dossiers, all writers wanting the same codes; tells what it got."""
    house = house_of(folder)
    won: list[str] = []
    for number in range(count):
        dossier = house.new("dossier")
        try:
            house.append(dossier, 0, opened(f"H33.05-{number}.HS"), at=SystemClock().now())
            won.append(f"H33.05-{number}.HS")
        except ClaimTakenError:
            continue
    answers.put(won)  # type: ignore[attr-defined]


def correct_many(folder: Path, dossier: StreamId, count: int, answers: object) -> None:
    """Corrects one dossier, deciding anew whenever somebody else was faster."""
    house = house_of(folder)
    ids: list[str] = []
    while len(ids) < count:
        version = len(house.journal.load(dossier))
        try:
            answer = house.append(
                dossier, version, corrected(f"{os.getpid()}-{len(ids)}"), at=SystemClock().now()
            )
            ids.extend(answer.events)
        except ConcurrentChangeError:
            continue
    answers.put(ids)  # type: ignore[attr-defined]


def correct_until_erased(folder: Path, dossier: StreamId, answers: object) -> None:
    """Writes personal data until the archive refuses it."""
    house = house_of(folder)
    answers.put("ready")  # type: ignore[attr-defined]
    number = 0
    while True:
        version = len(house.journal.load(dossier))
        try:
            number += 1
            house.append(dossier, version, corrected(f"bí mật {number}"), at=SystemClock().now())
            time.sleep(0.005)  # Without a pause nobody else would ever be fast enough.
        except ConcurrentChangeError:
            continue
        except ErasedSubjectError:
            answers.put(number)  # type: ignore[attr-defined]
            return


def acknowledge_for_ever(folder: str) -> None:
    """Appends, and writes the id of each event to standard output once it is acknowledged."""
    house = house_of(Path(folder))
    while True:
        dossier = house.new("dossier")
        answer = house.append(
            dossier,
            0,
            opened(f"H33.05-{house.identifiers.new().upper()}"),
            corrected("0912000111"),
            at=SystemClock().now(),
        )
        sys.stdout.write("".join(f"{event}\n" for event in answer.events))
        sys.stdout.flush()


if __name__ == "__main__":
    acknowledge_for_ever(sys.argv[1])
