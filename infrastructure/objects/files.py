"""Objects as files of one folder, named by their SHA-256: the embedded default.

    <root>/ab/cd/<64 hexadecimal digits>   an object, mode 0440, complete as long as it is visible
    <root>/incoming/put-*                  what is being written, or what a crash has left of it

Nothing here can refuse an administrator of the machine: `lock` is `none`, and to protect or to
hold an object changes nothing.
What stood on a disk before it was destroyed is the disk's affair; use one that is encrypted.
"""

import fcntl
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from domain.errors import (
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.ports import Protection
from domain.values import Digest, EventId
from infrastructure.folders import sync
from infrastructure.objects.streams import (
    CHUNK,
    PlainStream,
    VerifiedStream,
    copy_checked,
    disk_faults,
)

_DIRECTORY_MODE = 0o750
_FILE_MODE = 0o440
_LEFTOVER_SECONDS = 24 * 3600
_SHARD = re.compile(r"[0-9a-f]{2}")
_OBJECT = re.compile(r"[0-9a-f]{64}")


def create_store(root: Path) -> None:
    """Makes the folders of an empty store; what is there already stays as it is."""
    with disk_faults():
        for directory in (root, root / "incoming"):
            directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
            sync(directory.parent)


class FileObjectStore:
    """The port ObjectStore over a folder of one file system that has hard links.

    `is_referred` tells whether a fact still names the bytes; it is asked by `destroy` alone.
    Any number of threads and processes may use the same folder.
    """

    lock = "none"

    def __init__(self, root: Path, *, is_referred: Callable[[Digest], bool]) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._is_referred = is_referred
        self._durable_shards: set[Path] = set()
        self._check_present()
        with disk_faults():
            self._sweep_leftovers()

    def put(self, digest: Digest, source: BinaryIO) -> None:
        """See the port. A crash leaves at most a file in `incoming`, which a later start sweeps.

        (1) The bytes go to a temporary file, hashed on the way. (2) They reach the disk.
        (3) The name appears in one step, or is there already. (4) The name reaches the disk.
        """
        target = self._path(digest)
        with disk_faults():
            handle, name = tempfile.mkstemp(prefix="put-", dir=self._incoming)
        try:
            # (1) Only faults of our disk are mapped: those of `source` are the caller's.
            with io.FileIO(handle, "w") as temporary:
                copy_checked(source, partial(_write_all, temporary), digest)
                # (2) Before it has its name, so that a name never stands for half an object.
                with disk_faults():
                    os.fchmod(handle, _FILE_MODE)
                    os.fsync(handle)
            with disk_faults():
                self._publish(Path(name), target, digest)
        finally:
            with suppress(OSError):  # The sweep at a later start takes what stays.
                Path(name).unlink()

    def _publish(self, temporary: Path, target: Path, digest: Digest) -> None:
        self._make_shard(target.parent)
        # Held so that nobody meets a name which is taken back when its directory cannot be synced.
        with _exclusive(target.parent) as directory:
            try:
                os.link(temporary, target)  # (3) Unlike a rename, never replaces a file.
            except FileExistsError:
                self._check_existing(target, digest)
                os.fsync(directory)  # The first writer may have died before its step (4).
                return
            try:
                os.fsync(directory)  # (4)
            except OSError:
                target.unlink()
                raise

    def _check_existing(self, target: Path, digest: Digest) -> None:
        """The bytes that stand under the name already must be the very same."""
        with _open_object(target) as existing:
            if hashlib.file_digest(existing, "sha256").hexdigest() != digest.hex:
                raise IntegrityError("bytes-altered", sha256=digest.hex)
            # Bytes without a fact are swept by age: these have been given anew.
            os.utime(existing.fileno())

    def open(self, digest: Digest, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """See the port. The whole is checked while it is read; a range is for the caller to check.

        A range that begins or ends behind the last byte gives what there is.
        """
        if offset < 0 or (length is not None and length < 0):
            raise InvalidValueError("invalid-range")
        with disk_faults():
            try:
                file = _open_object(self._path(digest))
            except FileNotFoundError as exc:
                self._check_present()
                raise NotFoundError("object-not-found", sha256=digest.hex) from exc
            size = os.fstat(file.fileno()).st_size
            file.seek(offset)
        read = partial(_read, file)
        stream: io.RawIOBase
        if offset == 0 and length is None:
            stream = VerifiedStream(read, file.close, digest=digest, size=size)
        else:
            left = max(0, size - offset)
            wanted = left if length is None else min(length, left)
            stream = PlainStream(read, file.close, length=wanted)
        return io.BufferedReader(stream, CHUNK)

    def size(self, digest: Digest) -> int | None:
        """See the port."""
        with disk_faults():
            try:
                return self._path(digest).stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                self._check_present()
                return None

    def destroy(self, digest: Digest, *, decision: EventId) -> None:
        """See the port; `decision` is on record in the journal, which the caller has written."""
        target = self._path(digest)
        with disk_faults():
            if not target.parent.is_dir():
                self._check_present()
                return
            with _exclusive(target.parent) as directory:
                if self._is_referred(digest):
                    raise RuleError("still-referred", sha256=digest.hex)
                try:
                    facts = target.stat(follow_symlinks=False)
                except FileNotFoundError:
                    return
                if facts.st_nlink > 1:  # A crash between steps (3) and (4) left the first name.
                    for leftover in self._incoming.iterdir():
                        if os.path.samestat(leftover.stat(follow_symlinks=False), facts):
                            leftover.unlink()
                    sync(self._incoming)
                target.unlink()
                os.fsync(directory)

    def protect(self, digest: Digest, *, until: datetime) -> None:
        """See the port: nothing, as `lock` says."""

    def protection(self, digest: Digest) -> Protection:
        """See the port: never any."""
        if self.size(digest) is None:
            raise NotFoundError("object-not-found", sha256=digest.hex)
        return Protection(None, held=False)

    def hold(self, digest: Digest) -> None:
        """See the port: nothing, as `lock` says."""

    def release(self, digest: Digest) -> None:
        """See the port: nothing, as `lock` says."""

    def probe(self, *, within: timedelta = timedelta(0)) -> None:
        """See the port: nothing was promised, so nothing is tried."""

    def inspect_objects(self) -> Iterator[tuple[Digest, datetime]]:
        """See the port; the time is that of the last `put` of the bytes."""
        with disk_faults():
            for first in _entries(self._root, _SHARD):
                for second in _entries(first, _SHARD):
                    for path in _entries(second, _OBJECT):
                        try:
                            written = path.stat(follow_symlinks=False).st_mtime
                        except FileNotFoundError:
                            continue  # Destroyed since the folder was listed.
                        yield Digest(f"sha256:{path.name}"), datetime.fromtimestamp(written, UTC)

    def _path(self, digest: Digest) -> Path:
        name = digest.hex
        if not _OBJECT.fullmatch(name):
            raise InvalidValueError("invalid-digest")
        return self._root / name[:2] / name[2:4] / name

    def _check_present(self) -> None:
        """A store that is gone (a disk that was not mounted) is not an empty one."""
        if not self._incoming.is_dir():
            raise UnavailableError("store-missing")

    def _make_shard(self, shard: Path) -> None:
        """The folder of an object, whose own name is durable too."""
        if shard in self._durable_shards:
            return
        shard.parent.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        shard.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        # Also when they existed: who made them may not have come as far as this.
        sync(shard.parent)
        sync(self._root)
        self._durable_shards.add(shard)

    def _sweep_leftovers(self) -> None:
        """Drops what crashes left in `incoming`, but nothing that another process still writes.

        Ages are told by the file system's own clock, the one that dated the files.
        """
        with tempfile.NamedTemporaryFile(prefix="now-", dir=self._incoming) as marker:
            now = os.fstat(marker.fileno()).st_mtime
            for leftover in self._incoming.iterdir():
                try:
                    if now - leftover.stat(follow_symlinks=False).st_mtime > _LEFTOVER_SECONDS:
                        leftover.unlink()
                except FileNotFoundError:
                    continue  # Its writer has just finished.


@contextmanager
def _exclusive(directory: Path) -> Iterator[int]:
    """Locks a folder against other threads and processes; gives its descriptor for syncing."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _open_object(path: Path) -> io.FileIO:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return io.FileIO(descriptor, "rb")


def _read(file: io.FileIO, count: int) -> bytes:
    with disk_faults():
        return file.read(count) or b""


def _write_all(file: io.FileIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    with disk_faults():
        while view:
            view = view[file.write(view) or 0 :]


def _entries(directory: Path, name: re.Pattern[str]) -> list[Path]:
    """What of a folder is named as it must be; other files are nobody's objects."""
    with os.scandir(directory) as entries:
        return sorted(Path(entry.path) for entry in entries if name.fullmatch(entry.name))
