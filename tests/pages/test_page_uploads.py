"""Sending scans as a script does: streamed, repeated, cut off, refused, hostile."""

import io
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from PIL import Image

from tests.pages.site import Client, Site, serving

MEBIBYTE = 1 << 20


def picture(seed: int) -> bytes:
    """A small scan that no other test sends."""
    target = io.BytesIO()
    image = Image.new("RGB", (400, 300), (seed % 256, seed // 256 % 256, 200))
    image.save(target, "JPEG", dpi=(300, 300))
    return target.getvalue() + f"#{seed}".encode()  # Colours alone may end in the same bytes.


class Sender:
    """A clerk's station: one dossier of its own, one batch."""

    def __init__(self, client: Client, code: str) -> None:
        self.client = client
        self.csrf = client.token()
        opened = client.post(
            "/station/dossiers",
            {"title": "Hồ sơ thử", "kind": "work-file", "code": code, "command": f"open/{code}"},
        )
        assert opened.status_code == 303, opened.text
        self.dossier = urlsplit(opened.headers["location"]).path.rsplit("/", 1)[1]
        self.batch = self.begin()

    def begin(self, **fields: str) -> str:
        answer = self.client.post(f"/station/{self.dossier}/batches", {"files": "9", **fields})
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["batch"]
        return found

    def put(self, upload: str, content: bytes | Iterator[bytes], **headers: str) -> httpx.Response:
        own = {"X-CSRF": self.csrf, "X-File-Name": "scan.jpg"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = f"/station/batches/{self.batch}/files/{upload}"
        return self.client.http.put(address, content=content, headers=own | named)

    def screen(self) -> str:
        """The page, once the views know of the batch."""
        end = time.monotonic() + 20
        while self.batch not in (page := self.client.get(f"/station/{self.dossier}").text):
            assert time.monotonic() < end
            time.sleep(0.1)
        return page

    def records(self) -> set[str]:
        return set(re.findall(r"/station/receipts/(record-[0-9a-f-]+)", self.screen()))


@contextmanager
def sender(site: Site, code: str, login: str = "clerk") -> Iterator[Sender]:
    with site.client(login) as client:
        yield Sender(client, code)


def waiting(site: Site) -> list[Path]:
    """What lies in quarantine."""
    return list((site.chauban.folder / "quarantine").iterdir())


def settled(site: Site) -> list[Path]:
    """The same, once the server had time to notice that a sender is gone."""
    end = time.monotonic() + 10
    while waiting(site) and time.monotonic() < end:
        time.sleep(0.05)
    return waiting(site)


def test_the_same_upload_again_gets_the_same_receipt(site: Site) -> None:
    content = picture(1)
    with sender(site, "UP-1") as station:
        declared = sha256(content).hexdigest()
        first = station.put("u1", content, X_Content_SHA256=declared)
        assert first.status_code == 201, first.text
        again = station.put("u1", content, X_Content_SHA256=declared)
        assert again.json() == first.json()
        assert station.records() == {first.json()["record"]}
        other = station.put("u2", content)
        assert (other.status_code, other.json()["state"]) == (200, "duplicate")
        assert len(station.records()) == 1


def test_another_file_under_a_used_id_is_refused_and_the_first_stays(site: Site) -> None:
    with sender(site, "UP-2") as station:
        assert station.put("u1", picture(2)).status_code == 201
        other = station.put("u1", picture(3))
        assert (other.status_code, other.json()["reason"]) == (409, "command-reused")
        assert len(station.records()) == 1


def raw(site: Site, station: Sender, upload: str, content: bytes) -> tuple[bytes, int]:
    """The request as bytes, and where its body begins."""
    cookies = "; ".join(f"{k}={v}" for k, v in station.client.http.cookies.items())
    head = (
        f"PUT /station/batches/{station.batch}/files/{upload} HTTP/1.1\r\n"
        f"Host: {urlsplit(site.address).netloc}\r\nCookie: {cookies}\r\nX-CSRF: {station.csrf}\r\n"
        f"X-File-Name: scan.jpg\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode()
    return head + content, len(head)


def connected(site: Site) -> socket.socket:
    address = urlsplit(site.address)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def test_a_connection_cut_at_any_byte_leaves_nothing_and_can_be_repeated(site: Site) -> None:
    content = picture(4) + b"\0" * (3 * MEBIBYTE)  # Padding after the end of a JPEG is harmless.
    with sender(site, "UP-4") as station:
        for n, at in enumerate((-40, 0, 1, 65_536, MEBIBYTE, len(content) - 1)):
            request, body = raw(site, station, f"u{n}", content)
            with connected(site) as line:
                line.sendall(request[: body + at])
            assert settled(site) == []
            assert station.records() == set()
        assert station.put("u5", content).status_code == 201
        assert len(station.records()) == 1


def test_a_reply_that_was_lost_is_given_again(site: Site) -> None:
    with sender(site, "UP-5") as station:
        request, _ = raw(site, station, "u1", picture(5))
        with connected(site) as line:
            line.sendall(request)
            end = time.monotonic() + 20
            while not (kept := station.records()) and time.monotonic() < end:
                time.sleep(0.1)
        # Nobody read what was answered.
        again = station.put("u1", picture(5))
        assert (again.status_code, {again.json()["record"]}) == (201, kept)
        assert station.records() == kept


def test_a_wrong_digest_is_told_and_nothing_is_kept(site: Site) -> None:
    with sender(site, "UP-6") as station:
        answer = station.put("u1", picture(6), X_Content_SHA256="0" * 64)
        assert (answer.status_code, answer.json()["state"]) == (422, "refused")
        assert "gửi lại" in answer.json()["told"]
        assert station.records() == set()
        assert station.put("u2", picture(6), X_Content_SHA256="ten").status_code == 422
        assert station.put("u3", picture(6)).status_code == 201


def test_a_body_that_says_it_is_too_long_is_refused_before_it_is_read(site: Site) -> None:
    with sender(site, "UP-7") as station:
        request, body = raw(site, station, "u1", b"")
        head = request[:body].replace(b"Content-Length: 0", b"Content-Length: 9999999999")
        with connected(site) as line:
            line.sendall(head)
            assert line.recv(64).startswith(b"HTTP/1.1 413")
        assert station.records() == set()


def holding(folder: Path, content: bytes) -> list[Path]:
    """The files that hold these bytes; others come and go meanwhile."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            if path.is_file() and content in path.read_bytes():
                found.append(path)
    return found


def test_a_state_secret_leaves_neither_byte_nor_name(site: Site) -> None:
    secret = picture(8)
    with sender(site, "UP-8") as station:
        answer = station.put("u1", secret, X_Secrecy="mat", X_File_Name="ke-hoach-mat.jpg")
        assert (answer.status_code, answer.json()["state"]) == (422, "refused")
        assert station.put("u2", secret, X_Secrecy="?").status_code == 422
        assert holding(site.chauban.folder, secret) == []
        assert waiting(site) == []
        screen = station.screen()
    assert "ke-hoach-mat" not in screen
    assert "Luật Bảo vệ bí mật nhà nước" in screen


def test_strangers_and_forged_requests_send_nothing(site: Site) -> None:
    with sender(site, "UP-9") as station, site.client("other-clerk") as other:
        foreign = Sender(other, "UP-9B")
        foreign.batch = station.batch
        assert foreign.put("u1", picture(9)).status_code == 404
        assert station.put("u1", picture(9), X_CSRF="forged").status_code == 403
        assert station.put("u1", picture(9), Sec_Fetch_Site="cross-site").status_code == 403
        station.client.post("/sign-out")
        assert station.put("u1", picture(9)).status_code == 303
    with sender(site, "UP-9C") as station:
        station.batch = "dossier-x"
        assert station.put("u1", picture(9)).status_code == 404
        assert station.put("u/../1", picture(9)).status_code == 404


@pytest.mark.parametrize(
    ("n", "name"),
    tuple(
        enumerate(
            (
                quote("<script>alert(1)</script>.jpg"),
                quote("'; DROP TABLE events; --.jpg"),
                quote("=HYPERLINK(1).jpg"),
                quote("\u202egpj.exe\u2066"),
                quote("x" * 10_000),
                "%ff%fe%00.jpg",
                "",
            )
        )
    ),
)
def test_hostile_file_names_are_kept_and_shown_as_text(site: Site, n: int, name: str) -> None:
    with sender(site, f"UP-10{n}") as station:
        answer = station.put("u1", picture(100 + n), X_File_Name=name)
        assert answer.status_code == 201, answer.text
        for page in (
            station.screen(),
            station.client.get(f"/station/receipts/{answer.json()['record']}").text,
        ):
            assert "<script>alert" not in page
            assert not {"\u202e", "\u2066", "\x00"} & set(page)
            assert "x" * 256 not in page


def test_two_clerks_send_to_one_dossier_at_once(site: Site) -> None:
    with sender(site, "UP-11") as one, site.client("records") as second:
        two = Sender(second, "UP-11B")
        two.dossier = one.dossier
        two.batch = two.begin()
        with ThreadPoolExecutor(8) as pool:
            sent = [
                pool.submit(station.put, f"u{n}", picture(110 + n + 10 * k))
                for n in range(3)
                for k, station in enumerate((one, two))
            ]
            same = [pool.submit(station.put, "same", picture(199)) for station in (one, two)]
            assert [each.result().status_code for each in sent] == [201] * 6
            assert sorted(each.result().json()["state"] for each in same) == ["duplicate", "stored"]
        assert len(one.records()) == 7


def test_a_large_upload_goes_through_flat_memory(own_site: Site) -> None:
    def peak() -> int:
        status = Path(f"/proc/{own_site.process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    with sender(own_site, "UP-12") as station:
        assert station.put("u0", picture(12)).status_code == 201
        before = peak()
        answer = station.put("u1", (b"\0" * MEBIBYTE for _ in range(128)))
        assert answer.json()["reason"] == "type-not-accepted"
        assert peak() - before < 24 * MEBIBYTE


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs takes root")
def test_a_full_disk_is_told_nothing_is_kept_and_room_helps(own_site: Site) -> None:
    """A disk of two megabytes in place of the folder where files wait."""
    quarantine = own_site.chauban.folder / "quarantine"
    own_site.stop()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(quarantine)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounts are not allowed here")
    try:
        with serving(own_site.chauban, "--no-worker") as site, sender(site, "UP-13") as station:
            content = picture(13) + b"\0" * (3 * MEBIBYTE)
            full = station.put("u1", content)
            assert (full.status_code, full.json()["reason"]) == (503, "disk-full")
            assert full.json()["again"] is True
            assert (waiting(site), station.records()) == ([], set())
            larger = ["mount", "-o", "remount,size=16m", str(quarantine)]
            subprocess.run(larger, check=True)
            assert station.put("u1", content).status_code == 201
    finally:
        subprocess.run(["umount", str(quarantine)], check=True)


def test_the_server_stops_though_somebody_sends_and_the_sender_repeats(
    own_site: Site, tmp_path: Path
) -> None:
    """A kill in the middle of an upload: no fact, no bytes that anybody was told are safe."""
    with sender(own_site, "UP-14") as station:
        request, _ = raw(own_site, station, "u1", picture(14) + b"\0" * MEBIBYTE)
        with connected(own_site) as line:
            line.sendall(request[:-1])
            own_site.process.kill()
            own_site.process.wait(30)
        batch = station.batch
    with serving(own_site.chauban, "--no-worker") as site, site.client("clerk") as client:
        again = Sender(client, "UP-14B")
        again.batch = batch
        assert again.put("u1", picture(14) + b"\0" * MEBIBYTE).status_code == 201
