"""Opening a record: its pages, who said what of it, and where a query stands on its pages."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, BinaryIO

from domain import record
from domain.agents import Actor
from domain.errors import NotFoundError, UnavailableError
from domain.ports import Protection
from domain.record import RecordField, RepresentationKind
from domain.searching import Hit
from domain.services import Archive, Request, retrieval
from domain.services.deciding import Loaded, load, require_seen, resource_of
from domain.services.finding import scope
from domain.text import holds
from domain.values import Erased, Kind, StreamId

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in 0..1 of the page as it is shown."""


@dataclass(frozen=True)
class Sheet:
    """One page of a record, as its reading left it."""

    n: int
    state: str | None
    """How its reading ended, None before that."""
    width: int | None
    height: int | None
    """Pixels of the picture that was read, None before that."""
    text: tuple[int, int] | None = None
    words: tuple[int, int] | None = None
    """Offset and bytes of its part of the text and of the words."""
    pictured: bool = False
    """True when there are thumbnails of the record."""


@dataclass(frozen=True)
class Setting:
    """A value of a field, as somebody or the reader set it."""

    value: str | Erased | None
    at: datetime
    by: Actor
    name: str | None
    """Of who set it; None when it was erased."""
    origin: record.Described


@dataclass(frozen=True)
class Opened:
    """A record as it stands or stood."""

    record: record.Record
    dossier_code: str
    dossier_title: str | None
    """None when it was erased."""
    sheets: tuple[Sheet, ...]
    events: int
    position: int
    """The journal position of the last event that it shows."""
    erasure_decision: str | None
    """The text of the decision by which personal data was erased."""
    settings: Mapping[RecordField, Sequence[Setting]] = field(default_factory=dict)
    """Every value that a field ever had, the newest last."""

    def sheet(self, n: int) -> Sheet | None:
        """A page by its number."""
        return next((each for each in self.sheets if each.n == n), None)


def open_record(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> Opened:
    """A record at a journal position, or now. What may be read is decided by today's state."""
    loaded = load(archive, target)
    now = loaded.record()
    holder = load(archive, now.dossier).dossier()
    require_seen(archive, request, resource_of(holder, now), target)
    state = loaded.record(at)
    shown = [e for e in loaded.events if at is None or e.position <= at]
    erased = now.erased_by
    return Opened(
        record=now if erased is not None else state,
        dossier_code=holder.code,
        dossier_title=holder.title if isinstance(holder.title, str) else None,
        sheets=_sheets(archive, state) if erased is None else (),
        events=len(shown),
        position=shown[-1].position,
        erasure_decision=retrieval.decision_of(archive, erased),
        settings=_settings(archive, loaded, at) if erased is None else {},
    )


def _sheets(archive: Archive, state: record.Record) -> tuple[Sheet, ...]:
    if not state.sources or state.withdrawn or state.absorbed_into is not None:
        return ()
    if state.reading is None:
        return tuple(Sheet(n, None, None, None) for n in range(1, (state.pages or 0) + 1))
    pictured = state.representation(RepresentationKind.THUMBNAILS) is not None
    pages = retrieval.manifest_of(archive, state)["pages"]
    return tuple(_sheet(page, pictured=pictured) for page in pages)


def _sheet(page: Mapping[str, Any], *, pictured: bool) -> Sheet:
    text, words = page["text"], page["words"]
    return Sheet(
        n=page["n"],
        state=page["state"],
        width=page["width"] or None,
        height=page["height"] or None,
        text=(text[0], text[1]) if text is not None else None,
        words=(words[0], words[1]) if words is not None else None,
        pictured=pictured,
    )


def _settings(
    archive: Archive, loaded: Loaded, at: int | None
) -> Mapping[RecordField, Sequence[Setting]]:
    names: dict[StreamId, str | None] = {}
    found: dict[RecordField, list[Setting]] = {}
    for one in loaded.events:
        event = one.event
        if at is not None and one.position > at:
            break
        if isinstance(event, record.RecordCorrected):
            said, origin = {event.field: event.value}, record.Described.PERSON
        elif isinstance(event, record.RecordDescribed):
            values = {name: getattr(event, name.value, None) for name in RecordField}
            said = {name: value for name, value in values.items() if value is not None}
            origin = event.origin
        else:
            continue
        if one.by.agent not in names:
            names[one.by.agent] = _name(archive, one.by.agent)
        for each, value in said.items():
            setting = Setting(value, one.at, one.by, names[one.by.agent], origin)
            found.setdefault(each, []).append(setting)
    return found


def _name(archive: Archive, agent: StreamId) -> str | None:
    name = load(archive, agent).agent().name
    return name if isinstance(name, str) else None


def record_named(text: str) -> StreamId:
    """The identity of a record as an address gives it; NotFoundError for anything else."""
    if not text.startswith(f"{Kind.RECORD}-"):
        raise NotFoundError(reference=text[:80])
    return StreamId(text)


def protection_of(archive: Archive, state: record.Record) -> Protection | None:
    """What the store says now of the lock on the original; None where it cannot say it."""
    if state.original is None or archive.objects.lock == "none":
        return None
    try:
        return archive.objects.protection(state.original.sha256)
    except (NotFoundError, UnavailableError):
        return None


def text_of(archive: Archive, state: record.Record, sheet: Sheet) -> str:
    """The text of one page; empty where it was not read."""
    text = state.representation(RepresentationKind.TEXT)
    if text is None or sheet.text is None:
        return ""
    offset, length = sheet.text
    with archive.objects.open(text.file.sha256, offset=offset, length=length) as source:
        return source.read().decode()


# ---------------------------------------------------------------- places on its pages


@dataclass(frozen=True)
class Marked:
    """Where a record matches a query."""

    pages: tuple[int, ...]
    """Every page that matches, rising."""
    places: Mapping[int, tuple[tuple[Box, ...], ...]]
    """Of the pages that were asked for: runs of matched words side by side, a box a word."""
    words: Mapping[int, tuple[str, ...]]
    """Of the same pages: the matched words as the page writes them (NFC, lower case)."""


def mark(
    archive: Archive, request: Request, opened: Opened, query: str, shown: Sequence[int]
) -> Marked:
    """Where an opened record matches a query; the boxes of the pages `shown` alone.

    Raises InvalidValueError for a query that cannot be read.
    """
    found = archive.index.places(query, scope(archive, request), opened.record.id, shown)
    sheets = {sheet.n: sheet for sheet in opened.sheets}
    here = [hit for hit in found.hits if hit.page in sheets]
    lines = _lines(archive, opened.record, [sheets[hit.page] for hit in here if hit.words])
    places = {hit.page: _places(lines.get(hit.page, ()), hit.words) for hit in here}
    return Marked(found.pages, places, {hit.page: hit.words for hit in here})


def boxes(archive: Archive, hit: Hit) -> tuple[Box, ...]:
    """The boxes of the matched words of a hit of `search`."""
    paper = load(archive, hit.record).record()
    if paper.reading is None:
        return ()
    sheets = [sheet for sheet in _sheets(archive, paper) if sheet.n == hit.page and hit.words]
    words = _lines(archive, paper, sheets).get(hit.page, ())
    return tuple(box for run in _places(words, hit.words) for box in run)


_Word = tuple[str, float, float, float, float, int]


def _lines(
    archive: Archive, state: record.Record, sheets: Sequence[Sheet]
) -> Mapping[int, Sequence[_Word]]:
    """The words of some pages, in one read from the first of them to the last."""
    words = state.representation(RepresentationKind.WORDS)
    spans = [sheet.words for sheet in sheets if sheet.words is not None]
    if words is None or not spans:
        return {}
    first, end = min(start for start, _ in spans), max(sum(span) for span in spans)
    with archive.objects.open(words.file.sha256, offset=first, length=end - first) as source:
        content = source.read()
    found = {}
    for start, length in spans:
        line = json.loads(content[start - first : start - first + length])
        found[line["n"]] = line["words"]
    return found


def _places(words: Sequence[_Word], matched: tuple[str, ...]) -> tuple[tuple[Box, ...], ...]:
    """Runs of matched words that stand side by side in one line."""
    marks: list[tuple[int, Box]] = []
    run, last = 0, -1
    for at, (text, left, top, right, bottom, _) in enumerate(words):
        if not holds(text, matched):
            continue
        box = (left, top, right, bottom)
        beside = at == last + 1 and marks and _in_one_line(marks[-1][1], box)
        run += 0 if beside else 1
        marks.append((run, box))
        last = at
    return tuple(
        tuple(box for _, box in group) for _, group in groupby(marks, key=lambda mark: mark[0])
    )


def _in_one_line(left: Box, right: Box) -> bool:
    return left[0] <= right[0] and left[1] < right[3] and right[1] < left[3]


# ---------------------------------------------------------------- handing out a part


def hand_out_part(
    archive: Archive,
    request: Request,
    target: StreamId,
    kind: RepresentationKind,
    *,
    first: int,
    length: int,
) -> BinaryIO:
    """`length` bytes from `first` of a representation, for who goes on with a broken download.
    Only a whole file, read to its end, is checked by its digest: who joins parts checks it."""
    handed = retrieval.hand_out(archive, request, target, kind)
    handed.source.close()
    return archive.objects.open(handed.file.sha256, offset=first, length=length)
