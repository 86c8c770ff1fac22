"""The tables of the journal on SQLite, over the recorder of `eventsourcing`.

Every row that belongs to one decision is inserted here, inside the recorder's transaction.
Events and command rows are never updated: triggers refuse it even to a slip of our own.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from domain.errors import (
    ClaimTakenError,
    ConcurrentChangeError,
    ErasedSubjectError,
    UnavailableError,
)
from domain.events import Claim
from domain.values import StreamId

TABLES = (
    # The library selects the position by the name `rowid`; AUTOINCREMENT never uses one twice.
    """CREATE TABLE IF NOT EXISTS stored_events (
        rowid INTEGER PRIMARY KEY AUTOINCREMENT,
        originator_id TEXT NOT NULL,
        originator_version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        UNIQUE (originator_id, originator_version))""",
    """CREATE TABLE IF NOT EXISTS commands (
        id TEXT PRIMARY KEY, request BLOB NOT NULL, answer TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS claims (
        kind TEXT NOT NULL, text TEXT NOT NULL, stream TEXT NOT NULL,
        PRIMARY KEY (kind, text)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS subjects (
        id TEXT PRIMARY KEY, key BLOB, erased INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS disclosures (
        event TEXT PRIMARY KEY, subject TEXT NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS disclosures_of ON disclosures (subject)",
    *(
        f"CREATE TRIGGER IF NOT EXISTS {table}_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} are only ever appended'); END"
        for table in ("stored_events", "commands", "claims")
        for verb in ("UPDATE", "DELETE")
    ),
)


class CommandRepeatedError(Exception):
    """The command's row exists already; the caller compares and answers from it."""


class KeysChangedError(Exception):
    """The stream of the keys went on since the envelopes were signed: another key may sign now."""


@dataclass
class Rows:
    """What goes in beside the events of one append."""

    command: tuple[str, bytes, str]
    keys: tuple[StreamId, int]
    """The stream of the keys and the version up to which the signer knows it."""
    claims: list[tuple[Claim, StreamId]] = field(default_factory=list)
    subjects: list[StreamId] = field(default_factory=list)
    """Whose personal data is written, their keys existing: none may be erased."""
    new_keys: list[tuple[StreamId, bytes]] = field(default_factory=list)
    disclosures: list[tuple[str, StreamId, bytes]] = field(default_factory=list)
    erased: list[StreamId] = field(default_factory=list)
    ciphers: dict[StreamId, AESGCM] = field(default_factory=dict)
    """Of the subjects above; to be remembered once everything is committed."""


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        cursor.execute("PRAGMA synchronous = FULL")  # A commit is on the disk when it returns.
        cursor.execute("PRAGMA secure_delete = ON")  # What is erased is overwritten.
        return connection


class JournalRecorder(SQLiteApplicationRecorder):
    """The library's recorder with our tables and all rows of a decision in one transaction."""

    def __init__(self, path: str) -> None:
        datastore = SQLiteDatastore(path, lock_timeout=30, originator_id_type="text")
        datastore.pool.close()
        datastore.pool = _Pool(
            db_name=path, lock_timeout=30, pool_size=2, max_overflow=8, pool_timeout=60
        )
        super().__init__(datastore)
        self.insert_events_statement = (
            "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
            "VALUES (?,?,?,?)"
        )

    def construct_create_table_statements(self) -> list[str]:
        """All tables of the journal."""
        return list(TABLES)

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any
    ) -> Sequence[int] | None:
        rows: Rows = kwargs["rows"]
        # (1) The command first: a write takes the lock that all checks below rely on.
        try:
            c.execute("INSERT INTO commands VALUES (?,?,?)", rows.command)
        except sqlite3.IntegrityError as exc:
            raise CommandRepeatedError from exc
        # Nothing is signed by a key whose turn ended while we signed.
        c.execute(
            "SELECT max(originator_version) FROM stored_events WHERE originator_id=?",
            (rows.keys[0],),
        )
        if (c.fetchone()[0] or 0) != rows.keys[1]:
            raise KeysChangedError
        # (2) The events; a taken version means that somebody else was faster.
        try:
            positions = super()._insert_events(c, stored_events)
        except sqlite3.IntegrityError as exc:
            raise ConcurrentChangeError from exc
        # (3) Codes that belong to one stream alone.
        for claim, stream in rows.claims:
            c.execute("SELECT stream FROM claims WHERE kind=? AND text=?", (claim.kind, claim.text))
            held = c.fetchone()
            if held is None:
                c.execute("INSERT INTO claims VALUES (?,?,?)", (claim.kind, claim.text, stream))
            elif held["stream"] != stream:
                raise ClaimTakenError(f"{claim.kind}-taken", text=claim.text, holder=held["stream"])
        # (4) Personal fields, under keys that nobody erased in the meantime.
        for subject in rows.subjects:
            c.execute("SELECT erased FROM subjects WHERE id=?", (subject,))
            found = c.fetchone()
            if found is None or found["erased"]:
                raise ErasedSubjectError(subject=subject)
        try:
            for subject, wrapped in rows.new_keys:
                c.execute("INSERT INTO subjects (id, key) VALUES (?,?)", (subject, wrapped))
        except sqlite3.IntegrityError as exc:
            raise ConcurrentChangeError from exc
        if rows.disclosures:
            c.executemany("INSERT INTO disclosures VALUES (?,?,?)", rows.disclosures)
        # (5) What an approved erasure takes away, for good.
        for subject in rows.erased:
            c.execute("DELETE FROM disclosures WHERE subject=?", (subject,))
            c.execute(
                "INSERT INTO subjects (id, key, erased) VALUES (?, NULL, 1) "
                "ON CONFLICT (id) DO UPDATE SET key=NULL, erased=1",
                (subject,),
            )
        return positions

    def rows(self, statement: str, *parameters: object) -> list[sqlite3.Row]:
        """All rows of a query, in one read transaction."""
        with self.datastore.transaction(commit=False) as c:
            c.execute(statement, parameters)
            return list(c.fetchall())

    def flush(self) -> None:
        """Moves the write-ahead log into the database and empties it.

        Raises UnavailableError when a reader holds on to an older state for too long.
        """
        with self.datastore.get_connection(commit=True) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()[0]
        if busy:
            raise UnavailableError("erasure-unfinished")
