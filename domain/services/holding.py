"""Legal holds on dossiers: while one stands, nothing of the dossier is destroyed or erased."""

from contextlib import suppress
from datetime import datetime

from domain import dossier, hold
from domain.access import Action
from domain.errors import IntegrityError, NotFoundError, RuleError
from domain.events import Change
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.deciding import Decided, carry_out, load, permit_on
from domain.services.keeping import originals, release_unless_held
from domain.text import nfc
from domain.values import StreamId


def place_hold(archive: Archive, request: Request, target: StreamId, *, reason: str) -> Answer:
    """Holds a dossier: (1) its originals in the store, (2) the fact.

    A paper that comes later is held when it is confirmed, at the latest by the nightly pass, which
    also releases what a crash after (1) left held.
    """
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.dossier()
        actor = permit_on(archive, request, Action.HOLD, state)
        if state.erased_by is not None:
            raise RuleError("dossier-erased", dossier=state.code)
        event = hold.place(state.code, why, held=state.held)
        for each in state.records:  # (1)
            paper = load(archive, each).record()
            for source in originals(paper) if paper.isolated is None else ():
                # One damaged original must not keep the hold from the others; `verify` names it.
                with suppress(IntegrityError, NotFoundError):
                    archive.objects.hold(source)
        return Decided(actor, (Change(target, loaded.version, (event,)),))  # (2)

    asked = {"do": "hold-place", "dossier": target, "why": why}
    return carry_out(archive, request, asked, decide)


def lift_hold(archive: Archive, request: Request, target: StreamId, *, reason: str) -> Answer:
    """Ends a hold: (1) the fact, (2) the originals in the store, unless another hold needs them.

    After a crash before (2) the nightly pass releases them.
    """
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.dossier()
        actor = permit_on(archive, request, Action.HOLD, state)
        event = hold.lift(state.code, why, held=state.held)
        return Decided(actor, (Change(target, loaded.version, (event,)),))  # (1)

    asked = {"do": "hold-lift", "dossier": target, "why": why}
    answer = carry_out(archive, request, asked, decide)
    archive.views.catch_up()
    for each in load(archive, target).dossier().records:  # (2)
        for source in originals(load(archive, each).record()):
            release_unless_held(archive, source)
    return answer
