"""The tray: gathered, kept after signing out, described, moved, exported and printed together."""

import csv
import io
import re

from tests.pages.site import Client, Site
from tests.pages.test_page_dossiers import dossier_of

HOSTILE = "=cmd|' /C calc'!A0"


def records_of(client: Client, code: str) -> list[str]:
    page = client.get(dossier_of(client, code)).text
    return re.findall(r'name="record" value="(record-[^"]+)"', page)


def count_of(client: Client) -> dict[str, str]:
    found = re.findall(r'name="count" value="(\d+)"', client.get("/tray").text)
    return {"count": found[0] if found else "0"}


def test_the_tray_survives_signing_out_and_belongs_to_one_person(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        records = records_of(client, "HS-A")
        added = client.post("/tray/add", {"record": records, "back": "/dossiers"})
        assert added.headers["location"] == "/dossiers?done=tray-added"
        client.post("/tray/add", {"record": records})  # Again: each lies there once.
        client.post("/sign-out")
    with own_site.client("archivist") as client:
        assert "2 tài liệu" in client.get("/tray").text
        client.post("/tray/remove", {"record": records[:1]})
        assert "1 tài liệu" in client.get("/tray").text
    with own_site.client("records") as client:
        assert "Khay đang trống" in client.get("/tray").text


def test_a_foreign_record_is_not_laid_in_and_says_nothing(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        foreign = records_of(client, "HS-A")
    with own_site.client("other-archivist") as client:
        client.post("/tray/add", {"record": [*foreign, "record-x", "nonsense"]})
        assert "Khay đang trống" in client.get("/tray").text
        assert client.get("/tray/export.csv").text.count("\n") == 1  # The heads alone.


def test_all_results_of_a_search_are_laid_in_after_their_number_was_told(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        asked = client.get("/tray/found?q=TRANG")  # Three pages of one record.
        assert "1 tài liệu" in asked.text
        assert client.post("/tray/add-found", {"query": "q=TRANG"}).status_code == 303
        assert "1 tài liệu" in client.get("/tray").text


def test_one_field_of_all_is_described_and_each_outcome_is_told(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        mine, other = records_of(client, "HS-A"), records_of(client, "HS-B")
        client.post("/tray/add", {"record": [*mine, *other]})
        own_site.chauban.json("isolate", other[0], "--why", "Của người khác")
        form = {**count_of(client), "field": "subject", "value": HOSTILE, "reason": "Làm sạch",
                "command": "0199f6a2-0000-7000-8000-000000000001"}  # fmt: skip
        assert client.post("/tray/describe", {**form, "reason": ""}).status_code == 422
        answer = client.post("/tray/describe", form)
        assert answer.status_code == 303, answer.text
        page = client.get(answer.headers["location"]).text
        assert "Đã ghi cho 2 tài liệu" in page
        assert "1 tài liệu không làm được" in page
        again = client.post("/tray/describe", form)  # A second click.
        assert again.headers["location"] == answer.headers["location"]
        exported = client.get("/tray/export.csv")
        assert exported.text.startswith("\ufeff")
        rows = list(csv.reader(io.StringIO(exported.text[1:])))
        assert len(rows) == 3
        assert all("'" + HOSTILE in row for row in rows[1:])
        assert not any(cell[:1] in "=+-@" for row in rows for cell in row if cell)
        printed = client.get("/tray/print").text
        assert printed.count("HS-A") == 2
        # The events of one go bear one reference.
        history = own_site.chauban("--json", "history", mine[0]).out
        assert history.count("0199f6a2-0000-7000-8000-000000000001") >= 1


def test_a_tray_that_changed_meanwhile_is_not_touched(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        client.post("/tray/add", {"record": records_of(client, "HS-A")})
        form = {"count": "1", "field": "organ", "value": "x", "reason": "y"}
        assert client.post("/tray/describe", form).status_code == 409


def test_the_tray_moves_to_another_dossier(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        records = records_of(client, "HS-A")
        client.post("/tray/add", {"record": records[:1]})
        form = {**count_of(client), "reason": "Xếp nhầm"}
        assert client.post("/tray/move", {**form, "code": "KHONG-CO"}).status_code == 404
        moved = client.post("/tray/move", {**form, "code": "HS-B", "command": "move-1"})
        assert moved.status_code == 303, moved.text
        assert "Đã chuyển 1 tài liệu" in client.get(moved.headers["location"]).text
        assert records[0] in records_of(client, "HS-B")
        left = client.get(dossier_of(client, "HS-A")).text
        assert "đã chuyển sang hồ sơ" in left
        assert "HS-B" in left
