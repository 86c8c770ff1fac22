"""From stored rows to events: agreement, chain and disclosures are checked on the way."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from domain.agents import Actor, Role
from domain.errors import ArchiveError, IntegrityError
from domain.events import Event, Recorded
from domain.values import Basis, CommandId, Digest, EventId, StreamId
from infrastructure.journal import codec
from infrastructure.journal.disclosures import unseal, unwrap, values_of
from infrastructure.journal.envelope import Opened, Verifier, open_envelope, read_time
from infrastructure.journal.recorder import JournalRecorder

_COLUMNS = "rowid, originator_id, originator_version, topic, state"
_BATCH = 400
"""Values in one SQL list; SQLite allows 999 in old builds."""
_LINKS = 65_536
_VERIFIED = 16_384
"""Envelopes whose signature is known to hold; about 4 MB of memory."""
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Row:
    """A stored event as it lies in the table."""

    position: int
    stream: StreamId
    version: int
    topic: str
    envelope: bytes


@dataclass(frozen=True)
class Sealed:
    """What the tables know of an event's disclosures."""

    subject: StreamId
    row: bytes
    key: bytes | None
    """The subject's wrapped key, None when it is gone."""


class EventReader:
    """Reads rows of one archive. Shared by decisions, followers and verification."""

    def __init__(self, recorder: JournalRecorder, archive: str, kek: bytes) -> None:
        self.recorder = recorder
        self._archive = archive
        self._kek = kek
        self._links: OrderedDict[StreamId, tuple[int, bytes]] = OrderedDict()
        self._verified: OrderedDict[tuple[Verifier, bytes], None] = OrderedDict()
        self._lock = Lock()

    def stream(self, stream: StreamId, *, after: int = 0, upto: int | None = None) -> list[Row]:
        """The rows of a stream in order, from behind one version up to another."""
        found = self.recorder.rows(
            f"SELECT {_COLUMNS} FROM stored_events "  # noqa: S608 (a constant list of columns)
            "WHERE originator_id=? AND originator_version>? AND originator_version<=? "
            "ORDER BY originator_version",
            stream,
            after,
            upto if upto is not None else 1 << 53,
        )
        return [Row(*row) for row in found]

    def at(self, positions: Sequence[int]) -> list[Row]:
        """The rows at some positions, as far as there are any."""
        rows: list[Row] = []
        for start in range(0, len(positions), _BATCH):
            part = positions[start : start + _BATCH]
            marks = ",".join("?" * len(part))
            found = self.recorder.rows(
                f"SELECT {_COLUMNS} FROM stored_events WHERE rowid IN ({marks})",  # noqa: S608
                *part,
            )
            rows += [Row(*row) for row in found]
        return rows

    def after(self, position: int, limit: int) -> list[Row]:
        """The rows behind a position, in order."""
        found = self.recorder.select_notifications(position, limit, inclusive_of_start=False)
        return [
            Row(n.id, StreamId(str(n.originator_id)), n.originator_version, n.topic, n.state)
            for n in found
        ]

    def open(self, row: Row) -> Opened:
        """The envelope of a row; raises IntegrityError unless both say the same."""
        _require_bytes(row.position, row.envelope)
        opened = open_envelope(row.envelope)
        said = opened.payload
        if (said["str"], said["ver"], said["type"], said["arc"]) != (
            row.stream,
            row.version,
            row.topic,
            self._archive,
        ):
            raise IntegrityError("row-and-envelope-differ", position=row.position)
        return opened

    def check_signatures(self, rows: Iterable[Row], verifier: Verifier) -> None:
        """Raises IntegrityError for the first envelope that no known key signed in its turn.

        What held for some bytes under these keys holds for the same bytes again: it is remembered
        by their digest, and any other byte is another digest.
        """
        for row in rows:
            _require_bytes(row.position, row.envelope)
            name = (verifier, sha256(row.envelope).digest())
            try:
                verifier.check_turn(row.envelope, row.position)
                with self._lock:
                    if name in self._verified:
                        self._verified.move_to_end(name)
                        continue
                verifier.verify(row.envelope)
            except IntegrityError as exc:
                raise IntegrityError(exc.code, position=row.position) from exc
            with self._lock:
                self._verified[name] = None
                if len(self._verified) > _VERIFIED:
                    self._verified.popitem(last=False)

    def recorded(self, rows: Sequence[Row]) -> list[Recorded[Event]]:
        """The events of rows that are in order; each must follow the one before it."""
        opened = [self.open(row) for row in rows]
        sealed = self.sealed([found.payload["id"] for found in opened])
        for row, found in zip(rows, opened, strict=True):
            self._check_link(row, found)
        return [
            self._event(row, found, sealed.get(found.payload["id"]))
            for row, found in zip(rows, opened, strict=True)
        ]

    def recorded_apart(self, rows: Sequence[Row]) -> list[Recorded[Event] | Exception]:
        """The event of each row, or what is wrong with it; the rows need no order.

        Each must follow what lies before it in its stream now, whatever was read there earlier.
        """
        opened = [_tried(self.open, row) for row in rows]
        sound = [
            (row, found)
            for row, found in zip(rows, opened, strict=True)
            if isinstance(found, Opened)
        ]
        ids = [found.payload["id"] for _, found in sound]
        sealed = self.sealed([each for each in ids if isinstance(each, str)])
        before = self._before([row for row, _ in sound])
        return [
            _tried(self._apart, row, found, before, sealed) if isinstance(found, Opened) else found
            for row, found in zip(rows, opened, strict=True)
        ]

    def _apart(
        self,
        row: Row,
        opened: Opened,
        before: Mapping[tuple[StreamId, int], object],
        sealed: Mapping[str, Sealed],
    ) -> Recorded[Event]:
        if row.version > 1:
            _require_link(row, opened, _digest(before.get((row.stream, row.version - 1))))
        return self._event(row, opened, sealed.get(opened.payload["id"]))

    def _before(self, rows: Iterable[Row]) -> dict[tuple[StreamId, int], object]:
        """What lies in the envelope's column one version before each row, as far as there is
        anything, by stream and version."""
        places = [(row.stream, row.version - 1) for row in rows if row.version > 1]
        found: dict[tuple[StreamId, int], object] = {}
        for start in range(0, len(places), _BATCH):
            part = places[start : start + _BATCH]
            marks = ",".join(["(?,?)"] * len(part))
            # `(a, b) IN (VALUES …)` would read the whole table: it does not use the index.
            for row in self.recorder.rows(
                f"WITH place(stream, version) AS (VALUES {marks}) "  # noqa: S608
                "SELECT originator_id, originator_version, state FROM place "
                "CROSS JOIN stored_events ON originator_id=stream AND originator_version=version",
                *chain.from_iterable(part),
            ):
                found[row["originator_id"], row["originator_version"]] = row["state"]
        return found

    def sealed(self, events: Sequence[str]) -> dict[str, Sealed]:
        """The disclosures' rows of events, by event."""
        result: dict[str, Sealed] = {}
        for start in range(0, len(events), _BATCH):
            part = events[start : start + _BATCH]
            marks = ",".join("?" * len(part))
            for row in self.recorder.rows(
                "SELECT d.event, d.subject, d.sealed, s.key FROM disclosures d "  # noqa: S608
                f"LEFT JOIN subjects s ON s.id = d.subject WHERE d.event IN ({marks})",
                *part,
            ):
                result[row["event"]] = Sealed(row["subject"], row["sealed"], row["key"])
        return result

    def is_erased(self, subject: str) -> bool:
        """True when the subject's personal data was erased by a decision."""
        found = self.recorder.rows("SELECT erased FROM subjects WHERE id=?", subject)
        return bool(found and found[0]["erased"])

    def personal(self, payload: dict[str, Any], sealed: Sealed | None) -> dict[str, Any] | None:
        """The personal fields of an event, None when they were erased.

        Raises IntegrityError when they are neither there nor erased, or not what was signed.
        """
        digests = payload["data"].get("_sd")
        if digests is None:
            return {}
        texts = self._unsealed(payload, sealed)
        return values_of(texts, digests) if texts is not None else None

    def disclosed(self, rows: Sequence[Row]) -> dict[int, tuple[tuple[str, str], ...]]:
        """The name and the text of each disclosure of events, by position; none where they were
        erased, or are not what was signed."""
        opened = [(row, _tried(self.open, row)) for row in rows]
        said = [(row, each.payload) for row, each in opened if isinstance(each, Opened)]
        sealed = self.sealed([each["id"] for _, each in said if isinstance(each["id"], str)])
        found = {}
        for row, each in said:
            texts = _tried(self._texts, each, sealed)
            found[row.position] = texts if isinstance(texts, tuple) else ()
        return found

    def _texts(
        self, payload: dict[str, Any], sealed: Mapping[str, Sealed]
    ) -> tuple[tuple[str, str], ...]:
        digests = payload["data"].get("_sd")
        if digests is None:
            return ()
        texts = self._unsealed(payload, sealed.get(payload["id"])) or []
        # The same order: a value of each text.
        return tuple(zip(values_of(texts, digests), texts, strict=True)) if texts else ()

    def _unsealed(self, payload: dict[str, Any], sealed: Sealed | None) -> list[str] | None:
        if sealed is None:
            if self.is_erased(payload["sub"]):
                return None
            raise IntegrityError("disclosures-missing", event=payload["id"])
        if sealed.subject != payload["sub"] or sealed.key is None:
            raise IntegrityError("disclosures-of-another-subject", event=payload["id"])
        key = unwrap(self._kek, sealed.subject, sealed.key)
        return unseal(key, payload["id"], sealed.row)

    def _check_link(self, row: Row, opened: Opened) -> None:
        """The event names the digest of the one before it in its stream."""
        if row.version > 1:
            with self._lock:
                known = self._links.get(row.stream)
            if known is None or known[0] != row.version - 1:
                before = self.stream(row.stream, after=row.version - 2, upto=row.version - 1)
                _require_link(row, opened, _digest(before[0].envelope if before else None))
            else:
                _require_link(row, opened, known[1])
        with self._lock:
            self._links[row.stream] = (row.version, opened.digest)
            self._links.move_to_end(row.stream)
            if len(self._links) > _LINKS:
                self._links.popitem(last=False)

    def _event(self, row: Row, opened: Opened, sealed: Sealed | None) -> Recorded[Event]:
        said = opened.payload
        personal = self.personal(said, sealed)
        clear = {name: value for name, value in said["data"].items() if name != "_sd"}
        try:
            by, why = said["by"], said["why"]
            return Recorded(
                position=row.position,
                id=EventId(said["id"]),
                stream=row.stream,
                version=row.version,
                event=codec.decode(row.topic, clear, personal),
                at=read_time(said["at"]),
                by=Actor(StreamId(by["agent"]), Role(by["role"]), StreamId(by["agency"])),
                basis=Basis(why["code"], why.get("ref")),
                subject=StreamId(said["sub"]),
                command=CommandId(said["cmd"]),
                cause=said.get("cau"),
                software=said["sw"],
                envelope=Digest(f"sha256:{opened.digest.hex()}"),
            )
        except ArchiveError as exc:
            raise IntegrityError(exc.code, position=row.position) from exc
        except (KeyError, TypeError, ValueError) as exc:
            raise IntegrityError("envelope-members", position=row.position) from exc


def _require_bytes(position: int, envelope: object) -> None:
    """SQLite stores any type in any column; somebody may have put a text there."""
    if type(envelope) is not bytes:
        raise IntegrityError("row-malformed", position=position)


def _digest(envelope: object) -> bytes | None:
    """Of the envelope before a row; None when there is none, or something that is no envelope."""
    return sha256(envelope).digest() if type(envelope) is bytes else None


def _require_link(row: Row, opened: Opened, before: bytes | None) -> None:
    if before is None or before.hex() != opened.payload["prev"]:
        raise IntegrityError("chain-broken", position=row.position)


def _tried(read: Callable[P, R], *given: P.args, **named: P.kwargs) -> R | Exception:
    """What a reading gives, or the error of a row that is not what was written."""
    try:
        return read(*given, **named)
    except (IntegrityError, AttributeError, KeyError, TypeError, ValueError) as exc:
        return exc
