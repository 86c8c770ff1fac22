"""Dossiers: opened, listed, shown, corrected, closed."""

from typing import Annotated, Any

from fastapi import Query, Response

from api import shapes as plain_shapes
from api.v1 import histories
from api.v1.auth import Closer, Corrector, Opener, Reader, ReadsReader
from api.v1.bodies import DossierCorrection, DossierOpening, Grounds
from api.v1.paging import read_cursor, write_cursor
from api.v1.references import At, Ref, agency_of, done, dossier_of, made
from api.v1.routing import subject
from api.v1.shapes import (
    Done,
    Dossier,
    DossierNamed,
    DossierOpened,
    Dossiers,
    History,
    Reads,
)
from domain.dossier import DossierKind
from domain.reads import ReadKind
from domain.services import description, retrieval
from domain.services.deciding import load, require_seen, resolve, resource_of
from domain.values import Kind
from domain.views import DossierFilter, DossierRow

router = subject("dossiers")


@router.get("/dossiers", response_model=Dossiers)
def list_dossiers(
    caller: Reader,
    agency: Annotated[str | None, Query(max_length=120, examples=["H33.05"])] = None,
    year: Annotated[int | None, Query(ge=1, le=9999)] = None,
    procedure: Annotated[str | None, Query(max_length=120)] = None,
    kind: DossierKind | None = None,
    closed: Annotated[bool | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    """One page of the dossiers that the caller may read, the newest first."""
    archive = caller.archive
    wanted = DossierFilter(
        agency=agency_of(archive, agency) if agency else None,
        year=year,
        procedure=resolve(archive, procedure, Kind.PROCEDURE) if procedure else None,
        kind=kind.value if kind else None,
        closed=closed,
    )
    scope = retrieval.search_scope(archive, caller.reading)
    rows = archive.catalogue.browse(scope, wanted, after=read_cursor(cursor), limit=limit + 1)
    shown = rows[:limit]
    following = None
    if len(rows) > limit:
        following = write_cursor((shown[-1].opened_on, shown[-1].id))
    agencies = archive.catalogue.agencies()
    return {"dossiers": [_line(row, agencies) for row in shown], "next": following}


def _line(row: DossierRow, agencies: plain_shapes.Agencies) -> dict[str, Any]:
    return {
        "dossier": row.code,
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "receiving": plain_shapes.code_of(agencies, row.receiving),
        "deciding": plain_shapes.code_of(agencies, row.deciding),
        "procedure": row.procedure,
        "opened_on": row.opened_on.isoformat(),
        "closed": row.closed,
        "restricted": row.restricted,
        "erased_by": row.erased_by,
        "records": row.records,
        "unconfirmed": row.unconfirmed,
    }


@router.post("/dossiers", status_code=201, response_model=DossierOpened)
def open_dossier(body: DossierOpening, doing: Opener, response: Response) -> Any:
    """Opens a dossier; without a code it gets the next number of its day."""
    archive = doing.archive
    answer = description.open_dossier(
        archive,
        doing.request(body),
        kind=body.kind,
        receiving=agency_of(archive, body.agency),
        deciding=agency_of(archive, body.deciding) if body.deciding else None,
        title=body.title,
        procedure=resolve(archive, body.procedure, Kind.PROCEDURE) if body.procedure else None,
        code=body.code,
        applicant=description.Applicant(body.applicant, body.phone, body.id_number, body.address),
    )
    made(response, f"dossiers/{answer.result['id']}")
    return {**answer.result, "event": answer.events[0]}


@router.get("/dossiers/{ref}", response_model=Dossier)
def show_dossier(ref: Ref, caller: Reader, at: At = None) -> Any:
    """A dossier as it stands or stood, with its records."""
    archive = caller.archive
    shown = retrieval.show_dossier(
        archive, caller.reading, dossier_of(archive, ref), at=retrieval.when(archive, at)
    )
    caller.note(ReadKind.VIEW, shown.dossier.id)
    procedure = shown.dossier.procedure
    code = load(archive, procedure).procedure().code if procedure else None
    return plain_shapes.shown_dossier(shown, archive.catalogue.agencies(), code)


@router.get("/dossier-codes/{code:path}", response_model=DossierNamed)
def find_dossier(code: Ref, caller: Reader) -> Any:
    """The dossier of a code, which may hold `/` here."""
    archive = caller.archive
    state = load(archive, dossier_of(archive, code)).dossier()
    require_seen(archive, caller.reading, resource_of(state), code)
    return {"dossier": state.code, "id": state.id}


@router.post("/dossiers/{ref}/corrections", status_code=201, response_model=Done)
def correct_dossier(ref: Ref, response: Response, body: DossierCorrection, doing: Corrector) -> Any:
    """Another value for a field; without one the field becomes empty."""
    target = dossier_of(doing.archive, ref)
    answer = description.correct_dossier(
        doing.archive,
        doing.request(body),
        target,
        field=body.field.value,
        value=body.value,
        reason=body.reason,
    )
    return done(answer, response, f"dossiers/{target}")


@router.post("/dossiers/{ref}/closure", status_code=201, response_model=Done)
def close_dossier(ref: Ref, response: Response, doing: Closer, body: Grounds | None = None) -> Any:
    """Closes a dossier with the list of its records as they stand."""
    target = dossier_of(doing.archive, ref)
    answer = description.close_dossier(doing.archive, doing.request(body), target)
    return done(answer, response, f"dossiers/{target}")


@router.get("/dossiers/{ref}/history", response_model=History, responses=histories.LINES)
def dossier_history(ref: Ref, caller: Reader, asked: histories.Wanted) -> Any:
    """The events of a dossier and its records, each with the state of its signature."""
    return histories.answer(caller, dossier_of(caller.archive, ref), asked)


@router.get("/dossiers/{ref}/reads", response_model=Reads)
def dossier_reads(ref: Ref, caller: ReadsReader, limit: histories.Most = 100) -> Any:
    """Who looked at a dossier or its records, the newest first."""
    return histories.reads(caller, dossier_of(caller.archive, ref), limit)
