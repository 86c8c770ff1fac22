"""Rows that a batch of events touches: read together, changed in memory, written together.

A statement for each event would cost more than reading the event; a batch costs a handful.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, String, Table, and_, bindparam

from domain.values import Erased, Kind

_LIST = 400
"""Values in one SQL list; SQLite allows 999 in old builds."""

Row = dict[str, Any]
V = TypeVar("V")


def personal(name: str, **options: Any) -> Column[Any]:
    """A column for a personal value: NULL when it is unknown, and NULL after its erasure."""
    return Column(name, String, info={"personal": True}, **options)


def is_personal(column: Column[Any]) -> bool:
    """True for a column that an erasure empties."""
    return bool(column.info.get("personal"))


def plain(value: str | Erased | None) -> str | None:
    """The value as a personal column holds it."""
    return value if isinstance(value, str) else None


def of_kind(kind: Kind, streams: Iterable[str]) -> set[str]:
    """The streams that are about this kind of thing."""
    return {stream for stream in streams if stream.startswith(f"{kind.value}-")}


class Rows:
    """Rows of one table by its single key column."""

    def __init__(
        self, connection: Connection, table: Table, keys: Iterable[str], blank: Mapping[str, Any]
    ) -> None:
        self._connection = connection
        self._table = table
        self._key = next(iter(table.primary_key.columns))
        self._blank = blank
        self._rows: dict[str, Row] = {
            row[self._key.name]: row for row in _load(connection, table, self._key, keys)
        }
        self._stored = frozenset(self._rows)
        self._changed: set[str] = set()

    def get(self, key: str) -> Row | None:
        """The row as it stands, None when there is none."""
        return self._rows.get(key)

    def having(self, name: str, value: str) -> list[str]:
        """The keys of all rows at hand with this value in a column."""
        return [key for key, row in self._rows.items() if row[name] == value]

    def change(self, key: str, **values: Any) -> None:
        """Sets columns of a row; a new row begins as the blank one.

        Rows are made by whichever event names them first: those of one decision stand in
        several streams, and nothing here may depend on their order.
        """
        row = self._rows.setdefault(key, {self._key.name: key, **self._blank})
        row.update(values)
        self._changed.add(key)

    def write(self) -> None:
        """Writes what was changed."""
        table, key = self._table, self._key
        new = [self._rows[name] for name in sorted(self._changed - self._stored)]
        old = [self._rows[name] for name in sorted(self._changed & self._stored)]
        if new:
            self._connection.execute(table.insert(), new)
        if old:
            names = [column.name for column in table.columns if column is not key]
            self._connection.execute(
                table.update()
                .where(key == bindparam("the_key"))
                .values({name: bindparam(f"new_{name}") for name in names}),
                [
                    {"the_key": row[key.name]} | {f"new_{name}": row[name] for name in names}
                    for row in old
                ],
            )


class Sets:
    """Rows of one table as a set for each parent; all of a touched parent's rows are in memory."""

    def __init__(
        self, connection: Connection, table: Table, parent: Column[Any], parents: Iterable[str]
    ) -> None:
        self._connection = connection
        self._table = table
        self._keys = [column.name for column in table.primary_key.columns]
        self._of: dict[str, dict[tuple[Any, ...], Row]] = {}
        self._parent = parent.name
        for row in _load(connection, table, parent, parents):
            self._of.setdefault(row[parent.name], {})[self._identity(row)] = row
        self._before = {
            name: {k: dict(r) for k, r in rows.items()} for name, rows in self._of.items()
        }

    def of(self, parent: str) -> list[Row]:
        """The rows of a parent, not to be changed in place."""
        return list(self._of.get(parent, {}).values())

    def put(self, row: Row) -> None:
        """Adds a row, or puts it in the place of the one with the same key."""
        self._of.setdefault(row[self._parent], {})[self._identity(row)] = row

    def keep(self, parent: str, rows: Iterable[Row]) -> None:
        """Drops all rows of a parent but these."""
        self._of[parent] = {self._identity(row): row for row in rows}

    def write(self) -> None:
        """Writes the difference to what was read."""
        gone, new = [], []
        for parent, rows in self._of.items():
            before = self._before.get(parent, {})
            gone += [row for key, row in before.items() if rows.get(key) != row]
            new += [row for key, row in rows.items() if before.get(key) != row]
        if gone:
            here = and_(*(self._table.c[name] == bindparam(f"a_{name}") for name in self._keys))
            self._connection.execute(
                self._table.delete().where(here),
                [{f"a_{name}": row[name] for name in self._keys} for row in gone],
            )
        if new:
            self._connection.execute(self._table.insert(), new)

    def _identity(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self._keys)


def _load(
    connection: Connection, table: Table, column: Column[Any], values: Iterable[str]
) -> Iterator[Row]:
    for part in parts(sorted(set(values))):
        for row in connection.execute(table.select().where(column.in_(part))):
            yield dict(row._mapping)


def parts(values: Sequence[V]) -> Iterator[Sequence[V]]:
    """The values in lists that one SQL statement can hold."""
    for start in range(0, len(values), _LIST):
        yield values[start : start + _LIST]
