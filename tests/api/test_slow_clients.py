"""Who is slow: a head that never ends is not waited for, a large file over a thin line is."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.listening import Awaiting, Server, listen
from tests.api.caller import V1, Program, token_of
from tests.cli.desk import scan
from tests.pages.site import Site

_SECONDS = 11.0
"""A little more than the server waits for a head."""


def connected(site: Site, begun: bytes) -> socket.socket:
    place = urlsplit(site.address)
    wire = socket.create_connection((place.hostname, place.port), timeout=20)
    wire.sendall(begun)
    return wire


def answered(wire: socket.socket) -> bytes:
    """Everything until the other side closes."""
    found = b""
    try:
        while part := wire.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def test_a_head_must_arrive_in_time_and_a_body_need_not(
    site: Site, clerk: Program, tmp_path: Path
) -> None:
    content = scan(tmp_path / "x.jpg", ("GIẤY GỬI QUA ĐƯỜNG TRUYỀN CHẬM",)).read_bytes()
    upload = (
        f"POST {V1}/batches/{clerk.batch('HS-A')}/files HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token_of(site, 'clerk')}\r\nIdempotency-Key: slow-1\r\n"
        f"Content-Type: image/jpeg\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    sending = connected(site, upload.encode())
    stuck = [
        connected(site, begun)
        for begun in (
            b"",
            b"GET /sign-in HTTP/1.1\r\nHost: x\r\nX-Long: ",
            b"GET /sign-in HTTP/1.1\r\nHost: x\r\n\r\nGET /sign-in HTTP/1.1\r\nX-Long: ",
        )
    ]
    steps = 44
    for n in range(steps):
        sending.sendall(content[len(content) * n // steps : len(content) * (n + 1) // steps])
        for wire in stuck[1:]:
            try:
                wire.sendall(b"x")
            except OSError:
                continue
        time.sleep(_SECONDS / steps)
    began = time.monotonic()
    assert [answered(wire).count(b"HTTP/1.1 ") for wire in stuck] == [0, 0, 1]
    assert time.monotonic() - began < 5
    assert b"HTTP/1.1 201 " in answered(sending)
    for wire in (sending, *stuck):
        wire.close()


class Hasty(Awaiting):
    """As the server's, with less patience."""

    seconds = 0.3
    grace = 1.0


_LARGE = 32 << 20
"""More than the buffers of two kernels take."""


@contextmanager
def hasty() -> Iterator[tuple[Server, int]]:
    def large(request: Request) -> Response:
        return Response(bytes(_LARGE))

    listening = listen("127.0.0.1", 0)
    app = Starlette(routes=[Route("/", large)])
    server = Server(
        uvicorn.Config(app, http=Hasty, log_config=None, lifespan="off", timeout_keep_alive=1)
    )
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield server, listening.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


@pytest.mark.parametrize("header", ["", "Connection: close\r\n"])
def test_who_never_reads_an_answer_does_not_keep_the_connection(header: str) -> None:
    with hasty() as (server, port):
        wire = socket.create_connection(("127.0.0.1", port), timeout=20)
        wire.sendall(f"GET / HTTP/1.1\r\nHost: x\r\n{header}\r\n".encode())
        wire.recv(1)  # It is being answered.
        for _ in range(100):
            if not server.server_state.connections:
                break
            time.sleep(0.05)
        assert not server.server_state.connections
        wire.close()


def test_who_reads_slowly_gets_the_whole_answer() -> None:
    with hasty() as (_, port):
        wire = socket.create_connection(("127.0.0.1", port), timeout=20)
        wire.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        got, rested = 0, 0
        while part := wire.recv(1 << 18):
            got += len(part)
            if got >> 20 > rested:  # A rest behind each of 32 MiB: three seconds.
                rested = got >> 20
                time.sleep(0.1)
        assert got > _LARGE
        wire.close()
