"""The tray: records that were gathered, for describing, moving, exporting and printing together."""

from collections.abc import Callable, Iterator, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.datastructures import QueryParams

from api.web import csv
from api.web.forms import Form, Posted
from api.web.outcomes import Done, Outcomes
from api.web.render import day, own_address, redirect, render
from api.web.searching import Asked
from api.web.sending import attachment
from api.web.troubles import status_of
from api.web.visit import BASIS, Visit, Visitor
from domain.access import Action
from domain.dossier import Dossier
from domain.errors import ArchiveError, InvalidValueError, NotFoundError, RuleError
from domain.reads import ReadKind
from domain.record import Record, RecordField
from domain.services import bulk, describing, finding
from domain.services.bulk import Outcome
from domain.services.stationing import find_dossier
from domain.values import Basis, Kind, StreamId

router = APIRouter(include_in_schema=False)
_A_PAGE = 50
_outcomes = Outcomes()
_FIELDS = (RecordField.ISSUED_ON, RecordField.ORGAN, RecordField.TYPE_NAME, RecordField.SUBJECT,
           RecordField.SIGNER_NAME, RecordField.SIGNER_POSITION, RecordField.LANGUAGE,
           RecordField.PAPER_LOCATION, RecordField.NUMBER, RecordField.NOTATION)  # fmt: skip


@router.get("/tray")
def tray(request: Request, visit: Visitor) -> HTMLResponse:
    """What lies in the tray, and what can be done with all of it."""
    return _page(request, visit)


def _page(
    request: Request,
    visit: Visit,
    *,
    status: int = 200,
    form: Form | None = None,
    error: tuple[str, str] | None = None,
) -> HTMLResponse:
    finding.require_reader(visit.archive, visit.request())
    held = len(visit.archive.desk.tray(visit.agent.id))
    asked = request.query_params.get("page", "")
    page = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 4 else 1
    last = max(-(-held // _A_PAGE), 1)
    page = min(max(page, 1), last)
    lying = bulk.look(visit.archive, visit.request(), first=(page - 1) * _A_PAGE, limit=_A_PAGE)
    typed = {name: form.text(name) if form else "" for name in ("field", "value", "reason", "code")}
    return render(
        request,
        "tray/tray.html",
        status=status,
        held=held,
        lying=lying,
        page=page,
        last=last,
        fields=[(each.value, visit.speech.named("name", each.value)) for each in _FIELDS],
        typed=typed,
        moving=form is not None and bool(form.text("code")),
        error=error,
    )


# ---------------------------------------------------------------- in and out


@router.post("/tray/add")
def add(visit: Visitor, form: Posted) -> Response:
    """Lays the chosen records in."""
    chosen = [StreamId(each) for each in form.every("record") if each.startswith(f"{Kind.RECORD}-")]
    back = own_address(form.text("back")) if form.text("back") else "/tray"
    if not chosen:
        return redirect(back, done="tray-nothing")
    bulk.lay(visit.archive, visit.request(), chosen[: bulk.MOST])
    return redirect(back, done="tray-added")


@router.get("/tray/found")
def found(request: Request, visit: Visitor) -> HTMLResponse:
    """How many records the results of a search are, before they are laid in."""
    visit.require(Action.READ)
    asked = Asked.read(request.query_params)
    records = _found(visit, asked)
    visit.note(ReadKind.SEARCH, None)
    return render(request, "tray/found.html", asked=asked, number=len(records), query=asked["q"])


@router.post("/tray/add-found")
def add_found(visit: Visitor, form: Posted) -> Response:
    """Lays in every record of the results."""
    asked = Asked.read(QueryParams(form.text("query")))
    records = _found(visit, asked)
    visit.note(ReadKind.SEARCH, None)
    bulk.lay(visit.archive, visit.request(), records)
    return redirect("/tray", done="tray-added")


def _found(visit: Visit, asked: Asked) -> Sequence[StreamId]:
    wanted = finding.read_filter(visit.archive, asked.values)
    return bulk.found(visit.archive, visit.request(), asked["q"], wanted)


@router.post("/tray/remove")
def remove(visit: Visitor, form: Posted) -> Response:
    """Takes the chosen records out, or all of them."""
    everything = form.text("which") == "all"
    desk, agent = visit.archive.desk, visit.agent.id
    chosen = desk.tray(agent) if everything else [StreamId(each) for each in form.every("record")]
    desk.take(agent, chosen)
    return redirect("/tray", done="tray-removed")


# ---------------------------------------------------------------- the same for all


@router.post("/tray/describe")
def describe(request: Request, visit: Visitor, form: Posted) -> Response:
    """The same value for one field of every record."""

    def do(records: Sequence[StreamId], command: str) -> Sequence[Outcome]:
        name = _field(form.text("field"))
        value = describing.read_value(name, form.text("value"))
        reason = _reason(form)
        asking = visit.request(command, Basis(BASIS, command))
        return bulk.describe_all(
            visit.archive, asking, records, field=name, value=value, reason=reason
        )

    return _done(request, visit, form, "value", "described", do)


@router.post("/tray/move")
def move(request: Request, visit: Visitor, form: Posted) -> Response:
    """Every record to another dossier."""

    def do(records: Sequence[StreamId], command: str) -> Sequence[Outcome]:
        target = find_dossier(visit.archive, visit.request(), form.text("code"))
        asking = visit.request(command, Basis(BASIS, command))
        return bulk.move_all(
            visit.archive, asking, records, dossier_id=target, reason=_reason(form)
        )

    return _done(request, visit, form, "code", "moved", do)


def _field(text: str) -> RecordField:
    try:
        return RecordField(text)
    except ValueError as exc:
        raise InvalidValueError("invalid-choice") from exc


def _reason(form: Form) -> str:
    if not form.text("reason"):
        raise InvalidValueError("change-reason-required")
    return form.text("reason")


def _done(
    request: Request,
    visit: Visit,
    form: Form,
    name: str,
    what: str,
    do: Callable[[Sequence[StreamId], str], Sequence[Outcome]],
) -> Response:
    """Does it to what lay in the tray when the page was shown, and goes on to what became of it."""
    command = form.command or visit.archive.identifiers.new()
    address = f"/tray/outcome?{_query(command)}"
    if _outcomes.find(visit.agent.id, command) is not None:
        return redirect(address)  # The second click.
    records = visit.archive.desk.tray(visit.agent.id)
    try:
        if not records:
            raise RuleError("tray-empty")
        if form.whole("count") != len(records):
            raise RuleError("tray-changed")
        outcomes = do(records, command)
    except (InvalidValueError, RuleError, NotFoundError) as exc:
        place = "reason" if exc.code == "change-reason-required" else name
        place = "" if exc.code in ("tray-empty", "tray-changed") else place
        error = (place, _told(visit, exc))
        return _page(request, visit, status=status_of(exc), form=form, error=error)
    visit.archive.views.catch_up()
    _outcomes.keep(visit.agent.id, command, Done(what, outcomes))
    return redirect(address)


def _query(command: str) -> str:
    return str(QueryParams({"of": command}))


def _told(visit: Visit, exc: ArchiveError) -> str:
    return visit.speech.trouble(exc.code, exc.details)


@router.get("/tray/outcome")
def outcome(request: Request, visit: Visitor, of: str = "") -> HTMLResponse:
    """What became of each record."""
    visit.require(Action.READ)
    done = _outcomes.find(visit.agent.id, of)
    outcomes = done.outcomes if done is not None else ()
    return render(
        request,
        "tray/outcome.html",
        done=done,
        good=[each for each in outcomes if each.error is None],
        bad=[(each, _told(visit, each.error)) for each in outcomes if each.error is not None],
    )


# ---------------------------------------------------------------- out of the archive


@router.get("/tray/export.csv")
def export(visit: Visitor) -> StreamingResponse:
    """What is known of each record, as a table."""
    visit.require(Action.READ)
    speech = visit.speech
    heads = [
        speech.text("name-dossier"),
        speech.text("name-code"),
        *(speech.named("name", each.value) for each in _FIELDS[:8]),
        speech.text("page-dossier-pages"),
        speech.text("name-status"),
        speech.text("name-id"),
        "SHA-256",
    ]
    return StreamingResponse(
        csv.table(heads, _cells(visit)),
        media_type=csv.MEDIA_TYPE,
        headers={"Content-Disposition": attachment("khay.csv")},
    )


def _cells(visit: Visit) -> Iterator[Sequence[str]]:
    for paper, place in _papers(visit, ReadKind.EXPORT, "csv"):
        said = (paper.metadata.get(each) for each in _FIELDS[:8])
        confirmed = "page-record-confirmed" if paper.confirmed else "page-record-unconfirmed"
        texts = [value if isinstance(value, str) else "" for value in said]
        yield [
            place.code,
            paper.code,
            day(texts[0]),
            *texts[1:],
            str(paper.pages or ""),
            visit.speech.text(confirmed),
            paper.id,
            paper.original.sha256.hex if paper.original else "",
        ]


def _papers(visit: Visit, kind: ReadKind, detail: str) -> Iterator[tuple[Record, Dossier]]:
    lying = visit.archive.desk.tray(visit.agent.id)
    for paper, place in bulk.papers(visit.archive, visit.request(), lying):
        visit.note(kind, paper.id, detail)
        yield paper, place


@router.get("/tray/print")
def printed(request: Request, visit: Visitor) -> HTMLResponse:
    """The records as a list for paper."""
    finding.require_reader(visit.archive, visit.request())
    papers = list(_papers(visit, ReadKind.PRINT, "tray"))
    return render(request, "tray/printed.html", papers=papers)
