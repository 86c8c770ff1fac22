"""The station in Chromium: a clerk's way with the keyboard alone, live, offline and on paper."""

import io
import re
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from playwright.sync_api import Page, expect

from tests.pages.conftest import Visits
from tests.pages.site import PASSWORD, Site

pytestmark = pytest.mark.services
AXE = Path(__file__).parents[2] / ".tools/assets/tests/axe.min.js"
READ_MS = 40_000


def papers(site: Site) -> Path:
    return site.chauban.folder.with_name("papers")


def open_dossier(page: Page, code: str) -> None:
    """The form of the day's page, typed and sent by keyboard."""
    page.get_by_label("Tiêu đề").focus()
    page.keyboard.type("Hồ sơ thử")
    page.locator("#code").focus()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/station/dossier-"))


def test_a_clerk_works_with_the_keyboard_alone(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "clerk", "/station")
    open_dossier(page, "KB-1")
    page.wait_for_load_state()
    page.locator("body").click(position={"x": 5, "y": 300})  # A wedge scanner aims at nothing.
    page.keyboard.type("HS-A")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Hồ sơ HS-A")
    page.wait_for_load_state()  # The script that hears the keys has run.
    page.keyboard.type("KB-1")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Hồ sơ thử")
    page.wait_for_load_state()
    page.get_by_label("Số tờ giấy").focus()
    page.keyboard.type("1")
    page.on("filechooser", lambda chosen: chosen.set_files(papers(own_site) / "d.jpg"))
    page.evaluate("0")  # Chromium gives choosers to us from now on.
    page.keyboard.press("F8")
    expect(page.locator("#station-files")).to_contain_text("Tìm được", timeout=READ_MS)
    expect(page.locator("#station-files")).to_contain_text("đủ")
    expect(page.locator("[data-unsent]")).to_have_text("0")
    expect(page.locator("#station-files img")).to_have_js_property("complete", value=True)
    page.get_by_role("link", name="Phiếu xác nhận quét").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Phiếu xác nhận quét")


def test_what_could_not_be_sent_waits_and_goes_when_the_line_is_back(
    own_site: Site, visits: Visits
) -> None:
    page = visits.open(own_site, "clerk", "/station")
    open_dossier(page, "KB-2")
    page.route("**/files/*", lambda route: route.abort("connectionreset"))
    page.set_input_files("#files", papers(own_site) / "d.jpg")
    expect(page.locator(".cb-queue")).to_contain_text("mất kết nối")
    expect(page.locator("[data-unsent]")).to_have_text("1")
    page.unroute("**/files/*")
    page.get_by_role("button", name="Gửi lại").click()
    expect(page.locator("#station-files")).to_contain_text("d.jpg")
    expect(page.locator("[data-unsent]")).to_have_text("0")
    expect(page.get_by_role("link", name="Phiếu xác nhận quét")).to_have_count(1)
    visits.troubles[:] = [each for each in visits.troubles if "ERR_CONNECTION_RESET" not in each]


LOSE_THE_FIRST_REPLY = """
    const send = XMLHttpRequest.prototype.send;
    window.lost = 0;
    XMLHttpRequest.prototype.send = function (body) {
        if (window.lost++ === 0) this.onload = this.onerror;
        return send.call(this, body);
    };
"""
"""The archive did it all, and the page learns of a broken line."""


def test_a_lost_reply_makes_no_second_record(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "clerk", "/station")
    page.add_init_script(LOSE_THE_FIRST_REPLY)
    open_dossier(page, "KB-3")
    page.set_input_files("#files", papers(own_site) / "d.jpg")
    expect(page.locator(".cb-queue")).to_contain_text("mất kết nối")
    expect(page.locator("[data-unsent]")).to_have_text("0", timeout=READ_MS)
    expect(page.get_by_role("link", name="Phiếu xác nhận quét")).to_have_count(1)
    assert page.evaluate("window.lost") == 2


def test_a_visit_that_ended_keeps_the_files_and_the_typed_words(
    own_site: Site, visits: Visits
) -> None:
    page = visits.open(own_site, "clerk", "/station")
    page.get_by_label("Tiêu đề").fill("Gõ dở")
    page.context.clear_cookies()
    page.locator("#code").fill("KB-4")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/sign-in"))
    page.fill("[name=login]", "clerk")
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto("/station")
    expect(page.get_by_label("Tiêu đề")).to_have_value("Gõ dở")
    page.locator("#code").fill("")
    open_dossier(page, "KB-4")
    page.context.clear_cookies()
    page.set_input_files("#files", papers(own_site) / "d.jpg")
    expect(page.locator(".cb-queue")).to_contain_text("Phiên làm việc đã kết thúc")
    expect(page.locator("[data-unsent]")).to_have_text("1")


def test_without_a_stream_of_events_the_page_asks(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "clerk", "/station")
    page.route("**/events", lambda route: route.abort())
    open_dossier(page, "KB-5")
    page.set_input_files("#files", papers(own_site) / "d.jpg")
    expect(page.locator("#station-files")).to_contain_text("Tìm được", timeout=READ_MS)
    visits.troubles.clear()


def test_a_state_secret_does_not_leave_the_machine(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "clerk", "/station")
    open_dossier(page, "KB-6")
    bodies: list[bytes | None] = []
    page.on(
        "request",
        lambda asked: bodies.append(asked.post_data_buffer) if asked.method == "PUT" else None,
    )
    page.get_by_label("Độ mật").select_option("mat")
    page.set_input_files("#files", papers(own_site) / "d.jpg")
    expect(page.locator("#station-files")).to_contain_text("Luật Bảo vệ bí mật nhà nước")
    assert bodies == [None]
    assert "d.jpg" not in page.locator("#station-files").inner_text()


def test_the_receipt_prints_on_one_a5_and_its_code_can_be_read(site: Site, visits: Visits) -> None:
    page = visits.open(site, "clerk", "/station/HS-A")
    page.get_by_role("link", name="Phiếu xác nhận quét").first.click()
    page.wait_for_url("**/receipts/*")
    printed = pypdfium2.PdfDocument(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed) == 1
    assert [round(side) for side in printed[0].get_size()] == [420, 595]
    picture = printed[0].render(scale=150 / 72).to_pil()
    (code,) = zxingcpp.read_barcodes(picture)
    codes = page.locator("article code").all_inner_texts()
    event, envelope = codes[-3], codes[-2]
    assert code.text == f"chauban:{event}:sha256:{envelope}"


@pytest.mark.parametrize("width", [390, 1024, 1280])
@pytest.mark.parametrize("english", [False, True])
def test_nobody_is_kept_out_at_any_width(
    site: Site, visits: Visits, width: int, english: bool
) -> None:
    for address in ("/station", "/station/HS-A"):
        page = visits.open(site, "clerk", address, english=english, width=width)
        page.evaluate(AXE.read_text())
        assert page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))") == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="Scan receipt" if english else "Phiếu xác nhận").first.click()
    page.wait_for_url("**/receipts/*")
    page.evaluate(AXE.read_text())
    assert page.evaluate("axe.run().then((r) => r.violations.map((v) => v.id))") == []


def test_a_browser_without_a_script_sends_and_sees_the_end(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "clerk", "/station", script=False)
    page.get_by_label("Tiêu đề").fill("Không có mã lệnh")
    page.locator("#code").fill("KB-7")
    page.locator("#code").press("Enter")
    page.wait_for_url(re.compile("/station/dossier-"))
    page.set_input_files("#files", papers(own_site) / "d.jpg")
    page.get_by_role("button", name="Gửi các tệp đã chọn").click()
    expect(page.locator("#station-files")).to_contain_text("Tìm được", timeout=READ_MS)
