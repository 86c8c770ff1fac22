"""The OpenAPI document of /api/v1. It says nothing of any archive, so everybody may have it."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi

from api.v1.shapes import Problem

_TITLE = "Châu Bản /api/v1"
_ABOUT = """An electronic records archive: dossiers, scanned records, their history.

Every request bears a token; every POST bears an `Idempotency-Key` and may be sent again.
Errors are problems (RFC 9457) with a stable `code`, a title in English and a detail in Vietnamese.
Lists, searches and histories follow a change within a second.
"""
_TAGS = {
    "dossiers": "Hồ sơ: opened, listed, shown, corrected, closed.",
    "batches": "What a station sends, each file with a receipt.",
    "records": "Tài liệu: shown, handed out, confirmed, isolated, corrected.",
    "finding": "Searching pages, and what is still to be done.",
    "log": "The transparency log: checkpoints and proofs that others can verify offline.",
    "register": "Agencies, procedures, agents, the archive, the caller.",
}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ANY = {
    401: "No token, or one that ended or was revoked.",
    403: "The role, or the scope of the token, does not reach so far.",
    404: "There is nothing that the caller may see.",
    409: "A rule forbids it, or the key was used with another request.",
    422: "A parameter or a member is not as it must be.",
    429: "Too many requests: wait as long as `Retry-After` says.",
    500: "Stored bytes, rows or signatures disagree; the archive keeps them as they are.",
    503: "A part is not available; nothing was done.",
}
_CHANGING = {
    400: "No `Idempotency-Key`, or a body that cannot be read.",
    413: "The body is longer than allowed.",
    415: "The body is of a type that is not taken here.",
}
_REPLAYED = {
    "description": "`true` on the first answer, given again.",
    "schema": {"type": "string"},
}
_LOCATION = {"description": "What was made.", "schema": {"type": "string"}}
_RANGE = {416: "The range lies behind the end of the file."}


def document(router: APIRouter) -> dict[str, Any]:
    """The document of everything that a router answers."""
    made = get_openapi(
        title=_TITLE,
        version="1",
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=router.routes,
        tags=[{"name": name, "description": text} for name, text in _TAGS.items()],
    )
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    made["components"]["schemas"]["Problem"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(unused, None)
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(operation, _statuses(path, method))
    return made


def _statuses(path: str, method: str) -> Mapping[int, str]:
    if method == "post":
        return {**_ANY, **_CHANGING}
    return {**_ANY, **_RANGE} if path.endswith("/files/{kind}") else _ANY


def _complete(operation: dict[str, Any], statuses: Mapping[int, str]) -> None:
    """What each operation has besides: its problems, and the mark of a repeated answer."""
    responses = operation["responses"]
    for status, text in statuses.items():
        responses[str(status)] = {"description": text, "content": _PROBLEM}
    if "201" in responses:
        responses["201"]["headers"] = {"Location": _LOCATION, "Idempotent-Replayed": _REPLAYED}
