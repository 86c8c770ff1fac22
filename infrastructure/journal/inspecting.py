"""Many processes that look at one instant of a journal: who reads which span, and when.

A worker opens its own read-only connection. All snapshots are taken while the write lock is held
for a moment, so that a journal that grows meanwhile is no finding.
"""

import gc
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Self

from domain.errors import UnavailableError
from infrastructure.journal.inspection_notes import DAMAGE, Notes, Trust, connect, database_uri
from infrastructure.journal.rows_inspected import RowInspector

_CODE = Path(__file__).resolve().parents[2]
Span = tuple[int, int]
"""The first and the last position, both included."""
Task = Span | None
"""None for the agreement of the database with itself."""


@contextmanager
def instant(path: str) -> Iterator[None]:
    """Nobody writes to the journal meanwhile. A file that we cannot write has no such moment."""
    with ExitStack() as stack:
        try:
            writer = sqlite3.connect(
                database_uri(path, "rw"), uri=True, isolation_level=None, timeout=30
            )
            stack.enter_context(closing(writer))
            writer.execute("BEGIN IMMEDIATE")
            stack.callback(writer.rollback)
        except DAMAGE:
            pass  # Read-only or damaged: the inspection goes on and says what it finds.
        yield


def begin(connection: sqlite3.Connection) -> None:
    """Takes the connection's snapshot; a file that cannot be read says so later."""
    try:
        connection.execute("BEGIN")
        connection.execute("SELECT max(rowid) FROM stored_events").fetchone()
    except DAMAGE:
        return


def carry_out(inspector: RowInspector, task: Task) -> Notes:
    """The notes of one task."""
    return inspector.database() if task is None else inspector.span(*task)


class Workers:
    """Processes with a row inspector each."""

    def __init__(self, path: str, processes: int) -> None:
        self._pipes: list[Connection[Any, Any]] = []
        self._processes = []
        for _ in range(processes):
            ours, theirs = Pipe()
            # Not by multiprocessing: its children import all that our main program imports.
            program = (
                f"from infrastructure.journal.inspecting import serve; serve({theirs.fileno()})"
            )
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                pass_fds=[theirs.fileno()],
                cwd=_CODE,
                stdin=subprocess.DEVNULL,
            )
            theirs.close()
            ours.send(path)
            self._pipes.append(ours)
            self._processes.append(process)
        for pipe in self._pipes:
            _answer(pipe)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def begin(self, trust: Trust) -> None:
        """Every worker takes its snapshot, and learns by what it checks."""
        for pipe in self._pipes:
            pipe.send(trust)
        for pipe in self._pipes:
            _answer(pipe)

    def inspect(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Notes]]:
        """The notes of every task, in the order in which they are ready."""
        left = list(reversed(tasks))
        busy: dict[Connection[Any, Any], Task] = {}
        for free in self._pipes:
            if left:
                busy[free] = left.pop()
                free.send(busy[free])
        while busy:
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                pipe: Connection[Any, Any] = ready
                task, notes = busy.pop(pipe), _answer(pipe)
                if left:  # The next one first: a worker never waits for us.
                    busy[pipe] = left.pop()
                    pipe.send(busy[pipe])
                yield task, notes


def _answer(pipe: "Connection[Any, Any]") -> Any:
    try:
        said = pipe.recv()
    except (EOFError, OSError) as exc:
        raise UnavailableError("verification-interrupted") from exc
    if isinstance(said, str):
        raise UnavailableError(said)
    return said


def serve(descriptor: int) -> None:
    """The life of a worker; it ends when the other end of the pipe is gone."""
    pipe: Connection[Any, Any] = Connection(descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Our parent ends, and the pipe with it.
    gc.disable()  # Parsed rows hold no cycles; looking for some costs more than all checks of SQL.
    try:
        with closing(connect(pipe.recv())) as connection:
            pipe.send(None)
            trust = pipe.recv()
            begin(connection)
            inspector = RowInspector(connection, trust)
            pipe.send(None)
            while True:
                pipe.send(carry_out(inspector, pipe.recv()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except UnavailableError as exc:
        pipe.send(exc.code)
