"""One worker at a time: a lock that the kernel gives back when its holder dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ATTEMPTS = 4
_STEP_SECONDS = 0.05


@contextmanager
def lease(path: Path) -> Iterator[bool]:
    """True while this process is the worker; False when another one is."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield _is_taken(descriptor)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """True while some process is the worker."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    """Tries for a moment: who only asks whether there is a worker holds the lock for an instant."""
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_STEP_SECONDS)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False
