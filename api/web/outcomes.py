"""What became of the records of a bulk command, for the page that follows it.

Kept in memory alone: the facts stand in the histories of the records, and who sends the same
command again is told the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock

from domain.services.bulk import Outcome
from domain.values import StreamId

_KEPT = 200


@dataclass(frozen=True)
class Done:
    """One bulk command."""

    what: str
    """`described` or `moved`."""
    outcomes: Sequence[Outcome]


@dataclass
class Outcomes:
    """The last of them, by who asked and by the id of the command."""

    _done: dict[tuple[StreamId, str], Done] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, agent: StreamId, command: str, done: Done) -> None:
        """Remembers a command for its agent."""
        with self._lock:
            self._done[agent, command] = done
            while len(self._done) > _KEPT:
                del self._done[next(iter(self._done))]

    def find(self, agent: StreamId, command: str) -> Done | None:
        """A command of this agent; None when it is forgotten."""
        return self._done.get((agent, command))
