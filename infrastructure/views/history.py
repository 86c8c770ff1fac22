"""The read model `history`: which events speak of what, and whose people may know of them.

Positions and identities, nothing else.
"""

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Index, MetaData, String, Table

from domain.agency import AgencyEstablished
from domain.agents import RoleGranted, SubstitutionAppointed
from domain.arrangement import RecordMoved
from domain.dossier import DossierOpened
from domain.erasure import ErasureRequested
from domain.events import Event, Recorded
from domain.record import RecordRegistered, RecordSplitOff
from domain.scanning import BatchOpened, ScanDuplicated, ScanReceived
from domain.searches import SearchAttested
from domain.values import Kind, StreamId
from infrastructure.views.rows import Rows, Sets, of_kind
from infrastructure.views.times import Instant

VERSION = 5
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
            Column("at", Instant, nullable=False, index=True),
            Column("agent", String, nullable=False),
            Column("stream", String, nullable=False),
            Column("event", String, nullable=False, unique=True),
        )
        Index(f"{prefix}events_of", self.events.c.agent, self.events.c.position)
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
        self.reach = Table(
            f"{prefix}reach",
            self.metadata,
            Column("id", String, primary_key=True),
            Column("agency", String, primary_key=True),
            sqlite_with_rowid=False,
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
                case RecordMoved():
                    # The move is the last that the former dossier tells of the record.
                    if (member := members.get(recorded.stream)) is not None:
                        references.add(member["dossier"])
                    members.change(recorded.stream, dossier=event.dossier)
                case RecordRegistered() | RecordSplitOff() | BatchOpened() | ErasureRequested():
                    members.change(recorded.stream, dossier=event.dossier)
                case ScanReceived() | ScanDuplicated():
                    references.add(event.record)
                case _:
                    pass  # The stream says to which dossier the event belongs.
            if (member := members.get(recorded.stream)) is not None:
                references.add(member["dossier"])
            links += [{"reference": one, "position": recorded.position} for one in references]
        connection.execute(
            self.events.insert(),
            [
                {
                    "position": one.position,
                    "at": one.at,
                    "agent": one.by.agent,
                    "stream": one.stream,
                    "event": one.id,
                }
                for one in events
            ],
        )
        connection.execute(self.links.insert(), links)
        members.write()
        known = {one.stream for one in events if _agencies(one)}
        reach = Sets(connection, self.reach, self.reach.c.id, known)
        for one in events:
            for agency in _agencies(one):
                reach.put({"id": one.stream, "agency": agency})
        reach.write()


def _agencies(recorded: Recorded[Event]) -> frozenset[StreamId]:
    """The agencies whose auditors may know of the stream: of a dossier, of an agency itself, of
    an agent to whom a role was ever given there, of a search that was asked for there."""
    match recorded.event:
        case DossierOpened() as opened:
            return frozenset({opened.receiving, opened.deciding})
        case AgencyEstablished():
            return frozenset({recorded.stream})
        case RoleGranted() | SubstitutionAppointed() as given:
            return frozenset({given.agency})
        case SearchAttested():
            return frozenset({recorded.by.agency})
        case _:
            return frozenset()
