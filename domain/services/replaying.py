"""Replaying what happened: the events of a dossier, of an agent, of a station, of a day, each with
who, for whom, why, when, what it changed and whether it still is what was signed.

A history is for whoever may read what it is about; lists over many things are for auditors, within
the agencies of the mandate, and nothing is counted that lies beyond.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, time, timedelta

from domain import access, dossier, record, scanning
from domain.access import Action, Resource
from domain.attestation import CheckpointAttested
from domain.errors import (
    ArchiveError,
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    NotPermittedError,
)
from domain.events import Event, Recorded
from domain.ports import Examined
from domain.services import Archive, Request, comparing
from domain.services.comparing import Code, Difference, Fields, Streams, Unknown, Value, differences
from domain.services.deciding import (
    VIETNAM,
    Loaded,
    permit,
    permit_everywhere,
    require_seen,
    resolve,
    resource_of,
    today,
    tree,
)
from domain.services.retrieval import resource_behind, search_scope, when
from domain.services.substitution import acted_for_among
from domain.text import nfc
from domain.values import EventId, Kind, StreamId, kind_of
from domain.views import AgentRow, DossierFilter, DossierRow

PAGE = 25
"""Events of one page."""
FACTS = (
    "title",
    "name",
    "login",
    "code",
    "role",
    "agency",
    "absent",
    "since",
    "until",
    "reason",
    "ground",
    "request",
    "decision",
    "device",
    "files_declared",
    "sheets_declared",
    "documents_declared",
    "pages",
    "unread",
    "warnings",
    "attempt",
    "records",
    "closed_on",
    "lock",
    "destroyed",
    "shared",
    "key",
    "certificate_sha256",
    "size",
    "total",
    "query",
    "witnesses",
    "tokens",
)
"""What an event says besides its name, by the names of its fields."""
_STREAM = re.compile(rf"(?:{'|'.join(Kind)})-[0-9a-f-]{{36}}")
_PUBLIC = (Kind.PROCEDURE, Kind.ARCHIVE, Kind.KEYS, Kind.LOG)
_ADMINISTERED = (Kind.AGENCY, Kind.AGENT)
_MOMENT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) +(\d{1,2}):(\d{2})(?::(\d{2}))?")
_BATCHES = 200
"""Batches that are looked through for one page of a station."""
_CHUNK = 200


@dataclass(frozen=True)
class Step:
    """One event of a history."""

    examined: Examined
    changes: tuple[Difference, ...]
    """Fields that have another value since; the earlier one is Unknown where it cannot be read."""
    facts: tuple[tuple[str, Value], ...]
    """What else it says, by the names of FACTS."""
    absent: StreamId | None
    """In whose place (thay mặt) the agent acted."""

    @property
    def position(self) -> int:
        """Its place in the journal."""
        return self.examined.position

    @property
    def recorded(self) -> Recorded[Event] | None:
        """None when it cannot be read."""
        return self.examined.recorded


@dataclass(frozen=True)
class Steps:
    """Some events, the newest first, with the names that they need."""

    steps: tuple[Step, ...]
    names: Mapping[StreamId, str | None]
    """Of agents; None where it was erased or cannot be read."""
    causes: Mapping[EventId, int]
    """The positions of those causes that are among the events."""
    labels: Mapping[StreamId, str]
    """What lists call the records that the events belong to."""


@dataclass(frozen=True)
class Timeline:
    """A page of a history, and the chosen moment in it."""

    target: StreamId
    dossier_code: str | None
    """Of a dossier, or of a record's; None for anything else."""
    title: Value
    """Of the dossier as it is now."""
    total: int
    fields: Fields | None
    """Of the dossier or the record as it stood then, its own alone; None before it existed, and
    where its events cannot be read."""
    chosen: int | None
    """The position of the last event of the moment, None before the first one."""
    ordinal: int
    """Its number in the history, 0 before the first one."""
    page: Steps
    newer: int | None
    """`before` of the page with newer events, None when there are none."""
    older: int | None


@dataclass(frozen=True)
class Mandate:
    """What an auditor may see, and what there is to begin with."""

    agencies: frozenset[StreamId]
    agents: Sequence[AgentRow]
    recent: Sequence[DossierRow]


@dataclass(frozen=True)
class Listed:
    """A page of events over many things, and where the next one begins."""

    page: Steps
    older: str
    """Empty when there are no more."""
    codes: Mapping[StreamId, str]
    """Of the dossiers to which the events' streams belong, by stream."""


# ---------------------------------------------------------------- what is asked for


def locate(archive: Archive, request: Request, reference: str) -> StreamId:
    """What an identity or a code names; NotFoundError when the asker may not see it, too."""
    return _located(archive, request, reference, Streams(archive))


def _located(archive: Archive, request: Request, reference: str, streams: Streams) -> StreamId:
    text = reference.strip()
    if _STREAM.fullmatch(text):
        target = StreamId(text)
        if not archive.history.of(target) and not archive.journal.load(target):
            raise NotFoundError(reference=text)
    else:
        target = resolve(archive, text, Kind.DOSSIER, Kind.AGENCY, Kind.PROCEDURE)
    if kind_of(target) not in _PUBLIC:
        _require_seen(archive, request, target, text[:80], streams)
    return target


def _require_seen(
    archive: Archive, request: Request, target: StreamId, reference: str, streams: Streams
) -> None:
    """Who administers an agency or a person sees what was changed of it, and no paper."""
    resource = _resource(archive, target, streams)
    if kind_of(target) in _ADMINISTERED:
        with suppress(NotPermittedError):
            permit(archive, request, Action.ADMINISTER, resource)
            return
    require_seen(archive, request, resource, reference)


def _resource(archive: Archive, target: StreamId, streams: Streams) -> Resource:
    """`resource_behind`, from the stream that a page of the dossier loads anyway."""
    if kind_of(target) is Kind.DOSSIER:
        with suppress(IntegrityError, NotFoundError):  # What is damaged is read event by event.
            return resource_of(streams.of(target).dossier())
    return resource_behind(archive, target)


def stream_seen(archive: Archive, request: Request, position: int) -> StreamId:
    """The stream of an event that the asker may see in its history; NotFoundError else."""
    stream = archive.journal.examine([position])[0].stream
    if stream is None or not _unhidden(archive, [position]):
        raise NotFoundError(reference=str(position))
    try:
        return locate(archive, request, stream)
    except NotFoundError as exc:
        raise NotFoundError(reference=str(position)) from exc


def moment(archive: Archive, text: str) -> int | None:
    """A journal position from what a person writes; None for an empty text: now.

    Besides what `when` takes, `10/3/2026 23:59` and `10/3/2026 23:59:07`, to the end of that
    minute or second in Việt Nam. Raises InvalidValueError("invalid-moment").
    """
    if not text.strip():
        return None
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return when(archive, text)
    day, month, year, hour, minute, second = found.groups()
    try:
        last = time(int(hour), int(minute), int(second or 59), 999_999, VIETNAM)
        instant = datetime.combine(date(int(year), int(month), int(day)), last)
        return archive.history.position_at(instant.astimezone(UTC))
    except (ValueError, OverflowError) as exc:
        raise InvalidValueError("invalid-moment") from exc


def day_of(text: str) -> date | None:
    """A day as a person writes it, `23/4/2026` or `2026-04-23`; None for an empty text.

    Raises InvalidValueError("invalid-date").
    """
    stripped = text.strip()
    try:
        if "/" not in stripped:
            return date.fromisoformat(stripped) if stripped else None
        day, month, year = (int(part) for part in stripped.split("/"))
        return date(year, month, day)
    except ValueError as exc:
        raise InvalidValueError("invalid-date", field="date") from exc


def agent_named(text: str) -> StreamId | None:
    """The identity of an agent, None for any other text."""
    fine = _STREAM.fullmatch(text) and text.startswith(f"{Kind.AGENT}-")
    return StreamId(text) if fine else None


def code_of(archive: Archive, target: StreamId) -> str | None:
    """The code of the dossier that is meant or that holds the record; None where it has none or
    cannot be read."""
    return _head(archive, target, Streams(archive))[0]


def mandate(archive: Archive, request: Request) -> Mandate:
    """The auditor's agencies today, with their agents and newest dossiers."""
    agencies = _mandate(archive, request)
    scope = search_scope(archive, request)
    return Mandate(
        agencies,
        archive.catalogue.agents(agencies),
        archive.catalogue.browse(scope, DossierFilter(), limit=10),
    )


def verifiable(archive: Archive, request: Request, reference: str) -> StreamId | None:
    """What a verification is asked of: a reference, or with an empty one the whole archive.

    Raises as `locate`, and NotPermittedError for who may not verify it.
    """
    if not reference:
        permit_everywhere(archive, request, Action.VERIFY)
        return None
    target = locate(archive, request, reference)
    permit(archive, request, Action.VERIFY, resource_behind(archive, target))
    return target


def may_verify_all(archive: Archive, request: Request) -> bool:
    """Whether the asker may verify the whole archive."""
    try:
        verifiable(archive, request, "")
    except NotPermittedError:
        return False
    return True


def _mandate(archive: Archive, request: Request) -> frozenset[StreamId]:
    """The agencies, or NotPermittedError where no mandate holds today."""
    day = today(archive.clock.now())
    reach = access.scope(request.agent, Action.AUDIT, tree=tree(archive), on=day)
    if not reach.agencies:
        raise NotPermittedError(action=Action.AUDIT.value, reason="no-role")
    return reach.agencies & reach.restricted


# ---------------------------------------------------------------- one history


def timeline(
    archive: Archive,
    request: Request,
    reference: str,
    *,
    at: int | None = None,
    before: int | None = None,
) -> Timeline:
    """A page of the history of anything that the asker may read: that with the chosen moment, or
    what lies before a position."""
    streams = Streams(archive)
    target = _located(archive, request, reference, streams)
    newest = _visible(archive, target)[::-1]
    chosen = next((i for i, each in enumerate(newest) if at is None or each <= at), len(newest))
    start = 0 if chosen < PAGE else chosen - PAGE // 5
    if before is not None:
        start = next((i for i, each in enumerate(newest) if each < before), len(newest))
    shown = newest[start : start + PAGE]
    code, title = _head(archive, target, streams)
    return Timeline(
        target=target,
        dossier_code=code,
        title=title,
        fields=_fields(target, at, streams),
        total=len(newest),
        chosen=newest[chosen] if chosen < len(newest) else None,
        ordinal=len(newest) - chosen,
        page=_steps(archive, shown, streams),
        newer=newest[max(start - PAGE, 0)] + 1 if start else None,
        older=shown[-1] if shown and start + PAGE < len(newest) else None,
    )


def position_of(archive: Archive, request: Request, reference: str, ordinal: int) -> int:
    """The journal position of the n-th event of a history; of the nearest one for any other n."""
    positions = _visible(archive, locate(archive, request, reference))
    return positions[min(max(ordinal, 1), len(positions)) - 1] if positions else 0


def exported(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> Iterator[Steps]:
    """All events in order, some at a time: a history may be long."""
    target = locate(archive, request, target)
    positions = _visible(archive, target, at)
    streams = Streams(archive)
    parts = (positions[start : start + _CHUNK] for start in range(0, len(positions), _CHUNK))
    return (_steps(archive, part, streams) for part in parts)


def _visible(archive: Archive, target: StreamId, at: int | None = None) -> list[int]:
    """The positions of a history without those that speak of an isolated record."""
    hidden: set[int] = set()
    for incident in archive.work.incidents():
        if kind_of(target) is not Kind.DOSSIER or incident.dossier == target:
            hidden.update(archive.history.of(incident.record))
    return [each for each in archive.history.of(target, upto=at) if each not in hidden]


def _head(archive: Archive, target: StreamId, streams: Streams) -> tuple[str | None, Value]:
    """The dossier's code and title, as far as its stream can be read."""
    try:
        match kind_of(target):
            case Kind.DOSSIER:
                state = streams.of(target).dossier()
            case Kind.RECORD:
                state = streams.of(streams.of(target).record().dossier).dossier()
            case _:
                return None, None
    except IntegrityError:
        return None, Unknown()
    return state.code, state.title


def _fields(target: StreamId, at: int | None, streams: Streams) -> Fields | None:
    try:
        match kind_of(target):
            case Kind.DOSSIER:
                return comparing.dossier_fields(streams.of(target).dossier(at))
            case Kind.RECORD:
                return comparing.record_fields(streams.of(target), at)
            case _:
                return None
    except (IntegrityError, NotFoundError):
        return None


# ---------------------------------------------------------------- lists over many things


def listed(
    archive: Archive,
    request: Request,
    *,
    agent: StreamId | None = None,
    day: date | None = None,
    device: str = "",
    before: str = "",
) -> Listed:
    """The events of an agent, of a station and of a day (each narrows the others), the newest
    first, within the mandate. `before` is what the page before gave as `older`."""
    within = _mandate(archive, request)
    if device:
        return _of_device(archive, within, device, agent, day, before)
    cursor = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
    if day is not None:
        start, end = _bounds(day)
    if agent is not None:
        # Times of two streams may be a little apart, so the day's first event is looked for too.
        upto = archive.history.position_at(end) if day is not None else None
        found = archive.history.by_agent(agent, upto=upto, limit=PAGE, before=cursor, within=within)
    elif day is not None:
        found = archive.history.on_day(start, end, limit=PAGE, before=cursor, within=within)
    else:
        found = ()
    page = _steps(archive, _unhidden(archive, found), Streams(archive))
    older = str(found[-1]) if len(found) == PAGE else ""
    if agent is not None and day is not None:
        kept = tuple(s for s in page.steps if s.recorded is None or s.recorded.at >= start)
        older = older if len(kept) == len(page.steps) else ""
        page = replace(page, steps=kept)
    return Listed(page, older, _codes(archive, page, Streams(archive)))


def _codes(archive: Archive, page: Steps, streams: Streams) -> Mapping[StreamId, str]:
    """The code of the dossier behind each stream of a page, where there is one to be read."""
    touched = {s for s in (step.examined.stream for step in page.steps) if s is not None}
    rows = archive.catalogue.record_rows({s for s in touched if kind_of(s) is Kind.RECORD})
    found: dict[StreamId, str] = {}
    for stream in touched:
        holder = rows[stream].dossier if stream in rows else stream
        if kind_of(holder) is Kind.DOSSIER:
            with suppress(IntegrityError):
                found[stream] = streams.of(holder).dossier().code
    return found


def _bounds(day: date) -> tuple[datetime, datetime]:
    """The first instant of a day in Việt Nam and of the next one, in UTC."""
    try:
        start = datetime.combine(day, time.min, VIETNAM).astimezone(UTC)
        return start, start + timedelta(days=1)
    except OverflowError as exc:
        raise InvalidValueError("invalid-moment") from exc


def _unhidden(archive: Archive, positions: Sequence[int]) -> list[int]:
    hidden: set[int] = set()
    for incident in archive.work.incidents():
        hidden.update(archive.history.of(incident.record))
    return [each for each in positions if each not in hidden]


def _of_device(
    archive: Archive,
    within: frozenset[StreamId],
    device: str,
    agent: StreamId | None,
    day: date | None,
    before: str,
) -> Listed:
    """The batches of a station, as it named itself. The name is a personal field of each batch and
    stands in no list, so a page looks through so many batches and says where it stopped."""
    cursor = StreamId(before) if _STREAM.fullmatch(before) else None
    batches = archive.history.batches_within(within, limit=_BATCHES, before=cursor)
    openings = archive.journal.examine([position for _, position in batches])
    wanted = nfc(device).casefold().strip()
    positions: list[int] = []
    for (batch, _), opening in zip(batches, openings, strict=True):
        first = opening.recorded
        if first is None or not isinstance(first.event, scanning.BatchOpened):
            continue
        named = first.event.device
        if not isinstance(named, str) or named.casefold() != wanted:
            continue
        if (agent or first.by.agent) != first.by.agent or (day or today(first.at)) != today(
            first.at
        ):
            continue
        positions += archive.history.of(batch)
    shown = _unhidden(archive, sorted(positions, reverse=True))
    older = batches[-1][0] if len(batches) == _BATCHES else ""
    streams = Streams(archive)
    page = _steps(archive, shown, streams)
    return Listed(page, older, _codes(archive, page, streams))


# ---------------------------------------------------------------- one event


def _steps(archive: Archive, positions: Sequence[int], streams: Streams) -> Steps:
    examined = archive.journal.examine(positions)
    readable = [each.recorded for each in examined if each.recorded is not None]
    absent = acted_for_among(readable, streams.of)
    intact = {
        (each.recorded.stream, each.recorded.version): each.recorded
        for each in examined
        if each.recorded is not None and each.state == "intact"
    }
    steps = []
    for each in examined:
        recorded = each.recorded
        steps.append(
            Step(
                each,
                _changes(recorded, intact, streams) if recorded is not None else (),
                _facts(recorded.event) if recorded is not None else (),
                absent.get(recorded.id) if recorded is not None else None,
            )
        )
    agents = {recorded.by.agent for recorded in readable} | set(absent.values())
    for _, value in (fact for step in steps for fact in step.facts):
        if isinstance(value, str) and _STREAM.fullmatch(value) and value.startswith(Kind.AGENT):
            agents.add(StreamId(value))
    places = {recorded.id: recorded.position for recorded in readable}
    papers = {s for s in (each.stream for each in examined) if s and kind_of(s) is Kind.RECORD}
    labels = {
        row.id: row.code or row.subject or row.type_name or ""
        for row in archive.catalogue.record_rows(papers).values()
    }
    return Steps(tuple(steps), {each: _name(each, streams) for each in agents}, places, labels)


def names_of(archive: Archive, agents: Iterable[StreamId]) -> Mapping[StreamId, str | None]:
    """The names of agents; None where one was erased or cannot be read."""
    streams = Streams(archive)
    return {each: _name(each, streams) for each in agents}


def _name(agent: StreamId, streams: Streams) -> str | None:
    try:
        name = streams.of(agent).agent().name
    except ArchiveError:
        return None
    return name if isinstance(name, str) else None


_Intact = Mapping[tuple[StreamId, int], Recorded[Event]]
"""Events that were examined and found to be what was signed, by stream and version."""


def _upto(recorded: Recorded[Event], intact: _Intact, streams: Streams) -> Loaded:
    """The stream up to the event: of what was just examined where that is all of it."""
    found: list[Recorded[Event]] = []
    for version in range(recorded.version, 0, -1):
        if (each := intact.get((recorded.stream, version))) is None:
            return streams.of(recorded.stream)
        found.append(each)
    return Loaded(tuple(reversed(found)))


def _changes(
    recorded: Recorded[Event], intact: _Intact, streams: Streams
) -> tuple[Difference, ...]:
    """What the event changed, from the state before it and the state after it."""
    event, before = recorded.event, recorded.position - 1
    if not isinstance(
        event, dossier.DossierCorrected | record.RecordCorrected | record.RecordDescribed
    ):
        return ()
    try:
        loaded = _upto(recorded, intact, streams)
        if isinstance(event, dossier.DossierCorrected):
            old = comparing.dossier_fields(loaded.dossier(before))
            new = comparing.dossier_fields(loaded.dossier(recorded.position))
        else:
            old = comparing.record_fields(loaded, before)
            new = comparing.record_fields(loaded, recorded.position)
    except IntegrityError:
        return _said(event)
    if isinstance(event, record.RecordDescribed):
        return differences(old, new)
    # What was erased before and after is no difference, and yet it was a correction.
    return (Difference(event.field.value, old[event.field.value], new[event.field.value]),)


def _said(event: Event) -> tuple[Difference, ...]:
    if isinstance(event, dossier.DossierCorrected | record.RecordCorrected):
        return (Difference(event.field.value, Unknown(), event.value),)
    return ()


def _facts(event: Event) -> tuple[tuple[str, Value], ...]:
    """The fields of FACTS that say something; a reason that is a code is one."""
    names = {item.name for item in fields(event)}
    found: list[tuple[str, Value]] = []
    for name in FACTS:
        value = getattr(event, name) if name in names else None
        if name == "reason" and isinstance(event, record.ReadingFailed | scanning.ScanRefused):
            value = Code(event.reason)
        if name == "warnings":
            found += [(name, Code(each)) for each in value or ()]
        elif isinstance(event, CheckpointAttested) and name == "witnesses":
            found += [(name, each) for each in event.witnesses]
        elif isinstance(event, CheckpointAttested) and name == "tokens":
            found += [(name, f"{each.authority} {each.at}") for each in event.tokens]
        elif value is not None:
            found.append((name, value))
    return tuple(found)
