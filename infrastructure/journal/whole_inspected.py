"""What only the whole journal shows: identities, commands, claims, subjects, guards, genesis.

The notes of all rows go into temporary tables beside the journal, so that memory stays flat
however long it is, and are compared there with what the tables say.
"""

import base64
import binascii
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any

from domain.errors import IntegrityError
from domain.ports import Finding
from infrastructure.journal.envelope import open_envelope
from infrastructure.journal.inspection_notes import (
    DAMAGE,
    Notes,
    Piece,
    Trust,
    answered_events,
    bindable,
    damage,
    named,
)
from infrastructure.journal.recorder import TABLES

_LISTED = 1000
"""Findings of one kind that are listed; the rest is counted."""
_SCRATCH = """
    PRAGMA temp_store = FILE;
    PRAGMA temp.cache_size = -32768;
    CREATE TEMP TABLE spans (low TEXT, high TEXT, ids TEXT);
    CREATE TEMP TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TEMP TABLE spoken (id TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TEMP TABLE gone (id TEXT PRIMARY KEY, position INTEGER) WITHOUT ROWID;
    CREATE TEMP TABLE made (kind TEXT, text TEXT, stream TEXT, position INTEGER);
    CREATE TEMP TABLE claimed (
        kind TEXT, text TEXT, stream TEXT, position INTEGER,
        PRIMARY KEY (kind, text)) WITHOUT ROWID;
    CREATE TEMP TABLE named (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_SIDE_BY_SIDE = 8
"""Spans whose ids may overlap at one place before all ids are looked at instead."""


class Whole:
    """Takes the notes of all spans, then compares them with the tables."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._trust = Trust("", (), (), None, None)
        self._pieces: list[Piece] = []
        self._kinds: Counter[str] = Counter()
        self._doubled = False
        self._partial = False
        self._sealed = 0
        self.findings: list[Finding] = []
        self.counts = Counter[str]()

    def prepare(self) -> None:
        """Makes the temporary tables; fails where the schema of the journal cannot be read."""
        self._db.executescript(_SCRATCH)

    def begin(self, trust: Trust) -> None:
        """By what the tables are checked."""
        self._trust = trust

    def add(self, notes: Notes) -> None:
        """Takes in what one span said."""
        for finding in notes.findings:
            self.found(finding)
        self._pieces += notes.pieces
        self._sealed += notes.sealed
        self.counts.update(
            events=notes.rows,
            signatures=notes.signatures,
            in_doubt=notes.in_doubt,
            disclosures=notes.disclosures,
            erased=notes.erased,
            commands=notes.commands,
        )
        self._doubled |= notes.doubled
        if notes.identities is not None:
            told = [bindable(text) for text in notes.identities]
            self._db.execute("INSERT INTO temp.spans VALUES (?,?,?)", told)
        self._db.executemany(
            "INSERT OR IGNORE INTO temp.spoken VALUES (?)",
            [(bindable(text),) for text in notes.subjects],
        )
        self._db.executemany("INSERT OR IGNORE INTO temp.gone VALUES (?,?)", notes.erasures)
        self._db.executemany(
            "INSERT INTO temp.made VALUES (?,?,?,?)",
            [(kind, bindable(text), stream, at) for kind, text, stream, at in notes.claims],
        )

    def found(self, finding: Finding) -> None:
        """Keeps a finding, or counts it when there are too many of its kind."""
        self._kinds[finding.kind] += 1
        if self._kinds[finding.kind] <= _LISTED:
            self.findings.append(finding)

    def finish(self, *, partial: bool) -> None:
        """Everything that needs all notes; of some streams, only what can be said of them."""
        self._partial = partial
        checks = [
            self._settle_pieces,
            self._check_erasures,
            self._settle_claims,
            self._check_claims_of,
        ]
        if not partial:
            checks += [
                self._compare_spans,
                self._check_commands,
                self._check_identities,
                self._check_disclosures,
                self._check_subjects,
                self._check_foreign_claims,
                self._check_positions,
            ]
        for check in checks:
            try:
                check()
            except DAMAGE as exc:
                self.found(damage(exc, "journal"))
        for kind, count in self._kinds.items():
            if count > _LISTED:
                more = Finding("more-findings", "journal", f"{kind}: {count - _LISTED}")
                self.findings.append(more)

    def _rows(self, statement: str, *values: object) -> Iterator[tuple[Any, ...]]:
        yield from self._db.execute(statement, values)

    def _one(self, statement: str) -> Any:
        return self._db.execute(statement).fetchone()[0]

    # ------------------------------------------------------------ commands

    def _settle_pieces(self) -> None:
        """Commands whose events lie in two spans, or whose row does not name just them."""
        together: dict[str, list[Piece]] = {}
        for piece in sorted(self._pieces, key=lambda one: one.position):
            together.setdefault(piece.command, []).append(piece)
        for command, pieces in together.items():
            row = self._db.execute(
                "SELECT request, answer FROM commands WHERE id=?", (bindable(command),)
            ).fetchone()
            if row is None:
                self.found(Finding("command-missing", named(command), str(pieces[0].position)))
                continue
            events = [event for piece in pieces for event in piece.events]
            said = answered_events(self._trust.command_secret, command, *row)
            if isinstance(said, Finding):
                self.found(said)
            elif list(said) != events and not (self._partial and _within(events, said)):
                where = ", ".join(str(piece.position) for piece in pieces[:5])
                self.found(Finding("command-row-differs", named(command), where))
            self.counts["commands"] += 1

    def _check_commands(self) -> None:
        """Every row of a command belongs to events that name it."""
        rows = self._one("SELECT count(*) FROM commands")
        if not self._doubled and rows == self.counts["commands"]:
            return
        for (state,) in self._rows("SELECT state FROM stored_events"):
            try:
                command = bindable(open_envelope(state).payload["cmd"])
            except (IntegrityError, TypeError, AttributeError):
                continue  # Found already, by its row.
            self._db.execute("INSERT OR IGNORE INTO temp.named VALUES (?)", (command,))
        for (command,) in self._rows(
            "SELECT id FROM commands WHERE id NOT IN (SELECT id FROM temp.named)"
        ):
            self.found(Finding("command-without-events", named(command)))

    # ------------------------------------------------------------ identities and disclosures

    def _check_identities(self) -> None:
        """No event id twice; all are looked at where two spans may have the same."""
        if not self._doubled:
            return
        once: set[str] = set()
        for position, state in self._rows("SELECT rowid, state FROM stored_events ORDER BY rowid"):
            try:
                event = open_envelope(state).payload["id"]
                if event in once:
                    self.found(Finding("event-id-doubled", str(position), named(event)))
                once.add(event)
            except (IntegrityError, TypeError, AttributeError):
                continue  # Found already, by its row.

    def _compare_spans(self) -> None:
        """Whether two spans have an id in common; said too when too many of them could have."""
        open_spans: list[tuple[int, str]] = []
        for span, low, high in self._rows("SELECT rowid, low, high FROM temp.spans ORDER BY low"):
            open_spans = [(other, reach) for other, reach in open_spans if reach >= low]
            ids = self._ids_of(span) if open_spans else set[str]()
            if len(open_spans) > _SIDE_BY_SIDE or any(
                not ids.isdisjoint(self._ids_of(other)) for other, _ in open_spans
            ):
                self._doubled = True
                return
            open_spans.append((span, high))

    def _ids_of(self, span: int) -> set[str]:
        (lines,) = self._db.execute("SELECT ids FROM temp.spans WHERE rowid=?", (span,)).fetchone()
        return set(lines.split("\n"))

    def _check_disclosures(self) -> None:
        """Every row of disclosures belongs to an event."""
        if not self._doubled and self._one("SELECT count(*) FROM disclosures") == self._sealed:
            return
        for (ids,) in self._rows("SELECT ids FROM temp.spans"):
            self._db.executemany(
                "INSERT OR IGNORE INTO temp.seen VALUES (?)", ((one,) for one in ids.split("\n"))
            )
        for (event,) in self._rows(
            "SELECT event FROM disclosures WHERE event NOT IN (SELECT id FROM temp.seen)"
        ):
            self.found(Finding("disclosure-without-event", named(event)))

    # ------------------------------------------------------------ subjects and erasures

    def _check_subjects(self) -> None:
        """The subjects are those of which events speak, each with its key or its erasure."""
        for (subject,) in self._rows(
            "SELECT id FROM subjects WHERE id NOT IN (SELECT id FROM temp.spoken) "
            "AND id NOT IN (SELECT id FROM temp.gone)"
        ):
            self.found(Finding("subject-without-events", named(subject)))
        for (subject,) in self._rows(
            "SELECT id FROM temp.spoken WHERE id NOT IN (SELECT id FROM subjects)"
        ):
            self.found(Finding("subject-missing", named(subject)))
        for (subject,) in self._rows(
            "SELECT id FROM subjects WHERE (erased IS NOT 0 OR key IS NULL) "
            "AND id NOT IN (SELECT id FROM temp.gone)"
        ):
            self.found(Finding("erased-without-decision", named(subject)))

    def _check_erasures(self) -> None:
        """What was erased by a decision is gone, and its tombstone stands."""
        for (subject,) in self._rows(
            "SELECT g.id FROM temp.gone g LEFT JOIN subjects s ON s.id = g.id "
            "WHERE s.erased IS NOT 1 OR s.key IS NOT NULL"
        ):
            self.found(Finding("erasure-undone", named(subject)))
        for event, subject in self._rows(
            "SELECT d.event, g.id FROM temp.gone g JOIN disclosures d ON d.subject = g.id"
        ):
            self.found(Finding("erased-disclosure-remains", named(event), named(subject)))

    # ------------------------------------------------------------ claims

    def _settle_claims(self) -> None:
        """The first event that makes a claim has it; one of another stream must not make it."""
        self._db.execute(
            "INSERT INTO temp.claimed "
            "SELECT kind, text, stream, min(position) FROM temp.made GROUP BY kind, text"
        )
        for position, kind in self._rows(
            "SELECT m.position, m.kind FROM temp.made m JOIN temp.claimed c "
            "ON c.kind = m.kind AND c.text = m.text WHERE c.stream != m.stream"
        ):
            self.found(Finding("claim-doubled", str(position), named(kind)))

    def _check_foreign_claims(self) -> None:
        """Every claim's row was made by an event."""
        for kind, text in self._rows(
            "SELECT c.kind, c.text FROM claims c LEFT JOIN temp.claimed e "
            "ON e.kind = c.kind AND e.text = c.text WHERE e.kind IS NULL"
        ):
            self.found(Finding("claim-without-event", f"{named(kind)} {named(text)}"))

    def _check_claims_of(self) -> None:
        """Each claim belongs to the stream whose event made it first."""
        self.counts["claims"] = self._one("SELECT count(*) FROM temp.claimed")
        for kind, text, there, stream in self._rows(
            "SELECT e.kind, e.text, c.kind, c.stream FROM temp.claimed e LEFT JOIN claims c "
            "ON e.kind = c.kind AND e.text = c.text WHERE c.stream IS NOT e.stream"
        ):
            kind_found = "claim-row-missing" if there is None else "claim-row-differs"
            self.found(Finding(kind_found, f"{named(kind)} {named(text)}", named(stream)))

    # ------------------------------------------------------------ guards

    def _check_positions(self) -> None:
        """Positions are used one after the other, and the counter knows the last one."""
        last = self._one("SELECT max(rowid) FROM stored_events") or 0
        count = self._one("SELECT count(*) FROM stored_events")
        if count != self.counts["events"]:
            self.found(Finding("row-unread", "journal", str(count - self.counts["events"])))
        if isinstance(last, int) and last != count:
            for (position,) in self._rows(
                "SELECT e.rowid FROM stored_events e WHERE e.rowid > 1 AND NOT EXISTS "
                "(SELECT 1 FROM stored_events b WHERE b.rowid = e.rowid - 1)"
            ):
                self.found(Finding("position-missing", str(position - 1)))
            if count and self._one("SELECT min(rowid) FROM stored_events") != 1:
                self.found(Finding("position-missing", "1"))
        counter = self._db.execute(
            "SELECT seq FROM sqlite_sequence WHERE name='stored_events'"
        ).fetchone()
        if last and (counter is None or counter[0] != last):
            told = "none" if counter is None else named(counter[0])
            self.found(Finding("end-missing", str(last), told))

    def check_guards(self) -> None:
        """The tables and the triggers that keep them append-only are those that we made."""
        with closing(sqlite3.connect(":memory:")) as model:
            for statement in TABLES:
                model.execute(statement)
            wanted = dict(model.execute(_SCHEMA).fetchall())
        try:
            found = dict(self._rows(_SCHEMA))
        except (*DAMAGE, TypeError) as exc:
            self.found(damage(exc, "schema"))
            return
        for name in wanted.keys() - found.keys():
            self.found(Finding("guard-missing", name))
        for name in wanted.keys() & found.keys():
            if wanted[name] != found[name]:
                self.found(Finding("schema-differs", name))
        for name in found.keys() - wanted.keys():
            self.found(Finding("schema-unknown", named(name)))

    # ------------------------------------------------------------ genesis

    def check_genesis(self) -> None:
        """The first event founds this archive under a certificate that is trusted."""
        founded = genesis(self._db)
        if founded is None:
            self.found(Finding("genesis-missing", "1"))
            return
        if founded["arc"] != self._trust.archive:
            self.found(Finding("genesis-of-another-archive", "1"))
        digests = {_digest(turn.certificate) for turn in self._trust.turns[:1]}
        named_digest = str(founded["data"].get("certificate_sha256")).lower()
        if named_digest.removeprefix("sha256:") not in digests:
            self.found(Finding("genesis-certificate-differs", "1"))
        certificate = genesis_certificate(founded)
        if certificate is None or _digest(certificate) not in digests:
            self.found(Finding("genesis-certificate-differs", "1", "certificate"))


_SCHEMA = (
    "SELECT name, type || ' ' || tbl_name || ' ' || coalesce(sql, '') FROM sqlite_master "
    "WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)


def genesis(connection: sqlite3.Connection) -> dict[str, Any] | None:
    """The payload of the first event when it founds an archive; nothing is verified."""
    try:
        row = connection.execute(
            "SELECT topic, state FROM stored_events ORDER BY rowid LIMIT 1"
        ).fetchone()
        if row is None or row[0] != "archive-founded/1":
            return None
        payload = open_envelope(row[1]).payload
        return payload if isinstance(payload["data"], dict) else None
    except (*DAMAGE, IntegrityError, TypeError, AttributeError):
        return None


def genesis_certificate(founded: dict[str, Any]) -> bytes | None:
    """The DER of the certificate that the founding event names."""
    try:
        return base64.b64decode(founded["data"]["certificate"], validate=True)
    except (binascii.Error, LookupError, TypeError, ValueError):
        return None


def _within(events: list[str], said: tuple[str, ...]) -> bool:
    """True when the events stand in `said` in the same order, others perhaps between them."""
    rest = iter(said)
    return all(event in rest for event in events)


def _digest(der: bytes) -> str:
    return sha256(der).hexdigest()
