"""What a program can do with an archive, in the order of a day."""

import hashlib
import json
import re
from base64 import b64encode
from pathlib import Path

import httpx
import pytest

from tests.api.caller import V1, Program, problem, until
from tests.cli.desk import PAPER_A, SENTENCE_A, scan
from tests.pages.site import Site


def test_who_am_i_and_what_is_here(archivist: Program, site: Site) -> None:
    me = archivist.get("/me").json()
    assert (me["role"], me["agency"]) == ("archivist", "H33")
    assert set(me["scopes"]) == {"read", "receive", "describe", "audit", "administer"}
    status = archivist.get("/status").json()
    assert status["position"] >= status["indexed"] > 0
    assert re.fullmatch(r"[0-9a-f]{64}", status["certificate"])
    codes = {each["agency"]: each for each in archivist.get("/agencies").json()["agencies"]}
    assert codes["H33.05"]["parent"] == "H33"
    assert archivist.get("/procedures").json() == {"procedures": []}


def test_a_dossier_from_opening_to_closing(archivist: Program, tmp_path: Path) -> None:
    opened = archivist.post(
        "/dossiers",
        {
            "agency": "H33.05",
            "title": "Hồ sơ mở qua API",
            "kind": "work-file",
            "applicant": "Ông C",
        },
    )
    assert opened.status_code == 201, opened.text
    where = opened.headers["location"]
    assert where == f"{V1}/dossiers/{opened.json()['id']}"
    shown = archivist.http.get(where).json()
    assert (shown["title"], shown["applicant"]) == ("Hồ sơ mở qua API", "Ông C")
    code = opened.json()["dossier"]
    assert archivist.get(f"/dossiers/{code}").json()["id"] == shown["id"]
    assert archivist.get(f"/dossier-codes/{code}").json()["id"] == shown["id"]
    corrected = archivist.post(
        f"/dossiers/{code}/corrections",
        {"field": "title", "value": "Tên khác", "reason": "Ghi nhầm", "reference": "12/QĐ-SNV"},
    )
    assert corrected.status_code == 201
    assert corrected.headers["location"] == where
    assert archivist.get(f"/dossiers/{code}").json()["title"] == "Tên khác"
    before = corrected.json()["position"] - 1
    assert archivist.get(f"/dossiers/{code}", params={"at": before}).json()["title"] != "Tên khác"
    assert problem(archivist.post(f"/dossiers/{code}/closure"), 409) == "dossier-empty"
    paper = scan(tmp_path / "g.jpg", ("TỜ ĐƠN DUY NHẤT",)).read_bytes()
    assert archivist.send(archivist.batch(code), paper).status_code == 201
    assert archivist.post(f"/dossiers/{code}/closure").status_code == 201
    assert archivist.get(f"/dossiers/{code}").json()["closed_on"] is not None
    assert problem(archivist.post(f"/dossiers/{code}/closure"), 409) == "dossier-closed"
    until(lambda: "dossier-closed/1" in archivist.get(f"/dossiers/{code}/history").text)
    lines = archivist.get(f"/dossiers/{code}/history", headers={"Accept": "application/x-ndjson"})
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    events = [json.loads(line) for line in lines.text.splitlines()]
    assert {each["signature"] for each in events} == {"intact"}
    assert events[1]["why"]["reference"] == "12/QĐ-SNV"


def test_a_code_with_a_slash_is_found(archivist: Program) -> None:
    body = {"agency": "H33.05", "title": "Có gạch chéo", "kind": "work-file", "code": "A/B-01"}
    opened = archivist.post("/dossiers", body).json()
    assert archivist.get("/dossier-codes/a/b-01").json() == {
        "dossier": "A/B-01",
        "id": opened["id"],
    }


def test_dossiers_are_listed_page_by_page_without_a_gap(archivist: Program) -> None:
    for n in range(5):
        body = {"agency": "H33.06", "title": f"Hồ sơ số {n}", "kind": "work-file"}
        assert archivist.post("/dossiers", body).status_code == 201
    asked = {"agency": "H33.06", "limit": 2}
    until(lambda: len(archivist.get("/dossiers?agency=H33.06").json()["dossiers"]) == 6)
    seen: list[str] = []
    cursor: str | None = None
    for _ in range(10):
        more = {"cursor": cursor} if cursor else {}
        page = archivist.get("/dossiers", params=asked | more).json()
        seen += [each["dossier"] for each in page["dossiers"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 6
    days = [each["opened_on"] for each in archivist.get("/dossiers").json()["dossiers"]]
    assert days == sorted(days, reverse=True)
    assert problem(archivist.get("/dossiers?cursor=x"), 422) == "invalid-cursor"
    assert problem(archivist.get("/dossiers?agency=H99"), 404) == "not-found"


def test_a_scan_from_the_batch_to_the_confirmation(
    clerk: Program, archivist: Program, site: Site, tmp_path: Path
) -> None:
    content = scan(tmp_path / "e.jpg", (*PAPER_A, "Bản gửi qua API")).read_bytes()
    opened = clerk.post(
        "/dossiers/HS-A/batches", {"files": 1, "device": "Máy quét 3", "sheets": 1, "documents": 1}
    )
    assert opened.status_code == 201
    batch = opened.json()["batch"]
    assert opened.headers["location"] == f"{V1}/batches/{batch}"
    digest = hashlib.sha256(content)
    receipt = clerk.send(
        batch,
        content,
        Content_Type="image/jpeg",
        X_File_Name="Bi%C3%AAn%20b%E1%BA%A3n.jpg",
        Repr_Digest=f"sha-256=:{b64encode(digest.digest()).decode()}:",
        X_Paper_Location="H%E1%BB%99p%207",
    )
    assert receipt.status_code == 201, receipt.text
    said = receipt.json()
    assert (said["state"], said["sha256"]) == ("stored", f"sha256:{digest.hexdigest()}")
    where = receipt.headers["location"]
    assert where == f"{V1}/records/{said['record']}"
    until(lambda: clerk.http.get(where).json()["page_count"] == 1, 60)
    shown = clerk.http.get(where).json()
    assert shown["received_name"] == "Biên bản.jpg"
    assert shown["paper_location"] == "Hộp 7"
    assert SENTENCE_A in shown["pages"][0]["text"]
    page = clerk.http.get(f"{where}/pages/1").json()
    assert page["state"] == "ok"
    word = next(each for each in page["words"] if each["text"] == "huyện")
    assert len(word["box"]) == 4
    assert problem(clerk.http.get(f"{where}/pages/2"), 404) == "not-found"
    again = clerk.send(batch, content, X_File_Name="khac.jpg")
    assert (again.status_code, again.json()["record"]) == (200, said["record"])
    counted = clerk.get(f"/batches/{batch}").json()
    assert (counted["received"], counted["duplicated"]) == ([said["record"]], 1)
    confirmed = clerk.http.post(f"{where}/confirmation", headers={"Idempotency-Key": "sure-1"})
    assert confirmed.status_code == 201
    assert confirmed.headers["location"] == where
    assert clerk.http.get(where).json()["confirmed"] is True
    corrected = archivist.http.post(
        f"{where}/corrections",
        json={"field": "subject", "value": "Về kế hoạch khác", "reason": "Máy đọc sai"},
        headers={"Idempotency-Key": "fix-1"},
    )
    assert corrected.status_code == 201, corrected.text
    assert clerk.http.get(where).json()["subject"] == "Về kế hoạch khác"


def test_pages_are_found_and_work_is_listed(clerk: Program, record_a: str) -> None:
    found = clerk.get("/search", params={"q": SENTENCE_A, "agency": "H33.05", "limit": 5}).json()
    assert record_a in [hit["record"] for hit in found["hits"]]
    assert found["hits"][0]["match"] == "exact"
    assert found["hits"][0]["boxes"]
    assert clerk.get("/search", params={"q": "trạm bơm thủy lợi"}).json()["total"] == 0
    assert problem(clerk.get("/search", params={"q": "năm:khong"}), 422).startswith("query-")
    tasks = clerk.get("/work").json()["pending"]
    assert {"confirm"} <= {each["task"] for each in tasks}


def test_a_foreign_paper_is_isolated_and_seen_by_nobody(
    clerk: Program, admin: Program, site: Site, tmp_path: Path
) -> None:
    content = scan(tmp_path / "f.jpg", ("GIẤY TỜ CỦA NGƯỜI KHÁC",)).read_bytes()
    batch = clerk.batch("HS-A")
    record = clerk.send(batch, content).json()["record"]
    body = {"ground": "stranger", "reason": "Lẫn vào hồ sơ"}
    assert clerk.post(f"/records/{record}/isolation", body).status_code == 201
    for path in ("", "/pages/1", "/files/original", "/history"):
        assert problem(clerk.get(f"/records/{record}{path}"), 404) == "not-found"
    until(lambda: clerk.get(f"/batches/{batch}").json()["received"] == [])
    assert record in [each["record"] for each in admin.get("/work").json()["incidents"]]
    assert clerk.get("/work").json()["incidents"] == []


def test_pages_are_arranged_split_joined_moved_and_withdrawn(archivist: Program) -> None:
    papers = archivist.get("/dossiers/HS-A").json()["records"]
    record = next(each["record"] for each in papers if each["page_count"] == 3)
    turned = archivist.post(
        f"/records/{record}/arrangement", {"order": [2, 1, 3], "turned": [0, 180, 0]}
    )
    assert turned.status_code == 201, turned.text
    split = archivist.post(f"/records/{record}/splits", {"pages": [3]})
    assert split.status_code == 201, split.text
    new = split.json()["record"]
    assert split.headers["location"] == f"{V1}/records/{new}"
    assert archivist.get(f"/records/{new}").status_code == 200
    joined = archivist.post(f"/records/{record}/merges", {"other": new})
    assert joined.status_code == 201, joined.text
    there = {"agency": "H33.05", "title": "Hồ sơ đúng", "kind": "work-file"}
    code = archivist.post("/dossiers", there).json()["dossier"]
    moving = {"dossier": code, "reason": "Xếp nhầm hồ sơ"}
    assert archivist.post(f"/records/{record}/moves", moving).status_code == 201
    assert archivist.get(f"/records/{record}").json()["dossier"] == code
    gone = archivist.post(f"/records/{record}/withdrawal", {"reason": "Quét nhầm"})
    assert gone.status_code == 201, gone.text
    wrong = archivist.post(f"/records/{record}/splits", {"pages": []})
    assert problem(wrong, 422) == "request-invalid"
    assert wrong.json()["details"] == {"field": "body.pages", "rule": "too_short"}


# ---------------------------------------------------------------- bytes


def original(archivist: Program, record: str) -> httpx.Response:
    return archivist.get(f"/records/{record}/files/original")


def test_bytes_come_whole_and_say_what_they_are(archivist: Program, record_a: str) -> None:
    whole = original(archivist, record_a)
    digest = hashlib.sha256(whole.content)
    assert whole.status_code == 200
    assert whole.headers["content-type"] == "image/jpeg"
    assert whole.headers["etag"] == f'"{digest.hexdigest()}"'
    assert whole.headers["repr-digest"] == f"sha-256=:{b64encode(digest.digest()).decode()}:"
    assert whole.headers["content-disposition"].startswith("attachment")
    for kind in ("pdfa", "text", "words", "thumbnails"):
        assert archivist.get(f"/records/{record_a}/files/{kind}").status_code == 200
    same = archivist.get(
        f"/records/{record_a}/files/original", headers={"If-None-Match": whole.headers["etag"]}
    )
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=10-19", slice(10, 20)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999999", slice(5, None)),
    ],
)
def test_one_range_is_answered(archivist: Program, record_a: str, asked: str, part: slice) -> None:
    whole = original(archivist, record_a)
    answer = archivist.get(f"/records/{record_a}/files/original", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == whole.content[part]
    size = len(whole.content)
    first = range(size)[part][0]
    last = range(size)[part][-1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=" + ",".join("0-1" for _ in range(20)), "items=0-1", "bytes=9-2", "x"],
)
def test_ranges_that_are_not_one_get_the_whole(
    archivist: Program, record_a: str, asked: str
) -> None:
    answer = archivist.get(f"/records/{record_a}/files/original", headers={"Range": asked})
    assert answer.status_code == 200
    assert answer.content == original(archivist, record_a).content


def test_a_flood_of_ranges_is_refused(archivist: Program, record_a: str) -> None:
    flood = "bytes=" + ",".join(f"{n}-" for n in range(1000))
    answer = archivist.get(f"/records/{record_a}/files/original", headers={"Range": flood})
    assert problem(answer, 422) == "request-invalid"


def test_a_range_behind_the_end_is_told_the_size(archivist: Program, record_a: str) -> None:
    size = len(original(archivist, record_a).content)
    answer = archivist.get(
        f"/records/{record_a}/files/original", headers={"Range": f"bytes={size}-"}
    )
    assert problem(answer, 416) == "range-not-satisfiable"
    assert answer.headers["content-range"] == f"bytes */{size}"


def test_a_download_goes_on_only_with_the_same_bytes(archivist: Program, record_a: str) -> None:
    address = f"/records/{record_a}/files/original"
    changed = {"Range": "bytes=5-", "If-Range": '"other"'}
    assert archivist.get(address, headers=changed).status_code == 200
    etag = original(archivist, record_a).headers["etag"]
    assert archivist.get(address, headers=changed | {"If-Range": etag}).status_code == 206


# ---------------------------------------------------------------- overseeing


def test_who_looked_is_recorded_and_told_to_auditors(
    archivist: Program, clerk: Program, record_a: str
) -> None:
    clerk.get(f"/records/{record_a}")
    clerk.get(f"/records/{record_a}/files/text")
    reads = archivist.get(f"/records/{record_a}/reads").json()["reads"]
    told = {(each["by"]["name"], each["kind"], each["detail"]) for each in reads}
    assert {("Cán bộ quét", "view", ""), ("Cán bộ quét", "download", "text")} <= told
    assert {each["purpose"] for each in reads} == {"api"}
    dossier = archivist.get("/dossiers/HS-A/reads", params={"limit": 1000}).json()["reads"]
    assert len(dossier) >= len(reads)


def test_agents_are_listed_for_their_administrator(admin: Program) -> None:
    agents = {each["name"]: each for each in admin.get("/agents").json()["agents"]}
    held = agents["Cán bộ quét"]["grants"]
    assert [(each["role"], each["agency"]) for each in held] == [("scanning-clerk", "H33.05")]
