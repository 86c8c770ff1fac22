"""What report and README of a pack say is no more than the pack itself can show, and what is not in
it is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from sqlite3 import connect

import pytest

from domain.evidence import Absence, PackFacts
from domain.record import IsolationGround
from domain.services import arranging, description, erasing, evidencing
from domain.services.deciding import load
from domain.values import StreamId
from infrastructure.evidence.policy import parse_policy
from tests.cli.desk import Chauban
from tests.evidence.packs import Case, Witness, unpacked
from tests.evidence.reports import desk as report_desk
from tests.evidence.reports import facts
from tests.evidence.test_report import pages_of, text_of
from tests.story.place import Desk, Place

SIGNED_AT = "18/11/2026 18:06:40"
"""When the witness of these tests cosigns, in Việt Nam."""


@pytest.fixture
def place(made: Case, tmp_path: Path) -> Place:
    """A copy for one test; its settings name no witness."""
    return made.place.copy(tmp_path / "own")


@dataclass(frozen=True)
class Told:
    """A pack as people read it."""

    facts: PackFacts
    report: str
    readme: str
    """In both languages, on one line."""
    folder: Path = field(repr=False)


def told(
    desk: Desk,
    target: StreamId,
    folder: Path,
    *,
    witnesses: Sequence[Witness] = (),
    without: Sequence[str] = (),
) -> Told:
    archive = replace(desk.archive, witnesses=tuple(witnesses))
    made = evidencing.pack(archive, desk.request(), target, without=without)
    pack = unpacked(b"".join(made.chunks), folder)
    readme = "".join((pack / f"README.{each}.txt").read_text() for each in ("vi", "en"))
    report = " ".join(pages_of((pack / "report.pdf").read_bytes()))
    return Told(made.facts, report, readme, pack)


# ---------------------------------------------------------------- witnesses


def test_a_witness_is_claimed_by_name_and_with_its_time(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        said = told(desk, made.dossier, tmp_path / "pack", witnesses=[made.witness])
    checkpoint = (said.folder / "checkpoints" / "checkpoint").read_bytes()
    parse_policy((said.folder / "policy").read_bytes()).check(checkpoint)
    for text in (said.report, said.readme):
        assert "witness.example/one cosigned that checkpoint: somebody else has seen" in text
        assert "witness.example/one đã ký cùng điểm kiểm đó" in text
        assert "shows others no other log" not in text
    assert f"has cosigned the checkpoint (time: {SIGNED_AT})" in said.report
    assert f"đã ký cùng điểm kiểm (thời điểm: {SIGNED_AT})" in said.report


@pytest.mark.parametrize("witnesses", [(), (Witness(),)], ids=["none", "another key"])
def test_a_witness_whom_the_policy_of_the_pack_does_not_name_is_no_claim(
    made: Case, place: Place, tmp_path: Path, witnesses: Sequence[Witness]
) -> None:
    with place.open() as desk:
        said = told(desk, made.dossier, tmp_path / "pack", witnesses=witnesses)
    assert "quorum none" in (said.folder / "policy").read_text()
    assert "witnessed" not in said.facts.proves
    assert "pack-not-witnessed" in said.facts.not_proved
    assert "cosigned that checkpoint" not in said.readme
    assert "The witness witness.example/one" not in said.report
    assert "A cosignature under the name witness.example/one stands" in said.report
    assert f"(time in it: {SIGNED_AT})" in said.report


# ---------------------------------------------------------------- what is not there


def test_an_isolated_record_is_told_by_its_number_alone(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        ground = IsolationGround.STRANGER
        description.isolate(
            desk.archive, desk.request(), made.record, ground=ground, reason="của người khác"
        )
        desk.archive.views.catch_up()
        said = told(desk, made.dossier, tmp_path / "pack")
    assert said.facts.absent == (Absence("isolated", 1, (1,)), Absence("part", 1))
    for text in (said.report, said.readme):
        assert "events and files are not in this pack: 1 (number in the dossier: 1)." in text
        assert "không có trong gói: 1 (số thứ tự trong hồ sơ: 1)." in text
        assert "của người khác" not in text


def test_an_erased_dossier_says_of_which_records_it_has_no_files(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        erasing.request_erasure(desk.archive, desk.request(), made.dossier, reason="Đề nghị")
        leader = desk.request(by=place.people.leader)
        erasing.approve_erasure(desk.archive, leader, made.dossier, decision="Quyết định 12")
        desk.archive.views.catch_up()
        said = told(desk, made.dossier, tmp_path / "pack")
    assert said.facts.absent == (Absence("erased", 2, (1, 2)),)


def test_a_withdrawn_record_is_told_by_its_number(made: Case, place: Place, tmp_path: Path) -> None:
    with place.open() as desk:
        arranging.withdraw(desk.archive, desk.request(), made.record, reason="quét nhầm")
        desk.archive.views.catch_up()
        said = told(desk, made.dossier, tmp_path / "pack")
    assert said.facts.absent == (Absence("withdrawn", 1, (1,)),)


def test_an_original_shared_with_an_isolated_record_is_told(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        other = load(desk.archive, made.dossier).dossier().records[1]
        arranging.merge(desk.archive, desk.request(), made.record, other=other)
        answer = arranging.split(desk.archive, desk.request(), made.record, pages=[2])
        desk.archive.views.catch_up()
        description.isolate(
            desk.archive,
            desk.request(),
            StreamId(answer.result["record"]),
            ground=IsolationGround.STRANGER,
            reason="của người khác",
        )
        desk.archive.views.catch_up()
        said = told(desk, made.dossier, tmp_path / "pack")
    assert Absence("isolated", 1, (3,)) in said.facts.absent
    assert Absence("shared", 1) in said.facts.absent
    assert len([each for each in said.facts.files if each.kind == "original"]) == 1
    assert "that its reader may not see: 1." in said.report


def test_a_whole_dossier_lacks_nothing(made: Case, place: Place, tmp_path: Path) -> None:
    with place.open() as desk:
        said = told(desk, made.dossier, tmp_path / "pack")
    assert said.facts.absent == ()
    assert "No field was left out on request." in said.report
    assert "OR NOT HIDDEN IN IT\n  -\n" in said.readme


def test_each_absence_has_its_words(tmp_path: Path) -> None:
    every = ("isolated", "erased", "withdrawn", "moved", "unreadable", "shared", "damaged", "part")
    absent = tuple(Absence(why, 3, (2, 5, 7)) for why in every)
    text = text_of(report_desk(tmp_path), facts(left_out=(), absent=absent))
    assert text.count("3 (number in the dossier: 2, 5, 7).") == 4
    assert text.count("3 (number in this dossier: 2, 5, 7).") == 1
    assert "that its reader may not see: 3." in text
    assert "about what is not here: 3." in text
    assert "3 (of records with the number 2, 5, 7 in the dossier)." in text


# ---------------------------------------------------------------- redaction


def test_a_redacted_pack_with_files_warns_of_what_they_show(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        said = told(desk, made.dossier, tmp_path / "pack", without=["applicant"])
        whole = told(desk, made.dossier, tmp_path / "whole")
    for text in (said.report, said.readme):
        assert "(originals, PDF/A, text layers) are not redacted" in text
        assert "(tệp gốc, PDF/A, lớp văn bản) không bị che" in text
    assert "are not redacted" not in whole.report + whole.readme


def test_the_command_warns_of_it_too(made: Case, place: Place, tmp_path: Path) -> None:
    chauban = Chauban(place.folder)
    output = str(tmp_path / "pack.zip")
    asked = ("evidence", str(made.dossier), "-o", output)
    warning = "Chú ý: các trường đã bỏ ra, nhưng tệp gốc, PDF/A"
    assert warning in chauban(*asked, "--without", "applicant").out
    assert warning not in chauban(*asked).out


# ---------------------------------------------------------------- who acted


def test_nobody_is_said_to_have_signed_in_on_the_command_line(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        said = told(desk, made.dossier, tmp_path / "pack")
    for text in (said.report, said.readme):
        assert "on the command line whoever administers the machine names the actor" in text
        assert "ở dòng lệnh thì ai quản trị máy nêu tên người thực hiện" in text
        assert "lời của kho về tài khoản đã đăng nhập" not in text
    assert "account 0" not in said.report


def test_the_founder_has_a_name_in_both_languages(tmp_path: Path) -> None:
    text = text_of(report_desk(tmp_path), facts(made_by="account 0"))
    assert "account 0" not in text
    assert "người dùng số 0 của máy" in text
    assert "user 0 of the machine" in text


# ---------------------------------------------------------------- the log


def test_an_altered_event_is_not_said_to_be_in_the_log(
    made: Case, place: Place, tmp_path: Path
) -> None:
    connection = connect(place.folder / "journal.sqlite")
    names = "SELECT name FROM sqlite_master WHERE type='trigger'"
    for (name,) in connection.execute(names).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    asked = "SELECT rowid, state FROM stored_events WHERE topic='dossier-corrected/1'"
    position, state = connection.execute(asked).fetchone()
    altered = bytes(state)[:-4] + (b"AAAA" if bytes(state)[-4:] != b"AAAA" else b"BBBB")
    connection.execute("UPDATE stored_events SET state=? WHERE rowid=?", (altered, position))
    connection.commit()
    connection.close()
    with place.open() as desk:
        said = told(desk, made.dossier, tmp_path / "pack")
    assert [each.position for each in said.facts.events if not each.in_log] == [position]
    assert {"signed", "unaltered", "logged"}.isdisjoint(said.facts.proves)
    assert "pack-not-logged" in said.facts.not_proved
    assert "stands in the archive's transparency log" not in said.report + said.readme
    assert said.report.count("Not in the log with this content") == 1
    assert said.report.count("Không có trong nhật ký minh bạch với nội dung này") == 1
