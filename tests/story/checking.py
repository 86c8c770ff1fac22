"""The sweep that ends every story and every crash."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.dossier import DossierRecordAdded
from domain.events import Event, Recorded
from domain.record import Record, RecordRegistered, RepresentationKind
from domain.services import Archive, oversight, retrieval
from domain.services.deciding import load
from domain.services.oversight import HARMLESS, Verification
from domain.values import Digest, StreamId
from tests.story.place import Desk, Place

_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Checked:
    """What the sweep saw."""

    verification: Verification
    records: Mapping[StreamId, Record]
    harmless: tuple[str, ...]
    """Findings of a crash that the next sweep of the worker takes away."""
    events: tuple[Recorded[Event], ...] = field(repr=False)


def check_archive(
    place: Place,
    *,
    receipts: Mapping[StreamId, bytes] | None = None,
    finished: bool = True,
) -> Checked:
    """Nothing is lost, doubled, altered or left half-done.

    `receipts` are the acknowledged records with the bytes that were sent; `finished` says that
    the worker has ended since, so that nothing may wait to be read.
    """
    with place.open() as desk:
        archive = desk.archive
        archive.views.catch_up()
        result = oversight.verify(archive, desk.request(), pinned=Digest.parse(place.certificate))
        assert result.ok, result.findings
        events = _events(archive)
        records = {
            one.stream: load(archive, one.stream).record()
            for one in events
            if isinstance(one.event, RecordRegistered)
        }
        for target, content in (receipts or {}).items():
            assert target in records, f"{target} was acknowledged and is lost"
            _check_bytes(desk, target, content)
        _check_not_doubled(events, records)
        _check_work(archive, records, finished=finished)
        _check_found(desk, records)
        assert not list((place.folder / "quarantine").iterdir()) or not finished
        harmless = tuple(one.where for one in result.findings)
        assert {one.kind for one in result.findings} <= HARMLESS
        return Checked(result, records, harmless, events)


def _events(archive: Archive) -> tuple[Recorded[Event], ...]:
    found: list[Recorded[Event]] = []
    while batch := archive.journal.follow(found[-1].position if found else 0, 500):
        found.extend(batch)
    return tuple(found)


def _check_bytes(desk: Desk, target: StreamId, content: bytes) -> None:
    handed = retrieval.hand_out(desk.archive, desk.request(), target, RepresentationKind.ORIGINAL)
    with handed.source as source:
        assert source.read() == content


def _check_not_doubled(
    events: tuple[Recorded[Event], ...], records: Mapping[StreamId, Record]
) -> None:
    added: dict[StreamId, list[tuple[StreamId, int]]] = {}
    for one in events:
        if isinstance(one.event, DossierRecordAdded):
            added.setdefault(one.stream, []).append((one.event.record, one.event.ordinal))
    for dossier, papers in added.items():
        assert [ordinal for _, ordinal in papers] == list(range(1, len(papers) + 1))
        contents = [records[paper].original for paper, _ in papers]
        digests = [content.sha256 for content in contents if content is not None]
        assert len(set(digests)) == len(digests), f"{dossier} holds the same bytes twice"
    listed = [paper for papers in added.values() for paper, _ in papers]
    assert sorted(listed) == sorted(records), "a record is in no dossier or in two"
    for target, state in records.items():
        kinds = [item.kind for item in state.representations]
        assert len(set(kinds)) == len(kinds), f"{target} was read twice"
    commands = [one.command for one in events]
    assert len({*zip(commands, [one.at for one in events], strict=True)}) == len(set(commands))


def _check_work(archive: Archive, records: Mapping[StreamId, Record], *, finished: bool) -> None:
    items = archive.work.items()
    waiting = {item.record for item in items if item.task == "read" and item.state != "stuck"}
    for target, state in records.items():
        gone = state.isolated is not None or state.erased_by is not None
        failed = state.failure is not None and state.failure.final
        unread = state.original is not None and state.reading is None and not gone and not failed
        assert (target in waiting) is unread, f"{target}: the work list disagrees"
        confirmable = state.reading is not None and not state.confirmed and not gone
        listed = any(item.record == target and item.task == "confirm" for item in items)
        assert listed is (confirmable or (failed and not state.confirmed and not gone))
    if finished:
        assert not waiting


def _check_found(desk: Desk, records: Mapping[StreamId, Record]) -> None:
    """Each page that has words is found by one of them."""
    for target, state in records.items():
        if state.isolated is not None or state.representation(RepresentationKind.TEXT) is None:
            continue
        shown = retrieval.show_record(desk.archive, desk.request(), target)
        for page in shown.pages:
            words = _WORD.findall(page.text)
            if words:
                longest = max(words, key=len)
                found = retrieval.search(desk.archive, desk.request(), longest, limit=200)
                assert (target, page.n) in {(h.hit.record, h.hit.page) for h in found.found}
