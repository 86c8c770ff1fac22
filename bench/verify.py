"""Verification of a whole journal against raw ES256 checks in as many processes.

Every event of the journal has two personal fields or more. The reference reads the envelopes from
the same file and checks their signatures, and nothing else: no JSON, no chain, no disclosures, no
tables. Its processes run already when it is timed, ours are started within the time. A second
reference has everything in memory, taken apart beforehand.
"""

import argparse
import base64
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from domain.agents import Actor, Role
from domain.archive import POLICIES, ArchiveFounded
from domain.dossier import DossierCorrected, DossierField, DossierKind, DossierOpened
from domain.events import Change
from domain.ports import Command
from domain.values import Basis, CommandId, StreamId
from infrastructure.clock import SystemClock, TimedIdentifiers
from infrastructure.journal import keys as key_files
from infrastructure.journal.envelope import certificate_digest, unb64
from infrastructure.journal.inspection_notes import connect
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from infrastructure.journal.verification import inspect_journal

ROUNDS = 5
PER_DOSSIER = 10
ES256 = ec.ECDSA(SHA256())


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=ROUNDS)
    asked.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        archive, keys = make_journal(Path(folder), options.events)
        _say(f"{options.events} events written in {time.perf_counter() - started:.0f} s")
        path = str(Path(folder) / "journal.sqlite")
        ours: list[float] = []
        theirs: dict[str, list[float]] = {"read": [], "memory": []}
        with _raw_workers(path, keys.certificate, options.processes) as raw:
            for _ in range(options.rounds):
                before = {how: raw(how) for how in theirs}
                started = time.perf_counter()
                found = inspect_journal(
                    path, archive=archive, keys=keys, processes=options.processes
                )
                seconds = time.perf_counter() - started
                assert not found.findings, found.findings[:5]
                count = found.counts["signatures"]
                ours.append(count / seconds)
                for how, rates in theirs.items():
                    rates.append(count / ((before[how] + raw(how)) / 2))
                told = "   ".join(f"{how} {rates[-1]:7.0f}/s" for how, rates in theirs.items())
                _say(f"verify {ours[-1]:7.0f}/s   {told}   {ours[-1] / theirs['read'][-1]:.3f}")
        _say(str(found.counts))
        answer = {
            name: {
                "value": round(statistics.median(ours)),
                "reference": round(statistics.median(theirs[how])),
                "ratio": round(
                    statistics.median(
                        one / other for one, other in zip(ours, theirs[how], strict=True)
                    ),
                    3,
                ),
            }
            for name, how in (("verify", "read"), ("verify-against-checks-in-memory", "memory"))
        }
    print(json.dumps(answer))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def make_journal(folder: Path, events: int) -> tuple[str, key_files.Keys]:
    """A journal of dossiers with ten events each; every event has personal fields."""
    identifiers, clock = TimedIdentifiers(), SystemClock()
    archive, agency = f"archive-{identifiers.new()}", StreamId(f"agency-{identifiers.new()}")
    keys = key_files.create(folder / "keys", archive, clock.now())
    recorder = JournalRecorder(str(folder / "journal.sqlite"))
    recorder.create_table()
    journal = SignedJournal(
        recorder,
        archive=archive,
        keys=keys,
        clock=clock,
        identifiers=identifiers,
        software="bench",
    )
    by = Actor(StreamId(f"agent-{identifiers.new()}"), Role.ARCHIVIST, agency)

    def append(stream: StreamId, happened: list[Any]) -> None:
        journal.append(
            [Change(stream, 0, happened)],
            by=by,
            basis=Basis("TT01/2018"),
            at=clock.now(),
            command=Command(CommandId(identifiers.new()), "bench"),
            result={},
        )

    certificate = keys.certificate
    der = certificate.public_bytes(serialization.Encoding.DER)
    digest = certificate_digest(certificate).hex()
    append(
        StreamId(archive),
        [ArchiveFounded("Bench", agency, base64.b64encode(der).decode(), digest, POLICIES)],
    )
    for number in range(events // PER_DOSSIER):
        opened = DossierOpened(
            DossierKind.WORK_FILE,
            f"H33.05-2026-{number}.HS",
            agency,
            agency,
            None,
            None,
            date(2026, 1, 5),
            f"Hồ sơ cấp giấy chứng nhận quyền sử dụng đất số {number}",
            "Người Nộp Đơn",
            "0912345678",
            None,
            "thôn Phú Lộc, xã Quảng Phú",
        )
        corrected = [
            DossierCorrected(DossierField.PHONE, f"09{number:06d}{turn:02d}", "ghi nhầm số")
            for turn in range(PER_DOSSIER - 1)
        ]
        append(StreamId(f"dossier-{identifiers.new()}"), [opened, *corrected])
    journal.close()
    return archive, keys


@contextmanager
def _raw_workers(path: str, certificate: x509.Certificate, processes: int) -> Iterator[Any]:
    """Processes that check raw signatures; a call gives the seconds for all of them."""
    context = get_context("spawn")
    pipes: list[Connection[Any, Any]] = []
    key = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for number in range(processes):
        ours, theirs = context.Pipe()
        context.Process(
            target=_check_raw, args=(theirs, path, key, number, processes), daemon=True
        ).start()
        pipes.append(ours)
    for pipe in pipes:
        pipe.recv()

    def run(how: str) -> float:
        started = time.perf_counter()
        for pipe in pipes:
            pipe.send(how)
        for pipe in pipes:
            pipe.recv()
        return time.perf_counter() - started

    yield run
    for pipe in pipes:
        pipe.send("")


def _check_raw(
    pipe: "Connection[Any, Any]", path: str, spki: bytes, number: int, processes: int
) -> None:
    key = serialization.load_der_public_key(spki)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    with closing(connect(path)) as connection:
        (last,) = connection.execute("SELECT max(rowid) FROM stored_events").fetchone()
        share = (number * last // processes, (number + 1) * last // processes)

        def read() -> Iterator[tuple[bytes, bytes]]:
            for (envelope,) in connection.execute(
                "SELECT state FROM stored_events WHERE rowid > ? AND rowid <= ?", share
            ):
                signed, _, encoded = envelope.rpartition(b".")
                raw = unb64(encoded)
                r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
                yield encode_dss_signature(r, s), signed

        work = list(read())
        pipe.send(len(work))
        while how := pipe.recv():
            for signature, signed in read() if how == "read" else work:
                key.verify(signature, signed, ES256)
            pipe.send(None)


if __name__ == "__main__":
    main()
