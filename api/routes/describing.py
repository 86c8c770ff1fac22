"""Describing records at speed: one form beside the page's image, then the next record."""

from collections.abc import Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.web.forms import Form, Posted
from api.web.render import day, redirect, render
from api.web.troubles import status_of
from api.web.visit import Visit, Visitor
from domain.access import Action
from domain.errors import ArchiveError, ConcurrentChangeError, InvalidValueError, RuleError
from domain.reads import ReadKind
from domain.record import LIMITS, Described, RecordField
from domain.services import browsing, describing, opening
from domain.services.opening import Opened
from domain.values import Kind, StreamId

router = APIRouter(include_in_schema=False)
ORDER = (
    RecordField.TYPE_NAME,
    RecordField.NUMBER,
    RecordField.NOTATION,
    RecordField.ISSUED_ON,
    RecordField.ORGAN,
    RecordField.SUBJECT,
    RecordField.SIGNER_NAME,
    RecordField.SIGNER_POSITION,
    RecordField.LANGUAGE,
    RecordField.PAPER_LOCATION,
)
"""The fields as the eye meets them on a paper (ND 30/2020, Annex I)."""
_REASONS = {
    "paper": "page-describe-reason-paper",
    "typing": "page-describe-reason-typing",
    "reader": "page-describe-reason-reader",
}
"""Usual reasons; whoever has another one writes it."""


@router.get("/describe/next")
def next_record(request: Request, visit: Visitor, after: str = "", done: str = "") -> Response:
    """On to the next record that waits for a person's word."""
    visit.require(Action.CORRECT)
    behind = StreamId(after) if after.startswith(f"{Kind.RECORD}-") else None
    row = browsing.next_unconfirmed(visit.archive, visit.request(), behind, action=Action.CORRECT)
    if row is not None:
        return redirect(f"/records/{row.id}/describe", done=done or None)
    first = browsing.next_unconfirmed(visit.archive, visit.request(), None, action=Action.CORRECT)
    return render(request, "describing/end.html", again=first is not None)


@router.get("/records/{record}/describe")
def form_page(request: Request, visit: Visitor, record: str) -> HTMLResponse:
    """The form, the values as they stand."""
    return _page(request, visit, opening.record_named(record))


@router.post("/records/{record}/describe")
def save(request: Request, visit: Visitor, record: str, form: Posted) -> Response:
    """Keeps what was changed, then goes on to the next record or stays."""
    target = opening.record_named(record)
    values, troubles = describing.read_values({name: form.text(name.value) for name in ORDER})
    if troubles:
        return _page(request, visit, target, form=form, troubles=troubles)
    try:
        describing.describe(
            visit.archive,
            visit.request(form.command),
            target,
            version=form.whole("version") or 0,
            values=values,
            reason=_reason(visit, form),
        )
    except (InvalidValueError, RuleError, ConcurrentChangeError) as exc:
        return _page(request, visit, target, form=form, trouble=exc)
    if form.text("then") == "stay":
        return redirect(f"/records/{target}/describe", done="described")
    return redirect("/describe/next", done="described", after=target)


def _reason(visit: Visit, form: Form) -> str:
    """What was written, or a usual reason: in Vietnamese whatever the visitor's language, for it
    is signed and kept."""
    code = _REASONS.get(form.text("why"))
    return form.text("reason") or (visit.serving.vietnamese.text(code) if code else "")


def _page(
    request: Request,
    visit: Visit,
    target: StreamId,
    *,
    form: Form | None = None,
    troubles: Mapping[RecordField, ArchiveError] | None = None,
    trouble: ArchiveError | None = None,
) -> HTMLResponse:
    describing.permit_describing(visit.archive, visit.request(), target)
    opened = opening.open_record(visit.archive, visit.request(), target)
    visit.note(ReadKind.VIEW, target, "describe")
    told = {
        name.value: visit.speech.trouble(exc.code, exc.details)
        for name, exc in (troubles or {}).items()
    }
    if trouble is not None:
        place = "reason" if trouble.code == "change-reason-required" else ""
        told[place] = visit.speech.trouble(trouble.code, trouble.details)
    stale = isinstance(trouble, ConcurrentChangeError)
    now = {name.value: _written(name, opened) for name in ORDER}
    sheets = opened.sheets
    asked = request.query_params.get("page", "")
    n = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1
    status = 422 if troubles else status_of(trouble) if trouble else 200
    return render(
        request,
        "describing/form.html",
        status=status,
        opened=opened,
        record=opened.record,
        order=ORDER,
        limits=LIMITS,
        now=now,
        values={name: form.text(name) for name in now} if form else now,
        proposed=_proposed(opened),
        stale=stale,
        version=opened.events if form is None or stale else form.whole("version") or 0,
        reasons=[(code, visit.speech.text(message)) for code, message in _REASONS.items()],
        why=form.text("why") if form else "" if _needs_reason(opened) else "paper",
        reason=form.text("reason") if form else "",
        troubles=told,
        page=min(max(n, 1), len(sheets)) if sheets else 0,
        pages=len(sheets),
    )


def _written(name: RecordField, opened: Opened) -> str:
    value = opened.record.metadata.get(name)
    text = value if isinstance(value, str) else ""
    return day(text) if name is RecordField.ISSUED_ON else text


def _proposed(opened: Opened) -> frozenset[str]:
    """Fields whose value no person has set or checked yet."""
    return frozenset(
        name.value
        for name, settings in opened.settings.items()
        if settings[-1].origin is Described.READER and not opened.record.confirmed
    )


def _needs_reason(opened: Opened) -> bool:
    """True when a person set or vouched for a value: whoever changes it says why."""
    return opened.record.confirmed or bool(opened.record.corrected)
