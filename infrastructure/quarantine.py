"""Where a stranger's bytes wait: a folder of the archive's file system, hashed and synced."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256, sha512
from pathlib import Path
from typing import BinaryIO

from domain.errors import RefusedFileError
from domain.ports import Quarantined
from domain.values import Digest
from infrastructure.objects.streams import disk_faults

_CHUNK = 1 << 20
_LEFTOVER_SECONDS = 24 * 3600


class FolderQuarantine:
    """The port `Quarantine` on a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def receive(self, source: BinaryIO, limit: int) -> Iterator[Quarantined]:
        """See the port. What a crash leaves here has no receipt; it is swept after a day."""
        with disk_faults():
            descriptor, name = tempfile.mkstemp(dir=self._folder, prefix="in-")
        path = Path(name)
        try:
            short, long, size = sha256(), sha512(), 0
            with os.fdopen(descriptor, "wb") as file:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > limit:
                        raise RefusedFileError("file-too-large", limit=limit)
                    short.update(chunk)
                    long.update(chunk)
                    with disk_faults():
                        file.write(chunk)
                with disk_faults():
                    file.flush()
                    os.fsync(file.fileno())
            if size == 0:
                raise RefusedFileError("empty-file")
            yield Quarantined(
                str(path),
                lambda: path.open("rb"),
                Digest(f"sha256:{short.hexdigest()}"),
                Digest(f"sha512:{long.hexdigest()}"),
                size,
            )
        finally:
            path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """Removes what a crash left a day ago or earlier; how many files that were."""
        swept = 0
        with disk_faults():
            for path in self._folder.iterdir():
                with suppress(FileNotFoundError):  # Its receiver has just finished.
                    if path.stat().st_mtime < time.time() - _LEFTOVER_SECONDS:
                        path.unlink()
                        swept += 1
        return swept
