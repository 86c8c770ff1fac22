"""What the index should hold, told by a replay: states of all dossiers and records in memory."""

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import Connection

from domain import dossier as dossiers
from domain import record as records
from domain.dossier import Dossier, DossierEvent
from domain.events import Event, Recorded
from domain.record import Record, RecordEvent
from domain.searching import PageDocument
from domain.values import StreamId
from infrastructure.views.pages import PagesFollower, documents

Key = tuple[StreamId, int]


class Expected:
    """Follows a replay as a view does, and tells the pages at its position."""

    def __init__(self, follower: PagesFollower) -> None:
        self._follower = follower
        self._dossiers: dict[StreamId, Dossier] = {}
        self._records: dict[StreamId, Record] = {}

    def apply(self, connection: Connection, events: Sequence[Recorded[Event]]) -> None:
        """See `View`; it has no rows."""
        for one in events:
            if isinstance(one.event, RecordEvent):
                record = self._records.get(one.stream)
                self._records[one.stream] = records.evolve(record, one.stream, one.event)
            elif isinstance(one.event, DossierEvent):
                dossier = self._dossiers.get(one.stream)
                self._dossiers[one.stream] = dossiers.evolve(dossier, one.stream, one.event)

    def pages(self) -> dict[Key, bytes]:
        """The digest of every page that should be there; the texts themselves are not kept."""
        found: dict[Key, bytes] = {}
        for record in self._records.values():
            dossier = self._dossiers.get(record.dossier)
            if dossier is not None:
                for page in documents(record, dossier, self._follower.text):
                    found[page.record, page.page] = digest_of(page)
        return found


def digest_of(page: PageDocument) -> bytes:
    """Equal for pages that are equal in every field."""
    sets = {"agencies": sorted(page.agencies), "signatures": sorted(page.signatures)}
    fields = {**vars(page), **sets}
    return sha256(repr(sorted(fields.items())).encode()).digest()
