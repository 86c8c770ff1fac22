"""The port `PagePictures`: pictures of pages as files, the oldest going when there are too many.

Named by the bytes that they show, so that those of one file can be dropped. Nothing is lost with
them; a file that somebody else just dropped is made again.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from domain.ports import ObjectStore
from domain.values import Digest, FileObject
from infrastructure.objects.streams import disk_faults

_LIMIT = 256 << 20
_KEPT_SHARE = 0.75
"""How full the folder is after a clearing: not every picture shall need one."""
Draw = Callable[[str, int, int, int], bytes]


class KeptPictures:
    """Pictures in `folder`, at most `limit` bytes; `work` is a private folder of this process."""

    def __init__(
        self, folder: Path, work: Path, objects: ObjectStore, draw: Draw, limit: int = _LIMIT
    ) -> None:
        self._folder = folder
        self._work = work
        self._objects = objects
        self._draw = draw
        self._limit = limit

    def picture(self, file: FileObject, page: int, width: int, turned: int) -> bytes:
        """See the port."""
        kept = self._folder / f"{file.sha256.hex}-{page}-{width}-{turned}.jpg"
        with suppress(FileNotFoundError):
            content = kept.read_bytes()
            os.utime(kept)  # What is looked at stays longest.
            return content
        content = self._drawn(file, page, width, turned)
        with disk_faults():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            descriptor, staged = tempfile.mkstemp(dir=self._work, prefix="picture-")
            with os.fdopen(descriptor, "wb") as target:
                target.write(content)
            Path(staged).replace(kept)
        self._clear()
        return content

    def forget(self, files: Sequence[Digest]) -> None:
        """See the port."""
        for digest in files:
            for path in self._folder.glob(f"{digest.hex}-*.jpg"):
                path.unlink(missing_ok=True)

    def _drawn(self, file: FileObject, page: int, width: int, turned: int) -> bytes:
        with disk_faults():
            descriptor, name = tempfile.mkstemp(dir=self._work, prefix="shown-")
            try:
                with os.fdopen(descriptor, "wb") as copy, self._objects.open(file.sha256) as source:
                    shutil.copyfileobj(source, copy, 1 << 20)
                return self._draw(name, page, width, turned)
            finally:
                Path(name).unlink(missing_ok=True)

    def _clear(self) -> None:
        """Drops those that nobody looked at for longest, when there are too many."""
        found = []
        for path in self._folder.glob("*.jpg"):
            with suppress(FileNotFoundError):
                status = path.stat()
                found.append((status.st_mtime_ns, status.st_size, path))
        total = sum(size for _, size, _ in found)
        if total <= self._limit:
            return
        for _, size, path in sorted(found):
            if total <= self._limit * _KEPT_SHARE:
                return
            path.unlink(missing_ok=True)
            total -= size
