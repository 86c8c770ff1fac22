"""Comparing with the paper and confirming, page by page; every deed is an event of its own.

With a script several turns and moves are gathered and sent as one arrangement; without one each
button is a form of its own. Both say which version of the record they saw.
"""

from collections.abc import Callable, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.recording import pages_of
from api.web.forms import Form, Posted
from api.web.render import redirect, render
from api.web.troubles import status_of
from api.web.visit import Visit, Visitor
from domain import record as records
from domain.access import Action
from domain.errors import (
    ArchiveError,
    ConcurrentChangeError,
    InvalidValueError,
    NotFoundError,
    RuleError,
)
from domain.ports import Answer
from domain.reads import ReadKind
from domain.record import IsolationGround
from domain.services import Archive, arranging, confirming, description, opening, stationing
from domain.services.deciding import load, require_seen, resolve, resource_of
from domain.values import Kind, StreamId

router = APIRouter(include_in_schema=False)
_AROUND = 40
"""Pages of the strip on either side of the one that is shown."""
_TURNS = {"right": 90, "over": 180, "left": 270}
_STEPS = {"earlier": -1, "later": 1}
_FIELDS = {"move": "dossier", "withdraw": "withdraw-reason", "isolate": "isolate-reason"}
"""Deeds with fields of their own, and the field at which a trouble is told."""
_DONE = {
    "arrange": "page-done-record-arranged",
    "split": "page-done-record-split",
    "merge": "page-done-record-merged",
    "move": "page-done-record-moved",
    "withdraw": "page-done-record-withdrawn",
    "isolate": "page-done-record-isolated",
    "confirm": "page-done-record-confirmed",
}
"""What the page after a deed says."""
_DONE_LAST = {
    "move": "page-done-record-moved-last",
    "confirm": "page-done-record-confirmed-last",
}
"""What it says when nothing comes next."""
_STAYING = frozenset({"arrange", "split", "merge"})
"""Deeds after which the same record is shown again: it is read anew and compared anew."""
Deed = Callable[[Archive, Visit, StreamId, Form], Answer]


# ---------------------------------------------------------------- looking


@router.get("/confirm")
def queue_page(request: Request, visit: Visitor, after: str = "") -> HTMLResponse:
    """What waits for a person's word."""
    visit.require(Action.CONFIRM)
    behind = StreamId(after) if after.startswith(f"{Kind.RECORD}-") else None
    waiting = confirming.queue(visit.archive, visit.request(), after=behind)
    visit.note(ReadKind.VIEW, None, "confirm")
    return render(request, "confirming/queue.html", waiting=waiting, begun=behind is not None)


@router.get("/confirm/{record}/state")
def state_part(request: Request, visit: Visitor, record: str) -> Response:
    """Whether a record is still being read; the page loads itself again when it is not."""
    target = opening.record_named(record)
    paper = confirming.permit_confirming(visit.archive, visit.request(), target)
    if _is_waiting(paper):
        progress = visit.archive.progress.of(target)
        return render(request, "confirming/state.html", record=paper, progress=progress)
    return Response(headers={"HX-Refresh": "true"})


@router.get("/confirm/{reference:path}")
def screen_or_first(request: Request, visit: Visitor, reference: str) -> Response:
    """The screen of a record, or of the first one of a dossier that waits."""
    visit.require(Action.CONFIRM)
    if reference.startswith(f"{Kind.RECORD}-"):
        return _screen(request, visit, StreamId(reference))
    dossier = resolve(visit.archive, reference, Kind.DOSSIER)
    state = load(visit.archive, dossier).dossier()
    require_seen(visit.archive, visit.request(), resource_of(state), state.code)
    found = confirming.first_of(visit.archive, visit.request(), dossier)
    if found is not None:
        return redirect(f"/confirm/{found}")
    return render(
        request,
        "confirming/end.html",
        dossier=state,
        compared=confirming.compare(visit.archive, dossier),
    )


def _is_waiting(paper: records.Record) -> bool:
    return bool(paper.sources) and paper.reading is None and paper.failure is None


# ---------------------------------------------------------------- doing


@router.post("/confirm/{record}/{deed}")
def do(request: Request, visit: Visitor, record: str, deed: str, form: Posted) -> Response:
    """One deed; then the same record again, or the next one that waits."""
    target = opening.record_named(record)
    act = _DEEDS.get(deed)
    if act is None:
        raise NotFoundError(reference=deed[:80])
    try:
        version = form.whole("version") or 0
        act(confirming.as_seen(visit.archive, target, version), visit, target, form)
    except (InvalidValueError, RuleError, ConcurrentChangeError) as exc:
        return _screen(request, visit, target, form=form, deed=deed, trouble=exc)
    visit.archive.views.catch_up()  # Lists, and what comes next, know of it.
    done = _DONE[deed].removeprefix("page-done-")
    if deed in _STAYING:
        return redirect(f"/confirm/{target}", page=form.text("page") or "1", done=done)
    holder = resolve(visit.archive, form.text("holder"), Kind.DOSSIER)
    following = confirming.next_of(visit.archive, visit.request(), target, holder)
    if following is not None:
        return redirect(f"/confirm/{following}", done=done)
    return redirect("/confirm", done=_DONE_LAST.get(deed, _DONE[deed]).removeprefix("page-done-"))


def _arrange(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    request, step = visit.request(form.command), form.text("do")
    if not step:
        order = pages_of(form.text("order"))
        turned = _turned(form.text("turned"), len(order))
        return arranging.arrange(archive, request, target, order=order, turned=turned)
    name, _, number = step.partition("-")
    page = int(number) if number.isascii() and number.isdecimal() and len(number) < 6 else 0
    if name in _TURNS:
        return arranging.turn(archive, request, target, page=page, degrees=_TURNS[name])
    last = form.whole("pages") or 0
    other = page + _STEPS.get(name, 0)
    if other == page or not (1 <= page <= last and 1 <= other <= last):
        raise InvalidValueError("invalid-pages")
    order = list(range(1, last + 1))
    order[page - 1], order[other - 1] = other, page
    return arranging.arrange(archive, request, target, order=order, turned=[0] * last)


def _turned(text: str, pages: int) -> Sequence[int]:
    """`0,90,0`, degrees in the order of the pages; nothing is turned where nothing is said."""
    if not text:
        return [0] * pages
    parts = text.split(",")
    if not all(part.isascii() and part.isdecimal() and len(part) < 4 for part in parts):
        raise InvalidValueError("invalid-turn")
    return [int(part) for part in parts]


def _split(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    first, last = form.whole("page") or 0, form.whole("pages") or 0
    if not 1 < first <= last:
        raise InvalidValueError("split-at-first-page")
    pages = range(first, min(last, archive.limits.pages) + 1)
    return arranging.split(archive, visit.request(form.command), target, pages=pages)


def _merge(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    other = opening.record_named(form.text("other"))
    return arranging.merge(archive, visit.request(form.command), target, other=other)


def _move(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    request = visit.request(form.command)
    try:
        dossier = stationing.find_dossier(archive, request, form.text("dossier"))
    except ArchiveError as exc:
        raise InvalidValueError("dossier-to-move-unknown") from exc
    return arranging.move(
        archive, request, target, dossier_id=dossier, reason=form.text("move-reason")
    )


def _withdraw(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    request = visit.request(form.command)
    return arranging.withdraw(archive, request, target, reason=form.text("withdraw-reason"))


def _isolate(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    if form.text("ground") not in {*IsolationGround}:
        raise InvalidValueError("ground-required")
    return description.isolate(
        archive,
        visit.request(form.command),
        target,
        ground=IsolationGround(form.text("ground")),
        reason=form.text("isolate-reason"),
    )


def _confirm(archive: Archive, visit: Visit, target: StreamId, form: Form) -> Answer:
    return description.confirm(archive, visit.request(form.command), target)


_DEEDS: dict[str, Deed] = {
    "arrange": _arrange,
    "split": _split,
    "merge": _merge,
    "move": _move,
    "withdraw": _withdraw,
    "isolate": _isolate,
    "confirm": _confirm,
}


# ---------------------------------------------------------------- the screen


def _screen(
    request: Request,
    visit: Visit,
    target: StreamId,
    *,
    form: Form | None = None,
    deed: str = "",
    trouble: ArchiveError | None = None,
) -> HTMLResponse:
    archive = visit.archive
    records.require_visible(confirming.permit_confirming(archive, visit.request(), target))
    opened = opening.open_record(archive, visit.request(), target)
    paper = opened.record
    rows = archive.catalogue.records(paper.dossier)
    _, warnings = confirming.work_of(archive, paper.dossier)
    at = next((n for n, row in enumerate(rows) if row.id == target), len(rows))
    following = rows[at + 1] if at + 1 < len(rows) else None
    pages = len(opened.sheets)
    asked = form.text("page") if form else request.query_params.get("page", "")
    page = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1
    page = min(max(page, 1), pages)
    visit.note(ReadKind.VIEW, target, f"page {page}" if page else "")
    told = visit.speech.trouble(trouble.code, trouble.details) if trouble else ""
    mergeable = following if following and following.original and paper.sources else None
    return render(
        request,
        "confirming/screen.html",
        status=status_of(trouble) if trouble else 200,
        opened=opened,
        record=paper,
        version=opened.events,
        page=page,
        pages=pages,
        strip=opened.sheets[max(0, page - 1 - _AROUND) : page + _AROUND],
        ordinal=at + 1,
        records=len(rows),
        waiting=sum(not row.confirmed and row.erased_by is None for row in rows),
        following=following,
        mergeable=mergeable,
        unread=_is_waiting(paper),
        progress=archive.progress.of(target),
        failure=paper.failure.reason if paper.failure else "",
        warnings=warnings.get(target, ()),
        compared=confirming.compare(archive, paper.dossier),
        grounds=[
            (each.value, visit.speech.named("ground", each.value)) for each in IsolationGround
        ],
        typed=form,
        deed=deed,
        place=_FIELDS.get(deed, "") if trouble and not _is_stale(trouble) else "",
        told=told,
    )


def _is_stale(trouble: ArchiveError) -> bool:
    return isinstance(trouble, ConcurrentChangeError)
