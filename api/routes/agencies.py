"""The administrator's pages of agencies: the tree, one agency with its past, and its changes."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.web.forms import Form, Posted
from api.web.render import redirect, render
from api.web.sent import Sent, attempt, choice, day, needed_day
from api.web.visit import Visit, Visitor
from domain.agency import Succession
from domain.errors import NotFoundError
from domain.services import agencies, overview
from domain.services.deciding import today
from domain.values import StreamId

router = APIRouter(include_in_schema=False)
_FIELDS: Mapping[str, str] = {
    "": "since",
    "agency-circle": "parent",
    "agency-code-taken": "code",
    "code-known": "code",
    "invalid-agency-code": "code",
    "invalid-name": "name",
    "invalid-period": "until",
}
"""At which field an error stands, where no form says otherwise."""


@router.get("/admin/agencies")
def tree(request: Request, visit: Visitor) -> HTMLResponse:
    """The agencies in reach, as they stand today."""
    return render(
        request, "admin/agencies.html", tree=overview.agency_tree(visit.archive, visit.request())
    )


@router.get("/admin/agencies/new")
def new_page(request: Request, visit: Visitor, parent: str = "") -> HTMLResponse:
    """The form of a new agency."""
    return _new_form(request, visit, Sent(), parent)


@router.post("/admin/agencies/new")
def new(request: Request, visit: Visitor, form: Posted) -> Response:
    """An agency below another one."""
    made: list[str] = []

    def do() -> None:
        answer = agencies.add_agency(
            visit.archive,
            visit.request(form.command),
            code=form.text("code"),
            name=form.text("name"),
            parent=_inside(visit, form.text("parent")),
            valid_from=day(form, "since"),
        )
        made.append(answer.result["agency"])

    refused = attempt(visit, "new", form, _FIELDS, do)
    if refused is not None:
        return _new_form(request, visit, refused)
    return redirect(f"/admin/agencies/{made[0]}", done="agency-added")


@router.get("/admin/agencies/{target}")
def agency_page(request: Request, visit: Visitor, target: str) -> HTMLResponse:
    """One agency: its names, codes and places with their days, and what can be changed."""
    return _page(request, visit, target, Sent())


@router.post("/admin/agencies/{target}/succeed")
def succeed(request: Request, visit: Visitor, target: str, form: Posted) -> Response:
    """First shows whom the end concerns, for it is decided once; then decides it."""
    row = overview.agency_seen(visit.archive, visit.request(), target)
    concerned: list[overview.Concerned] = []
    confirmed = form.text("confirmed") == "yes"

    def do() -> None:
        how, on = choice(Succession, form, "how"), needed_day(form, "since")
        heirs = tuple(_inside(visit, each) for each in dict.fromkeys(form.every("successors")))
        command = visit.request(form.command)
        if confirmed:
            agencies.succeed_agency(
                visit.archive, command, row.id, how=how, successors=heirs, on=on
            )
        else:
            concerned.append(
                overview.succession_ahead(
                    visit.archive, command, row.id, how=how, successors=heirs, on=on
                )
            )

    fields = {**_FIELDS, "agency-circle": "successors", "successors-do-not-fit": "successors"}
    refused = attempt(visit, "succeed", form, fields, do)
    if refused is not None:
        return _page(request, visit, target, refused)
    if not confirmed:
        return render(
            request,
            "admin/succession_check.html",
            row=row,
            how=form.text("how"),
            on=needed_day(form, "since"),
            heirs=[visit.agencies[StreamId(each)] for each in form.every("successors")],
            concerned=concerned[0],
        )
    return redirect(f"/admin/agencies/{row.id}", done="agency-succeeded")


@router.post("/admin/agencies/{target}/{change}")
def change(request: Request, visit: Visitor, target: str, change: str, form: Posted) -> Response:
    """One of the changes that can be corrected later by another of its kind."""
    row = overview.agency_seen(visit.archive, visit.request(), target)
    if change not in _CHANGES:
        raise NotFoundError(reference=change[:80])
    do, done = _CHANGES[change]
    refused = attempt(visit, change, form, _FIELDS, lambda: do(visit, row.id, form))
    if refused is not None:
        return _page(request, visit, target, refused)
    return redirect(f"/admin/agencies/{row.id}", done=done.removeprefix("page-done-"))


def _rename(visit: Visit, target: StreamId, form: Form) -> None:
    agencies.rename_agency(
        visit.archive,
        visit.request(form.command),
        target,
        name=form.text("name"),
        valid_from=day(form, "since"),
    )


def _add_code(visit: Visit, target: StreamId, form: Form) -> None:
    agencies.add_agency_code(
        visit.archive,
        visit.request(form.command),
        target,
        code=form.text("code"),
        valid_from=needed_day(form, "since"),
        valid_until=day(form, "until"),
    )


def _end_code(visit: Visit, target: StreamId, form: Form) -> None:
    agencies.end_agency_code(
        visit.archive,
        visit.request(form.command),
        target,
        code=form.text("code"),
        valid_until=needed_day(form, "until"),
    )


def _move(visit: Visit, target: StreamId, form: Form) -> None:
    agencies.move_agency(
        visit.archive,
        visit.request(form.command),
        target,
        parent=_inside(visit, form.text("parent")),
        valid_from=day(form, "since"),
    )


_CHANGES: Mapping[str, tuple[Callable[[Visit, StreamId, Form], None], str]] = {
    "rename": (_rename, "page-done-agency-renamed"),
    "code": (_add_code, "page-done-agency-code"),
    "code-end": (_end_code, "page-done-agency-code-ended"),
    "move": (_move, "page-done-agency-moved"),
}
"""What a form does, and the message that says so."""


def _inside(visit: Visit, reference: str) -> StreamId:
    """An agency in reach that was chosen from a list."""
    return overview.agency_seen(visit.archive, visit.request(), reference).id


def _new_form(request: Request, visit: Visit, sent: Sent, parent: str = "") -> HTMLResponse:
    return render(
        request,
        "admin/agency_new.html",
        status=sent.status,
        sent=sent,
        parent=parent or visit.grant.agency,
        choices=choices(visit),
    )


def _page(request: Request, visit: Visit, target: str, sent: Sent) -> HTMLResponse:
    row = overview.agency_seen(visit.archive, visit.request(), target)
    return render(
        request,
        "admin/agency.html",
        status=sent.status,
        sent=sent,
        row=row,
        history=row.history,
        today=today(visit.archive.clock.now()),
        others=[pair for pair in choices(visit) if pair[0] != row.id],
        ways=[(how.value, visit.speech.named("succession", how.value)) for how in Succession],
    )


def choices(visit: Visit) -> list[tuple[str, str]]:
    """The agencies in reach that have not ended, for lists to choose from."""
    inside, on = overview.reach(visit.archive, visit.request()), today(visit.archive.clock.now())
    return [
        (row.id, f"{row.code} · {row.name}")
        for row in visit.agencies.values()
        if row.id in inside and not (row.history.ended and row.history.ended.on <= on)
    ]
