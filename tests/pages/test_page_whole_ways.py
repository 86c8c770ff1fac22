"""One dossier through everybody's hands, with and without scripts; and what strangers type."""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page, expect

from tests.pages.catalogue import TABLE, Door, Things, filled
from tests.pages.conftest import Visits
from tests.pages.examples import PROCEDURE, examples
from tests.pages.site import Client, Site

READ_MS = 40_000
QUERIED = sorted(
    route
    for route, way in TABLE.items()
    if route.startswith("GET ")
    and way.needs is not Door.ANYBODY
    and not route.endswith("/events")
    and "{id}" not in route
)
"""Every address of a visit that answers once."""
NAMES = (
    *("q", "agency", "year", "type", "confirmed", "from", "to", "dossier", "sort", "page", "w"),
    *("after", "code", "kind", "state", "procedure", "at", "before", "step", "as", "find", "of"),
    *("agent", "day", "device", "parent", "done", "next", "text", "hit", "zoom", "turn", "ended"),
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        (
            *("<script>alert(1)</script>", "' OR 1=1 --", "=HYPERLINK(1)", "\u202e", "\x00"),
            *("x" * 3_000, "-1", "0", "9" * 40, "1e9", "²", "٣", "NaN", "null", "../../etc/passwd"),
            *("record-", "dossier-x", "agency-0", "agent-\udcff", "2026-13-45", "0001-01-01"),
            *("9999-12-31", "31/2/2026", "//evil.example", "javascript:1", "%00", "[", "(((", '"'),
            *("date:", "từ:2026..", "AND OR NOT", "*", "{{7*7}}", "%(x)s", "\r\nX: 1"),
        )
    ),
)


@pytest.mark.services
@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_a_dossier_goes_through_everybodys_hands(
    own_site: Site, visits: Visits, script: bool
) -> None:
    papers = own_site.chauban.folder.with_name("papers")
    clerk = visits.open(own_site, "clerk", script=script)
    expect(clerk).to_have_url(re.compile("/station"))
    scan(clerk, papers, script=script)
    clerk.get_by_role("link", name="So với giấy và xác nhận").click()
    clerk.get_by_role("button", name="Đã so đúng bản giấy: xác nhận").click()
    expect(clerk.locator(".cb-flash.ok")).to_be_visible()
    before = count(own_site)
    clerk.go_back()  # Whatever the browser shows there, nothing happens twice.
    clerk.reload()
    assert count(own_site) == before

    archivist = visits.open(own_site, "archivist", script=script)
    archivist.locator("[name=q]").first.fill("cấp giấy chứng nhận quyền sử dụng")
    archivist.locator("[name=q]").first.press("Enter")
    archivist.locator("article.cb-hit h2 a").first.click()
    expect(archivist.locator("main")).to_contain_text("HS-W")
    archivist.get_by_role("link", name="Sửa mô tả").click()
    archivist.get_by_label("Cơ quan ban hành").fill("Ủy ban nhân dân xã")
    archivist.fill("#reason", "Chép sót")
    archivist.get_by_role("button", name="Lưu", exact=True).click()
    expect(archivist.locator(".cb-flash.ok")).to_be_visible()
    archivist.goto("/dossiers/HS-W")
    archivist.locator("input[name=record]").first.check(force=True)
    archivist.get_by_role("button", name="Bỏ các tài liệu đã chọn vào khay").click()
    archivist.goto("/tray")
    expect(archivist.locator("[data-hit]")).to_have_count(1)

    handler = visits.open(own_site, "handler", "/dossiers/HS-W/correct", script=script)
    handler.fill("#title", "Hồ sơ đã sửa tên")
    handler.fill("#reason", "Ghi nhầm")
    handler.get_by_role("button", name="Ghi thay đổi").click()
    expect(handler.locator("h1")).to_have_text("Hồ sơ đã sửa tên")
    assert handler.get_by_text("Tạm dừng hủy", exact=True).count() == 0, "a leader's alone"

    leader = visits.open(own_site, "leader", "/dossiers/HS-W", script=script)
    leader.locator("details:has(form[action$='/hold']) summary").first.click()
    leader.fill("form[action$='/hold'] [name=reason]", "Đang có khiếu nại")
    leader.locator("form[action$='/hold'] button").click()
    expect(leader.locator(".cb-flash.ok")).to_be_visible()

    keeper = visits.open(own_site, "records", "/dossiers/HS-W/close", script=script)
    keeper.get_by_role("button", name="Kết thúc hồ sơ này").click()
    expect(keeper.locator(".cb-flash.ok")).to_be_visible()
    assert keeper.goto("/dossiers/HS-B").status == 404  # type: ignore[union-attr]

    officer = visits.open(own_site, "officer", script=script)
    officer.goto("/dossiers/HS-W")
    expect(officer.locator("h1")).to_have_text("Hồ sơ đã sửa tên")

    auditor = visits.open(own_site, "auditor", "/audit", script=script)
    auditor.fill("#find", "HS-W")
    auditor.press("#find", "Enter")
    told = auditor.locator("main")
    for text in ("Ghi nhầm", "Đang có khiếu nại", "Cán bộ thụ lý", "Văn thư", "Lãnh đạo"):
        expect(told).to_contain_text(text)
    auditor.get_by_role("button", name="Kiểm tra ngay").first.click()
    auditor.wait_for_selector("[data-ended]", timeout=30_000)
    expect(auditor.locator("main")).to_contain_text("Nguyên vẹn")


def scan(page: Page, papers: Path, *, script: bool) -> None:
    """Opens HS-W and sends one page, to the moment when it was read."""
    page.fill("#title", "Hồ sơ qua tay mọi người")
    page.fill("#code", "HS-W")
    page.press("#code", "Enter")
    page.wait_for_url(re.compile("/station/dossier-"))
    page.fill("#sheets", "1")
    page.set_input_files("#files", papers / "d.jpg")
    if not script:
        page.get_by_role("button", name="Gửi").first.click()
    expect(page.locator("#station-files")).to_contain_text("Tìm được", timeout=READ_MS)


def count(site: Site) -> int:
    with site.client("auditor") as client:
        return len(re.findall(r'id="e\d+"', client.get("/audit/history/HS-W").text))


@pytest.mark.services
def test_who_only_has_keys_finds_reads_and_signs_out(site: Site, visits: Visits) -> None:
    page = visits.open(site, "handler", "/search")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert str(focused).startswith("#"), "the first stop skips to what the page is about"
    page.keyboard.press("Enter")
    page.keyboard.press("/")
    page.keyboard.type("kế hoạch sử dụng đất")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q="))
    tab_to(page, "article.cb-hit h2 a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/records/"))
    tab_to(page, "form[action='/sign-out'] button")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/sign-in"))
    page.go_back()
    page.reload()
    expect(page).to_have_url(re.compile("/sign-in"))


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the focus stands there."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("(s) => document.activeElement.matches(s)", selector):
            return
    raise AssertionError(f"the keyboard does not reach {selector}")


def test_a_form_sent_twice_gets_the_first_answer(own_site: Site) -> None:
    with own_site.client("officer") as visitor:
        form = {
            "title": "Hai lần", "kind": "work-file", "code": "HS-2", "command": "twice/1",
        }  # fmt: skip
        first, second = (visitor.post("/station/dossiers", form) for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        other = visitor.post("/station/dossiers", {**form, "command": "twice/2"})
        assert other.status_code == 409, "another page's form is another decision"
        assert 'value="Hai lần"' in other.text


# ---------------------------------------------------------------- what strangers type


@pytest.fixture(scope="module")
def visitors(site: Site) -> Iterator[Mapping[str, Client]]:
    logins = {TABLE[route].shown_to for route in QUERIED} - {"", "nobody"} | {"archivist"}
    with ExitStack() as stack:
        yield {login: stack.enter_context(site.client(login)) for login in logins}


@pytest.fixture(scope="module")
def things(
    site: Site, visitors: Mapping[str, Client], tmp_path_factory: pytest.TempPathFactory
) -> Things:
    file = tmp_path_factory.mktemp("procedure") / "procedure.toml"
    file.write_text(PROCEDURE)
    site.chauban.json("procedure", "add", str(file))
    return examples(site.chauban, visitors["admin"], "Sở A", "HS-A", "Cán bộ quét")


@given(
    route=st.sampled_from(QUERIED),
    query=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=6),
)
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_query_breaks_a_page(
    visitors: Mapping[str, Client], things: Things, route: str, query: Mapping[str, str]
) -> None:
    address = f"{filled(route, things)}?{urlencode(query, errors='surrogatepass')}"
    answer = visitors[TABLE[route].shown_to or "archivist"].get(address)
    assert answer.status_code in (200, 303, 403, 404, 409, 416, 422), (address, answer.status_code)
    if answer.status_code == 303:
        assert re.match(r"/(?![/\\])", answer.headers["location"]), address
    if answer.headers.get("content-type", "").startswith("text/html"):
        assert "<script>alert" not in answer.text, address


@pytest.mark.parametrize(
    "query",
    ["?q=%ff%fe", "?" + "&".join(f"q={n}" for n in range(500)), "?=&&&=", "?q", "?q[]=1", "?%00=1"],
)
def test_a_query_that_is_no_text_breaks_no_page(
    visitors: Mapping[str, Client], things: Things, query: str
) -> None:
    for route in QUERIED:
        address = filled(route, things) + query
        answer = visitors[TABLE[route].shown_to or "archivist"].get(address)
        assert answer.status_code < 500, address
