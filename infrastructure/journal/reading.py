"""From stored rows to events: agreement, chain and disclosures are checked on the way."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any

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
        """Raises IntegrityError for the first envelope that no known key signed."""
        for row in rows:
            _require_bytes(row.position, row.envelope)
            try:
                verifier.verify(row.envelope)
            except IntegrityError as exc:
                raise IntegrityError(exc.code, position=row.position) from exc

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
        if sealed is None:
            if self.is_erased(payload["sub"]):
                return None
            raise IntegrityError("disclosures-missing", event=payload["id"])
        if sealed.subject != payload["sub"] or sealed.key is None:
            raise IntegrityError("disclosures-of-another-subject", event=payload["id"])
        key = unwrap(self._kek, sealed.subject, sealed.key)
        return values_of(unseal(key, payload["id"], sealed.row), digests)

    def _check_link(self, row: Row, opened: Opened) -> None:
        """The event names the digest of the one before it in its stream."""
        if row.version > 1:
            with self._lock:
                known = self._links.get(row.stream)
            if known is None or known[0] != row.version - 1:
                before = self.stream(row.stream, after=row.version - 2, upto=row.version - 1)
                whole = bool(before) and type(before[0].envelope) is bytes
                known = (row.version - 1, sha256(before[0].envelope).digest()) if whole else None
            if known is None or known[1].hex() != opened.payload["prev"]:
                raise IntegrityError("chain-broken", position=row.position)
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
