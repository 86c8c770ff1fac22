"""Refusals of witnesses in a small database beside the keys: an older copy of the archive cannot
take an alarm back. No backup and no recovery file holds it, as whoever comes back without it is
told anew by the witness."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from sqlite3 import Row

from domain.refusals import ALARMS, UNTOLD, Refusal
from infrastructure.sqlite import SmallDatabase, instant, microseconds

_SCHEMA = """
CREATE TABLE refusal (
    witness TEXT NOT NULL, origin TEXT NOT NULL, code TEXT NOT NULL, details TEXT NOT NULL,
    since INTEGER NOT NULL, PRIMARY KEY (witness, origin))
"""


class SqliteRefusals:
    """The port `Refusals`."""

    def __init__(self, path: Path) -> None:
        self._database = SmallDatabase(path, _SCHEMA, durable=True)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    def keep(self, refusal: Refusal) -> None:
        """See the port."""
        values = (refusal.witness, refusal.origin, refusal.code, json.dumps(dict(refusal.details)))
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO refusal VALUES (?, ?, ?, ?, ?) ON CONFLICT (witness, origin)"
                " DO UPDATE SET code = excluded.code, details = excluded.details",
                (*values, microseconds(refusal.since)),
            )

    def settle(self, witness: str, origin: str) -> None:
        """See the port."""
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM refusal WHERE witness = ? AND origin = ?", (witness, origin)
            )

    def all(self) -> Sequence[Refusal]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM refusal ORDER BY witness, origin").fetchall()
        return [_refusal(row) for row in rows]


def _refusal(row: Row) -> Refusal:
    code, details = row["code"], _facts(row["details"])
    if details is None or code not in ALARMS:
        code, details = UNTOLD, {"witness": row["witness"]}
    return Refusal(row["witness"], row["origin"], code, details, instant(row["since"]))


def _facts(text: str) -> Mapping[str, str | int] | None:
    """The facts of an error as `keep` wrote them, None for anything else."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError):
        return None
    sound = isinstance(found, dict) and all(isinstance(each, str | int) for each in found.values())
    return found if sound else None
