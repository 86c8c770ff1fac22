"""Showing and handing out: everything here reads, nothing here decides."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO

from domain import access, arrangement, dossier, erasure, record, scanning
from domain.access import Action, Resource
from domain.errors import IntegrityError, InvalidValueError, NotFoundError, RuleError
from domain.events import Event, Recorded
from domain.ports import Examined
from domain.record import RepresentationKind
from domain.searching import SearchScope
from domain.services import Archive, Request
from domain.services.deciding import (
    VIETNAM,
    agencies_of,
    load,
    require_seen,
    resource_of,
    today,
    tree,
)
from domain.services.kinship import is_past_seen, is_seen, require_unshared, standing
from domain.values import Digest, FileObject, Kind, StreamId, kind_of
from domain.views import Incident, WorkItem


def search_scope(archive: Archive, request: Request) -> SearchScope:
    """What the agent may find today."""
    reach = access.scope(
        request.agent, Action.READ, tree=tree(archive), on=today(archive.clock.now())
    )
    # Restricted pages show only to who may read them in every agency of the search.
    return SearchScope(reach.agencies, restricted=reach.agencies <= reach.restricted)


# ---------------------------------------------------------------- showing


@dataclass(frozen=True)
class PageShown:
    """A page with its text, empty where it was not read."""

    n: int
    state: str
    text: str


@dataclass(frozen=True)
class RecordShown:
    """A record as it stands or stood."""

    record: record.Record
    dossier_code: str
    pages: tuple[PageShown, ...]
    position: int
    """The journal position of the last event that it shows."""
    erasure_decision: str | None
    """The text of the decision by which personal data was erased."""


@dataclass(frozen=True)
class DossierShown:
    """A dossier as it stands or stood, with its records as they stood then."""

    dossier: dossier.Dossier
    records: tuple[record.Record, ...]
    position: int
    erasure_decision: str | None
    """The text of the decision by which personal data was erased."""


def when(archive: Archive, text: str | None) -> int | None:
    """A journal position from a position, an instant, or a day (its end at UTC+7); a day is
    written `2026-04-23` or `23/04/2026`."""
    if text is None:
        return None
    stripped = text.strip()
    if stripped.isascii() and stripped.isdecimal() and len(stripped) < 16:
        return int(stripped)
    try:
        if len(stripped) <= 10:
            instant = datetime.combine(_day(stripped), time.max, VIETNAM)
        else:
            instant = datetime.fromisoformat(stripped)
            instant = instant if instant.tzinfo else instant.replace(tzinfo=VIETNAM)
        return archive.history.position_at(instant.astimezone(UTC))
    except (ValueError, OverflowError) as exc:
        raise InvalidValueError("invalid-moment") from exc


def _day(text: str) -> date:
    """`2026-04-23` or `23/04/2026`."""
    day, slash, rest = text.partition("/")
    if not slash:
        return date.fromisoformat(text)
    month, _, year = rest.partition("/")
    return date(int(year), int(month), int(day))


def show_record(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> RecordShown:
    """A record at a journal position, or now. What may be read is decided by today's state.

    Pages that the record showed before they were arranged anew are shown as long as none of them
    may belong to a record out of sight.
    """
    loaded = load(archive, target)
    now = loaded.record()
    holder = _seen(archive, request, now)
    state = loaded.record(at)
    hidden = now.erased_by is not None or (
        state.revision != now.revision and not is_past_seen(archive, request, now)
    )
    pages = () if hidden else _pages(archive, state)
    last = max(e.position for e in loaded.events if at is None or e.position <= at)
    return RecordShown(state, holder.code, pages, last, decision_of(archive, now.erased_by))


def show_dossier(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> DossierShown:
    """A dossier at a journal position, or now, with its records.

    Isolated and withdrawn ones are not shown, absorbed ones as long as they were records, and
    those that left for another dossier to who may see them there.
    """
    loaded = load(archive, target)
    now = loaded.dossier()
    require_seen(archive, request, resource_of(now), now.code)
    state = loaded.dossier(at)
    last = max(e.position for e in loaded.events if at is None or e.position <= at)
    shown: list[record.Record] = []
    for each in state.records:
        papers = load(archive, each)
        then = papers.record(at)
        if then.absorbed_into is None and is_listed(archive, request, target, papers.record()):
            shown.append(then)
            last = max(last, *(e.position for e in papers.events if at is None or e.position <= at))
    return DossierShown(state, tuple(shown), last, decision_of(archive, now.erased_by))


def is_listed(archive: Archive, request: Request, target: StreamId, now: record.Record) -> bool:
    """True when a dossier may show a record that is or was in it."""
    holder = standing(archive, now)
    if holder.dossier != target:
        return is_seen(archive, request, now)
    return holder.isolated is None and not holder.withdrawn


def _seen(archive: Archive, request: Request, paper: record.Record) -> dossier.Dossier:
    """The dossier of a record that the agent may see; an absorbed one is seen by who sees the
    record that holds its pages now. Raises NotFoundError."""
    now = standing(archive, paper)
    holder = load(archive, now.dossier).dossier()
    require_seen(archive, request, resource_of(holder, now), paper.id)
    return holder


def decision_of(archive: Archive, case: StreamId | None) -> str | None:
    """The text of the decision of an erasure case, None when there is none to be read."""
    if case is None:
        return None
    text = load(archive, case).erasure().decision
    return text if isinstance(text, str) else None


def _pages(archive: Archive, state: record.Record) -> tuple[PageShown, ...]:
    text = state.representation(RepresentationKind.TEXT)
    if text is None or state.reading is None:
        return ()
    with archive.objects.open(text.file.sha256) as source:
        texts = source.read().decode().split("\f")
    return tuple(
        PageShown(page["n"], page["state"], texts[page["n"] - 1])
        for page in manifest_of(archive, state)["pages"]
    )


def manifest_of(archive: Archive, state: record.Record) -> Mapping[str, Any]:
    """What the last reading said of each page."""
    if state.reading is None:
        raise NotFoundError(reference=state.id)
    with archive.objects.open(state.reading.manifest.sha256) as source:
        content: Mapping[str, Any] = json.loads(source.read())
    return content


def page_of(archive: Archive, state: record.Record, n: int) -> Mapping[str, Any] | None:
    """What the last reading said of one page."""
    pages: Sequence[Mapping[str, Any]] = manifest_of(archive, state)["pages"]
    return next((page for page in pages if page["n"] == n), None)


# ---------------------------------------------------------------- handing out


@dataclass(frozen=True)
class Handed:
    """The bytes of a representation; reading them to the end checks their digest."""

    file: FileObject
    source: BinaryIO


def hand_out(
    archive: Archive,
    request: Request,
    target: StreamId,
    kind: RepresentationKind,
    *,
    which: int = 1,
) -> Handed:
    """One representation of a record, digest checked on the way.

    `which` of several originals, in the order in which they came. RuleError("original-shared")
    for one that holds pages of a record out of sight.
    """
    state = load(archive, target).record()
    _require_held(archive, request, state)
    if kind is RepresentationKind.ORIGINAL:
        if not 1 <= which <= len(state.sources):
            raise NotFoundError(reference=f"{target}/{kind.value}")
        file = state.sources[which - 1].file
        require_unshared(archive, request, state, file.sha256)
        return Handed(file, archive.objects.open(file.sha256))
    found = state.representation(kind)
    if found is None:
        if state.erased_by is not None:
            raise RuleError("record-erased", record=target)
        raise NotFoundError(reference=f"{target}/{kind.value}")
    return Handed(found.file, archive.objects.open(found.file.sha256))


def _require_held(archive: Archive, request: Request, state: record.Record) -> None:
    """NotFoundError for who may not see the record, RuleError for one that holds no pages."""
    _seen(archive, request, state)
    if state.absorbed_into is not None:
        raise RuleError("record-absorbed", record=state.id, into=state.absorbed_into)
    if state.withdrawn:
        raise RuleError("record-withdrawn", record=state.id)


# ---------------------------------------------------------------- pictures of pages

WIDEST = 2400
"""Pixels across of the largest picture of a page."""


def page_picture(
    archive: Archive, request: Request, target: StreamId, page: int, width: int
) -> bytes:
    """A page as it is shown, a JPEG `width` pixels across: from the PDF/A, or from the original
    where there is none. Raises NotFoundError for no such page."""
    if not 1 <= width <= WIDEST:
        raise InvalidValueError("invalid-width", limit=WIDEST)
    state = load(archive, target).record()
    _require_held(archive, request, state)
    if state.erased_by is not None:
        raise RuleError("record-erased", record=target)
    if page < 1 or (state.pages is not None and page > state.pages):
        raise NotFoundError(reference=f"{target}/{page}")
    file, number, turned = _place_of(archive, state, page)
    picture = archive.pictures.picture(file, number, width, turned)
    now = load(archive, target).record()
    if (now.isolated, now.erased_by, now.withdrawn) != (None, None, False):
        forget_pictures(archive, target)  # Whoever hid it may have cleared them before.
        raise NotFoundError(reference=f"{target}/{page}")
    return picture


def _place_of(archive: Archive, state: record.Record, page: int) -> tuple[FileObject, int, int]:
    """The file that shows a page, the page's number in it, and degrees to turn it by."""
    pdfa = state.representation(RepresentationKind.PDFA)
    if pdfa is not None and state.reading is not None:
        return pdfa.file, page, 0
    if not state.sources:
        raise NotFoundError(reference=f"{state.id}/{page}")
    if state.arrangement is not None:
        number, turned = state.arrangement[page - 1]
        at, inside = arrangement.place_of(state.sources, number)
        return state.sources[at].file, inside, turned
    read = page_of(archive, state, page) if state.reading is not None else None
    return state.sources[0].file, page, int(read["turned"]) if read else 0


def thumbnail(archive: Archive, request: Request, target: StreamId, page: int) -> bytes:
    """The small picture of a page, a JPEG. Raises NotFoundError where there is none."""
    state = load(archive, target).record()
    _require_held(archive, request, state)
    found = state.representation(RepresentationKind.THUMBNAILS)
    missing = NotFoundError(reference=f"{target}/{page}")
    if found is None:
        raise missing
    with archive.objects.open(found.file.sha256) as source:
        listed = json.loads(source.read())["thumbnails"]
    if not 1 <= page <= len(listed) or listed[page - 1] is None:
        raise missing
    with archive.objects.open(Digest(listed[page - 1]["sha256"])) as source:
        return source.read()


def forget_pictures(archive: Archive, target: StreamId) -> None:
    """Leaves no kept picture of a record's pages, as they are or were arranged."""
    state = load(archive, target).record()
    kept = (RepresentationKind.ORIGINAL, RepresentationKind.PDFA)
    made = (*state.representations, *state.former)
    archive.pictures.forget([item.file.sha256 for item in made if item.kind in kept])


# ---------------------------------------------------------------- history


def history(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> tuple[Examined, ...]:
    """Every event of a dossier (with its records), a record, an agency, an agent…, each checked;
    one that is no longer what was signed is named so, and the others are shown all the same."""
    if kind_of(target) not in _PUBLIC:
        require_seen(archive, request, resource_behind(archive, target), target)
    hidden = _hidden(archive)
    examined = archive.journal.examine(archive.history.of(target, upto=at))
    return tuple(each for each in examined if not _speaks_of(each, hidden))


def _hidden(archive: Archive) -> frozenset[StreamId]:
    """Isolated records, and those whose pages they took over."""
    found: set[StreamId] = set()
    waiting = {incident.record for incident in archive.work.incidents()}
    while waiting:
        name = waiting.pop()
        found.add(name)
        events = _readable(archive, name)
        merged = [e.event for e in events if isinstance(e.event, arrangement.RecordMerged)]
        waiting |= {event.absorbed for event in merged} - found
    return frozenset(found)


def _speaks_of(each: Examined, records: frozenset[StreamId]) -> bool:
    """True for what was recorded of one of the records: in its own stream, in its batch's, or
    where its pages were split off."""
    if each.stream in records:
        return True
    event = each.recorded.event if each.recorded is not None else None
    if isinstance(event, scanning.ScanReceived | scanning.ScanDuplicated):
        return event.record in records
    return isinstance(event, arrangement.RecordSplit) and event.into in records


_PUBLIC = frozenset({Kind.PROCEDURE, Kind.ARCHIVE, Kind.KEYS, Kind.LOG})
"""Public law, and what the archive says of itself."""


def resource_behind(archive: Archive, target: StreamId) -> Resource:
    """What access to a reference depends on, read from its events even when some are damaged.

    Raises IntegrityError when what access depends on cannot be read.
    """
    events = [recorded.event for recorded in _readable(archive, target)]
    if kind_of(target) is Kind.RECORD:
        return _resource_of_record(archive, events)
    for event in events:
        match event:
            case dossier.DossierOpened():
                agencies = frozenset({event.receiving, event.deciding})
                restricted = any(isinstance(e, dossier.DossierRestricted) for e in events)
                return Resource(agencies, restricted=restricted)
            case scanning.BatchOpened() | erasure.ErasureRequested():
                return resource_behind(archive, event.dossier)
            case _:
                pass
    match kind_of(target):
        case Kind.AGENCY:
            return Resource(frozenset({target}))
        case Kind.AGENT:
            return Resource(agencies_of(load(archive, target)))
        case Kind.SEARCH:
            # What was looked for is for who oversees the papers, not for all who work with them.
            asked = frozenset(recorded.by.agency for recorded in _readable(archive, target))
            return Resource(asked, restricted=True)
        case Kind.PROCEDURE | Kind.ARCHIVE | Kind.KEYS | Kind.LOG:
            return Resource(frozenset(tree(archive)))
        case _:
            raise IntegrityError


def _resource_of_record(archive: Archive, events: Sequence[Event]) -> Resource:
    """The last dossier counts; of an absorbed record, the one that holds its pages now."""
    place: StreamId | None = None
    isolated = False
    for event in events:
        match event:
            case record.RecordRegistered() | record.RecordSplitOff() | arrangement.RecordMoved():
                place = event.dossier
            case arrangement.RecordAbsorbed():
                return resource_behind(archive, event.into)
            case record.RecordIsolated():
                isolated = True
            case _:
                pass
    if place is None:
        raise IntegrityError
    return replace(resource_behind(archive, place), isolated=isolated)


def _readable(archive: Archive, target: StreamId) -> Sequence[Recorded[Event]]:
    try:
        return archive.journal.load(target)
    except IntegrityError:
        examined = archive.journal.examine(archive.history.of(target))
        return [e.recorded for e in examined if e.recorded is not None and e.stream == target]


# ---------------------------------------------------------------- work


def work(archive: Archive, request: Request) -> tuple[WorkItem, ...]:
    """What is still to be done in the agencies for which the agent may know it."""
    reach = access.scope(
        request.agent, Action.SEE_WORK, tree=tree(archive), on=today(archive.clock.now())
    )
    return tuple(item for item in archive.work.items() if item.agencies & reach.agencies)


def incidents(archive: Archive, request: Request) -> tuple[Incident, ...]:
    """Isolated records, for administrators alone; others get an empty list."""
    reach = access.scope(
        request.agent, Action.SEE_INCIDENTS, tree=tree(archive), on=today(archive.clock.now())
    )
    return tuple(item for item in archive.work.incidents() if item.agencies & reach.agencies)
