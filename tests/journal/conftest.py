from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journal.house import House


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A founded archive that nobody touched yet; what a test leaves must verify unless it says."""
    made = House(tmp_path)
    made.found()
    yield made
    made.close()
