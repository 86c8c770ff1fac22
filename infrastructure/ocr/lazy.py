"""A reader that exists when the first file is to be read; most commands read none."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from domain.ports import Inspection, Limits, PageRead, Reading, SignatureVerdict
from infrastructure.ocr.reader import SandboxedReader


class LazyReader:
    """Makes the sandbox when a file is to be read; most commands read none."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._folder = folder
        self._jobs = jobs
        self._reader: SandboxedReader | None = None

    def _made(self) -> SandboxedReader:
        if self._reader is None:
            self._reader = SandboxedReader(self._folder, jobs=self._jobs)
        return self._reader

    def inspect(self, path: str, limits: Limits) -> Inspection:
        """See the port."""
        return self._made().inspect(path, limits)

    def read(
        self, path: str, inspection: Inspection, limits: Limits, on_page: Callable[[PageRead], None]
    ) -> AbstractContextManager[Reading]:
        """See the port."""
        return self._made().read(path, inspection, limits, on_page)

    def signatures(self, path: str) -> tuple[SignatureVerdict, ...]:
        """See the port."""
        return self._made().signatures(path)

    def close(self) -> None:
        """Ends the sandbox, if there is one."""
        if self._reader is not None:
            self._reader.close()
