"""What is said when something does not work: a page for people, a problem for programs (RFC 9457).

No error of ours reaches a visitor raw: the message says what happened, what was kept and what to
do next; the server's own log gets the place, never the text of a paper.
"""

import logging
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_plus, urlencode

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from api.web.render import render, speaks_english
from api.web.serving import serving_of
from api.web.visit import RoleNeededError, SignInNeededError, visiting
from domain.errors import (
    ArchiveError,
    ConcurrentChangeError,
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    NotPermittedError,
    RefusedFileError,
    RuleError,
    UnavailableError,
)

_log = logging.getLogger("chauban.server")
_STATUS: tuple[tuple[type[ArchiveError], int], ...] = (
    (NotFoundError, 404),
    (NotPermittedError, 403),
    (InvalidValueError, 422),
    (ConcurrentChangeError, 409),
    (RefusedFileError, 422),
    (RuleError, 409),
    (UnavailableError, 503),
    (IntegrityError, 500),
)
_STATUS_OF_CODE: Mapping[str, int] = {
    "token-needed": 401,
    "token-unknown": 401,
    "file-too-large": 413,
    "type-not-accepted": 415,
    "upload-type-unknown": 415,
    "json-needed": 415,
    "range-not-satisfiable": 416,
}
"""Codes for which HTTP has a status of its own."""
_FOR_PROGRAMS: Mapping[int, ArchiveError] = {
    400: InvalidValueError("request-unreadable"),
    404: NotFoundError("address-unknown"),
    405: RuleError("method-not-allowed"),
    413: InvalidValueError("body-too-large"),
    429: UnavailableError("too-often"),
}
"""What a program is told where the framework, not the archive, says no."""
_PLAIN = {
    400: "page-bad-request",
    403: "page-forbidden",
    404: "page-not-found",
    405: "page-not-found",
    413: "page-sent-too-much",
    422: "page-bad-request",
    429: "page-too-often",
}


def install(app: FastAPI) -> None:
    """Every kind of trouble gets its answer."""
    app.add_exception_handler(ArchiveError, _archive_error)
    app.add_exception_handler(SignInNeededError, _sign_in_needed)
    app.add_exception_handler(RoleNeededError, _role_needed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OSError, _unexpected)
    app.add_exception_handler(Exception, _unexpected)


def status_of(exc: ArchiveError) -> int:
    """The HTTP status of an error of the archive."""
    if exc.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[exc.code]
    return next((status for kind, status in _STATUS if isinstance(exc, kind)), 500)


def _archive_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, ArchiveError)
    status, details = status_of(exc), dict(exc.details)
    if isinstance(exc, NotFoundError) and "reference" in details:
        details["reference"] = _as_asked(request, str(details["reference"]))
    return answer(request, status, exc.code, details, _headers_of(exc, status))


def _as_asked(request: Request, reference: str) -> str:
    """What is not there for the visitor, by the name that was asked for: who knows the identity
    of a thing is not told its code, nor the other way round."""
    asked = unquote_plus(f"{request.url.path}?{request.url.query}")
    params = [str(value)[:80] for value in request.path_params.values()]
    return reference if reference in asked or not params else params[0]


def _headers_of(exc: ArchiveError, status: int) -> Mapping[str, str]:
    """What HTTP wants said with a status (RFC 9110; RFC 6750, section 3)."""
    if status == 401:
        known = "" if exc.code == "token-needed" else ', error="invalid_token"'
        return {"WWW-Authenticate": f'Bearer realm="chauban"{known}'}
    if exc.code == "token-scope-missing":
        wanted = f'error="insufficient_scope", scope="{exc.details["scope"]}"'
        return {"WWW-Authenticate": f'Bearer realm="chauban", {wanted}'}
    if status == 416:
        return {"Content-Range": f"bytes */{exc.details['size']}"}
    return {}


_NO_STREAM = Response(status_code=204)
"""A browser that watches asks no more; the page's next request tells the person why."""


def _wants_stream(request: Request) -> bool:
    return request.headers.get("accept", "").startswith("text/event-stream")


def _sign_in_needed(request: Request, exc: Exception) -> Response:
    if _for_program(request):
        return answer(request, 401, "page-sign-in-needed", {})
    if _wants_stream(request):
        return _NO_STREAM
    back = request.url.path if request.method == "GET" else ""
    if request.method == "GET" and request.url.query:
        back += f"?{request.url.query}"
    address = "/sign-in?" + urlencode({"next": back, **({} if back else {"ended": "1"})})
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _role_needed(request: Request, exc: Exception) -> Response:
    if _for_program(request):
        return answer(request, 403, "page-role-needed", {})
    if _wants_stream(request):
        return _NO_STREAM
    return RedirectResponse("/role", 303)


def _invalid(request: Request, exc: Exception) -> Response:
    """A program is told which field is wrong and by which rule, never what stood in it."""
    if not _for_program(request):
        return answer(request, 422, "page-bad-request", {})
    assert isinstance(exc, RequestValidationError)
    first = exc.errors()[0]
    field = ".".join(str(part) for part in first["loc"])[:80]
    told: ArchiveError = InvalidValueError("request-invalid", field=field, rule=first["type"])
    if first["type"] == "json_invalid":
        told = _FOR_PROGRAMS[400]
    elif field == "header.Idempotency-Key" and first["type"] == "missing":
        told = InvalidValueError("idempotency-key-required")
    status = 422 if told.code == "request-invalid" else 400
    return answer(request, status, told.code, told.details)


def _http(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    if _for_program(request) and exc.status_code in _FOR_PROGRAMS:
        told = _FOR_PROGRAMS[exc.status_code]
        return answer(request, exc.status_code, told.code, told.details, exc.headers)
    code = _PLAIN.get(exc.status_code, "page-unexpected")
    return answer(request, exc.status_code, code, {}, exc.headers)


def _unexpected(request: Request, exc: Exception) -> Response:
    place = traceback.extract_tb(exc.__traceback__)[-1]
    kind, where = type(exc).__name__, f"{Path(place.filename).name}:{place.lineno}"
    _log.error("unexpected %s at %s", kind, where)
    return answer(request, 500, "page-unexpected", {})


def _for_program(request: Request) -> bool:
    return request.url.path.startswith("/api/")


def answer(
    request: Request,
    status: int,
    code: str,
    details: Mapping[str, str | int],
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A trouble, told to whoever asks."""
    serving = serving_of(request)
    facts = dict(details)
    extra = dict(headers or {})
    if _for_program(request):
        problem = {
            "type": f"urn:chauban:{code}",
            "code": code,
            "status": status,
            "title": serving.english.trouble(code, facts),
            "detail": serving.vietnamese.trouble(code, facts),
            **({"details": facts} if facts else {}),
        }
        return JSONResponse(problem, status, extra, "application/problem+json")
    if getattr(request.state, "visit", None) is None:
        with suppress(ArchiveError, SignInNeededError, RoleNeededError):
            visiting(request)  # Who is signed in keeps the menu on a page of trouble, too.
    speech = serving.speech(english=speaks_english(request, getattr(request.state, "visit", None)))
    told = speech.trouble(code, facts)
    page = render(request, "trouble.html", status=status, code=code, told=told)
    page.headers.update(extra)
    return page
