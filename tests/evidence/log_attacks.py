# ruff: noqa: S608 (the statements are the attacker's)
"""What attackers do to the log and to the rows of the journal: they have all files and, where a
function says so, all keys."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.evidence import Checkpoint
from infrastructure.evidence import log_keys
from infrastructure.evidence.notes import Body, parse_body, parse_note, signed
from infrastructure.evidence.tiles import bundle_name, pack, unpack
from infrastructure.journal.envelope import open_envelope
from tests.foreign import reference_log

OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)


@dataclass(frozen=True)
class World:
    """An archive as it should be, and what somebody kept of it before."""

    folder: Path
    older: Checkpoint
    newest: Checkpoint
    key: str

    @property
    def log(self) -> Path:
        return self.folder / "archive" / "log"

    @property
    def keys(self) -> Path:
        return self.folder / "archive.keys"

    @property
    def journal(self) -> Path:
        return self.folder / "archive" / "journal.sqlite"

    def entries(self) -> list[bytes]:
        with closing(sqlite3.connect(self.journal)) as connection:
            rows = connection.execute("SELECT state FROM stored_events ORDER BY rowid")
            return [row[0] for row in rows]


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    rewrite(path, bytes(content))


def rewrite(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def change_bundle(world: World, change: Callable[[list[bytes]], None]) -> None:
    path = world.log / bundle_name(0)
    entries = unpack(path.read_bytes(), 256)
    change(entries)
    rewrite(path, pack(entries))


def drop(entries: list[bytes]) -> None:
    del entries[100]


def insert(entries: list[bytes]) -> None:
    entries.insert(100, entries[99])


def reorder(entries: list[bytes]) -> None:
    entries[10], entries[11] = entries[11], entries[10]


def write_log(world: World, entries: list[bytes], key: Ed25519PrivateKey | None = None) -> None:
    """A whole log, honestly made, of other entries or under another key."""
    origin, own = log_keys.load(world.keys)
    shutil.rmtree(world.log)
    reference_log.write(world.log, entries, origin, key or own)


def roll_back(world: World) -> None:
    """The whole archive as it stood before, guards, head and checkpoint included."""
    entries = world.entries()[: world.older.size]
    tamper(
        world.journal,
        f"DELETE FROM stored_events WHERE rowid > {world.older.size}",
        f"UPDATE sqlite_sequence SET seq={world.older.size} WHERE name='stored_events'",
    )
    forget_commands(world, entries)
    tamper(
        world.journal,
        "DELETE FROM claims WHERE stream NOT IN (SELECT originator_id FROM stored_events)",
        "DELETE FROM disclosures WHERE subject NOT IN (SELECT originator_id FROM stored_events)",
        "DELETE FROM subjects WHERE id NOT IN (SELECT originator_id FROM stored_events)",
    )
    write_log(world, entries)
    take_back_head(world, world.older)


def forget_commands(world: World, entries: list[bytes]) -> None:
    """The command rows of events that are gone."""
    known = {str(open_envelope(entry).payload["cmd"]) for entry in entries}
    with closing(sqlite3.connect(world.journal)) as connection:
        found = [row[0] for row in connection.execute("SELECT id FROM commands")]
    gone = [f"DELETE FROM commands WHERE id='{each}'" for each in found if each not in known]
    tamper(world.journal, *gone)


def take_back_head(world: World, to: Checkpoint) -> None:
    with closing(sqlite3.connect(world.keys / "log-head.sqlite")) as connection:
        connection.execute("UPDATE head SET size=?, root=?", (to.size, bytes.fromhex(to.root)))
        connection.commit()
    for view in (world.folder / "archive").glob("views.sqlite*"):
        view.unlink()
    shutil.rmtree(world.folder / "archive" / "index")
    (world.folder / "archive" / "index").mkdir()


def fork(world: World) -> None:
    """Who holds the keys writes another log of as many events and signs it."""
    entries = world.entries()
    entries[5], entries[6] = entries[6], entries[5]
    write_log(world, entries)
    tree = reference_log.tree_of(entries)
    forged = Checkpoint("", len(entries), tree.root().hex(), b"")
    take_back_head(world, forged)


def sign_checkpoint(world: World, body: Body, key: Ed25519PrivateKey | None = None) -> None:
    _, own = log_keys.load(world.keys)
    rewrite(world.log / "checkpoint", signed(body, [key or own]).raw)


def body_of(world: World) -> Body:
    return parse_body(parse_note(world.newest.note).text)


def other_root(world: World) -> None:
    body = body_of(world)
    sign_checkpoint(world, Body(body.origin, body.size, sha256(b"other").digest()))


def larger(world: World) -> None:
    body = body_of(world)
    sign_checkpoint(world, Body(body.origin, body.size + 1, body.root))


def tamper(journal: Path, *statements: str) -> None:
    """Whatever SQLite can write, its guards included, which are put back afterwards."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        guards = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type='trigger'"
        ).fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        for _, statement in guards:
            connection.execute(statement)


def change_row(world: World, position: int, **values: str) -> None:
    said = ", ".join(f"{name}={value}" for name, value in values.items())
    tamper(world.journal, f"UPDATE stored_events SET {said} WHERE rowid={position}")


def move_row(world: World) -> None:
    tamper(
        world.journal,
        "UPDATE stored_events SET rowid=99999 WHERE rowid=300",
        "UPDATE stored_events SET rowid=300 WHERE rowid=301",
        "UPDATE stored_events SET rowid=301 WHERE rowid=99999",
    )


def replay(world: World) -> None:
    tamper(
        world.journal,
        "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
        "SELECT originator_id, originator_version + 5000, topic, state FROM stored_events "
        "WHERE rowid=300",
    )


def flip_row(world: World) -> None:
    entry = bytearray(world.entries()[299])
    at = entry.index(b".") + 20
    entry[at] = ord("A") if entry[at] != ord("A") else ord("B")
    change_row(world, 300, state=f"x'{bytes(entry).hex()}'")


def wrong_previous(world: World) -> None:
    """A row of the stream in the place of its successor, signed as it was."""
    tamper(
        world.journal,
        "UPDATE stored_events SET state=(SELECT state FROM stored_events WHERE rowid=299) "
        "WHERE rowid=300",
    )
