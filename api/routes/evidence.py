"""Evidence packs of dossiers and records, handed out as files.

Of what is damaged the visitor is told first: a file that is being saved can say nothing.
"""

import re
import unicodedata
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.routes.dossiers import Target
from api.web import sending
from api.web.render import render
from api.web.visit import Visit, Visitor
from domain.reads import ReadKind
from domain.services import evidencing, opening
from domain.values import StreamId

router = APIRouter(include_in_schema=False)
Without = Annotated[list[str], Query()]


@router.get("/dossiers/{dossier}/evidence.zip")
def of_dossier(
    request: Request,
    visit: Visitor,
    target: Target,
    without: Without = [],  # noqa: B006
    damaged: str = "",
) -> Response:
    """The pack of a dossier with its records."""
    return _pack(request, visit, target, without, damaged=bool(damaged))


@router.get("/records/{record}/evidence.zip")
def of_record(
    request: Request,
    visit: Visitor,
    record: str,
    without: Without = [],  # noqa: B006
    damaged: str = "",
) -> Response:
    """The pack of a record."""
    return _pack(request, visit, opening.record_named(record), without, damaged=bool(damaged))


def _pack(
    request: Request, visit: Visit, target: StreamId, without: list[str], *, damaged: bool
) -> Response:
    """The file; instead of a damaged one, unless it was asked for, what is wrong with it."""
    made = evidencing.pack(visit.archive, visit.request(), target, without=without)
    facts = made.facts
    if (facts.altered or facts.missing) and not damaged:
        return render(request, "evidence.html", facts=facts, without=without)
    visit.note(ReadKind.EXPORT, target, "evidence")
    headers = {"Content-Disposition": sending.attachment(file_name(facts.reference))}
    return StreamingResponse(made.chunks, media_type="application/zip", headers=headers)


def file_name(reference: str) -> str:
    """`chung-cu-H33.05-260302-0017.zip`: ASCII alone."""
    plain = unicodedata.normalize("NFKD", reference.replace("Đ", "D").replace("đ", "d"))
    return f"chung-cu-{re.sub(r'[^A-Za-z0-9.-]+', '-', plain).strip('-')}.zip"
