"""What is still to be done, and asking for another attempt at what could not be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain import record
from domain.access import Action
from domain.events import Change
from domain.ports import Answer
from domain.services import Archive, Request, retrieval
from domain.services.deciding import Decided, carry_out, load, permit_on
from domain.values import StreamId
from domain.views import WorkItem


@dataclass(frozen=True)
class WorkSeen:
    """What is still to be done in the agencies for which the agent may know it."""

    stuck: Sequence[WorkItem]
    failed: Sequence[WorkItem]
    pending: Sequence[WorkItem]
    """Not read yet, the oldest first."""
    look: Sequence[WorkItem]
    """Warnings that a person should look at."""
    confirm: int
    """How many records wait for a person's word."""


def open_work(archive: Archive, request: Request) -> WorkSeen:
    """Everything open, the oldest first."""
    items = retrieval.work(archive, request)
    reading = [item for item in items if item.task == "read"]
    return WorkSeen(
        stuck=[item for item in reading if item.state == "stuck"],
        failed=[item for item in reading if item.state == "failed"],
        pending=[item for item in reading if item.state == "pending"],
        look=[item for item in items if item.task == "look"],
        confirm=sum(item.task == "confirm" for item in items),
    )


def ask_again(archive: Archive, request: Request, target: StreamId) -> Answer:
    """Another attempt at reading a record whose reading failed, at once and for three times."""

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        paper = loaded.record()
        holder = load(archive, paper.dossier).dossier()
        actor = permit_on(archive, request, Action.RECEIVE_SCAN, holder, paper)
        event = record.ask_again(paper)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    return carry_out(archive, request, {"do": "read-again", "record": target}, decide)
