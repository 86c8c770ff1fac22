"""Records that share originals since pages were split off or merged, and what that hides.

What one of them must not show, another one's original would; so the bytes of an original are
handed out only to who may see every record that has a part in them.
"""

from domain.access import Action
from domain.errors import NotPermittedError, RuleError
from domain.record import Record
from domain.services import Archive, Request
from domain.services.deciding import load, permit, resource_of
from domain.values import Digest, StreamId


def standing(archive: Archive, paper: Record) -> Record:
    """The record that holds the pages now: the record itself unless it was absorbed."""
    while paper.absorbed_into is not None:
        paper = load(archive, paper.absorbed_into).record()
    return paper


def kin_of(archive: Archive, paper: Record) -> tuple[Record, ...]:
    """Every record that is linked with this one by splits and merges, without itself."""
    found: dict[StreamId, Record] = {paper.id: paper}
    waiting = set(paper.kin)
    while waiting:
        name = waiting.pop()
        found[name] = load(archive, name).record()
        waiting |= found[name].kin - found.keys()
    return tuple(each for each in found.values() if each.id != paper.id)


def require_unshared(archive: Archive, request: Request, paper: Record, sha256: Digest) -> None:
    """Raises RuleError("original-shared") when a page in these bytes belongs to a record that
    the agent may not see or that was taken out of sight."""
    for other in kin_of(archive, paper):
        shares = any(source.file.sha256 == sha256 for source in other.sources)
        if shares and not is_seen(archive, request, other):
            raise RuleError("original-shared", record=paper.id)


def is_past_seen(archive: Archive, request: Request, paper: Record) -> bool:
    """True when the agent may see what the record showed before its pages were arranged anew:
    pages may have left it that belong to a record out of sight."""
    return all(is_seen(archive, request, other) for other in kin_of(archive, paper))


def is_seen(archive: Archive, request: Request, paper: Record) -> bool:
    """True when the agent may see the record that holds the pages now, and nothing hides it."""
    holder = standing(archive, paper)
    if holder.withdrawn or holder.isolated is not None or holder.erased_by is not None:
        return False
    place = load(archive, holder.dossier).dossier()
    try:
        permit(archive, request, Action.READ, resource_of(place, holder))
    except NotPermittedError:
        return False
    return True
