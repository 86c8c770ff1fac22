"""Processes that die: forked ones for a fault at a known call, real ones for a random moment."""

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FAILED = 70
_AT_ONCE = 2


def run_killed(step: Callable[[], object]) -> bool:
    """Runs the step in a process of its own; True when SIGKILL ended it, False when it ended.

    Nothing may be open at that moment that a process must not inherit (databases, threads).
    """
    child = os.fork()
    if child == 0:
        try:
            step()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(_FAILED)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the step failed in another way than by its fault"
    return False


def run_killed_after(milliseconds: int, step: Callable[[], object]) -> bool:
    """Like `run_killed`, the moment being a time after the beginning."""

    def timed() -> None:
        signal.signal(signal.SIGALRM, lambda number, frame: signal.raise_signal(signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, milliseconds / 1000)
        step()
        signal.setitimer(signal.ITIMER_REAL, 0)

    return run_killed(timed)


def run_all(trials: Sequence[Callable[[], object]], folder: Path) -> None:
    """Runs the trials, two at a time, each half in a process of its own; fails with all that
    failed."""
    folder.mkdir(exist_ok=True)
    children = []
    for part in range(_AT_ONCE):
        child = os.fork()
        if child == 0:
            _run_part(trials[part::_AT_ONCE], folder / f"failures-{part}")
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    failures = "".join(path.read_text() for path in sorted(folder.glob("failures-*")))
    if failures or any(ended):
        pytest.fail(failures or f"a process of trials ended with {ended}")


def _run_part(trials: Sequence[Callable[[], object]], failures: Path) -> None:
    try:
        for trial in trials:
            try:
                trial()
            except Exception:
                with failures.open("a") as file:
                    file.write(traceback.format_exc() + "\n")
        os._exit(0)
    except BaseException:
        os._exit(_FAILED)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """A program of ours as a real process of its own group: `api.cli …` or `ingest …`."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that `start` made, and every process that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
