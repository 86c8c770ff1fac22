"""How far a reading is, page by page, for whoever waits. Lost with a crash, and no fact."""

import json
import os
from contextlib import suppress
from pathlib import Path

from domain.values import StreamId


class FolderProgress:
    """The port `ReadingProgress` on small files, one a record that is being read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, record: StreamId, done: int, total: int) -> None:
        """See the port."""
        staged = self._folder / f".{record}.{os.getpid()}"
        with suppress(OSError):  # Whoever waits learns less; a full disk shows where it matters.
            staged.write_text(json.dumps([done, total]))
            staged.replace(self._folder / record)

    def of(self, record: StreamId) -> tuple[int, int] | None:
        """See the port."""
        try:
            done, total = json.loads((self._folder / record).read_text())
        except (OSError, ValueError):
            return None
        return done, total

    def drop(self, record: StreamId) -> None:
        """See the port."""
        with suppress(OSError):
            (self._folder / record).unlink()
