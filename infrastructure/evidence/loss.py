"""What a log has signed and the journal no longer has, by the entries in the log's files."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from domain.errors import IntegrityError, NotFoundError
from domain.evidence import LogLoss
from infrastructure.evidence.edge import Edge
from infrastructure.evidence.head import Head
from infrastructure.evidence.notes import VerifierKey
from infrastructure.evidence.tiles import WIDTH

Entries = Callable[[int, int], Sequence[bytes]]
"""The entries of a bundle, by its number and the size of the log."""
Sealed = Callable[[int, int], Sequence[bytes]]
"""Envelopes of the journal, behind a position and so many."""


def measured(head: Head, key: str, entries: Entries, sealed: Sealed, events: int) -> LogLoss:
    """The loss of a log that was signed up to a head, beside a journal of so many events; `key` is
    its verifier key. Entries count when all of them together give the root that was signed."""
    is_signed = _root(head.size, entries) == head.root
    kept = _kept(head.size, entries, sealed, events) if is_signed else None
    return LogLoss(
        origin=head.origin,
        key=key,
        size=head.size,
        root=head.root.hex(),
        kept=kept,
        events=events,
        found=head.size - kept if kept is not None else 0,
        unproved=0 if is_signed else sum(1 for _ in _readable(head.size, entries)),
        known=True,
    )


def unknown(edge: Edge, key: VerifierKey) -> LogLoss:
    """Where nobody knows what was signed: the log counts as far as the journal, whose tree has this
    edge."""
    return LogLoss(
        origin=key.name,
        key=key.text,
        size=edge.size,
        root=edge.root().hex(),
        kept=edge.size,
        events=edge.size,
        found=0,
        unproved=0,
        known=False,
    )


def discarded(name: str, content: bytes) -> None:
    """A file of a tree that is only computed."""


def _root(size: int, entries: Entries) -> bytes | None:
    """Of the entries in the files; None where a bundle is missing or is none."""
    edge = Edge()
    with suppress(NotFoundError, IntegrityError):
        for number in range(-(-size // WIDTH)):
            edge.grow(entries(number, size), discarded)
        return edge.root()
    return None


def _kept(size: int, entries: Entries, sealed: Sealed, events: int) -> int:
    """How many entries from the first one on the journal still has."""
    kept, upto = 0, min(size, events)
    while kept < upto:
        logged = entries(kept // WIDTH, size)
        ours = sealed(kept, min(len(logged), upto - kept))
        same = [one == other for one, other in zip(ours, logged, strict=False)]
        if not all(same):
            return kept + same.index(False)
        kept += len(same)
    return kept


def _readable(size: int, entries: Entries) -> Iterator[bytes]:
    """The entries of the bundles that are there, whatever they hold."""
    for number in range(-(-size // WIDTH)):
        with suppress(NotFoundError, IntegrityError):
            yield from entries(number, size)
