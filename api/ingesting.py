"""`chauban ingest`: reception of each file, then waiting until the worker has read it."""

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from api.files import open_file
from domain.errors import ArchiveError, InvalidValueError, NotFoundError, UnavailableError
from domain.services import Archive, Request
from domain.services.deciding import load
from domain.services.reception import Receipt, open_batch, receive
from domain.services.retrieval import manifest_of
from domain.values import CommandId, Secrecy, StreamId

_POLL_SECONDS = 0.2
_WORKERS_STARTED = 5
_SETTLE_SECONDS = 3.0
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Declared:
    """What the station says of a batch."""

    device: str | None
    sheets: int | None
    documents: int | None
    secrecy: Secrecy
    paper_location: str | None


def ingest(
    archive: Archive,
    request: Request,
    dossier: StreamId,
    files: Sequence[str],
    declared: Declared,
    start_worker: Callable[[], Popen[bytes]],
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """One answer a file, in the order in which they were given; files are only read."""
    batch = open_batch(
        archive,
        _derived(request, "batch"),
        dossier,
        files=len(files),
        device=declared.device,
        sheets=declared.sheets,
        documents=declared.documents,
    )
    waiting = _Waiting(archive, start_worker)
    seen: Counter[str] = Counter()
    received: list[tuple[str, Receipt | ArchiveError]] = []
    for file in files:
        name = unicodedata.normalize("NFC", os.fsencode(Path(file).name).decode(errors="replace"))
        seen[name] += 1
        own = hashlib.sha256(f"{name}/{seen[name]}".encode()).hexdigest()[:16]
        received.append(
            (file, _receive(archive, _derived(request, own), batch, file, name, declared))
        )
        progress(file, 0, 0)
        if isinstance(received[-1][1], Receipt) and received[-1][1].state == "stored":
            waiting.ensure_worker()
    for file, outcome in received:
        yield _answer(archive, file, batch, outcome, waiting, progress)
    archive.views.catch_up()
    waiting.settle()


def _receive(
    archive: Archive,
    request: Request,
    batch: StreamId,
    file: str,
    name: str,
    declared: Declared,
) -> Receipt | ArchiveError:
    try:
        source = open_file(Path(file))
    except InvalidValueError as exc:
        return exc
    try:
        with source:
            return receive(
                archive,
                request,
                batch,
                source,
                name=name,
                secrecy=declared.secrecy,
                paper_location=declared.paper_location,
            )
    except OSError:
        return NotFoundError("file-unreadable")


def _derived(request: Request, part: str) -> Request:
    return Request(request.agent, CommandId(f"{request.command}/{part}"), request.basis)


def _answer(
    archive: Archive,
    file: str,
    batch: StreamId,
    outcome: Receipt | ArchiveError,
    waiting: "_Waiting",
    progress: Progress,
) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "file": os.fsencode(file).decode(errors="replace"),
        "state": "refused",
        "reason": None,
        "batch": batch,
        "record": None,
        "sha256": None,
        "pages": [],
        "event": None,
        "warnings": [],
    }
    if isinstance(outcome, ArchiveError):
        return answer | {"reason": outcome.code}
    answer |= {
        "state": outcome.state,
        "reason": outcome.reason,
        "record": outcome.record,
        "sha256": outcome.sha256.text if outcome.sha256 else None,
        "event": outcome.event,
        "warnings": list(outcome.warnings),
    }
    if outcome.record is None:
        return answer
    if outcome.state == "stored":
        failed = waiting.until_read(outcome.record, lambda n, of: progress(file, n, of))
        if failed is not None:
            return answer | {"state": "failed", "reason": failed}
    state = load(archive, outcome.record).record()
    if state.reading is not None:
        answer["warnings"] = [*dict.fromkeys([*answer["warnings"], *state.reading.warnings])]
        answer["pages"] = [
            {"n": page["n"], "state": page["state"]}
            for page in manifest_of(archive, state)["pages"]
        ]
    return answer


class _Waiting:
    """Waits for readings. Ours or another process's worker does them; a dead one is replaced."""

    def __init__(self, archive: Archive, start_worker: Callable[[], Popen[bytes]]) -> None:
        self._archive = archive
        self._start = start_worker
        self._worker: Popen[bytes] | None = None
        self._started = 0

    def ensure_worker(self) -> None:
        """Somebody reads: our child, or whoever made it end at once by holding the lease."""
        if self._worker is not None and self._worker.poll() is None:
            return
        self._worker = self._start()
        self._started += 1

    def settle(self) -> None:
        """Lets our child end, unless it has found more to read; then it goes on without us."""
        if self._worker is not None:
            with suppress(TimeoutExpired):
                self._worker.wait(_SETTLE_SECONDS)

    def until_read(self, target: StreamId, on_page: Callable[[int, int], None]) -> str | None:
        """Waits until the record was read; the code of the failure when it cannot be."""
        shown: tuple[int, int] | None = None
        idle = 0
        while True:
            state = load(self._archive, target).record()
            if state.reading is not None:
                self._archive.views.catch_up()  # From here on the pages can be found.
                return None
            if state.failure is not None and state.failure.final:
                return state.failure.reason
            if state.isolated is not None or state.erased_by is not None:
                return "content-removed"
            now = self._archive.progress.of(target)
            if now is not None and now != shown:
                shown, idle = now, 0
                on_page(*now)
            assert self._worker is not None
            ended = self._worker.poll()
            if ended is not None:
                idle += 1
                if ended != 0 and self._started >= _WORKERS_STARTED:
                    raise UnavailableError("worker-cannot-run")
                if ended != 0 or idle * _POLL_SECONDS > 2:  # The other one ended, too.
                    self.ensure_worker()
                    idle = 0
            self._archive.clock.wait(_POLL_SECONDS)
