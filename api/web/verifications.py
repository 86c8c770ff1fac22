"""Verifications that run in the server while somebody waits: bounded, watched, and kept in memory
alone, for what a check found is no fact of the archive; whoever doubts it checks again."""

import logging
import threading
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import ArchiveError, RuleError
from domain.services import Archive, Request, oversight
from domain.services.oversight import Verification
from domain.values import StreamId

_log = logging.getLogger("chauban.server")
_AT_ONCE = 4
"""Checks of single dossiers or records besides the one of the whole archive."""
_KEPT = 60
_PATIENCE_SECONDS = 10


class _StoppedError(Exception):
    """The server stops."""


@dataclass
class Check:
    """One verification, running or done; its own thread alone changes it."""

    id: str
    session: str
    """The handle of the visit that asked: nobody else sees what was found."""
    target: StreamId | None
    """None for the whole archive."""
    label: str
    """What people call it."""
    begun: datetime
    remembered: tuple[bytes, ...] = ()
    """Checkpoints of the log that the visitor kept."""
    hashes: bool = False
    """True when only the journal and the log are compared."""
    part: str = "journal"
    done: int = 0
    total: int = 0
    seconds: float = 0.0
    result: Verification | None = None
    trouble: ArchiveError | None = None
    """Why it ended without a result."""
    thread: threading.Thread | None = field(default=None, repr=False)

    @property
    def ended(self) -> bool:
        """True when nothing more will come."""
        return self.result is not None or self.trouble is not None

    @property
    def state(self) -> Hashable:
        """Differs whenever the page may differ."""
        return (self.part, self.done, self.total, self.ended)


class Verifications:
    """All of one server."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._checks: dict[str, Check] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def start(
        self,
        session: str,
        request: Request,
        target: StreamId | None,
        label: str,
        *,
        remembered: tuple[bytes, ...] = (),
        hashes: bool = False,
    ) -> Check:
        """Begins one, or gives the same one that the same visit waits for already.

        Raises RuleError("verification-running") when there are as many as the server can bear.
        """
        asked = (session, target, remembered, hashes)
        with self._lock:
            running = [each for each in self._checks.values() if not each.ended]
            for each in running:
                if (each.session, each.target, each.remembered, each.hashes) == asked:
                    return each
            same_kind = [each for each in running if (each.target is None) == (target is None)]
            if len(same_kind) >= (1 if target is None else _AT_ONCE):
                raise RuleError("verification-running")
            check = Check(
                self._archive.identifiers.new(),
                session,
                target,
                label,
                self._archive.clock.now(),
                remembered,
                hashes,
            )
            self._checks[check.id] = check
            while len(self._checks) > _KEPT:
                del self._checks[next(iter(self._checks))]
        check.thread = threading.Thread(
            target=self._run, args=(check, request), name="verify", daemon=True
        )
        check.thread.start()
        return check

    def find(self, id: str, session: str) -> Check | None:
        """A check that the visit began; None for any other."""
        found = self._checks.get(id)
        return found if found is not None and found.session == session else None

    def stop(self) -> None:
        """Ends those that run, as soon as each has told how far it is."""
        self._stopping.set()
        for each in list(self._checks.values()):
            if each.thread is not None:
                each.thread.join(_PATIENCE_SECONDS)

    def _run(self, check: Check, request: Request) -> None:
        def progress(part: str, done: int, total: int) -> None:
            if self._stopping.is_set():
                raise _StoppedError
            check.part, check.done, check.total = part, done, total

        begun = time.monotonic()
        try:
            result = oversight.verify(
                self._archive,
                request,
                check.target,
                remembered=check.remembered,
                hashes=check.hashes,
                progress=progress,
            )
            check.seconds = time.monotonic() - begun
            check.result = result
        except ArchiveError as exc:
            check.trouble = exc
        except Exception as exc:
            if not isinstance(exc, _StoppedError):
                _log.error("unexpected %s in a verification", type(exc).__name__)
            check.trouble = RuleError("verification-stopped")
