"""Page operations on records, each an event over untouched bytes.

Pages are named as they are shown, 1 to n. What was made of the former pages stands no longer:
the worker makes PDF/A, text, words and thumbnails anew, and a person compares anew.
"""

from collections.abc import Sequence
from datetime import datetime

from domain import arranging, dossier, hold
from domain.access import Action
from domain.agents import Actor
from domain.arrangement import Arrangement
from domain.errors import ClaimTakenError, InvalidValueError, RuleError
from domain.events import Change, content_claim
from domain.ports import Answer
from domain.record import Record
from domain.services import Archive, Request
from domain.services.deciding import Decided, Loaded, carry_out, load, new_stream, permit_on
from domain.services.kinship import kin_of, standing
from domain.services.retrieval import forget_pictures, manifest_of
from domain.text import nfc
from domain.values import Digest, Kind, StreamId


def arrange(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    order: Sequence[int],
    turned: Sequence[int],
) -> Answer:
    """All shown pages in another order, each turned further by its degrees clockwise."""

    def decide(at: datetime) -> Decided:
        loaded, paper, _, actor = _opened(archive, request, target)
        event = arranging.arrange(paper, shown_of(archive, paper), order, turned)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    asked = {"do": "arrange", "record": target, "order": list(order), "turned": list(turned)}
    return carry_out(archive, request, asked, decide)


def turn(
    archive: Archive, request: Request, target: StreamId, *, page: int, degrees: int
) -> Answer:
    """One page turned further, clockwise by 90, 180 or 270 degrees."""

    def decide(at: datetime) -> Decided:
        loaded, paper, _, actor = _opened(archive, request, target)
        pages = shown_of(archive, paper)
        if not 1 <= page <= len(pages):
            raise InvalidValueError("invalid-pages")
        order = range(1, len(pages) + 1)
        turned = [degrees if n == page else 0 for n in order]
        event = arranging.arrange(paper, pages, order, turned)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    asked = {"do": "turn", "record": target, "page": page, "degrees": degrees}
    return carry_out(archive, request, asked, decide)


def split(archive: Archive, request: Request, target: StreamId, *, pages: Sequence[int]) -> Answer:
    """Some pages become a record of their own in the same dossier. Result: `record`."""
    taken = sorted(set(pages))

    def decide(at: datetime) -> Decided:
        loaded, paper, holder, actor = _opened(archive, request, target)
        new = new_stream(archive, Kind.RECORD)
        stays, goes = arranging.split(paper, shown_of(archive, paper), taken, new)
        changes = (
            Change(target, loaded.version, (stays,)),
            Change(new, 0, (goes,)),
            Change(paper.dossier, holder.version, (dossier.add_record(holder.dossier(), new),)),
        )
        return Decided(actor, changes, {"record": new})

    return carry_out(archive, request, {"do": "split", "record": target, "pages": taken}, decide)


def merge(archive: Archive, request: Request, target: StreamId, *, other: StreamId) -> Answer:
    """Another record's pages come behind these; the other one is a pointer from then on.
    Result: `record`."""

    def decide(at: datetime) -> Decided:
        loaded, paper, holder, actor = _opened(archive, request, target)
        others = load(archive, other)
        joining = others.record()
        permit_on(
            archive, request, Action.ARRANGE, load(archive, joining.dossier).dossier(), joining
        )
        dossier.require_open(holder.dossier())
        merged, absorbed = arranging.merge(
            paper,
            shown_of(archive, paper),
            joining,
            shown_of(archive, joining),
            limit=archive.limits.pages,
        )
        changes = (
            Change(target, loaded.version, (merged,)),
            Change(other, others.version, (absorbed,)),
        )
        return Decided(actor, changes, {"record": target})

    return carry_out(archive, request, {"do": "merge", "record": target, "other": other}, decide)


def move(
    archive: Archive, request: Request, target: StreamId, *, dossier_id: StreamId, reason: str
) -> Answer:
    """The record belongs to another open dossier; a person's word on it stays. Result: `record`."""
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded, paper, holder, actor = _opened(archive, request, target)
        there = load(archive, dossier_id)
        here, new = holder.dossier(), there.dossier()
        permit_on(archive, request, Action.ARRANGE, new)
        if here.restricted_by is not None and new.restricted_by is None:
            raise RuleError("dossier-restricted", dossier=here.code)
        hold.require_free(here.code, held=here.held)
        event = arranging.move(paper, dossier_id, _claimed(archive, paper, dossier_id), why)
        removed = dossier.remove_record(here, target)
        changes = (
            Change(target, loaded.version, (event,)),
            Change(paper.dossier, holder.version, (removed,)),
            Change(dossier_id, there.version, (dossier.add_record(new, target),)),
        )
        return Decided(actor, changes, {"record": target})

    asked = {"do": "move", "record": target, "dossier": dossier_id, "why": why}
    return carry_out(archive, request, asked, decide)


def withdraw(archive: Archive, request: Request, target: StreamId, *, reason: str) -> Answer:
    """The record was scanned by mistake: out of lists and search, kept in the history."""
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded, paper, holder, actor = _opened(archive, request, target)
        dossier.require_open(holder.dossier())
        event = arranging.withdraw(paper, why)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    asked = {"do": "withdraw", "record": target, "why": why}
    answer = carry_out(archive, request, asked, decide)
    forget_pictures(archive, target)
    return answer


def shown_of(archive: Archive, paper: Record) -> Arrangement:
    """What a record shows, turned as the reader turned a record that is as it came."""
    as_it_came = paper.arrangement is None and paper.reading is not None
    pages = manifest_of(archive, paper)["pages"] if as_it_came else ()
    turned = [int(page["turned"]) for page in pages]
    return arranging.shown(paper, turned or [0] * (paper.pages or 0))


def _opened(
    archive: Archive, request: Request, target: StreamId
) -> tuple[Loaded, Record, Loaded, Actor]:
    """A record with its dossier, and the agent in the role that may arrange there."""
    loaded = load(archive, target)
    paper = loaded.record()
    holder = load(archive, paper.dossier)
    actor = permit_on(archive, request, Action.ARRANGE, holder.dossier(), paper)
    return loaded, paper, holder, actor


def _claimed(archive: Archive, paper: Record, dossier_id: StreamId) -> tuple[Digest, ...]:
    """The originals that nobody brought into the dossier before. The same bytes may lie there as
    kin of the record, never as a record of their own: ClaimTakenError."""
    known = {paper.id, *(each.id for each in kin_of(archive, paper))}
    free = []
    for source in paper.sources:
        held = archive.journal.holder(content_claim(dossier_id, source.file.sha256))
        if held is None or held == paper.id:
            free.append(source.file.sha256)
        elif held not in known:
            there = standing(archive, load(archive, held).record())
            if there.dossier == dossier_id:
                raise ClaimTakenError("content-taken", holder=held)
    return tuple(free)
