"""The list of erasures, beside the archive's keys: it survives the loss of the archive."""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from domain.errors import UnavailableError
from domain.ports import NotedErasure
from infrastructure.objects.streams import disk_faults


class FileErasureList:
    """The port `ErasureList`: lines of JSON, only ever appended; the last line of a case counts."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, erasure: NotedErasure) -> None:
        """See the port. What a crash left of a line was never noted and makes room for this one."""
        line = json.dumps(asdict(erasure), ensure_ascii=False) + "\n"
        with disk_faults():
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.truncate(file.read().rfind(b"\n") + 1)
                file.seek(0, os.SEEK_END)
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # The first line made the file.
            finally:
                os.close(folder)

    def noted(self) -> Sequence[NotedErasure]:
        """See the port. A last line that a crash cut short was not noted; a line that cannot be
        read stops everything, for nobody knows what it would have had erased."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise UnavailableError("key-unreadable", file=self._path.name) from exc
        try:
            cases = [NotedErasure(**json.loads(line)) for line in lines if line]
        except (ValueError, TypeError) as exc:
            raise UnavailableError("key-damaged", file=self._path.name) from exc
        return tuple({case.case: case for case in cases}.values())
