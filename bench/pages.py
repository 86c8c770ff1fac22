"""How long the server takes for a page of an archive of 10,000 records.

`python -m bench.pages [RECORDS]`. Each route is asked over loopback by one visitor; its reference
is the same route with every template empty, in the same run: what is left is ours and Python's.
For the search the time of the index alone is taken off. A table on standard error, one JSON
object on standard output: {name: {p95, median, empty, index}} in milliseconds.
"""

import gzip
import json
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from jinja2 import BaseLoader, FunctionLoader

from api.app import create_app
from api.web import render
from bench._archive import PASSWORD, made
from bench.search import make_pages, make_queries
from domain.ports import DossierFilter, SearchScope
from infrastructure.bootstrap import House

RECORDS = 10_000
_ROUNDS = 120


def main() -> None:
    """Measures and prints."""
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
    with _served(house) as address, httpx.Client(base_url=address, timeout=60) as visitor:
        answer = visitor.post("/sign-in", data={"login": "archivist", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        figures = {"first-page": _weight(visitor)}
        for name, those in addresses.items():
            took = _timed(visitor, those)
            loader, render._ENVIRONMENT.loader = render._ENVIRONMENT.loader, _Empty
            render._ENVIRONMENT.cache and render._ENVIRONMENT.cache.clear()
            empty = _timed(visitor, those)
            render._ENVIRONMENT.loader = loader
            render._ENVIRONMENT.cache and render._ENVIRONMENT.cache.clear()
            figures[name] = {
                "median": statistics.median(took),
                "p95": _p95(took),
                "empty-p95": _p95(empty),
            }
    spent = []
    for query in queries * 2:
        began = time.perf_counter()
        house.archive.index.search(query, scope)
        spent.append((time.perf_counter() - began) * 1000)
    figures["search"] |= {"index-p95": _p95(spent)}
    figures["search"] |= {"over-index": figures["search"]["p95"] - _p95(spent)}
    return figures


_Empty: BaseLoader = FunctionLoader(lambda name: "")


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
def _served(house: House) -> Iterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    app = create_app(house, origin=address)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
