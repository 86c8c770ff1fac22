"""Batches: a station says what it sends, and sends it, each file with a receipt."""

import base64
import binascii
import re
from typing import Annotated, Any, BinaryIO
from urllib.parse import unquote_to_bytes

from fastapi import Header, Request, Response
from starlette.concurrency import run_in_threadpool

from api import shapes as plain_shapes
from api.v1.auth import Doing, Reader, Receiver
from api.v1.bodies import BatchOpening
from api.v1.references import Ref, batch_of, dossier_of, made
from api.v1.routing import media_type, subject
from api.v1.shapes import Batch, BatchOpened, Receipt
from api.web.troubles import answer, status_of
from api.web.uploads import receive_stream
from domain.errors import InvalidValueError, RefusedFileError
from domain.reads import ReadKind
from domain.services import reception, stationing
from domain.services.deciding import load, require_seen
from domain.services.retrieval import resource_behind
from domain.values import Digest, Secrecy, StreamId

router = subject("batches")
_TYPES = (
    "application/pdf",
    "image/jpeg",
    "image/png",
    "image/tiff",
    "application/octet-stream",
)
"""What a body may call itself; what it is, reception finds out."""
_BODY = {
    "requestBody": {
        "required": True,
        "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in _TYPES},
    }
}
_REPR_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):")


@router.post("/dossiers/{ref}/batches", status_code=201, response_model=BatchOpened)
def open_batch(ref: Ref, body: BatchOpening, doing: Receiver, response: Response) -> Any:
    """What is about to be sent for a dossier."""
    target = dossier_of(doing.archive, ref)
    batch = reception.open_batch(
        doing.archive,
        doing.request(),
        target,
        files=body.files,
        device=body.device,
        sheets=body.sheets,
        documents=body.documents,
    )
    made(response, f"batches/{batch}")
    return {"batch": batch, "dossier": target}


@router.get("/batches/{id}", response_model=Batch)
def show_batch(id: Ref, caller: Reader) -> Any:
    """What became of the files of a batch."""
    archive = caller.archive
    target = batch_of(archive, id)
    require_seen(archive, caller.reading, resource_behind(archive, target), target)
    caller.note(ReadKind.VIEW, target)
    state = load(archive, target).batch()
    hidden = {incident.record for incident in archive.work.incidents()}
    return {
        "batch": state.id,
        "dossier": state.dossier,
        "agency": plain_shapes.code_of(archive.catalogue.agencies(), state.agency),
        "files_declared": state.files_declared,
        "sheets_declared": state.sheets_declared,
        "documents_declared": state.documents_declared,
        "received": [each for each in state.received if each not in hidden],
        "pages": state.pages,
        "duplicated": state.duplicated,
        "refused": state.refused,
    }


@router.post(
    "/batches/{id}/files",
    status_code=201,
    response_model=Receipt,
    responses={200: {"model": Receipt, "description": "The dossier holds these bytes already."}},
    openapi_extra=_BODY,
)
async def receive_file(
    id: Ref,
    request: Request,
    response: Response,
    doing: Receiver,
    x_file_name: Annotated[
        str,
        Header(description="Percent-encoded UTF-8.", examples=["Bi%C3%AAn%20b%E1%BA%A3n.pdf"]),
    ] = "",
    repr_digest: Annotated[
        str, Header(description="SHA-256 of the file (RFC 9530): `sha-256=:base64:`.")
    ] = "",
    x_content_sha256: Annotated[
        str, Header(description="The same in hexadecimal, for who has no base64.")
    ] = "",
    x_paper_location: Annotated[
        str, Header(description="Where the paper stands that was scanned; percent-encoded.")
    ] = "",
    x_secrecy: Annotated[
        Secrecy, Header(description="Only ordinary papers (`thuong`) may enter.")
    ] = Secrecy.ORDINARY,
) -> Any:
    """One file, as the raw body. With the receipt (201) the sender may let go of its copy."""
    if media_type(request) not in _TYPES:
        raise InvalidValueError("upload-type-unknown")
    name, place = _decoded(x_file_name), _decoded(x_paper_location)
    declared = _declared(repr_digest, x_content_sha256)
    batch = await run_in_threadpool(_awaiting, doing, id)

    def take_in(source: BinaryIO) -> reception.Receipt:
        return reception.receive(
            doing.archive,
            doing.request(),
            batch,
            source,
            name=name,
            declared=declared,
            secrecy=x_secrecy,
            paper_location=place or None,
        )

    receipt = await receive_stream(request, take_in)
    if receipt.reason is not None:
        refusal = RefusedFileError(receipt.reason, batch=batch, event=receipt.event)
        return answer(request, status_of(refusal), refusal.code, refusal.details)
    if receipt.state == "stored":
        made(response, f"records/{receipt.record}")
    else:
        response.status_code = 200
    return plain_shapes.plain(receipt)


def _awaiting(doing: Doing, ref: str) -> StreamId:
    """The batch, for who may send files to it: known before a gigabyte is taken in."""
    batch = batch_of(doing.archive, ref)
    stationing.require_sendable(doing.archive, doing.request(), batch)
    return batch


def _decoded(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError as exc:
        raise InvalidValueError("header-not-utf8") from exc


def _declared(repr_digest: str, hexadecimal: str) -> Digest | None:
    """The digest that the sender computed; InvalidValueError for one that cannot be read."""
    if repr_digest:
        found = _REPR_DIGEST.search(repr_digest)
        try:
            raw = base64.b64decode(found[1], validate=True) if found else b""
        except binascii.Error:
            raw = b""
        if len(raw) != 32:
            raise InvalidValueError("invalid-digest")
        return Digest(f"sha256:{raw.hex()}")
    return Digest.parse(hexadecimal) if hexadecimal else None
