"""A dossier or a record as it stood at a moment, and what differs between two moments.

What may be seen is decided by today's state: a record that is isolated now is in no moment, and
what was erased since is erased in every moment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain import dossier
from domain.errors import NotFoundError
from domain.record import RecordErased, RecordField, RepresentationKind
from domain.services import Archive, Request
from domain.services.deciding import Loaded, load, require_seen, resource_of
from domain.services.retrieval import decision_of, resource_behind
from domain.values import ERASED, Erased, FileObject, Kind, StreamId, kind_of


@dataclass(frozen=True)
class Code:
    """A stable code that a message explains: why a reading failed, why a file was refused."""

    text: str


@dataclass(frozen=True)
class Unknown:
    """Stands for a value that cannot be read, because an event of its stream is damaged."""


Value = str | int | date | StrEnum | Code | Erased | Unknown | None
Fields = Mapping[str, Value]
DOSSIER_FIELDS = (
    "title",
    "kind",
    "receiving",
    "deciding",
    "procedure",
    "procedure_version",
    "opened_on",
    "applicant",
    "phone",
    "id_number",
    "address",
    "records",
    "closed_on",
    "held",
    "restricted",
)
RECORD_FIELDS = (
    *(name.value for name in RecordField),
    "received_name",
    "carrier",
    "pages",
    "confirmed",
    "lock",
)


@dataclass(frozen=True)
class Difference:
    """A field that has another value."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True)
class FileDifference:
    """A representation whose newest bytes are others; None where there are none."""

    kind: RepresentationKind
    before: FileObject | None
    after: FileObject | None


@dataclass(frozen=True)
class Paper:
    """A record as it stood."""

    id: StreamId
    label: str | Erased | None
    """Its code or its subject, as far as they were known then."""
    fields: Fields
    files: Mapping[RepresentationKind, FileObject]


@dataclass(frozen=True)
class Standing:
    """A dossier or a record as it stood; `papers` are the records of a dossier in their order."""

    target: StreamId
    dossier: StreamId
    dossier_code: str
    exists: bool
    """False before its first event."""
    fields: Fields
    papers: tuple[Paper, ...]
    decision: str | None
    """The text of the decision by which personal data was erased."""


@dataclass(frozen=True)
class PaperDifference:
    """What differs of one record."""

    id: StreamId
    label: str | Erased | None
    change: str
    """`added`, `removed` or `changed`."""
    fields: tuple[Difference, ...]
    files: tuple[FileDifference, ...]


@dataclass(frozen=True)
class Comparison:
    """Two moments side by side; nothing is listed that is known to be the same in both."""

    before: Standing
    after: Standing
    fields: tuple[Difference, ...]
    papers: tuple[PaperDifference, ...]

    @property
    def same(self) -> bool:
        """True when nothing differs."""
        return not self.fields and not self.papers


class Streams:
    """Streams of one request, each loaded and checked once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._loaded: dict[StreamId, Loaded] = {}

    def of(self, stream: StreamId) -> Loaded:
        """The stream; NotFoundError, IntegrityError as `load`."""
        if stream not in self._loaded:
            self._loaded[stream] = load(self._archive, stream)
        return self._loaded[stream]


def standing(
    archive: Archive, request: Request, target: StreamId, *, at: int | None = None
) -> Standing:
    """A dossier with its records, or a record, after the events up to a journal position."""
    require_comparable(archive, request, target)
    return _standing(archive, request, target, at, Streams(archive))


def compare(
    archive: Archive, request: Request, target: StreamId, *, before: int | None, after: int | None
) -> Comparison:
    """What differs between two journal positions; None is now."""
    require_comparable(archive, request, target)
    streams = Streams(archive)
    old = _standing(archive, request, target, before, streams)
    new = _standing(archive, request, target, after, streams)
    return Comparison(old, new, _compared(old.fields, new.fields), _papers(old, new))


def require_comparable(archive: Archive, request: Request, target: StreamId) -> None:
    """Raises NotFoundError for what has no state to be shown, or none that the asker may see."""
    if kind_of(target) not in (Kind.DOSSIER, Kind.RECORD):
        raise NotFoundError(reference=target)
    require_seen(archive, request, resource_behind(archive, target), target)


def dossier_fields(state: dossier.Dossier) -> Fields:
    """What of a dossier is compared, by the names of DOSSIER_FIELDS."""
    found = {
        **vars(state),
        "records": len(state.records),
        "restricted": state.restricted_by is not None,
    }
    return {name: found[name] for name in DOSSIER_FIELDS}


def record_fields(loaded: Loaded, at: int | None) -> Fields:
    """What of a record is compared, by the names of RECORD_FIELDS; erased where it was known."""
    state = loaded.record(at)
    known: Mapping[RecordField, str | Erased] = state.metadata
    if state.erased_by is not None:
        kept = tuple(e for e in loaded.events if not isinstance(e.event, RecordErased))
        known = dict.fromkeys(Loaded(kept).record(at).metadata, ERASED)
    return {
        **{name.value: known.get(name) for name in RecordField},
        "received_name": state.received_name,
        "carrier": state.carrier,
        "pages": state.reading.pages if state.reading else None,
        "confirmed": state.confirmed,
        "lock": state.lock,
    }


def differences(before: Fields, after: Fields) -> tuple[Difference, ...]:
    """The fields that have another value, in order; what is on neither side is none."""
    names = dict.fromkeys((*before, *after))
    pairs = ((name, before.get(name), after.get(name)) for name in names)
    return tuple(Difference(*each) for each in pairs if each[1] != each[2])


def _compared(before: Fields, after: Fields) -> tuple[Difference, ...]:
    """`differences`, and what was erased on both sides: whether it differed nobody knows."""
    pairs = ((name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after)))
    return tuple(Difference(*p) for p in pairs if p[1] != p[2] or isinstance(p[1], Erased))


# ---------------------------------------------------------------- one moment


def _standing(
    archive: Archive, request: Request, target: StreamId, at: int | None, streams: Streams
) -> Standing:
    loaded = streams.of(target)
    exists = at is None or loaded.events[0].position <= at
    fields: Fields = {}
    papers: tuple[Paper, ...] = ()
    if kind_of(target) is Kind.RECORD:
        now = loaded.record()
        holder, erased = streams.of(now.dossier).dossier(), now.erased_by
        papers = (_paper(loaded, at),) if exists else ()
    else:
        holder = loaded.dossier()
        erased = holder.erased_by
        if exists:
            state = loaded.dossier(at)
            shown = _shown(archive, request, holder, state.records, streams)
            papers = tuple(
                _paper(each, at) for each in shown if at is None or each.events[0].position <= at
            )
            fields = dossier_fields(state)
    decision = decision_of(archive, erased)
    return Standing(target, holder.id, holder.code, exists, fields, papers, decision)


def _shown(
    archive: Archive,
    request: Request,
    holder: dossier.Dossier,
    records: Iterable[StreamId],
    streams: Streams,
) -> Iterable[Loaded]:
    """The records that the asker may see today, wherever they lie by now."""
    for each in records:
        loaded = streams.of(each)
        now = loaded.record()
        if now.isolated is not None:
            continue
        if now.dossier != holder.id:
            elsewhere = streams.of(now.dossier).dossier()
            try:
                require_seen(archive, request, resource_of(elsewhere, now), each)
            except NotFoundError:
                continue
        yield loaded


def _paper(loaded: Loaded, at: int | None) -> Paper:
    state = loaded.record(at)
    fields = record_fields(loaded, at)
    subject = fields[RecordField.SUBJECT.value]
    label = state.code or (subject if isinstance(subject, str | Erased) else None)
    files = {item.kind: item.file for item in state.representations}
    return Paper(state.id, label, fields, files)


# ---------------------------------------------------------------- two moments


def _papers(before: Standing, after: Standing) -> tuple[PaperDifference, ...]:
    old = {paper.id: paper for paper in before.papers}
    new = {paper.id: paper for paper in after.papers}
    found = []
    for each in dict.fromkeys((*old, *new)):
        was, is_now = old.get(each), new.get(each)
        change = "removed" if is_now is None else "added" if was is None else "changed"
        fields = _compared(was.fields if was else {}, is_now.fields if is_now else {})
        files = _files(was.files if was else {}, is_now.files if is_now else {})
        if change != "changed" or fields or files:
            known = is_now or was
            assert known is not None
            found.append(PaperDifference(each, known.label, change, fields, files))
    return tuple(found)


def _files(
    before: Mapping[RepresentationKind, FileObject], after: Mapping[RepresentationKind, FileObject]
) -> tuple[FileDifference, ...]:
    pairs = ((kind, before.get(kind), after.get(kind)) for kind in RepresentationKind)
    return tuple(FileDifference(*each) for each in pairs if each[1] != each[2])
