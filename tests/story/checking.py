"""The sweep that ends every story and every crash."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from domain.arrangement import place_of
from domain.dossier import DossierRecordAdded, DossierRecordRemoved
from domain.events import Event, Recorded
from domain.record import Record, RecordRegistered, RecordSplitOff, RepresentationKind
from domain.services import Archive, finding, oversight, retrieval
from domain.services.deciding import load
from domain.services.oversight import HARMLESS, Verification
from domain.values import Digest, StreamId
from infrastructure.views.pages import is_hidden
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
            if isinstance(one.event, RecordRegistered | RecordSplitOff)
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
    for papers in added.values():
        assert [ordinal for _, ordinal in papers] == list(range(1, len(papers) + 1))
    leaves = [leaf for state in records.values() for leaf in _leaves(state)]
    assert len(set(leaves)) == len(leaves), "a dossier shows the same page twice"
    removed = [
        (one.stream, one.event.record)
        for one in events
        if isinstance(one.event, DossierRecordRemoved)
    ]
    listed = [(dossier, paper) for dossier, papers in added.items() for paper, _ in papers]
    for gone in removed:
        listed.remove(gone)
    assert sorted(paper for _, paper in listed) == sorted(records), "in no dossier or in two"
    assert all(records[paper].dossier == dossier for dossier, paper in listed)
    for target, state in records.items():
        derived = [each for each in state.representations if each.tool is not None]
        kinds = [item.kind for item in derived]
        assert len(set(kinds)) == len(kinds), f"{target} was read twice"
    commands = [one.command for one in events]
    assert len({*zip(commands, [one.at for one in events], strict=True)}) == len(set(commands))


def _leaves(state: Record) -> list[tuple[StreamId, Digest, int]]:
    """The pages that a record shows, each with the dossier and the original in which it stands.

    Of a record that nobody read yet, the first page stands for its original.
    """
    if state.absorbed_into is not None or not state.sources:
        return []
    shown = state.arrangement or tuple((n, 0) for n in range(1, (state.pages or 1) + 1))
    sources = [replace(source, pages=source.pages or 1) for source in state.sources]
    places = [place_of(sources, number) for number, _ in shown]
    return [(state.dossier, sources[at].file.sha256, page) for at, page in places]


def _check_work(archive: Archive, records: Mapping[StreamId, Record], *, finished: bool) -> None:
    items = archive.work.items()
    waiting = {item.record for item in items if item.task == "read" and item.state != "stuck"}
    for target, state in records.items():
        gone = state.isolated is not None or state.erased_by is not None
        gone = gone or state.absorbed_into is not None or state.withdrawn
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
        if is_hidden(state) or state.representation(RepresentationKind.TEXT) is None:
            continue
        shown = retrieval.show_record(desk.archive, desk.request(), target)
        for page in shown.pages:
            words = _WORD.findall(page.text)
            if words:
                longest = max(words, key=len)
                found = finding.search(desk.archive, desk.request(), longest, limit=200)
                assert (target, page.n) in {(h.hit.record, h.hit.page) for h in found.found}
