"""Lists of dossiers and records. What may be seen is part of each statement, never of its answer.

Newest first means by day and identity, which are the index's order; a page begins behind the last
line of the one before (a row value), so a list that grows meanwhile repeats and skips nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, date

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    RowMapping,
    String,
    and_,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from domain.searching import SearchScope
from domain.values import StreamId
from domain.views import Cursor, DossierFilter, DossierRow
from infrastructure.views.catalogue import CatalogueView, waiting

_MANY = 8
"""Above so many agencies the lines are walked in their order and looked at one by one: gathering
those of each agency first, to sort them all, takes SQLite longer. (An expression uses no index.)"""
Conditions = Sequence[ColumnElement[bool]]


def dossiers(
    connection: Connection,
    view: CatalogueView,
    scope: SearchScope,
    wanted: DossierFilter,
    after: Cursor | None,
    limit: int,
) -> Sequence[DossierRow]:
    """See `Catalogue.browse`. `records` counts what `records()` lists."""
    columns, records = view.dossiers.c, view.records.c
    shown = and_(records.dossier == columns.id, records.listed.is_(True))
    found = (
        select(
            *columns,
            select(func.count()).where(shown).scalar_subquery().label("records"),
            select(func.count())
            .where(records.dossier == columns.id, waiting(view.records))
            .scalar_subquery()
            .label("unconfirmed"),
        )
        .where(*within(view, scope), *_wanted(view, wanted))
        .order_by(columns.opened_on.desc(), columns.id.desc())
        .limit(limit)
    )
    if after is not None:
        place = tuple_(columns.opened_on, columns.id)
        found = found.where(place < tuple_(literal(after[0], Date), literal(after[1], String)))
    return [DossierRow(**row._mapping) for row in connection.execute(found)]


def count(
    connection: Connection, view: CatalogueView, scope: SearchScope, wanted: DossierFilter
) -> int:
    """See `Catalogue.count`."""
    found = select(func.count()).where(*within(view, scope), *_wanted(view, wanted))
    return connection.scalar(found) or 0


def facets(
    connection: Connection, view: CatalogueView, scope: SearchScope, wanted: DossierFilter
) -> Mapping[str, Sequence[tuple[str, int]]]:
    """See `Catalogue.facets`."""
    columns, inside = view.dossiers.c, (*within(view, scope), *_wanted(view, wanted))

    def spread(value: ColumnElement[str], *more: ColumnElement[bool]) -> Counter[str]:
        found = select(value, func.count()).where(*inside, *more).group_by(value)
        return Counter({row[0]: row[1] for row in connection.execute(found)})

    deciding = spread(columns.deciding, columns.deciding != columns.receiving)
    agencies = spread(columns.receiving) + deciding
    counts: dict[str, Counter[str]] = {
        "agency": Counter({name: n for name, n in agencies.items() if name in scope.agencies}),
        # The day as it is stored begins with the year.
        "year": spread(func.substr(cast(columns.opened_on, String), 1, 4)),
        "procedure": spread(columns.procedure, columns.procedure.is_not(None)),
        "kind": spread(columns.kind),
    }
    return {
        name: sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
        for name, counted in counts.items()
    }


def unconfirmed(
    connection: Connection,
    view: CatalogueView,
    scope: SearchScope,
    after: StreamId | None,
    limit: int,
) -> Sequence[RowMapping]:
    """The rows of `Catalogue.unconfirmed`; identities (UUIDv7) sort by age."""
    records = view.records.c
    seen = select(view.dossiers.c.id).where(
        view.dossiers.c.id == records.dossier, *within(view, scope)
    )
    found = (
        view.records.select()
        .where(waiting(view.records), seen.exists())
        .order_by(records.id)
        .limit(limit)
    )
    if after is not None:
        found = found.where(records.id > after)
    return [row._mapping for row in connection.execute(found)]


def within(view: CatalogueView, scope: SearchScope) -> Conditions:
    """What may be seen: the agencies of the scope, and restricted dossiers where it says so."""
    columns, agencies = view.dossiers.c, sorted(scope.agencies)
    sides: list[ColumnElement[str]] = [columns.receiving, columns.deciding]
    if len(agencies) > _MANY:
        sides = [side.concat("") for side in sides]
    seen = or_(*(side.in_(agencies) for side in sides))
    return (seen,) if scope.restricted else (seen, columns.restricted.is_(False))


def _wanted(view: CatalogueView, wanted: DossierFilter) -> Conditions:
    columns = view.dossiers.c
    asked: list[ColumnElement[bool]] = []
    if wanted.agency is not None:
        asked.append(or_(columns.receiving == wanted.agency, columns.deciding == wanted.agency))
    if wanted.year is not None:
        known = MINYEAR <= wanted.year <= MAXYEAR
        first, last = (
            (date(wanted.year, 1, 1), date(wanted.year, 12, 31)) if known else (None, None)
        )
        asked.append(columns.opened_on.between(first, last))  # Nothing lies between two NULLs.
    if wanted.procedure is not None:
        asked.append(columns.procedure == wanted.procedure)
    if wanted.kind is not None:
        asked.append(columns.kind == wanted.kind)
    if wanted.closed is not None:
        asked.append(columns.closed.is_(wanted.closed))
    return asked


def _in_year(opened_on: ColumnElement[date], year: int) -> ColumnElement[bool]:
    if not MINYEAR <= year <= MAXYEAR:
        return false()
    return opened_on.between(date(year, 1, 1), date(year, 12, 31))
