"""What was stored once loads for ever: a file for every stored name and version ever shipped.

A failure here means that archives which exist would not load. Give the new shape a new stored
name and a new file; never change a file. `<name>-<version>.json` has every field filled,
`….absent.json` every optional field absent.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from domain.events import STORED_EVENTS
from domain.values import ERASED
from infrastructure.journal import codec

FILES = sorted((Path(__file__).parent / "golden").glob("*.json"))


def content(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded


def test_every_stored_name_has_its_file() -> None:
    assert {content(file)["name"] for file in FILES} >= STORED_EVENTS.keys()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stored_event_loads_as_it_did_and_is_written_as_it_was(file: Path) -> None:
    golden = content(file)
    event = codec.decode(golden["name"], golden["clear"], golden["personal"])
    assert repr(event) == golden["event"]
    assert codec.encode(event) == (golden["name"], golden["clear"], golden["personal"])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_stored_event_loads_without_its_personal_fields(file: Path) -> None:
    golden = content(file)
    event = codec.decode(golden["name"], golden["clear"], None)
    assert codec.personal_fields(golden["name"]) == golden["personal"].keys()
    assert all(getattr(event, name) == ERASED for name in golden["personal"])
