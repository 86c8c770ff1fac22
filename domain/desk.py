"""What lies on a person's desk in the archive: saved searches and a tray of records.

Working material of one agent, kept across visits; no fact of the archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.values import StreamId


@dataclass(frozen=True)
class SavedSearch:
    """A search with its filters, under a name that its owner chose."""

    id: str
    name: str
    query: str
    """The query string of the search page, as in its address."""
    saved_at: datetime


class Desk(Protocol):
    """Saved searches and trays. Personal to their agent; nobody else is shown them."""

    def save_search(self, agent: StreamId, id: str, name: str, query: str, at: datetime) -> None:
        """Keeps a search, in the place of an earlier one of the same id; at most 100 an agent
        (RuleError("too-many-saved")), its name 1 to 100 characters (InvalidValueError)."""

    def searches(self, agent: StreamId) -> Sequence[SavedSearch]:
        """The agent's saved searches, the newest first."""

    def drop_search(self, agent: StreamId, id: str) -> None:
        """Forgets a saved search."""

    def put(self, agent: StreamId, records: Sequence[StreamId]) -> int:
        """Lays records in the tray behind those that are there, each once; how many it holds
        then. At most 1,000 (RuleError("tray-full"), and then nothing was laid in)."""

    def take(self, agent: StreamId, records: Sequence[StreamId]) -> int:
        """Takes records out; how many are left."""

    def tray(self, agent: StreamId) -> Sequence[StreamId]:
        """The records in the tray, in the order in which they were laid."""
