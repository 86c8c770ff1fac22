"""The transparency log: how far it is, checkpoints and proofs as others' verifiers read them."""

import base64
from typing import Annotated, Any

from fastapi import Path, Query, Response
from fastapi.responses import PlainTextResponse

from api import shapes as plain_shapes
from api.v1.auth import Anyone, Reader
from api.v1.routing import subject
from api.v1.shapes import Consistency, Log
from domain.reads import ReadKind
from domain.services import attested, proving

router = subject("log")
Event = Annotated[
    str,
    Path(
        min_length=1,
        max_length=120,
        description="The identity of an event, or its position in the journal.",
        examples=["0199a6b0-7a01-7e5b-b0c4-2f1d8e9a6b33"],
    ),
]
_CHECKPOINT = """example.org/chauban
390
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.org/chauban Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1
"""
_PROOF = (
    """c2sp.org/tlog-proof@v1
index 1
qQj1bwu9RNPKJTHGQhO1hmnFpOB1qgOzaHCuEFMGLcE=

"""
    + _CHECKPOINT
)


def _text(description: str, example: str) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"type": "string"}, "example": example}
    return {200: {"description": description, "content": {"text/plain": schema}}}


@router.get("/log", response_model=Log)
def log(caller: Anyone) -> Any:
    """How far the log is, the key that verifies it, what outsiders vouched for last, and the logs
    that were ended because events were lost."""
    archive = caller.archive
    return plain_shapes.log(
        proving.log_state(archive), attested.newest(archive), proving.ended_logs(archive)
    )


@router.get(
    "/log/checkpoint",
    response_class=PlainTextResponse,
    responses=_text("A C2SP checkpoint.", _CHECKPOINT),
)
def log_checkpoint(caller: Anyone) -> Response:
    """The newest checkpoint, a signed note: keep it, and no event before it can change unseen."""
    return PlainTextResponse(proving.newest(caller.archive).note)


@router.get("/log/consistency", response_model=Consistency)
def log_consistency(
    caller: Anyone,
    old: Annotated[int, Query(ge=1, le=1 << 53, description="Events of a kept checkpoint.")],
    size: Annotated[
        int | None,
        Query(ge=1, le=1 << 53, description="Events of a later one; of the newest if left out."),
    ] = None,
) -> Any:
    """That the log of one size continues the log of a smaller one (RFC 6962, section 2.1.2)."""
    found = proving.consistency_of(caller.archive, old, size)
    hashes = [base64.b64encode(each).decode() for each in found.path]
    return {"old": found.old, "size": found.size, "hashes": hashes}


@router.get(
    "/events/{event}/proof",
    response_class=PlainTextResponse,
    responses=_text("A C2SP tlog-proof.", _PROOF),
)
def event_proof(event: Event, caller: Reader) -> Response:
    """That the event stands in the log, under the newest checkpoint."""
    proved = proving.proof_of(caller.archive, caller.reading, event)
    caller.note(ReadKind.EXPORT, proved.stream, f"proof {proved.position}")
    return PlainTextResponse(proved.proof)


@router.get(
    "/events/{event}/envelope",
    response_class=PlainTextResponse,
    responses=_text("An SD-JWT in JWS compact form.", "eyJ0eXAiOiJjaGF1YmFuLWV2ZW50K3Nk…"),
)
def event_envelope(event: Event, caller: Reader) -> Response:
    """The event as it was signed: the entry of the log that the proof is about."""
    position, stream, envelope = proving.envelope_of(caller.archive, caller.reading, event)
    caller.note(ReadKind.EXPORT, stream, f"envelope {position}")
    return PlainTextResponse(envelope)
