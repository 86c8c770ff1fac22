"""The administrator's pages: the state of the archive, and its procedures."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.web.forms import Form, Posted
from api.web.render import redirect, render
from api.web.sent import Sent, attempt, choice, needed_day
from api.web.visit import Visit, Visitor
from domain.dossier import parse_text
from domain.errors import InvalidValueError
from domain.procedure import Component, Procedure, RetentionRule, TimeLimit, TimeUnit
from domain.services import administration, overview
from domain.services.administration import ProcedureText
from domain.services.deciding import today

router = APIRouter(include_in_schema=False)
_FIELDS: Mapping[str, str] = {
    "": "name",
    "invalid-number": "limit",
    "invalid-procedure-code": "code",
    "invalid-retention": "years",
    "invalid-time-limit": "limit",
    "version-not-later": "since",
}
"""At which field of a procedure an error stands."""


@router.get("/admin")
def state(request: Request, visit: Visitor) -> HTMLResponse:
    """How the archive stands, and what the checks of the installation say."""
    found = overview.archive_state(visit.archive, visit.request())
    return render(
        request,
        "admin/state.html",
        state=found,
        archive_id=visit.archive.id,
        certificate=visit.serving.certificate,
        validity=visit.serving.validity,
        software=visit.serving.software,
        checks=[
            (each, visit.speech.trouble(each.code, each.details)) for each in visit.serving.checks()
        ],
        worker_alive=visit.serving.worker_alive(),
    )


# ---------------------------------------------------------------- procedures


@router.get("/admin/procedures")
def procedures(request: Request, visit: Visitor) -> HTMLResponse:
    """Every procedure with the version in force."""
    overview.reach(visit.archive, visit.request())
    day = today(visit.archive.clock.now())
    rows = visit.archive.catalogue.procedures()
    newest = {row.id: row for row in rows}
    in_force = {row.id: row for row in rows if row.in_force_from <= day}
    return render(
        request,
        "admin/procedures.html",
        rows=[(row, in_force.get(row.id)) for row in newest.values()],
    )


@router.get("/admin/procedures/new")
def new_procedure(request: Request, visit: Visitor, of: str = "") -> HTMLResponse:
    """The form, filled with the newest version of a procedure that is known."""
    overview.reach(visit.archive, visit.request())
    known = overview.procedure_seen(visit.archive, of) if of else None
    return _form(request, visit, Sent(), known)


@router.post("/admin/procedures/new")
def adopt_procedure(request: Request, visit: Visitor, form: Posted) -> Response:
    """First shows what will be in force, for a version is never taken back; then adopts it."""
    overview.reach(visit.archive, visit.request())
    confirmed = form.text("confirmed") == "yes"

    def do() -> None:
        text = _read(form)
        if confirmed:
            administration.adopt_procedure(visit.archive, visit.request(form.command), text)
        else:
            administration.adoptable(visit.archive, visit.request(), text)

    refused = attempt(visit, "procedure", form, _FIELDS, do)
    if refused is not None:
        return _form(request, visit, refused)
    if not confirmed:
        return render(
            request, "admin/procedure_check.html", text=_read(form), form=form, names=_NAMES
        )
    return redirect("/admin/procedures", done="procedure-adopted")


@router.get("/admin/procedures/{target}")
def procedure(request: Request, visit: Visitor, target: str) -> HTMLResponse:
    """One procedure with all its versions and their components."""
    overview.reach(visit.archive, visit.request())
    found = overview.procedure_seen(visit.archive, target)
    day = today(visit.archive.clock.now())
    return render(
        request, "admin/procedure.html", procedure=found, in_force=found.in_force(day), today=day
    )


_NAMES = ("code", "name", "components", "limit", "unit", "rule", "years", "since")


def _form(
    request: Request, visit: Visit, sent: Sent, known: Procedure | None = None
) -> HTMLResponse:
    return render(
        request,
        "admin/procedure_new.html",
        status=sent.status,
        sent=sent,
        units=[(unit.value, visit.speech.named("unit", unit.value)) for unit in TimeUnit],
        filled=_filled(known) if known else dict.fromkeys(_NAMES, ""),
    )


def _filled(known: Procedure) -> dict[str, Any]:
    """The newest version as the form writes it; its first day is to be said anew."""
    version = known.versions[-1]
    years = version.retention.years if version.retention else None
    return {
        "code": version.code,
        "name": version.name,
        "components": "\n".join(each.name for each in version.components),
        "limit": str(version.time_limit.value) if version.time_limit else "",
        "unit": version.time_limit.unit.value if version.time_limit else "",
        "rule": version.retention.rule if version.retention else "",
        "years": str(years) if years is not None else "",
        "since": "",
    }


def _read(form: Form) -> ProcedureText:
    limit, rule = _whole(form, "limit"), form.text("rule")
    years = _whole(form, "years")
    if years is not None and not rule:
        raise InvalidValueError("rule-needed", field="rule")
    return ProcedureText(
        code=form.text("code"),
        name=_line(form.text("name"), "name"),
        components=tuple(
            Component(_line(line, "components"))
            for line in form.text("components").splitlines()
            if line.strip()
        ),
        time_limit=TimeLimit(limit, choice(TimeUnit, form, "unit")) if limit is not None else None,
        retention=RetentionRule(_line(rule, "rule"), years) if rule else None,
        in_force_from=needed_day(form, "since"),
    )


def _line(text: str, field: str) -> str:
    try:
        return parse_text(text, limit=500)
    except InvalidValueError as exc:
        raise InvalidValueError("invalid-text", field=field, limit=500) from exc


def _whole(form: Form, name: str) -> int | None:
    try:
        return form.whole(name)
    except InvalidValueError as exc:
        raise InvalidValueError(exc.code, field=name) from exc
