"""One archive with a witnessed and dated log, for every test of evidence packs; none changes it
beyond what it says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence.authorities import running
from tests.evidence.packs import Case, case, unpacked
from tests.story.papers import draw_and_read


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("packs")
    with running(tmp_path_factory.mktemp("pack-authorities")) as authorities:
        yield case(folder, draw_and_read(folder / "scans"), authorities)


@pytest.fixture(scope="session")
def content(made: Case) -> bytes:
    """The pack of the dossier."""
    return made.pack(made.dossier)


@pytest.fixture
def pack(content: bytes, tmp_path: Path) -> Path:
    """The same, unpacked."""
    return unpacked(content, tmp_path / "pack")
