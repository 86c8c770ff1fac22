"""Search: words and limits are in the address, so that it can be kept, sent and gone back to."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import QueryParams

from api.web import sending
from api.web.forms import Form, Posted
from api.web.render import redirect, render
from api.web.searching import A_PAGE, LAST_PAGE, Asked, chips, facets, marked
from api.web.visit import Visit, Visitor
from domain.errors import ArchiveError, InvalidValueError, NotPermittedError, RuleError
from domain.reads import ReadKind
from domain.searching import Order
from domain.services import attesting_search, finding
from domain.services.finding import Findings
from domain.values import StreamId

router = APIRouter(include_in_schema=False)
_ID_LENGTH = 64


@router.get("/search")
def search_page(request: Request, visit: Visitor) -> HTMLResponse:
    """The results, or what can be searched for."""
    return _page(request, visit, Asked.read(request.query_params))


@router.post("/search/signed")
def attest(request: Request, visit: Visitor, form: Posted) -> Response:
    """Puts the whole answer of the page's search on record, then hands it out."""
    asked = Asked.read(QueryParams(form.text("query")))
    try:
        wanted = finding.read_filter(visit.archive, asked.values)
        answer = attesting_search.attest(
            visit.archive, visit.request(form.command), asked["q"], wanted
        )
    except (InvalidValueError, RuleError) as exc:
        if isinstance(exc, NotPermittedError):
            raise
        told = {"signed": visit.speech.trouble(exc.code, exc.details)}
        return _page(request, visit, asked, told, status=422)
    return redirect(f"/search/signed/{answer.result['search']}")


@router.get("/search/signed/{search}")
def signed(visit: Visitor, search: str) -> Response:
    """The signed result, a file."""
    made = attesting_search.result(visit.archive, visit.request(), StreamId(search))
    visit.note(ReadKind.EXPORT, None, "signed-search")
    name = f"ket-qua-tim-kiem-{made.position}-{made.total}.json"
    headers = {"Content-Disposition": sending.attachment(name)}
    return Response(made.content, media_type="application/json", headers=headers)


@router.post("/search/save")
def save(request: Request, visit: Visitor, form: Posted) -> Response:
    """Keeps the search of the page under a name."""
    asked = Asked.read(QueryParams(form.text("query")))
    desk, now = visit.archive.desk, visit.archive.clock.now()
    try:
        desk.save_search(
            visit.agent.id, _id(visit, form), form.text("name"), asked.spelled_out, now
        )
    except (InvalidValueError, RuleError) as exc:
        told = {"name": visit.speech.trouble(exc.code, exc.details)}
        return _page(request, visit, asked, told, status=422, name=form.text("name"))
    return redirect(asked.on_page(1), done="search-saved")


@router.post("/search/drop")
def drop(visit: Visitor, form: Posted) -> Response:
    """Forgets a saved search."""
    visit.archive.desk.drop_search(visit.agent.id, form.text("id"))
    return redirect("/search", done="search-dropped")


def _id(visit: Visit, form: Form) -> str:
    """A second click saves the same search again, in its own place."""
    return (form.command or visit.archive.identifiers.new())[:_ID_LENGTH]


def _page(
    request: Request,
    visit: Visit,
    asked: Asked,
    troubles: dict[str, str] | None = None,
    *,
    status: int = 200,
    name: str = "",
) -> HTMLResponse:
    troubles = dict(troubles or {})
    found: Findings | None = None
    finding.require_reader(visit.archive, visit.request())
    if asked.is_search:
        try:
            found = _find(visit, asked)
        except InvalidValueError as exc:
            troubles[_field(exc)] = visit.speech.trouble(exc.code, exc.details)
    return render(
        request,
        "search/results.html",
        status=status,
        query=asked["q"],
        asked=asked,
        answer=found.answer if found else None,
        found=found.found if found else (),
        last_page=min(-(-found.answer.total // A_PAGE), LAST_PAGE) if found else 1,
        facets=facets(visit, asked, found.answer) if found else (),
        limits=chips(visit, asked),
        orders=tuple(Order),
        marked=marked,
        troubles=troubles,
        saved=visit.archive.desk.searches(visit.agent.id),
        name=name,
    )


def _find(visit: Visit, asked: Asked) -> Findings:
    found = finding.search(
        visit.archive,
        visit.request(),
        asked["q"],
        finding.read_filter(visit.archive, asked.values),
        order=asked.order,
        limit=A_PAGE,
        offset=(asked.page - 1) * A_PAGE,
    )
    visit.note(ReadKind.SEARCH, None)
    return found


def _field(exc: ArchiveError) -> str:
    """The field of the page at which a trouble is told."""
    return str(exc.details["field"]) if exc.code == "search-bad-day" else "q"
