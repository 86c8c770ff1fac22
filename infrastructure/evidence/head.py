"""The newest signed head of the log, in one cell that only ever moves forward.

It lies beside the keys and never inside the archive: an older copy of the archive cannot take it
back, so nothing that was signed can be signed otherwise. Whoever signs has moved the cell before.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infrastructure.evidence import merkle
from infrastructure.sqlite import SmallDatabase, instant, microseconds

_SCHEMA = """
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, size INTEGER NOT NULL,
    root BLOB NOT NULL, at INTEGER NOT NULL)
"""


@dataclass(frozen=True)
class Head:
    """What was signed last."""

    origin: str
    size: int
    root: bytes
    at: datetime
    """When the cell was moved there, UTC."""


def beginning(origin: str, at: datetime) -> Head:
    """Of a log that has signed nothing yet. It stands in the cell before an event introduces the
    log's key, so that a cell that is missing later on is one that was lost."""
    return Head(origin, 0, merkle.EMPTY, at)


class HeadCell:
    """The cell, in a small database. Any number of processes may use it."""

    def __init__(self, path: Path) -> None:
        self._database = SmallDatabase(path, _SCHEMA, durable=True)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def read(self) -> Head | None:
        """What stands in the cell, None where there is none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT origin, size, root, at FROM head").fetchone()
        return Head(row[0], row[1], bytes(row[2]), instant(row[3])) if row else None

    def move(self, before: Head | None, after: Head) -> bool:
        """Compare and swap, durable on return; False when another process was faster.

        A head of the same log never shrinks, which the caller has checked and this checks again.
        """
        values = (after.origin, after.size, after.root, microseconds(after.at))
        with self._database.writing() as connection:
            if before is None:
                made = connection.execute(
                    "INSERT INTO head VALUES (1, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values
                )
            else:
                made = connection.execute(
                    "UPDATE head SET origin = ?, size = ?, root = ?, at = ? "
                    "WHERE origin = ? AND size = ? AND root = ? "
                    "AND (size < ?2 OR (size = ?2 AND root = ?3) OR origin <> ?1)",
                    (*values, before.origin, before.size, before.root),
                )
            return made.rowcount == 1
