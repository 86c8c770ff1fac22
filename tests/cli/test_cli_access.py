"""What one agency holds does not exist for another: not in a count, a list or an error."""

from pathlib import Path

import pytest

from tests.cli.desk import SENTENCE_A, Chauban


@pytest.fixture
def out(tmp_path: Path) -> str:
    return str(tmp_path / "out")


@pytest.mark.parametrize("person", ["Quét B", "Lưu trữ B", "Thanh tra cũ"])
def test_a_stranger_finds_nothing(chauban: Chauban, record_a: str, out: str, person: str) -> None:
    def ask(*words: str) -> str:
        return chauban.refused("--as", person, *words)

    assert ask("show", "HS-A") == "not-found"
    assert ask("show", record_a) == "not-found"
    assert ask("history", "HS-A") == "not-found"
    assert ask("history", record_a) == "not-found"
    assert ask("get", record_a, "-o", out) == "not-found"
    assert not Path(out).exists()
    found = chauban.json("--as", person, "search", SENTENCE_A)
    assert found["total"] == 0
    assert found["hits"] == []
    assert not any(found["facets"].values())
    work = chauban.json("--as", person, "work")
    assert record_a not in str(work)


@pytest.mark.parametrize("person", ["Quét B", "Lưu trữ B"])
def test_a_stranger_changes_nothing_and_learns_nothing(
    chauban: Chauban, record_a: str, papers: Path, person: str
) -> None:
    before = chauban.events()
    for words in (
        ("ingest", str(papers / "b.jpg"), "--dossier", "HS-A"),
        ("confirm", record_a),
        ("isolate", record_a, "--why", "thử"),
        ("correct", record_a, "number", "1", "--why", "thử"),
        ("correct", "HS-A", "title", "Khác", "--why", "thử"),
        ("dossier", "close", "HS-A"),
        ("dossier", "paper", "HS-A", "--location", "Kệ 1"),
        ("erase", "request", "HS-A", "--why", "thử"),
        ("erase", "approve", "HS-A", "--why", "thử"),
    ):
        known = chauban.json("--as", person, *words, code=2)
        assert known["error"] == "not-found", words
        unknown = chauban.json(
            "--as", person, *("HS-Z" if word == "HS-A" else word for word in words), code=2
        )
        if unknown["error"] == "not-found":  # The same words for what is hidden and what is not.
            assert unknown["message"].replace("HS-Z", "HS-A") == known["message"]
    assert chauban.events() == before


def test_a_reference_is_told_as_it_was_typed(chauban: Chauban) -> None:
    identity = chauban.json("show", "HS-A")["id"]
    message = chauban.json("--as", "Quét B", "show", identity, code=2)["message"]
    assert identity in message
    assert "HS-A" not in message


def test_own_people_do_what_their_role_allows(chauban: Chauban, record_a: str) -> None:
    assert chauban.json("--as", "Quét A", "show", "HS-A")["dossier"] == "HS-A"
    assert chauban.json("--as", "Thanh tra", "show", record_a)["pages"]
    refused = ("--as", "Quét A", "correct", record_a, "number", "1", "--why", "thử")
    assert chauban.refused(*refused) == "not-permitted"
    assert chauban.refused("--as", "Thanh tra", "confirm", record_a) == "not-permitted"
    assert chauban.refused("--as", "Quản trị", "show", "HS-A") == "not-found"
    chauban.json("--as", "Quét A", "confirm", record_a)


def test_verify_belongs_to_those_who_oversee(chauban: Chauban) -> None:
    assert chauban.refused("--as", "Quét A", "verify") == "not-permitted"
    assert chauban.refused("--as", "Thanh tra cũ", "verify") == "not-permitted"
    assert chauban.refused("--as", "Thanh tra", "verify", "HS-B") == "not-found"
    assert chauban.json("--as", "Thanh tra", "verify", "HS-A")["ok"] is True


def test_nobody_opens_a_dossier_in_the_name_of_another_agency(chauban: Chauban) -> None:
    opening = ("--as", "Quét B", "dossier", "open", "--title", "Thử", "--agency")
    assert chauban.refused(*opening, "H33.05") == "not-permitted"
    assert chauban.refused(*opening, "H33.05", "--deciding", "H33.06") == "not-permitted"
    chauban.json(*opening, "H33.06", "--deciding", "H33.05")


def test_an_isolated_record_is_seen_by_the_administrator_s_list_alone(
    chauban: Chauban, record_a: str, out: str
) -> None:
    chauban.json("isolate", record_a, "--ground", "secret", "--why", "Có dấu Mật")
    assert chauban.refused("show", record_a) == "not-found"
    assert chauban.refused("get", record_a, "-o", out) == "not-found"
    assert chauban.refused("history", record_a) == "not-found"
    assert chauban.json("show", "HS-A")["records"] == []
    told = chauban.json("history", "HS-A")["events"]
    assert all(each["stream"] != record_a for each in told)
    assert "scan-received/1" not in {each["type"] for each in told}
    assert chauban.json("search", SENTENCE_A)["total"] == 0
    assert chauban.json("--as", "Lưu trữ A", "work")["incidents"] == []
    (incident,) = chauban.json("--as", "Quản trị", "work")["incidents"]
    assert (incident["record"], incident["ground"]) == (record_a, "secret")
    assert chauban.refused("confirm", record_a) == "not-found"


def test_who_acts_must_be_known(chauban: Chauban) -> None:
    assert chauban.refused("--as", "Không ai", "work") == "unknown-agent"
    chauban.json("agent", "add", "Quét A", "--role", "scanning-clerk", "--agency", "H33.06")
    assert chauban.refused("--as", "Quét A", "work") == "agent-ambiguous"
