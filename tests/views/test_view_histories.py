"""Whatever happens in an archive: followed step by step, rebuilt and replayed views are equal."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from domain import dossier as dossiers
from domain import record as records
from domain.dossier import DossierField
from domain.errors import RuleError
from domain.events import Event
from domain.record import RecordField
from domain.values import StreamId
from tests.views.world import World, rows_of

TEXTS = st.sampled_from(["Đơn xin cấp đổi", "Tờ khai", "Biên bản", "Người Ẩn Danh"])


class ArchiveLife(RuleBasedStateMachine):
    dossier_ids = Bundle("dossier_ids")
    record_ids = Bundle("record_ids")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.world = World(Path(self.folder.name))

    def teardown(self) -> None:
        try:
            self.check()
        finally:
            self.world.close()
            self.folder.cleanup()

    def check(self) -> None:
        world = self.world
        end = world.views.catch_up()
        assert end == world.journal.position() == world.index.position()
        followed, pages = rows_of(world.path), dict(world.index.held)
        assert list(world.views.inspect()) == []
        for name in world.views.names():
            assert world.views.rebuild(name).events == end
        assert rows_of(world.path) == followed
        assert world.index.held == pages

    @initialize()
    def found(self) -> None:
        self.offices = [self.world.agency("H33.01"), self.world.agency("H33.02")]
        self.count = 0

    @rule()
    def follow(self) -> None:
        self.world.views.catch_up()

    @rule(target=dossier_ids, title=TEXTS)
    def open_dossier(self, title: str) -> StreamId:
        self.count += 1
        code = f"H33.01-260302-{self.count:04}"
        return self.world.open_dossier(code, self.offices[0], self.offices[self.count % 2], title)

    @rule(target=record_ids, holder=dossier_ids, elsewhere=st.booleans())
    def scan(self, holder: StreamId, elsewhere: bool) -> object:
        self.count += 1
        try:
            return self.world.scan(holder, b"%d" % self.count, seen_elsewhere=elsewhere)
        except RuleError:
            return multiple()

    @rule(target=record_ids, holder=dossier_ids)
    def add_paper(self, holder: StreamId) -> object:
        try:
            return self.world.paper(holder)
        except RuleError:
            return multiple()

    @rule(stream=record_ids, texts=st.lists(TEXTS, min_size=1, max_size=3), unread=st.booleans())
    def read(self, stream: StreamId, texts: list[str], unread: bool) -> None:
        """The worker may also end its reading after an isolation; never after an erasure."""
        state = self.world.record(stream)
        if state.original is not None and state.erased_by is None:
            self.world.read(stream, texts, unread=int(unread), warnings=("low-resolution",))

    @rule(stream=record_ids, attempt=st.integers(1, 3))
    def fail(self, stream: StreamId, attempt: int) -> None:
        state = self.world.record(stream)
        if state.original is not None and state.erased_by is None:
            self.world.fail(stream, attempt, final=attempt == 3)

    @rule(stream=record_ids, subject=TEXTS)
    def propose(self, stream: StreamId, subject: str) -> None:
        said = records.propose(
            self.world.record(stream),
            {RecordField.NUMBER: "390", RecordField.NOTATION: "BC", RecordField.SUBJECT: subject},
        )
        if said is not None and self.world.record(stream).erased_by is None:
            self.world.on(stream, said)

    @rule(
        stream=record_ids,
        name=st.sampled_from([RecordField.SUBJECT, RecordField.NUMBER, RecordField.ORGAN]),
        value=st.none() | TEXTS,
    )
    def correct(self, stream: StreamId, name: RecordField, value: str | None) -> None:
        self._decide(stream, lambda: records.correct(self.world.record(stream), name, value, "sai"))

    @rule(stream=record_ids)
    def confirm(self, stream: StreamId) -> None:
        self._decide(stream, lambda: records.confirm(self.world.record(stream), "none"))

    @rule(stream=record_ids)
    def isolate(self, stream: StreamId) -> None:
        ground = records.IsolationGround.STRANGER
        self._decide(stream, lambda: records.isolate(self.world.record(stream), ground, "nhầm"))

    @rule(holder=dossier_ids, title=TEXTS)
    def retitle(self, holder: StreamId, title: str) -> None:
        state = self.world.dossier(holder)
        self._decide(holder, lambda: dossiers.correct(state, DossierField.TITLE, title, "sai"))

    @rule(holder=dossier_ids)
    def close(self, holder: StreamId) -> None:
        manifest = self.world.put(b"{}", "application/json")
        state, today = self.world.dossier(holder), self.world.clock.now().date()
        self._decide(holder, lambda: dossiers.close(state, today, manifest))

    @rule(holder=dossier_ids)
    def restrict(self, holder: StreamId) -> None:
        self.world.restrict(holder)

    @rule(holder=consumes(dossier_ids))
    def erase(self, holder: StreamId) -> None:
        self.world.erase(holder)

    @precondition(lambda self: self.count > 0)
    @invariant()
    def the_views_never_pass_the_journal(self) -> None:
        assert self.world.index.position() <= self.world.journal.position()

    def _decide(self, stream: StreamId, decide: Callable[[], Event]) -> None:
        try:
            event = decide()
        except RuleError:
            return
        self.world.on(stream, event)


TestArchiveLife = ArchiveLife.TestCase
TestArchiveLife.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
