"""The raw body of a request as a file for a service: streamed, never whole in memory or on disk.

A service reads from a thread of its own; each read fetches from the event loop what has arrived.
The limit of bytes is the quarantine's; here it only refuses at once what says it is too long.
"""

import io
from collections.abc import AsyncIterator, Callable
from typing import Any, BinaryIO, TypeVar, cast

import anyio
from anyio import from_thread, to_thread
from fastapi import HTTPException, Request
from starlette.requests import ClientDisconnect

from api.web.serving import serving_of
from domain.errors import UnavailableError

SILENCE_SECONDS = 60
"""A sender of whom nothing is heard for so long is gone: a cut cable says no word."""
_AT_ONCE = anyio.CapacityLimiter(16)
"""Uploads hold their thread while they last; slow ones must not take those of the pages."""
T = TypeVar("T")


async def receive_stream(request: Request, call: Callable[[BinaryIO], T]) -> T:
    """What `call` makes of the body, which it reads in a thread as it arrives.

    Raises HTTPException 413 for a body that is longer than a file may be, before reading it;
    UnavailableError("upload-interrupted") when the sender is gone, then `call` got that error
    from its read and has left nothing behind.
    """
    limit = serving_of(request).archive.limits.file_bytes
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise HTTPException(413)
    body = cast(BinaryIO, io.BufferedReader(_Body(request.stream())))
    return await to_thread.run_sync(call, body, limiter=_AT_ONCE)


class _Body(io.RawIOBase):
    """Bytes that an event loop receives, for one reader in a worker thread of that loop."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """See RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See RawIOBase: 0 at the end alone."""
        if not self._left:
            self._left = memoryview(from_thread.run(self._arrived, len(buffer)))
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size

    async def _arrived(self, wanted: int) -> bytes:
        """At least so many bytes, fewer at the end; one call is dear, one network packet small."""
        found: list[bytes] = []
        size = 0
        while size < wanted:
            try:
                with anyio.fail_after(SILENCE_SECONDS):
                    chunk = await anext(self._chunks, None)
            except (ClientDisconnect, TimeoutError) as exc:
                raise UnavailableError("upload-interrupted") from exc
            if chunk is None:
                break
            found.append(chunk)
            size += len(chunk)
        return b"".join(found)
