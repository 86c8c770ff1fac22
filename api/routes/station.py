"""The scanning station: a clerk's day, one dossier with its scans, and their receipts.

A browser with a script sends each file as a raw body under an id of its own and repeats it under
the same id; one without sends a form. Both end in the same service.
"""

from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any, BinaryIO
from urllib.parse import unquote

import segno
from fastapi import APIRouter, Depends, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.web.forms import Form, Posted, check_origin, check_token, posted
from api.web.live import changes, counted
from api.web.render import redirect, render
from api.web.troubles import status_of
from api.web.uploads import receive_stream
from api.web.visit import Visit, Visitor, visiting
from domain.access import Action
from domain.dossier import DossierKind
from domain.errors import (
    ArchiveError,
    ConcurrentChangeError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.reads import ReadKind
from domain.services import description, replaying, stationing
from domain.services.reception import Receipt, open_batch, receive
from domain.services.stationing import FileState, Seen
from domain.values import Digest, Kind, Secrecy, StreamId, kind_of
from domain.views import ProcedureRow

router = APIRouter(include_in_schema=False)
_PLAIN_FORM_BYTES = 256 << 20
"""What a form may hold in all: unlike a raw body it waits in the folder for temporary files."""
_RECEIPT_STATUS = {"stored": 201, "duplicate": 200, "refused": 422}
_NO_FORM: Mapping[str, str] = dict.fromkeys(
    ("title", "code", "procedure", "applicant", "phone", "id_number", "address"), ""
)
_NOTHING_DECLARED: Mapping[str, str] = dict.fromkeys(
    ("sheets", "documents", "device", "secrecy", "paper_location"), ""
)
UploadId = Annotated[str, Path(pattern="^[0-9A-Za-z-]{1,64}$")]


# ---------------------------------------------------------------- the day


@router.get("/station")
def station(request: Request, visit: Visitor) -> HTMLResponse:
    """Find or open a dossier; what this clerk sent today."""
    visit.require(Action.RECEIVE_SCAN)
    visit.serving.warm()
    return _day_page(request, visit)


@router.get("/station/find")
def find(request: Request, visit: Visitor, dossier: str = "") -> Response:
    """The dossier that was typed, or that a wedge scanner typed."""
    visit.require(Action.RECEIVE_SCAN)
    try:
        found = stationing.find_dossier(visit.archive, visit.request(), dossier)
    except NotFoundError:
        error = visit.speech.text("page-station-not-found")
        return _day_page(request, visit, status=404, typed=dossier[:200], find_error=error)
    return redirect(f"/station/{found}")


@router.post("/station/dossiers")
def open_dossier(request: Request, visit: Visitor, form: Posted) -> Response:
    """A new dossier of the visitor's agency; then its screen."""
    visit.require(Action.OPEN_DOSSIER)
    try:
        opened = description.open_dossier(
            visit.archive,
            visit.request(form.command),
            kind=_dossier_kind(form.text("kind")),
            receiving=visit.grant.agency,
            deciding=None,
            title=form.text("title"),
            procedure=_procedure(form.optional("procedure")),
            code=form.optional("code"),
            applicant=description.Applicant(
                form.optional("applicant"),
                form.optional("phone"),
                form.optional("id_number"),
                form.optional("address"),
            ),
        )
    except (InvalidValueError, RuleError) as exc:
        typed = {name: form.text(name) for name in (*_NO_FORM, "kind")}
        told = visit.speech.trouble(exc.code, exc.details)
        field = "code" if "code" in exc.code else "title"
        error = {"field": field, "text": told}
        return _day_page(request, visit, status=status_of(exc), form=typed, form_error=error)
    return redirect(f"/station/{opened.result['id']}", done="station-opened")


def _dossier_kind(text: str) -> DossierKind:
    try:
        return DossierKind(text)
    except ValueError as exc:
        raise InvalidValueError("invalid-choice") from exc


def _procedure(text: str | None) -> StreamId | None:
    if text is not None and not text.startswith(f"{Kind.PROCEDURE}-"):
        raise InvalidValueError("invalid-choice")
    return StreamId(text) if text is not None else None


def _day_page(
    request: Request,
    visit: Visit,
    *,
    status: int = 200,
    typed: str = "",
    find_error: str = "",
    form: Mapping[str, str] | None = None,
    form_error: Mapping[str, str] | None = None,
) -> HTMLResponse:
    return render(
        request,
        "station/day.html",
        status=status,
        lines=stationing.day_of(visit.archive, visit.request()),
        procedures=[(row.id, f"{row.code} · {row.name}") for row in _newest_procedures(visit)],
        typed=typed,
        find_error=find_error,
        form=form or {**_NO_FORM, "kind": DossierKind.PROCEDURE.value},
        form_error=form_error,
    )


def _newest_procedures(visit: Visit) -> Sequence[ProcedureRow]:
    """Each procedure once; the service takes the version that is in force."""
    return list({row.id: row for row in visit.archive.catalogue.procedures()}.values())


# ---------------------------------------------------------------- receipts


@router.get("/station/receipts/{record}")
def receipt(request: Request, visit: Visitor, record: str) -> HTMLResponse:
    """The scan receipt of a file, for the screen and for paper."""
    target = _stream(record, Kind.RECORD)
    found = stationing.receipt_of(visit.archive, visit.request(), target)
    visit.note(ReadKind.VIEW, target, "receipt")
    # All that the code holds: which event, and the digest of the bytes that were signed.
    said = f"chauban:{found.event}:{found.envelope}"
    return render(
        request,
        "station/receipt.html",
        receipt=found,
        sender=replaying.names_of(visit.archive, (found.by.agent,))[found.by.agent],
        certificate=visit.serving.certificate,
        picture=segno.make(said, error="m", micro=False).svg_data_uri(scale=4, border=4),
    )


def _stream(text: str, kind: Kind) -> StreamId:
    try:
        if kind_of(StreamId(text)) is kind:
            return StreamId(text)
    except ValueError:
        pass
    raise NotFoundError(reference=text[:80])


# ---------------------------------------------------------------- one dossier


def looking(visit: Visitor, dossier: str) -> Seen:
    """The dossier of an address, by its identity or its code."""
    target = StreamId(dossier)
    if not dossier.startswith(f"{Kind.DOSSIER}-"):
        target = stationing.find_dossier(visit.archive, visit.request(), dossier)
    return stationing.look(visit.archive, visit.request(), target)


Looking = Annotated[Seen, Depends(looking)]


async def _plain_form(request: Request, visit: Visitor) -> Form:
    """A form with files, unless it is too long to wait here."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length[:20]) > _PLAIN_FORM_BYTES:
        raise HTTPException(413)
    return await posted(request)


@router.get("/station/{dossier}")
def dossier_page(request: Request, visit: Visitor, seen: Looking) -> HTMLResponse:
    """The screen of a dossier."""
    visit.serving.warm()
    visit.note(ReadKind.VIEW, seen.dossier.id, "station")
    return _dossier_page(request, visit, seen)


def _dossier_page(
    request: Request,
    visit: Visit,
    seen: Seen,
    *,
    status: int = 200,
    declared: Mapping[str, str] = _NOTHING_DECLARED,
    error: str = "",
) -> HTMLResponse:
    return render(
        request,
        "station/dossier.html",
        status=status,
        declared=declared,
        error=error,
        limit=visit.archive.limits.file_bytes,
        levels=list(Secrecy),
        **_shown(visit, seen),
    )


@router.get("/station/{dossier}/state")
def state(request: Request, visit: Visitor, seen: Looking) -> HTMLResponse:
    """The part of the screen that changes."""
    return render(request, "station/live.html", **_shown(visit, seen))


@router.get(
    "/station/{dossier}/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(counted)],
)
async def events(request: Request, visit: Visitor, seen: Looking) -> AsyncIterator[ServerSentEvent]:
    """The same part, whenever it changes."""
    target, archive = seen.dossier.id, visit.archive
    waiting = seen.waiting

    def part() -> tuple[int, str]:
        nonlocal waiting
        now = visiting(request)
        looked = stationing.look(now.archive, now.request(), target)
        waiting = looked.waiting
        page = render(request, "station/live.html", **_shown(now, looked))
        return looked.position, bytes(page.body).decode()

    def state() -> Hashable:
        return (
            archive.journal.position(),
            stationing.indexed(archive),
            visit.serving.worker_alive(),
            tuple(archive.progress.of(each) for each in waiting),
        )

    async for each in changes(request, state=state, part=part):
        yield each


def _shown(visit: Visit, seen: Seen) -> dict[str, Any]:
    return {
        "seen": seen,
        "dossier": seen.dossier,
        "waits": bool(seen.waiting),
        "worker_alive": visit.serving.worker_alive(),
        "state_tags": _STATE_TAGS,
    }


_STATE_TAGS = {
    FileState.SEARCHABLE: "ok",
    FileState.STORED: "ok",
    FileState.RETRIED: "warn",
    FileState.STUCK: "bad",
    FileState.DUPLICATE: "warn",
    FileState.REFUSED: "bad",
}


# ---------------------------------------------------------------- sending


@router.post("/station/{dossier}/batches")
def begin(visit: Visitor, seen: Looking, form: Posted) -> JSONResponse:
    """A batch of files that a script is about to send; a repeat gets the same batch."""

    def opened() -> tuple[int, dict[str, Any]]:
        return 201, {"batch": _open(visit, seen, form, form.whole("files") or 0, form.command)}

    return _told(visit, opened)


def guarded(request: Request, visit: Visitor) -> None:
    """Answers 403 to a script that is not of our own page."""
    check_origin(request)
    check_token(request, request.headers.get("x-csrf", ""))


@router.put("/station/batches/{batch}/files/{upload}", dependencies=[Depends(guarded)])
async def put_file(request: Request, visit: Visitor, batch: str, upload: UploadId) -> JSONResponse:
    """One file as it is; the same id again gets the same receipt."""

    def take(source: BinaryIO) -> JSONResponse:
        return _told(visit, lambda: _received(request, visit, batch, upload, source))

    return await receive_stream(request, take)


def _received(
    request: Request, visit: Visit, batch: str, upload: str, source: BinaryIO
) -> tuple[int, dict[str, Any]]:
    said = request.headers
    asking = visit.request(f"{batch}/{upload}")
    target = _stream(batch, Kind.BATCH)
    stationing.require_sendable(visit.archive, asking, target)
    got = receive(
        visit.archive,
        asking,
        target,
        source,
        name=_decoded(said.get("x-file-name", "")),
        declared=Digest.parse(said["x-content-sha256"]) if "x-content-sha256" in said else None,
        secrecy=_secrecy(said.get("x-secrecy", "")),
        paper_location=_decoded(said.get("x-paper-location", "")) or None,
    )
    return _RECEIPT_STATUS[got.state], {
        "state": got.state,
        "reason": got.reason,
        "event": got.event,
        "record": got.record,
        "told": _outcome(visit, got),
    }


@router.post("/station/{dossier}/files")
def post_files(
    request: Request, visit: Visitor, seen: Looking, form: Annotated[Form, Depends(_plain_form)]
) -> Response:
    """Files of a form, for a browser without a script."""
    files = form.files("files")
    command = form.command or visit.archive.identifiers.new()
    try:
        secrecy = _secrecy(form.text("secrecy"))
        batch = _open(visit, seen, form, len(files), f"{command}/batch")
        for number, file in enumerate(files):
            receive(
                visit.archive,
                visit.request(f"{command}/{number}"),
                batch,
                file.file,
                name=file.filename or "",
                secrecy=secrecy,
                paper_location=form.optional("paper_location"),
            )
    except (InvalidValueError, RuleError) as exc:
        typed = {name: form.text(name) for name in _NOTHING_DECLARED}
        told = visit.speech.trouble(exc.code, exc.details)
        return _dossier_page(
            request, visit, seen, status=status_of(exc), declared=typed, error=told
        )
    with suppress(UnavailableError):  # What the screen does not show yet, it shows a moment later.
        visit.archive.views.catch_up()
    return redirect(f"/station/{seen.dossier.id}", done="station-sent")


def _open(visit: Visit, seen: Seen, form: Form, files: int, command: str | None) -> StreamId:
    return open_batch(
        visit.archive,
        visit.request(command),
        seen.dossier.id,
        files=files,
        device=form.optional("device"),
        sheets=form.whole("sheets"),
        documents=form.whole("documents"),
    )


def _decoded(header: str) -> str:
    """A text that came percent-encoded, for a header holds no Vietnamese; what is no UTF-8
    becomes U+FFFD."""
    return unquote(header, errors="replace")


def _secrecy(text: str) -> Secrecy:
    try:
        return Secrecy(text) if text else Secrecy.ORDINARY
    except ValueError as exc:
        raise InvalidValueError("invalid-choice") from exc


def _outcome(visit: Visit, got: Receipt) -> str:
    if got.reason is not None:
        return visit.speech.trouble(got.reason, {})
    return visit.speech.named("ingest", got.state)


def _told(visit: Visit, do: Callable[[], tuple[int, dict[str, Any]]]) -> JSONResponse:
    """What a script is told: the answer, or what happened and whether to try again by itself."""
    try:
        status, answer = do()
    except ArchiveError as exc:
        told = visit.speech.trouble(exc.code, exc.details)
        again = isinstance(exc, UnavailableError | ConcurrentChangeError)
        answer = {"state": "failed", "reason": exc.code, "told": told, "again": again}
        return JSONResponse(answer, status_of(exc))
    return JSONResponse(answer, status)
