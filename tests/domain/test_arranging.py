"""Pages arranged, split off, merged and moved: none is lost and none is doubled."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from domain import arranging, record
from domain.arrangement import (
    Arrangement,
    PagesArranged,
    RecordAbsorbed,
    RecordMoved,
    RecordSplit,
    RecordWithdrawn,
    place_of,
)
from domain.errors import InvalidValueError, RuleError
from domain.record import (
    Carrier,
    IsolationGround,
    Record,
    RecordConfirmed,
    RecordErased,
    RecordEvent,
    RecordIsolated,
    RecordRead,
    RecordRegistered,
    Representation,
    RepresentationAdded,
    RepresentationKind,
)
from domain.values import Digest, FileObject, Secrecy, StreamId, Tool
from infrastructure.journal import codec

DOSSIER, OTHER = StreamId("dossier-1"), StreamId("dossier-2")
TOOL = Tool("ocrmypdf", "17")
LIMIT = 40


def file(number: int) -> FileObject:
    digest = f"{number:064x}"
    return FileObject(
        Digest(f"sha256:{digest}"), Digest(f"sha512:{digest * 2}"), 10, "application/pdf"
    )


def name(number: int) -> StreamId:
    return StreamId(f"record-{number}")


def after(state: Record | None, stream: StreamId, *events: RecordEvent) -> Record:
    for event in events:
        stored, clear, personal = codec.encode(event)
        assert codec.decode(stored, clear, personal) == event
        state = record.evolve(state, stream, event)
    assert state is not None
    return state


def read(number: int, pages: int) -> Record:
    """A record of so many pages that was read."""
    source = file(number).sha256
    text = Representation(RepresentationKind.TEXT, file(900 + number), source, TOOL)
    return after(
        None,
        name(number),
        RecordRegistered(
            DOSSIER, Carrier.BOTH, Secrecy.ORDINARY, None, file(number), "quet.pdf", "Kho 2"
        ),
        RepresentationAdded(text),
        RecordRead(source, file(800), pages, 0, TOOL, (), None),
    )


def shown(state: Record) -> Arrangement:
    return arranging.shown(state, [0] * (state.pages or 0))


def leaves(state: Record) -> list[tuple[Digest, int]]:
    places = (place_of(state.sources, number) for number, _ in shown(state))
    return [(state.sources[at].file.sha256, page) for at, page in places]


def test_pages_are_named_as_they_are_shown() -> None:
    state = read(1, 3)
    first = arranging.arrange(state, shown(state), (3, 1, 2), (0, 90, 0))
    assert first == PagesArranged((3, 1, 2), (0, 90, 0))
    state = after(state, name(1), first)
    second = arranging.arrange(state, shown(state), (2, 1, 3), (270, 0, 0))
    assert second == PagesArranged((1, 3, 2), (0, 0, 0))


def test_what_the_reader_turned_stands_as_a_person_saw_it() -> None:
    state = read(1, 2)
    seen = arranging.shown(state, (180, 0))
    assert arranging.arrange(state, seen, (1, 2), (180, 90)) == PagesArranged((1, 2), (0, 90))


@pytest.mark.parametrize(
    ("order", "turned", "code"),
    [
        ((1, 2), (0, 0), "invalid-pages"),
        ((1, 2, 2), (0, 0, 0), "invalid-pages"),
        ((0, 1, 2), (0, 0, 0), "invalid-pages"),
        ((1, 2, 3), (0, 0), "invalid-pages"),
        ((1, 2, 3), (0, 45, 0), "invalid-turn"),
        ((1, 2, 3), (0, 360, 0), "invalid-turn"),
    ],
)
def test_a_new_order_names_every_page_once(
    order: tuple[int, ...], turned: tuple[int, ...], code: str
) -> None:
    state = read(1, 3)
    with pytest.raises(InvalidValueError, match=code):
        arranging.arrange(state, shown(state), order, turned)


def test_nothing_is_recorded_when_nothing_changes() -> None:
    state = read(1, 2)
    with pytest.raises(RuleError, match="nothing-to-arrange"):
        arranging.arrange(state, shown(state), (1, 2), (0, 0))


def test_what_was_made_of_the_former_pages_stands_no_longer() -> None:
    state = after(read(1, 2), name(1), RecordConfirmed(file(1).sha256, "none"))
    state = after(state, name(1), PagesArranged((2, 1), (0, 0)))
    assert (state.reading, state.confirmed, state.lock, state.revision) == (None, False, None, 1)
    assert state.representation(RepresentationKind.TEXT) is None
    assert [each.kind for each in state.former] == [RepresentationKind.TEXT]
    assert state.original == file(1)
    gone = after(state, name(1), RecordErased(StreamId("erasure-1")))
    assert gone.former == ()


def test_pages_that_nobody_counted_are_not_arranged() -> None:
    registered = RecordRegistered(
        DOSSIER, Carrier.PAPER, Secrecy.ORDINARY, None, None, None, "Kho 2"
    )
    with pytest.raises(RuleError, match="record-without-pages"):
        shown(after(None, name(1), registered))
    scanned = replace(registered, carrier=Carrier.ELECTRONIC, original=file(1))
    with pytest.raises(RuleError, match="pages-unknown"):
        shown(after(None, name(1), scanned))


def test_a_split_keeps_pages_on_both_sides() -> None:
    state = read(1, 3)
    for taken in ((), (1, 2, 3)):
        with pytest.raises(RuleError, match="split-empty"):
            arranging.split(state, shown(state), taken, name(2))
    with pytest.raises(InvalidValueError, match="invalid-pages"):
        arranging.split(state, shown(state), (4,), name(2))
    stays, goes = arranging.split(state, shown(state), (3, 2), name(2))
    assert stays == RecordSplit(name(2), (1,), (0,))
    assert (goes.order, goes.originals, goes.parent) == ((2, 3), (file(1),), name(1))
    assert (goes.carrier, goes.paper_location) == (Carrier.BOTH, "Kho 2")


def test_a_part_has_the_originals_of_its_pages_and_no_other() -> None:
    one, two = read(1, 2), read(2, 3)
    merged, _ = arranging.merge(one, shown(one), two, shown(two), limit=LIMIT)
    assert (merged.originals, merged.counts, merged.order) == ((file(2),), (3,), (1, 2, 3, 4, 5))
    whole = after(one, name(1), merged)
    assert whole.sources[1].file == file(2)
    _, goes = arranging.split(whole, shown(whole), (4, 5), name(3))
    assert (goes.originals, goes.counts, goes.order) == ((file(2),), (3,), (2, 3))


def test_records_of_one_dossier_are_merged() -> None:
    one, two = read(1, 2), read(2, 3)
    with pytest.raises(RuleError, match="same-record"):
        arranging.merge(one, shown(one), one, shown(one), limit=LIMIT)
    elsewhere = after(two, name(2), RecordMoved(OTHER, (file(2).sha256,), "x"))
    with pytest.raises(RuleError, match="other-dossier"):
        arranging.merge(one, shown(one), elsewhere, shown(elsewhere), limit=LIMIT)
    with pytest.raises(RuleError, match="merge-too-large"):
        arranging.merge(one, shown(one), two, shown(two), limit=4)


@pytest.mark.parametrize(
    ("end", "code"),
    [
        (RecordIsolated(IsolationGround.SECRET, "x"), "record-isolated"),
        (RecordErased(StreamId("erasure-1")), "record-erased"),
        (RecordAbsorbed(name(9)), "record-absorbed"),
        (RecordWithdrawn("x"), "record-withdrawn"),
    ],
)
def test_what_is_out_of_sight_is_not_arranged(end: RecordEvent, code: str) -> None:
    state, other = read(1, 2), read(2, 2)
    pages = shown(state)
    state = after(state, name(1), end)
    for change in (
        lambda: arranging.shown(state, (0, 0)),
        lambda: arranging.arrange(state, pages, (2, 1), (0, 0)),
        lambda: arranging.split(state, pages, (1,), name(3)),
        lambda: arranging.merge(state, pages, other, pages, limit=LIMIT),
        lambda: arranging.merge(other, pages, state, pages, limit=LIMIT),
        lambda: arranging.move(state, OTHER, (), "x"),
        lambda: arranging.withdraw(state, "x"),
        lambda: record.confirm(state, "none"),
        lambda: record.isolate(state, IsolationGround.OTHER, "x"),
    ):
        with pytest.raises(RuleError, match=code):
            change()


def test_a_persons_word_stays_when_a_record_moves() -> None:
    state = after(read(1, 2), name(1), RecordConfirmed(file(1).sha256, "none"))
    with pytest.raises(RuleError, match="same-dossier"):
        arranging.move(state, DOSSIER, (), "x")
    moved = after(state, name(1), arranging.move(state, OTHER, (file(1).sha256,), "x"))
    assert (moved.dossier, moved.confirmed) == (OTHER, True)


def test_an_arrangement_of_three_thousand_pages_is_one_event() -> None:
    order = tuple(range(90_000, 93_000))
    _, clear, _ = codec.encode(PagesArranged(order, (270,) * len(order)))
    assert len(repr(clear)) * 4 / 3 < 60_000, "an envelope holds 65,535 bytes"


class Desk(RuleBasedStateMachine):
    """Records of one dossier, arranged in every way; facts are kept as they would be stored."""

    def __init__(self) -> None:
        super().__init__()
        self.papers = {name(n): read(n, n) for n in (1, 2, 3)}
        self.before = sorted(leaf for paper in self.papers.values() for leaf in leaves(paper))
        self.next = 4

    def living(self) -> list[Record]:
        return [one for one in self.papers.values() if one.absorbed_into is None]

    def some(self, choice: int) -> Record:
        living = self.living()
        return living[choice % len(living)]

    @rule(choice=st.integers(0, 9), data=st.data())
    def arrange(self, choice: int, data: st.DataObject) -> None:
        paper = self.some(choice)
        pages = shown(paper)
        order = data.draw(st.permutations(range(1, len(pages) + 1)))
        turned = data.draw(
            st.lists(st.sampled_from((0, 90, 180, 270)), min_size=len(pages), max_size=len(pages))
        )
        try:
            event = arranging.arrange(paper, pages, order, turned)
        except RuleError:
            assert list(order) == sorted(order)
            assert not any(turned)
            return
        self.papers[paper.id] = after(paper, paper.id, event)
        assert leaves(self.papers[paper.id]) == [leaves(paper)[n - 1] for n in order]

    @rule(choice=st.integers(0, 9), taken=st.sets(st.integers(1, 8)))
    def split(self, choice: int, taken: set[int]) -> None:
        paper = self.some(choice)
        new = name(self.next)
        try:
            stays, goes = arranging.split(paper, shown(paper), sorted(taken), new)
        except (RuleError, InvalidValueError):
            return
        self.next += 1
        self.papers[paper.id] = after(paper, paper.id, stays)
        self.papers[new] = after(None, new, goes)
        assert leaves(self.papers[new]) == [leaves(paper)[n - 1] for n in sorted(taken)]

    @rule(choice=st.integers(0, 9), other=st.integers(0, 9))
    def merge(self, choice: int, other: int) -> None:
        paper, joining = self.some(choice), self.some(other)
        try:
            merged, absorbed = arranging.merge(
                paper, shown(paper), joining, shown(joining), limit=LIMIT
            )
        except RuleError:
            assert paper.id == joining.id
            return
        self.papers[paper.id] = after(paper, paper.id, merged)
        self.papers[joining.id] = after(joining, joining.id, absorbed)
        assert leaves(self.papers[paper.id]) == leaves(paper) + leaves(joining)

    @invariant()
    def no_page_is_lost_or_doubled(self) -> None:
        assert sorted(leaf for paper in self.living() for leaf in leaves(paper)) == self.before

    @invariant()
    def every_part_knows_its_kin(self) -> None:
        for paper in self.papers.values():
            for other in paper.kin:
                assert paper.id in self.papers[other].kin


TestDesk = Desk.TestCase
TestDesk.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
