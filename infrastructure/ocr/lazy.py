"""A reader that exists when the first file is to be read; most commands read none."""

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path

from domain.errors import ReadingError
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
from infrastructure.ocr.reader import SandboxedReader


class LazyReader:
    """Makes the sandbox when a file is to be read; most commands read none."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder = folder
        self._jobs = jobs
        self._lock = threading.Lock()
        """A second sandbox would take the first one's folder away."""
        self._reader: SandboxedReader | None = None

    def _made(self) -> SandboxedReader:
        with self._lock:
            if self._reader is None:
                self._reader = SandboxedReader(self._folder, jobs=self._jobs)
            return self._reader

    def warm(self) -> None:
        """Starts the sandbox in the background; where it cannot run, the first file says so."""
        if self._reader is None:
            threading.Thread(target=self._warm, name="sandbox-warm", daemon=True).start()

    def _warm(self) -> None:
        with suppress(ReadingError, OSError):
            self._made().warm()

    def inspect(self, path: str, limits: Limits) -> Inspection:
        """See the port."""
        return self._made().inspect(path, limits)

    def read(
        self,
        path: str,
        inspection: Inspection,
        limits: Limits,
        on_page: Callable[[PageRead], None],
        *,
        as_it_lies: bool = False,
    ) -> AbstractContextManager[Reading]:
        """See the port."""
        return self._made().read(path, inspection, limits, on_page, as_it_lies=as_it_lies)

    def assemble(
        self, paths: Sequence[str], pages: Sequence[tuple[int, int, int]], limits: Limits
    ) -> AbstractContextManager[Assembled]:
        """See the port."""
        return self._made().assemble(paths, pages, limits)

    def picture(self, path: str, page: int, width: int, turned: int) -> bytes:
        """See the port."""
        return self._made().picture(path, page, width, turned)

    def signatures(self, path: str) -> tuple[SignatureVerdict, ...]:
        """See the port."""
        return self._made().signatures(path)

    def judge(
        self, path: str, anchors: TrustAnchors, at: datetime
    ) -> tuple[tuple[SignatureJudgement, ...], Tool]:
        """See the port."""
        return self._made().judge(path, anchors, at)

    def close(self) -> None:
        """Ends the sandbox, if there is one."""
        if self._reader is not None:
            self._reader.close()
