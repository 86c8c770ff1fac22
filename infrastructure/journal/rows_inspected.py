"""What of the journal can be checked row by row: signature, agreement, chain, personal fields.

A `RowInspector` reads one span of positions after another on its own read-only connection and
notes what the whole needs to know (`whole_inspected.py` puts the notes together). It trusts no
byte: whatever stands in a row ends in a finding, never in a crash.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.agents import Role
from domain.errors import ArchiveError, IntegrityError
from domain.events import STORED_EVENTS, Event, claims, erased_subject, subject_of
from domain.ports import Finding
from domain.values import Basis, StreamId
from infrastructure.journal import codec
from infrastructure.journal.disclosures import unseal, unwrap, values_of
from infrastructure.journal.envelope import (
    Opened,
    Verifier,
    header_of_digest,
    open_envelope,
    read_time,
)
from infrastructure.journal.inspection_notes import (
    DAMAGE,
    Claimed,
    Identities,
    Notes,
    Piece,
    Trust,
    answered_events,
    bindable,
    damage,
    named,
)

_BATCH = 1000
"""Rows a query. All their signatures are checked before all the rest: what OpenSSL needs for one is
then still in the processor's cache for the next, which makes the whole a twentieth faster."""
_PART = 100
"""Rows that are then taken apart together, and values in one SQL list: what was read of them is
still in the cache, too, when their disclosures and commands come."""
_KNOWN = 32_768
"""Streams and subjects that are remembered; one that fell out is read again."""
_ERASING = ("dossier-erased/1", "record-erased/1")
_GARBAGE = (ArchiveError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a forged payload can raise, RecursionError being met in `strict_json`."""


_BY = frozenset({"agent", "role", "agency"})
_WHY = frozenset({"code", "ref"})


@lru_cache(maxsize=1024)
def _check_reason(role: str, code: str, reference: str | None) -> None:
    Role(role)
    Basis(code, reference)


class _Head(NamedTuple):
    version: int
    digest: str
    at: str
    position: int


class _Row(NamedTuple):
    position: int
    stream: str
    version: int
    topic: str
    envelope: bytes


class _Read(NamedTuple):
    row: _Row
    payload: dict[str, Any]


class RowInspector:
    """Checks spans of rows. One for each process: it remembers streams and subjects."""

    def __init__(self, connection: sqlite3.Connection, trust: Trust) -> None:
        self._db = connection
        self._trust = trust
        self._verifier = Verifier.of(trust.turns)
        self._doubts = {header_of_digest(doubt.certificate): doubt for doubt in trust.doubts}
        self._heads: dict[str, _Head] = {}
        self._ciphers: dict[str, AESGCM | None] = {}
        self._covered: dict[str, int | None] = {}
        self._notes = Notes()
        self._ids: list[str] = []

    def span(self, first: int, last: int) -> Notes:
        """The rows from one position to another, both included."""
        return self._inspect(self._spans(first, last))

    def database(self) -> Notes:
        """The database agrees with itself: every index entry has its row and the other way."""
        notes = Notes()
        try:
            for (said,) in self._db.execute("PRAGMA integrity_check(100)"):
                if said != "ok":
                    notes.findings.append(Finding("journal-damaged", "journal", str(said)[:80]))
        except DAMAGE as exc:
            notes.findings.append(damage(exc, "journal"))
        return notes

    def streams(self, streams: Iterable[str]) -> Notes:
        """The rows of some streams alone."""
        return self._inspect(self._of_streams(streams))

    # ------------------------------------------------------------ reading

    def _spans(self, first: int, last: int) -> Iterator[list[tuple[Any, ...]]]:
        while first <= last:
            try:
                rows = self._between(first, last)
            except DAMAGE as exc:
                self._damaged(exc, "stored_events")
                upto = min(last, first + _BATCH - 1)
                yield self._one_by_one(first, upto)
                first = upto + 1
                continue
            if not rows:
                return
            yield rows
            if type(rows[-1][0]) is not int:  # Only in a table that somebody made anew.
                return
            first = rows[-1][0] + 1

    def _between(self, first: int, last: int) -> list[tuple[Any, ...]]:
        return self._db.execute(
            "SELECT rowid, originator_id, originator_version, topic, state FROM stored_events "
            "WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ?",
            (first, last, _BATCH),
        ).fetchall()

    def _one_by_one(self, first: int, last: int) -> list[tuple[Any, ...]]:
        """The rows beside a damaged page: it must not hide what is wrong with them."""
        rows: list[tuple[Any, ...]] = []
        for position in range(first, last + 1):
            with suppress(*DAMAGE):
                rows += self._between(position, position)
        return rows

    def _of_streams(self, streams: Iterable[str]) -> Iterator[list[tuple[Any, ...]]]:
        for stream in streams:
            try:
                found = self._db.execute(
                    "SELECT rowid, originator_id, originator_version, topic, state "
                    "FROM stored_events WHERE originator_id=? ORDER BY originator_version",
                    (stream,),
                )
                while rows := found.fetchmany(_BATCH):
                    yield rows
            except DAMAGE as exc:
                self._damaged(exc, "stored_events")

    def _inspect(self, batches: Iterable[list[tuple[Any, ...]]]) -> Notes:
        notes = self._notes = Notes()
        ids = self._ids = []
        pieces: list[Piece] = []
        for found in batches:
            rows = [row for each in found if self._is_row(row := _Row(*each))]
            for row in rows:
                self._check_signature(row)
            for start in range(0, len(rows), _PART):
                some = rows[start : start + _PART]
                read = [each for row in some if (each := self._row(row)) is not None]
                self._personal(read)
                pieces = _grouped(pieces, read)
                self._commands(pieces[:-1])
                pieces = pieces[-1:]
        self._commands(pieces)
        if ids:
            notes.identities = Identities(min(ids), max(ids), "\n".join(ids))
            notes.doubled = len(set(ids)) != len(ids)
        return notes

    # ------------------------------------------------------------ one row

    def _finding(self, kind: str, where: object, what: str = "") -> None:
        self._notes.findings.append(Finding(kind, named(where), what))

    def _damaged(self, exc: Exception, where: str) -> None:
        found = damage(exc, where)
        if found not in self._notes.findings:  # One page holds many rows.
            self._notes.findings.append(found)

    def _is_row(self, row: _Row) -> bool:
        """SQLite stores any type in any column."""
        self._notes.rows += 1
        position, stream, version, topic, envelope = row
        if (
            type(position) is int
            and type(stream) is str
            and stream.isascii()
            and type(version) is int
            and type(topic) is str
            and type(envelope) is bytes
        ):
            return True
        self._finding("row-malformed", position)
        return False

    def _check_signature(self, row: _Row) -> None:
        try:
            self._verifier.verify_at(row.envelope, row.position)
            self._notes.signatures += 1
        except IntegrityError as exc:
            self._finding(exc.code, row.position)

    def _row(self, row: _Row) -> _Read | None:
        """Form, agreement and chain; None when nothing further can be read."""
        try:
            opened = open_envelope(row.envelope)
            said = opened.payload
            self._check_agreement(row, said)
            read = _Read(row, said)
        except _GARBAGE as exc:
            opened, read = None, None
            self._finding(_code(exc), row.position)
        digest = opened.digest if opened is not None else sha256(row.envelope).digest()
        self._check_link(row, opened, digest.hex())
        if self._doubts and opened is not None:
            self._doubt(row, opened.payload["at"])
        if read is not None:
            self._ids.append(read.payload["id"])
        return read

    def _doubt(self, row: _Row, at: object) -> None:
        """Counts what a key signed that others could use by then, as far as the event's own time
        and the checkpoints that others had dated before can tell."""
        doubt = self._doubts.get(row.envelope[: row.envelope.find(b".")])
        if doubt is None:
            return
        early = isinstance(at, str) and at <= doubt.since
        if not early or (doubt.attested is not None and row.position > doubt.attested):
            self._notes.in_doubt += 1

    def _check_agreement(self, row: _Row, said: dict[str, Any]) -> None:
        """Row and envelope say the same; every member has its form."""
        if (
            said["str"] != row.stream
            or said["ver"] != row.version
            or said["type"] != row.topic
            or said["arc"] != self._trust.archive
        ):
            self._finding("row-and-envelope-differ", row.position)
        read_time(said["at"])
        by, why = said["by"], said["why"]
        if (
            by.keys() != _BY
            or not why.keys() <= _WHY
            or type(said["id"]) is not str
            or type(said["sub"]) is not str
            or type(said["cmd"]) is not str
            or type(said["sw"]) is not str
            or type(by["agent"]) is not str
            or type(by["agency"]) is not str
            or type(said.get("cau", "")) is not str
            or type(said["data"]) is not dict
        ):
            raise IntegrityError("envelope-members")
        _check_reason(by["role"], why["code"], why.get("ref"))

    def _check_link(self, row: _Row, opened: Opened | None, digest: str) -> None:
        """Versions without a gap, `prev`, time and position not running backwards."""
        at = opened.payload["at"] if opened is not None else ""
        if not isinstance(at, str):
            at = ""
        if row.version > 1:
            before = self._heads.get(row.stream)
            if before is None or before.version != row.version - 1:
                before = self._before(row)
            if before is None:
                self._finding("version-missing", row.position, f"{named(row.stream)}")
            else:
                if opened is not None and opened.payload.get("prev") != before.digest:
                    self._finding("chain-broken", row.position, named(row.stream))
                if at and at < before.at:
                    self._finding("time-runs-backwards", row.position, named(row.stream))
                if row.position <= before.position:
                    self._finding("position-out-of-order", row.position, named(row.stream))
        elif row.version < 1:
            self._finding("version-malformed", row.position, named(row.stream))
        self._heads.pop(row.stream, None)
        self._heads[row.stream] = _Head(row.version, digest, at, row.position)
        if len(self._heads) > _KNOWN:
            del self._heads[next(iter(self._heads))]

    def _before(self, row: _Row) -> _Head | None:
        try:
            found = self._db.execute(
                "SELECT rowid, state FROM stored_events "
                "WHERE originator_id=? AND originator_version=?",
                (row.stream, row.version - 1),
            ).fetchone()
        except DAMAGE as exc:
            self._damaged(exc, "stored_events")
            return None
        if found is None or type(found[1]) is not bytes:
            return None
        try:
            at = str(open_envelope(found[1]).payload["at"])
        except _GARBAGE:
            at = ""
        return _Head(row.version - 1, sha256(found[1]).hexdigest(), at, found[0])

    # ------------------------------------------------------------ personal fields

    def _personal(self, read: Sequence[_Read]) -> None:
        """Every disclosure against its digest, then the event itself: it must still load."""
        sealed: dict[str, tuple[Any, Any]] = {
            event: (subject, row)
            for event, subject, row in self._listed(
                "SELECT event, subject, sealed FROM disclosures WHERE event IN ({})",
                [one.payload["id"] for one in read],
            )
        }
        self._notes.sealed += len(sealed)
        self._learn_keys({subject for subject, _ in sealed.values() if type(subject) is str})
        for row, said in read:
            try:
                self._event(row, said, sealed.get(said["id"]))
            except _GARBAGE as exc:
                self._finding(_code(exc), row.position)
            except DAMAGE as exc:
                self._damaged(exc, "stored_events")

    def _event(self, row: _Row, said: dict[str, Any], sealed: tuple[Any, Any] | None) -> None:
        data = said["data"]
        digests = data.get("_sd")
        if said["type"] not in STORED_EVENTS:
            raise IntegrityError("unknown-event")
        fields = codec.personal_fields(said["type"])
        if digests is None:
            personal: dict[str, Any] | None = {}
            if sealed is not None:
                raise IntegrityError("disclosure-unexpected")
        else:
            if type(digests) is not list or len(digests) != len(fields):
                raise IntegrityError("disclosures-incomplete")
            self._notes.subjects.add(said["sub"])
            if sealed is None:
                personal = None
                self._check_erased(row, said["sub"], len(digests))
            else:
                personal = self._opened(row, said, sealed, digests)
        clear = data if digests is None else {k: v for k, v in data.items() if k != "_sd"}
        event = codec.decode(said["type"], clear, personal)
        self._note(row, said, event)

    def _opened(
        self, row: _Row, said: dict[str, Any], sealed: tuple[Any, Any], digests: list[str]
    ) -> dict[str, Any] | None:
        """The personal fields; None where they cannot be had, so that the rest is still read."""
        subject, box = sealed
        if self._trust.kek is None and subject == said["sub"]:
            return None
        try:
            if subject != said["sub"]:
                raise IntegrityError("disclosures-of-another-subject")
            cipher = self._ciphers[subject]
            if cipher is None:
                raise IntegrityError("disclosures-unreadable")
            values = values_of(unseal(cipher, said["id"], box), digests)
        except _GARBAGE as exc:
            self._finding(_code(exc), row.position)
            return None
        self._notes.disclosures += len(digests)
        return values

    def _check_erased(self, row: _Row, subject: str, count: int) -> None:
        """Missing disclosures are right when a later event of their subject erased them."""
        if subject not in self._covered:
            if len(self._covered) > _KNOWN:
                self._covered.clear()
            found = self._db.execute(
                "SELECT min(rowid) FROM stored_events WHERE originator_id=? AND topic IN (?,?)",
                (subject, *_ERASING),
            ).fetchone()
            self._covered[subject] = found[0]
        at = self._covered[subject]
        if at is None:
            self._finding("disclosures-missing", row.position)
        elif row.position > at:
            self._finding("personal-after-erasure", row.position, named(subject))
        else:
            self._notes.erased += count

    def _note(self, row: _Row, said: dict[str, Any], event: Event) -> None:
        stream = StreamId(row.stream)
        if subject_of(stream, event) != said["sub"]:
            self._finding("subject-differs", row.position)
        for claim in claims(event):
            self._notes.claims.append(Claimed(claim.kind, claim.text, row.stream, row.position))
        erased = erased_subject(stream, event)
        if erased is not None:
            self._notes.erasures.append((erased, row.position))

    def _learn_keys(self, subjects: set[str]) -> None:
        new = [subject for subject in subjects if subject not in self._ciphers]
        if not new or self._trust.kek is None:
            return
        if len(self._ciphers) > _KNOWN:
            self._ciphers.clear()
            new = list(subjects)
        self._ciphers.update(dict.fromkeys(new))
        for subject, wrapped in self._listed(
            "SELECT id, key FROM subjects WHERE key IS NOT NULL AND id IN ({})", new
        ):
            try:
                self._ciphers[subject] = AESGCM(unwrap(self._trust.kek, subject, wrapped))
            except _GARBAGE:
                self._finding("subject-key-sealed-otherwise", subject)

    # ------------------------------------------------------------ commands

    def _commands(self, pieces: Sequence[Piece]) -> None:
        """Pieces that are whole are done with; others wait for the rest of the journal."""
        rows = {
            command: (request, answer)
            for command, request, answer in self._listed(
                "SELECT id, request, answer FROM commands WHERE id IN ({})",
                [piece.command for piece in pieces],
            )
        }
        for piece in pieces:
            row = rows.pop(piece.command, None)
            if row and piece.events == answered_events(
                self._trust.command_secret, piece.command, *row
            ):
                self._notes.commands += 1
            else:
                self._notes.pieces.append(piece)

    def _listed(self, statement: str, values: Sequence[str]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for start in range(0, len(values), _PART):
            part = [bindable(value) for value in values[start : start + _PART]]
            try:
                rows += self._db.execute(statement.format(",".join("?" * len(part))), part)
            except DAMAGE as exc:
                self._damaged(exc, "journal")
        return rows


def _grouped(begun: list[Piece], read: Sequence[_Read]) -> list[Piece]:
    """The events of each command, side by side as one append put them."""
    pieces: list[Piece] = []
    command, position, ids = "", 0, []
    if begun:
        command, position, ids = begun[0].command, begun[0].position, list(begun[0].events)
    for row, said in read:
        if ids and said["cmd"] != command:
            pieces.append(Piece(command, position, tuple(ids)))
            ids = []
        if not ids:
            command, position = said["cmd"], row.position
        ids.append(said["id"])
    if ids:
        pieces.append(Piece(command, position, tuple(ids)))
    return pieces


def _code(exc: Exception) -> str:
    return exc.code if isinstance(exc, IntegrityError) else "envelope-members"
