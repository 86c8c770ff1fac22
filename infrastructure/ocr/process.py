"""The outer end of the sandbox: starts the warm process, hands it jobs, hears how they go."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.errors import ReadingError
from infrastructure.ocr import sandbox, wire

_START_SECONDS = 60
_SOCKET_LINE = 1 << 16


class WarmProcess:
    """The warm process of one reader, started again whenever it is found dead."""

    def __init__(self, tree: Path, kind: str) -> None:
        self._tree = tree
        self._kind = kind
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def send(self, message: str, *descriptors: int) -> socket.socket:
        """Gives the warm process a job; starts it where it is not there or has died."""
        with self._lock:
            for last in (False, True):
                if self._process is None or self._process.poll() is not None:
                    self._start()
                control = self._control
                if control is None:
                    raise ReadingError("reader-unavailable")
                try:
                    socket.send_fds(control, [message.encode()], list(descriptors))
                except OSError as error:
                    self._stop()
                    if last:
                        raise ReadingError("reader-unavailable") from error
                else:
                    return control
        raise AssertionError

    def start(self) -> None:
        """Starts the warm process where it is not there: the next job need not wait for it."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()

    def kill(self, control: socket.socket, name: str, channel: socket.socket) -> None:
        """Kills a job and waits until it is dead, so that its folder can go."""
        with suppress(OSError), self._lock:
            control.sendall(f"kill {name}".encode())
        with suppress(OSError, TimeoutError, wire.MalformedError):
            for line in lines(channel, time.monotonic() + 10):
                if "ended" in line:
                    return

    def close(self) -> None:
        """Ends the sandbox with every job in it."""
        with self._lock:
            self._stop()

    def _start(self) -> None:
        """Starts the warm process from a thread that lives as long as it does.

        The kernel ties "dies with its parent" to the thread that started a process; a thread of
        a pool may end long before.
        """
        self._stop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        started: list[subprocess.Popen[bytes] | OSError] = []
        known = threading.Event()

        def keep() -> None:
            try:
                process = subprocess.Popen(
                    sandbox.command(self._tree, theirs.fileno(), kind=self._kind),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=sandbox.environment(),
                    cwd="/",
                )
            except OSError as error:
                started.append(error)
                known.set()
                return
            started.append(process)
            known.set()
            process.wait()

        threading.Thread(target=keep, name="sandbox-keeper", daemon=True).start()
        known.wait()
        theirs.close()
        process = started[0]
        ours.settimeout(_START_SECONDS)
        try:
            ready = isinstance(process, subprocess.Popen) and ours.recv(16) == b"ready"
        except OSError:
            ready = False
        ours.settimeout(None)
        if not isinstance(process, subprocess.Popen):
            ours.close()
            raise ReadingError("reader-unavailable") from process
        self._control, self._process = ours, process
        if not ready:
            self._stop()
            raise ReadingError("reader-unavailable")

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None


def lines(channel: socket.socket, deadline: float) -> Iterator[dict[str, Any]]:
    """The messages of a job until its channel closes; raises TimeoutError at the deadline."""
    buffer = b""
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        channel.settimeout(remaining)
        try:
            chunk = channel.recv(_SOCKET_LINE)
        except ConnectionError:
            return
        if not chunk:
            return
        *complete, buffer = (buffer + chunk).split(b"\n")
        if len(buffer) > _SOCKET_LINE:
            raise wire.MalformedError
        for line in complete:
            try:
                value = json.loads(line)
            except ValueError as error:
                raise wire.MalformedError from error
            if not isinstance(value, dict):
                raise wire.MalformedError
            yield value
