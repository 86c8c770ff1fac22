"""The questions that the ports `Catalogue`, `Work` and `History` answer.

Each answer is read in one transaction from one generation of its view.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

from domain.searching import SearchScope
from domain.text import nfc
from domain.values import Digest, EventId, Kind, StreamId
from domain.views import (
    AgencyRow,
    AgentRow,
    Cursor,
    DossierFilter,
    DossierRow,
    Incident,
    ProcedureRow,
    RecordRow,
    WorkItem,
)
from infrastructure.views import browsing, register
from infrastructure.views.catalogue import ORIGINAL, CatalogueView
from infrastructure.views.history import HistoryView
from infrastructure.views.rows import parts
from infrastructure.views.runner import Runner
from infrastructure.views.work import INCIDENT, WorkView

V = TypeVar("V", CatalogueView, HistoryView, WorkView)


@contextmanager
def _reading(runner: Runner, name: str, view_class: type[V]) -> Iterator[tuple[Connection, V]]:
    with runner.reading(name) as (connection, view, _):
        assert isinstance(view, view_class)
        yield connection, view


class SqlCatalogue:
    """The port `Catalogue`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def agencies(self) -> Mapping[StreamId, AgencyRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            rows = connection.execute(view.register.agencies.select()).all()
        found = [register.agency_row(StreamId(row.id), row.events) for row in rows]
        return {row.id: row for row in sorted(found, key=lambda row: row.code)}

    def agents_named(self, name: str) -> Sequence[StreamId]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            agents = view.register.agents.c
            found = select(agents.id).where(agents.name == nfc(name)).order_by(agents.id)
            return [StreamId(text) for text in connection.scalars(found)]

    def agents(self, agencies: frozenset[StreamId]) -> Sequence[AgentRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            return register.agent_rows(connection, view.register, agencies)

    def substitutes(self, absent: StreamId) -> Sequence[StreamId]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            grants = view.register.grants.c
            found = select(grants.agent).distinct().order_by(grants.agent)
            here = found.where(grants.absent == absent, grants.revoked.is_(False))
            return [StreamId(text) for text in connection.scalars(here)]

    def procedures(self) -> Sequence[ProcedureRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            table = view.register.procedures
            found = table.select().order_by(table.c.code, table.c.version)
            return [ProcedureRow(**row._mapping) for row in connection.execute(found)]

    def browse(
        self,
        scope: SearchScope,
        wanted: DossierFilter,
        *,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Sequence[DossierRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            return browsing.dossiers(connection, view, scope, wanted, after, limit)

    def count(self, scope: SearchScope, wanted: DossierFilter) -> int:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            return browsing.count(connection, view, scope, wanted)

    def facets(
        self, scope: SearchScope, wanted: DossierFilter
    ) -> Mapping[str, Sequence[tuple[str, int]]]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            return browsing.facets(connection, view, scope, wanted)

    def unconfirmed(
        self, scope: SearchScope, *, after: StreamId | None = None, limit: int = 50
    ) -> Sequence[RecordRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            rows = browsing.unconfirmed(connection, view, scope, after, limit)
            return _records(connection, view, rows)

    def records(self, dossier: StreamId) -> Sequence[RecordRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            records = view.records.c
            found = (
                view.records.select()
                .where(records.dossier == dossier, records.listed.is_(True))
                .order_by(records.ordinal, records.id)
            )
            rows = [row._mapping for row in connection.execute(found)]
            return _records(connection, view, rows)

    def record_rows(self, records: Collection[StreamId]) -> Mapping[StreamId, RecordRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            found = view.records.select().where(view.records.c.id.in_(sorted(records)))
            rows = [row._mapping for row in connection.execute(found)]
            return {row.id: row for row in _records(connection, view, rows)}

    def is_elsewhere(self, sha256: Digest, dossier: StreamId) -> bool:
        """See the port. Isolated and erased records count: their bytes are still here."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            records, references = view.records.c, view.references.c
            found = (
                select(records.id)
                .join(view.references, references.holder == records.id)
                .where(
                    references.digest == str(sha256),
                    references.role == ORIGINAL,
                    records.dossier != dossier,
                )
            )
            return connection.execute(found.limit(1)).first() is not None

    def referring(self, digest: Digest) -> frozenset[StreamId]:
        """See the port. An erased record still refers to the bytes that stay: its original,
        PDF/A and report; an erasure case refers to its manifest."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            references = view.references.c
            found = select(references.holder).where(references.digest == str(digest))
            return frozenset(StreamId(text) for text in connection.scalars(found))


def _records(
    connection: Connection, view: CatalogueView, rows: Sequence[Mapping[Any, Any]]
) -> list[RecordRow]:
    """The rows with the originals of each, which stand in a table of their own."""
    references = view.references.c
    originals: dict[str, list[Digest]] = {}
    for part in parts([row["id"] for row in rows]):
        found = select(references.holder, references.digest).where(
            references.holder.in_(part), references.role == ORIGINAL
        )
        for holder, digest in connection.execute(found):
            originals.setdefault(holder, []).append(Digest(digest))
    return [_record(row, tuple(originals.get(row["id"], ()))) for row in rows]


def _record(row: Mapping[Any, Any], originals: tuple[Digest, ...]) -> RecordRow:
    values = dict(row)
    del values["listed"]
    parts = (values.pop("number"), values.pop("notation"))
    original = values.pop("original")
    return RecordRow(
        code="/".join(part for part in parts if part) or None,
        original=Digest(original) if original else None,
        originals=originals,
        **values,
    )


class SqlWork:
    """The port `Work`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def items(
        self, *, task: str | None = None, dossier: StreamId | None = None
    ) -> Sequence[WorkItem]:
        """See the port."""
        with _reading(self._runner, "work", WorkView) as (connection, view):
            items, records, dossiers = view.items.c, view.records.c, view.dossiers.c
            found = (
                select(
                    items.record,
                    items.task,
                    items.state,
                    items.reason,
                    items.attempts,
                    items.since,
                    items.position,
                    records.dossier,
                    dossiers.code,
                    dossiers.receiving,
                    dossiers.deciding,
                )
                .join(view.records, records.id == items.record)
                .join(view.dossiers, dossiers.id == records.dossier)
                .order_by(items.position, items.record, items.task, items.warning)
            )
            found = found.where(items.task == task if task else items.task != INCIDENT)
            if dossier is not None:
                found = found.where(records.dossier == dossier)
            return [
                WorkItem(
                    record=row.record,
                    dossier=row.dossier,
                    dossier_code=row.code,
                    agencies=frozenset({row.receiving, row.deciding}),
                    task=row.task,
                    state=row.state,
                    reason=row.reason,
                    attempts=row.attempts,
                    since=row.since,
                    position=row.position,
                )
                for row in connection.execute(found)
            ]

    def incidents(self) -> Sequence[Incident]:
        """See the port."""
        return [
            Incident(
                record=item.record,
                dossier=item.dossier,
                dossier_code=item.dossier_code,
                agencies=item.agencies,
                ground=item.reason or "",
                since=item.since,
            )
            for item in self.items(task=INCIDENT)
        ]

    def to_judge(self, anchors: Digest, *, limit: int) -> Sequence[StreamId]:
        """See the port."""
        with _reading(self._runner, "work", WorkView) as (connection, view):
            judged = view.judged.c
            # Two ranges of an index; `!=` would read it all, every minute.
            others = or_(judged.anchors < str(anchors), judged.anchors > str(anchors))
            found = select(judged.record).where(others).distinct().order_by(judged.record)
            return [StreamId(row.record) for row in connection.execute(found.limit(limit))]


class SqlHistory:
    """The port `History`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def of(self, reference: StreamId, *, upto: int | None = None) -> Sequence[int]:
        """See the port."""
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            links = view.links.c
            found = select(links.position).where(links.reference == reference)
            if upto is not None:
                found = found.where(links.position <= upto)
            return list(connection.scalars(found.order_by(links.position)))

    def batches(self, dossier: StreamId, *, limit: int) -> Sequence[StreamId]:
        """See the port."""
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            members = view.members.c
            found = select(members.id).where(
                members.dossier == dossier, members.id.startswith(f"{Kind.BATCH}-")
            )
            newest = connection.scalars(found.order_by(members.id.desc()).limit(limit))
            return [StreamId(each) for each in newest]

    def batches_since(self, agent: StreamId, since: datetime, *, limit: int) -> Sequence[StreamId]:
        """See the port. An identity begins with the time when it was made (UUIDv7), so those of
        a day are a range of the primary key."""
        first = f"{round(since.timestamp() * 1000):012x}"
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            events, links = view.events.c, view.links.c
            found = (
                select(links.reference)
                .distinct()
                .join(view.events, events.position == links.position)
                .where(
                    links.reference >= f"{Kind.BATCH}-{first[:8]}-{first[8:]}",
                    links.reference < f"{Kind.BATCH}.",
                    events.agent == agent,
                )
            )
            newest = connection.scalars(found.order_by(links.reference.desc()).limit(limit))
            return [StreamId(each) for each in newest]

    def by_agent(
        self,
        agent: StreamId,
        *,
        upto: int | None = None,
        limit: int,
        before: int | None = None,
        within: frozenset[StreamId] | None = None,
    ) -> Sequence[int]:
        """See the port."""
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            events = view.events.c
            found = select(events.position).where(events.agent == agent)
            if upto is not None:
                found = found.where(events.position <= upto)
            if within is not None:
                found = found.where(_reaches(view, events.stream, within))
            return _newest(connection, found, events.position, limit, before)

    def on_day(
        self,
        start: datetime,
        end: datetime,
        *,
        limit: int,
        before: int | None = None,
        within: frozenset[StreamId] | None = None,
    ) -> Sequence[int]:
        """See the port."""
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            events = view.events.c
            found = select(events.position).where(events.at >= start, events.at < end)
            if within is not None:
                found = found.where(_reaches(view, events.stream, within))
            return _newest(connection, found, events.position, limit, before)

    def batches_within(
        self, agencies: frozenset[StreamId], *, limit: int, before: StreamId | None = None
    ) -> Sequence[tuple[StreamId, int]]:
        """See the port."""
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            members, links = view.members.c, view.links.c
            first = (
                select(func.min(links.position))
                .where(links.reference == members.id)
                .scalar_subquery()
            )
            found = select(members.id, first).where(
                members.id > f"{Kind.BATCH}-",
                members.id < (before or f"{Kind.BATCH}."),
                _reaches(view, members.id, agencies),
            )
            newest = connection.execute(found.order_by(members.id.desc()).limit(limit))
            return [(StreamId(batch), position) for batch, position in newest]

    def position_of(self, event: EventId) -> int | None:
        """See the port."""
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            events = view.events.c
            return connection.scalar(select(events.position).where(events.event == event))

    def position_at(self, at: datetime) -> int:
        """See the port: the largest position whose event was recorded at or before `at`.

        Times never run backwards within a stream, but two streams may be a little apart; an event
        before the answer can therefore bear a later time.
        """
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            events = view.events.c
            found = select(events.position).where(events.at <= at)
            return connection.scalar(found.order_by(events.position.desc()).limit(1)) or 0


_PUBLIC = (Kind.ARCHIVE, Kind.KEYS, Kind.LOG, Kind.PROCEDURE)
"""Streams that everybody may know of."""


def _reaches(
    view: HistoryView, stream: ColumnElement[str], agencies: frozenset[StreamId]
) -> ColumnElement[bool]:
    """True for a stream of the agencies: by its dossier where it belongs to one, else by itself."""
    members, reach = view.members.alias(), view.reach.alias()
    dossier = (
        select(members.c.dossier).where(members.c.id == stream).correlate_except(members)
    ).scalar_subquery()
    known = select(reach.c.id).where(
        reach.c.id == func.coalesce(dossier, stream), reach.c.agency.in_(sorted(agencies))
    )
    known = known.correlate_except(reach)
    return or_(known.exists(), *(stream.startswith(f"{kind}-") for kind in _PUBLIC))


def _newest(
    connection: Connection,
    found: Select[tuple[int]],
    position: ColumnElement[int],
    limit: int,
    before: int | None,
) -> Sequence[int]:
    if before is not None:
        found = found.where(position < before)
    return list(connection.scalars(found.order_by(position.desc()).limit(limit)))
