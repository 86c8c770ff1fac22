"""A small database of its own beside the journal, for what is no event: one file, WAL.

Any number of threads and processes use it at once. The file is made at its first use, readable by
this account alone, and made again when it is gone.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from domain.errors import UnavailableError
from infrastructure.folders import alone
from infrastructure.objects.streams import disk_faults

_BUSY_SECONDS = 10.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Fill = Callable[[sqlite3.Connection], None]


def microseconds(at: datetime) -> int:
    """An instant as the databases keep it: since 1970, UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def instant(number: int) -> datetime:
    """The instant of `microseconds`."""
    return _EPOCH + timedelta(microseconds=number)


class SmallDatabase:
    """Connections to one file, each used by one thread at a time.

    `durable` commits survive power loss; others may be lost with it, the last first, and the
    file is sound all the same. `fill` completes a new file in the transaction that makes it.
    """

    def __init__(
        self, path: Path, schema: str, *, durable: bool, fill: Fill = lambda connection: None
    ) -> None:
        self._path = path
        self._schema = schema
        self._synchronous = "FULL" if durable else "NORMAL"
        self._fill = fill
        self._idle: list[sqlite3.Connection] = []
        self._file: tuple[int, int] | None = None
        self._lock = Lock()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that nobody else writes in; an error takes all of it back."""
        with self._used() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for single statements, each of which sees one state."""
        with self._used() as connection:
            yield connection

    def close(self) -> None:
        """Lets go of every connection that is not in use."""
        with self._lock:
            self._drop_idle()

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        try:
            connection, file = self._taken()
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._give_back(connection, file)
        except sqlite3.Error as exc:
            full = "full" in str(exc)
            raise UnavailableError(
                "disk-full" if full else "database-unavailable", file=self._path.name
            ) from exc

    def _taken(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        with self._lock:
            file = self._found()
            if file is None or file != self._file:
                self._drop_idle()
                file = self._file = self._ready()
            if self._idle:
                return self._idle.pop(), file
        return self._connect(), file

    def _give_back(self, connection: sqlite3.Connection, file: tuple[int, int]) -> None:
        with self._lock:
            if file == self._file:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _ready(self) -> tuple[int, int]:
        """The file with its tables; one process at a time makes it."""
        with alone(self._path.parent), disk_faults():
            if not self._path.exists():  # What lies beside it belongs to one that is gone.
                for beside in ("-wal", "-shm"):
                    self._path.with_name(self._path.name + beside).unlink(missing_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = self._connect()
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                if version == 0:
                    for statement in self._schema.split(";"):
                        connection.execute(statement)
                    self._fill(connection)
                    connection.execute("PRAGMA user_version = 1")
                connection.execute("COMMIT")
            finally:
                connection.close()
            found = self._found()
        assert found is not None
        return found

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        return connection
