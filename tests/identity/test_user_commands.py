"""`chauban user`: a link for one person, and the end of an account."""

from pathlib import Path

import pytest

from infrastructure.bootstrap import opened, read_settings
from tests.cli.desk import Chauban


@pytest.fixture
def chauban(tmp_path: Path) -> Chauban:
    made = Chauban(tmp_path / "archive")
    made.json("init", "--name", "Tỉnh thử nghiệm", "--agency", "H33")
    made.json("agent", "add", "Lưu trữ A", "--role", "archivist", "--agency", "H33")
    return made


def test_an_invitation_is_a_link_for_one_person(chauban: Chauban) -> None:
    answer = chauban.json("user", "add", "Lưu trữ A", "Luu.Tru")
    assert answer.keys() == {"agent", "login", "link"}
    assert answer["login"] == "luu.tru"
    secret = answer["link"].removeprefix("/enrol/")
    with opened(read_settings(str(chauban.folder), {})) as house:
        now = house.archive.clock.now()
        assert house.archive.accounts.invited(secret, now=now).agent == answer["agent"]
    by_id = chauban.json("user", "add", answer["agent"], "luu.tru", "--command", "again")
    assert by_id["link"] != answer["link"]
    said = chauban("--lang", "en", "user", "add", "Lưu trữ A", "luu.tru")
    assert "/enrol/" in said.out
    assert (chauban.keys / "accounts.sqlite").exists()
    assert chauban.json("verify")["ok"]


def test_closing_needs_a_reason_and_stands_in_the_history(chauban: Chauban) -> None:
    agent = chauban.json("user", "add", "Lưu trữ A", "luu.tru")["agent"]
    assert chauban.refused("user", "close", "Lưu trữ A") == "reason-required"
    assert chauban.json("user", "close", "Lưu trữ A", "--why", "chuyển công tác")["event"]
    assert chauban.refused("user", "close", "Lưu trữ A", "--why", "nữa") == "account-not-open"
    types = [each["type"] for each in chauban.json("history", agent)["events"]]
    assert types[-2:] == ["account-opened/1", "account-closed/1"]


def test_what_cannot_be_is_refused(chauban: Chauban) -> None:
    assert chauban.refused("user", "add", "Không ai", "khong.ai") == "unknown-agent"
    assert chauban.refused("user", "add", "Lưu trữ A", "x") == "invalid-login"
    assert (
        chauban.refused("--as", "Lưu trữ A", "user", "add", "Lưu trữ A", "lt1") == "not-permitted"
    )
