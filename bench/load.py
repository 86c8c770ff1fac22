"""Fifty people reading and five uploading at once, and one upload of 500 MB.

`python -m bench.load [SECONDS]` (60). The server is a process of its own, without a worker, over an
archive of 2,000 made-up records. Readers, who share one sign-in, ask for searches, dossiers,
records and histories without a pause; uploaders, who share another, send scans of 3 MB each. Then
one file of 500 MB goes in while the peak memory of the server is watched. A table on standard
error, one JSON object on standard output. The reference of the latencies is the same visitor
alone, in the same run.
"""

import asyncio
import io
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image

from bench._archive import PASSWORD, made
from bench.search import make_pages, make_queries
from domain.searching import SearchScope
from domain.views import DossierFilter

_SECONDS = 60
_READERS, _SENDERS = 50, 5
_ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measures and prints."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else _SECONDS
    with tempfile.TemporaryDirectory() as folder:
        with made(Path(folder), 2000) as house:
            catalogue = house.archive.catalogue
            scope = SearchScope(frozenset(catalogue.agencies()), restricted=True)
            rows = catalogue.browse(scope, DossierFilter(), after=None, limit=50)
            papers = [catalogue.records(row.id)[0].id for row in rows]
        queries = make_queries(list(make_pages(2000)))
        addresses = [
            *(f"/dossiers/{row.id}" for row in rows),
            *(f"/records/{paper}" for paper in papers),
            *(f"/audit/history/{row.id}" for row in rows),
            *(f"/search?{urllib.parse.urlencode({'q': query})}" for query in queries),
        ]
        figures = asyncio.run(_measured(Path(folder), addresses, rows[0].code, seconds))
    for name, value in figures.items():
        print(f"{name:24}{value:10.1f}", file=sys.stderr)
    print(json.dumps(figures))


async def _measured(
    folder: Path, addresses: list[str], dossier: str, seconds: int
) -> dict[str, float]:
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.cli", "--archive", str(folder / "archive"), "serve"),
        *("--port", "0", "--no-worker", "--json"),
        cwd=_ROOT,
        env={"PATH": "/usr/bin:/bin", "CHAUBAN_SECOND_FACTOR": "none"},
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        address = json.loads(await server.stdout.readline())["address"]
        reader = await _session(address, "archivist")
        sender = await _session(address, "scanning-clerk")
        alone: list[float] = []
        read: list[float] = []
        sent: list[float] = []
        troubles: list[str] = []
        await _reader(reader, addresses, time.monotonic() + 5, alone, troubles)
        scan = _scan()  # Making one would keep the readers' clocks waiting.
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            for _ in range(_READERS):
                group.create_task(_reader(reader, addresses, until, read, troubles))
            for _ in range(_SENDERS):
                group.create_task(_sender(sender, dossier, scan, until, sent, troubles))
        for trouble in troubles[:10]:
            print(trouble, file=sys.stderr)
        before = _peak(server.pid)
        await _large(sender, dossier)
        return {
            "pages": float(len(read)),
            "pages-a-second": len(read) / seconds,
            "page-median-ms": statistics.median(read),
            "page-p99-ms": statistics.quantiles(read, n=100)[-1],
            "alone-median-ms": statistics.median(alone),
            "uploads": float(len(sent)),
            "upload-median-ms": statistics.median(sent),
            "upload-p99-ms": statistics.quantiles(sent, n=100)[-1],
            "errors": float(len(troubles)),
            "peak-before-large-MiB": before,
            "peak-after-large-MiB": _peak(server.pid),
        }
    finally:
        server.terminate()
        await server.wait()


@dataclass(frozen=True)
class _Session:
    """One sign-in that many visitors share: several at the same instant would be refused."""

    address: str
    cookies: dict[str, str]

    def visitor(self) -> httpx.AsyncClient:
        """A visitor with a connection of its own."""
        return httpx.AsyncClient(base_url=self.address, cookies=self.cookies, timeout=120)


async def _session(address: str, login: str) -> _Session:
    async with httpx.AsyncClient(base_url=address, timeout=120) as visitor:
        answer = await visitor.post("/sign-in", data={"login": login, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return _Session(address, dict(visitor.cookies))


async def _reader(
    session: _Session, addresses: list[str], until: float, took: list[float], troubles: list[str]
) -> None:
    async with session.visitor() as visitor:
        while time.monotonic() < until:
            wanted = random.choice(addresses)
            began = time.perf_counter()
            answer = await visitor.get(wanted)
            took.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                troubles.append(f"{answer.status_code} {wanted}")


async def _sender(
    session: _Session,
    dossier: str,
    scan: bytes,
    until: float,
    took: list[float],
    troubles: list[str],
) -> None:
    async with session.visitor() as visitor:
        page = (await visitor.get(f"/station/{dossier}")).text
        token = page.split('name="csrf" value="')[1].split('"')[0]
        while time.monotonic() < until:
            another = _another(scan)
            began = time.perf_counter()
            opened = await visitor.post(
                f"/station/{dossier}/batches", data={"csrf": token, "files": "1"}
            )
            batch = opened.json()["batch"]
            name = f"{random.getrandbits(60):x}"
            answer = await visitor.put(
                f"/station/batches/{batch}/files/{name}",
                content=another,
                headers={"X-CSRF": token, "X-File-Name": "scan.jpg"},
            )
            took.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 201:
                troubles.append(f"{answer.status_code} {answer.text[:200]}")


def _scan() -> bytes:
    """A scan of about 3 MB."""
    noise = Image.frombytes("L", (827, 1170), random.randbytes(827 * 1170))
    target = io.BytesIO()
    noise.resize((1654, 2340)).convert("RGB").save(target, "JPEG", quality=96, dpi=(200, 200))
    return target.getvalue()


def _another(scan: bytes) -> bytes:
    """The scan as nobody sent it before: with a comment behind the start of the image."""
    return b"%b\xff\xfe\x00\x12%b%b" % (scan[:2], random.randbytes(16), scan[2:])


async def _large(session: _Session, dossier: str) -> None:
    """500 MB that are no document: taken in whole, looked at and refused."""
    async with session.visitor() as visitor:
        page = (await visitor.get(f"/station/{dossier}")).text
        token = page.split('name="csrf" value="')[1].split('"')[0]
        opened = await visitor.post(
            f"/station/{dossier}/batches", data={"csrf": token, "files": "1"}
        )

        async def body() -> AsyncIterator[bytes]:
            block = random.randbytes(1 << 20)
            for _ in range(500):
                yield block

        answer = await visitor.put(
            f"/station/batches/{opened.json()['batch']}/files/large",
            content=body(),
            headers={"X-CSRF": token, "X-File-Name": "large.pdf"},
        )
        assert answer.status_code == 422, answer.text


def _peak(pid: int) -> float:
    """The most memory that the process ever held, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
