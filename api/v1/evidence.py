"""Evidence packs: a dossier or a record as others can check it offline."""

from typing import Annotated, Any

from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from api.v1.auth import Caller, Reader
from api.v1.references import Ref, dossier_of, record_of
from api.v1.routing import subject
from api.web.sending import attachment
from domain.reads import ReadKind
from domain.services import evidencing
from domain.values import StreamId

router = subject("log")
Without = Annotated[
    list[str],
    Query(
        description="Personal fields that are left out, by name; every proof still holds. The "
        "documents themselves (originals, PDF/A, text) are not hidden and may show the same data: "
        "for a redacted document, hand over the events without it.",
        max_length=40,
        examples=[["title", "applicant"]],
    ),
]
_COUNT = {"type": "integer", "minimum": 0}
_PACK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The pack; `sh verify.sh` in it says whether it is genuine. A damaged "
        "archive gives one, too: look at the two headers.",
        "headers": {
            "Altered-Events": {
                "description": "How many events are no longer what was signed; `verify.sh` names "
                "them.",
                "schema": _COUNT,
            },
            "Missing-Documents": {
                "description": "How many documents are not in the pack because the archive has "
                "lost or damaged their bytes; `absent.txt` in it names them.",
                "schema": _COUNT,
            },
        },
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/dossiers/{ref}/evidence", response_class=Response, responses=_PACK)
def dossier_evidence(ref: Ref, caller: Reader, without: Without = []) -> Response:  # noqa: B006
    """A dossier with its records: original bytes, signed events, proofs, report."""
    return _pack(caller, dossier_of(caller.archive, ref), without)


@router.get("/records/{id}/evidence", response_class=Response, responses=_PACK)
def record_evidence(id: Ref, caller: Reader, without: Without = []) -> Response:  # noqa: B006
    """A record: original bytes, signed events, proofs, report."""
    return _pack(caller, record_of(caller.archive, id), without)


def _pack(caller: Caller, target: StreamId, without: list[str]) -> Response:
    made = evidencing.pack(caller.archive, caller.reading, target, without=without)
    caller.note(ReadKind.EXPORT, target, "evidence")
    headers = {
        "Content-Disposition": attachment(f"{target}.zip"),
        "Altered-Events": str(len(made.facts.altered)),
        "Missing-Documents": str(len({each.name for each in made.facts.missing})),
    }
    return StreamingResponse(made.chunks, 200, headers, "application/zip")
