"""The bytes of a record: whole, or one range of them, checked against their digest on the way."""

import base64
import re
from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO

from fastapi import Header, Response
from fastapi.responses import StreamingResponse

from api.v1.auth import Reader
from api.v1.references import Ref, record_of
from api.v1.routing import subject
from api.web.sending import attachment
from domain.errors import InvalidValueError
from domain.reads import ReadKind
from domain.record import RepresentationKind
from domain.services import retrieval
from domain.values import FileObject

router = subject("records")
_CHUNK = 1 << 20
_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_HEADERS = {"ETag": {"schema": {"type": "string"}}, "Repr-Digest": {"schema": {"type": "string"}}}
_BYTES = {
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes, in their own media type.", "headers": _HEADERS, **_BYTES},
    206: {"description": "The range that was asked for.", "headers": _HEADERS, **_BYTES},
    304: {"description": "The caller has these bytes."},
}


@router.get("/records/{id}/files/{kind}", response_class=Response, responses=_ANSWERS)
def get_file(
    id: Ref,
    kind: RepresentationKind,
    caller: Reader,
    range: Annotated[str, Header(description="One range of bytes.", max_length=100)] = "",
    if_range: Annotated[str, Header()] = "",
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """One representation of a record."""
    target = record_of(caller.archive, id)
    handed = retrieval.hand_out(caller.archive, caller.reading, target, kind)
    caller.note(ReadKind.DOWNLOAD, target, kind.value)
    etag = f'"{handed.file.sha256.hex}"'
    headers = _headers(handed.file, etag, f"{target}.{kind.value}")
    if etag in if_none_match:
        handed.source.close()
        return Response(status_code=304, headers={"ETag": etag})
    wanted = _wanted(range, handed.file.size) if if_range in ("", etag) else None
    if wanted is None:
        headers["Content-Length"] = str(handed.file.size)
        return StreamingResponse(_chunks(handed.source), 200, headers, handed.file.media_type)
    handed.source.close()
    start, end = wanted
    headers["Content-Range"] = f"bytes {start}-{end}/{handed.file.size}"
    headers["Content-Length"] = str(end - start + 1)
    part = caller.archive.objects.open(handed.file.sha256, offset=start, length=end - start + 1)
    return StreamingResponse(_chunks(part), 206, headers, handed.file.media_type)


def _headers(file: FileObject, etag: str, name: str) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256.hex)).decode()
    return {
        "ETag": etag,
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Content-Disposition": attachment(name),
        "Content-Security-Policy": "sandbox",
    }


def _wanted(text: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a range; None for no range, or several, which are not answered
    (RFC 9110, 14.2 lets us). InvalidValueError for one that lies behind the end."""
    found = _ONE_RANGE.fullmatch(text.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
    if start >= size or start > end:
        raise InvalidValueError("range-not-satisfiable", size=size)
    return start, end


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    """Bytes that turn out to be altered end the answer before its announced length."""
    with source:
        while chunk := source.read(_CHUNK):
            yield chunk
