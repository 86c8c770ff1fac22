"""A witness of other logs (C2SP tlog-witness): it signs a checkpoint only when that continues
everything that it signed before.

DIR/witness.sqlite    its key, the logs that it knows, the newest checkpoint of each, and the forks

Key and memory are one file on purpose: who loses the memory loses the key, so no witness ever
forgets what it signed and signs another branch. For the same reason an older copy of the file must
never be put back; a witness that lost its file is made anew, under another name.
"""

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Connection, Row

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import (
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.evidence import Fork, WitnessAnswer, WitnessedLog
from domain.ports import Messages
from infrastructure.evidence import merkle
from infrastructure.evidence.notes import (
    COSIGNATURE,
    NOTE,
    Body,
    Note,
    VerifierKey,
    cosigned,
    is_name,
    parse_body,
    parse_note,
    unb64,
    verifier_key,
)
from infrastructure.objects.streams import disk_faults
from infrastructure.sqlite import Fill, SmallDatabase, instant, microseconds

LARGEST = 65_535
"""Bytes of a request; more is malformed."""
_MOST_HASHES = 63
_LARGEST_SIZE = (1 << 63) - 1
_FILE = "witness.sqlite"
_SCHEMA = """
CREATE TABLE self (one INTEGER PRIMARY KEY CHECK (one = 1), name TEXT NOT NULL, key BLOB NOT NULL);
CREATE TABLE log (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL);
CREATE TABLE log_key (
    origin TEXT NOT NULL REFERENCES log, vkey TEXT NOT NULL, PRIMARY KEY (origin, vkey))
"""
_ADDED = (
    "CREATE TABLE IF NOT EXISTS cosigned (origin TEXT PRIMARY KEY, note BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS fork ("
    "origin TEXT NOT NULL, size INTEGER NOT NULL, known BLOB NOT NULL, came BLOB NOT NULL,"
    " known_note BLOB, came_note BLOB NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY (origin, size, came))",
)
"""Made when they are missing, as no witness gives up its file for a new one."""
_MOST_FORKS = 100
"""Of one log; whoever has its key could make any number."""
_log = logging.getLogger("chauban.witness")


@dataclass(frozen=True)
class _Asked:
    """A request taken apart, nothing of it checked yet."""

    old: int
    path: tuple[bytes, ...]
    note: Note
    body: Body


class LogWitness:
    """The port Witnessing over one file. Any number of processes may use it at once."""

    def __init__(self, directory: Path, say: Messages) -> None:
        """In the words of `say` its log tells of forks. Raises UnavailableError("witness-missing")
        where `found` has made none."""
        if not (directory / _FILE).exists():
            raise UnavailableError("witness-missing")
        self._say = say
        self._database = _database(directory)
        with self._database.writing() as connection:
            self._name, self._key = _own(connection)
            for statement in _ADDED:
                connection.execute(statement)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    @property
    def key(self) -> str:
        """See the port."""
        return verifier_key(self._name, self._key, COSIGNATURE).text

    def register(self, text: str) -> str:
        """See the port."""
        key = VerifierKey.parse(text)
        if key.kind != NOTE:
            raise InvalidValueError("verifier-key")
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO log VALUES (?, 0, ?) ON CONFLICT DO NOTHING", (key.name, merkle.EMPTY)
            )
            connection.execute(
                "INSERT INTO log_key VALUES (?, ?) ON CONFLICT DO NOTHING", (key.name, key.text)
            )
        return key.name

    def withdraw(self, origin: str) -> None:
        """See the port."""
        with self._database.writing() as connection:
            done = connection.execute("DELETE FROM log_key WHERE origin = ?", (origin,))
            if not done.rowcount:
                raise NotFoundError("witness-log-unknown", origin=origin[:200])

    def logs(self) -> Sequence[WitnessedLog]:
        """See the port."""
        with self._database.reading() as connection:
            keys = connection.execute("SELECT * FROM log_key ORDER BY vkey").fetchall()
            rows = connection.execute("SELECT * FROM log ORDER BY origin").fetchall()
        return [
            WitnessedLog(
                row["origin"],
                row["size"],
                bytes(row["root"]).hex(),
                tuple(key["vkey"] for key in keys if key["origin"] == row["origin"]),
            )
            for row in rows
        ]

    def forks(self) -> Sequence[Fork]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM fork ORDER BY at, rowid").fetchall()
        return [_fork(row) for row in rows]

    def add_checkpoint(self, request: bytes, now: datetime) -> WitnessAnswer:
        """See the port. (1) What is asked. (2) Who signed it. (3) Whether it continues what was
        cosigned last. (4) The memory, compared and swapped. (5) The signature. A crash before (4)
        leaves nothing; after it a memory of what nobody got a signature for, which the log learns
        with a 409 and is then given a signature for the same checkpoint or what continues it."""
        try:
            asked = _parse(request)  # (1)
        except (IntegrityError, ValueError):
            return _told(400, "malformed request")
        body = asked.body
        with self._database.reading() as connection:
            found = connection.execute(
                "SELECT vkey FROM log_key WHERE origin = ?", (body.origin,)
            ).fetchall()
        if not found:
            return _told(404, "unknown log")
        try:
            _check_signatures(asked.note, [VerifierKey.parse(row["vkey"]) for row in found])  # (2)
        except IntegrityError:
            return _told(403, "not signed by a known key of the log")
        if asked.old > body.size:
            return _told(400, "old size above checkpoint size")
        with self._database.writing() as connection:
            refusal = _refusal(connection, asked)  # (3)
            fork = None
            if refusal is not None:
                fork = _kept_fork(connection, asked, now)
            else:
                connection.execute(  # (4)
                    "UPDATE log SET size = ?, root = ? WHERE origin = ?",
                    (body.size, body.root, body.origin),
                )
                connection.execute(
                    "INSERT OR REPLACE INTO cosigned VALUES (?, ?)", (body.origin, asked.note.raw)
                )
        if fork is not None:
            self._tell(fork)
        if refusal is not None:
            return refusal
        line = cosigned(asked.note.text, self._name, self._key, int(now.timestamp()))  # (5)
        return WitnessAnswer(200, "text/plain; charset=utf-8", line.text.encode())

    def _tell(self, fork: Fork) -> None:
        at = fork.at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        known, came = fork.roots
        told = self._say.text(
            "witness-fork", at=at, origin=fork.origin, size=fork.size, known=known, came=came
        )
        _log.critical("%s", told)


def found(directory: Path, name: str) -> str:
    """A new witness in a new folder; its verifier key.

    Raises InvalidValueError("witness-name"), RuleError("witness-exists").
    """
    if not is_name(name):
        raise InvalidValueError("witness-name")
    key = Ed25519PrivateKey.generate()

    def fill(connection: Connection) -> None:
        connection.execute("INSERT INTO self VALUES (1, ?, ?)", (name, key.private_bytes_raw()))

    with disk_faults():
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(_database(directory, fill)) as database, database.writing() as connection:
        # A file that is there already, complete, is not filled again.
        made = verifier_key(*_own(connection), COSIGNATURE).text
    if made != verifier_key(name, key, COSIGNATURE).text:
        raise RuleError("witness-exists")
    return made


def _own(connection: Connection) -> tuple[str, Ed25519PrivateKey]:
    row = connection.execute("SELECT name, key FROM self").fetchone()
    if row is None:
        raise UnavailableError("witness-missing")
    return str(row["name"]), Ed25519PrivateKey.from_private_bytes(bytes(row["key"]))


def _database(directory: Path, fill: Fill = lambda connection: None) -> SmallDatabase:
    return SmallDatabase(directory / _FILE, _SCHEMA, durable=True, fill=fill)


def _parse(request: bytes) -> _Asked:
    """Raises IntegrityError or ValueError for what the specification would not write."""
    head, found, rest = request.partition(b"\n\n")
    if not found or len(request) > LARGEST:
        raise ValueError("no checkpoint")
    first, *hashes = head.decode("ascii").split("\n")
    number = first.removeprefix("old ")
    if not number.isdecimal() or f"old {int(number[:20])}" != first or len(hashes) > _MOST_HASHES:
        raise ValueError("old size or proof")
    path = tuple(unb64(each) for each in hashes)
    if any(len(each) != merkle.SIZE for each in path):
        raise ValueError("proof")
    note = parse_note(rest)
    asked = _Asked(int(number), path, note, parse_body(note.text))
    if max(asked.old, asked.body.size) > _LARGEST_SIZE:
        raise ValueError("size")
    return asked


def _check_signatures(note: Note, keys: list[VerifierKey]) -> None:
    """At least one known key signed, and nothing is under a known key that it did not sign."""
    signed = 0
    for key in keys:
        if any((line.name, line.key) == (key.name, key.id) for line in note.lines):
            note.by(key)
            signed += 1
    if not signed:
        raise IntegrityError("note-not-signed", name=keys[0].name)


def _refusal(connection: Connection, asked: _Asked) -> WitnessAnswer | None:
    """Why a checkpoint does not continue what was cosigned last, None when it does."""
    body = asked.body
    known = connection.execute(
        "SELECT size, root FROM log WHERE origin = ?", (body.origin,)
    ).fetchone()
    size, root = int(known["size"]), bytes(known["root"])
    if size != asked.old or (body.size == size and body.root != root):
        return WitnessAnswer(409, "text/x.tlog.size", b"%d\n" % size)
    try:
        merkle.check_consistency(size, root, body.size, body.root, asked.path)
    except IntegrityError:
        return _told(422, "no proof of consistency")
    return None


def _kept_fork(connection: Connection, asked: _Asked, now: datetime) -> Fork | None:
    """The fork that a refused checkpoint shows, because it has the size of the one that was
    cosigned and another root; kept from now on. None where it shows none, or none that is new."""
    body = asked.body
    known = connection.execute(
        "SELECT size, root, note FROM log LEFT JOIN cosigned USING (origin) WHERE origin = ?",
        (body.origin,),
    ).fetchone()
    (count,) = connection.execute(
        "SELECT count(*) FROM fork WHERE origin = ?", (body.origin,)
    ).fetchone()
    forked = 0 < body.size == known["size"] and body.root != bytes(known["root"])
    if not forked or count >= _MOST_FORKS:
        return None
    row = connection.execute(
        "INSERT OR IGNORE INTO fork VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (body.origin, body.size, known["root"], body.root, known["note"], asked.note.raw,
         microseconds(now)),
    ).fetchone()  # fmt: skip
    return _fork(row) if row is not None else None


def _fork(row: Row) -> Fork:
    return Fork(
        row["origin"],
        row["size"],
        (bytes(row["known"]).hex(), bytes(row["came"]).hex()),
        (row["known_note"], row["came_note"]),
        instant(row["at"]),
    )


def _told(status: int, why: str) -> WitnessAnswer:
    return WitnessAnswer(status, "text/plain; charset=utf-8", f"{why}\n".encode())
