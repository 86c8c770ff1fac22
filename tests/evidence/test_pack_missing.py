"""Documents whose bytes the archive has lost or damaged: the pack is made without them and says
so, and nobody can take another one away and call it lost."""

from pathlib import Path
from shutil import copytree
from zipfile import BadZipFile, ZipFile

import pytest

from domain.errors import ArchiveError
from domain.evidence import Absence, MissingFile, PackedFile
from domain.services import evidencing
from tests.cli.desk import Chauban
from tests.evidence.packs import Case, checked, event_files, listed_again, payload_of, unpacked
from tests.evidence.test_pack import LIST
from tests.evidence.test_report import pages_of
from tests.story.place import Place


@pytest.fixture
def place(made: Case, tmp_path: Path) -> Place:
    """A copy for one test."""
    return made.place.copy(tmp_path / "own")


def files_of(made: Case) -> tuple[PackedFile, ...]:
    with made.open() as desk:
        return evidencing.pack(desk.archive, desk.request(), made.record).facts.files


def harm(place: Place, file: PackedFile, fault: str) -> None:
    """What a bad disk, or somebody at the disk, does."""
    (path,) = (place.folder / "objects").rglob(file.sha256)
    path.chmod(0o600)
    if fault == "lost":
        path.unlink()
    elif fault == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"\x00")


FAULTS = [
    *(("original", "lost"), ("original", "damaged"), ("original", "cut")),
    *(("pdfa", "damaged"), ("text", "lost")),
]


@pytest.mark.parametrize(("kind", "fault"), FAULTS)
def test_a_document_without_its_bytes_is_absent_and_the_pack_says_so(
    made: Case, place: Place, tmp_path: Path, kind: str, fault: str
) -> None:
    gone = next(each for each in files_of(made) if each.kind == kind)
    harm(place, gone, fault)
    with place.open() as desk:
        found = evidencing.pack(desk.archive, desk.request(), made.dossier)
        pack = unpacked(b"".join(found.chunks), tmp_path / "pack")
    why = "lost" if fault == "lost" else "damaged"
    assert found.facts.missing == (MissingFile(gone.name, kind, made.record, 1, why),)
    assert found.facts.absent == (Absence("damaged", 1, (1,)),)
    assert "pack-missing" in found.facts.not_proved
    assert not (pack / gone.name).exists()
    assert (pack / "absent.txt").read_text() == f"{gone.name} {made.record} {why}\n"
    assert any(gone.sha256 in str(payload_of(each.read_text())) for each in event_files(pack))
    before = sorted(pack.rglob("*"))
    verdict = checked(pack, made.place.certificate)
    assert sorted(pack.rglob("*")) == before, "it changes nothing"
    assert verdict.code == 0, verdict.said
    assert "1 files that events name are NOT in the pack" in verdict.said
    assert f"{made.record} (số · number 1): 1" in verdict.said
    report = " ".join(pages_of((pack / "report.pdf").read_bytes()))
    for text in (report, (pack / "README.en.txt").read_text()):
        assert "1 (of records with the number 1 in the dossier)." in text
    assert "because the archive lost or damaged them: 1" in report
    assert gone.sha256 in report.replace(" ", "")


def test_a_pack_that_lacks_nothing_does_not_speak_of_it(content: bytes, pack: Path) -> None:
    assert not (pack / "absent.txt").exists()
    assert "NOT in the pack" not in checked(pack).said
    assert "lost or damaged them:" not in " ".join(pages_of((pack / "report.pdf").read_bytes()))


def test_the_command_ends_with_1_and_names_the_document_and_its_record(
    made: Case, place: Place, tmp_path: Path
) -> None:
    gone = next(each for each in files_of(made) if each.kind == "original")
    harm(place, gone, "damaged")
    chauban = Chauban(place.folder)
    told = chauban("evidence", str(made.record), "-o", str(tmp_path / "told.zip"))
    assert told.code == 1
    assert gone.name in told.out
    assert made.record in told.out
    output = tmp_path / "record.zip"
    answer = chauban.json("evidence", str(made.record), "-o", str(output), code=1)
    assert [(each["file"], each["record"], each["why"]) for each in answer["missing"]] == [
        (gone.name, made.record, "damaged")
    ]
    assert checked(unpacked(output.read_bytes(), tmp_path / "pack"), place.certificate).code == 0


@pytest.fixture(scope="module")
def lacking(made: Case, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of which the archive has lost one document."""
    place = made.place.copy(tmp_path_factory.mktemp("lacking") / "own")
    harm(place, next(each for each in files_of(made) if each.kind == "original"), "lost")
    with place.open() as desk:
        found = evidencing.pack(desk.archive, desk.request(), made.dossier)
        return unpacked(b"".join(found.chunks), tmp_path_factory.mktemp("lacking") / "pack")


@pytest.fixture
def mine(lacking: Path, tmp_path: Path) -> Path:
    return copytree(lacking, tmp_path / "pack")


def test_a_document_that_somebody_takes_away_is_not_one_that_the_archive_lost(
    mine: Path, made: Case
) -> None:
    (other,) = (mine / "originals").iterdir()
    name = f"originals/{other.name}"
    other.unlink()
    assert checked(mine).names(name, "the file is missing")
    with (mine / "absent.txt").open("a") as file:
        file.write(f"{name} {made.record} lost\n")
    listed_again(mine)
    verdict = checked(mine)
    assert verdict.code == 1
    assert verdict.names("manifest.sha256", LIST)


def test_what_is_said_to_be_lost_is_named_by_an_event_and_not_in_the_pack(
    mine: Path, made: Case
) -> None:
    (other,) = (mine / "originals").iterdir()
    never = f"originals/{'ab' * 32}.pdf"
    with (mine / "absent.txt").open("a") as file:
        file.write(f"originals/{other.name} {made.record} lost\n")
        file.write(f"{never} {made.record} damaged\n")
        file.write("originals/../../etc/passwd \x1b[2J gone\n")
    verdict = checked(listed_again(mine))
    assert verdict.code == 1
    assert verdict.names("absent.txt", f"in the pack: originals/{other.name}")
    assert verdict.names("absent.txt", f"no event names {never}")
    assert verdict.names("absent.txt", "line 4 is malformed")
    assert "\x1b" not in verdict.said


def test_a_pack_without_its_list_of_losses_is_not_genuine(mine: Path) -> None:
    (mine / "absent.txt").unlink()
    assert checked(mine).names("absent.txt", "the file is missing")
    assert checked(listed_again(mine)).names("manifest.sha256", LIST)


@pytest.mark.parametrize("fault", ["lost", "damaged"])
def test_what_is_damaged_while_the_pack_is_written_leaves_no_pack(
    made: Case, place: Place, tmp_path: Path, fault: str
) -> None:
    """Somebody who reads a stream has got a part of it: no program takes it for a ZIP file."""
    gone = next(each for each in files_of(made) if each.kind == "original")
    cut = tmp_path / "cut.zip"
    with place.open() as desk:
        found = evidencing.pack(desk.archive, desk.request(), made.dossier)
        harm(place, gone, fault)
        with cut.open("wb") as file, pytest.raises(ArchiveError):
            file.writelines(found.chunks)
    with pytest.raises(BadZipFile):
        ZipFile(cut)
