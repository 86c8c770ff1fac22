"""The journal: decisions in, signed events out.

Owns the order of an append. It knows no rule of the archive; those decided before it was called.
"""

import json
import os
import sqlite3
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import Any, TypeVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import PersistenceError, StoredEvent

from domain.agents import Actor
from domain.errors import (
    ClockError,
    CommandReusedError,
    ConcurrentChangeError,
    ErasedSubjectError,
    IntegrityError,
    UnavailableError,
)
from domain.events import Change, Claim, Event, Recorded, claims, erased_subject, subject_of
from domain.keyring import SystemKeyIntroduced
from domain.ports import Answer, Clock, Command, Examined, Exhibit, Identifiers, Json
from domain.values import Basis, EventId, StreamId
from infrastructure.journal import codec
from infrastructure.journal.disclosures import disclose, request_mac, row_mac, seal, unwrap, wrap
from infrastructure.journal.envelope import (
    open_envelope,
    read_time,
    write_time,
)
from infrastructure.journal.keys import Keys
from infrastructure.journal.reading import EventReader, Row
from infrastructure.journal.recorder import (
    CommandRepeatedError,
    JournalRecorder,
    KeysChangedError,
    Rows,
)
from infrastructure.journal.signing import PresentKeys

_STEP_BACK = timedelta(seconds=2)
_ROTATIONS = 8
"""Changes of the keys that one append waits for; there is one in years."""
_REMEMBERED = 4096
"""Streams and subjects whose end or key is kept in memory."""
V = TypeVar("V")


@dataclass(frozen=True)
class _Head:
    """The newest event of a stream, as the next one must know it."""

    version: int
    digest: bytes
    at: datetime


class SignedJournal:
    """The port `Journal` on SQLite. One instance may be shared by threads."""

    def __init__(
        self,
        recorder: JournalRecorder,
        *,
        archive: str,
        keys: Keys,
        clock: Clock,
        identifiers: Identifiers,
        software: str,
    ) -> None:
        self.reader = EventReader(recorder, archive, keys.kek)
        self._recorder = recorder
        self._archive = archive
        self._keys = PresentKeys(self.reader, archive, keys)
        self._clock = clock
        self._identifiers = identifiers
        self._software = software
        self._heads: OrderedDict[StreamId, _Head] = OrderedDict()
        self._ciphers: OrderedDict[StreamId, AESGCM] = OrderedDict()
        self._lock = Lock()
        self._unflushed = False

    # ------------------------------------------------------------ writing

    def append(
        self,
        changes: Sequence[Change],
        *,
        by: Actor,
        basis: Basis,
        at: datetime,
        command: Command,
        result: Json,
        cause: EventId | None = None,
    ) -> Answer:
        """See the port. Another process may change the key that signs: it is signed again then."""
        events = [event for change in changes for event in change.events]
        # What stood behind an introduction would be signed by a key whose turn has ended.
        assert len(events) == 1 or not any(isinstance(e, SystemKeyIntroduced) for e in events)
        for _ in range(_ROTATIONS):
            with _errors_mapped():
                keys, version = self._keys.signing()
            try:
                return self._append(changes, keys, version, by, basis, at, command, result, cause)
            except KeysChangedError:
                self.follow_keys()
        raise ConcurrentChangeError(stream=self._keys.stream)

    def _append(
        self,
        changes: Sequence[Change],
        keys: Keys,
        ring_version: int,
        by: Actor,
        basis: Basis,
        at: datetime,
        command: Command,
        result: Json,
        cause: EventId | None,
    ) -> Answer:
        """(1) heads and clock, (2) sign, (3) one transaction, (4) remember.

        A crash before (3) ends leaves nothing; after it everything, and a repeat of the command
        finds its first answer.
        """
        # (1) Where each stream stands; the clock may not run behind it.
        heads = {change.stream: self._head(change.stream, change.expected) for change in changes}
        at = self._not_before(at, [head.at for head in heads.values() if head])
        common = {
            "at": write_time(at),
            "by": {"agent": by.agent, "role": by.role.value, "agency": by.agency},
            "why": {"code": basis.code}
            | ({"ref": basis.reference} if basis.reference is not None else {}),
            "cmd": command.id,
            "sw": self._software,
        }
        # (2) Envelopes, each naming the one before it.
        rows = Rows(("", b"", ""), (self._keys.stream, ring_version))
        new_keys: dict[StreamId, bytes] = {}
        stored: list[StoredEvent] = []
        ids: list[EventId] = []
        for change in changes:
            head = heads[change.stream]
            for event in change.events:
                event_id = EventId(self._identifiers.new())
                ids.append(event_id)
                name, envelope = self._envelope(
                    event_id, change.stream, head, event, common, cause, rows, new_keys, keys
                )
                version = head.version + 1 if head else 1
                stored.append(StoredEvent(change.stream, version, name, envelope))
                head = _Head(version, sha256(envelope).digest(), at)
            heads[change.stream] = head
        answer = json.dumps({"events": ids, "result": dict(result)})
        secret = keys.command_secret
        mac = request_mac(secret, command.id, command.request)
        rows.command = (command.id, mac + row_mac(secret, command.id, mac, answer), answer)
        rows.new_keys = [
            (subject, wrap(keys.kek, subject, key)) for subject, key in new_keys.items()
        ]
        # (3) Everything or nothing.
        try:
            with _errors_mapped():
                positions = self._recorder.insert_events(stored, rows=rows)
        except ErasedSubjectError as exc:
            with self._lock:
                self._ciphers.pop(StreamId(str(exc.details["subject"])), None)
            raise
        except CommandRepeatedError:
            repeated = self.answered(command)
            assert repeated is not None
            self._flush(rows)  # The first time may have ended between commit and flush.
            return repeated
        assert positions is not None
        # (4) Only what was committed may be remembered.
        with self._lock:
            for stream, head in heads.items():
                if head is not None:
                    _remember(self._heads, stream, head)
            for subject, cipher in rows.ciphers.items():
                _remember(self._ciphers, subject, cipher)
            for subject in rows.erased:
                self._ciphers.pop(subject, None)
        self._flush(rows)
        return Answer(dict(result), tuple(ids), positions[-1], repeated=False)

    def _flush(self, rows: Rows) -> None:
        """After an erasure: what it took away leaves the write-ahead log, too."""
        if rows.erased or self._unflushed:
            self._unflushed = True
            with _errors_mapped():
                self._recorder.flush()
            self._unflushed = False

    def follow_keys(self) -> Keys:
        """The keys as the journal has them now; see `PresentKeys.follow`."""
        with _errors_mapped():
            keys, _ = self._keys.follow()
        return keys

    def answered(self, command: Command) -> Answer | None:
        """See the port."""
        with _errors_mapped():
            found = self._recorder.rows(
                "SELECT request, answer FROM commands WHERE id=?", command.id
            )
        if not found:
            return None
        secret, kept = self._keys.keys.command_secret, bytes(found[0]["request"])
        if not compare_digest(row_mac(secret, command.id, kept, found[0]["answer"]), kept[32:]):
            raise IntegrityError("command-row-altered", command=command.id)
        if not compare_digest(request_mac(secret, command.id, command.request), kept[:32]):
            raise CommandReusedError(command=command.id)
        answer = json.loads(found[0]["answer"])
        ids = tuple(EventId(text) for text in answer["events"])
        return Answer(answer["result"], ids, self.position(), repeated=True)

    def _envelope(
        self,
        event_id: EventId,
        stream: StreamId,
        head: _Head | None,
        event: Event,
        common: dict[str, Any],
        cause: EventId | None,
        rows: Rows,
        new_keys: dict[StreamId, bytes],
        keys: Keys,
    ) -> tuple[str, bytes]:
        name, data, personal = codec.encode(event)
        subject = subject_of(stream, event)
        if personal:
            disclosures, data["_sd"] = disclose(personal)
            cipher = self._cipher_of(subject, rows, new_keys)
            rows.disclosures.append((event_id, subject, seal(cipher, event_id, disclosures)))
        rows.claims.extend((claim, stream) for claim in claims(event))
        erased = erased_subject(stream, event)
        if erased is not None:
            rows.erased.append(erased)
        payload: dict[str, Any] = {
            "v": 1,
            "arc": self._archive,
            "id": event_id,
            "str": stream,
            "ver": head.version + 1 if head else 1,
            "type": name,
            "sub": subject,
            **common,
            "data": data,
        }
        if head is not None:
            payload["prev"] = head.digest.hex()
        if cause is not None:
            payload["cau"] = cause
        return name, keys.signer.sign(payload)

    def _cipher_of(self, subject: StreamId, rows: Rows, new: dict[StreamId, bytes]) -> AESGCM:
        """Under the subject's key; whether it was erased is asked again in the transaction."""
        cipher = rows.ciphers.get(subject)
        if cipher is not None:
            return cipher
        with self._lock:
            cipher = self._ciphers.get(subject)
        if cipher is None:
            with _errors_mapped():
                found = self._recorder.rows("SELECT key, erased FROM subjects WHERE id=?", subject)
            if found and found[0]["erased"]:
                raise ErasedSubjectError(subject=subject)
            if not found:
                new[subject] = os.urandom(32)
            key = unwrap(self._keys.keys.kek, subject, found[0]["key"]) if found else new[subject]
            cipher = AESGCM(key)
        if subject not in new:
            rows.subjects.append(subject)
        rows.ciphers[subject] = cipher
        return cipher

    def _head(self, stream: StreamId, expected: int) -> _Head | None:
        if expected == 0:
            return None
        with self._lock:
            known = self._heads.get(stream)
        if known is not None and known.version == expected:
            return known
        with _errors_mapped():
            rows = self.reader.stream(stream, after=expected - 1, upto=expected)
        if not rows:
            raise ConcurrentChangeError(stream=stream, expected=expected)
        opened = open_envelope(rows[0].envelope)
        return _Head(expected, opened.digest, read_time(opened.payload["at"]))

    def _not_before(self, at: datetime, heads: list[datetime]) -> datetime:
        """A small step back of the clock is waited out, a large one is refused and named."""
        latest = max(heads, default=at)
        behind = latest - at
        if behind > _STEP_BACK:
            raise ClockError(seconds=int(behind.total_seconds()))
        if behind > timedelta(0):
            self._clock.wait(behind.total_seconds())
        return max(at, latest)

    # ------------------------------------------------------------ reading

    def load(self, stream: StreamId) -> tuple[Recorded[Event], ...]:
        """See the port."""
        with _errors_mapped():
            rows = self.reader.stream(stream)
            self._keys.check_signatures(rows)
            return tuple(self.reader.recorded(rows))

    def examine(self, positions: Sequence[int]) -> Sequence[Examined]:
        """See the port."""
        with _errors_mapped():
            rows = self.reader.at(positions)
            read = zip(rows, self.reader.recorded_apart(rows), strict=True)
            known = {row.position: self._examined(row, found) for row, found in read}
        return tuple(
            known.get(position) or Examined(position, None, None, "event-missing", None)
            for position in positions
        )

    def _examined(self, row: Row, found: Recorded[Event] | Exception) -> Examined:
        """What is wrong with the signature counts before what is wrong with the reading."""
        faults: list[str] = []
        try:
            self._keys.check_signatures([row])
        except IntegrityError as exc:
            faults.append(exc.code)
        except (AttributeError, TypeError):
            faults.append("row-malformed")
        if isinstance(found, Exception):
            faults.append(found.code if isinstance(found, IntegrityError) else "envelope-members")
        state = faults[0] if faults else "intact"
        recorded = None if isinstance(found, Exception) else found
        return Examined(row.position, row.stream, row.topic, state, recorded)

    def follow(self, after: int, limit: int) -> Sequence[Recorded[Event]]:
        """See the port."""
        with _errors_mapped():
            return self.reader.recorded(self.reader.after(after, limit))

    def sealed(self, after: int, limit: int) -> Sequence[bytes]:
        """See the port."""
        with _errors_mapped():
            rows = self.reader.after(after, limit)
            for expected, row in enumerate(rows, after + 1):
                if row.position != expected:
                    raise IntegrityError("position-missing", position=expected)
                self.reader.open(row)
            self._keys.check_signatures(rows)
            return [row.envelope for row in rows]

    def exhibit(self, positions: Sequence[int]) -> Sequence[Exhibit]:
        """See the port."""
        with _errors_mapped():
            rows = sorted(self.reader.at(positions), key=lambda row: row.position)
            told = self.reader.disclosed(rows)
        return tuple(
            Exhibit(row.position, row.envelope, told.get(row.position, ()))
            for row in rows
            if type(row.envelope) is bytes
        )

    def vouch(self, kind: str, said: Json) -> bytes:
        """See the port."""
        return self.follow_keys().signer.vouch(kind, said)

    def position(self) -> int:
        """See the port."""
        with _errors_mapped():
            return self._recorder.max_notification_id() or 0  # The library gives None when empty.

    def holder(self, claim: Claim) -> StreamId | None:
        """See the port."""
        with _errors_mapped():
            found = self._recorder.rows(
                "SELECT stream FROM claims WHERE kind=? AND text=?", claim.kind, claim.text
            )
        return StreamId(found[0]["stream"]) if found else None

    def claimed(self, kind: str, prefix: str) -> Sequence[str]:
        """See the port."""
        with _errors_mapped():
            found = self._recorder.rows(
                "SELECT text FROM claims WHERE kind=? AND text>=? AND text<? ORDER BY text",
                kind,
                prefix,
                prefix + "\U0010ffff",
            )
        return [row["text"] for row in found]

    def close(self) -> None:
        """Lets go of the database."""
        self._recorder.datastore.close()


def _remember(known: OrderedDict[StreamId, V], name: StreamId, value: V) -> None:
    known[name] = value
    known.move_to_end(name)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)


_MEANINGS: tuple[tuple[str, str], ...] = (
    ("disk is full", "disk-full"),
    ("locked", "journal-busy"),
    ("readonly", "journal-read-only"),
    ("unable to open", "journal-missing"),
    ("malformed", "journal-damaged"),
    ("Could not decode", "journal-damaged"),
    ("not a database", "journal-damaged"),
)


@contextmanager
def _errors_mapped() -> Iterator[None]:
    """The library's and SQLite's errors, by what they mean for the user."""
    try:
        yield
    except (PersistenceError, sqlite3.Error) as exc:
        text = str(exc)
        code = next((code for part, code in _MEANINGS if part in text), "journal-unavailable")
        raise UnavailableError(code) from exc
