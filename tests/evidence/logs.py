"""A log over entries of a test's own making: no journal, the real store, cell and keys."""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import IntegrityError
from infrastructure.clock import SystemClock
from infrastructure.evidence.head import HeadCell
from infrastructure.evidence.log import TiledLog
from infrastructure.evidence.notes import VerifierKey, verifier_key
from infrastructure.objects.named import FolderFiles, NamedFiles

ORIGIN = "archive.example/log1"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
VERIFIER: VerifierKey = verifier_key(ORIGIN, KEY)


def entry(number: int) -> bytes:
    return b'{"event":%d}' % number


class Entries:
    """What a journal would give; `altered` entries are not what they were."""

    def __init__(self, count: int = 0) -> None:
        self.count = count
        self.altered: dict[int, bytes] = {}
        self.refused: str | None = None

    def sealed(self, after: int, limit: int) -> Sequence[bytes]:
        if self.refused is not None:
            raise IntegrityError(self.refused)
        numbers = range(after, min(after + limit, self.count))
        return [self.altered.get(n, entry(n)) for n in numbers]

    def position(self) -> int:
        return self.count


class Place:
    """A folder with a log in it, which can be opened again and again."""

    def __init__(self, folder: Path, count: int = 0, origin: str = ORIGIN) -> None:
        self.origin = origin
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder / "log"
        self.cell = HeadCell(folder / "log-head.sqlite")
        self.entries = Entries(count)

    def open(self, files: NamedFiles | None = None, key: Ed25519PrivateKey = KEY) -> TiledLog:
        files = files or FolderFiles(self.folder)
        return TiledLog(
            files, self.cell, self.entries, keys=lambda: (self.origin, [key]), clock=SystemClock()
        )
