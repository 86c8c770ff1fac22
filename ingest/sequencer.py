"""The sequencer: lets the transparency log follow the journal while the worker works.

It has a thread of its own, as a reading that takes minutes must not keep an event out of the log.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from domain.ports import Messages
from domain.services import Archive
from domain.services.proving import advance
from ingest.attestor import attempting, attesting

_LOOK_SECONDS = 1.0
"""How often it looks for new events."""
_REST_SECONDS = 10.0
"""How long it rests when the log could not grow."""


@contextmanager
def sequencing(archive: Archive, say: Messages) -> Iterator[None]:
    """Within the context the log grows with the journal, and a last time at its end."""
    ended = Event()
    thread = Thread(target=_follow, args=(archive, ended), name="sequencer")
    thread.start()
    try:
        with attesting(archive, say):
            yield
    finally:
        ended.set()
        thread.join()
        _advance(archive)


def _follow(archive: Archive, ended: Event) -> None:
    covered = -1
    while not ended.wait(_LOOK_SECONDS):
        reached = _advance(archive, covered)
        if reached is None:
            ended.wait(_REST_SECONDS)
        else:
            covered = reached


def _advance(archive: Archive, covered: int = -1) -> int | None:
    """Events in the log, None when something keeps it from growing; doctor says what. Where no
    more than the covered ones are there, nothing is done."""
    with attempting("the transparency log did not grow"):
        if archive.journal.position() == covered:
            return covered
        checkpoint = advance(archive)
        return checkpoint.size if checkpoint is not None else 0
    return None
