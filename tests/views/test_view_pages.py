"""Which pages the index is given."""

from domain.searching import PageDocument
from domain.values import StreamId
from tests.views.world import World


def pages(world: World) -> dict[tuple[StreamId, int], PageDocument]:
    world.views.catch_up()
    return world.index.held


def test_a_record_that_was_read_is_found_with_its_metadata_on_each_page(world: World) -> None:
    tax, land = world.agency("H33.01"), world.agency("H33.02")
    holder = world.open_dossier("H33.01-260302-0001", tax, land)
    stream = world.scan(holder, b"one")
    assert pages(world) == {}

    world.read(stream, ["trang một", "", "trang ba"])
    world.describe(stream, number="390", notation="BC-UBND", issued_on="2026-02-03", subject="Đất")
    held = pages(world)

    assert [held[stream, n].text for n in (1, 2, 3)] == ["trang một", "", "trang ba"]
    page = held[stream, 2]
    assert (page.title, page.code, page.dossier_code) == (
        "Đất",
        "390/BC-UBND",
        "H33.01-260302-0001",
    )
    assert page.agencies == {tax, land}
    assert (page.confirmed, page.restricted) == (False, False)

    world.confirm(stream)
    world.restrict(holder)
    assert all(page.confirmed and page.restricted for page in pages(world).values())


def test_a_later_reading_with_fewer_pages_leaves_none_of_the_former(world: World) -> None:
    stream = world.scan(world.open_dossier("H33.01-260302-0001", world.agency()), b"one")
    world.read(stream, ["a", "b", "c"])
    assert len(pages(world)) == 3
    world.read(stream, ["a"])
    assert list(pages(world)) == [(stream, 1)]


def test_a_record_on_paper_alone_is_found_by_its_metadata(world: World) -> None:
    stream = world.paper(world.open_dossier("H33.01-260302-0001", world.agency()))
    world.describe(stream, subject="Sổ địa chính")
    (page,) = pages(world).values()
    assert (page.record, page.page, page.text, page.title) == (stream, 1, "", "Sổ địa chính")


def test_isolated_and_erased_records_are_not_found(world: World) -> None:
    office = world.agency()
    first, second = (world.open_dossier(f"H33.05-260302-000{n}", office) for n in (1, 2))
    isolated, kept, erased = (
        world.scan(first, b"one"),
        world.scan(first, b"two"),
        world.scan(second, b"three"),
    )
    for stream in (isolated, kept, erased):
        world.read(stream, [f"trang của {stream}"])
    assert len(pages(world)) == 3

    world.isolate(isolated)
    world.erase(second)

    assert list(pages(world)) == [(kept, 1)]


def test_a_text_that_is_gone_leaves_the_metadata(world: World) -> None:
    stream = world.scan(world.open_dossier("H33.01-260302-0001", world.agency()), b"one")
    world.read(stream, ["a", "b"])
    text = world.put(b"a\fb").sha256
    path = world.root / "objects" / text.hex[:2] / text.hex[2:4] / text.hex
    path.unlink()
    world.describe(stream, subject="Còn tìm được")
    held = pages(world)
    assert [(page.text, page.title) for page in held.values()] == [("", "Còn tìm được")] * 2
    assert list(world.views.inspect()) == []
