"""Folders that get their names when they are complete, and folders that live as long as a process.

Locks are the kernel's: they end with their holder, also when that is killed.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infrastructure.objects.streams import disk_faults

_LOCK = "LOCK"


def publish(staging: Path, directory: Path) -> None:
    """Gives a complete folder its name; both are durable on return."""
    with disk_faults():
        sync(staging)
        staging.rename(directory)
        sync(directory.parent)


def put_private(path: Path, content: bytes) -> None:
    """Writes a file in one step, durable, for this account alone."""
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """The names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time in a folder; the kernel frees it when its holder dies."""
    with disk_faults():
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def own_folder(run: Path) -> Iterator[Path]:
    """A private folder, gone at the end; what processes left that died is removed first.

    Its lock says that its process lives. All looks and locks are taken one process at a time.
    """
    with ExitStack() as stack:
        with alone(run), disk_faults():
            _sweep_runs(run)
            folder = Path(tempfile.mkdtemp(dir=run, prefix="process-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, lock)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder


def _sweep_runs(run: Path) -> None:
    for left in run.glob("process-*"):
        try:
            lock = os.open(left / _LOCK, os.O_RDWR)
        except FileNotFoundError:
            shutil.rmtree(left, ignore_errors=True)  # Killed before it had its lock.
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            pass  # Its process lives.
        finally:
            os.close(lock)
