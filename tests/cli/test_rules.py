"""Rules, repeats and what stays: each refusal with its code, and nothing stored by it."""

from pathlib import Path

import pytest

from tests.cli.desk import Chauban, scan


def test_an_unknown_reference_and_a_wrong_usage_are_told_apart(chauban: Chauban) -> None:
    for words in (("show", "HS-Z"), ("history", "record-1"), ("dossier", "close", "HS-Z")):
        assert chauban.refused(*words) == "not-found"
    for words in (
        (),
        ("tìm",),
        ("show",),
        ("search", "--year", "nay", "đất"),
        ("show", "x", "--y"),
    ):
        assert chauban.refused(*words) == "usage"
    assert chauban.refused("--basis", "luật", "work") == "invalid-basis"
    assert chauban.refused("--command", "x" * 201, "work") == "invalid-command-id"
    assert chauban.refused("search", "(đất") == "query-unclosed-parenthesis"
    assert chauban.refused("search", "đất", "--limit", "0") == "invalid-paging"
    assert chauban.refused("verify", "--certificate", "xyz") == "invalid-digest"


def test_a_repeated_command_gets_its_first_answer(chauban: Chauban, papers: Path) -> None:
    opening = ("--command", "mở-1", "dossier", "open", "--agency", "H33.05", "--title", "Một")
    first = chauban.json(*opening)
    before = chauban.events()
    assert chauban.json(*opening) == first
    assert chauban.refused(*opening[:-1], "Hai") == "command-reused"
    assert chauban.refused("--as", "Lưu trữ A", *opening) == "command-reused"
    taking = ("--command", "quét-1", "ingest", str(papers / "b.jpg"), "--dossier", "HS-A")
    (receipt,) = chauban("--json", *taking).objects
    again = chauban("--json", *taking)
    assert again.json["event"] == receipt["event"]
    assert again.json["state"] == "stored"
    assert chauban.events() > before


def test_a_secret_paper_is_refused_and_nothing_of_it_is_stored(
    chauban: Chauban, tmp_path: Path
) -> None:
    secret = scan(tmp_path / "mật.jpg", ("TUYỆT MẬT",))
    kept = files_of(chauban.folder / "objects")
    said = chauban("--json", "ingest", str(secret), "--dossier", "HS-A", "--secrecy", "tuyet-mat")
    assert said.code == 1
    assert (said.json["state"], said.json["reason"]) == ("refused", "state-secret")
    assert said.json["sha256"] is None
    assert files_of(chauban.folder / "objects") == kept
    assert not any((chauban.folder / "quarantine").iterdir())


def test_a_scan_says_where_its_paper_stands(chauban: Chauban, tmp_path: Path) -> None:
    kept = scan(tmp_path / "giay.jpg", ("BIÊN BẢN BÀN GIAO", "hồ sơ giấy còn giữ tại kho"))
    answer = chauban.json(
        "ingest", str(kept), "--dossier", "HS-A", "--paper", "Kho 2, giá 14, hộp 3"
    )
    shown = chauban.json("show", answer["record"])
    assert (shown["carrier"], shown["paper_location"]) == ("both", "Kho 2, giá 14, hộp 3")


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_a_confirmed_record_says_that_nothing_locks_it(chauban: Chauban, record_a: str) -> None:
    event = chauban.json("confirm", record_a)["event"]
    record = chauban.json("show", record_a)
    assert (record["confirmed"], record["lock"]) == (True, "none")
    last = chauban.json("history", record_a)["events"][-1]
    assert (last["id"], last["data"]["lock"]) == (event, "none")
    assert chauban.refused("confirm", record_a) == "already-confirmed"


def test_a_correction_keeps_the_earlier_value(chauban: Chauban, record_a: str) -> None:
    before = chauban.json("show", record_a)
    chauban.json("correct", record_a, "subject", "Về việc khác", "--why", "Gõ nhầm")
    chauban.json("correct", record_a, "signer-name", "Ông A", "--why", "Thiếu")
    now = chauban.json("show", record_a)
    assert (now["subject"], now["signer_name"]) == ("Về việc khác", "Ông A")
    then = chauban.json("show", record_a, "--at", str(before["position"]))
    assert then["subject"] == before["subject"]
    assert then["signer_name"] is None
    described = [
        event["data"].get("subject") or event["data"].get("value")
        for event in chauban.json("history", record_a)["events"]
        if event["type"] in ("record-described/1", "record-corrected/1")
    ]
    assert described == [before["subject"], "Về việc khác", "Ông A"]
    assert chauban.refused("correct", record_a, "subject", "x") == "reason-required"
    assert chauban.refused("correct", record_a, "mùi", "x", "--why", "y") == "unknown-field"
    assert chauban.refused("correct", record_a, "issued_on", "mai", "--why", "y") == "invalid-date"
    same = ("correct", record_a, "subject", "Về việc khác", "--why", "y")
    assert chauban.refused(*same) == "nothing-to-correct"


def test_a_moment_is_a_position_an_instant_or_a_day(chauban: Chauban) -> None:
    opened = chauban.json("history", "HS-A")["events"][0]
    for moment in (str(opened["position"]), opened["at"]):
        assert chauban.json("show", "HS-A", "--at", moment)["records"] == []
    for day in ("31/12/2099", "2099-12-31", "2099-12-31T10:00:00"):
        assert len(chauban.json("show", "HS-A", "--at", day)["records"]) == 1
    assert chauban.refused("show", "HS-A", "--at", "01/02/2003") == "not-found"
    for moment in ("hôm qua", "31/02/2026", "2026-13-01", "²", "", "0001-01-01", "9" * 30):
        assert chauban.refused("show", "HS-A", "--at", moment) in ("invalid-moment", "not-found")


def test_a_closed_dossier_takes_nothing_more(chauban: Chauban, papers: Path) -> None:
    chauban.json("dossier", "close", "HS-A")
    taking = ("ingest", str(papers / "b.jpg"), "--dossier", "HS-A")
    assert chauban.refused(*taking) == "dossier-closed"
    assert chauban.refused("dossier", "close", "HS-A") == "dossier-closed"
    assert chauban.refused("dossier", "paper", "HS-A", "--location", "x") == "dossier-closed"


def test_rules_of_registration(chauban: Chauban, tmp_path: Path) -> None:
    ending = ("agent", "add", "Thanh tra mới", "--role", "auditor", "--agency", "H33.05")
    assert chauban.refused(*ending) == "mandate-without-end"
    assert chauban.refused("agency", "add", "H33.05", "Trùng") == "agency-code-taken"
    assert chauban.refused("agency", "add", "H", "Ngắn") == "invalid-agency-code"
    opening = ("dossier", "open", "--agency", "H33.05", "--title", "x", "--code")
    assert chauban.refused(*opening, "HS-A") == "dossier-code-taken"
    assert chauban.refused(*opening, "?") == "invalid-dossier-code"
    chauban.json("dossier", "open", "--agency", "H33.05", "--title", "x", "--code", "RỖNG-1",
                 code=2)  # fmt: skip
    chauban.json(*opening, "HS-C")
    assert chauban.refused("dossier", "close", "HS-C") == "dossier-empty"


@pytest.mark.parametrize(
    "content",
    [
        "không phải TOML",
        'code = "1.013979"',
        'code = "x"\nname = "y"',
        'code = "1.013979"\nname = 5',
        'code = "1.013979"\nname = "y"\n[time_limit]\nvalue = 1.5\nunit = "working-day"',
        'code = "1.013979"\nname = "y"\n[time_limit]\nvalue = 5\nunit = "fortnight"',
        'code = "1.013979"\nname = "y"\n[retention]\nrule = "z"\nyears = 900',
        'code = "1.013979"\nname = "y"\n[[components]]\nname = "a"\noriginals = "two"',
        'code = "1.013979"\nname = "y"\n[[components]]\nnom = "a"',
        'code = "1.013979"\nname = "y"\nin_force_from = 2026-01-01T00:00:00',
    ],
)
def test_a_procedure_file_that_says_nonsense_is_named(
    chauban: Chauban, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "p.toml"
    file.write_text(content)
    assert chauban.refused("procedure", "add", str(file)).startswith(("procedure-", "invalid-"))


def test_erasing_takes_two_persons(chauban: Chauban, record_a: str, tmp_path: Path) -> None:
    assert chauban.refused("erase", "approve", "HS-A", "--why", "x") == "no-erasure-pending"
    asked = chauban.json(
        "--as", "Lưu trữ A", "erase", "request", "HS-A", "--why", "Công dân đề nghị"
    )
    assert asked["remains"] == []
    approving = ("erase", "approve", "HS-A", "--why", "Quyết định 12")
    assert chauban.refused("--as", "Lưu trữ A", *approving) == "second-person-required"
    assert chauban.refused("--as", "Quét A", *approving) == "not-permitted"
    done = chauban.json("--as", "Lãnh đạo A", *approving)
    assert {each["why"] for each in done["remains"]} == {"original-kept", "pdfa-kept"}
    assert all(each.keys() >= {"what", "why", "until"} for each in done["remains"])
    shown = chauban.json("show", "HS-A")
    assert shown["title"] is None
    assert shown["erased_by"].startswith("erasure-")
    assert shown["erasure_decision"] == "Quyết định 12"
    assert chauban.json("search", "dat dai")["total"] == 0
    assert chauban.refused("get", record_a, "--as", "text", "-o", str(tmp_path / "t"))
    assert chauban.json("verify")["ok"] is True
    first = chauban.json("history", "HS-A")["events"][0]
    assert first["signature"] == "intact"
    assert "title" in first["erased"]


def test_a_request_to_erase_may_be_refused_or_answered_by_restriction(chauban: Chauban) -> None:
    for verb in ("refuse", "restrict"):
        chauban.json("--as", "Một cửa A", "erase", "request", "HS-A", "--why", "Đề nghị")
        again = ("--as", "Một cửa A", "erase", "request", "HS-A", "--why", "Đề nghị")
        assert chauban.refused(*again) == "erasure-pending"
        chauban.json("erase", verb, "HS-A", "--why", "Luật không cho phép")
    assert chauban.refused("--as", "Quét A", "show", "HS-A") == "not-found"
    assert chauban.json("--as", "Lưu trữ A", "show", "HS-A")["restricted_by"]
