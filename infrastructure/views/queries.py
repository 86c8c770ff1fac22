"""The questions that the ports `Catalogue`, `Work` and `History` answer.

Each answer is read in one transaction from one generation of its view.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, func, or_, select

from domain.ports import AgencyRow, DossierRow, Incident, RecordRow, SearchScope, WorkItem
from domain.text import nfc
from domain.values import Digest, StreamId
from infrastructure.views.catalogue import CatalogueView
from infrastructure.views.history import HistoryView
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
            rows = connection.execute(view.agencies.select().order_by(view.agencies.c.code))
            return {StreamId(row.id): AgencyRow(**row._mapping) for row in rows}

    def agents_named(self, name: str) -> Sequence[StreamId]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            agents = view.agents.c
            found = select(agents.id).where(agents.name == nfc(name)).order_by(agents.id)
            return [StreamId(text) for text in connection.scalars(found)]

    def dossiers(
        self, scope: SearchScope, *, limit: int = 50, offset: int = 0
    ) -> Sequence[DossierRow]:
        """See the port. `records` counts what `records()` lists."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            dossiers, records = view.dossiers.c, view.records.c
            count = (
                select(func.count())
                .where(records.dossier == dossiers.id, records.isolated.is_(False))
                .scalar_subquery()
            )
            columns = [column for column in dossiers if column is not dossiers.position]
            agencies = sorted(scope.agencies)
            found = (
                select(*columns, count.label("records"))
                .where(or_(dossiers.receiving.in_(agencies), dossiers.deciding.in_(agencies)))
                .order_by(dossiers.position.desc())
                .limit(limit)
                .offset(offset)
            )
            if not scope.restricted:
                found = found.where(dossiers.restricted.is_(False))
            return [DossierRow(**row._mapping) for row in connection.execute(found)]

    def records(self, dossier: StreamId) -> Sequence[RecordRow]:
        """See the port."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            records = view.records.c
            found = (
                view.records.select()
                .where(records.dossier == dossier, records.isolated.is_(False))
                .order_by(records.ordinal, records.id)
            )
            return [_record(row._mapping) for row in connection.execute(found)]

    def is_elsewhere(self, sha256: Digest, dossier: StreamId) -> bool:
        """See the port. Isolated and erased records count: their bytes are still here."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            records = view.records.c
            found = select(records.id).where(
                records.original == str(sha256), records.dossier != dossier
            )
            return connection.execute(found.limit(1)).first() is not None

    def referring(self, digest: Digest) -> frozenset[StreamId]:
        """See the port. An erased record still refers to the bytes that stay: its original,
        PDF/A and report; an erasure case refers to its manifest."""
        with _reading(self._runner, "catalogue", CatalogueView) as (connection, view):
            references = view.references.c
            found = select(references.holder).where(references.digest == str(digest))
            return frozenset(StreamId(text) for text in connection.scalars(found))


def _record(row: Mapping[Any, Any]) -> RecordRow:
    values = dict(row)
    parts = (values.pop("number"), values.pop("notation"))
    original = values.pop("original")
    return RecordRow(
        code="/".join(part for part in parts if part) or None,
        original=Digest(original) if original else None,
        **values,
    )


class SqlWork:
    """The port `Work`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def items(self, *, task: str | None = None) -> Sequence[WorkItem]:
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

    def position_at(self, at: datetime) -> int:
        """See the port: the largest position whose event was recorded at or before `at`.

        Times never run backwards within a stream, but two streams may be a little apart; an event
        before the answer can therefore bear a later time.
        """
        with _reading(self._runner, "history", HistoryView) as (connection, view):
            events = view.events.c
            found = select(events.position).where(events.at <= at)
            return connection.scalar(found.order_by(events.position.desc()).limit(1)) or 0
