"""Handing files out: at most one range, checked by hand, and never run in the browser.

A list of many ranges costs a server more than it costs who asks (CVE-2025-62727), so a header
that asks for more than one, or that is long, counts as none.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

from domain.values import FileObject

_CHUNK = 1 << 18
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
SANDBOX = "sandbox; default-src 'none'"


class UnsatisfiableRangeError(Exception):
    """The range begins behind the end of the file."""


def range_of(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and number of bytes of a Range header; None for the whole (RFC 9110, §14)."""
    found = _RANGE.fullmatch(header) if header is not None and len(header) <= 64 else None
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        length = min(int(found[2]), size)
        first, last = size - length, size - 1
    else:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None
    if first > last:
        raise UnsatisfiableRangeError
    return first, last - first + 1


def chunks(source: BinaryIO) -> Iterator[bytes]:
    """The bytes piece by piece; the source is closed in the end."""
    with source:
        while chunk := source.read(_CHUNK):
            yield chunk


def etag_of(file: FileObject) -> str:
    """The digest: the same bytes, the same tag."""
    return f'"{file.sha256.hex}"'


def attachment(name: str) -> str:
    """`Content-Disposition` for a file name in any language (RFC 6266, RFC 8187)."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
