"""Dossiers: browsed by agency, year, procedure and kind; one of them with its papers."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from api.web.forms import Form, Posted
from api.web.listing import Listed, chips, facets, newest_procedures
from api.web.render import redirect, render
from api.web.troubles import status_of
from api.web.visit import Visit, Visitor
from domain import record as records
from domain.access import Action
from domain.dossier import DossierField, DossierKind
from domain.errors import (
    ArchiveError,
    ConcurrentChangeError,
    InvalidValueError,
    NotFoundError,
    RuleError,
)
from domain.reads import ReadKind
from domain.record import RecordField
from domain.services import browsing, describing, description, finding, holding, retrieval
from domain.services.deciding import today
from domain.services.stationing import find_dossier
from domain.values import Kind, StreamId

router = APIRouter(include_in_schema=False)
_NEW = ("title", "kind", "receiving", "deciding", "procedure", "code", "applicant", "phone",
        "id_number", "address")  # fmt: skip
_FORM_ERRORS = (InvalidValueError, RuleError, ConcurrentChangeError)


# ---------------------------------------------------------------- the list


@router.get("/dossiers")
def dossiers(request: Request, visit: Visitor) -> HTMLResponse:
    """The list, the newest first."""
    return _list_page(request, visit)


@router.get("/dossiers/find")
def find(request: Request, visit: Visitor, code: str = "") -> Response:
    """The dossier of a code that was typed."""
    try:
        return redirect(f"/dossiers/{find_dossier(visit.archive, visit.request(), code)}")
    except NotFoundError:
        error = visit.speech.text("page-station-not-found")
        return _list_page(request, visit, status=404, typed=code[:200], error=error)


def _list_page(
    request: Request, visit: Visit, *, status: int = 200, typed: str = "", error: str = ""
) -> HTMLResponse:
    finding.require_reader(visit.archive, visit.request())
    listed = Listed.read(request.query_params)
    listing = browsing.browse(
        visit.archive,
        visit.request(),
        browsing.read_filter(visit.archive, listed.values),
        after=browsing.parse_cursor(listed.after),
    )
    return render(
        request,
        "dossiers/list.html",
        status=status,
        listed=listed,
        listing=listing,
        limits=chips(visit, listed),
        facets=facets(visit, listed, listing),
        next=listed.behind(listing),
        typed=typed,
        error=error,
    )


# ---------------------------------------------------------------- a new one


@router.get("/dossiers/new")
def new(request: Request, visit: Visitor) -> HTMLResponse:
    """The form for opening a dossier."""
    visit.require(Action.OPEN_DOSSIER)
    blank = {**dict.fromkeys(_NEW, ""), "kind": DossierKind.WORK_FILE.value}
    return _new_page(request, visit, {**blank, "receiving": visit.grant.agency})


@router.post("/dossiers")
def open_new(request: Request, visit: Visitor, form: Posted) -> Response:
    """Opens it; then its page."""
    visit.require(Action.OPEN_DOSSIER)
    try:
        opened = description.open_dossier(
            visit.archive,
            visit.request(form.command),
            kind=_kind(form.text("kind")),
            receiving=_known(visit, form.text("receiving")),
            deciding=_known(visit, form.text("deciding")) if form.text("deciding") else None,
            title=form.text("title"),
            procedure=_procedure(visit, form.optional("procedure")),
            code=form.optional("code"),
            applicant=description.Applicant(
                form.optional("applicant"),
                form.optional("phone"),
                form.optional("id_number"),
                form.optional("address"),
            ),
        )
    except (InvalidValueError, RuleError) as exc:
        typed = {name: form.text(name) for name in _NEW}
        error = ("code" if "code" in exc.code else "title", _told(visit, exc))
        return _new_page(request, visit, typed, status=status_of(exc), error=error)
    visit.archive.views.catch_up()
    return redirect(f"/dossiers/{opened.result['id']}", done="dossier-opened")


def _kind(text: str) -> DossierKind:
    try:
        return DossierKind(text)
    except ValueError as exc:
        raise InvalidValueError("invalid-choice") from exc


def _known(visit: Visit, text: str) -> StreamId:
    if text not in visit.agencies:
        raise InvalidValueError("invalid-choice")
    return StreamId(text)


def _procedure(visit: Visit, text: str | None) -> StreamId | None:
    if text is not None and text not in newest_procedures(visit):
        raise InvalidValueError("invalid-choice")
    return StreamId(text) if text is not None else None


def _new_page(
    request: Request,
    visit: Visit,
    form: Mapping[str, str],
    *,
    status: int = 200,
    error: tuple[str, str] | None = None,
) -> HTMLResponse:
    day = today(visit.archive.clock.now())
    standing = [row for row in visit.agencies.values() if row.history.ended is None]
    agencies = sorted((row.code, row.id, row.history.name_on(day)) for row in standing)
    procedures = newest_procedures(visit).values()
    return render(
        request,
        "dossiers/new.html",
        status=status,
        form=form,
        error=error,
        agencies=[(id, f"{code} · {name}") for code, id, name in agencies],
        procedures=[(row.id, f"{row.code} · {row.name}") for row in procedures],
    )


# ---------------------------------------------------------------- one dossier


def _named(visit: Visitor, dossier: str) -> StreamId:
    """The dossier of an address, by its identity or its code."""
    if dossier.startswith(f"{Kind.DOSSIER}-"):
        return StreamId(dossier)
    return find_dossier(visit.archive, visit.request(), dossier)


Target = Annotated[StreamId, Depends(_named)]


@router.get("/dossiers/{dossier}")
def dossier_page(request: Request, visit: Visitor, target: Target, at: str = "") -> HTMLResponse:
    """A dossier as it stands, or as it stood at a moment."""
    return _page(request, visit, target, at=at)


def _page(
    request: Request,
    visit: Visit,
    target: StreamId,
    *,
    status: int = 200,
    at: str = "",
    typed: Mapping[str, str] | None = None,
    error: tuple[str, str] | None = None,
) -> HTMLResponse:
    moment = None
    try:
        moment = retrieval.when(visit.archive, at or None)
    except InvalidValueError as exc:
        error, status = ("at", _told(visit, exc)), 422
    opened = browsing.open_dossier(visit.archive, visit.request(), target, at=moment)
    visit.note(ReadKind.VIEW, target)
    return render(
        request,
        "dossiers/dossier.html",
        status=status,
        opened=opened,
        dossier=opened.dossier,
        past=moment is not None,
        at=at[:40],
        fields=tuple(DossierField),
        named_on=lambda agency: _agency_on(visit, agency, opened.dossier.opened_on),
        typed=typed or {},
        error=error,
        location_limit=records.LIMITS[RecordField.PAPER_LOCATION],
    )


def _agency_on(visit: Visit, agency: StreamId, day: date) -> tuple[str, str]:
    """The agency's name on the day when the dossier was opened, and its name today."""
    row = visit.agencies.get(agency)
    return (row.history.name_on(day), row.name) if row is not None else (agency, agency)


def _told(visit: Visit, exc: ArchiveError) -> str:
    return visit.speech.trouble(exc.code, exc.details)


@router.get("/dossiers/{dossier}/list")
def record_list(request: Request, visit: Visitor, target: Target) -> HTMLResponse:
    """Its list of records (mục lục văn bản), for paper."""
    shown = retrieval.show_dossier(visit.archive, visit.request(), target)
    visit.note(ReadKind.PRINT, target, "list")
    day = shown.dossier.opened_on
    return render(
        request,
        "dossiers/printed.html",
        shown=shown,
        dossier=shown.dossier,
        agency=_agency_on(visit, shown.dossier.receiving, day)[0],
    )


@router.post("/dossiers/{dossier}/papers")
def add_paper(request: Request, visit: Visitor, target: Target, form: Posted) -> Response:
    """A record that exists on paper alone."""

    def do() -> None:
        location = form.text("location")
        asking = visit.request(form.command)
        description.register_paper(visit.archive, asking, target, location=location)
        visit.archive.views.catch_up()

    return _done(request, visit, target, form, "location", done="paper-added", do=do)


@router.post("/dossiers/{dossier}/hold")
def hold(request: Request, visit: Visitor, target: Target, form: Posted) -> Response:
    """Nothing of the dossier may be destroyed from now on."""

    def do() -> None:
        asking = visit.request(form.command)
        holding.place_hold(visit.archive, asking, target, reason=form.text("reason"))

    return _done(request, visit, target, form, "reason", done="hold-placed", do=do)


@router.post("/dossiers/{dossier}/lift")
def lift(request: Request, visit: Visitor, target: Target, form: Posted) -> Response:
    """The hold ends."""

    def do() -> None:
        asking = visit.request(form.command)
        holding.lift_hold(visit.archive, asking, target, reason=form.text("reason"))

    return _done(request, visit, target, form, "reason", done="hold-lifted", do=do)


def _done(
    request: Request,
    visit: Visit,
    target: StreamId,
    form: Form,
    name: str,
    *,
    done: str,
    do: Callable[[], None],
) -> Response:
    """Does it and goes on to the dossier's page, or shows that page with what was typed."""
    try:
        do()
    except (InvalidValueError, RuleError) as exc:
        typed = {name: form.text(name)}
        error = (name, _told(visit, exc))
        return _page(request, visit, target, status=status_of(exc), typed=typed, error=error)
    return redirect(f"/dossiers/{target}", done=done)


@router.get("/dossiers/{dossier}/close")
def closing(request: Request, visit: Visitor, target: Target) -> HTMLResponse:
    """What closing means, and which records the list will hold."""
    return _closing_page(request, visit, target)


@router.post("/dossiers/{dossier}/close")
def close(request: Request, visit: Visitor, target: Target, form: Posted) -> Response:
    """Closes the dossier with the list of its records."""
    try:
        description.close_dossier(visit.archive, visit.request(form.command), target)
    except RuleError as exc:
        return _closing_page(request, visit, target, status=status_of(exc), error=_told(visit, exc))
    return redirect(f"/dossiers/{target}", done="dossier-closed")


def _closing_page(
    request: Request, visit: Visit, target: StreamId, *, status: int = 200, error: str = ""
) -> HTMLResponse:
    opened = browsing.open_dossier(visit.archive, visit.request(), target)
    describing.permit_closing(visit.archive, visit.request(), target)
    visit.note(ReadKind.VIEW, target, "closing")
    return render(
        request,
        "dossiers/closing.html",
        status=status,
        opened=opened,
        dossier=opened.dossier,
        error=error,
    )


# ---------------------------------------------------------------- correcting


@router.get("/dossiers/{dossier}/correct")
def correcting(request: Request, visit: Visitor, target: Target) -> HTMLResponse:
    """The form with all fields."""
    return _correct_page(request, visit, target)


@router.post("/dossiers/{dossier}/correct")
def correct(request: Request, visit: Visitor, target: Target, form: Posted) -> Response:
    """Another value for each field that was changed; the earlier ones stay."""
    typed = {field: form.text(field.value) for field in DossierField}
    try:
        describing.describe_dossier(
            visit.archive,
            visit.request(form.command),
            target,
            version=form.whole("version") or 0,
            values=typed,
            reason=form.text("reason"),
        )
    except _FORM_ERRORS as exc:
        return _correct_page(request, visit, target, form=form, trouble=exc)
    return redirect(f"/dossiers/{target}", done="dossier-corrected")


def _correct_page(
    request: Request,
    visit: Visit,
    target: StreamId,
    *,
    form: Form | None = None,
    trouble: ArchiveError | None = None,
) -> HTMLResponse:
    describing.permit_correcting(visit.archive, visit.request(), target)
    opened = browsing.open_dossier(visit.archive, visit.request(), target)
    visit.note(ReadKind.VIEW, target, "correct")
    now = {field.value: getattr(opened.dossier, field.value) or "" for field in DossierField}
    stale = isinstance(trouble, ConcurrentChangeError)
    return render(
        request,
        "dossiers/correct.html",
        status=status_of(trouble) if trouble else 200,
        opened=opened,
        dossier=opened.dossier,
        fields=tuple(DossierField),
        values={name: form.text(name) for name in now} if form else now,
        now=now,
        stale=stale,
        version=opened.version if form is None or stale else form.whole("version") or 0,
        reason=form.text("reason") if form else "",
        error=_told(visit, trouble) if trouble else "",
        at_reason=trouble is not None and trouble.code == "change-reason-required",
    )
