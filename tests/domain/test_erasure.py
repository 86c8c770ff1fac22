"""An erasure takes two people, and is decided once."""

import pytest

from domain import erasure
from domain.erasure import (
    CaseState,
    ErasureAnsweredByRestriction,
    ErasureApproved,
    ErasureCase,
    ErasureCompleted,
    ErasureEvent,
    ErasureRefused,
    ErasureRequested,
)
from domain.errors import RuleError
from domain.values import Digest, FileObject, StreamId

CASE, FIRST, SECOND = StreamId("erasure-1"), StreamId("agent-1"), StreamId("agent-2")
REQUESTED = ErasureRequested(StreamId("dossier-1"), FIRST, "đề nghị xoá")
MANIFEST = FileObject(
    Digest("sha256:" + "1" * 64), Digest("sha512:" + "2" * 128), 10, "application/json"
)


def given(*events: ErasureEvent) -> ErasureCase:
    state: ErasureCase | None = None
    for event in (REQUESTED, *events):
        state = erasure.evolve(state, CASE, event)
    assert state is not None
    return state


def test_whoever_requested_may_not_approve() -> None:
    with pytest.raises(RuleError, match="second-person-required"):
        erasure.approve(given(), FIRST, 2, MANIFEST, "QĐ 12")
    event = erasure.approve(given(), SECOND, 2, MANIFEST, "QĐ 12")
    state = given(event, ErasureCompleted(3, 1))
    assert (state.state, state.decision, state.manifest) == (CaseState.APPROVED, "QĐ 12", MANIFEST)
    assert state.completed
    assert not given(event).completed


@pytest.mark.parametrize(
    ("decided", "state"),
    [
        (ErasureRefused("Điều 9"), CaseState.REFUSED),
        (ErasureAnsweredByRestriction("Điều 10"), CaseState.RESTRICTED),
        (ErasureApproved(1, MANIFEST, "QĐ 12"), CaseState.APPROVED),
    ],
)
def test_a_case_is_decided_once(decided: ErasureEvent, state: CaseState) -> None:
    assert given(decided).state is state
    with pytest.raises(RuleError, match="erasure-decided"):
        erasure.approve(given(decided), SECOND, 2, MANIFEST, "QĐ 13")
    with pytest.raises(RuleError, match="erasure-decided"):
        erasure.require_pending(given(decided))
