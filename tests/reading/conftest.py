"""One reader for all tests of reading; the folder of shared data, where there is one."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.papers import Limits, PageRead, Reading
from infrastructure.ocr.reader import SandboxedReader

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def shared_data(name: str) -> Path:
    """A folder of the shared data; the test is skipped, or fails in CI, where it is missing."""
    folder = DATA / name
    if not folder.is_dir():
        message = f"the shared data are missing: {name}"
        if os.getenv("CHAUBAN_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxedReader]:
    made = SandboxedReader(tmp_path_factory.mktemp("reader"), 2)
    yield made
    made.close()


class Outcome:
    """What a reading made, taken out of its folder before that is gone."""

    def __init__(self, reading: Reading, reported: list[PageRead]) -> None:
        self.reading = reading
        self.reported = reported
        self.text = Path(reading.text).read_text(encoding="utf-8")
        self.words = Path(reading.words).read_text(encoding="utf-8")
        self.pdfa = Path(reading.pdfa).read_bytes() if reading.pdfa else None
        self.thumbnails = [Path(one).read_bytes() if one else None for one in reading.thumbnails]


def read(reader: SandboxedReader, path: Path, limits: Limits | None = None) -> Outcome:
    """Inspects and reads a file."""
    limits = limits or Limits()
    reported: list[PageRead] = []
    found = reader.inspect(str(path), limits)
    with reader.read(str(path), found, limits, reported.append) as reading:
        return Outcome(reading, reported)
