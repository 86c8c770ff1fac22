"""An archive prepared once, and copied for each test."""

import shutil
from pathlib import Path

import pytest

from tests.cli.desk import PAPER_A, PAPER_B, PEOPLE, Chauban, record_of, scan


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two papers."""
    folder = tmp_path_factory.mktemp("papers")
    scan(folder / "a.jpg", PAPER_A)
    scan(folder / "b.jpg", PAPER_B)
    return folder


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, papers: Path) -> Chauban:
    """Two agencies below the first, their people, and a dossier with a read page in each."""
    made = Chauban(tmp_path_factory.mktemp("prepared") / "archive")
    made.json("init", "--name", "Tỉnh thử nghiệm", "--agency", "H33")
    made.json("agency", "add", "H33.05", "Sở A")
    made.json("agency", "add", "H33.06", "Sở B")
    ends = {"Thanh tra": "2099-12-31", "Thanh tra cũ": "31/12/2020"}
    for name, (role, agency) in PEOPLE.items():
        until = ["--until", ends[name]] if name in ends else []
        made.json("agent", "add", name, "--role", role, "--agency", agency, *until)
    for agency, code, paper in (("H33.05", "HS-A", "a.jpg"), ("H33.06", "HS-B", "b.jpg")):
        made.json(
            "dossier", "open", "--agency", agency, "--title", f"Hồ sơ {code}", "--code", code,
            "--applicant", f"Ông {code}", "--phone", "0912345678",
        )  # fmt: skip
        answer = made.json("ingest", str(papers / paper), "--dossier", code)
        assert answer["state"] == "stored", answer
    return made


@pytest.fixture
def chauban(prepared: Chauban, tmp_path: Path) -> Chauban:
    """A copy of the prepared archive with its keys."""
    copy = Chauban(tmp_path / "archive")
    shutil.copytree(prepared.folder, copy.folder)
    shutil.copytree(prepared.keys, copy.keys)
    return copy


@pytest.fixture
def record_a(chauban: Chauban) -> str:
    """The record of HS-A."""
    return record_of(chauban, "HS-A")


@pytest.fixture
def record_b(chauban: Chauban) -> str:
    """The record of HS-B."""
    return record_of(chauban, "HS-B")
