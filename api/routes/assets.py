"""The few files that pages need besides themselves, and whether the server is well."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from api.web.serving import serving_of

router = APIRouter(include_in_schema=False)


@router.get("/assets/{name}")
def asset(request: Request, name: str) -> Response:
    """A file whose name holds its digest: it never changes and may be kept for a year."""
    found = serving_of(request).assets.find(name)
    if found is None:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.compressed, media_type=found.media_type, headers=headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


@router.get("/favicon.ico")
def favicon(request: Request) -> Response:
    """The mark of a browser's tab."""
    found = serving_of(request).assets.find_named("favicon.svg")
    return Response(found.content, media_type=found.media_type)


@router.get("/livez")
def alive() -> PlainTextResponse:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def ready(request: Request) -> PlainTextResponse:
    """Journal and views answer."""
    archive = serving_of(request).archive
    archive.journal.position()
    archive.catalogue.agencies()
    return PlainTextResponse("ok\n")
