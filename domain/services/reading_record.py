"""The record of reads: keeping what was read, asking who read it, closing its segments.

A segment is an object of JSON lines. Its first line names the segment before, each other line is
one read; the event that signs it stands in the archive's own stream.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.access import Action
from domain.agents import Actor, Role
from domain.errors import IntegrityError, NotFoundError, NotPermittedError, UnavailableError
from domain.events import Change
from domain.ports import Journal, ObjectStore
from domain.reads import Read, ReadKind, ReadsRecorded, Segment
from domain.services import Archive, Request
from domain.services.deciding import Decided, carry_out, load, permit, worker_acting
from domain.services.retrieval import resource_behind
from domain.services.storing import stored
from domain.values import Basis, CommandId, Digest, Kind, StreamId, kind_of

_BASIS = Basis("CHAUBAN")
_MOST = 100_000
"""Reads of one segment: about 30 MB."""
_MEDIA_TYPE = "application/jsonl"


def note_read(
    archive: Archive,
    actor: Actor,
    purpose: str,
    kind: ReadKind,
    what: StreamId | None,
    detail: str = "",
) -> None:
    """Keeps that somebody read something; whoever shows it calls this."""
    archive.reads.note(archive.clock.now(), actor, purpose, kind, what, detail)


def reads_of(
    archive: Archive, request: Request, target: StreamId, *, limit: int = 100
) -> Sequence[Read]:
    """Who read a dossier (with its records) or a record, the newest first; for auditors and
    archivists of its agencies. For everybody else it does not exist."""
    if kind_of(target) not in (Kind.DOSSIER, Kind.RECORD):
        raise NotFoundError(reference=target)
    try:
        permit(archive, request, Action.SEE_READS, resource_behind(archive, target))
    except NotPermittedError as exc:
        raise NotFoundError(reference=target) from exc
    targets = [target]
    if kind_of(target) is Kind.DOSSIER:
        hidden = {incident.record for incident in archive.work.incidents()}
        records = load(archive, target).dossier().records
        targets.extend(each for each in records if each not in hidden)
    return archive.reads.of(targets, limit=limit)


# ---------------------------------------------------------------- closing segments


def close_reads(archive: Archive) -> int:
    """Closes, stores and signs the open reads in the worker's name; how many they were.

    (1) The bytes are put. (2) The event that names them is appended. (3) The reads are marked as
    held by the segment. A crash before (2) leaves bytes without a fact, which the worker sweeps;
    before (3), the command, named by the first read, gives its first answer the next time.
    """
    closed = 0
    while True:
        reads, before = archive.reads.open_segment(limit=_MOST)
        if not reads:
            return closed
        first = before.last + 1 if before else 1
        result = _record(archive, reads, first)
        archive.reads.close_segment(result.last, result.segment)  # (3)
        closed += sum(read.number <= result.last for read in reads)


@dataclass(frozen=True)
class _Recorded:
    """What the event says, now or when it was appended."""

    last: int
    segment: Digest


def _record(archive: Archive, reads: Sequence[Read], first: int) -> _Recorded:
    worker, actor = worker_acting(archive)
    stream = StreamId(archive.id)

    def decide(at: datetime) -> Decided:
        loaded = load(archive, stream)
        earlier = [e.event for e in loaded.events if isinstance(e.event, ReadsRecorded)]
        previous = earlier[-1].segment.sha256 if earlier else None
        if first != (earlier[-1].last + 1 if earlier else 1):
            raise IntegrityError("reads-out-of-step", first=first)
        segment = stored(archive.objects, _segment(reads, previous), _MEDIA_TYPE)  # (1)
        last = reads[-1].number
        missing = last - first + 1 - len(reads)
        event = ReadsRecorded(segment, first, last, missing, previous)
        result = {"last": last, "segment": segment.sha256.text}
        return Decided(actor, (Change(stream, loaded.version, (event,)),), result)

    request = Request(worker, CommandId(f"reads/{archive.id}/{first}"), _BASIS)
    answer = carry_out(archive, request, {"do": "reads-record", "first": first}, decide)  # (2)
    return _Recorded(answer.result["last"], Digest(answer.result["segment"]))


def _segment(reads: Sequence[Read], previous: Digest | None) -> bytes:
    lines = [{"previous": previous.text if previous else None}, *map(_line, reads)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def _line(read: Read) -> dict[str, object]:
    return {
        "number": read.number,
        "at": read.at.isoformat(),
        "by": {"agent": read.by.agent, "role": read.by.role.value, "agency": read.by.agency},
        "purpose": read.purpose,
        "kind": read.kind.value,
        "what": read.what,
        "detail": read.detail,
    }


# ---------------------------------------------------------------- reading segments back


def recorded_segments(
    journal: Journal, objects: ObjectStore, archive: StreamId
) -> Iterator[tuple[Segment, Sequence[Read]]]:
    """Every segment that an event names, with its reads: from these a lost file is made anew.

    A segment whose bytes are gone or damaged has no reads here; `verify` names it.
    """
    events = [e.event for e in journal.load(archive) if isinstance(e.event, ReadsRecorded)]
    for number, event in enumerate(events, 1):
        segment = Segment(number, event.last, event.segment.sha256)
        try:
            with objects.open(segment.sha256) as source:
                lines = source.read().decode().splitlines()[1:]
            reads = [_read(line, number) for line in lines]
        except (NotFoundError, IntegrityError, UnavailableError, ValueError, KeyError):
            reads = []
        yield segment, reads


def _read(line: str, segment: int) -> Read:
    said = json.loads(line)
    by = said["by"]
    return Read(
        number=said["number"],
        at=datetime.fromisoformat(said["at"]),
        by=Actor(StreamId(by["agent"]), Role(by["role"]), StreamId(by["agency"])),
        purpose=said["purpose"],
        kind=ReadKind(said["kind"]),
        what=StreamId(said["what"]) if said["what"] is not None else None,
        detail=said["detail"],
        segment=segment,
    )
