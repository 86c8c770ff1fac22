"""The directory of generations: which one is searched, which are being built, which are left over.

`CURRENT` names the generation that is searched; it is replaced atomically. A generation that is
being built is locked by its builder; one whose builder died is swept.
"""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from domain.errors import UnavailableError
from infrastructure.search import generation
from infrastructure.search.engine import sync

CURRENT = "CURRENT"


class Generations:
    """The generations below one directory; one of them may be this object's own, being built."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._own: Path | None = None
        self._ownership: BinaryIO | None = None
        directory.mkdir(parents=True, exist_ok=True)
        if not (directory / CURRENT).exists():
            self._begin()
        self.sweep()

    def _begin(self) -> None:
        with self._alone():
            if not (self._directory / CURRENT).exists():
                fresh = self._new()
                generation.create(fresh)
                self._point_to(fresh)

    def _new(self) -> Path:
        numbers = [int(path.name) for path in self._directory.iterdir() if path.name.isdigit()]
        return self._directory / f"{max(numbers, default=0) + 1:06}"

    def _point_to(self, path: Path) -> None:
        pointer = self._directory / f"{CURRENT}.new"
        pointer.write_text(path.name, encoding="ascii")
        sync(str(pointer))
        pointer.replace(self._directory / CURRENT)
        sync(str(self._directory))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Alone in making, choosing and sweeping generations; held for moments."""
        with (self._directory / "LOCK").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def path(self) -> Path:
        """The generation to read and write now; raises UnavailableError("index-damaged")."""
        path = self._own or self._live()
        if path is None:
            raise UnavailableError("index-damaged", reason="current")
        return path

    def _live(self) -> Path | None:
        """The generation that is searched, None when `CURRENT` names none."""
        with suppress(OSError, UnicodeDecodeError):
            name = (self._directory / CURRENT).read_text(encoding="ascii").strip()
            if name.isdigit() and (self._directory / name).is_dir():
                return self._directory / name
        return None

    def sweep(self) -> None:
        """Drops what killed commits and killed builders left."""
        with self._alone():
            live = self._live()
            if live is None:
                # Which generation was meant is not known: a rebuild decides, nothing is dropped.
                return
            for path in self._directory.iterdir():
                if path.name.isdigit() and path not in (live, self._own) and not _is_owned(path):
                    shutil.rmtree(path, ignore_errors=True)
        with suppress(UnavailableError):
            generation.sweep(self.path())

    def begin_own(self) -> None:
        """Makes an empty generation that this object alone reads and writes until `publish`."""
        with self._alone():
            path = self._new()
            path.mkdir()
            ownership = (path / generation.OWNER).open("wb")
            fcntl.flock(ownership, fcntl.LOCK_EX)
        generation.create(path)
        self._own, self._ownership = path, ownership

    @property
    def is_own(self) -> bool:
        """True between `begin_own` and `publish` or `leave`."""
        return self._own is not None

    def publish(self) -> None:
        """Makes the own generation the one that is searched, and drops the one before."""
        if self._own is None:
            return
        with self._alone():
            live = self._live()
            with generation.unwritten(live) if live else nullcontext():
                self._point_to(self._own)
            (self._own / generation.OWNER).unlink()
        self._release()
        self.sweep()

    def leave(self) -> None:
        """Drops the own generation, if there is one."""
        own = self._own
        self._release()
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)

    def _release(self) -> None:
        self._own = None
        if self._ownership is not None:
            self._ownership.close()
            self._ownership = None


def _is_owned(path: Path) -> bool:
    """True while the builder of a generation lives."""
    try:
        with (path / generation.OWNER).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
