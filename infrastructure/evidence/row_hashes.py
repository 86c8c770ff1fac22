"""Hashes of the journal's rows, a bundle at a time, in processes of their own.

A worker reads `first last whole` (positions, both included, and whether all leaves are wanted) on
standard input and answers a line: the hash over these leaves or the leaves, the SHA-256 of the tile
and of the bundle that they would make; or where a row is missing or is no envelope; or that the
file is damaged there. It reads one instant of the journal and trusts no other table.
"""

import os
import sqlite3
import subprocess
import sys
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from domain.errors import UnavailableError
from infrastructure.evidence import merkle
from infrastructure.evidence.tiles import LARGEST, WIDTH, pack
from infrastructure.journal.inspection_notes import DAMAGE, connect, damage

_CODE = Path(__file__).resolve().parents[2]
_AHEAD = 4
"""Bundles that a worker is given before it has answered the first."""


@dataclass(frozen=True)
class BundleHash:
    """What the rows of one bundle come to."""

    number: int
    leaves: bytes
    """Their hashes, one after the other, where they were wanted or the bundle is not full; else
    the hash over them."""
    tile: bytes
    """SHA-256 of the file that holds their hashes."""
    bundle: bytes
    """SHA-256 of the file that holds them as entries."""
    missing: int | None
    """The first position without a usable row, None when all are there."""
    damaged: str | None
    """What SQLite says where the file is damaged, None where it could be read."""


def hashed(
    path: str, size: int, *, processes: int, whole: Collection[int] = ()
) -> Iterator[BundleHash]:
    """The bundles of the first `size` rows, in order, with all leaves of those in `whole`."""
    numbers = range(-(-size // WIDTH))
    processes = min(processes, max(len(numbers), 1))
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(path)) for _ in range(processes)]
        waiting: deque[tuple[_Worker, int]] = deque()
        for at, number in enumerate(numbers):
            if len(waiting) == _AHEAD * processes:
                worker, asked = waiting.popleft()
                yield worker.answer(asked)
            worker = workers[at % processes]
            last = min(number * WIDTH + WIDTH, size)
            worker.ask(number * WIDTH + 1, last, whole=number in whole)
            waiting.append((worker, number))
        for worker, asked in waiting:
            yield worker.answer(asked)


class _Worker:
    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infrastructure.evidence.row_hashes", path],
            cwd=_CODE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # What a worker that died has not read any more.
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, first: int, last: int, *, whole: bool) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"%d %d %d\n" % (first, last, whole))
            self._process.stdin.flush()
        except OSError as exc:
            raise UnavailableError("verification-interrupted") from exc

    def answer(self, number: int) -> BundleHash:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().decode()
        if not line.endswith("\n"):
            raise UnavailableError("verification-interrupted")
        leaves, tile, bundle, missing, damaged = line.rstrip("\n").split(" ")
        over, row, entries = (bytes.fromhex(each) for each in (leaves, tile, bundle))
        lost = int(missing) if missing else None
        return BundleHash(number, over, row, entries, lost, damaged or None)


def _hashes(
    connection: sqlite3.Connection, first: int, last: int, *, whole: bool
) -> tuple[bytes, bytes, bytes, str]:
    rows = connection.execute(
        "SELECT rowid, state FROM stored_events WHERE rowid BETWEEN ? AND ? ORDER BY rowid",
        (first, last),
    ).fetchall()
    entries: list[bytes] = []
    for expected in range(first, last + 1):
        position, entry = rows[len(entries)] if len(entries) < len(rows) else (None, None)
        if position != expected or type(entry) is not bytes or len(entry) > LARGEST:
            return b"", b"", b"", str(expected)
        entries.append(entry)
    leaves = b"".join([sha256(b"\0" + entry).digest() for entry in entries])
    over = merkle.folded(leaves) if len(entries) == WIDTH and not whole else leaves
    return over, sha256(leaves).digest(), sha256(pack(entries)).digest(), ""


def _serve(arguments: Sequence[str]) -> None:
    with closing(connect(arguments[0])) as connection:
        connection.execute("BEGIN")
        for line in sys.stdin.buffer:
            first, last, whole = (int(word) for word in line.split())
            try:
                over, tile, bundle, missing = _hashes(connection, first, last, whole=whole > 0)
                answer = f"{over.hex()} {tile.hex()} {bundle.hex()} {missing} \n"
            except DAMAGE as exc:
                answer = f"    {damage(exc, 'journal').what or 'unreadable'}\n"
            try:
                os.write(sys.stdout.fileno(), answer.encode())
            except BrokenPipeError:
                return  # Whoever asked has seen enough.


if __name__ == "__main__":
    _serve(sys.argv[1:])
