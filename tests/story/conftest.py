"""One archive is founded and one set of papers is read; every test works on a copy of its own."""

from pathlib import Path

import pytest

from domain.services.reception import Receipt
from tests.story.papers import Papers, draw_and_read
from tests.story.place import Place, found_place


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    """Scans with the readings that the real reader made of them."""
    return draw_and_read(tmp_path_factory.mktemp("papers") / "scans")


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory, papers: Papers) -> Place:
    """An archive with one open dossier; never used itself."""
    return found_place(tmp_path_factory.mktemp("founded"), papers)


@pytest.fixture(scope="session")
def received(tmp_path_factory: pytest.TempPathFactory, founded: Place) -> tuple[Place, Receipt]:
    """The same with one scan that was received and not read; never used itself."""
    place = founded.copy(tmp_path_factory.mktemp("received"))
    with place.open() as desk:
        receipt = desk.receive("don-xin-cap-dat")
    return place, receipt


@pytest.fixture
def place(tmp_path: Path, founded: Place) -> Place:
    """An archive of the test's own."""
    return founded.copy(tmp_path / "place")
