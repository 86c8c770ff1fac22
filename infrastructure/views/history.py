"""The read model `history`: which events speak of what. Positions and identities, nothing else."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table

from domain.erasure import ErasureRequested
from domain.events import Event, Recorded
from domain.record import RecordRegistered
from domain.scanning import BatchOpened, ScanDuplicated, ScanReceived
from domain.values import Kind
from infrastructure.views.rows import Rows, of_kind
from infrastructure.views.times import Instant

VERSION = 1
_MEMBERS = (Kind.RECORD, Kind.BATCH, Kind.ERASURE)
"""Streams that belong to a dossier."""


class HistoryView:
    """One generation of the history's tables."""

    def __init__(self, prefix: str) -> None:
        self.metadata = MetaData()
        self.events = Table(
            f"{prefix}events",
            self.metadata,
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("at", Instant, nullable=False),
        )
        self.links = Table(
            f"{prefix}links",
            self.metadata,
            Column("reference", String, primary_key=True),
            Column("position", BigInteger, primary_key=True),
            sqlite_with_rowid=False,
        )
        self.members = Table(
            f"{prefix}members",
            self.metadata,
            Column("id", String, primary_key=True),
            Column("dossier", String, nullable=False),
        )

    def prepare(self, events: Sequence[Recorded[Event]]) -> None:
        """See `View`; the events say everything."""

    def apply(self, connection: Connection, events: Sequence[Recorded[Event]]) -> None:
        """See `View`."""
        touched = {recorded.stream for recorded in events}
        holders = {one for kind in _MEMBERS for one in of_kind(kind, touched)}
        members = Rows(connection, self.members, holders, {})
        links: list[dict[str, object]] = []
        for recorded in events:
            event = recorded.event
            references = {recorded.stream}
            match event:
                case RecordRegistered() | BatchOpened() | ErasureRequested():
                    members.change(recorded.stream, dossier=event.dossier)
                case ScanReceived() | ScanDuplicated():
                    references.add(event.record)
                case _:
                    pass  # The stream says to which dossier the event belongs.
            if (member := members.get(recorded.stream)) is not None:
                references.add(member["dossier"])
            links += [{"reference": one, "position": recorded.position} for one in references]
        connection.execute(
            self.events.insert(), [{"position": one.position, "at": one.at} for one in events]
        )
        connection.execute(self.links.insert(), links)
        members.write()
