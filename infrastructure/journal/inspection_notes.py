"""What is passed between those who inspect a journal: trust, notes, and what damage looks like."""

import json
import sqlite3
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import NamedTuple

from domain.errors import UnavailableError
from domain.ports import Finding
from infrastructure.journal.disclosures import row_mac
from infrastructure.journal.envelope import Turn
from infrastructure.journal.succession import Doubt

DAMAGE = (sqlite3.Error, UnicodeDecodeError, MemoryError)
"""What reading a damaged file raises: SQLite may quote its bytes, or believe an absurd length."""
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "journal-busy",
    sqlite3.SQLITE_LOCKED: "journal-busy",
    sqlite3.SQLITE_CANTOPEN: "journal-missing",
    sqlite3.SQLITE_PERM: "journal-unreadable",
}


@dataclass(frozen=True)
class Trust:
    """By what the rows are checked. Travels to worker processes."""

    archive: str
    turns: tuple[Turn, ...]
    """Whose keys may have signed, and where; the founding's first."""
    doubts: tuple[Doubt, ...]
    """Keys that others may have used."""
    kek: bytes | None
    """None: disclosures stay unopened, their content is not checked."""
    command_secret: bytes | None
    """None: the rows of commands are compared with their events alone."""


class Piece(NamedTuple):
    """Events of one command that stand side by side."""

    command: str
    position: int
    events: tuple[str, ...]


class Claimed(NamedTuple):
    """A claim as an event makes it."""

    kind: str
    text: str
    stream: str
    position: int


class Identities(NamedTuple):
    """The ids of a span's events, told by their bounds: they go up with time (UUIDv7), so spans
    share little more than their edges."""

    low: str
    high: str
    lines: str
    """One id a line."""


@dataclass
class Notes:
    """What the rows of one span said."""

    findings: list[Finding] = field(default_factory=list)
    rows: int = 0
    signatures: int = 0
    in_doubt: int = 0
    """Signatures of a key that others may have used by then."""
    disclosures: int = 0
    """Personal fields whose value was compared with its digest."""
    erased: int = 0
    """Personal fields whose value is gone by a decision."""
    sealed: int = 0
    """Rows of disclosures that belong to an event of the span."""
    commands: int = 0
    """Commands of the span whose row names exactly their events."""
    identities: Identities | None = None
    doubled: bool = False
    """An id is twice in the span."""
    subjects: set[str] = field(default_factory=set)
    claims: list[Claimed] = field(default_factory=list)
    erasures: list[tuple[str, int]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    """Commands that may go on in another span, or that are not as their row says."""


def connect(path: str) -> sqlite3.Connection:
    """A connection that cannot write; bytes that are no UTF-8 come as lone surrogates."""
    try:
        connection = sqlite3.connect(
            database_uri(path, "ro"), uri=True, isolation_level=None, timeout=30
        )
    except sqlite3.Error as exc:
        raise UnavailableError("journal-missing") from exc
    connection.text_factory = _text
    return connection


def database_uri(path: str, mode: str) -> str:
    """The file as SQLite's URI, never made when it is not there."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    return f"file:{quoted}?mode={mode}"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def bindable(text: str) -> str:
    """The text as SQLite takes it: a lone surrogate, which is in no true identity, becomes `?`."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def named(value: object) -> str:
    """A value of a table as a finding may show it: identifiers as they are, else what it is."""
    text = str(value)
    if isinstance(value, str | int) and text.isascii() and text.isprintable() and len(text) < 100:
        return text
    return f"<{type(value).__name__}, {len(value) if isinstance(value, str | bytes) else 0}>"


def damage(exc: Exception, where: str) -> Finding:
    """What a failed read means: damage is a finding, a busy or closed file is not."""
    code = getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _UNAVAILABLE:
        raise UnavailableError(_UNAVAILABLE[code]) from exc
    return Finding("journal-damaged", where, getattr(exc, "sqlite_errorname", ""))


def answered_events(
    secret: bytes | None, command: str, request: object, answer: object
) -> tuple[str, ...] | Finding:
    """The events that a command's row names, or what is wrong with the row."""
    if type(request) is not bytes or type(answer) is not str:
        return Finding("command-row-malformed", named(command))
    if secret is not None and not compare_digest(
        row_mac(secret, command, request, answer), request[32:]
    ):
        return Finding("command-row-altered", named(command))
    try:
        said = json.loads(answer)
        return tuple(said["events"])
    except (ValueError, TypeError, LookupError, RecursionError):
        return Finding("command-row-malformed", named(command))
