"""Signed append against like for like, and against the bare library.

Like for like: the library's own recorder with `synchronous=FULL`, storing rows of the same size in
a database of its own, plus one raw ES256 signature an event. Subject and references take turns in
short bursts, so that a busy machine slows all of them alike, once their write-ahead logs have
reached their full size and are written in place.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteDatastore,
)

from domain.agents import Actor, Role
from domain.dossier import DossierCorrected, DossierField, DossierRestricted
from domain.events import Change, Event
from domain.ports import Command
from domain.values import Basis, CommandId, StreamId
from infrastructure.clock import SystemClock, TimedIdentifiers
from infrastructure.journal import keys as key_files
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal

ROUNDS = 5
BURSTS = 12
"""How often subject and references take turns in a round."""
EVENTS = 100
"""Events a burst."""
WARM = 400
"""Commits before anything is timed: SQLite begins its log anew after 1,000 pages."""
ES256 = ec.ECDSA(SHA256())


@dataclass(frozen=True)
class Case:
    """What is appended, and how many events a commit."""

    name: str
    event: Event
    per_commit: int


CASES = tuple(
    Case(f"append-{kind}-{per_commit}-a-commit", event, per_commit)
    for kind, event in (
        ("clear", DossierRestricted(StreamId("erasure-01980000-0000-7000-8000-000000000009"))),
        (
            "two-personal-fields",
            DossierCorrected(DossierField.PHONE, "0912 345 678", "ghi nhầm một chữ số khi nhận"),
        ),
    )
    for per_commit in (1, 10)
)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    options = asked.parse_args()
    answer = {}
    for case in CASES:
        signed, like, bare = _rates(case, options.rounds)
        for name, reference in ((case.name, like), (f"{case.name}-against-bare-library", bare)):
            ratios = [ours / theirs for ours, theirs in zip(signed, reference, strict=True)]
            answer[name] = {
                "value": round(statistics.median(signed)),
                "reference": round(statistics.median(reference)),
                "ratio": round(statistics.median(ratios), 3),
            }
            print(
                f"{name:62}{answer[name]['value']:8}/s{answer[name]['reference']:8}/s"
                f"{answer[name]['ratio']:8}",
                file=sys.stderr,
            )
    print(json.dumps(answer))


def _rates(case: Case, rounds: int) -> tuple[list[float], list[float], list[float]]:
    """Events a second of the journal, of like for like, of the bare library, a round each."""
    rates: tuple[list[float], list[float], list[float]] = ([], [], [])
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            append, size = _signed(place, case)
            burst = (
                append,
                _library(place / "like.sqlite", case.per_commit, size, _signature(place, size)),
                _library(place / "bare.sqlite", case.per_commit, size, lambda: None),
            )
            seconds = [0.0, 0.0, 0.0]
            for turn in range(BURSTS * 3):
                for one in ((turn + i) % 3 for i in range(3)):
                    started = time.perf_counter()
                    burst[one](EVENTS // 3)
                    seconds[one] += time.perf_counter() - started
            events = BURSTS * 3 * (EVENTS // 3 // case.per_commit) * case.per_commit
            for rate, spent in zip(rates, seconds, strict=True):
                rate.append(events / spent)
    return rates


def _signed(place: Path, case: Case) -> tuple[Callable[[int], None], int]:
    """Appends to the signed journal; and the size of its envelopes."""
    clock, identifiers = SystemClock(), TimedIdentifiers()
    keys = key_files.create(place / "keys", "archive-bench", clock.now())
    recorder = JournalRecorder(str(place / "signed.sqlite"))
    recorder.create_table()
    journal = SignedJournal(
        recorder,
        archive="archive-01980000-0000-7000-8000-000000000001",
        keys=keys,
        clock=clock,
        identifiers=identifiers,
        software="chauban 0.1.0",
    )
    agency = StreamId(f"agency-{identifiers.new()}")
    by = Actor(StreamId(f"agent-{identifiers.new()}"), Role.ARCHIVIST, agency)
    basis = Basis("TT01/2018/TT-VPCP")
    events = [case.event] * case.per_commit
    stream, version = StreamId(f"dossier-{identifiers.new()}"), 0

    def append(count: int) -> None:
        nonlocal stream, version
        for _ in range(count // case.per_commit):
            if version >= 30:
                stream, version = StreamId(f"dossier-{identifiers.new()}"), 0
            journal.append(
                [Change(stream, version, events)],
                by=by,
                basis=basis,
                at=clock.now(),
                command=Command(CommandId(identifiers.new()), "a request of usual length"),
                result={"dossier": "H33.05-260302-0001"},
            )
            version += case.per_commit

    append(WARM * case.per_commit)
    rows = recorder.rows("SELECT max(length(state)) AS size FROM stored_events")
    return append, int(rows[0]["size"])


def _signature(place: Path, size: int) -> Callable[[], None]:
    key = ec.generate_private_key(ec.SECP256R1())
    signed = os.urandom(size)

    def sign() -> None:
        key.sign(signed, ES256)

    return sign


class _FullPool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        connection.cursor().execute("PRAGMA synchronous = FULL")
        return connection


def _library(
    path: Path, per_commit: int, size: int, before_each: Callable[[], None]
) -> Callable[[int], None]:
    """Inserts rows of the given size with the recorder as the library makes it."""
    datastore = SQLiteDatastore(str(path), originator_id_type="text")
    datastore.pool.close()
    datastore.pool = _FullPool(db_name=str(path))
    recorder = SQLiteApplicationRecorder(datastore)
    recorder.create_table()
    identifiers = TimedIdentifiers()
    stream, version = f"dossier-{identifiers.new()}", 0
    state = os.urandom(size)

    def insert(count: int) -> None:
        nonlocal stream, version
        for _ in range(count // per_commit):
            if version >= 30:
                stream, version = f"dossier-{identifiers.new()}", 0
            rows = []
            for _ in range(per_commit):
                version += 1
                before_each()
                rows.append(StoredEvent(stream, version, "dossier-corrected/1", state))
            recorder.insert_events(rows)

    insert(WARM * per_commit)
    return insert


if __name__ == "__main__":
    main()
