"""Verifying now: begin, watch, read in plain words what was found and what that does not prove."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.web.forms import Posted
from api.web.kept import kept_note
from api.web.live import changes, counted
from api.web.render import redirect, render
from api.web.troubles import status_of
from api.web.verifications import Check
from api.web.visit import Visit, Visitor, visiting
from domain.errors import InvalidValueError, NotFoundError
from domain.reads import ReadKind
from domain.services import proving, replaying

router = APIRouter(include_in_schema=False)


@router.get("/audit/verify")
def choose(request: Request, visit: Visitor) -> Response:
    """How the whole archive may be verified."""
    replaying.verifiable(visit.archive, visit.request(), "")
    return render(request, "audit/verify.html", hashes=False, kept="", error="")


@router.post("/audit/verify")
def verify_all(request: Request, visit: Visitor, form: Posted) -> Response:
    """Begins to recompute the whole archive, or compares the journal with the log alone; a
    checkpoint that the visitor kept must be a part of it."""
    replaying.verifiable(visit.archive, visit.request(), "")
    note, hashes = kept_note(form), form.text("how") == "hashes"
    try:
        if note:
            proving.read_kept(visit.archive, note)
    except InvalidValueError as exc:
        return render(
            request,
            "audit/verify.html",
            status=status_of(exc),
            hashes=hashes,
            kept=note.decode(errors="replace"),
            error=visit.speech.trouble(exc.code, exc.details),
        )
    return _begin(visit, "", remembered=(note,) if note else (), hashes=hashes)


@router.post("/audit/verify/{ref}")
def verify_one(visit: Visitor, form: Posted, ref: str) -> Response:
    """Begins to recompute all that belongs to one reference."""
    return _begin(visit, ref)


def _begin(
    visit: Visit, reference: str, *, remembered: tuple[bytes, ...] = (), hashes: bool = False
) -> Response:
    request = visit.request()
    target = replaying.verifiable(visit.archive, request, reference)
    label = replaying.code_of(visit.archive, target) if target is not None else None
    check = visit.serving.verifications.start(
        visit.session.handle, request, target, label or "", remembered=remembered, hashes=hashes
    )
    if target is not None:
        visit.note(ReadKind.VIEW, target, "verify")
    return redirect(f"/audit/checks/{check.id}")


def _asked(request: Request, visit: Visitor, id: str) -> Check:
    """The check of an address, for the visit that began it."""
    found = visit.serving.verifications.find(id, visit.session.handle)
    if found is None:
        raise NotFoundError(reference=id[:40])
    return found


Asked = Annotated[Check, Depends(_asked)]


@router.get("/audit/checks/{id}")
def check(request: Request, visit: Visitor, asked: Asked) -> Response:
    """How far it is, or what was found; a browser without scripts asks again by itself."""
    return render(request, "audit/check.html", **_shown(visit, asked))


@router.get("/audit/checks/{id}/state")
def state(request: Request, visit: Visitor, asked: Asked) -> Response:
    """The part of the page that changes."""
    return render(request, "audit/check_part.html", **_shown(visit, asked))


@router.get(
    "/audit/checks/{id}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(counted)],
)
async def events(request: Request, visit: Visitor, asked: Asked) -> AsyncIterator[ServerSentEvent]:
    """The same part, whenever it changes, to the end."""

    def part() -> tuple[int, str]:
        page = render(request, "audit/check_part.html", **_shown(visiting(request), asked))
        return asked.done, bytes(page.body).decode()

    async for each in changes(request, state=lambda: asked.state, part=part):
        yield each
        if asked.ended and "data-ended" in (each.raw_data or ""):
            return


def _shown(visit: Visit, check: Check) -> dict[str, Any]:
    trouble = check.trouble
    told = visit.speech.trouble(trouble.code, trouble.details) if trouble is not None else ""
    seconds = f"{check.seconds:.1f}"
    if not visit.session.english:
        seconds = seconds.replace(".", ",")
    return {"check": check, "told": told, "seconds": seconds}
