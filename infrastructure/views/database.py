"""The file that holds the rows of all views: how it is opened, locked, swept and purged.

Everything in it can be derived from the journal again, so a commit may be lost with the power
(`synchronous=NORMAL`): rows and position go back together and are applied again. What was
dropped is overwritten (`secure_delete`); `purge` also empties the write-ahead log.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.exc import DBAPIError, NoSuchTableError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import DropTable

from domain.errors import UnavailableError

_BUSY_SECONDS = 30
_WRITES = "chauban_writes"
_OWN = MetaData()
_GENERATIONS = Table(
    "generations",
    _OWN,
    Column("view", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("live", Boolean, nullable=False),
)
_COLUMNS = _GENERATIONS.c


@dataclass(frozen=True)
class Generation:
    """One building of a view: its tables begin with `prefix`."""

    view: str
    number: int
    version: int
    position: int
    live: bool

    @property
    def prefix(self) -> str:
        """Begins the name of every table of this generation, and of no other."""
        return f"{self.view}_{self.number}_"


class Database:
    """One SQLite file, used by any number of threads and processes.

    Writers begin with the write lock (BEGIN IMMEDIATE), so that what they read before they write
    is still true when they write; readers see one state from their first read to their last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = _open(path)
        self._writer = self._engine.execution_options(**{_WRITES: True})
        try:
            self._begin()
        except UnavailableError as exc:
            if exc.code != _DAMAGED:
                raise
            self._begin_anew()

    def _begin(self) -> None:
        with self.writing() as connection:
            _OWN.create_all(connection)

    def _begin_anew(self) -> None:
        """Drops a file that is no database any more: all of it can be derived again."""
        with self.building():
            self._engine.dispose()
            try:
                self._begin()  # Somebody else may have been here before.
            except UnavailableError:
                self._engine.dispose()
                for suffix in ("", "-wal", "-shm"):
                    self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
                self._begin()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the file."""
        with _errors_mapped(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection with the write lock; all of it is committed, or nothing."""
        with _errors_mapped(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def building(self, *, wait: bool = True) -> Iterator[bool]:
        """Holds the right to build beside the live generations: one process, one thread at a time.

        Gives False when somebody else holds it and `wait` is not wished. The lock is the
        system's, so it ends with its holder even when that is killed.
        """
        descriptor = os.open(
            self._path.with_name(self._path.name + ".building"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def purge(self) -> None:
        """Rewrites the file and empties the write-ahead log: no dropped byte is left in either.

        `secure_delete` overwrites what a statement drops, but copies that SQLite made earlier
        when it moved cells between pages stay in their gaps; VACUUM leaves them behind.
        """
        with _errors_mapped():
            raw = self._engine.raw_connection()
            try:
                cursor = raw.cursor()
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy, *_ = cursor.fetchone() or (1,)
                if busy:
                    raise UnavailableError("views-busy")
                cursor.close()
            finally:
                raw.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._engine.dispose()


def generations(connection: Connection, *, live: bool) -> dict[str, Generation]:
    """The live generations by view, or the unfinished ones."""
    rows = connection.execute(
        _GENERATIONS.select().where(_COLUMNS.live == live).order_by(_COLUMNS.number)
    )
    return {row.view: Generation(**row._mapping) for row in rows}


def begin(connection: Connection, view: str, version: int, *, live: bool) -> Generation:
    """Adds an empty generation behind all earlier ones of the view."""
    numbers = connection.scalars(_GENERATIONS.select().with_only_columns(_COLUMNS.number))
    generation = Generation(view, max(numbers, default=0) + 1, version, 0, live)
    connection.execute(_GENERATIONS.insert(), vars(generation))
    return generation


def move(connection: Connection, generation: Generation, position: int) -> None:
    """Records how far a generation has come, in the transaction that brought it there."""
    connection.execute(_row(generation)[0].values(position=position))


def switch(connection: Connection, old: Generation | None, new: Generation) -> None:
    """Makes `new` the live generation and drops the tables of the old one."""
    if old is not None:
        drop(connection, old)
    connection.execute(_row(new)[0].values(live=True))


def drop(connection: Connection, generation: Generation) -> None:
    """Drops the tables of a generation, also those that this version does not know."""
    for name in inspect(connection).get_table_names():
        if name.startswith(generation.prefix):
            connection.execute(DropTable(Table(name, MetaData())))
    connection.execute(_row(generation)[1])


def _row(generation: Generation) -> tuple[Any, Any]:
    """The statements that change and drop the row of a generation."""
    here = (_COLUMNS.view == generation.view) & (_COLUMNS.number == generation.number)
    return _GENERATIONS.update().where(here), _GENERATIONS.delete().where(here)


@contextmanager
def scratch() -> Iterator[Connection]:
    """A database in memory for a replay: what it held is gone when it ends, and no disk saw it."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _open(path: Path) -> Engine:
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(
        url, connect_args={"timeout": _BUSY_SECONDS}, pool_size=4, max_overflow=12
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # Transactions are begun below, never by the driver.
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "secure_delete = ON",
            "temp_store = MEMORY",  # VACUUM copies everything; not to a file that stays readable.
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


_DAMAGED = "views-damaged"
_MEANINGS: Sequence[tuple[str, str]] = (
    ("disk is full", "disk-full"),
    ("locked", "views-busy"),
    ("readonly", "views-read-only"),
    ("unable to open", "views-missing"),
    ("disk I/O", "disk-failed"),
)


@contextmanager
def _errors_mapped() -> Iterator[None]:
    """SQLAlchemy's and SQLite's errors, by what they mean for the user.

    What is left (a constraint that the events cannot break, a table that is gone) means that
    somebody wrote to the file: `rebuild` makes it anew.
    """
    try:
        yield
    except (DBAPIError, NoSuchTableError, sqlite3.Error) as exc:
        text = str(getattr(exc, "orig", exc))
        code = next((code for part, code in _MEANINGS if part in text), _DAMAGED)
        raise UnavailableError(code) from exc
