"""Recomputes the whole journal from its bytes. No cache, no mark, nothing taken on trust.

Rows are checked in spans by worker processes (`rows_inspected.py`), what only the whole shows by
one (`whole_inspected.py`); all of them look at the same instant of a journal that may be growing.
What cannot be seen here, because everything that could tell it lies in the same file: a tail that
is gone together with its guards, a stream that is gone together with its guards, an older copy of
the whole file. That takes the transparency log, or a position or receipt kept elsewhere.
"""

import os
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from domain.errors import IntegrityError, UnavailableError
from domain.ports import Finding, Inspected
from domain.values import Digest, StreamId
from infrastructure.journal.envelope import Verifier, certificate_digest
from infrastructure.journal.inspecting import Span, Task, Workers, begin, carry_out, instant
from infrastructure.journal.inspection_notes import DAMAGE, Trust, connect, damage
from infrastructure.journal.keys import Keys
from infrastructure.journal.rows_inspected import RowInspector
from infrastructure.journal.whole_inspected import Whole, genesis, genesis_certificate

_SPAN = 4000
"""Positions that a worker takes at a time; progress is told after each."""
_ALONE = 8000
"""Journals up to this size are not worth the start of other processes."""

_COUNTS = ("events", "signatures", "disclosures", "erased", "commands", "claims")

Progress = Callable[[int, int], None]
"""Called with the positions done and their number."""


@dataclass(frozen=True)
class Inspection:
    """What a journal looks like when everything is recomputed."""

    findings: tuple[Finding, ...]
    """Empty when nothing disagrees."""
    counts: Mapping[str, int]
    """`events`, `signatures` (that verified), `disclosures` (fields compared with their digests),
    `erased` (fields gone by a decision), `commands`, `claims`."""
    unchecked: tuple[str, ...]
    """`disclosures` without the key-encryption key, `command-answers` without the archive's
    secret: what was left out for want of a key; `pin` when the certificate was taken from the
    archive itself."""


def inspect_journal(
    path: str | Path,
    *,
    archive: str,
    keys: Keys | None = None,
    certificates: Sequence[x509.Certificate] = (),
    pinned: str | None = None,
    processes: int | None = None,
    streams: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Checks the journal in the file `path`, or some of its streams; finds, never raises, what is
    wrong with its content.

    `keys` are the archive's own; an outsider gives `certificates`, or neither, and then the
    certificate is the one that the founding event names. `pinned` is the SHA-256 of the system
    certificate as it is known from outside (hexadecimal, with or without `sha256:`): without it a
    journal that was signed anew from its first event looks sound.
    Raises UnavailableError when the file cannot be read at all.
    """
    location = str(Path(path).absolute())
    if not Path(location).is_file():
        raise UnavailableError("journal-missing")
    pin = Digest.parse(pinned).hex if pinned is not None else None
    with closing(connect(location)) as connection:
        offered = tuple(certificates) or ((keys.certificate,) if keys else ())
        trust = Trust(
            archive,
            _trusted(connection, offered, pin),
            keys.kek if keys else None,
            keys.command_secret if keys else None,
        )
        whole = Whole(connection, trust)
        _check_pin(whole, trust, offered, pin)
        try:
            whole.prepare()
            if streams is None:
                _inspect_spans(location, connection, trust, whole, processes, progress)
            else:
                _inspect_streams(location, connection, trust, whole, streams, progress)
            whole.finish(partial=streams is not None)
        except DAMAGE as exc:  # What was found until then is told with it.
            whole.found(damage(exc, "journal"))
    left_out = {
        "disclosures": keys is None,
        "command-answers": keys is None,
        "pin": pin is None,
    }
    return Inspection(
        tuple(sorted(whole.findings, key=_place)),
        {name: whole.counts[name] for name in _COUNTS},
        tuple(name for name, missing in left_out.items() if missing),
    )


def _inspect_spans(
    location: str,
    connection: sqlite3.Connection,
    trust: Trust,
    whole: Whole,
    processes: int | None,
    progress: Progress | None,
) -> None:
    """(1) workers start, (2) all take their snapshot while nobody writes, (3) spans go round."""
    if processes is None:
        first, last = _positions(connection)
        processes = 1 if last - first < _ALONE else len(os.sched_getaffinity(0))
    # (1) Starting takes a second; the journal is not held up for that long.
    with ExitStack() as stack:
        workers = None
        if processes > 1:
            workers = stack.enter_context(Workers(location, trust, processes))
        # (2) From here on everybody reads the same journal, however it grows meanwhile.
        with instant(location):
            begin(connection)
            if workers is not None:
                workers.begin()
        whole.check_guards()
        whole.check_genesis()
        # (3) Whoever is free takes the next span.
        spans = _spans(connection)
        tasks: list[Task] = [None, *spans]
        if workers is not None:
            inspected = workers.inspect(tasks)
        else:
            inspector = RowInspector(connection, trust)
            inspected = ((task, carry_out(inspector, task)) for task in tasks)
        done, total = 0, sum(last - first + 1 for first, last in spans)
        for task, notes in inspected:
            whole.add(notes)
            if task is not None and progress is not None:
                done += task[1] - task[0] + 1
                progress(done, total)


def _spans(connection: sqlite3.Connection) -> list[Span]:
    """All positions in spans. Where somebody made positions up, the gaps are stepped over."""
    first, last = _positions(connection)
    try:
        (count,) = connection.execute("SELECT count(*) FROM stored_events").fetchone()
    except DAMAGE:
        count = 0  # The index cannot be read; the table perhaps can.
    if last - first < 2 * count or not count:
        last = min(last, first + _SPAN * 1_000_000)
        return [(at, min(at + _SPAN - 1, last)) for at in range(first, last + 1, _SPAN)]
    spans: list[Span] = []
    for (start,) in connection.execute("SELECT rowid FROM stored_events ORDER BY rowid"):
        if not spans or start > spans[-1][1]:
            spans.append((start, min(start + _SPAN - 1, last)))
    return spans


def _inspect_streams(
    location: str,
    connection: sqlite3.Connection,
    trust: Trust,
    whole: Whole,
    streams: Collection[str],
    progress: Progress | None,
) -> None:
    with instant(location):
        begin(connection)
    whole.check_guards()
    whole.check_genesis()
    inspector = RowInspector(connection, trust)
    for done, stream in enumerate(sorted(streams), 1):
        whole.add(inspector.streams([stream]))
        if progress is not None:
            progress(done, len(streams))


def _positions(connection: sqlite3.Connection) -> tuple[int, int]:
    """The first and the last position; of an empty or unreadable journal, a span of none."""
    try:
        first, last = connection.execute(
            "SELECT (SELECT min(rowid) FROM stored_events), (SELECT max(rowid) FROM stored_events)"
        ).fetchone()
    except DAMAGE:
        return 1, 0
    return (first, last) if type(first) is int and type(last) is int else (1, 0)


def _place(finding: Finding) -> tuple[int, str, str]:
    """Findings of rows in the order of the rows, then all others."""
    at = int(finding.where) if finding.where.isdecimal() else 1 << 63
    return at, finding.kind, finding.where


def _check_pin(
    whole: Whole, trust: Trust, offered: Sequence[x509.Certificate], pin: str | None
) -> None:
    digests = {sha256(der).hexdigest() for der in trust.certificates}
    digests |= {certificate_digest(certificate).hex() for certificate in offered}
    if pin is not None:
        for digest in sorted(digests - {pin}) or ([] if digests else ["none"]):
            whole.found(Finding("certificate-not-pinned", digest))


def _trusted(
    connection: sqlite3.Connection, offered: Sequence[x509.Certificate], pin: str | None
) -> tuple[bytes, ...]:
    """The pinned certificate if it is among those offered or named by the founding event."""
    mine = [certificate.public_bytes(Encoding.DER) for certificate in offered]
    founded = genesis(connection)
    told = genesis_certificate(founded) if founded is not None else None
    both = [der for der in [*mine, *([told] if told else [])] if _is_usable(der)]
    if pin is not None and (matching := [der for der in both if sha256(der).hexdigest() == pin]):
        return tuple(matching[:1])
    return tuple(mine or both)


def _is_usable(der: bytes) -> bool:
    try:
        Verifier((x509.load_der_x509_certificate(der),))
    except (IntegrityError, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


@dataclass(frozen=True)
class JournalFile:
    """The port `JournalInspector` over the journal's file."""

    path: Path
    archive: str
    keys: Keys

    def inspect(
        self,
        *,
        streams: frozenset[StreamId] | None,
        pinned: Digest | None,
        progress: Callable[[int, int], None],
    ) -> Inspected:
        """See the port."""
        found = inspect_journal(
            self.path,
            archive=self.archive,
            keys=self.keys,
            pinned=pinned.hex if pinned else None,
            streams=streams,
            progress=progress,
        )
        return Inspected(found.findings, found.counts)
