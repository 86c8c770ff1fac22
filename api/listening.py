"""Where a server listens, and how it ends."""

import asyncio
import signal
import socket
from types import FrameType

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from domain.errors import InvalidValueError, UnavailableError


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises InvalidValueError("invalid-address"), UnavailableError("address-not-free").
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits for 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)  # Who is told the address may connect before the server accepts.
    except (OSError, OverflowError) as exc:
        listening.close()
        if isinstance(exc, socket.gaierror | OverflowError):
            raise InvalidValueError("invalid-address") from exc
        raise UnavailableError("address-not-free", port=port) from exc
    return listening


class Awaiting(H11Protocol):
    """A connection that is closed when the head of a request does not arrive in time, be it the
    first one or a later one: uvicorn would wait for ever, and count it among those it holds."""

    seconds = 10.0
    """From the connection, or the end of the last answer, to the end of the head."""
    grace = 20.0
    """So long may nothing go out of what is still being written then: a thin line is waited for,
    and whoever never reads would keep the connection."""
    _deadline: asyncio.TimerHandle | None = None

    def has_arrived(self) -> bool:
        """True when nothing more is waited for. A body may take as long as a scanner's line."""
        return self.conn.their_state is not h11.IDLE

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """See uvicorn: the next request may be here already."""
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._forget()
        super().connection_lost(exc)

    def _look(self) -> None:
        if self.transport.is_closing():
            self._close()
        elif self.has_arrived():
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self._close)

    def _close(self) -> None:
        self._forget()
        self.transport.close()
        self._wait()

    def _wait(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._deadline = self.loop.call_later(self.grace, self._end, left)

    def _end(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._wait()
        else:
            self.transport.abort()

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class AwaitingAll(Awaiting):
    """As above, until the end of the body: for requests that are small."""

    def has_arrived(self) -> bool:
        """True when the whole request is here."""
        return self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)


class Server(uvicorn.Server):
    """Ends running answers and then returns, when it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn: called for SIGTERM and SIGINT.

        Its own would raise the signal again at the end, which would kill us before everything
        is closed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
