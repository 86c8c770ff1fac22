"""The auditor's pages: what happened, how it stood at any moment, what differs, who read it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from api.web import csv, sending
from api.web.exporting import as_csv, as_lines, file_name
from api.web.render import moment, redirect, render
from api.web.telling import told, words
from api.web.visit import Visit, Visitor
from domain.errors import InvalidValueError, NotFoundError
from domain.reads import Read, ReadKind
from domain.services import comparing, replaying
from domain.services.comparing import Value
from domain.services.reading_record import reads_of
from domain.values import Erased, Kind, StreamId, kind_of

router = APIRouter(include_in_schema=False)
_READS_BESIDE = 5
_READS_LISTED = 500
_LONGEST = 80
"""Characters of what a visitor typed that a page repeats."""


@router.get("/audit")
def home(request: Request, visit: Visitor, find: str = "") -> Response:
    """The mandate, and every way in."""
    mandate = replaying.mandate(visit.archive, visit.request())
    if find.strip():
        try:
            target = replaying.locate(visit.archive, visit.request(), find)
            return redirect(f"/audit/history/{target}")
        except NotFoundError:
            pass  # The page says so, whether there is nothing or nothing for this visitor.
    return render(
        request,
        "audit/home.html",
        status=404 if find.strip() else 200,
        find=find[:_LONGEST],
        mandate=mandate,
        certificate=visit.serving.certificate,
        software=visit.serving.software,
        position=visit.archive.journal.position(),
        whole=replaying.may_verify_all(visit.archive, visit.request()),
        **_asked(),
    )


def _asked(agent: str = "", day: str = "", device: str = "", error: str = "") -> dict[str, Any]:
    """What the form for lists shows again."""
    return {"agent": agent, "day_text": day[:_LONGEST], "device": device[:200], "error": error}


# ---------------------------------------------------------------- one history


@router.get("/audit/history/{ref}")
def history(
    request: Request, visit: Visitor, ref: str, at: str = "", before: str = "", step: str = ""
) -> Response:
    """The timeline; beside it how the thing stood at the chosen moment and who read it."""
    asked = visit.request()
    ordinal = _whole(step)
    if ordinal is not None:
        position = replaying.position_of(visit.archive, asked, ref, ordinal)
        return redirect(f"/audit/history/{quote(ref, safe='')}", at=str(position))
    chosen, error = _moment(visit, at)
    line = replaying.timeline(visit.archive, asked, ref, at=chosen, before=_whole(before))
    visit.note(ReadKind.VIEW, line.target, "history")
    return render(
        request,
        "audit/history.html",
        status=422 if error else 200,
        line=line,
        kind=kind_of(line.target).value,
        at=chosen,
        at_text=_written(line, at),
        error=error,
        reads=_reads(visit, line.target, _READS_BESIDE),
        **_telling(visit, {**line.page.names, **_own_name(visit, line.target)}),
    )


def _own_name(visit: Visit, target: StreamId) -> Mapping[StreamId, str | None]:
    """What an agent is called whose own history is shown."""
    agents = (target,) if kind_of(target) is Kind.AGENT else ()
    return replaying.names_of(visit.archive, agents)


def _written(line: replaying.Timeline, at: str) -> str:
    """The chosen moment as a person writes it; what was typed where it is no position."""
    chosen = next((s.recorded for s in line.page.steps if s.position == line.chosen), None)
    return moment(chosen.at) if chosen is not None and _whole(at) is not None else at[:_LONGEST]


@router.get("/audit/history/{ref}/export")
def export(
    visit: Visitor, ref: str, at: str = "", form: Annotated[str, Query(alias="as")] = "csv"
) -> Response:
    """The whole history up to a moment as a file, streamed."""
    upto, error = _moment(visit, at)
    if error or form not in _FORMS:
        raise InvalidValueError("invalid-moment" if error else "invalid-export")
    write, media_type = _FORMS[form]
    target = replaying.locate(visit.archive, visit.request(), ref)
    line = replaying.timeline(visit.archive, visit.request(), target, at=upto)
    parts = replaying.exported(visit.archive, visit.request(), target, at=upto)
    visit.note(ReadKind.EXPORT, target, f"history {form}")
    of_dossier = kind_of(target) is Kind.DOSSIER and line.dossier_code
    name = file_name(of_dossier or target, line.chosen or 0, form)
    headers = {"Content-Disposition": sending.attachment(name)}
    return StreamingResponse(write(visit, parts), media_type=media_type, headers=headers)


_FORMS: Mapping[str, tuple[Callable[..., Any], str]] = {
    "csv": (as_csv, csv.MEDIA_TYPE),
    "jsonl": (as_lines, "application/jsonl"),
}


@router.get("/audit/reads/{ref}")
def reads(request: Request, visit: Visitor, ref: str) -> Response:
    """Everybody who read a dossier or a record."""
    target = replaying.locate(visit.archive, visit.request(), ref)
    found = reads_of(visit.archive, visit.request(), target, limit=_READS_LISTED)
    visit.note(ReadKind.VIEW, target, "reads")
    names = replaying.names_of(visit.archive, {read.by.agent for read in found})
    return render(
        request,
        "audit/reads.html",
        target=target,
        kind=kind_of(target).value,
        code=replaying.code_of(visit.archive, target),
        reads=found,
        full=len(found) == _READS_LISTED,
        **_telling(visit, names),
    )


def _reads(visit: Visit, target: StreamId, limit: int) -> Sequence[tuple[Read, str]] | None:
    """The last reads with the names of the readers; None for who may not know them."""
    try:
        found = reads_of(visit.archive, visit.request(), target, limit=limit)
    except NotFoundError:
        return None
    names = replaying.names_of(visit.archive, {read.by.agent for read in found})
    return [(read, names[read.by.agent] or read.by.agent) for read in found]


# ---------------------------------------------------------------- moments


@router.get("/audit/state/{ref}")
def state(request: Request, visit: Visitor, ref: str, at: str = "") -> Response:
    """A dossier with its records, or a record, as it stood at a moment."""
    upto, error = _moment(visit, at)
    target = replaying.locate(visit.archive, visit.request(), ref)
    found = comparing.standing(visit.archive, visit.request(), target, at=upto)
    visit.note(ReadKind.VIEW, target, f"state {upto or ''}".strip())
    return render(
        request,
        "audit/state.html",
        status=422 if error else 200,
        found=found,
        kind=kind_of(target).value,
        at=at[:_LONGEST],
        error=error,
        **_telling(visit, {}),
    )


@router.get("/audit/compare/{ref}")
def compare(
    request: Request,
    visit: Visitor,
    ref: str,
    since: Annotated[str, Query(alias="from")] = "",
    until: Annotated[str, Query(alias="to")] = "",
) -> Response:
    """What differs between two moments, field by field and file by file."""
    target = replaying.locate(visit.archive, visit.request(), ref)
    first, wrong_first = _moment(visit, since)
    second, wrong_second = _moment(visit, until)
    if not since.strip():
        first = replaying.position_of(visit.archive, visit.request(), target, 1)
    found = comparing.compare(visit.archive, visit.request(), target, before=first, after=second)
    visit.note(ReadKind.VIEW, target, "compare")
    return render(
        request,
        "audit/compare.html",
        status=422 if wrong_first or wrong_second else 200,
        found=found,
        kind=kind_of(target).value,
        since=since[:_LONGEST],
        until=until[:_LONGEST],
        errors={"from": wrong_first, "to": wrong_second},
        **_telling(visit, {}),
    )


# ---------------------------------------------------------------- lists over many things


@router.get("/audit/events")
def events(
    request: Request,
    visit: Visitor,
    agent: str = "",
    day: str = "",
    device: str = "",
    before: str = "",
) -> Response:
    """Everything of one agent, one station, one day, within the mandate."""
    mandate = replaying.mandate(visit.archive, visit.request())
    on, error = _day(visit, day)
    chosen = replaying.agent_named(agent)
    found = replaying.listed(
        visit.archive,
        visit.request(),
        agent=chosen,
        day=on,
        device=device.strip()[:200],
        before=before,
    )
    visit.note(ReadKind.SEARCH, None, "events")
    wanted = {"agent": agent, "day": day, "device": device, "before": found.older}
    return render(
        request,
        "audit/events.html",
        status=422 if error else 200,
        mandate=mandate,
        found=found,
        older=f"/audit/events?{urlencode(wanted)}" if found.older else "",
        started=bool(chosen or on or device.strip()),
        **_asked(agent, day, device, error),
        **_telling(visit, found.page.names),
    )


# ---------------------------------------------------------------- what visitors type


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _moment(visit: Visit, text: str) -> tuple[int | None, str]:
    """A journal position, or now and what is wrong with the text."""
    try:
        return replaying.moment(visit.archive, text), ""
    except InvalidValueError as exc:
        return None, visit.speech.trouble(exc.code, exc.details)


def _day(visit: Visit, text: str) -> tuple[date | None, str]:
    try:
        return replaying.day_of(text), ""
    except InvalidValueError as exc:
        return None, visit.speech.trouble(exc.code, exc.details)


def _telling(visit: Visit, names: Mapping[StreamId, str | None]) -> dict[str, Any]:
    """How the templates say values."""

    def say(name: str, value: Value) -> str:
        return told(visit, names, name, value)

    return {
        "say": say,
        "is_erased": lambda value: isinstance(value, Erased),
        "words": words,
        "detail": lambda text: " ".join(
            visit.speech.named("detail", each) for each in text.split()
        ),
        "who": lambda agent: names.get(agent) or agent,
    }
