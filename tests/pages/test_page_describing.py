"""Describing records at speed: nothing overwritten, nothing typed lost, the keyboard alone."""

import re
from pathlib import Path

import pytest

from tests.pages.conftest import Visits
from tests.pages.site import PASSWORD, Client, Site

FIELDS = ("type_name", "number", "notation", "issued_on", "organ", "subject", "signer_name",
          "signer_position", "language", "paper_location")  # fmt: skip


def first_form(client: Client) -> str:
    return client.get("/describe/next").headers["location"]


def filled(client: Client, address: str) -> dict[str, str]:
    """What a browser would send back unchanged."""
    text = client.get(address).text
    fields = {name: re.findall(rf'name="{name}" type="text" value="([^"]*)"', text)[0]
              for name in FIELDS}  # fmt: skip
    version = re.findall(r'name="version" value="(\d+)"', text)[0]
    return {**fields, "version": version, "why": "paper"}


def test_only_what_differs_is_recorded_and_the_old_value_stays(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        address = first_form(client)
        form = filled(client, address)
        changed = {**form, "subject": "Kế hoạch đất đai", "issued_on": "23/04/2026",
                   "command": "c-1", "then": "stay"}  # fmt: skip
        assert client.post(address, changed).status_code == 303
        assert client.post(address, changed).status_code == 303  # A second click.
        page = client.get(address).text
        assert 'value="Kế hoạch đất đai"' in page
        assert 'value="23/04/2026"' in page
        assert "Bổ sung theo bản giấy" in page
        unchanged = client.post(address, {**filled(client, address), "then": "next"})
        assert unchanged.headers["location"].startswith("/describe/next?")


def test_a_stale_form_overwrites_nothing_and_shows_both_values(own_site: Site) -> None:
    with own_site.client("archivist") as one, own_site.client("records") as other:
        address = first_form(one)
        mine, theirs = filled(one, address), filled(other, address)
        theirs |= {"organ": "Sở A của người kia", "then": "stay"}
        assert other.post(address, theirs).status_code == 303
        answer = one.post(address, {**mine, "organ": "Sở A của tôi"})
        assert answer.status_code == 409
        assert "Sở A của tôi" in answer.text
        assert "Sở A của người kia" in answer.text
        assert 'value="Sở A của người kia"' in one.get(address).text
        # Another field of the same record is no conflict.
        fine = one.post(address, {**mine, "language": "Tiếng Việt", "then": "stay"})
        assert fine.status_code == 303
        assert 'value="Sở A của người kia"' in one.get(address).text


def test_a_wrong_value_is_told_at_its_field_and_everything_typed_stays(site: Site) -> None:
    with site.client("archivist") as client:
        address = first_form(client)
        form = {**filled(client, address), "issued_on": "31/02/2026", "subject": "x" * 10_000,
                "organ": "<b>Sở</b>"}  # fmt: skip
        answer = client.post(address, form)
        assert answer.status_code == 422
        assert answer.text.count("govuk-error-message") == 2
        assert "31/02/2026" in answer.text
        assert "x" * 10_000 in answer.text
        assert "&lt;b&gt;Sở&lt;/b&gt;" in answer.text


def test_changing_a_persons_word_needs_a_reason(own_site: Site) -> None:
    with own_site.client("archivist") as client:
        address = first_form(client)
        form = {**filled(client, address), "organ": "Sở A", "then": "stay"}
        assert client.post(address, form).status_code == 303
        again = {**filled(client, address), "organ": "Sở B", "why": "", "reason": ""}
        assert client.post(address, again).status_code == 422
        assert client.post(address, {**again, "reason": "Chép nhầm"}).status_code == 303


@pytest.mark.parametrize("login", ["clerk", "auditor", "other-archivist", "admin"])
def test_who_may_not_correct_gets_no_form(site: Site, login: str) -> None:
    with site.client("archivist") as client:
        address = first_form(client)
    with site.client(login) as client:
        expected = 404 if login in ("other-archivist", "admin") else 403
        assert client.get(address).status_code == expected
        assert client.post(address, {"version": "1"}).status_code == expected


@pytest.mark.services
def test_three_records_are_described_by_keyboard_alone(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "archivist", "/dossiers")
    page.keyboard.press("n")
    described = []
    for n in range(3):
        page.wait_for_url("**/describe*")
        described.append(page.url.split("/records/")[1].split("/")[0])
        page.keyboard.type(f"Loại {n}")  # The first field has the focus.
        for _ in range(len(FIELDS) - 1):
            page.keyboard.press("Enter")
        page.keyboard.type(f"Hộp {n}")
        with page.expect_navigation():
            page.keyboard.press("Enter")
    assert len(set(described)) == 3
    assert "cuối danh sách" in page.locator("h1").inner_text()
    with own_site.client("archivist") as client:
        for n, record in enumerate(described):
            text = client.get(f"/records/{record}/describe").text
            assert f"Loại {n}" in text
            assert f'value="Hộp {n}"' in text


@pytest.mark.services
def test_what_was_typed_is_there_after_the_session_ended(own_site: Site, visits: Visits) -> None:
    page = visits.open(own_site, "archivist", "/describe/next")
    address = page.url
    page.fill("[name=subject]", "Gõ dở trước khi hết phiên")
    page.context.clear_cookies()
    page.click("[name=then][value=next]")
    page.wait_for_url("**/sign-in*")
    page.fill("[name=login]", "archivist")
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto(address)
    assert page.input_value("[name=subject]") == "Gõ dở trước khi hết phiên"
    assert page.locator("[data-kept-notice]").is_visible()


@pytest.mark.services
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("english", [False, True])
def test_the_pages_look_right(
    site: Site, visits: Visits, width: int, english: bool, tmp_path: Path
) -> None:
    page = visits.open(site, "archivist", "/describe/next", width=width, english=english)
    for address in (None, "/dossiers", "/dossiers/HS-A", "/tray", "/work", "/dossiers/new"):
        if address is not None:
            page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
        assert page.locator("h1").count() == 1
