"""Odd files: each ends in the state that the table names."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from domain.errors import RefusedFileError
from domain.papers import Limits
from infrastructure.ocr.reader import SandboxedReader
from tests.reading.conftest import read, shared_data

TABLE: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_suffix(".toml").with_stem("robustness").read_text(encoding="utf-8")
)


def test_the_table_names_every_file() -> None:
    assert sorted(TABLE) == sorted(path.name for path in shared_data("robustness").iterdir())


@pytest.mark.parametrize("name", TABLE)
def test_an_odd_file_ends_in_its_state(reader: SandboxedReader, name: str) -> None:
    path, expected = shared_data("robustness") / name, TABLE[name]
    if "refused" in expected:
        with pytest.raises(RefusedFileError) as refused:
            reader.inspect(str(path), Limits())
        assert refused.value.code == expected["refused"]
        return
    before = path.read_bytes()
    outcome = read(reader, path)
    assert path.read_bytes() == before
    assert [page.state for page in outcome.reading.pages] == expected["states"]
    assert outcome.reading.pdfa_problem == expected.get("pdfa_problem")
    assert "[skipped" not in outcome.text
    found = reader.inspect(str(path), Limits())
    assert list(found.active_content) == expected.get("active", [])
    assert [one.verdict for one in reader.signatures(str(path))] == expected.get("signatures", [])
    assert found.signatures == len(expected.get("signatures", []))


def test_real_scans_are_read_as_well_as_by_plain_tesseract(reader: SandboxedReader) -> None:
    folder = shared_data("scans") / "made"
    for path in sorted(folder.glob("synth_formal_00*.pdf"))[:2]:
        wanted = path.with_suffix(".txt").read_text(encoding="utf-8").split()
        outcome = read(reader, path)
        got = outcome.text.split()
        assert len(set(wanted) & set(got)) > 0.85 * len(set(wanted))
        assert outcome.pdfa is not None
