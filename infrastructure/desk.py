"""Saved searches and trays in a small database beside the journal."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from domain.desk import SavedSearch
from domain.errors import InvalidValueError, RuleError
from domain.text import nfc
from domain.values import StreamId
from infrastructure.sqlite import SmallDatabase, instant, microseconds

_SCHEMA = """
CREATE TABLE searches (
    agent TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL,
    saved_at INTEGER NOT NULL, PRIMARY KEY (agent, id)) WITHOUT ROWID;
CREATE TABLE tray (
    place INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, record TEXT NOT NULL,
    UNIQUE (agent, record))
"""
_SEARCHES = 100
_TRAY = 1000
_COUNT = "SELECT count(*) FROM tray WHERE agent = ?"


class SqliteDesk:
    """The port `Desk`."""

    def __init__(self, path: Path) -> None:
        self._database = SmallDatabase(path, _SCHEMA, durable=True)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def save_search(self, agent: StreamId, id: str, name: str, query: str, at: datetime) -> None:
        """See the port."""
        kept = nfc(name).strip()
        if not 1 <= len(kept) <= 100:
            raise InvalidValueError("invalid-name")
        with self._database.writing() as connection:
            others = "SELECT count(*) FROM searches WHERE agent = ? AND id <> ?"
            if connection.execute(others, (agent, id)).fetchone()[0] >= _SEARCHES:
                raise RuleError("too-many-saved", most=_SEARCHES)
            connection.execute(
                "INSERT OR REPLACE INTO searches VALUES (?, ?, ?, ?, ?)",
                (agent, id, kept, query, microseconds(at)),
            )

    def searches(self, agent: StreamId) -> Sequence[SavedSearch]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id, name, query, saved_at FROM searches WHERE agent = ?"
                " ORDER BY saved_at DESC, id DESC",
                (agent,),
            ).fetchall()
        return [SavedSearch(r["id"], r["name"], r["query"], instant(r["saved_at"])) for r in rows]

    def drop_search(self, agent: StreamId, id: str) -> None:
        """See the port."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM searches WHERE agent = ? AND id = ?", (agent, id))

    def put(self, agent: StreamId, records: Sequence[StreamId]) -> int:
        """See the port."""
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO tray (agent, record) VALUES (?, ?)",
                [(agent, record) for record in records],
            )
            held = int(connection.execute(_COUNT, (agent,)).fetchone()[0])
            if held > _TRAY:
                raise RuleError("tray-full", most=_TRAY)
        return held

    def take(self, agent: StreamId, records: Sequence[StreamId]) -> int:
        """See the port."""
        with self._database.writing() as connection:
            connection.executemany(
                "DELETE FROM tray WHERE agent = ? AND record = ?",
                [(agent, record) for record in records],
            )
            return int(connection.execute(_COUNT, (agent,)).fetchone()[0])

    def tray(self, agent: StreamId) -> Sequence[StreamId]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT record FROM tray WHERE agent = ? ORDER BY place", (agent,)
            ).fetchall()
        return [StreamId(row["record"]) for row in rows]
