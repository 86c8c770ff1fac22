"""One record: its page image at once, with the words that were searched for; its files."""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from api.web import sending, viewing
from api.web.render import render
from api.web.viewing import Looking
from api.web.visit import Visit, Visitor
from domain.errors import InvalidValueError, NotFoundError
from domain.reads import ReadKind
from domain.record import RepresentationKind
from domain.services import opening, retrieval
from domain.services.deciding import load
from domain.services.opening import Marked, Opened, Sheet

router = APIRouter(include_in_schema=False)
_NARROWEST, _USUAL = 200, 1_200
"""Widths of a page's picture, in pixels."""


@router.get("/records/{record}")
def record_page(request: Request, visit: Visitor, record: str) -> HTMLResponse:
    """A record, one of its pages in sight."""
    target = opening.record_named(record)
    looking = Looking.read(target, request.query_params)
    troubles: dict[str, str] = {}
    at = None
    try:
        at = retrieval.when(visit.archive, looking["at"] or None)
    except InvalidValueError as exc:
        troubles["at"] = visit.speech.trouble(exc.code, exc.details)
    opened = opening.open_record(visit.archive, visit.request(), target, at=at)
    seen = viewing.window(opened, looking)
    visit.note(ReadKind.VIEW, target, f"page {seen[0].n}" if seen else "")
    marked = _marked(visit, looking, opened, seen[1], troubles) if seen else None
    return render(
        request,
        "records/record.html",
        query=looking["q"],
        looking=looking,
        opened=opened,
        record=opened.record,
        stand=viewing.stand(looking, *seen, marked) if seen else None,
        marked=marked,
        rows=viewing.rows(opened),
        turning=viewing.turning,
        text=opening.text_of(visit.archive, opened.record, seen[0])
        if seen and looking["text"]
        else None,
        protection=opening.protection_of(visit.archive, opened.record),
        past=at is not None,
        troubles=troubles,
    )


def _marked(
    visit: Visit,
    looking: Looking,
    opened: Opened,
    strip: Sequence[Sheet],
    troubles: dict[str, str],
) -> Marked | None:
    if not looking["q"]:
        return None
    shown = [sheet.n for sheet in strip]
    try:
        return opening.mark(visit.archive, visit.request(), opened, looking["q"], shown)
    except InvalidValueError as exc:
        troubles["q"] = visit.speech.trouble(exc.code, exc.details)
        return None


# ---------------------------------------------------------------- pictures and files


@router.get("/records/{record}/pages/{n}/picture")
def picture(request: Request, visit: Visitor, record: str, n: str) -> Response:
    """A page as a picture. It is never kept by the browser: an erasure must take it away."""
    target, number = opening.record_named(record), _page_number(n)
    wanted = request.query_params.get("w", "")
    width = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 6 else _USUAL
    pixels = min(max(width, _NARROWEST), retrieval.WIDEST)
    shown = retrieval.page_picture(visit.archive, visit.request(), target, number, pixels)
    visit.note(ReadKind.VIEW, target, f"page {number}")
    return Response(shown, media_type="image/jpeg")


@router.get("/records/{record}/pages/{n}/thumbnail")
def thumbnail(visit: Visitor, record: str, n: str) -> Response:
    """A small picture of a page, for lists."""
    target = opening.record_named(record)
    shown = retrieval.thumbnail(visit.archive, visit.request(), target, _page_number(n))
    return Response(shown, media_type="image/jpeg")


def _page_number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        raise NotFoundError(reference=text[:80])
    return int(text)


@router.get("/records/{record}/files/{kind}")
def file(request: Request, visit: Visitor, record: str, kind: str) -> Response:
    """The bytes of a representation, to be saved; nothing in them runs here."""
    target = opening.record_named(record)
    if kind not in {*RepresentationKind}:
        raise NotFoundError(reference=kind[:80])
    wanted = RepresentationKind(kind)
    handed = retrieval.hand_out(visit.archive, visit.request(), target, wanted)
    visit.note(ReadKind.DOWNLOAD, target, wanted.value)
    state = load(visit.archive, target).record()
    tag, size = sending.etag_of(handed.file), handed.file.size
    headers = {
        "Content-Disposition": sending.attachment(
            viewing.file_name(state, wanted, handed.file.media_type)
        ),
        "Content-Security-Policy": sending.SANDBOX,
        "Accept-Ranges": "bytes",
        "ETag": tag,
    }
    ranged = request.headers.get("range")
    if request.headers.get("if-range", tag) != tag:
        ranged = None  # It began with other bytes: from the beginning again.
    try:
        part = sending.range_of(ranged, size)
    except sending.UnsatisfiableRangeError:
        handed.source.close()
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    source = handed.source
    if part is not None:
        first, length = part
        source.close()
        source = opening.hand_out_part(
            visit.archive, visit.request(), target, wanted, first=first, length=length
        )
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{size}"
    headers["Content-Length"] = str(size if part is None else part[1])
    return StreamingResponse(
        sending.chunks(source),
        status_code=200 if part is None else 206,
        headers=headers,
        media_type=handed.file.media_type,
    )
