"""The files of the log that is written now, of the several that an archive may have had.

Each has a folder of its own, by its origin: what an ended log signed is never written over, since
its entries may be all that is left of events that were lost.
"""

from collections.abc import Callable
from functools import cache

from domain.keyring import log_folder
from infrastructure.objects.named import NamedFiles


class LogFiles:
    """The port NamedFiles in the folder of a log; `origin` names it, asked each time, since the log
    may be ended while it is in use. `place` gives the files of a folder."""

    def __init__(self, origin: Callable[[], str], place: Callable[[str], NamedFiles]) -> None:
        self._origin = origin
        self._place = cache(place)

    def put(self, name: str, content: bytes) -> None:
        """See the port."""
        self._now().put(name, content)

    def get(self, name: str) -> bytes:
        """See the port."""
        return self._now().get(name)

    def drop(self, folder: str) -> None:
        """See the port."""
        self._now().drop(folder)

    def _now(self) -> NamedFiles:
        return self._place(log_folder(self._origin()))
