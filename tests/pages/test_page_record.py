"""The page of a record: its picture at once, boxes on the words, its proofs and its files."""

import hashlib
import html
import json
import re
import sqlite3
from contextlib import closing
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pages.conftest import Visits
from tests.pages.site import Client, Site

BOX = re.compile(r'<rect x="([\d.e-]+)" y="([\d.e-]+)" width="([\d.e-]+)" height="([\d.e-]+)"/>')


def three_pages(client: Client) -> str:
    """The address of the paper of three pages in HS-A."""
    answer = client.get("/search?q=%22bien+ban+kiem+ke%22").text
    return next(iter(re.findall(r'<h2><a href="(/records/record-[0-9a-f-]+)', answer)))


def foreign(site: Site) -> str:
    with site.client("archivist") as client:
        answer = client.get("/search?agency=H33.06").text
    return next(iter(re.findall(r'<h2><a href="(/records/record-[0-9a-f-]+)', answer)))


def test_the_picture_is_in_the_page_and_boxes_lie_on_the_words(site: Site) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        page = client.get(f"{address}?page=2&q=trang").text
        words = client.get(f"{address}/files/words").text.splitlines()
        picture = client.get(html.unescape(re.findall(r'<img src="([^"]+/picture[^"]*)"', page)[0]))
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "no-store"
    assert picture.content[:2] == b"\xff\xd8"
    expected = [
        (left, top, right - left, bottom - top)
        for text, left, top, right, bottom, _ in json.loads(words[1])["words"]
        if text.strip(".,:").lower() == "trang"
    ]
    drawn = [tuple(map(float, box)) for box in BOX.findall(page)]
    assert len(expected) == 2
    assert len(drawn) == 2
    for box, word in zip(drawn, expected, strict=True):
        assert box == pytest.approx(word)


def test_places_lead_from_one_to_the_next_over_the_pages(site: Site) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        seen = []
        here = f"{address}?page=1&q=trang"
        for _ in range(10):
            page = client.get(here).text
            seen.append(re.findall(r"(\d+) / \d+ chỗ trên trang này", page)[0])
            later = re.findall(r'<a href="([^"]+)" data-key="j"', page)
            if not later:
                break
            here = html.unescape(later[0])
        assert seen == ["1", "2", "1", "2", "1", "2"]
        assert re.findall(r'<a href="([^"]+)" data-key="k"', page) != []


def test_every_file_is_what_its_digest_says_and_a_part_is_a_part_of_it(site: Site) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        page = client.get(address).text
        digests = set(re.findall(r"<code>([0-9a-f]{64})</code>", page))
        for kind in ("original", "pdfa", "text", "words", "thumbnails"):
            whole = client.get(f"{address}/files/{kind}")
            assert hashlib.sha256(whole.content).hexdigest() in digests
            assert whole.headers["etag"].strip('"') in digests
            assert whole.headers["content-security-policy"].startswith("sandbox")
            assert whole.headers["content-disposition"].startswith("attachment; filename=")
            assert '"c.pdf"' not in whole.headers["content-disposition"]
        whole = client.get(f"{address}/files/original")
        size = len(whole.content)
        for given_, first, end in (
            ("bytes=0-99", 0, 100),
            ("bytes=100-", 100, size),
            ("bytes=-7", size - 7, size),
            (f"bytes={size - 1}-{size + 50}", size - 1, size),
        ):
            part = client.get(f"{address}/files/original", headers={"Range": given_})
            assert part.status_code == 206
            assert part.content == whole.content[first:end]
            assert part.headers["content-range"] == f"bytes {first}-{end - 1}/{size}"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("bytes=" + ",".join(f"{n}-" for n in range(500)), 200),
        ("bytes=0-1,5-6", 200),
        ("bytes=9-1", 200),
        ("bytes=-", 200),
        ("pages=1-2", 200),
        ("bytes=" + "9" * 5_000 + "-", 200),
        ("bytes=999999999999-", 416),
        ("bytes=-0", 416),
    ],
)
def test_odd_ranges_are_answered_whole_or_refused(site: Site, header: str, status: int) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        assert client.get(f"{address}/files/original", headers={"Range": header}).status_code == (
            status
        )


def test_a_changed_file_is_sent_from_its_beginning(site: Site) -> None:
    with site.client("archivist") as client:
        answer = client.get(
            f"{three_pages(client)}/files/original",
            headers={"Range": "bytes=5-", "If-Range": '"another"'},
        )
    assert answer.status_code == 200


def test_another_agency_s_record_does_not_exist(site: Site) -> None:
    address = foreign(site)
    with site.client("clerk") as client:
        for rest in ("", "?q=a", "/pages/1/picture", "/pages/1/thumbnail", "/files/original"):
            assert client.get(f"{address}{rest}").status_code == 404, rest


@pytest.mark.parametrize(
    "address",
    [
        "/records/x",
        "/records/record-",
        "/records/dossier-0198",
        "/records/record-%00",
        "/records/%ff",
        "/records/record-1/pages/1/picture",
        "/records/record-1/files/../../etc/passwd",
    ],
)
def test_an_unknown_record_is_not_found(site: Site, address: str) -> None:
    with site.client("archivist") as client:
        assert client.get(address).status_code == 404


@pytest.mark.parametrize("n", ["0", "4", "-1", "x", "99999999999999", "%F0%9F%98%80"])
def test_a_page_that_is_not_there_is_not_found(site: Site, n: str) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        assert client.get(f"{address}/pages/{n}/picture").status_code == 404
        assert client.get(f"{address}/pages/{n}/thumbnail").status_code == 404


def test_text_beside_the_picture_and_turned_views(site: Site) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        page = client.get(f"{address}?text=1&turn=90&q=trang&zoom=150").text
    assert "<pre>TRANG 1" in page
    assert "rotate(90)" in page
    assert "cb-page large" in page
    assert len(BOX.findall(page)) == 2


def test_a_view_and_a_download_are_noted(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        address = three_pages(client)
        client.get(f"{address}?page=2")
        client.get(f"{address}/files/pdfa")
    target = address.rpartition("/")[2]
    with closing(sqlite3.connect(own_site.chauban.folder / "reads.sqlite")) as reads:
        rows = reads.execute("SELECT kind, detail FROM reads WHERE what = ?", (target,))
        noted = set(rows.fetchall())
    assert {("view", "page 2"), ("download", "pdfa")} <= noted


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(
        st.sampled_from(("q", "page", "hit", "at", "zoom", "turn", "text")),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.integers().map(str),
    )
)
def test_any_query_string_gets_a_page_or_says_not_found(site: Site, params: dict[str, str]) -> None:
    if site.address not in _VISITS:
        with site.client("archivist") as client:
            _VISITS[site.address] = (dict(client.http.cookies), three_pages(client))
    cookies, address = _VISITS[site.address]
    with site.client(None) as client:
        client.http.cookies.update(cookies)
        assert client.get(address, params=params).status_code in (200, 404)


_VISITS: dict[str, tuple[dict[str, str], str]] = {}


def test_hostile_words_stay_words(site: Site) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
        page = client.get(f"{address}?q={quote('<script>alert(1)</script>')}&at=<b>")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "<b>" not in page.text.partition("<main")[2]


@pytest.mark.services
@pytest.mark.parametrize("script", [True, False])
def test_the_place_is_in_sight_after_a_jump(site: Site, visits: Visits, script: bool) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
    page = visits.open(site, "archivist", f"{address}?q=trang&zoom=220", script=script)
    page.locator("[data-key=j]").click()
    page.wait_for_url("**hit=2#hit")
    box = page.locator("#hit").bounding_box()
    assert box is not None
    assert 0 <= box["y"] <= 900
    assert 0 <= box["x"] <= 1280


@pytest.mark.services
def test_keys_turn_pages_and_enlarge(site: Site, visits: Visits) -> None:
    with site.client("archivist") as client:
        address = three_pages(client)
    page = visits.open(site, "archivist", f"{address}?q=trang")
    page.keyboard.press("]")
    page.wait_for_url("**page=2**")
    page.keyboard.press("+")
    assert "large" in (page.locator(".cb-page").get_attribute("class") or "")
    page.keyboard.press("0")
    assert "large" not in (page.locator(".cb-page").get_attribute("class") or "")
