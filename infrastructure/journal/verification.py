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
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from domain.attestation import stream_of as attestations_of
from domain.errors import UnavailableError
from domain.keyring import stream_of
from domain.ports import Finding, Inspected
from domain.values import Digest, StreamId
from infrastructure.journal.inspecting import Span, Task, Workers, begin, carry_out, instant
from infrastructure.journal.inspection_notes import DAMAGE, Trust, connect, damage
from infrastructure.journal.keys import Keys
from infrastructure.journal.rows_inspected import RowInspector
from infrastructure.journal.succession import Placed, doubts, is_usable, succession
from infrastructure.journal.whole_inspected import Whole, genesis, genesis_certificate

_SPAN = 1000
"""Positions that a worker takes at a time; progress is told after each."""
_ALONE = 8000
"""Journals up to this size are not worth the start of other processes."""

_COUNTS = ("events", "signatures", "disclosures", "erased", "commands", "claims")

_NOBODY: Mapping[int, datetime] = MappingProxyType({})

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
    doubtful: int
    """Signatures that others may have made: of a key that had fallen into other hands by then."""
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
    after: int = 0,
    dated: Mapping[int, datetime] = _NOBODY,
    progress: Progress | None = None,
) -> Inspection:
    """Checks the journal in the file `path`, or some of its streams; finds, never raises, what is
    wrong with its content.

    `keys` are the archive's own; an outsider gives `certificates` (the first one of the archive),
    or neither, and then the certificate is the one that the founding event names. Later keys follow
    from it by their introductions. `pinned` is the SHA-256 of the first certificate as it is known
    from outside (hexadecimal, with or without `sha256:`): without it a journal that was signed anew
    from its first event looks sound. `after` leaves the events up to a position to whoever has
    verified them before and compares their hashes now. `dated` are the attestations whose tokens
    somebody has checked, by position, with the time that they prove: no other ones bound what is
    in doubt after a key was compromised.
    Raises UnavailableError when the file cannot be read at all.
    """
    location = str(Path(path).absolute())
    if not Path(location).is_file():
        raise UnavailableError("journal-missing")
    pin = Digest.parse(pinned).hex if pinned is not None else None
    with closing(connect(location)) as connection:
        own = (*keys.retired, keys.certificate) if keys else ()
        offered = [each.public_bytes(Encoding.DER) for each in (*certificates, *own)]
        whole = Whole(connection)

        def trusted() -> Trust:
            """What the journal says of the keys, in the snapshot that is taken by now."""
            trust = _trusted(connection, archive, keys, _root(connection, offered, pin), dated)
            whole.begin(trust)
            _check_certificates(whole, trust, offered, pin)
            return trust

        try:
            whole.prepare()
            if streams is None:
                _inspect_spans(location, connection, trusted, whole, processes, after, progress)
            else:
                _inspect_streams(location, connection, trusted, whole, streams, progress)
            whole.finish(partial=streams is not None or after > 0)
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
        whole.counts["in_doubt"],
        tuple(name for name, missing in left_out.items() if missing),
    )


def _inspect_spans(
    location: str,
    connection: sqlite3.Connection,
    trusted: Callable[[], Trust],
    whole: Whole,
    processes: int | None,
    after: int,
    progress: Progress | None,
) -> None:
    """(1) workers start, (2) all take their snapshot while nobody writes, (3) spans go round."""
    if processes is None:
        first, last = _positions(connection)
        processes = 1 if last - max(first, after) < _ALONE else len(os.sched_getaffinity(0))
    # (1) Starting takes a second; the journal is not held up for that long.
    with ExitStack() as stack:
        workers = None
        if processes > 1:
            workers = stack.enter_context(Workers(location, processes))
        # (2) From here on everybody reads the same journal, however it grows meanwhile.
        with instant(location):
            begin(connection)
            trust = trusted()
            if workers is not None:
                workers.begin(trust)
        whole.check_guards()
        whole.check_genesis()
        # (3) Whoever is free takes the next span.
        spans = _spans(connection, after)
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


def _spans(connection: sqlite3.Connection, after: int) -> list[Span]:
    """All positions in spans. Where somebody made positions up, the gaps are stepped over."""
    first, last = _positions(connection)
    if after:
        first = max(first, after + 1)
    try:
        (count,) = connection.execute("SELECT count(*) FROM stored_events").fetchone()
    except DAMAGE:
        count = 0  # The index cannot be read; the table perhaps can.
    if last - first < 2 * count or not count:
        last = min(last, first + _SPAN * 1_000_000)
        return [(at, min(at + _SPAN - 1, last)) for at in range(first, last + 1, _SPAN)]
    spans: list[Span] = []
    found = connection.execute(
        "SELECT rowid FROM stored_events WHERE rowid >= ? ORDER BY rowid", (first,)
    )
    for (start,) in found:
        if not spans or start > spans[-1][1]:
            spans.append((start, min(start + _SPAN - 1, last)))
    return spans


def _inspect_streams(
    location: str,
    connection: sqlite3.Connection,
    trusted: Callable[[], Trust],
    whole: Whole,
    streams: Collection[str],
    progress: Progress | None,
) -> None:
    with instant(location):
        begin(connection)
    trust = trusted()
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


def _check_certificates(
    whole: Whole, trust: Trust, offered: Sequence[bytes], pin: str | None
) -> None:
    """The first certificate is the one that is known from outside, and all of our own follow."""
    digests = [sha256(turn.certificate).hexdigest() for turn in trust.turns]
    if pin is not None and digests[:1] != [pin]:
        whole.found(Finding("certificate-not-pinned", digests[0] if digests else "none"))
    for digest in sorted({sha256(der).hexdigest() for der in offered} - set(digests)):
        whole.found(Finding("certificate-not-introduced", digest))


def _root(connection: sqlite3.Connection, offered: Sequence[bytes], pin: str | None) -> list[bytes]:
    """The pinned certificate if it is among those offered or named by the founding event; else the
    first one offered; else the one that the founding event names; empty when there is none."""
    founded = genesis(connection)
    told = genesis_certificate(founded) if founded is not None else None
    both = [der for der in [*offered, *([told] if told else [])] if is_usable(der)]
    return [der for der in both if sha256(der).hexdigest() == pin][:1] or both[:1]


def _trusted(
    connection: sqlite3.Connection,
    archive: str,
    keys: Keys | None,
    root: Sequence[bytes],
    dated: Mapping[int, datetime],
) -> Trust:
    """Whose signatures count where, by the introductions that the root leads to."""
    told = _stream(connection, stream_of(archive))
    turns = succession(root[0], archive, told) if root else ()
    attested = _stream(connection, attestations_of(archive))
    return Trust(
        archive,
        turns,
        doubts(turns, archive, told, attested, dated),
        keys.kek if keys else None,
        keys.command_secret if keys else None,
    )


def _stream(connection: sqlite3.Connection, stream: str) -> list[Placed]:
    """The rows of a stream that are what rows can be; any others are found with all rows."""
    try:
        found = connection.execute(
            "SELECT rowid, originator_id, originator_version, state FROM stored_events "
            "WHERE originator_id=? ORDER BY originator_version",
            (stream,),
        ).fetchall()
    except DAMAGE:
        return []
    kinds = (int, str, int, bytes)
    return [Placed(*row) for row in found if tuple(type(value) for value in row) == kinds]


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
        after: int = 0,
        dated: Mapping[int, datetime],
        progress: Callable[[int, int], None],
    ) -> Inspected:
        """See the port."""
        found = inspect_journal(
            self.path,
            archive=self.archive,
            keys=self.keys,
            pinned=pinned.hex if pinned else None,
            streams=streams,
            after=after,
            dated=dated,
            progress=progress,
        )
        return Inspected(found.findings, found.counts, found.doubtful)
