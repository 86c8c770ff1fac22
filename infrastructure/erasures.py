"""The list of erasures, beside the archive's keys: it survives the loss of the archive."""

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
        """See the port."""
        line = json.dumps(asdict(erasure), ensure_ascii=False) + "\n"
        with disk_faults():
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())

    def noted(self) -> Sequence[NotedErasure]:
        """See the port. A last line that a crash cut short was not noted."""
        try:
            lines = self._path.read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return ()
        except OSError as exc:
            raise UnavailableError("key-unreadable", file=self._path.name) from exc
        cases = (NotedErasure(**json.loads(line)) for line in lines if line)
        return tuple({case.case: case for case in cases}.values())
