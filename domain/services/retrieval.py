"""Finding, showing and handing out: everything here reads, nothing here decides."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO

from domain import access, dossier, erasure, record, scanning
from domain.access import Action, Resource
from domain.errors import IntegrityError, InvalidValueError, NotFoundError, RuleError
from domain.events import Event, Recorded
from domain.ports import Examined, Hit, Incident, SearchAnswer, SearchScope, WorkItem
from domain.record import RepresentationKind
from domain.services import Archive, Request
from domain.services.deciding import (
    VIETNAM,
    load,
    require_seen,
    resource_of,
    today,
    tree,
)
from domain.text import holds
from domain.values import FileObject, Kind, StreamId, kind_of

Box = tuple[float, float, float, float]


# ---------------------------------------------------------------- search


@dataclass(frozen=True)
class Found:
    """A hit with its place in the archive and on the page."""

    hit: Hit
    dossier_code: str
    boxes: tuple[Box, ...]
    """Left, top, right, bottom of each matched word, in 0..1 of the page as it is shown."""


@dataclass(frozen=True)
class Findings:
    """One page of results."""

    answer: SearchAnswer
    found: tuple[Found, ...]


def search(
    archive: Archive,
    request: Request,
    query: str,
    *,
    agency: StreamId | None = None,
    year: int | None = None,
    type_name: str | None = None,
    limit: int = 10,
    offset: int = 0,
) -> Findings:
    """Pages that match, as far as the agent may read; access is part of the query."""
    if not 1 <= limit <= 200 or not 0 <= offset <= 100_000:
        raise InvalidValueError("invalid-paging")
    allowed = search_scope(archive, request)
    answer = archive.index.search(
        query,
        allowed,
        agency=agency,
        year=year,
        type_name=type_name,
        limit=limit,
        offset=offset,
    )
    return Findings(answer, tuple(_place(archive, hit) for hit in answer.hits))


def search_scope(archive: Archive, request: Request) -> SearchScope:
    """What the agent may find today."""
    reach = access.scope(
        request.agent, Action.READ, tree=tree(archive), on=today(archive.clock.now())
    )
    # Restricted pages show only to who may read them in every agency of the search.
    return SearchScope(reach.agencies, restricted=reach.agencies <= reach.restricted)


def _place(archive: Archive, hit: Hit) -> Found:
    paper = load(archive, hit.record).record()
    code = load(archive, paper.dossier).dossier().code
    return Found(hit, code, _boxes(archive, paper, hit))


def _boxes(archive: Archive, paper: record.Record, hit: Hit) -> tuple[Box, ...]:
    words = paper.representation(RepresentationKind.WORDS)
    if words is None or paper.reading is None or not hit.words:
        return ()
    page = page_of(archive, paper, hit.page)
    if page is None or page["words"] is None:
        return ()
    offset, length = page["words"]
    with archive.objects.open(words.file.sha256, offset=offset, length=length) as source:
        line = json.loads(source.read())
    return tuple(
        (left, top, right, bottom)
        for text, left, top, right, bottom, _ in line["words"]
        if holds(text, hit.words)
    )


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
    """A record at a journal position, or now. What may be read is decided by today's state."""
    loaded = load(archive, target)
    now = loaded.record()
    holder = load(archive, now.dossier).dossier()
    require_seen(archive, request, resource_of(holder, now), target)
    state = loaded.record(at)
    pages = _pages(archive, state) if now.erased_by is None else ()
    last = max(e.position for e in loaded.events if at is None or e.position <= at)
    return RecordShown(state, holder.code, pages, last, _decision(archive, now.erased_by))


def show_dossier(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> DossierShown:
    """A dossier at a journal position, or now, with its records; isolated ones are not shown."""
    loaded = load(archive, target)
    now = loaded.dossier()
    require_seen(archive, request, resource_of(now), now.code)
    state = loaded.dossier(at)
    last = max(e.position for e in loaded.events if at is None or e.position <= at)
    shown: list[record.Record] = []
    for each in state.records:
        papers = load(archive, each)
        if papers.record().isolated is None:
            shown.append(papers.record(at))
            last = max(last, *(e.position for e in papers.events if at is None or e.position <= at))
    return DossierShown(state, tuple(shown), last, _decision(archive, now.erased_by))


def _decision(archive: Archive, case: StreamId | None) -> str | None:
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
    archive: Archive, request: Request, target: StreamId, kind: RepresentationKind
) -> Handed:
    """One representation of a record, digest checked on the way."""
    state = load(archive, target).record()
    holder = load(archive, state.dossier).dossier()
    require_seen(archive, request, resource_of(holder, state), target)
    found = state.representation(kind)
    if found is None:
        if state.erased_by is not None:
            raise RuleError("record-erased", record=target)
        raise NotFoundError(reference=f"{target}/{kind.value}")
    return Handed(found.file, archive.objects.open(found.file.sha256))


# ---------------------------------------------------------------- history


def history(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> tuple[Examined, ...]:
    """Every event of a dossier (with its records), a record, an agency, an agent…, each checked;
    one that is no longer what was signed is named so, and the others are shown all the same."""
    if kind_of(target) not in _PUBLIC:
        require_seen(archive, request, resource_behind(archive, target), target)
    hidden = frozenset(incident.record for incident in archive.work.incidents())
    examined = archive.journal.examine(archive.history.of(target, upto=at))
    return tuple(each for each in examined if not _speaks_of(each, hidden))


def _speaks_of(each: Examined, records: frozenset[StreamId]) -> bool:
    """True for what was recorded of one of the records, in its own stream or in its batch's."""
    if each.stream in records:
        return True
    event = each.recorded.event if each.recorded is not None else None
    if isinstance(event, scanning.ScanReceived | scanning.ScanDuplicated):
        return event.record in records
    return False


_PUBLIC = frozenset({Kind.PROCEDURE, Kind.ARCHIVE})
"""Public law, and the archive's own founding."""


def resource_behind(archive: Archive, target: StreamId) -> Resource:
    """What access to a reference depends on, read from its events even when some are damaged.

    Raises IntegrityError when what access depends on cannot be read.
    """
    events = [recorded.event for recorded in _readable(archive, target)]
    for event in events:
        match event:
            case dossier.DossierOpened():
                agencies = frozenset({event.receiving, event.deciding})
                restricted = any(isinstance(e, dossier.DossierRestricted) for e in events)
                return Resource(agencies, restricted=restricted)
            case record.RecordRegistered():
                isolated = any(isinstance(e, record.RecordIsolated) for e in events)
                return replace(resource_behind(archive, event.dossier), isolated=isolated)
            case scanning.BatchOpened() | erasure.ErasureRequested():
                return resource_behind(archive, event.dossier)
            case _:
                pass
    match kind_of(target):
        case Kind.AGENCY:
            return Resource(frozenset({target}))
        case Kind.AGENT:
            grants = load(archive, target).agent().grants
            return Resource(frozenset(grant.agency for grant in grants))
        case Kind.PROCEDURE | Kind.ARCHIVE:
            return Resource(frozenset(tree(archive)))
        case _:
            raise IntegrityError


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
