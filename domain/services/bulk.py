"""The tray: records that a person gathered, shown, described, moved and exported together.

Each record is a command of its own, so nothing is half done of any; what went wrong with one is
told and keeps nothing from the others. A repeat gets each record's first answer.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from domain.access import Action
from domain.dossier import Dossier
from domain.errors import ArchiveError, NotFoundError, NotPermittedError, RuleError
from domain.record import Record, RecordField
from domain.searching import PageFilter
from domain.services import Archive, Request, arranging, description, finding
from domain.services.deciding import load, permit, resource_of
from domain.values import CommandId, StreamId
from domain.views import RecordRow

MOST = 1000
"""Records in a tray (`Desk`)."""
_HITS = 200
"""Pages of results asked for at once."""


@dataclass(frozen=True)
class Lying:
    """A record in the tray; without a row and a code for who may not see it any more."""

    record: StreamId
    row: RecordRow | None
    dossier_code: str


@dataclass(frozen=True)
class Outcome:
    """What became of one record."""

    record: StreamId
    label: str
    """Its code and dossier's code, for who may see them."""
    error: ArchiveError | None


def lay(archive: Archive, request: Request, records: Sequence[StreamId]) -> int:
    """Lays records in the agent's tray; what may not be seen is left out. How many it holds."""
    seen = [each.record for each in _seen(archive, request, records) if each.row is not None]
    return archive.desk.put(request.agent.id, seen)


def look(
    archive: Archive, request: Request, *, first: int = 0, limit: int = MOST
) -> Sequence[Lying]:
    """A part of the agent's tray, in the order in which it was filled."""
    lying = archive.desk.tray(request.agent.id)[first : first + limit]
    return _seen(archive, request, lying)


def found(archive: Archive, request: Request, query: str, wanted: PageFilter) -> Sequence[StreamId]:
    """The records of all results of a search, each once, the best first.

    Raises RuleError("tray-full") when they are more than a tray holds.
    """
    records: dict[StreamId, None] = {}
    offset = 0
    while True:
        answer = archive.index.search(
            query, finding.scope(archive, request), wanted, limit=_HITS, offset=offset
        )
        records.update(dict.fromkeys(hit.record for hit in answer.hits))
        if len(records) > MOST:
            raise RuleError("tray-full", most=MOST)
        offset += _HITS
        if offset >= answer.total:
            return list(records)


def _seen(archive: Archive, request: Request, records: Sequence[StreamId]) -> Sequence[Lying]:
    rows = archive.catalogue.record_rows(records)
    dossiers: dict[StreamId, Dossier | None] = {}
    lying = []
    for each in records:
        row = rows.get(each)
        place = None
        if row is not None and not row.isolated:
            if row.dossier not in dossiers:
                dossiers[row.dossier] = _readable(archive, request, row.dossier)
            place = dossiers[row.dossier]
        lying.append(Lying(each, row if place else None, place.code if place else ""))
    return lying


def _readable(archive: Archive, request: Request, target: StreamId) -> Dossier | None:
    state = load(archive, target).dossier()
    try:
        permit(archive, request, Action.READ, resource_of(state))
    except NotPermittedError:
        return None
    return state


# ---------------------------------------------------------------- doing the same to all


def describe_all(
    archive: Archive,
    request: Request,
    records: Sequence[StreamId],
    *,
    field: RecordField,
    value: str | None,
    reason: str,
) -> Sequence[Outcome]:
    """The same value for a field of each record."""

    def do(each: StreamId, asking: Request) -> None:
        description.correct_record(
            archive, asking, each, field=field.value, value=value, reason=reason
        )

    return _each(archive, request, records, do)


def move_all(
    archive: Archive,
    request: Request,
    records: Sequence[StreamId],
    *,
    dossier_id: StreamId,
    reason: str,
) -> Sequence[Outcome]:
    """Each record moves to another dossier."""

    def do(each: StreamId, asking: Request) -> None:
        arranging.move(archive, asking, each, dossier_id=dossier_id, reason=reason)

    return _each(archive, request, records, do)


def _each(
    archive: Archive,
    request: Request,
    records: Sequence[StreamId],
    do: Callable[[StreamId, Request], None],
) -> Sequence[Outcome]:
    labels = {each.record: _label(each) for each in _seen(archive, request, records)}
    outcomes = []
    for each in records:
        error = None
        try:
            do(each, replace(request, command=CommandId(f"{request.command}/{each}")))
        except ArchiveError as exc:
            error = exc
        outcomes.append(Outcome(each, labels[each], error))
    return outcomes


def _label(lying: Lying) -> str:
    if lying.row is None:
        return ""
    parts = (lying.row.code, lying.row.subject or lying.row.type_name, lying.dossier_code)
    return " · ".join(part for part in parts if part)


# ---------------------------------------------------------------- handing out what is known


def papers(
    archive: Archive, request: Request, records: Sequence[StreamId]
) -> Iterator[tuple[Record, Dossier]]:
    """What is known of each record now; what may not be seen is left out."""
    dossiers: dict[StreamId, Dossier] = {}
    for each in records:
        try:
            state = load(archive, each).record()
            if state.dossier not in dossiers:
                dossiers[state.dossier] = load(archive, state.dossier).dossier()
            place = dossiers[state.dossier]
            permit(archive, request, Action.READ, resource_of(place, state))
        except (NotFoundError, NotPermittedError):
            continue
        yield state, place
