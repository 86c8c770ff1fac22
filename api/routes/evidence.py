"""Evidence packs of dossiers and records, handed out as files."""

import re
import unicodedata
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse

from api.routes.dossiers import Target
from api.web import sending
from api.web.visit import Visit, Visitor
from domain.reads import ReadKind
from domain.services import evidencing, opening
from domain.values import StreamId

router = APIRouter(include_in_schema=False)
Without = Annotated[list[str], Query()]


@router.get("/dossiers/{dossier}/evidence.zip")
def of_dossier(visit: Visitor, target: Target, without: Without = []) -> Response:  # noqa: B006
    """The pack of a dossier with its records."""
    return _pack(visit, target, without)


@router.get("/records/{record}/evidence.zip")
def of_record(visit: Visitor, record: str, without: Without = []) -> Response:  # noqa: B006
    """The pack of a record."""
    return _pack(visit, opening.record_named(record), without)


def _pack(visit: Visit, target: StreamId, without: list[str]) -> Response:
    made = evidencing.pack(visit.archive, visit.request(), target, without=without)
    visit.note(ReadKind.EXPORT, target, "evidence")
    headers = {"Content-Disposition": sending.attachment(file_name(made.facts.reference))}
    return StreamingResponse(made.chunks, media_type="application/zip", headers=headers)


def file_name(reference: str) -> str:
    """`chung-cu-H33.05-260302-0017.zip`: ASCII alone."""
    plain = unicodedata.normalize("NFKD", reference.replace("Đ", "D").replace("đ", "d"))
    return f"chung-cu-{re.sub(r'[^A-Za-z0-9.-]+', '-', plain).strip('-')}.zip"
