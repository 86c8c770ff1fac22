"""A TCP proxy before an S3 server that loses requests, or replies to requests that were done."""

import socket
import threading
from enum import Enum
from types import TracebackType
from typing import Self

_CHUNK = 1 << 16


class Fault(Enum):
    """What happens to the next requests that begin with the chosen bytes."""

    LOST_REQUEST = "failed and nothing stored"
    LOST_REPLY = "failed and yet stored"


class FaultProxy:
    """Passes connections on to `port`; `inject` arms a fault for requests that begin so."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._begin = b""
        self._left = 0
        self.hits = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def inject(self, fault: Fault, begin: bytes, times: int) -> None:
        """The next `times` requests that begin with `begin` meet the fault."""
        with self._lock:
            self._fault, self._begin, self._left, self.hits = fault, begin, times, 0

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A blocked accept is woken by the shutdown, not by the close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)
        for thread in self._threads:
            thread.join(timeout=5)

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._upstream))
            with self._lock:
                self._open |= {client, server}
            swallow = threading.Event()
            self._start(self._requests, client, server, swallow)
            self._start(self._replies, client, server, swallow)

    def _requests(
        self, client: socket.socket, server: socket.socket, swallow: threading.Event
    ) -> None:
        while chunk := _receive(client):
            fault = self._meets(chunk)
            if fault is Fault.LOST_REQUEST:
                break
            if fault is Fault.LOST_REPLY:
                swallow.set()
            try:
                server.sendall(chunk)
            except OSError:
                break
        _shut(server)
        _shut(client)

    def _replies(
        self, client: socket.socket, server: socket.socket, swallow: threading.Event
    ) -> None:
        while chunk := _receive(server):
            if swallow.is_set():  # The server has done it, and nobody will hear of it.
                break
            try:
                client.sendall(chunk)
            except OSError:
                break
        _shut(client)
        _shut(server)
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _meets(self, chunk: bytes) -> Fault | None:
        with self._lock:
            if not self._left or not chunk.startswith(self._begin):
                return None
            self._left -= 1
            self.hits += 1
            return self._fault


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(_CHUNK)
    except OSError:
        return b""


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
