"""A real server over an archive of its own, and people who sign in to it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from tests.cli.desk import PAPER_A, PAPER_B, REPOSITORY, Chauban, environment, scan

PASSWORD = "một câu đủ dài để nhớ"
PEOPLE: Mapping[str, tuple[str, str, str]] = {
    "clerk": ("Cán bộ quét", "scanning-clerk", "H33.05"),
    "officer": ("Cán bộ một cửa", "one-stop-officer", "H33.05"),
    "handler": ("Cán bộ thụ lý", "handling-officer", "H33.05"),
    "leader": ("Lãnh đạo", "leader", "H33.05"),
    "records": ("Văn thư", "records-officer", "H33.05"),
    "archivist": ("Lưu trữ viên", "archivist", "H33"),
    "auditor": ("Thanh tra viên", "auditor", "H33.05"),
    "admin": ("Quản trị viên", "administrator", "H33"),
    "other-clerk": ("Cán bộ quét B", "scanning-clerk", "H33.06"),
    "other-archivist": ("Lưu trữ viên B", "archivist", "H33.06"),
}
"""Login → name, role and agency. H33.05 and H33.06 stand below H33."""
PAPERS_C = tuple(
    (f"TRANG {n}", f"Nội dung riêng của trang {word}", "Biên bản kiểm kê đất đai")
    for n, word in enumerate(("thứ nhất", "thứ hai", "thứ ba"), 1)
)
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass
class Site:
    """A running server."""

    chauban: Chauban
    address: str
    process: subprocess.Popen[bytes] = field(repr=False)

    @contextmanager
    def client(self, login: str | None) -> Iterator["Client"]:
        """A visitor, signed in under a login of PEOPLE or not at all."""
        with httpx.Client(base_url=self.address, timeout=60) as http:
            visitor = Client(http)
            if login is not None:
                answer = http.post(
                    "/sign-in", data={"login": login, "password": PASSWORD, "next": "/account"}
                )
                assert answer.status_code == 303, answer.text
                assert not answer.headers["location"].startswith("/sign-in")
            yield visitor

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the server as an administrator would, or as a power cut would (SIGKILL)."""
        self.process.send_signal(number)
        return self.process.wait(60)


@dataclass
class Client:
    """A visitor without a browser: what a program or an old machine does."""

    http: httpx.Client

    def get(self, address: str, **more: Any) -> httpx.Response:
        return self.http.get(address, **more)

    def token(self, address: str = "/account") -> str:
        """The token of the visit's forms."""
        found = _TOKEN.search(self.http.get(address, follow_redirects=True).text)
        assert found is not None
        return found[1]

    def post(
        self, address: str, data: Mapping[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """A form of ours, sent as a browser sends it; it is not followed."""
        fields = {"csrf": self.token(), **(data or {})}
        return self.http.post(address, data=fields, **more)


@contextmanager
def serving(chauban: Chauban, *words: str, env: Mapping[str, str] | None = None) -> Iterator[Site]:
    """A server of its own process, on a port that was free, gone when the context ends."""
    started = subprocess.Popen(
        [sys.executable, "-m", "api.cli", "serve", "--port", "0", "--json", *words],
        cwd=REPOSITORY,
        env=environment(chauban.folder) | {"CHAUBAN_SECOND_FACTOR": "none"} | dict(env or {}),
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    watch = threading.Timer(60, started.kill)  # Who waits for the first line waits no longer.
    watch.start()
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        watch.cancel()
        assert line, f"the server ended with {started.wait(10)}"
        yield Site(chauban, json.loads(line)["address"], started)
    finally:
        watch.cancel()
        if started.poll() is None:
            started.terminate()
            try:
                started.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(started.pid, signal.SIGKILL)
                started.wait()
        if started.stdout is not None:
            started.stdout.close()


def prepare(folder: Path) -> Chauban:
    """An archive with three agencies, everybody of PEOPLE with a password, and read papers:
    HS-A (H33.05) holds one page and a paper of three pages, HS-B (H33.06) one page."""
    chauban = Chauban(folder / "archive")
    chauban.json("init", "--name", "Tỉnh thử nghiệm", "--agency", "H33")
    chauban.json("agency", "add", "H33.05", "Sở A")
    chauban.json("agency", "add", "H33.06", "Sở B")
    links: dict[str, str] = {}
    for login, (name, role, agency) in PEOPLE.items():
        until = ["--until", "2099-12-31"] if role == "auditor" else []
        made = chauban.json("agent", "add", name, "--role", role, "--agency", agency, *until)
        links[login] = chauban.json("user", "add", made["agent"], login)["link"]
    papers = write_papers(folder / "papers")
    for agency, code, files in (
        ("H33.05", "HS-A", ("a.jpg", "c.pdf")),
        ("H33.06", "HS-B", ("b.jpg",)),
    ):
        chauban.json(
            "dossier", "open", "--agency", agency, "--title", f"Hồ sơ {code}", "--code", code,
            "--applicant", f"Ông {code}", "--phone", "0912345678", "--work-file",
        )  # fmt: skip
        for name in files:
            answer = chauban.json("ingest", str(papers / name), "--dossier", code)
            assert answer["state"] == "stored", answer
    with serving(chauban, "--no-worker") as site, httpx.Client(base_url=site.address) as http:
        for link in links.values():
            answer = http.post(link, data={"password": PASSWORD, "again": PASSWORD})
            assert answer.status_code == 303, answer.text
            http.cookies.clear()
    return chauban


def copied(prepared: Chauban, folder: Path) -> Chauban:
    """The archive with its keys and its papers (`folder/papers`) under a folder of its own."""
    copy = Chauban(folder / "archive")
    shutil.copytree(prepared.folder, copy.folder)
    shutil.copytree(prepared.keys, copy.keys)
    shutil.copytree(prepared.folder.with_name("papers"), folder / "papers")
    return copy


def write_papers(folder: Path) -> Path:
    """`a.jpg`, `b.jpg` and `c.pdf` (three pages); `d.jpg` for who scans something new."""
    folder.mkdir(parents=True, exist_ok=True)
    scan(folder / "a.jpg", PAPER_A)
    scan(folder / "b.jpg", PAPER_B)
    scan(folder / "d.jpg", ("ĐƠN ĐỀ NGHỊ", "Đề nghị cấp giấy chứng nhận quyền sử dụng đất"))
    pages = [Image.open(scan(folder / f"c{n}.jpg", text)) for n, text in enumerate(PAPERS_C)]
    pages[0].save(folder / "c.pdf", save_all=True, append_images=pages[1:], resolution=200)
    return folder
