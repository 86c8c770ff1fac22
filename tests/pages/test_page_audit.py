"""The auditor's pages over a real server: what happened, when, who read it, and nothing beyond."""

import csv
import io
import json
import re
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.web.csv import guarded
from api.web.exporting import file_name
from tests.cli.desk import Chauban, record_of
from tests.pages.site import Client, Site, copied, serving

OLD, NEW = "Hồ sơ HS-A", '=HYPERLINK("http://x";"<b>Đất</b>")'
DECISION = "Quyết định 12/QĐ-UBND"
EVENT = re.compile(r'id="e(\d+)"')


@pytest.fixture(scope="module")
def site(prepared_site: Chauban, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """HS-A with a corrected title and a corrected record; HS-E, whose personal data was erased."""
    chauban = copied(prepared_site, tmp_path_factory.mktemp("audit"))
    chauban.json("correct", "HS-A", "title", NEW, "--why", "Chép sai khi nhập")
    first = record_of(chauban, "HS-A")
    chauban.json("correct", first, "subject", "Về việc giao đất", "--why", "Chép sai")
    chauban.json(
        "dossier", "open", "--agency", "H33.05", "--title", "Hồ sơ cần xóa", "--code", "HS-E",
        "--applicant", "Ông E", "--work-file",
    )  # fmt: skip
    chauban.json("erase", "request", "HS-E", "--why", "Đề nghị")
    chauban.json("--as", "Lãnh đạo", "erase", "approve", "HS-E", "--why", DECISION)
    with serving(chauban, "--no-worker") as running:
        yield running


@pytest.fixture
def auditor(site: Site) -> Iterator[Client]:
    with site.client("auditor") as client:
        yield client


def dossier_id(client: Client, code: str) -> str:
    answer = client.get("/audit", params={"find": code})
    assert answer.status_code == 303, answer.status_code
    return answer.headers["location"].removeprefix("/audit/history/")


def positions(page: str) -> list[int]:
    return [int(each) for each in EVENT.findall(page)]


def text_of(page: str) -> str:
    """What a reader reads, without marks and space."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_the_first_page_names_the_mandate_and_its_dossiers(auditor: Client) -> None:
    page = auditor.get("/audit").text
    assert "Sở A (H33.05)" in page
    assert "31/12/2099" in page
    assert ">HS-A</a>" in page
    assert "&lt;b&gt;" in page
    assert "HS-B" not in page
    assert "Sở B" not in page


def test_a_history_is_told_newest_first_with_old_and_new_side_by_side(auditor: Client) -> None:
    answer = auditor.get("/audit/history/HS-A")
    found = positions(answer.text)
    assert found == sorted(found, reverse=True)
    assert len(found) > 8
    assert "Chép sai khi nhập" in answer.text
    diff = re.findall(r'class="cb-diff">(.*?)</div>\s*</div>', answer.text, re.DOTALL)
    told = [text_of(each.replace("&lt;", "<").replace("&gt;", ">")) for each in diff]
    assert any("Hồ sơ HS-A" in each and "HYPERLINK" in each for each in told)
    assert "Chữ ký nguyên vẹn" in answer.text
    assert "<b>Đất" not in answer.text


def test_as_of_a_moment_the_earlier_value_stands(auditor: Client) -> None:
    page = auditor.get("/audit/history/HS-A").text
    corrected = next(
        int(found[1])
        for found in re.finditer(r'id="e(\d+)"(.*?)</li>', page, re.DOTALL)
        if "Chép sai khi nhập" in found[2]
    )
    then = auditor.get("/audit/history/HS-A", params={"at": corrected - 1}).text
    aside = text_of(then.split("<aside>")[1])
    assert OLD in aside
    assert "HYPERLINK" not in aside
    assert f'class="off" id="e{corrected}"' in then
    assert 'class="now"' in then
    state = text_of(auditor.get("/audit/state/HS-A", params={"at": corrected - 1}).text)
    assert OLD in state
    assert "HYPERLINK" not in state
    assert "sha256" in state
    assert "HYPERLINK" in auditor.get("/audit/state/HS-A").text


def test_the_slider_goes_to_the_nth_event(auditor: Client) -> None:
    found = positions(auditor.get("/audit/history/HS-A").text)[::-1]
    answer = auditor.get("/audit/history/HS-A", params={"step": 3})
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/audit/history/HS-A?at={found[2]}"
    later = auditor.get("/audit/history/HS-A", params={"step": 10_000})
    assert later.headers["location"].endswith(f"at={found[-1]}")
    at = auditor.get(answer.headers["location"]).text
    assert f'class="now" id="e{found[2]}"' in at
    assert 'value="3" aria-valuetext' in at


def test_a_moment_is_written_as_people_write_it(auditor: Client) -> None:
    for text, first in (
        ("1/1/2020 23:59", True),
        ("31/12/2098 08:00:01", False),
        ("2090-01-01", False),
    ):
        page = auditor.get("/audit/history/HS-A", params={"at": text})
        assert page.status_code == 200
        assert ("Lúc đó chưa có gì" in page.text) is first
    wrong = auditor.get("/audit/history/HS-A", params={"at": "hôm qua"})
    assert wrong.status_code == 422
    assert "hôm qua" in wrong.text
    assert "Thời điểm không đúng dạng" in wrong.text


def test_two_moments_are_compared_field_by_field_and_file_by_file(auditor: Client) -> None:
    found = positions(auditor.get("/audit/history/HS-A").text)[::-1]
    whole = auditor.get("/audit/compare/HS-A").text
    told = text_of(whole)
    assert "Hồ sơ HS-A" in told
    assert "HYPERLINK" in told
    assert "thêm vào" in told
    assert told.count("sha256") >= 8
    last = text_of(auditor.get("/audit/compare/HS-A", params={"from": found[-2]}).text)
    assert "Về việc giao đất" in last
    assert "HYPERLINK" not in last
    assert "thêm vào" not in last
    same = auditor.get("/audit/compare/HS-A", params={"from": found[-1]}).text
    assert "Hai thời điểm giống nhau" in same


def test_what_was_erased_is_shown_as_erased_with_the_decision(auditor: Client) -> None:
    pages = {
        each: auditor.get(f"/audit/{each}/HS-E").text for each in ("history", "state", "compare")
    }
    for each, page in pages.items():
        assert "đã xóa theo quyết định" in page, each
        assert "Hồ sơ cần xóa" not in page
        assert "Ông E" not in page
        assert DECISION in page, each


def test_whoever_reads_is_recorded_and_the_auditor_sees_it(site: Site, auditor: Client) -> None:
    target = dossier_id(auditor, "HS-A")
    with site.client("archivist") as archivist:
        assert archivist.get(f"/audit/history/{target}").status_code == 200
        export = archivist.get(f"/audit/history/{target}/export", params={"as": "jsonl"})
        assert export.status_code == 200
    page = text_of(auditor.get(f"/audit/reads/{target}").text)
    assert "Lưu trữ viên" in page
    assert "xuất" in page
    assert "chờ ký" in page
    assert "Ai đã xem" in auditor.get(f"/audit/history/{target}").text


def test_who_may_read_sees_the_history_and_no_reads(site: Site, auditor: Client) -> None:
    target = dossier_id(auditor, "HS-A")
    with site.client("officer") as officer:
        page = officer.get(f"/audit/history/{target}")
        assert page.status_code == 200
        assert "Ai đã xem" not in page.text
        assert "Kiểm tra ngay" not in page.text
        assert officer.get(f"/audit/reads/{target}").status_code == 404
        assert officer.get("/audit").status_code == 403
        assert officer.get("/audit/events").status_code == 403
        assert officer.post(f"/audit/verify/{target}").status_code == 403
        assert officer.post("/audit/verify").status_code == 403


def test_another_agency_is_found_nowhere(site: Site, auditor: Client) -> None:
    with site.client("other-archivist") as other:
        page = other.get("/audit/history/HS-B")
        assert page.status_code == 200
        theirs = set(positions(page.text))
        foreign = re.search(r"/audit/verify/(dossier-[0-9a-f-]+)", page.text)
        assert foreign is not None
        record = re.search(r"record-[0-9a-f-]{36}", page.text)
        assert record is not None
    for ref in ("HS-B", foreign[1], record[0]):
        for place in ("history", "state", "compare", "reads"):
            assert auditor.get(f"/audit/{place}/{ref}").status_code == 404, (place, ref)
        assert auditor.get(f"/audit/history/{ref}/export").status_code == 404
        assert auditor.post(f"/audit/verify/{ref}").status_code == 404
        found = auditor.get("/audit", params={"find": ref})
        missing = auditor.get("/audit", params={"find": "HS-NONE"})
        assert found.status_code == missing.status_code == 404
    seen: set[int] = set()
    address = "/audit/events?" + urlencode({"day": today_of(auditor)})
    for _ in range(50):
        page = auditor.get(address)
        assert page.status_code == 200
        assert "HS-B" not in page.text
        assert "Sở B" not in page.text
        seen |= set(positions(page.text))
        further = re.search(r'rel="next" href="([^"]+)"', page.text)
        if further is None:
            break
        address = further[1].replace("&amp;", "&")
    assert set(positions(auditor.get("/audit/history/HS-A").text)) <= seen
    assert seen
    assert not seen & theirs


def today_of(client: Client) -> str:
    page = client.get("/audit/history/HS-A").text
    found = re.search(r"(\d{2}/\d{2}/\d{4}) \d{2}:\d{2}:\d{2}</time>", page)
    assert found is not None
    return found[1]


def test_everything_of_one_agent_and_of_one_station(auditor: Client) -> None:
    home = auditor.get("/audit").text
    options = {
        name: value
        for value, name in re.findall(r'<option value="(agent-[^"]+)">([^<]+)</option>', home)
    }
    assert "Lãnh đạo" in options
    assert "Cán bộ quét B" not in options
    page = text_of(auditor.get("/audit/events", params={"agent": options["Lãnh đạo"]}).text)
    assert "Phê duyệt xóa" in page
    assert "Mở hồ sơ" not in page
    both = {"agent": options["Lãnh đạo"], "day": "1/1/2020"}
    assert "Không có sự kiện nào" in auditor.get("/audit/events", params=both).text
    station = auditor.get("/audit/events", params={"device": "Trạm không có"}).text
    assert "Không có sự kiện nào" in station


def test_the_table_holds_no_formula_and_the_lines_hold_every_event(auditor: Client) -> None:
    answer = auditor.get("/audit/history/HS-A/export", params={"as": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    found = positions(auditor.get("/audit/history/HS-A").text)
    name = f'attachment; filename="lich-su-HS-A-{max(found)}.csv"'
    assert answer.headers["content-disposition"] == name
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")))
    assert [int(row[0]) for row in rows[1:]] == found[::-1]
    cells = [cell for row in rows for cell in row]
    assert any(NEW in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    lines = auditor.get("/audit/history/HS-A/export", params={"as": "jsonl"}).text.splitlines()
    events = [json.loads(line) for line in lines]
    assert [each["position"] for each in events] == found[::-1]
    corrected = [each for each in events if each["type"] == "dossier-corrected/1"]
    assert corrected[0]["changes"][0]["before"] == OLD
    assert auditor.get("/audit/history/HS-A/export", params={"as": "exe"}).status_code == 422


def test_a_guard_stands_before_every_formula() -> None:
    for start in ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n", " =", "\u00a0+", "＝", "＋"):
        assert guarded(f"{start}1") == f"'{start}1"
    assert guarded("Đơn = 1") == "Đơn = 1"
    assert file_name('H33/ĐĐ-1 "x', 7, "csv") == "lich-su-H33-DD-1-x-7.csv"


def test_a_check_says_what_it_did_and_what_it_does_not_prove(site: Site, auditor: Client) -> None:
    begun = auditor.post(f"/audit/verify/{dossier_id(auditor, 'HS-A')}")
    assert begun.status_code == 303, begun.text
    page = result_of(auditor, begun.headers["location"])
    assert "Nguyên vẹn" in page
    assert "không chứng minh" in page
    assert "Chứng thư lấy từ chính kho này" in page
    with site.client("archivist") as other:
        assert other.get(begun.headers["location"]).status_code == 404
    stream = auditor.get(begun.headers["location"] + "/events").text
    assert stream.count("data:") >= 1
    assert "data-ended" in stream


def result_of(client: Client, address: str) -> str:
    """The page of a check when it ended, as a browser without scripts asks for it."""
    for _ in range(200):
        page = client.get(address)
        assert page.status_code == 200, page.text
        if "data-ended" in page.text:
            return text_of(page.text)
        assert 'http-equiv="refresh"' in page.text
        time.sleep(0.1)
    raise AssertionError("the check did not end")


def test_an_altered_object_is_named_in_words(
    prepared_site: Chauban, tmp_path_factory: pytest.TempPathFactory
) -> None:
    chauban = copied(prepared_site, tmp_path_factory.mktemp("tampered"))
    shown = chauban.json("show", record_of(chauban, "HS-A"))
    digest = next(r["sha256"] for r in shown["representations"] if r["kind"] == "original")
    hexadecimal = digest.removeprefix("sha256:")
    (path,) = (
        p for p in (chauban.folder / "objects").rglob("*") if hexadecimal in str(p) and p.is_file()
    )
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with serving(chauban, "--no-worker") as running, running.client("auditor") as auditor:
        begun = auditor.post(f"/audit/verify/{dossier_id(auditor, 'HS-A')}")
        page = result_of(auditor, begun.headers["location"])
        assert "Có sai khác" in page
        assert "Tệp đã lưu bị thay đổi" in page
        # What speaks of every agency is for who may verify all of them.
        assert auditor.post("/audit/verify").status_code == 403
        assert 'action="/audit/verify"' not in auditor.get("/audit").text
        with running.client("archivist") as archivist:
            whole = archivist.post("/audit/verify")
            assert "Tệp đã lưu bị thay đổi" in result_of(archivist, whole.headers["location"])


def test_a_mandate_that_ended_shows_nothing(own_site: Site) -> None:
    with own_site.client("auditor") as auditor:
        assert auditor.get("/audit").status_code == 200
        own_site.chauban.json(
            "agent", "revoke", "Thanh tra viên", "--role", "auditor", "--agency", "H33.05",
            "--why", "Hết thời hạn thanh tra",
        )  # fmt: skip
        for address in ("/audit", "/audit/history/HS-A", "/audit/events", "/audit/compare/HS-A"):
            answer = auditor.get(address)
            assert (answer.status_code, answer.headers.get("location")) == (303, "/role")
        page = auditor.get("/role").text
        assert "HS-A" not in page
        assert 'type="radio"' not in page


ODD = st.one_of(
    st.text(max_size=40),
    st.integers(-5, 10**20).map(str),
    st.dates().map(lambda d: f"{d.day}/{d.month}/{d.year} 23:59"),
    st.sampled_from(
        ["9999-12-31", "0001-01-01", "1/1/1 00:00", "31/12/9999 23:59", "24:61", "²", "٣"]
    ),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=ODD, since=ODD, until=ODD, before=ODD)
def test_whatever_stands_in_an_address_is_answered(
    auditor: Client, at: str, since: str, until: str, before: str
) -> None:
    fine = {200, 303, 404, 422}
    for address, values in (
        ("/audit/history/HS-A", {"at": at, "before": before}),
        ("/audit/history/HS-A", {"step": at}),
        ("/audit/state/HS-A", {"at": at}),
        ("/audit/compare/HS-A", {"from": since, "to": until}),
        ("/audit/events", {"day": at, "agent": since, "device": until, "before": before}),
        ("/audit/events", {"day": at, "before": before}),
        ("/audit/history/HS-A/export", {"at": at, "as": "jsonl"}),
        ("/audit", {"find": at}),
    ):
        assert auditor.get(address, params=values).status_code in fine, (address, values)
