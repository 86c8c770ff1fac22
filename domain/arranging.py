"""Decisions about the pages of records: arranged, split off, merged, moved, withdrawn.

People speak of pages as they are shown, 1 to n. `shown` is what a record shows now: the caller
knows it, since how the reader turned a page stands in the manifest of the reading.
"""

from collections.abc import Sequence

from domain.arrangement import (
    QUARTERS,
    Arrangement,
    PagesArranged,
    RecordAbsorbed,
    RecordMerged,
    RecordMoved,
    RecordSplit,
    RecordWithdrawn,
    Source,
    orders,
    place_of,
    turns,
)
from domain.errors import InvalidValueError, RuleError
from domain.record import Record, RecordField, RecordSplitOff, require_visible
from domain.values import Digest, StreamId


def shown(state: Record, turned: Sequence[int]) -> Arrangement:
    """What a record shows: as a person arranged it, else as it came and as the reader turned it.

    `turned` are the degrees by which the reader turned each page of a record as it came. Raises
    RuleError for a record whose pages nobody has counted yet.
    """
    require_visible(state)
    if state.arrangement is not None:
        return state.arrangement
    if not state.sources:
        raise RuleError("record-without-pages", record=state.id)
    if state.pages is None:
        raise RuleError("pages-unknown", record=state.id)
    return tuple(zip(range(1, state.pages + 1), turned, strict=True))


def arrange(
    state: Record, pages: Arrangement, order: Sequence[int], turned: Sequence[int]
) -> PagesArranged:
    """Decides on the order of all shown pages, and by how much each of them is turned further."""
    require_visible(state)
    if sorted(order) != list(range(1, len(pages) + 1)) or len(turned) != len(order):
        raise InvalidValueError("invalid-pages")
    if any(degrees not in QUARTERS for degrees in turned):
        raise InvalidValueError("invalid-turn")
    found = tuple(
        (pages[n - 1][0], (pages[n - 1][1] + degrees) % 360)
        for n, degrees in zip(order, turned, strict=True)
    )
    if found == pages:
        raise RuleError("nothing-to-arrange", record=state.id)
    return PagesArranged(orders(found), turns(found))


def split(
    state: Record, pages: Arrangement, taken: Sequence[int], new: StreamId
) -> tuple[RecordSplit, RecordSplitOff]:
    """Decides that some shown pages become a record of their own, in the order in which they are
    shown; it has the originals from which they come and no other."""
    require_visible(state)
    wanted = set(taken)
    if not wanted <= set(range(1, len(pages) + 1)):
        raise InvalidValueError("invalid-pages")
    goes = tuple(page for n, page in enumerate(pages, 1) if n in wanted)
    stays = tuple(page for n, page in enumerate(pages, 1) if n not in wanted)
    if not goes or not stays:
        raise RuleError("split-empty", record=state.id)
    used = sorted({place_of(state.sources, number)[0] for number, _ in goes})
    sources = tuple(state.sources[at] for at in used)
    moved = _renumbered(goes, state.sources, sources)
    location = state.metadata.get(RecordField.PAPER_LOCATION)
    return (
        RecordSplit(new, orders(stays), turns(stays)),
        RecordSplitOff(
            dossier=state.dossier,
            parent=state.id,
            originals=tuple(source.file for source in sources),
            counts=tuple(source.pages or 0 for source in sources),
            order=orders(moved),
            turned=turns(moved),
            carrier=state.carrier,
            secrecy=state.secrecy,
            paper_location=location,
        ),
    )


def merge(
    state: Record, pages: Arrangement, other: Record, others: Arrangement, *, limit: int
) -> tuple[RecordMerged, RecordAbsorbed]:
    """Decides to add another record's pages behind; at most `limit` pages in all."""
    require_visible(state)
    require_visible(other)
    if state.id == other.id:
        raise RuleError("same-record", record=state.id)
    if state.dossier != other.dossier:
        raise RuleError("other-dossier", record=other.id)
    if len(pages) + len(others) > limit:
        raise RuleError("merge-too-large", limit=limit)
    known = {source.file.sha256 for source in state.sources}
    added = tuple(source for source in other.sources if source.file.sha256 not in known)
    found = (*pages, *_renumbered(others, other.sources, (*state.sources, *added)))
    merged = RecordMerged(
        absorbed=other.id,
        originals=tuple(source.file for source in added),
        counts=tuple(source.pages or 0 for source in added),
        order=orders(found),
        turned=turns(found),
    )
    return merged, RecordAbsorbed(state.id)


def move(state: Record, dossier: StreamId, claimed: tuple[Digest, ...], reason: str) -> RecordMoved:
    """Decides that the record belongs to another dossier."""
    require_visible(state)
    if state.dossier == dossier:
        raise RuleError("same-dossier", record=state.id)
    return RecordMoved(dossier, claimed, reason)


def withdraw(state: Record, reason: str) -> RecordWithdrawn:
    """Decides that the record was scanned by mistake."""
    require_visible(state)
    return RecordWithdrawn(reason)


def _renumbered(
    pages: Arrangement, before: Sequence[Source], after: Sequence[Source]
) -> Arrangement:
    """The same pages, numbered among other originals."""
    starts: dict[Digest, int] = {}
    start = 0
    for source in after:
        starts[source.file.sha256] = start
        start += source.pages or 0
    found = []
    for number, degrees in pages:
        at, page = place_of(before, number)
        found.append((starts[before[at].file.sha256] + page, degrees))
    return tuple(found)
