"""The read model `attestations`: which checkpoints outsiders have vouched for, and until when."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Date,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    select,
)

from domain.attestation import CheckpointAttested
from domain.events import Event, Recorded
from domain.evidence import Attested, KeptToken
from domain.values import Digest
from infrastructure.views.rows import parts
from infrastructure.views.runner import Runner
from infrastructure.views.times import Instant

VERSION = 1


class AttestationsView:
    """One generation of its tables."""

    def __init__(self, prefix: str) -> None:
        self.metadata = MetaData()
        self.attestations = Table(
            f"{prefix}attestations",
            self.metadata,
            Column("position", BigInteger, primary_key=True, autoincrement=False),
            Column("version", Integer, nullable=False),
            Column("size", BigInteger, nullable=False, index=True),
            Column("at", Instant, nullable=False),
            Column("checkpoint", String, nullable=False),
            # The size once more where an authority dated it.
            Column("dated", BigInteger, index=True),
        )
        self.witnesses = Table(
            f"{prefix}witnesses",
            self.metadata,
            Column("position", BigInteger, primary_key=True),
            Column("name", String, primary_key=True),
            sqlite_with_rowid=False,
        )
        self.tokens = Table(
            f"{prefix}tokens",
            self.metadata,
            Column("position", BigInteger, primary_key=True),
            Column("authority", String, primary_key=True),
            Column("at", Instant, nullable=False),
            Column("until", Date, nullable=False),
            Column("token", String, nullable=False),
            sqlite_with_rowid=False,
        )

    def prepare(self, events: Sequence[Recorded[Event]]) -> None:
        """See `View`; the events say everything."""

    def apply(self, connection: Connection, events: Sequence[Recorded[Event]]) -> None:
        """See `View`."""
        for recorded in events:
            if isinstance(recorded.event, CheckpointAttested):
                self._add(connection, recorded, recorded.event)

    def _add(
        self, connection: Connection, recorded: Recorded[Event], event: CheckpointAttested
    ) -> None:
        position = recorded.position
        connection.execute(
            self.attestations.insert(),
            {
                "position": position,
                "version": recorded.version,
                "size": event.size,
                "at": recorded.at,
                "checkpoint": str(event.checkpoint.sha256),
                "dated": event.size if event.tokens else None,
            },
        )
        witnesses = [{"position": position, "name": name} for name in event.witnesses]
        tokens = [
            {
                "position": position,
                "authority": each.authority,
                "at": datetime.fromisoformat(each.at),
                "until": each.until,
                "token": str(each.token.sha256),
            }
            for each in event.tokens
        ]
        if witnesses:
            connection.execute(self.witnesses.insert(), witnesses)
        if tokens:
            connection.execute(self.tokens.insert(), tokens)


class SqlAttestations:
    """The port `Attestations`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def newest(self) -> Attested | None:
        """See the port."""
        with self._reading() as (connection, view):
            rows = view.attestations
            found = rows.select().order_by(rows.c.position.desc()).limit(1)
            return next(iter(_attested(connection, view, found)), None)

    def last(self, count: int) -> Sequence[Attested]:
        """See the port."""
        with self._reading() as (connection, view):
            rows = view.attestations
            found = rows.select().order_by(rows.c.position.desc()).limit(count)
            return _attested(connection, view, found)[::-1]

    def covering(self, position: int) -> Sequence[Attested]:
        """See the port."""
        with self._reading() as (connection, view):
            rows = view.attestations
            ends = [
                select(rows.c.position).where(column >= position).order_by(order).limit(1)
                for column in (rows.c.size, rows.c.dated)
                for order in (column.asc(), column.desc())
            ]
            wanted = {found for end in ends for found in connection.scalars(end)}
            return _attested(
                connection, view, rows.select().where(rows.c.position.in_(sorted(wanted)))
            )

    def all(self) -> Sequence[Attested]:
        """See the port."""
        with self._reading() as (connection, view):
            return _attested(connection, view, view.attestations.select())

    @contextmanager
    def _reading(self) -> Iterator[tuple[Connection, AttestationsView]]:
        with self._runner.reading("attestations") as (connection, view, _):
            assert isinstance(view, AttestationsView)
            yield connection, view


def _attested(
    connection: Connection, view: AttestationsView, found: Select[Any]
) -> Sequence[Attested]:
    """The rows with what belongs to each, by size."""
    rows = connection.execute(found).all()
    witnesses: dict[int, list[str]] = {}
    tokens: dict[int, list[KeptToken]] = {}
    for part in parts([row.position for row in rows]):
        names, kept = view.witnesses, view.tokens
        for row in connection.execute(names.select().where(names.c.position.in_(part))):
            witnesses.setdefault(row.position, []).append(row.name)
        for row in connection.execute(kept.select().where(kept.c.position.in_(part))):
            token = KeptToken(row.authority, row.at, row.until, Digest(row.token))
            tokens.setdefault(row.position, []).append(token)
    made = [
        Attested(
            position=row.position,
            version=row.version,
            size=row.size,
            at=row.at,
            checkpoint=Digest(row.checkpoint),
            witnesses=tuple(sorted(witnesses.get(row.position, ()))),
            tokens=tuple(sorted(tokens.get(row.position, ()), key=lambda each: each.authority)),
        )
        for row in rows
    ]
    return sorted(made, key=lambda each: (each.size, each.position))
