"""Any decisions in any order: stored history always loads, and what ended stays ended."""

from datetime import date
from typing import TypeVar, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import dossier, erasure, record
from domain.dossier import Dossier, DossierErased, DossierEvent, DossierField
from domain.erasure import ErasureCase, ErasureEvent, ErasureRefused, ErasureRequested
from domain.errors import RuleError
from domain.events import Event
from domain.record import (
    IsolationGround,
    ReadingFailed,
    Record,
    RecordErased,
    RecordEvent,
    RecordField,
    RecordRead,
)
from domain.values import ERASED, Digest, FileObject, Secrecy, StreamId, Tool
from infrastructure.journal import codec
from tests.domain.test_dossier import MANIFEST, OPENED

DOSSIER, CASE = StreamId("dossier-1"), StreamId("erasure-1")
PEOPLE = (StreamId("agent-1"), StreamId("agent-2"))
TOOL = Tool("ocrmypdf", "17.13.0")
WORDS = st.sampled_from(["390", "BC-UBND", "2026-03-02", "Hồ sơ", "0912345678"])
MAYBE = st.none() | WORDS
E = TypeVar("E", bound=Event)


class Archive(RuleBasedStateMachine):
    """One dossier with its records and one erasure case; facts are kept as they would be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.dossier_facts: list[DossierEvent] = [OPENED]
        self.record_facts: dict[StreamId, list[RecordEvent]] = {}
        self.case_facts: list[ErasureEvent] = []

    # ------------------------------------------------------------ states

    def dossier(self) -> Dossier:
        state: Dossier | None = None
        for event in self.dossier_facts:
            state = dossier.evolve(state, DOSSIER, _stored(event))
        assert state is not None
        return state

    def record(self, name: StreamId) -> Record:
        state: Record | None = None
        for event in self.record_facts[name]:
            state = record.evolve(state, name, _stored(event))
        assert state is not None
        return state

    def case(self) -> ErasureCase | None:
        state: ErasureCase | None = None
        for event in self.case_facts:
            state = erasure.evolve(state, CASE, _stored(event))
        return state

    def some(self, choice: int) -> StreamId | None:
        names = list(self.record_facts)
        return names[choice % len(names)] if names else None

    # ------------------------------------------------------------ decisions

    @rule(on_paper=st.booleans(), secrecy=st.sampled_from(Secrecy))
    def add(self, on_paper: bool, secrecy: Secrecy) -> None:
        name = StreamId(f"record-{len(self.record_facts) + 1}")
        ended = self.dossier().closed_on is not None or self.dossier().erased_by is not None
        try:
            registered = record.register(
                dossier=DOSSIER,
                secrecy=secrecy,
                carrier=record.Carrier.PAPER if on_paper else record.Carrier.ELECTRONIC,
                batch=None,
                original=None if on_paper else _file(len(self.record_facts)),
                received_name="quet.pdf",
                paper_location="Kho 2" if on_paper else None,
            )
            added = dossier.add_record(self.dossier(), name)
        except RuleError:
            assert ended or secrecy is not Secrecy.ORDINARY
            return
        assert not ended
        self.record_facts[name] = [registered]
        self.dossier_facts.append(added)

    @rule(choice=st.integers(0, 9), failed=st.booleans())
    def read(self, choice: int, failed: bool) -> None:
        name = self.some(choice)
        if name is None or (original := self.record(name).original) is None:
            return
        source = original.sha256
        self.record_facts[name].append(
            ReadingFailed(source, "reader-timeout", 1, TOOL, final=True)
            if failed
            else RecordRead(source, MANIFEST, 1, 0, TOOL, (), None)
        )

    @rule(choice=st.integers(0, 9), values=st.dictionaries(st.sampled_from(RecordField), WORDS))
    def propose(self, choice: int, values: dict[RecordField, str]) -> None:
        name = self.some(choice)
        if name is None:
            return
        event = record.propose(self.record(name), values)
        if event is not None:
            before = self.record(name)
            self.record_facts[name].append(event)
            for said in before.corrected:
                assert self.record(name).metadata.get(said) == before.metadata.get(said)

    @rule(choice=st.integers(0, 9), what=st.sampled_from(RecordField), value=MAYBE)
    def correct_record(self, choice: int, what: RecordField, value: str | None) -> None:
        name = self.some(choice)
        if name is None:
            return
        try:
            event = record.correct(self.record(name), what, value, "x")
        except RuleError:
            return
        self.record_facts[name].append(event)
        assert self.record(name).metadata.get(what) == value

    @rule(choice=st.integers(0, 9), hide=st.booleans())
    def confirm_or_isolate(self, choice: int, hide: bool) -> None:
        name = self.some(choice)
        if name is None:
            return
        try:
            event = (
                record.isolate(self.record(name), IsolationGround.SECRET, "x")
                if hide
                else record.confirm(self.record(name), "none")
            )
        except RuleError:
            return
        self.record_facts[name].append(event)

    @rule(what=st.sampled_from(DossierField), value=MAYBE)
    def correct_dossier(self, what: DossierField, value: str | None) -> None:
        try:
            event = dossier.correct(self.dossier(), what, value, "x")
        except RuleError:
            return
        self.dossier_facts.append(event)
        assert getattr(self.dossier(), what.value) == value

    @rule()
    def close(self) -> None:
        try:
            self.dossier_facts.append(dossier.close(self.dossier(), date(2026, 4, 1), MANIFEST))
        except RuleError:
            return

    @rule(person=st.sampled_from(PEOPLE))
    def request_erasure(self, person: StreamId) -> None:
        if not self.case_facts:
            self.case_facts.append(ErasureRequested(DOSSIER, person, "x"))

    @rule(person=st.sampled_from(PEOPLE), approve=st.booleans())
    def decide_erasure(self, person: StreamId, approve: bool) -> None:
        case = self.case()
        if case is None:
            return
        try:
            if not approve:
                erasure.require_pending(case)
                self.case_facts.append(ErasureRefused("x"))
                return
            event = erasure.approve(case, person, len(self.record_facts), MANIFEST, "x")
        except RuleError:
            return
        assert person != case.requested_by
        self.case_facts.append(event)
        self.dossier_facts.append(DossierErased(CASE))
        for facts in self.record_facts.values():
            facts.append(RecordErased(CASE))

    # ------------------------------------------------------------ what always holds

    @invariant()
    def the_dossier_agrees_with_its_records(self) -> None:
        state = self.dossier()
        assert state.records == tuple(self.record_facts)
        for name in state.records:
            self.record(name)

    @invariant()
    def what_ended_stays_ended(self) -> None:
        for at, event in enumerate(self.dossier_facts):
            if isinstance(event, dossier.DossierClosed):
                later = self.dossier_facts[at + 1 :]
                assert not any(
                    isinstance(one, dossier.DossierClosed | dossier.DossierRecordAdded)
                    for one in later
                )
        assert sum(isinstance(one, erasure.ErasureApproved) for one in self.case_facts) <= 1

    @invariant()
    def nothing_personal_comes_back_after_an_erasure(self) -> None:
        state = self.dossier()
        if state.erased_by is None:
            return
        assert state.title == state.phone == state.applicant == ERASED
        for name in state.records:
            one = self.record(name)
            assert (one.received_name, dict(one.metadata)) == (ERASED, {})


def _file(number: int) -> FileObject:
    digest = f"{number:064x}"
    return FileObject(
        Digest(f"sha256:{digest}"), Digest(f"sha512:{digest * 2}"), 10, "application/pdf"
    )


def _stored(event: E) -> E:
    """The event as it comes back from the journal."""
    name, clear, personal = codec.encode(event)
    back = codec.decode(name, clear, personal)
    assert back == event
    return cast(E, back)


TestArchive = Archive.TestCase
TestArchive.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
