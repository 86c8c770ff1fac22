"""Shows the log to outsiders while the worker works, in a thread of its own: theirs are networks
that may hang, and neither a reading nor the log waits for them.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from domain.errors import ArchiveError
from domain.ports import Messages
from domain.refusals import ALARMS
from domain.services import Archive
from domain.services.attested import newest
from domain.services.attesting import attest

_log = logging.getLogger("chauban.worker")
_LOOK_SECONDS = 5.0
"""How often it looks whether it is time."""


@contextmanager
def attempting(failed: str) -> Iterator[None]:
    """One attempt of a thread that outlives it: what goes wrong is logged by its name alone, as
    other words of an error may tell what nobody should read in a log."""
    try:
        yield
    except ArchiveError as exc:
        _log.error("%s: %s", failed, exc.code)
    except Exception as exc:
        _log.error("%s: unexpected %s", failed, type(exc).__name__)


@contextmanager
def attesting(archive: Archive, say: Messages) -> Iterator[None]:
    """Within the context outsiders are asked as often as the archive wants; without any, nothing
    runs. The end waits for who is being asked just then."""
    if not (archive.witnesses or archive.authorities):
        yield
        return
    ended = Event()
    thread = Thread(target=_follow, args=(archive, say, ended), name="attestor")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _follow(archive: Archive, say: Messages, ended: Event) -> None:
    asked_at = None
    while not ended.wait(_LOOK_SECONDS):
        with attempting("the log was not attested"):
            now = archive.clock.now()
            if asked_at is None:  # Another worker may have asked some minutes ago.
                last = newest(archive)
                asked_at = last.at if last is not None else None
            if asked_at is None or abs(now - asked_at) >= archive.attest_every:
                asked_at = now
                for each in attest(archive).silent:
                    level = logging.CRITICAL if each.code in ALARMS else logging.ERROR
                    _log.log(level, "%s: %s", each.name, say.text(each.code, **each.details))
