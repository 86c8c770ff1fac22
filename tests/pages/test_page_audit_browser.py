"""The auditor's way in a browser, with and without scripts, and by keyboard alone."""

import re
from pathlib import Path

import pytest

from tests.pages.conftest import Visits
from tests.pages.site import Site

AXE = Path(__file__).parents[2] / ".tools/assets/tests/axe.min.js"
ADDRESSES = (
    "/audit",
    "/audit/history/HS-A",
    "/audit/state/HS-A",
    "/audit/compare/HS-A",
    "/audit/reads/HS-A",
    "/audit/events",
)


@pytest.mark.services
@pytest.mark.parametrize("script", [True, False], ids=["script", "plain"])
def test_the_auditor_finds_replays_compares_and_verifies(
    site: Site, visits: Visits, script: bool
) -> None:
    page = visits.open(site, "auditor", "/audit", script=script)
    page.fill("#find", "HS-A")
    page.press("#find", "Enter")
    page.wait_for_url("**/audit/history/**")
    assert page.inner_text("h1") == "Lịch sử hồ sơ HS-A"
    page.focus("#step")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    if not script:
        page.click("form[data-slider] button")
    page.wait_for_url(re.compile(r"\?at=\d+"))
    assert page.locator("li.now").count() == 1
    assert page.locator("li.off").count() >= 1
    page.click("text=So với hiện nay")
    assert "So sánh hồ sơ HS-A" in page.inner_text("h1")
    page.click("text=Về lịch sử")
    page.click("text=Kiểm tra ngay")
    page.wait_for_selector("[data-ended]", timeout=30_000)
    assert "Nguyên vẹn" in page.inner_text("main")
    assert "không chứng minh" in page.inner_text("main")


@pytest.mark.services
@pytest.mark.parametrize("english", [False, True], ids=["vi", "en"])
def test_every_page_is_accessible_and_fits(site: Site, visits: Visits, english: bool) -> None:
    page = visits.open(site, "auditor", "/audit", english=english)
    for address in ADDRESSES:
        for width in (390, 1024, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            answer = page.goto(address)
            assert answer is not None
            assert answer.status == 200
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))")
            assert found == [], (address, width)
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, (address, width)
