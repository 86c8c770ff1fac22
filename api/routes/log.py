"""The transparency log for who checks the archive: how far it is, who vouches for it from outside,
whether it continues what somebody kept, and the proof of any event that a visitor may see."""

import base64
from datetime import timedelta

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from api.lines import outside
from api.web import sending
from api.web.forms import Posted
from api.web.kept import kept_note
from api.web.render import redirect, render
from api.web.troubles import status_of
from api.web.visit import Visit, Visitor
from domain import attestation, keyring
from domain.access import Action
from domain.errors import InvalidValueError, NotFoundError
from domain.reads import ReadKind
from domain.services import attested, attesting, proving, replaying

_ATTESTATIONS = 20
"""As many of the newest ones are listed; the history of the log has all of them."""
_TEXT = "text/plain; charset=utf-8"


def _checking(visit: Visitor) -> None:
    """The log is for who checks the archive, though it tells nothing of what is in it."""
    visit.require(Action.VERIFY)


router = APIRouter(include_in_schema=False)
_log = APIRouter(prefix="/audit/log", dependencies=[Depends(_checking)])


# ---------------------------------------------------------------- the log


@_log.get("")
def log(request: Request, visit: Visitor) -> Response:
    """How far the log is and who has seen it."""
    return _page(request, visit)


def _page(
    request: Request, visit: Visit, *, kept: str = "", error: str = "", status: int = 200
) -> Response:
    archive = visit.archive
    state = proving.log_state(archive)
    age = archive.clock.now() - state.published_at if state.published_at is not None else None
    return render(
        request,
        "audit/log.html",
        status=status,
        state=state,
        age=_age(visit, age) if age is not None else "",
        late=proving.is_late(archive, state),
        stopped=visit.speech.trouble(state.stopped, {}) if state.stopped is not None else "",
        troubles=[
            (outside(visit.speech, each.code, each.details), each.is_alarm)
            for each in attesting.troubles(archive)
        ],
        attestations=attested.last(archive, _ATTESTATIONS),
        asked=bool(archive.witnesses or archive.authorities),
        log_stream=attestation.stream_of(archive.id),
        keys_stream=keyring.stream_of(archive.id),
        ended=proving.ended_logs(archive),
        whole=replaying.may_verify_all(archive, visit.request()),
        kept=kept,
        error=error,
    )


def _age(visit: Visit, age: timedelta) -> str:
    """How long ago, as people say it."""
    minutes = int(age.total_seconds()) // 60
    if minutes < 1:
        return visit.speech.text("page-log-age-now")
    if minutes < 120:
        return visit.speech.text("page-log-age-minutes", n=minutes)
    if minutes < 48 * 60:
        return visit.speech.text("page-log-age-hours", n=minutes // 60)
    return visit.speech.text("page-log-age-days", n=minutes // (24 * 60))


@_log.get("/checkpoint")
def checkpoint(visit: Visitor) -> Response:
    """The newest checkpoint, to be kept elsewhere."""
    newest = proving.newest(visit.archive)
    return _file(newest.note, f"checkpoint-{newest.size}.txt")


@_log.get("/vkey")
def vkey(visit: Visitor) -> Response:
    """The key with which checkpoints are verified."""
    return _file(f"{proving.log_state(visit.archive).key}\n".encode(), "log.vkey")


@_log.get("/attested/{position}/{name}")
def attested_file(visit: Visitor, position: str, name: str) -> Response:
    """What outsiders signed: the checkpoint with the lines of witnesses, or an authority's token
    over these bytes."""
    listed = attested.last(visit.archive, _ATTESTATIONS)
    found = next((each for each in listed if str(each.position) == position), None)
    if found is None:
        raise NotFoundError(reference=position[:80])
    if name == "checkpoint":
        content = attested.content_of(visit.archive, found.checkpoint)
        return _file(content, f"checkpoint-{found.size}-attested.txt")
    for token in found.tokens:
        if token.authority == name:
            content = attested.content_of(visit.archive, token.token)
            return _file(content, f"checkpoint-{found.size}.tsr", "application/timestamp-reply")
    raise NotFoundError(reference=name[:80])


# ---------------------------------------------------------------- what somebody kept


@_log.post("/kept")
def ask_kept(request: Request, visit: Visitor, form: Posted) -> Response:
    """Whether the log continues a checkpoint; the answer has an address of its own."""
    note = kept_note(form)
    try:
        proving.read_kept(visit.archive, note)
    except InvalidValueError as exc:
        code = exc.code if note else "page-log-kept-needed"
        told = visit.speech.trouble(code, exc.details)
        return _page(
            request,
            visit,
            kept=note.decode(errors="replace"),
            error=told,
            status=status_of(exc),
        )
    return redirect("/audit/log/kept", note=note.decode())


@_log.get("/kept")
def show_kept(request: Request, visit: Visitor, note: str = "") -> Response:
    """What the log of today is to a kept checkpoint."""
    if not note:
        return redirect("/audit/log")
    compared = proving.compare_kept(visit.archive, note.encode())
    return render(
        request,
        "audit/log_kept.html",
        compared=compared,
        continuity=compared.continuity.value,
        note=note,
        whole=replaying.may_verify_all(visit.archive, visit.request()),
    )


@_log.get("/consistency")
def consistency(visit: Visitor, old: str = "") -> Response:
    """That the newest checkpoint continues an older size, as a witness is asked (C2SP
    tlog-witness): the old size, the hashes, an empty line, the checkpoint."""
    number = int(old) if old.isascii() and old.isdecimal() and len(old) < 16 else 0
    found = proving.consistency_of(visit.archive, number)
    hashes = "".join(base64.b64encode(each).decode() + "\n" for each in found.path)
    content = f"old {found.old}\n{hashes}\n".encode() + found.newest.note
    return _file(content, f"consistency-{found.old}-{found.size}.txt")


# ---------------------------------------------------------------- one event


@router.get("/audit/events/{event}/proof")
def proof(visit: Visitor, event: str) -> Response:
    """That an event stands in the log (C2SP tlog-proof), by its position or identity."""
    proved = proving.proof_of(visit.archive, visit.request(), event)
    visit.note(ReadKind.EXPORT, proved.stream, f"proof {proved.position}")
    return _file(proved.proof, f"su-kien-{proved.position}.tlog-proof")


@router.get("/audit/events/{event}/envelope")
def envelope(visit: Visitor, event: str) -> Response:
    """The signed event itself, the entry that the proof is about."""
    position, stream, content = proving.envelope_of(visit.archive, visit.request(), event)
    visit.note(ReadKind.EXPORT, stream, f"envelope {position}")
    return _file(content, f"su-kien-{position}.jws")


def _file(content: bytes, name: str, media_type: str = _TEXT) -> Response:
    headers = {"Content-Disposition": sending.attachment(name)}
    return Response(content, media_type=media_type, headers=headers)


router.include_router(_log)
