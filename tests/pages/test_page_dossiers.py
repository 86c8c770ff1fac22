"""Browsing dossiers and one of them: what is shown, to whom, and what is done from there."""

import html
import re

import httpx
import pytest

from tests.pages.conftest import Visits
from tests.pages.site import Client, Site

HOSTILE = "=HYPERLINK(1) <script>alert(1)</script> '); DROP TABLE--"


def dossier_of(client: Client, code: str) -> str:
    answer = client.get("/dossiers/find", params={"code": code})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def said(answer: httpx.Response) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", answer.text))


def test_the_list_is_narrowed_by_every_limit_and_each_can_be_taken_off(site: Site) -> None:
    with site.client("archivist") as client:
        all_of_them = client.get("/dossiers").text
        assert "HS-A" in all_of_them
        assert "HS-B" in all_of_them
        narrowed = client.get("/dossiers?agency=H33.05&kind=work-file&state=open").text
        assert "HS-A" in narrowed
        assert "HS-B" not in narrowed
        assert narrowed.count('aria-hidden="true">×') == 3
        assert "HS-A" not in client.get("/dossiers?state=closed").text
        assert "HS-A" not in client.get("/dossiers?year=1999").text


def test_another_agencys_dossiers_are_in_no_list_no_count_and_no_facet(site: Site) -> None:
    with site.client("archivist") as client:
        foreign = dossier_of(client, "HS-A")
    with site.client("other-archivist") as client:
        page = client.get("/dossiers")
        assert "HS-B" in page.text
        assert "HS-A" not in page.text
        assert "Sở A" not in page.text
        assert "1 hồ sơ" in page.text
        for address in (foreign, f"{foreign}/list", f"{foreign}/close", f"{foreign}/correct"):
            assert client.get(address).status_code == 404, address
        assert client.get("/dossiers/find?code=HS-A").status_code == 404
        assert "HS-A" not in client.get("/dossiers?agency=H33.05").text


@pytest.mark.parametrize(
    "query",
    ["agency=%00", "year=99999", "after=x", "after=2026-01-01_%22", "kind=x&state=y", "page=-1"],
)
def test_no_query_string_breaks_the_list(site: Site, query: str) -> None:
    with site.client("archivist") as client:
        assert client.get(f"/dossiers?{query}").status_code == 200


def test_a_hostile_title_is_shown_as_text(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        form = {"kind": "work-file", "code": "HS-X", "command": "open-hs-x"}
        form["receiving"] = re.findall(
            r'value="(agency-[^"]+)" selected', client.get("/dossiers/new").text
        )[0]
        first = client.post("/dossiers", {**form, "title": HOSTILE + "dài " * 200})
        assert first.status_code == 303, first.text
        again = client.post("/dossiers", {**form, "title": HOSTILE + "dài " * 200})
        assert again.headers["location"] == first.headers["location"]  # A second click.
        for address in ("/dossiers", first.headers["location"]):
            page = client.get(address).text
            assert "<script>alert" not in page
            assert "&lt;script&gt;alert" in page
        turned = client.post("/dossiers", {**form, "command": "x", "title": "a\u202eb"})
        assert turned.status_code == 422  # Nothing that turns the direction of reading.
        too_long = client.post("/dossiers", {**form, "command": "y", "title": "a" * 10_000})
        assert too_long.status_code == 422
        assert "a" * 10_000 in too_long.text


def test_a_paper_is_added_corrected_listed_and_the_dossier_is_held_and_closed(
    own_site: Site,
) -> None:
    with own_site.client("archivist") as client:
        address = dossier_of(client, "HS-A")
        form = {"location": "Kho 2, hộp 17", "command": "paper-1"}
        assert client.post(f"{address}/papers", form).status_code == 303
        assert client.post(f"{address}/papers", form).status_code == 303  # A second click.
        page = client.get(address)
        assert page.text.count("Kho 2, hộp 17") == 1
        assert "3 tài liệu" in said(page)
        empty = client.post(f"{address}/papers", {"location": ""})
        assert empty.status_code == 422
        assert "govuk-error-summary" in empty.text

        version = re.findall(r'name="version" value="(\d+)"', client.get(f"{address}/correct").text)
        change = {"title": "Tên mới", "applicant": "Ông HS-A", "phone": "0912345678",
                  "reason": "Gõ nhầm", "version": version[0]}  # fmt: skip
        assert client.post(f"{address}/correct", change).status_code == 303
        page = client.get(address)
        assert "Tên mới" in page.text
        assert "Hồ sơ HS-A" in page.text
        stale = client.post(f"{address}/correct", {**change, "title": "Tên khác"})
        assert stale.status_code == 409
        assert "Tên mới" in stale.text
        assert "Tên khác" in stale.text

        assert client.post(f"{address}/hold", {"reason": "Khiếu nại"}).status_code == 303
        assert client.post(f"{address}/hold", {"reason": "Khiếu nại"}).status_code == 409
        assert client.post(f"{address}/lift", {"reason": "Đã giải quyết"}).status_code == 303

        assert "Kho 2, hộp 17" in client.get(f"{address}/list").text
        assert "3 tài liệu" in client.get(f"{address}/close").text
        assert client.post(f"{address}/close").status_code == 303
        assert client.post(f"{address}/close").status_code == 409
        closed = client.get(address).text
        assert "kết thúc ngày" in closed
        assert f"{address}/papers" not in closed


def test_a_clerk_is_offered_only_what_a_clerk_may_do(site: Site) -> None:
    with site.client("clerk") as client:
        address = dossier_of(client, "HS-A")
        page = client.get(address).text
        for part in ("/correct", "/close", "/hold", "/audit"):
            assert f'{part}"' not in page, part
        assert client.get(f"{address}/correct").status_code == 403
        assert client.get(f"{address}/close").status_code == 403
        assert client.post(f"{address}/hold", {"reason": "x"}).status_code == 403


@pytest.mark.services
def test_a_dossier_is_found_and_opened_by_keyboard(site: Site, visits: Visits) -> None:
    page = visits.open(site, "archivist", "/dossiers")
    page.keyboard.press("f")
    page.keyboard.type("HS-A")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dossiers/dossier-*")
    assert page.locator("h1").inner_text() == "Hồ sơ HS-A"
