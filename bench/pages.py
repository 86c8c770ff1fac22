"""How long the server takes for a page of an archive of 10,000 records.

`python -m bench.pages [RECORDS]`. Each route is asked over loopback by one visitor; its reference
is the same route with every template empty, in the same run: what is left is ours and Python's.
For the search the time of the index alone is taken off. A table on standard error, one JSON
object on standard output: {name: {p95, median, empty, index}} in milliseconds.
"""

import gzip
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from jinja2 import FunctionLoader

from api.app import serve
from api.web import render
from bench._archive import PASSWORD, made
from bench.search import make_pages, make_queries
from domain.searching import SearchScope
from domain.views import DossierFilter
from infrastructure.bootstrap import House, read_settings

RECORDS = 10_000
_ROUNDS = 120


def main() -> None:
    """Measures and prints; `serve ARCHIVE full|empty` is the server of a run of its own process."""
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2], empty=sys.argv[3] == "empty")
        return
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with tempfile.TemporaryDirectory() as folder, made(Path(folder), records) as house:
        figures = _measured(house, records)
    for name, one in figures.items():
        told = "".join(f"{what} {value:8.1f}  " for what, value in one.items())
        print(f"{name:12}{told}", file=sys.stderr)
    print(json.dumps(figures))


def _measured(house: House, records: int) -> dict[str, dict[str, float]]:
    queries = make_queries(list(make_pages(min(records, 2000))))
    scope = SearchScope(frozenset(house.archive.catalogue.agencies()), restricted=True)
    rows = house.archive.catalogue.browse(scope, DossierFilter(), after=None, limit=50)
    papers = [house.archive.catalogue.records(row.id)[0] for row in rows]
    addresses = {
        "dossier": [f"/dossiers/{row.code}" for row in rows],
        "record": [f"/records/{paper.id}" for paper in papers],
        "timeline": [f"/audit/history/{row.code}" for row in rows],
        "search": [f"/search?q={httpx.QueryParams({'q': q})['q']}" for q in queries],
    }
    figures: dict[str, dict[str, float]] = {}
    for empty in (False, True):
        with _served(house, empty=empty) as address, _signed_in(address) as visitor:
            if not empty:
                figures["first-page"] = _weight(visitor)
            for name, those in addresses.items():
                took = _timed(visitor, those)
                kept = figures.setdefault(name, {})
                kept |= (
                    {"empty-p95": _p95(took)}
                    if empty
                    else {"median": statistics.median(took), "p95": _p95(took)}
                )
    spent = []
    for query in queries * 2:
        began = time.perf_counter()
        house.archive.index.search(query, scope)
        spent.append((time.perf_counter() - began) * 1000)
    figures["search"] |= {"index-p95": _p95(spent)}
    figures["search"] |= {"over-index": figures["search"]["p95"] - _p95(spent)}
    return figures


def _timed(visitor: httpx.Client, addresses: list[str]) -> list[float]:
    took = []
    for n in range(_ROUNDS):
        address = addresses[n % len(addresses)]
        began = time.perf_counter()
        answer = visitor.get(address)
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, (address, answer.status_code)
    return took


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _weight(visitor: httpx.Client) -> dict[str, float]:
    """The first page with all that it loads, as it crosses the wire with gzip."""
    page = visitor.get("/search")
    names = set(re.findall(r'(?:href|src)="(/assets/[^"]+)"', page.text))
    style = next(visitor.get(name).text for name in names if name.endswith(".css"))
    fonts = {f"/assets/{name}" for name in re.findall(r"url\(([a-z0-9.-]+\.woff2)\)", style)}
    sizes = {name: _wire(visitor, name) for name in names | fonts}
    plain = len(gzip.compress(page.content)) + sum(sizes[name] for name in names)
    return {
        "kB-without-fonts": plain / 1000,
        "kB-with-fonts": (plain + sum(sizes[name] for name in fonts)) / 1000,
        "requests": float(1 + len(sizes)),
    }


def _wire(visitor: httpx.Client, name: str) -> int:
    with visitor.stream("GET", name, headers={"Accept-Encoding": "gzip"}) as answer:
        return sum(len(part) for part in answer.iter_raw())


@contextmanager
def _signed_in(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as visitor:
        answer = visitor.post("/sign-in", data={"login": "archivist", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield visitor


@contextmanager
def _served(house: House, *, empty: bool) -> Iterator[str]:
    """A server in a process of its own, so that visitor and server do not share an interpreter."""
    folder = str(house.settings.directory)
    command = [sys.executable, "-m", "bench.pages", "serve", folder, "empty" if empty else "full"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def _serve(folder: str, *, empty: bool) -> None:
    if empty:
        render._ENVIRONMENT.loader = FunctionLoader(lambda name: "")
    settings = read_settings(folder, {"CHAUBAN_SECOND_FACTOR": "none"})
    serve(settings, host="127.0.0.1", port=0, worker=False, ready=lambda at: print(at, flush=True))


if __name__ == "__main__":
    main()
