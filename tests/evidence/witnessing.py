"""Our witness as a process of its own, started as an administrator starts it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infrastructure.bootstrap import messages
from infrastructure.evidence.witness import LogWitness, found
from tests.cli.desk import REPOSITORY, environment

NAME = "witness.example/ours"


@dataclass
class Running:
    """A witness that answers."""

    url: str
    vkey: str
    process: subprocess.Popen[bytes] = field(repr=False)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """As an administrator would, or as a power cut would (SIGKILL)."""
        self.process.send_signal(number)
        return self.process.wait(30)


@contextmanager
def ours(
    folder: Path, logs: Sequence[tuple[str, str]], name: str = NAME
) -> Iterator[tuple[str, str]]:
    """As `litewitness` of the foreign tools: the address and vkey of a witness of these logs."""
    prepared(folder, logs, name)
    with running(folder) as started:
        yield started.url, started.vkey


def prepared(folder: Path, logs: Sequence[tuple[str, str]], name: str = NAME) -> None:
    """A witness of these logs that does not run."""
    if not folder.exists():
        found(folder, name)
    witness = LogWitness(folder, messages(english=True))
    for origin, vkey in logs:
        assert witness.register(vkey) == origin
    witness.close()


@contextmanager
def running(folder: Path, patience: float = 10.0) -> Iterator[Running]:
    """The witness in a folder on a free port, gone when the context ends; it waits for a request
    for so many seconds."""
    witness = LogWitness(folder, messages(english=True))
    vkey = witness.key
    witness.close()
    command = ["witness", "serve", str(folder), "--port", "0", "--json"]
    program = f"from api import cli, listening; listening.Awaiting.seconds = {patience}; cli.main()"
    started = subprocess.Popen(
        [sys.executable, "-c", program, *command],
        cwd=REPOSITORY,
        env=environment(folder / "no-archive"),
        stdout=subprocess.PIPE,
    )
    watch = threading.Timer(60, started.kill)
    watch.start()
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        watch.cancel()
        assert line, f"the witness ended with {started.wait(10)}"
        yield Running(json.loads(line)["address"], vkey, started)
    finally:
        watch.cancel()
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(30)
            except subprocess.TimeoutExpired:
                os.kill(started.pid, signal.SIGKILL)
                started.wait()
        if started.stdout is not None:
            started.stdout.close()
