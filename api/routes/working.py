"""The work page: what waits, what failed and why, and another attempt at it."""

from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from api.web.forms import Posted
from api.web.render import redirect, render
from api.web.visit import Visit, Visitor
from domain.services import opening, retrieval, working

router = APIRouter(include_in_schema=False)
_LISTED = 100
"""Lines of one list; the oldest stand first, and those behind follow when they are settled."""


@router.get("/work")
def work(request: Request, visit: Visitor) -> HTMLResponse:
    """Everything that is to be done."""
    return render(request, "work/work.html", **_seen(visit))


@router.get("/work/state")
def state(request: Request, visit: Visitor) -> HTMLResponse:
    """The part of the page that changes."""
    return render(request, "work/state.html", **_seen(visit))


def _seen(visit: Visit) -> dict[str, Any]:
    if not visit.can("see-work"):
        raise HTTPException(403)
    seen = working.open_work(visit.archive, visit.request())
    return {
        "seen": seen,
        "listed": _LISTED,
        "progress": {each.record: visit.archive.progress.of(each.record) for each in seen.pending},
        "incidents": retrieval.incidents(visit.archive, visit.request()),
        "worker_alive": visit.serving.worker_alive(),
        "may_open": visit.can("read"),
        "may_ask": visit.can("receive-scan"),
    }


@router.post("/work/retry")
def retry(visit: Visitor, form: Posted) -> Response:
    """Asks for another attempt at reading a record."""
    target = opening.record_named(form.text("record"))
    working.ask_again(visit.archive, visit.request(form.command), target)
    visit.archive.views.catch_up()
    return redirect("/work", done="asked-again")
