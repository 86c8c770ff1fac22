"""An administrator's work on the command line: agencies end, people change, and the past stays."""

from pathlib import Path

import pytest

from tests.cli.desk import Chauban

PROCEDURE = """
code = "1.013979"
name = "{name}"
in_force_from = {day}
"""


def test_a_merged_agency_leaves_its_papers_to_its_heir(chauban: Chauban, record_a: str) -> None:
    assert chauban.refused("--as", "Lưu trữ B", "show", "HS-A") == "not-found"
    before = chauban.json("show", "HS-A")

    chauban.json("agency", "succeed", "H33.05", "--how", "merged", "--to", "H33.06",
                 "--on", "2026-01-01")  # fmt: skip

    assert chauban.json("--as", "Lưu trữ B", "show", "HS-A")["receiving"] == "H33.05"
    assert chauban.json("--as", "Quét B", "show", record_a)["pages"]
    found = chauban.json("--as", "Quét B", "search", "đất đai")
    assert {hit["dossier"] for hit in found["hits"]} == {"HS-A"}
    assert chauban.refused("--as", "Lưu trữ A", "show", "HS-B") == "not-found"
    opening = ("dossier", "open", "--agency", "H33.05", "--title", "Thử")
    assert chauban.refused(*opening) == "agency-ended"
    assert chauban.refused("agency", "add", "H33.05.01", "Phòng", "--parent", "H33.05") == (
        "agency-ended"
    )
    again = ("agency", "succeed", "H33.05", "--how", "dissolved", "--on", "2026-02-01")
    assert chauban.refused(*again) == "agency-ended"
    chauban.json("--as", "Quét B", "dossier", "open", "--agency", "H33.06", "--title", "Thử")
    after = chauban.json("show", "HS-A")
    assert {**after, "position": 0} == {**before, "position": 0}, "no paper was touched"
    assert chauban.json("verify")["ok"] is True


def test_a_succession_to_come_changes_nothing_yet(chauban: Chauban) -> None:
    chauban.json("agency", "succeed", "H33.05", "--how", "merged", "--to", "H33.06",
                 "--on", "2099-01-01")  # fmt: skip
    assert chauban.refused("--as", "Lưu trữ B", "show", "HS-A") == "not-found"
    chauban.json("dossier", "open", "--agency", "H33.05", "--title", "Thử")


def test_names_places_and_codes_have_their_days(chauban: Chauban) -> None:
    chauban.json("agency", "add", "H33.07", "Sở cũ", "--from", "2016-01-01")
    chauban.json("agency", "rename", "H33.07", "Sở mới", "--from", "01/07/2025")
    chauban.json("agency", "code", "H33.07", "H01.07", "--from", "2025-07-01")
    ended = chauban.json("agency", "code-end", "H33.07", "H33.07", "--until", "2025-06-30")
    assert ended["agency"] == "H33.07"
    opened = chauban.json("dossier", "open", "--agency", "H33.07", "--title", "Thử")
    assert opened["dossier"].startswith("H01.07-")
    told = [each["type"] for each in chauban.json("history", "H33.07")["events"]]
    assert told == [
        "agency-established/1",
        "agency-renamed/1",
        "agency-code-assigned/1",
        "agency-code-ended/1",
    ]
    assert chauban.refused("agency", "rename", "H33.07", "Sở mới") == "nothing-changed"
    early = ("agency", "rename", "H33.07", "Sở đầu", "--from", "2015-12-31")
    assert chauban.refused(*early) == "before-agency"
    ending = ("agency", "code-end", "H33.07", "H33", "--until", "2026-01-01")
    assert chauban.refused(*ending) == "code-not-of-agency"


def test_an_agency_that_moved_is_reached_from_above(chauban: Chauban) -> None:
    assert chauban.refused("--as", "Lưu trữ A", "show", "HS-B") == "not-found"
    chauban.json("agency", "move", "H33.06", "--parent", "H33.05")
    chauban.json("--as", "Lưu trữ A", "show", "HS-B")
    assert chauban.refused("agency", "move", "H33.05", "--parent", "H33.06") == "agency-circle"
    assert chauban.refused("--as", "Quét A", "show", "HS-B") == "not-found"


def test_an_administrator_of_one_agency_decides_nothing_about_another(chauban: Chauban) -> None:
    chauban.json("agent", "add", "Quản trị A", "--role", "administrator", "--agency", "H33.05")
    events = chauban.events()
    own, other = ("--agency", "H33.05"), ("--agency", "H33.06")
    for words in (
        ("agency", "rename", "H33.06", "Sở khác"),
        ("agency", "move", "H33.05", "--parent", "H33.06"),
        ("agency", "succeed", "H33.05", "--how", "merged", "--to", "H33.06", "--on", "2026-01-01"),
        ("agency", "succeed", "H33.06", "--how", "merged", "--to", "H33.05", "--on", "2026-01-01"),
        ("agent", "grant", "Quản trị A", "--role", "archivist", *other),
        ("agent", "revoke", "Quét B", "--role", "scanning-clerk", *other, "--why", "thử"),
        (
            *("agent", "substitute", "Quản trị A", "--for", "Lưu trữ B", "--role", "archivist"),
            *(*other, "--until", "2099-01-01", "--why", "thử"),
        ),
    ):
        assert chauban.refused("--as", "Quản trị A", *words) == "not-permitted", words
    granting = ("agent", "grant", "Một cửa A", "--role", "archivist", *own)
    assert chauban.refused("--as", "Một cửa A", *granting) == "not-permitted"
    assert chauban.events() == events
    chauban.json("--as", "Quản trị A", *granting)


def test_a_role_that_is_revoked_is_gone_with_the_next_request(chauban: Chauban) -> None:
    chauban.json("--as", "Quét A", "show", "HS-A")
    revoking = ("agent", "revoke", "Quét A", "--role", "scanning-clerk", "--agency", "H33.05")
    assert chauban.refused(*revoking) == "reason-required"
    chauban.json(*revoking, "--why", "Chuyển công tác")
    assert chauban.refused("--as", "Quét A", "show", "HS-A") == "not-found"
    assert chauban.refused(*revoking, "--why", "thử") == "role-not-held"

    granting = ("agent", "grant", "Quét A", "--role", "scanning-clerk", "--agency", "H33.05")
    chauban.json(*granting, "--until", "2020-12-31")
    assert chauban.refused("--as", "Quét A", "show", "HS-A") == "not-found"
    chauban.json(*granting)
    chauban.json("--as", "Quét A", "show", "HS-A")


def test_a_substitute_acts_in_the_officer_s_place_and_the_history_says_so(
    chauban: Chauban, record_b: str
) -> None:
    lending = (
        *("agent", "substitute", "Quét A", "--for", "Lưu trữ B", "--role", "archivist"),
        *("--agency", "H33.06", "--until", "2099-12-31", "--why", "Nghỉ thai sản"),
    )
    assert chauban.refused("--as", "Quét A", "confirm", record_b) == "not-found"
    agent = chauban.json(*lending)["agent"]
    chauban.json("--as", "Quét A", "confirm", record_b)

    by = chauban.json("history", record_b)["events"][-1]["by"]
    assert (by["agent"], by["role"], by["name"]) == (agent, "archivist", "Quét A")
    assert by["standing_in_for_name"] == "Lưu trữ B"
    assert "Quét A, thay mặt Lưu trữ B" in chauban("history", record_b).out
    ending = ("agent", "substitute-end", *lending[2:9])
    chauban.json(*ending, "--why", "Đã trở lại")
    assert chauban.refused("--as", "Quét A", "show", "HS-B") == "not-found"
    past = chauban.json("history", record_b)["events"][-1]["by"]
    assert past["standing_in_for_name"] == "Lưu trữ B", "what was done stays done in his place"


def test_what_is_lent_goes_with_what_it_was_lent_from(chauban: Chauban) -> None:
    chauban.json(
        *("agent", "substitute", "Quét A", "--for", "Lưu trữ B", "--role", "archivist"),
        *("--agency", "H33.06", "--until", "2099-12-31", "--why", "Nghỉ phép"),
    )
    chauban.json("--as", "Quét A", "show", "HS-B")
    revoking = ("agent", "revoke", "Lưu trữ B", "--role", "archivist", "--agency", "H33.06")
    chauban.json(*revoking, "--why", "Nghỉ hưu")
    assert chauban.refused("--as", "Quét A", "show", "HS-B") == "not-found"
    assert chauban.json("--as", "Quét A", "show", "HS-A")


@pytest.mark.parametrize("role", ["auditor", "administrator"])
def test_some_roles_are_not_lent(chauban: Chauban, role: str) -> None:
    holder, agency = ("Thanh tra", "H33.05") if role == "auditor" else ("Quản trị", "H33")
    lending = ("agent", "substitute", "Quét A", "--for", holder, "--role", role)
    days = ("--agency", agency, "--until", "2099-01-01", "--why", "thử")
    assert chauban.refused(*lending, *days) == "role-not-lent"


def test_the_last_administrator_of_the_archive_keeps_the_role(chauban: Chauban) -> None:
    def role(verb: str, person: str, *more: str) -> tuple[str, ...]:
        return ("agent", verb, person, "--role", "administrator", "--agency", "H33", *more)

    me = chauban.json("history", "HS-A")["events"][0]["by"]["agent"]
    chauban.json(*role("revoke", me, "--why", "Bàn giao"))
    last = ("--as", "Quản trị")
    assert chauban.refused(*last, *role("revoke", "Quản trị", "--why", "thử")) == (
        "last-administrator"
    )
    ending = role("grant", "Quản trị", "--until", "2099-12-31")
    assert chauban.refused(*last, *ending) == "last-administrator", "an end is a loss, too"
    below = ("agent", "grant", "Quét A", "--role", "administrator", "--agency", "H33.05")
    chauban.json(*last, *below)
    again = role("revoke", "Quản trị", "--why", "thử")
    assert chauban.refused(*last, *again) == "last-administrator", "one of a part is not enough"
    chauban.json(*last, *role("grant", "Quét A"))
    chauban.json(*last, *again)
    chauban.json("--as", "Quét A", *role("grant", "Quản trị"))


def test_procedures_are_listed_with_their_versions(chauban: Chauban, tmp_path: Path) -> None:
    assert chauban.json("procedure", "list") == {"procedures": []}
    for name, day in (("Cấp giấy", "2026-01-01"), ("Cấp giấy xác nhận", "2026-06-01")):
        file = tmp_path / "procedure.toml"
        file.write_text(PROCEDURE.format(name=name, day=day))
        chauban.json("procedure", "add", str(file))
    first, second = chauban.json("--as", "Quét A", "procedure", "list")["procedures"]
    assert (first["procedure"], first["version"], first["name"]) == ("1.013979", 1, "Cấp giấy")
    assert (second["version"], second["in_force_from"]) == (2, "2026-06-01")
    assert first["id"] == second["id"]
    assert "Cấp giấy xác nhận" in chauban("procedure", "list").out
