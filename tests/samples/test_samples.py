"""The sample scans are what they say: real files of each kind, the same each time, and legible."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from domain.text import fold

REPOSITORY = Path(__file__).parents[2]


def make(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "deploy.samples", str(folder)], cwd=REPOSITORY, check=True
    )
    return folder


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("samples") / "made")


@pytest.fixture(scope="module")
def described(samples: Path) -> dict[str, Any]:
    described: dict[str, Any] = json.loads((samples / "samples.json").read_bytes())
    return described


def test_three_dossiers_of_two_agencies_hold_about_a_dozen_pages(described: dict[str, Any]) -> None:
    assert {dossier["agency"] for dossier in described["dossiers"]} == {"H33", "H33.05"}
    assert {entry["dossier"] for entry in described["files"]} == {
        dossier["key"] for dossier in described["dossiers"]
    }
    assert sum(len(entry["pages"]) for entry in described["files"]) == 12
    assert {entry["media_type"] for entry in described["files"]} == {
        *("application/pdf", "image/jpeg", "image/png", "image/tiff")
    }


def test_every_file_is_what_its_description_says(samples: Path, described: dict[str, Any]) -> None:
    begins = {
        "application/pdf": b"%PDF-",
        "image/jpeg": b"\xff\xd8\xff",
        "image/png": b"\x89PNG",
        "image/tiff": b"II*\x00",
    }
    for entry in described["files"]:
        data = (samples / entry["file"]).read_bytes()
        assert data.startswith(begins[entry["media_type"]])
        assert hashlib.sha256(data).hexdigest() == entry["sha256"]
        for sentence in entry["sentences"]:
            said = entry["pages"][sentence["page"] - 1]["text"].replace("\n", " ")
            assert sentence["text"] in said


def test_the_same_samples_come_out_each_time(samples: Path, tmp_path: Path) -> None:
    again = make(tmp_path / "again")
    for path in samples.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_what_is_there_already_is_not_made_again(samples: Path) -> None:
    before = (samples / "samples.json").stat().st_mtime_ns
    make(samples)
    assert (samples / "samples.json").stat().st_mtime_ns == before


def test_a_scan_reads_well(samples: Path, described: dict[str, Any], tmp_path: Path) -> None:
    if shutil.which("tesseract") is None:
        pytest.fail("tesseract is missing; `bin/setup` installs it")
    for entry in described["files"]:
        if entry["media_type"] == "application/pdf":
            continue
        with Image.open(samples / entry["file"]) as picture:
            picture.convert("RGB").save(tmp_path / "page.png", dpi=(entry["dpi"],) * 2)
        read = subprocess.run(
            ["tesseract", str(tmp_path / "page.png"), "-", "-l", "vie+eng"],
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        said = Counter(fold(entry["pages"][0]["text"]).split())
        found = Counter(fold(read).split())
        assert (said & found).total() >= 0.85 * said.total(), entry["file"]
