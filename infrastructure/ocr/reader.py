"""The adapter of the port `PaperReader`: Tesseract through OCRmyPDF, in a sandbox.

This side parses nothing of a stranger's file. It gives the sandbox an open descriptor, waits,
and takes from the job's folder only what `wire` accepts.
"""

import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import NotFoundError, ReadingError, RefusedFileError
from domain.papers import (
    Assembled,
    Inspection,
    Limits,
    PageRead,
    Reading,
    SignatureJudgement,
    SignatureVerdict,
    TrustAnchors,
)
from domain.values import Tool
from infrastructure.ocr import sandbox, wire
from infrastructure.ocr.process import WarmProcess, lines

_INSPECT_SECONDS = 300
_ASSEMBLE_SECONDS = 600
_PICTURE_SECONDS = 60
_PICTURE_BYTES = 64 << 20


class SandboxedReader:
    """Reads `jobs` files at a time; a job on one long file uses as many cores.

    `work_dir` must be a folder of this reader alone; what an earlier reader left there is removed.
    `confinement` other than the one found by trying is for tests.
    """

    def __init__(
        self, work_dir: Path, jobs: int = 2, *, confinement: sandbox.Confinement | None = None
    ) -> None:
        self._jobs = jobs
        self._tree = Path(work_dir).resolve() / "jobs"
        shutil.rmtree(self._tree, ignore_errors=True)
        self._tree.mkdir(parents=True, mode=0o700)
        self.confinement = confinement or sandbox.confinement()
        self._slots = threading.BoundedSemaphore(jobs)
        self._warm = WarmProcess(self._tree, self.confinement.kind)

    def warm(self) -> None:
        """Starts the sandbox, for which the first file would wait a second or two."""
        self._warm.start()

    def inspect(self, path: str, limits: Limits) -> Inspection:
        """See PaperReader. A parser that dies of the file refuses it, `file-damaged`; one
        that was killed is tried once more."""
        self._check_size(path, limits)
        for last in (False, True):
            try:
                with self._job(path, "inspect", limits, _INSPECT_SECONDS) as folder:
                    result = wire.load(folder / wire.RESULT)
                    if "refused" in result:
                        raise RefusedFileError(str(result["refused"]))
                    return wire.inspection_from(result["inspection"])
            except ReadingError as error:
                if error.code == "reader-unavailable" or (last and error.code == "reader-killed"):
                    raise
                if error.code != "reader-killed":
                    raise RefusedFileError("file-damaged") from error
            except wire.MalformedError as error:
                raise RefusedFileError("file-damaged") from error
        raise AssertionError

    @contextmanager
    def read(
        self,
        path: str,
        inspection: Inspection,
        limits: Limits,
        on_page: Callable[[PageRead], None],
        *,
        as_it_lies: bool = False,
    ) -> Iterator[Reading]:
        """See PaperReader."""
        pages = len(inspection.pages)
        request = {
            "inspection": wire.inspection_to(inspection),
            "threads": min(self._jobs, pages),
            "as_it_lies": as_it_lies,
        }
        seconds = sandbox.wall_seconds(limits, pages=pages)
        with self._job(path, "read", limits, seconds, on_page, **request) as folder:
            try:
                reading = _reading(folder, pages)
            except wire.MalformedError as error:
                raise ReadingError("reader-crashed") from error
            yield reading

    @contextmanager
    def assemble(
        self, paths: Sequence[str], pages: Sequence[tuple[int, int, int]], limits: Limits
    ) -> Iterator[Assembled]:
        """See PaperReader. A job takes one descriptor, so the files go in one after the other."""
        with tempfile.TemporaryFile(dir=self._tree.parent) as bundle:
            sizes: list[int] = []
            for path in paths:
                with Path(path).open("rb") as source:
                    shutil.copyfileobj(source, bundle, 1 << 20)
                sizes.append(bundle.tell() - sum(sizes))
            bundle.flush()
            whole = f"/proc/self/fd/{bundle.fileno()}"
            with self._job(
                whole, "assemble", limits, _ASSEMBLE_SECONDS, sizes=sizes, pages=list(pages)
            ) as folder:
                try:
                    tool = wire.tool_from(wire.load(folder / wire.RESULT).get("tool"))
                    if not wire.is_plain(folder / wire.ASSEMBLED):
                        raise wire.MalformedError
                except wire.MalformedError as error:
                    raise ReadingError("reader-crashed") from error
                yield Assembled(str(folder / wire.ASSEMBLED), tool)

    def picture(self, path: str, page: int, width: int, turned: int) -> bytes:
        """See PaperReader."""
        with self._job(
            path, "picture", Limits(), _PICTURE_SECONDS, page=page, width=width, turned=turned
        ) as folder:
            try:
                drawn = wire.load(folder / wire.RESULT).get("drawn")
                if drawn is False:
                    raise NotFoundError(reference=str(page))
                target = folder / wire.PICTURE
                if not wire.is_plain(target) or target.stat().st_size > _PICTURE_BYTES:
                    raise wire.MalformedError
                return target.read_bytes()
            except wire.MalformedError as error:
                raise ReadingError("reader-crashed") from error

    def signatures(self, path: str) -> tuple[SignatureVerdict, ...]:
        """See PaperReader."""
        with self._job(path, "signatures", Limits(), _INSPECT_SECONDS) as folder:
            try:
                found = wire.load(folder / wire.RESULT)["signatures"]
                return tuple(wire.signature_from(one) for one in found)
            except (wire.MalformedError, KeyError, TypeError) as error:
                raise ReadingError("reader-crashed") from error

    def judge(
        self, path: str, anchors: TrustAnchors, at: datetime
    ) -> tuple[tuple[SignatureJudgement, ...], Tool]:
        """See PaperReader."""
        believed = wire.certificates_to(anchors.certificates)
        with self._job(
            path, "judge", Limits(), _INSPECT_SECONDS, anchors=believed, at=at.isoformat()
        ) as folder:
            try:
                result = wire.load(folder / wire.RESULT)
                found = tuple(wire.judgement_from(one) for one in result["signatures"])
                return found, wire.tool_from(result["tool"])
            except (wire.MalformedError, KeyError, TypeError) as error:
                raise ReadingError("reader-crashed") from error

    def close(self) -> None:
        """Ends the sandbox with every job in it, and removes their folders."""
        self._warm.close()
        shutil.rmtree(self._tree, ignore_errors=True)

    def _check_size(self, path: str, limits: Limits) -> None:
        size = Path(path).stat().st_size
        if size == 0:
            raise RefusedFileError("empty-file")
        if size > limits.file_bytes:
            raise RefusedFileError("file-too-large", size=size, limit=limits.file_bytes)

    @contextmanager
    def _job(
        self,
        path: str,
        task: str,
        limits: Limits,
        seconds: int,
        on_page: Callable[[PageRead], None] | None = None,
        **request: Any,
    ) -> Iterator[Path]:
        """Runs one job to its end; the folder with its result is gone when the context ends."""
        name = secrets.token_hex(8)
        folder = self._tree / name
        (folder / wire.THUMBNAILS).mkdir(parents=True, mode=0o700)
        (folder / "tmp").mkdir()
        try:
            wire.save(folder / wire.REQUEST, {"task": task, "limits": asdict(limits), **request})
            with self._slots:
                self._run(path, name, seconds, on_page)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _run(
        self, path: str, name: str, seconds: int, on_page: Callable[[PageRead], None] | None
    ) -> None:
        ours, theirs = socket.socketpair()
        with ours, Path(path).open("rb") as source:
            with theirs:
                control = self._warm.send(f"run {name}", source.fileno(), theirs.fileno())
            deadline = time.monotonic() + seconds
            ended, over = None, False
            try:
                for line in lines(ours, deadline):
                    if "ended" in line:
                        ended = line["ended"]
                    elif "failed" in line:
                        raise ReadingError(_failure(line["failed"]))
                    elif on_page is not None:
                        on_page(wire.page_from(line.get("page")))
                over = True
            except TimeoutError as error:
                raise ReadingError("reader-timeout") from error
            except wire.MalformedError as error:
                raise ReadingError("reader-crashed") from error
            finally:
                # Not by what the job said of itself: whatever ended the loop early, it must die.
                if not over:
                    self._warm.kill(control, name, ours)
        if ended is None or ended in (-9, 137):
            raise ReadingError("reader-killed")
        if ended != 0:
            raise ReadingError("reader-crashed")


def _failure(code: Any) -> str:
    return code if code in {"text-layer-lost", "reader-timeout"} else "reader-crashed"


def _reading(folder: Path, pages: int) -> Reading:
    result = wire.load(folder / wire.RESULT)
    read = tuple(wire.page_from(page) for page in result.get("pages", ()))
    if [page.n for page in read] != list(range(1, pages + 1)):
        raise wire.MalformedError
    problem = result.get("pdfa_problem")
    if not wire.is_plain(folder / wire.TEXT) or not wire.is_plain(folder / wire.WORDS):
        raise wire.MalformedError
    if problem is None and not wire.is_plain(folder / wire.PDFA):
        raise wire.MalformedError
    thumbnails = []
    with_thumbnails = not (folder / wire.THUMBNAILS).is_symlink()
    for page in read:
        path = folder / wire.thumbnail_name(page.n)
        thumbnails.append(str(path) if with_thumbnails and wire.is_plain(path) else None)
    return Reading(
        pages=read,
        pdfa=None if problem is not None else str(folder / wire.PDFA),
        pdfa_problem=None if problem is None else str(problem),
        text=str(folder / wire.TEXT),
        words=str(folder / wire.WORDS),
        thumbnails=tuple(thumbnails),
        tool=wire.tool_from(result.get("tool")),
        warnings=wire.warnings_from(result.get("warnings")),
    )
