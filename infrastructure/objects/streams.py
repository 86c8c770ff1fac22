"""What the object stores share: bytes hashed on their way in and on their way out."""

import errno
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from domain.errors import IntegrityError, UnavailableError
from domain.values import Digest

CHUNK = 1 << 20
"""Bytes that are read at a time."""

_DISK_FAULTS = {
    errno.ENOSPC: "disk-full",
    errno.EDQUOT: "disk-full",
    errno.EFBIG: "object-too-large",
    errno.EACCES: "store-forbidden",
    errno.EPERM: "store-forbidden",
    errno.EROFS: "store-read-only",
    errno.ENOENT: "store-missing",
    errno.ENOTDIR: "store-missing",
    errno.EMFILE: "too-many-open-files",
    errno.ENFILE: "too-many-open-files",
}
"""How an operating system's error is called here; every other one is `store-failing`."""


@contextmanager
def disk_faults() -> Iterator[None]:
    """Turns an OSError into UnavailableError; `errno` in its details names the original."""
    try:
        yield
    except OSError as exc:
        number = exc.errno or 0
        name = errno.errorcode.get(number, type(exc).__name__)
        raise UnavailableError(_DISK_FAULTS.get(number, "store-failing"), errno=name) from exc


def copy_checked(source: BinaryIO, write: Callable[[bytes], object], digest: Digest) -> int:
    """Hands the bytes of `source` to `write` and returns their number.

    Raises IntegrityError("digest-mismatch") at the end when they do not hash to `digest`;
    an error of `source` itself passes through.
    """
    hashed = hashlib.sha256()
    size = 0
    while chunk := source.read(CHUNK):
        hashed.update(chunk)
        write(chunk)
        size += len(chunk)
    if hashed.hexdigest() != digest.hex:
        raise IntegrityError("digest-mismatch", sha256=digest.hex)
    return size


class VerifiedStream(io.RawIOBase):
    """Bytes from a store that are hashed while they are read, once, from first to last.

    The last of the `size` bytes are given out only when all of them hash to `digest`, else
    IntegrityError("bytes-altered") is raised: whoever got every byte got the right ones.
    A reader who stops earlier learns nothing about the bytes.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        close: Callable[[], object],
        *,
        digest: Digest,
        size: int,
    ) -> None:
        super().__init__()
        self._read = read
        self._close = close
        self._digest = digest
        self._left = size
        self._hashed = hashlib.sha256()

    def readable(self) -> bool:
        """Always: reading is all that the stream does."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` as io.RawIOBase says; raises IntegrityError("bytes-altered")."""
        if not len(buffer):
            return 0
        chunk = self._read(len(buffer))
        self._hashed.update(chunk)
        self._left -= len(chunk)
        ended = not chunk or self._left <= 0
        if ended and self._hashed.hexdigest() != self._digest.hex:
            raise IntegrityError("bytes-altered", sha256=self._digest.hex)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        """Lets go of the store's file or connection."""
        if not self.closed:
            self._close()
        super().close()


class PlainStream(io.RawIOBase):
    """A range of an object, unchecked: a part cannot be compared with a digest of the whole."""

    def __init__(
        self, read: Callable[[int], bytes], close: Callable[[], object], *, length: int
    ) -> None:
        super().__init__()
        self._read = read
        self._close = close
        self._left = length

    def readable(self) -> bool:
        """Always: reading is all that the stream does."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fills `buffer` as io.RawIOBase says."""
        chunk = self._read(min(len(buffer), self._left)) if self._left and len(buffer) else b""
        self._left -= len(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        """Lets go of the store's file or connection."""
        if not self.closed:
            self._close()
        super().close()
