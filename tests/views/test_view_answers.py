"""What the catalogue, the work list and the history answer."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from domain.searching import SearchScope
from domain.values import Digest, Kind, StreamId
from domain.views import DossierFilter, DossierRow, WorkItem
from tests.views.world import SteppingClock, World


def scope(*agencies: StreamId, restricted: bool = False) -> SearchScope:
    return SearchScope(frozenset(agencies), restricted)


def work(world: World, stream: StreamId) -> set[tuple[str, str, str | None, int]]:
    world.views.catch_up()
    items: list[WorkItem] = list(world.views.work.items())
    return {(i.task, i.state, i.reason, i.attempts) for i in items if i.record == stream}


def test_a_scope_shows_the_dossiers_of_its_agencies_alone(world: World) -> None:
    tax, land, police = world.agency("H33.01"), world.agency("H33.02"), world.agency("H33.03")
    first = world.open_dossier("H33.01-260302-0001", tax)
    both = world.open_dossier("H33.01-260302-0002", tax, land)
    hidden = world.open_dossier("H33.02-260302-0001", land)
    world.restrict(hidden)
    world.views.catch_up()

    def listed(within: SearchScope) -> Sequence[DossierRow]:
        return world.views.catalogue.browse(within, DossierFilter())

    assert [row.id for row in listed(scope(tax))] == [both, first]
    assert [row.id for row in listed(scope(land))] == [both]
    assert [row.id for row in listed(scope(land, restricted=True))] == [hidden, both]
    assert not listed(scope(police, restricted=True))
    assert not listed(scope(restricted=True))


def test_records_stand_in_their_order_with_what_is_known_of_them(world: World) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    read, isolated = world.scan(holder, b"one"), world.scan(holder, b"two")
    on_paper = world.paper(holder)
    world.read(read, ["a", "b", "c"])
    world.describe(read, number="390", notation="BC-UBND", subject="Báo cáo")
    world.isolate(isolated)
    world.views.catch_up()

    rows = world.views.catalogue.records(holder)

    assert [(row.id, row.ordinal) for row in rows] == [(read, 1), (on_paper, 3)]
    assert (rows[0].code, rows[0].subject, rows[0].pages) == ("390/BC-UBND", "Báo cáo", 3)
    assert (rows[1].original, rows[1].pages, rows[1].code) == (None, None, None)
    (dossier,) = world.views.catalogue.browse(
        scope(world.dossier(holder).receiving), DossierFilter()
    )
    assert (dossier.records, dossier.unconfirmed) == (2, 2)


def test_agents_are_found_by_their_exact_name_in_any_normal_form(world: World) -> None:
    agent = world.agent("Tổ Hòa")
    world.agent("Tổ Hoa")
    world.views.catch_up()

    assert world.views.catalogue.agents_named("To\u0302\u0309 Ho\u0300a") == [agent]


def test_bytes_are_elsewhere_only_in_another_dossier(world: World) -> None:
    office = world.agency()
    first, second = (world.open_dossier(f"H33.05-260302-000{n}", office) for n in (1, 2))
    stream = world.scan(first, b"the same")
    world.views.catch_up()
    original = world.record(stream).original
    assert original is not None

    assert world.views.catalogue.is_elsewhere(original.sha256, second)
    assert not world.views.catalogue.is_elsewhere(original.sha256, first)


def test_a_record_refers_to_its_representations_and_to_what_its_manifests_name(
    world: World,
) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    stream = world.scan(holder, b"one")
    world.read(stream)
    picture = world.put("jpeg Trang một|Trang hai".encode(), "image/jpeg").sha256
    world.views.catch_up()
    state = world.record(stream)
    assert state.reading is not None
    kinds = {item.kind.value: item.file.sha256 for item in state.representations}
    referring = world.views.catalogue.referring

    for digest in (*kinds.values(), picture, state.reading.manifest.sha256):
        assert referring(digest) == {stream}
    assert referring(Digest("sha256:" + "0" * 64)) == frozenset()

    case = world.erase(holder)

    for digest in (kinds["text"], kinds["thumbnails"], picture):
        assert referring(digest) == frozenset()
    for digest in (kinds["original"], kinds["pdfa"], state.reading.manifest.sha256):
        assert referring(digest) == {stream}, "what must be kept is still referred to"
    approved = next(e.event for e in world.journal.load(case) if hasattr(e.event, "manifest"))
    assert referring(approved.manifest.sha256) == {case}


def test_a_record_is_read_then_confirmed(world: World) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    stream = world.scan(holder, b"one", seen_elsewhere=True)
    elsewhere = ("look", "pending", "same-bytes-elsewhere", 0)
    assert work(world, stream) == {("read", "pending", None, 0), elsewhere}

    world.fail(stream, 1, final=False)
    assert work(world, stream) == {("read", "failed", "reader-timeout", 1), elsewhere}

    world.read(stream, unread=1, warnings=("low-resolution",))
    unread = ("look", "pending", "pages-unread", 0)
    low = ("look", "pending", "low-resolution", 0)
    assert work(world, stream) == {("confirm", "pending", None, 0), elsewhere, unread, low}

    world.read(stream)
    assert work(world, stream) == {("confirm", "pending", None, 0), elsewhere}

    world.confirm(stream)
    assert work(world, stream) == set()


def test_a_record_that_cannot_be_read_waits_for_a_person(world: World) -> None:
    holder = world.open_dossier("H33.01-260302-0001", world.agency())
    stream = world.scan(holder, b"one")
    world.fail(stream, 3, final=True)
    stuck = ("read", "stuck", "reader-timeout", 3)
    assert work(world, stream) == {stuck, ("confirm", "pending", None, 0)}

    world.confirm(stream)
    assert work(world, stream) == {stuck}

    world.read(stream, unread=1)
    assert work(world, stream) == set()


def test_hidden_and_erased_records_make_no_work(world: World) -> None:
    office = world.agency()
    first, second = (world.open_dossier(f"H33.05-260302-000{n}", office) for n in (1, 2))
    isolated, erased = world.scan(first, b"one"), world.scan(second, b"two")
    on_paper = world.paper(first)
    world.isolate(isolated)
    world.erase(second)

    assert work(world, isolated) == set()
    assert work(world, erased) == set()
    assert work(world, on_paper) == {("confirm", "pending", None, 0)}
    (item,) = world.views.work.items(task="confirm")
    assert (item.dossier, item.dossier_code) == (first, "H33.05-260302-0001")
    assert item.agencies == {office}
    assert not world.views.work.items(task="read")


def test_the_history_of_a_dossier_holds_its_records_batches_and_erasures(world: World) -> None:
    office = world.agency()
    holder = world.open_dossier("H33.01-260302-0001", office)
    other = world.open_dossier("H33.01-260302-0002", office)
    stream = world.scan(holder, b"one")
    world.scan(other, b"two")
    world.read(stream)
    world.erase(holder)
    events = world.journal.follow(0, 1000)
    by_stream = {
        one.stream: [e.position for e in events if e.stream == one.stream] for one in events
    }
    of = world.views.history.of

    apart = {office, other} | {s for s in by_stream if other in _dossiers_of(world, s)}
    assert of(holder) == [e.position for e in events if e.stream not in apart]
    assert of(office) == by_stream[office]
    (received,) = [
        e for e in events if getattr(e.event, "record", None) == stream and "batch" in e.stream
    ]
    assert of(stream) == sorted([received.position, *by_stream[stream]])
    assert of(received.stream) == by_stream[received.stream]
    assert of(holder, upto=6) == [p for p in of(holder) if p <= 6]
    assert of(StreamId("dossier-unknown")) == []


def _dossiers_of(world: World, stream: StreamId) -> set[object]:
    return {getattr(e.event, "dossier", None) for e in world.journal.load(stream)}


def test_what_somebody_did_is_found_newest_first_and_page_by_page(world: World) -> None:
    one, other = world.actor, replace(world.actor, agent=world.new(Kind.AGENT))
    for n in range(6):
        world.actor = other if n % 3 == 1 else one
        world.agency(f"H33.0{n}")
    world.views.catch_up()
    by = world.views.history.by_agent

    assert by(one.agent, limit=10) == [6, 4, 3, 1]
    assert by(other.agent, limit=10) == [5, 2]
    assert by(one.agent, limit=2) == [6, 4]
    assert by(one.agent, limit=2, before=4) == [3, 1]
    assert by(one.agent, upto=4, limit=10) == [4, 3, 1]
    assert by(StreamId("agent-unknown"), limit=10) == []


def test_a_day_has_its_first_instant_and_not_the_next_days(world: World) -> None:
    for n in range(4):
        world.agency(f"H33.0{n}")
    world.views.catch_up()
    first, second, third, fourth = world.journal.follow(0, 10)
    on = world.views.history.on_day

    assert on(second.at, fourth.at, limit=10) == [3, 2]
    assert on(first.at, fourth.at, limit=1) == [third.position]
    assert on(first.at, fourth.at, limit=5, before=3) == [2, 1]
    assert on(fourth.at + timedelta(days=1), fourth.at + timedelta(days=2), limit=5) == []


def test_a_position_is_found_for_an_instant(world: World) -> None:
    world.views.catch_up()
    assert isinstance(world.clock, SteppingClock)
    assert world.views.history.position_at(world.clock.at) == 0
    for n in range(3):
        world.agency(f"H33.0{n}")
    world.views.catch_up()
    first, second, third = world.journal.follow(0, 10)
    at = world.views.history.position_at

    assert at(first.at - timedelta(microseconds=1)) == 0
    assert [at(one.at) for one in (first, second, third)] == [1, 2, 3]
    assert at(third.at - timedelta(microseconds=1)) == 2
    assert at(third.at + timedelta(days=1)) == 3
