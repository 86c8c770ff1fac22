"""The transparency log: how fast it grows, is verified by hashes and proves an event.

`python -m bench.log [--events N]` (1,000,000; building the journal takes most of the time). Each
step is a process of its own, whose peak memory is told. References in the same run: appending the
same events to the journal without a log, and Tessera's fsck over the same log where it was built
(`bin/setup --services`). The store is the one of an embedded archive, with every sync.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.verify import make_journal
from infrastructure.clock import SystemClock, TimedIdentifiers
from infrastructure.evidence.head import HeadCell
from infrastructure.evidence.inspection import LogInspection
from infrastructure.evidence.log import TiledLog
from infrastructure.evidence.notes import VerifierKey, verifier_key
from infrastructure.evidence.proofs import check_proof, parse_proof
from infrastructure.journal import keys as key_files
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from infrastructure.objects.named import FolderFiles

_ORIGIN = "bench.example/log"
_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
_VERIFIER: VerifierKey = verifier_key(_ORIGIN, _KEY)
_PROOFS = 1000
_FSCK = Path(__file__).parents[1] / ".tools" / "bin" / "tessera-fsck"
_ROUNDS = 3


def main() -> None:
    """Measures and prints."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=1_000_000)
    asked.add_argument("--step")
    asked.add_argument("--folder")
    options = asked.parse_args()
    if options.step is not None:
        print(json.dumps(_STEPS[options.step](Path(options.folder), options.events)))
        return
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for step in _STEPS:
            told = subprocess.run(
                [
                    *(sys.executable, "-m", "bench.log", "--step", step),
                    *("--folder", folder, "--events", str(options.events)),
                ],
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
            for name, value in json.loads(told).items():
                figures[name] = value
                print(f"{name:34}{value:12.2f}", file=sys.stderr, flush=True)
    print(json.dumps(figures))


def _peak() -> float:
    """MiB that this process and the largest of its children held at most."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(own, children) / 1024


def _append(folder: Path, events: int) -> dict[str, float]:
    """The journal, and what an append costs without a log; ten events at once."""
    sample = min(events, 20_000)
    with tempfile.TemporaryDirectory(dir=folder) as other:
        began = time.perf_counter()
        make_journal(Path(other), sample)
        seconds = time.perf_counter() - began
    with patch("os.fsync"):
        archive, _ = make_journal(folder, events)
    (folder / "archive").write_text(archive)
    return {"append-events-a-second": sample / seconds}


def _journal(folder: Path) -> SignedJournal:
    return SignedJournal(
        JournalRecorder(str(folder / "journal.sqlite")),
        archive=(folder / "archive").read_text(),
        keys=key_files.load(folder / "keys"),
        clock=SystemClock(),
        identifiers=TimedIdentifiers(),
        software="bench",
    )


def _log(folder: Path, journal: Any) -> TiledLog:
    cell = HeadCell(folder / "head.sqlite")
    files = FolderFiles(folder / "log")
    return TiledLog(files, cell, journal, keys=lambda: (_ORIGIN, [_KEY]), clock=SystemClock())


def _sequence(folder: Path, events: int) -> dict[str, float]:
    log = _log(folder, _journal(folder))
    began = time.perf_counter()
    checkpoint = log.sync()
    seconds = time.perf_counter() - began
    assert checkpoint is not None
    return {
        "sequence-events-a-second": checkpoint.size / seconds,
        "sequence-microseconds-an-event": seconds / checkpoint.size * 1e6,
        "sequence-peak-MiB": _peak(),
    }


def _verify(folder: Path, events: int) -> dict[str, float]:
    inspection = LogInspection(
        _log(folder, _journal(folder)), folder / "journal.sqlite", lambda: [_VERIFIER.text]
    )
    rates: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        found = inspection.inspect(remembered=(), attested=(), progress=lambda done, total: None)
        rates.append(found.leaves / (time.perf_counter() - began))
        assert not found.findings, found.findings[:3]
    return {"hashes-events-a-second": statistics.median(rates), "hashes-peak-MiB": _peak()}


def _fsck(folder: Path, events: int) -> dict[str, float]:
    if not _FSCK.exists():
        return {}
    (folder / "vkey").write_text(_VERIFIER.text + "\n")
    rates: list[float] = []
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        said = subprocess.run(
            [
                *(str(_FSCK), f"--storage_url=file://{folder}/log/"),
                *(f"--public_key={folder / 'vkey'}", "--ui=false", "--N=64"),
            ],
            capture_output=True,
            check=True,
            env=os.environ,  # noqa: TID251
        )
        assert b"Successfully fsck'd" in said.stderr + said.stdout
        rates.append(events / (time.perf_counter() - began))
    return {"fsck-events-a-second": statistics.median(rates)}


def _prove(folder: Path, events: int) -> dict[str, float]:
    journal = _journal(folder)
    log = _log(folder, journal)
    newest = log.newest()
    assert newest is not None
    took: list[float] = []
    for _ in range(_PROOFS):
        position = random.randint(1, newest.size)
        began = time.perf_counter()
        proof = log.proof(position, newest)
        took.append((time.perf_counter() - began) * 1000)
        if len(took) % 100 == 0:
            check_proof(parse_proof(proof), journal.sealed(position - 1, 1)[0], [_VERIFIER])
    return {
        "proof-median-ms": statistics.median(took),
        "proof-p99-ms": statistics.quantiles(took, n=100)[-1],
        "proof-peak-MiB": _peak(),
    }


_STEPS: dict[str, Callable[[Path, int], dict[str, float]]] = {
    "append": _append,
    "sequence": _sequence,
    "verify": _verify,
    "fsck": _fsck,
    "prove": _prove,
}

if __name__ == "__main__":
    main()
