"""The shapes of `--json`: at least what the design's table promises, one object and no more."""

import json
from pathlib import Path

from tests.cli.desk import SENTENCE_A, Chauban, scan


def test_a_new_archive_names_its_folder_and_its_certificate(tmp_path: Path) -> None:
    fresh = Chauban(tmp_path / "new")
    answer = fresh.json("init")
    assert answer["archive"] == str(tmp_path / "new")
    assert len(bytes.fromhex(answer["certificate"])) == 32
    assert fresh.refused("init") == "archive-exists"
    assert fresh.json("verify", "--certificate", answer["certificate"])["ok"] is True


def test_agencies_agents_and_procedures_are_entered(chauban: Chauban, tmp_path: Path) -> None:
    assert chauban.json("agency", "add", "H33.07", "Sở C", "--parent", "H33")["agency"] == "H33.07"
    coded = chauban.json("agency", "code", "H33.07", "000.00.07.H33", "--from", "01/01/2019")
    assert coded["agency"] == "000.00.07.H33"
    agent = chauban.json(
        "agent", "add", "Văn thư C", "--role", "records-officer", "--role", "archivist",
        "--agency", "000.00.07.h33",
    )  # fmt: skip
    assert agent["agent"].startswith("agent-")
    file = tmp_path / "thu-tuc.toml"
    file.write_text(
        'code = "1.013979"\nname = "Cấp giấy xác nhận"\nin_force_from = 2020-01-01\n'
        '[time_limit]\nvalue = 5\nunit = "working-day"\n'
        '[retention]\nrule = "mục 45"\nyears = 20\n[[components]]\nname = "Đơn"\n'
    )
    assert chauban.json("procedure", "add", str(file)) == {"procedure": "1.013979", "version": 1}
    opened = chauban.json(
        "dossier", "open", "--agency", "H33.07", "--title", "Một hồ sơ", "--procedure", "1.013979"
    )
    assert opened["dossier"].startswith("H33.07-")
    assert chauban.json("show", opened["dossier"])["procedure_code"] == "1.013979"


def test_a_scan_is_answered_with_its_receipt_and_pages(chauban: Chauban, tmp_path: Path) -> None:
    paper = scan(tmp_path / "biên bản.jpg", ("BIÊN BẢN", "Về việc kiểm tra cầu phao"))
    kept = paper.read_bytes()
    (tmp_path / "rỗng.pdf").touch()
    said = chauban(
        "--json", "ingest", str(paper), str(paper), str(tmp_path / "rỗng.pdf"),
        str(tmp_path / "không có.pdf"), "--dossier", "HS-A",
    )  # fmt: skip
    stored, twin, empty, missing = said.objects
    assert said.code == 1
    assert stored["file"] == str(paper)
    assert stored["state"] == "stored"
    assert stored["reason"] is None
    assert stored["pages"] == [{"n": 1, "state": "ok"}]
    assert stored["record"].startswith("record-")
    assert stored["batch"].startswith("batch-")
    assert stored["sha256"].startswith("sha256:")
    assert stored["event"]
    assert (twin["state"], twin["record"]) == ("duplicate", stored["record"])
    assert (empty["state"], empty["reason"]) == ("refused", "empty-file")
    assert (missing["state"], missing["reason"]) == ("refused", "file-unreadable")
    assert paper.read_bytes() == kept
    assert chauban.json("search", "cau phao")["hits"][0]["record"] == stored["record"]


def test_a_search_tells_how_and_where_pages_match(chauban: Chauban, record_a: str) -> None:
    answer = chauban.json("search", "ke", "hoach", "su", "dung", "dat")
    assert answer["total"] == 1
    assert isinstance(answer["position"], int)
    (hit,) = answer["hits"]
    assert (hit["record"], hit["dossier"], hit["page"]) == (record_a, "HS-A", 1)
    assert hit["match"] == "folded"
    assert hit["score"] > 0
    assert all(0 <= edge <= 1 for box in hit["boxes"] for edge in box)
    assert "\ue000" in hit["snippet"]
    assert ["H33.05", 1] in answer["facets"]["agency"]
    assert chauban.json("search", SENTENCE_A)["hits"][0]["match"] == "exact"
    assert chauban.json("search", SENTENCE_A, "--agency", "H33.06")["total"] == 0


def test_a_dossier_and_a_record_are_shown(chauban: Chauban, record_a: str) -> None:
    dossier = chauban.json("show", "hs-a")
    assert dossier["dossier"] == "HS-A"
    assert dossier["applicant"] == "Ông HS-A"
    (listed,) = dossier["records"]
    assert listed["page_count"] == 1
    assert listed["confirmed"] is False
    record = chauban.json("show", record_a)
    (page,) = record["pages"]
    assert (page["n"], page["state"]) == (1, "ok")
    assert "đất đai" in page["text"]
    kinds = {item["kind"]: item for item in record["representations"]}
    assert kinds.keys() >= {"original", "pdfa", "text", "words", "thumbnails"}
    assert kinds["original"].keys() >= {"sha256", "media_type", "bytes"}
    assert (record["number"], record["notation"]) == ("390", "BC-UBND")


def test_representations_are_handed_out_with_their_digest(
    chauban: Chauban, record_a: str, tmp_path: Path, papers: Path
) -> None:
    target = tmp_path / "out"
    answer = chauban.json("get", record_a, "-o", str(target))
    assert target.read_bytes() == (papers / "a.jpg").read_bytes()
    assert answer["bytes"] == target.stat().st_size
    for kind in ("text", "words", "pdfa"):
        chauban.json("--as", "Lưu trữ A", "get", record_a, "--as", kind, "-o", str(target))
        shown = chauban.json("show", record_a)["representations"]
        assert next(i["bytes"] for i in shown if i["kind"] == kind) == target.stat().st_size
    words = chauban.json("get", "--as", "words", "--as", "Quét A", record_a, "-o", str(target))
    assert json.loads(target.read_bytes().splitlines()[0])["n"] == 1
    assert words["sha256"].startswith("sha256:")


def test_who_acts_before_the_command_is_not_forgotten_behind_it(
    chauban: Chauban, record_a: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    foreign = ("--as", "Quét B", "get", record_a, "--as", "text", "-o", out)
    assert chauban.refused(*foreign) == "not-found"
    assert chauban.refused("get", record_a, "--as", "text", "--as", "Quét B", "-o", out)


def test_a_history_tells_who_why_when_and_the_signature(chauban: Chauban) -> None:
    chauban.json("dossier", "paper", "HS-A", "--location", "Kệ 3", "--basis", "30/2020/NĐ-CP",
                 "--reference", "Điều-29")  # fmt: skip
    events = chauban.json("history", "HS-A")["events"]
    assert all(event.keys() >= {"id", "type", "at", "by", "why", "signature"} for event in events)
    assert {event["signature"] for event in events} == {"intact"}
    assert events[0]["type"] == "dossier-opened/1"
    last = events[-1]
    assert last["why"] == {"code": "30/2020/NĐ-CP", "reference": "Điều-29"}
    assert last["by"].keys() >= {"agent", "role", "agency", "name"}
    assert chauban.json("history", "HS-A", "--at", "1") == {"events": []}


def test_work_verify_rebuild_and_doctor_answer_in_their_shapes(
    chauban: Chauban, record_a: str
) -> None:
    work = chauban.json("work")
    assert record_a in {item["record"] for item in work["pending"]}
    assert work["failed"] == []
    verified = chauban.json("verify")
    assert verified["ok"] is True
    assert verified["findings"] == []
    assert verified["checked"]["signatures"] == verified["checked"]["events"]
    assert "certificate-from-archive" in verified["not_proved"]
    one = chauban.json("verify", "HS-A")
    assert one["ok"] is True
    assert one["checked"]["events"] < verified["checked"]["events"]
    rebuilt = chauban.json("rebuild")["rebuilt"]
    assert [each["name"] for each in rebuilt] == [
        *("attestations", "catalogue", "history", "work", "index"),
    ]
    assert all(each["events"] == verified["checked"]["events"] for each in rebuilt)
    assert all(each["seconds"] >= 0 for each in rebuilt)
    assert chauban.refused("rebuild", "everything") == "unknown-view"
    checks = chauban.json("doctor")["checks"]
    assert {"archive", "keys", "disk", "sandbox", "views"} <= {check["name"] for check in checks}
    assert all(check.keys() >= {"name", "ok", "what"} for check in checks)


def test_a_closed_dossier_answers_with_its_event(chauban: Chauban) -> None:
    closed = chauban.json("dossier", "close", "HS-A")
    shown = chauban.json("show", "HS-A")
    assert shown["closed_on"]
    assert chauban.json("history", "HS-A")["events"][-1]["id"] == closed["event"]
