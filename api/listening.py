"""Where a server listens, and how it ends."""

import signal
import socket
from types import FrameType

import uvicorn

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


class Server(uvicorn.Server):
    """Ends running answers and then returns, when it is told to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn: called for SIGTERM and SIGINT.

        Its own would raise the signal again at the end, which would kill us before everything
        is closed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True
