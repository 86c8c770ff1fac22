"""Small files under names of our own choosing, beside the content-addressed objects: the tiles of
the log. A name is written once, or again with newer bytes where its subject says so; a reader sees
whole files alone.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from domain.errors import NotFoundError
from infrastructure.folders import sync
from infrastructure.objects.streams import disk_faults

_MODE = 0o440


class NamedFiles(Protocol):
    """Named bytes, durable when `put` returns; UnavailableError when the store is not."""

    def put(self, name: str, content: bytes) -> None:
        """Makes or replaces a file in one step."""

    def get(self, name: str) -> bytes:
        """The bytes; raises NotFoundError("log-file-missing")."""

    def drop(self, folder: str) -> None:
        """Removes all files whose names begin with `folder/`; none of them may be there."""


class FolderFiles:
    """The port over a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()

    def put(self, name: str, content: bytes) -> None:
        """See the port: temporary file, sync, rename, sync of the folder."""
        target = self._root / name
        with disk_faults():
            self._make(target.parent)
            handle, temporary = tempfile.mkstemp(prefix=".put-", dir=target.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fchmod(handle, _MODE)
                    os.fsync(handle)
                os.rename(temporary, target)  # noqa: PTH104 (a plain name is faster than a Path)
            except BaseException:
                with suppress(OSError):
                    Path(temporary).unlink()
                raise
            sync(target.parent)

    def get(self, name: str) -> bytes:
        """See the port."""
        with disk_faults():
            try:
                return (self._root / name).read_bytes()
            except (FileNotFoundError, NotADirectoryError) as exc:
                raise NotFoundError("log-file-missing", file=name) from exc

    def drop(self, folder: str) -> None:
        """See the port."""
        path = self._root / folder
        with disk_faults(), suppress(FileNotFoundError):
            shutil.rmtree(path)
            self._durable.discard(path)

    def _make(self, folder: Path) -> None:
        """The folder with a durable name, and those above it."""
        if folder in self._durable:
            return
        if folder != self._root:
            self._make(folder.parent)
        folder.mkdir(mode=0o750, exist_ok=True)
        sync(folder.parent)
        self._durable.add(folder)
