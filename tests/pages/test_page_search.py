"""Searching from the page: what is found, how it is told, and what stays hidden."""

import html
import re
import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pages.conftest import Visits
from tests.pages.site import Site

PAGES = re.compile(r'<h2><a href="/records/(record-[0-9a-f-]+)\?page=(\d+)')
HOSTILE = (
    "<script>alert(1)</script>",
    "' OR 1=1; DROP TABLE records; --",
    '=HYPERLINK("http://x.invalid")',
    "\u202egnp.exe\u2066",
    "x" * 10_000,
    "\x00\x1f",
    "{{ 7*7 }}{% raw %}",
    "(((((((((((((((((((((((((a",
)


def found(site: Site, login: str, address: str) -> list[tuple[str, str]]:
    with site.client(login) as client:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        return PAGES.findall(answer.text)


def test_marks_case_and_composition_find_the_same_pages(site: Site) -> None:
    spelled = found(site, "archivist", f"/search?q={quote('biên bản kiểm kê')}")
    assert [page for _, page in spelled] == ["1", "2", "3"]
    for other in ("bien ban kiem ke", "BIÊN BẢN KIỂM KÊ", unicodedata.normalize("NFD", "biên bản")):
        assert sorted(found(site, "archivist", f"/search?q={quote(other)}")) == sorted(spelled)


def test_hits_tell_how_they_match_and_mark_their_words(site: Site) -> None:
    with site.client("archivist") as client:
        exact = client.get(f"/search?q={quote('kiểm kê')}").text
        folded = client.get("/search?q=kiem+ke").text
        near = client.get("/search?q=kiemm").text
    assert "<mark>kiểm</mark>" in exact
    assert "Khớp nguyên văn" in exact
    assert "<mark>kiểm</mark>" in folded
    assert "Khớp không dấu" in folded
    assert "Khớp gần đúng" in near
    assert "Khớp nguyên văn" not in near


def test_limits_are_chips_and_each_can_be_taken_off(site: Site) -> None:
    with site.client("archivist") as client:
        answer = client.get("/search?q=trang&agency=H33.05&confirmed=false&sort=newest").text
    assert re.search(r'href="/search\?q=trang&amp;agency=H33.05&amp;sort=newest">[^×]*Chưa', answer)
    assert 'href="/search?q=trang&amp;sort=newest">Bỏ hết' in answer


def test_an_empty_answer_proposes_what_else_to_try(site: Site) -> None:
    with site.client("archivist") as client:
        answer = client.get(f"/search?q={quote('kiểm kê')}&year=1999").text
    assert PAGES.findall(answer) == []
    assert 'href="/search?q=ki%E1%BB%83m+k%C3%AA"' in answer
    assert 'href="/search?q=kiem+ke&amp;year=1999"' in answer


def test_a_query_that_cannot_be_read_says_so_and_is_kept(site: Site) -> None:
    with site.client("archivist") as client:
        answer = client.get("/search?q=%22chua+dong&agency=H33.05&from=32/13/2020").text
        other = client.get("/search?q=%22chua+dong&agency=H33.05").text
    assert 'value="32/13/2020"' in answer
    assert "Ngày này không có" in answer
    assert 'value="&#34;chua dong"' in other
    assert 'id="q-error"' in other
    assert 'name="agency" value="H33.05"' in other


def test_another_agency_s_papers_are_not_counted_named_or_offered(site: Site) -> None:
    (theirs,) = set(found(site, "archivist", "/search?agency=H33.06"))
    with site.client("archivist") as client:
        word = re.findall(
            r"<mark>|cb-snip\">([^<]{6,30})", client.get("/search?agency=H33.06").text
        )
    with site.client("clerk") as client:
        for query in ("q=co-quan:H33.06", "agency=H33.06", f"q={quote(word[0])}&dossier=HS-B"):
            answer = client.get(f"/search?{query}")
            assert PAGES.findall(answer.text) == [], query
            assert "0 trang khớp" in answer.text, query
            assert theirs[0] not in answer.text
        assert "Sở B" not in client.get("/search?q=trang").text


def test_a_search_is_saved_listed_and_removed(site: Site) -> None:
    with site.client("records") as client:
        saved = client.post(
            "/search/save",
            {"name": "<b>Của tôi</b>", "query": "q=kiểm kê&agency=H33.05&evil=1", "command": "c1"},
        )
        assert saved.status_code == 303
        listed = client.get("/search").text
        assert "&lt;b&gt;Của tôi&lt;/b&gt;" in listed
        link = html.unescape(re.findall(r'<a href="(/search\?q=ki[^"]+)">&lt;b', listed)[0])
        assert "evil" not in link
        assert len(PAGES.findall(client.get(link).text)) == 3
        again = client.post("/search/save", {"name": " ", "query": "q=kê", "command": "c2"})
        assert again.status_code == 422
        assert 'id="name-error"' in again.text
        (known,) = re.findall(r'name="id" value="([^"]+)"', client.get("/search").text)
        assert client.post("/search/drop", {"id": known}).status_code == 303
        assert "Của tôi" not in client.get("/search").text


def test_who_reads_nothing_may_not_search(site: Site) -> None:
    with site.client("admin") as client:
        assert client.get("/search?q=trang").status_code == 403


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_words_are_only_words(site: Site, text: str) -> None:
    with site.client("archivist") as client:
        for name in ("q", "agency", "year", "type", "from", "to", "dossier", "sort", "page"):
            answer = client.get("/search", params={"q": "trang", name: text})
            assert answer.status_code == 200, name
            assert "<script>alert" not in answer.text
        assert client.get("/search?q=%ff%fe%80").status_code == 200


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(
    st.sampled_from(("q", "agency", "year", "type", "confirmed", "from", "to", "dossier", "sort",
                     "page")),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=80), min_size=1,
))  # fmt: skip
def test_any_query_string_gets_a_page(site: Site, params: dict[str, str]) -> None:
    with site.client(None) as client:
        client.http.cookies.update(_cookies(site))
        assert client.get("/search", params=params).status_code == 200


_COOKIES: dict[str, dict[str, str]] = {}


def _cookies(site: Site) -> dict[str, str]:
    """Of one visit, so that no limit on signing in is met."""
    if site.address not in _COOKIES:
        with site.client("archivist") as client:
            _COOKIES[site.address] = dict(client.http.cookies)
    return _COOKIES[site.address]


@pytest.mark.services
def test_the_keyboard_goes_from_hit_to_hit(site: Site, visits: Visits) -> None:
    page = visits.open(site, "archivist", "/search?q=trang")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/records/**")
    assert page.locator(".cb-boxes rect").count() > 0
