"""Who is slow: a head that never ends is not waited for, a large file over a thin line is."""

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

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
