"""Browsing: lists of dossiers, one dossier with its papers, the queue of papers to vouch for.

It only reads. Lists come from the views, so that a page costs the same in a large archive.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

from domain import access, dossier
from domain.access import Action
from domain.dossier import Dossier, DossierCorrected, DossierField, DossierKind
from domain.errors import NotFoundError
from domain.procedure import Component, ProcedureVersionAdopted
from domain.record import Record, RecordField
from domain.searching import SearchScope
from domain.services import Archive, Request, retrieval
from domain.services.deciding import Loaded, load, require_seen, resolve, resource_of, today, tree
from domain.services.kinship import is_seen, standing
from domain.text import fold
from domain.values import Erased, Kind, StreamId
from domain.views import Cursor, DossierFilter, DossierRow, RecordRow

A_PAGE = 30
_YEAR = re.compile(r"[0-9]{4}")
_CLOSED = {"open": False, "closed": True}


# ---------------------------------------------------------------- lists of dossiers


@dataclass(frozen=True)
class Listing:
    """One page of a list, and what the whole list looks like."""

    rows: Sequence[DossierRow]
    total: int
    facets: Mapping[str, Sequence[tuple[str, int]]]
    after: Cursor | None
    """Where the next page begins; None on the last one."""


def browse(
    archive: Archive, request: Request, wanted: DossierFilter, *, after: Cursor | None = None
) -> Listing:
    """Dossiers that the agent may read, the newest first; nothing beyond them is counted."""
    scope = retrieval.search_scope(archive, request)
    rows = archive.catalogue.browse(scope, wanted, after=after, limit=A_PAGE + 1)
    shown, more = rows[:A_PAGE], len(rows) > A_PAGE
    return Listing(
        shown,
        archive.catalogue.count(scope, wanted),
        archive.catalogue.facets(scope, wanted),
        (shown[-1].opened_on, shown[-1].id) if more else None,
    )


def read_filter(archive: Archive, asked: Mapping[str, str]) -> DossierFilter:
    """The filter of `agency` and `procedure` (codes), `year`, `kind` and `state`, as an address
    says them. A code that nothing bears asks for what nobody finds; what means nothing asks for
    nothing."""
    year, kind = asked.get("year", ""), asked.get("kind", "")
    return DossierFilter(
        agency=_named(archive, asked.get("agency", ""), Kind.AGENCY),
        year=int(year) if _YEAR.fullmatch(year) else None,
        procedure=_named(archive, asked.get("procedure", ""), Kind.PROCEDURE),
        kind=kind if kind in {*DossierKind} else None,
        closed=_CLOSED.get(asked.get("state", "")),
    )


def _named(archive: Archive, reference: str, kind: Kind) -> StreamId | None:
    if not reference:
        return None
    try:
        return resolve(archive, reference, kind)
    except NotFoundError:
        return StreamId(f"{kind}-")


def parse_cursor(text: str) -> Cursor | None:
    """A place in a list of dossiers as an address holds it: `2026-03-02_dossier-…`; None for
    anything else."""
    day, _, stream = text.partition("_")
    try:
        return (date.fromisoformat(day), StreamId(stream)) if stream else None
    except ValueError:
        return None


# ---------------------------------------------------------------- one dossier


class PaperState(StrEnum):
    """How far a paper of a dossier is."""

    PAPER = "paper"
    """On paper alone: there is nothing to read."""
    WAITING = "waiting"
    FAILED = "failed"
    STUCK = "stuck"
    READ = "read"
    ERASED = "erased"


@dataclass(frozen=True)
class Paper:
    """A record as the list of its dossier shows it; texts are empty when unknown or erased."""

    id: StreamId
    ordinal: int
    code: str
    type_name: str
    issued_on: str
    subject: str
    location: str
    pages: int | None
    state: PaperState
    confirmed: bool
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Departed:
    """A record that was in the dossier and is in its list no longer."""

    record: StreamId
    how: str
    """`moved`, `withdrawn` or `absorbed` (its pages stand in another record)."""
    dossier: StreamId | None
    """Where it is now, for who may see it there."""
    code: str


@dataclass(frozen=True)
class Earlier:
    """A value that a field of the dossier had, and who set the next one."""

    value: str | Erased | None
    at: datetime
    by: str | None


@dataclass(frozen=True)
class Needed:
    """A component that the procedure asks for, and the papers that are called like it."""

    component: Component
    papers: Sequence[Paper]


@dataclass(frozen=True)
class DossierOpen:
    """A dossier as it stands or stood, as far as a page shows it."""

    dossier: Dossier
    version: int
    """Events of its stream: what a correction begins from."""
    position: int
    papers: Sequence[Paper]
    departed: Sequence[Departed]
    erasure_decision: str | None
    procedure: ProcedureVersionAdopted | None
    earlier: Mapping[DossierField, Sequence[Earlier]] = field(default_factory=dict)

    @property
    def needed(self) -> Sequence[Needed]:
        """The components of the procedure's version; papers are matched by their names."""
        components = self.procedure.components if self.procedure is not None else ()
        return [
            Needed(each, [paper for paper in self.papers if _is_called(paper, each.name)])
            for each in components
        ]


def _is_called(paper: Paper, name: str) -> bool:
    wanted = fold(name)
    told = [fold(text) for text in (paper.type_name, paper.subject) if text]
    return any(wanted in text or (len(text) > 3 and text in wanted) for text in told)


def open_dossier(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> DossierOpen:
    """A dossier at a journal position, or now. What may be read is decided by today's state."""
    loaded = load(archive, target)
    now = loaded.dossier()
    require_seen(archive, request, resource_of(now), now.code)
    if at is None:
        rows = archive.catalogue.records(target)
        papers = _present(archive, target, rows)
        departed = _departed(archive, request, loaded, {row.id for row in rows})
        state, position = now, loaded.events[-1].position
        decision = retrieval.decision_of(archive, now.erased_by)
    else:
        then = retrieval.show_dossier(archive, request, target, at=at)
        state, position, decision = then.dossier, then.position, then.erasure_decision
        places = _ordinals(loaded)
        papers = [_past(each, places.get(each.id, 0)) for each in then.records]
        departed = ()
    return DossierOpen(
        state,
        loaded.version,
        position,
        papers,
        departed,
        decision,
        _procedure_of(archive, state),
        _earlier(archive, loaded, at) if now.erased_by is None else {},
    )


def _present(archive: Archive, target: StreamId, rows: Sequence[RecordRow]) -> Sequence[Paper]:
    reading: dict[StreamId, str] = {}
    warnings: dict[StreamId, tuple[str, ...]] = {}
    for item in archive.work.items(dossier=target):
        if item.task == "read":
            reading[item.record] = item.state
        elif item.task == "look" and item.reason is not None:
            warnings[item.record] = (*warnings.get(item.record, ()), item.reason)
    return [
        Paper(
            row.id,
            row.ordinal,
            row.code or "",
            row.type_name or "",
            row.issued_on or "",
            row.subject or "",
            row.paper_location or "",
            row.pages,
            _state_of(row, reading.get(row.id)),
            row.confirmed,
            warnings.get(row.id, ()),
        )
        for row in rows
    ]


def _state_of(row: RecordRow, reading: str | None) -> PaperState:
    if row.erased_by is not None:
        return PaperState.ERASED
    if row.original is None:
        return PaperState.PAPER
    match reading:
        case "pending":
            return PaperState.WAITING
        case "failed":
            return PaperState.FAILED
        case "stuck":
            return PaperState.STUCK
        case _:
            return PaperState.READ


def _past(state: Record, ordinal: int) -> Paper:
    def said(name: RecordField) -> str:
        value = state.metadata.get(name)
        return value if isinstance(value, str) else ""

    if state.erased_by is not None:
        how = PaperState.ERASED
    elif state.original is None:
        how = PaperState.PAPER
    elif state.reading is not None:
        how = PaperState.READ
    elif state.failure is not None:
        how = PaperState.STUCK if state.failure.final else PaperState.FAILED
    else:
        how = PaperState.WAITING
    return Paper(
        state.id,
        ordinal,
        state.code,
        said(RecordField.TYPE_NAME),
        said(RecordField.ISSUED_ON),
        said(RecordField.SUBJECT),
        said(RecordField.PAPER_LOCATION),
        state.pages,
        how,
        state.confirmed,
    )


def _ordinals(loaded: Loaded) -> Mapping[StreamId, int]:
    added = [e.event for e in loaded.events if isinstance(e.event, dossier.DossierRecordAdded)]
    return {event.record: event.ordinal for event in added}


def _departed(
    archive: Archive, request: Request, loaded: Loaded, listed: set[StreamId]
) -> Sequence[Departed]:
    """What was added once and is not listed now; isolated records are named to nobody."""
    found = []
    target = loaded.events[0].stream
    for each in _ordinals(loaded):
        if each in listed:
            continue
        paper = load(archive, each).record()
        holder = standing(archive, paper)
        if holder.isolated is not None or paper.isolated is not None:
            continue
        if paper.withdrawn:
            found.append(Departed(each, "withdrawn", None, ""))
        elif paper.absorbed_into is not None:
            found.append(Departed(each, "absorbed", holder.dossier, ""))
        elif paper.dossier != target:
            place = load(archive, paper.dossier).dossier()
            seen = is_seen(archive, request, paper)
            found.append(
                Departed(each, "moved", place.id if seen else None, place.code if seen else "")
            )
    return found


def _procedure_of(archive: Archive, state: Dossier) -> ProcedureVersionAdopted | None:
    if state.procedure is None:
        return None
    versions = load(archive, state.procedure).procedure().versions
    return next((each for each in versions if each.version == state.procedure_version), None)


def _earlier(
    archive: Archive, loaded: Loaded, at: int | None
) -> Mapping[DossierField, Sequence[Earlier]]:
    found: dict[DossierField, list[Earlier]] = {}
    for one in loaded.events:
        if at is not None and one.position > at:
            break
        if isinstance(one.event, DossierCorrected):
            before = getattr(loaded.dossier(one.position - 1), one.event.field.value)
            name = load(archive, one.by.agent).agent().name
            by = name if isinstance(name, str) else None
            found.setdefault(one.event.field, []).append(Earlier(before, one.at, by))
    return found


# ---------------------------------------------------------------- what nobody vouched for yet


def next_unconfirmed(
    archive: Archive,
    request: Request,
    after: StreamId | None,
    *,
    action: Action = Action.CONFIRM,
) -> RecordRow | None:
    """The next record behind `after` that waits for a person's word and with which the agent may
    do `action`; the oldest first, None at the end."""
    scope = _queue(archive, request, action)
    rows = archive.catalogue.unconfirmed(scope, after=after, limit=1) if scope.agencies else ()
    return rows[0] if rows else None


def _queue(archive: Archive, request: Request, action: Action) -> SearchScope:
    reading = retrieval.search_scope(archive, request)
    able = access.scope(request.agent, action, tree=tree(archive), on=today(archive.clock.now()))
    return replace(reading, agencies=reading.agencies & able.agencies)
