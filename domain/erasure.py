"""Erasing personal data of a dossier: a procedure of its own, with a stream of its own.

Archive law mostly refuses erasure, so a request is recorded and then refused with its ground,
answered by restricting access, or approved by a second person. The decisions' texts stand under
the case's own key: they remain readable when the dossier's personal data is gone. The request's
text, which names the person, stands under the dossier's key and goes with it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from domain.errors import RuleError
from domain.values import FileObject, PersonalText, StreamId


class CaseState(StrEnum):
    """How far the case is."""

    REQUESTED = "requested"
    REFUSED = "refused"
    RESTRICTED = "restricted"
    APPROVED = "approved"


@dataclass(frozen=True)
class ErasureRequested:
    """Somebody asked for it; nothing is changed yet."""

    dossier: StreamId
    requested_by: StreamId
    request: PersonalText


@dataclass(frozen=True)
class ErasureRefused:
    """The law forbids it; the ground is named."""

    decision: PersonalText


@dataclass(frozen=True)
class ErasureAnsweredByRestriction:
    """The data stays, fewer people see it."""

    decision: PersonalText


@dataclass(frozen=True)
class ErasureApproved:
    """A second person approved; the dossier's and its records' personal data goes."""

    records: int
    manifest: FileObject
    """JSON: {"dossier", "records": [id], "destroyed": [sha256], "shared": [sha256], "remains":
    [{"what", "why", "until"}]}."""
    decision: PersonalText


@dataclass(frozen=True)
class ErasureCompleted:
    """Every derivative that names the data is gone from the stores; `shared` bytes stayed."""

    destroyed: int
    shared: int


ErasureEvent = (
    ErasureRequested
    | ErasureRefused
    | ErasureAnsweredByRestriction
    | ErasureApproved
    | ErasureCompleted
)


@dataclass(frozen=True)
class ErasureCase:
    """A case as it stands."""

    id: StreamId
    dossier: StreamId
    requested_by: StreamId
    state: CaseState
    decision: PersonalText | None = None
    manifest: FileObject | None = None
    completed: bool = False


def evolve(state: ErasureCase | None, stream: StreamId, event: ErasureEvent) -> ErasureCase:
    """The case after the event."""
    if isinstance(event, ErasureRequested):
        return ErasureCase(stream, event.dossier, event.requested_by, CaseState.REQUESTED)
    assert state is not None
    match event:
        case ErasureRefused():
            return replace(state, state=CaseState.REFUSED, decision=event.decision)
        case ErasureAnsweredByRestriction():
            return replace(state, state=CaseState.RESTRICTED, decision=event.decision)
        case ErasureApproved():
            return replace(
                state,
                state=CaseState.APPROVED,
                decision=event.decision,
                manifest=event.manifest,
            )
        case ErasureCompleted():
            return replace(state, completed=True)
        case _:
            assert_never(event)


def require_pending(state: ErasureCase) -> None:
    """Raises RuleError when the case was decided already."""
    if state.state is not CaseState.REQUESTED:
        raise RuleError("erasure-decided", state=state.state.value)


def approve(
    state: ErasureCase, agent: StreamId, records: int, manifest: FileObject, decision: str
) -> ErasureApproved:
    """Decides to erase; whoever requested may not approve."""
    require_pending(state)
    if agent == state.requested_by:
        raise RuleError("second-person-required")
    return ErasureApproved(records, manifest, decision)
