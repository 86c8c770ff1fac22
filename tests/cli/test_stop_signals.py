"""A worker that is told to end, however often and whatever it does at that moment, ends."""

import signal
import subprocess
import sys
import time

import pytest

from tests.cli.desk import REPOSITORY

WAITING = """
import threading
from ingest.__main__ import _end_when_told
stop = threading.Event()
_end_when_told(stop)
print("ready", flush=True)
while not stop.wait(0):
    pass
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_many_signals_at_any_moment_end_it(number: int) -> None:
    for _ in range(3):
        running = subprocess.Popen(
            [sys.executable, "-c", WAITING], cwd=REPOSITORY, stdout=subprocess.PIPE
        )
        assert running.stdout is not None
        try:
            assert running.stdout.readline() == b"ready\n"
            for _ in range(50):
                if running.poll() is not None:
                    break
                running.send_signal(number)
                time.sleep(0.0002)
            assert running.wait(20) in (0, -number)  # Python lets go of its handlers at the end.
        finally:
            running.kill()
            running.wait()
            running.stdout.close()
