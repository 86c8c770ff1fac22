"""Refusals of witnesses in a small database beside the journal; no backup holds it, as a restored
archive is told anew."""

import json
from collections.abc import Sequence
from pathlib import Path

from domain.refusals import Refusal
from infrastructure.sqlite import SmallDatabase, instant, microseconds

_SCHEMA = """
CREATE TABLE refusal (
    witness TEXT PRIMARY KEY, code TEXT NOT NULL, details TEXT NOT NULL, since INTEGER NOT NULL)
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
        details = json.dumps(dict(refusal.details))
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO refusal VALUES (?, ?, ?, ?) ON CONFLICT (witness)"
                " DO UPDATE SET code = excluded.code, details = excluded.details",
                (refusal.witness, refusal.code, details, microseconds(refusal.since)),
            )

    def settle(self, witness: str) -> None:
        """See the port."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM refusal WHERE witness = ?", (witness,))

    def all(self) -> Sequence[Refusal]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM refusal ORDER BY witness").fetchall()
        return [
            Refusal(r["witness"], r["code"], json.loads(r["details"]), instant(r["since"]))
            for r in rows
        ]
