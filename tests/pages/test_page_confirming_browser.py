"""The whole way by keyboard alone, in Chromium: look, turn, reorder, split, confirm."""

from pathlib import Path

import pytest

from tests.pages.conftest import Visits
from tests.pages.site import Site

AXE = Path(__file__).parents[2] / ".tools/assets/tests/axe.min.js"


@pytest.mark.services
def test_a_scan_is_arranged_split_and_confirmed_by_keyboard_alone(
    own_site: Site, visits: Visits
) -> None:
    chauban = own_site.chauban
    first, record = (each["record"] for each in chauban.json("show", "HS-A")["records"])
    page = visits.open(own_site, "clerk", "/confirm")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/confirm/{first}")
    page.keyboard.press("n")
    page.wait_for_url(f"**/confirm/{record}")

    # Gathered on the screen: the first page turned right, then moved behind the second.
    page.keyboard.press("r")
    page.keyboard.press("]")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("o")
    order = page.locator("[data-arrange] [name=order]")
    assert order.input_value() == "2,1,3"
    assert page.locator("[data-arrange] [name=turned]").input_value() == "0,90,180"
    assert not page.is_visible("text=xác nhận >> button")
    page.keyboard.press("o")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("l")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=record-arranged")
    page.wait_for_selector("#reading", state="detached", timeout=90_000)

    page.keyboard.press("ArrowRight")
    page.keyboard.press("s")
    page.wait_for_url("**done=record-split")
    page.wait_for_selector("#reading", state="detached", timeout=90_000)
    page.keyboard.press("Enter")
    page.wait_for_url("**done=record-confirmed")

    types = [event["type"] for event in chauban.json("history", record)["events"]]
    assert sum("arranged" in each for each in types) == 1, "one event for all of it"
    assert sum("confirmed" in each for each in types) == 1
    assert len(chauban.json("show", "HS-A")["records"]) == 3

    page.goto(f"/confirm/{first}")
    page.keyboard.press("i")
    page.wait_for_function("document.activeElement.name === 'ground'")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("giấy của nhà khác")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=record-isolated")
    assert len(chauban.json("show", "HS-A")["records"]) == 2


@pytest.mark.services
@pytest.mark.parametrize("english", [False, True], ids=["vi", "en"])
def test_both_screens_are_accessible_and_fit(site: Site, visits: Visits, english: bool) -> None:
    record = site.chauban.json("show", "HS-A")["records"][1]["record"]
    page = visits.open(site, "officer", "/confirm", english=english)
    for address in ("/confirm", f"/confirm/{record}?page=2"):
        for width in (390, 1024, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(address)
            page.evaluate(AXE.read_text())
            found = page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))")
            assert found == [], (address, width)
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert over <= 0, (address, width)
