"""`chauban verify` where the very rows are damaged that say who may ask for what."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from domain.values import Kind
from tests.cli.desk import Chauban
from tests.evidence.archives import archive_with


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound")
    with archive_with(folder, 0):
        pass
    made = Chauban(folder / "archive")
    made.json("agency", "add", "H33.05", "Sở A")
    opening = ("dossier", "open", "--agency", "H33.05", "--work-file", "--title", "Hồ sơ A")
    made.json(*opening, "--code", "HS-A")
    return folder


@pytest.fixture
def chauban(sound: Path, tmp_path: Path) -> Chauban:
    shutil.copytree(sound, tmp_path, dirs_exist_ok=True)
    return Chauban(tmp_path / "archive")


def damage(chauban: Chauban, kind: Kind, state: object) -> int:
    """The last row of a stream of this kind is no event any more; its position."""
    path = chauban.folder / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as journal:
        (guard,) = journal.execute(
            "SELECT sql FROM sqlite_master WHERE name='stored_events_UPDATE'"
        ).fetchone()
        journal.execute("DROP TRIGGER stored_events_UPDATE")
        (position,) = journal.execute(
            "SELECT max(rowid) FROM stored_events WHERE originator_id LIKE ?", (f"{kind}-%",)
        ).fetchone()
        journal.execute("UPDATE stored_events SET state=? WHERE rowid=?", (state, position))
        journal.execute(guard)
    return int(position)


@pytest.mark.parametrize(
    ("kind", "state", "views"),
    [
        (Kind.AGENCY, b"xx", "kept"),
        (Kind.AGENCY, "đất", "gone"),
        (Kind.DOSSIER, b"xx", "gone"),
        (Kind.DOSSIER, "đất", "kept"),
    ],
)
def test_what_is_damaged_is_told_and_hides_nothing(
    chauban: Chauban, kind: Kind, state: object, views: str
) -> None:
    position = damage(chauban, kind, state)
    if views == "gone":
        for file in chauban.folder.glob("views.sqlite*"):
            file.unlink()
    for words in ((), ("HS-A",)):
        said = chauban("--json", "verify", *words).json
        assert "error" not in said, words
        found = {each["where"] for each in said["findings"]}
        assert (str(position) in found) is (not words or kind is Kind.DOSSIER), words


def test_who_may_verify_elsewhere_alone_is_told_nothing(chauban: Chauban) -> None:
    chauban.json("agency", "add", "H33.06", "Sở B")
    auditor = ("--role", "auditor", "--agency", "H33.06", "--until", "2099-12-31")
    chauban.json("agent", "add", "Thanh tra", *auditor)
    damage(chauban, Kind.DOSSIER, b"xx")
    assert chauban.refused("--as", "Thanh tra", "verify", "HS-A") == "not-found"
    assert chauban.refused("--as", "Thanh tra", "verify") == "not-permitted"
