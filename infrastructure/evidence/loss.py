"""What a log has signed and the journal no longer has, by the entries in the log's files."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from domain.errors import IntegrityError, NotFoundError
from domain.evidence import LogLoss
from infrastructure.evidence.head import Head
from infrastructure.evidence.tiles import WIDTH

Entries = Callable[[int, int], Sequence[bytes]]
"""The entries of a bundle, by its number and the size of the log."""
Sealed = Callable[[int, int], Sequence[bytes]]
"""Envelopes of the journal, behind a position and so many."""


def measured(head: Head, key: str, entries: Entries, sealed: Sealed, events: int) -> LogLoss:
    """The loss of a log that was signed up to a head, beside a journal of so many events; `key` is
    its verifier key."""
    kept = _kept(head.size, entries, sealed, events)
    return LogLoss(
        origin=head.origin,
        key=key,
        size=head.size,
        root=head.root.hex(),
        kept=kept,
        events=events,
        found=sum(1 for _ in _behind(kept or 0, head.size, entries)),
    )


def _kept(size: int, entries: Entries, sealed: Sealed, events: int) -> int | None:
    """How many entries from the first one on the journal still has; None where a bundle is missing
    before the first one that it has not."""
    kept, upto = 0, min(size, events)
    while kept < upto:
        try:
            logged = entries(kept // WIDTH, size)
        except (NotFoundError, IntegrityError):
            return None
        ours = sealed(kept, min(len(logged), upto - kept))
        same = [one == other for one, other in zip(ours, logged, strict=False)]
        if not all(same):
            return kept + same.index(False)
        kept += len(same)
    return kept


def _behind(kept: int, size: int, entries: Entries) -> Iterator[bytes]:
    """The entries behind so many, as far as their bundles are there."""
    for number in range(kept // WIDTH, -(-size // WIDTH)):
        with suppress(NotFoundError, IntegrityError):
            yield from entries(number, size)[max(kept - number * WIDTH, 0) :]
