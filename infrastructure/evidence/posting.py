"""One question to an outsider over HTTP, bounded in time and size; nobody sends us elsewhere.

Certificates are those that the system trusts; no proxy and no redirect is followed.
"""

import http.client
import socket
from contextlib import closing, suppress
from dataclasses import dataclass
from threading import Timer
from urllib.parse import urlsplit

from domain.errors import UnavailableError

_SECONDS = 15.0
"""For connecting, and as much for the question and the whole of its answer."""
_LARGEST = 64 * 1024
"""Bytes of an answer."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Reply:
    """What was answered; a redirect is an answer like any other."""

    status: int
    kind: str
    """The media type, without parameters."""
    content: bytes


def may_be_asked(url: str) -> bool:
    """True for https, or http on this machine, without a password in it."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        host.encode("idna")
    except ValueError:  # Also a name with an empty or a too long part.
        return False
    safe = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    odd = "@" in parts.netloc or parts.fragment or not url.isascii() or not url.isprintable()
    return bool(host) and safe and not odd and " " not in url


def post(url: str, content: bytes, kind: str, *, seconds: float = _SECONDS) -> Reply:
    """Sends bytes of a media type to an address that may be asked.

    Raises UnavailableError: `outsider-unreachable`, also when the answer is cut or takes too long,
    and `outsider-answer-too-large`.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": kind, "Connection": "close"}
    try:
        with closing(made(host, parts.port or made.default_port, timeout=seconds)) as connection:
            connection.connect()
            # The time-out of a socket begins anew with every byte, so a timer ends the whole.
            timer = Timer(seconds, _end, [connection.sock])
            timer.daemon = True
            timer.start()
            try:
                connection.request("POST", path, content, headers)
                with connection.getresponse() as response:
                    answer = _answer(response)
                    missing = response.length or 0
                    found = response.headers.get_content_type()
            finally:
                timer.cancel()
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise UnavailableError("outsider-unreachable", host=host) from exc
    if len(answer) > _LARGEST:
        raise UnavailableError("outsider-answer-too-large", host=host)
    if missing:
        raise UnavailableError("outsider-unreachable", host=host)
    return Reply(response.status, found, answer)


def _answer(response: http.client.HTTPResponse) -> bytes:
    """One byte more than is allowed at most. Into a place of our own: asked for so many bytes, the
    library reads without end from a chunk whose length is below zero."""
    place = memoryview(bytearray(_LARGEST + 1))
    size = 0
    while size < len(place) and (got := response.readinto(place[size:])):
        size += got
    return bytes(place[:size])


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        # Not the shutdown of TLS, which would pull the session from under the reader.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
