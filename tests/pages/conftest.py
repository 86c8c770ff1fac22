"""Browser pages of a prepared archive that is served (tests/conftest.py)."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.pages.site import PASSWORD, Site
from tests.services import program

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium. Not for longer than a module: Playwright keeps an event loop running in
    this thread, beside which no other may run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(program("chromium")), args=_ARGUMENTS
        )
        yield browser
        browser.close()


class Visits:
    """Opens pages of one server in Chromium, in contexts of their own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self.troubles: list[str] = []
        """What the console complained about: nothing, under our strict policy."""

    def open(
        self,
        site: Site,
        login: str | None,
        address: str = "/",
        *,
        english: bool = False,
        width: int = 1280,
        script: bool = True,
    ) -> Page:
        """A page, signed in as somebody of PEOPLE."""
        context = self._browser.new_context(
            base_url=site.address,
            locale="vi-VN",
            viewport={"width": width, "height": 900},
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.on("console", lambda said: self._listen(said.type, said.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        if english:
            page.goto("/language?to=en")
        if login is not None:
            page.goto("/sign-in")
            page.fill("[name=login]", login)
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_url(lambda url: "/sign-in" not in url)
        page.goto(address)
        return page

    def _listen(self, kind: str, text: str) -> None:
        if kind == "error" and "status of" not in text:  # A 404 that a test asks for is none.
            self.troubles.append(text)


@pytest.fixture
def visits(chromium: Browser) -> Iterator[Visits]:
    """Browser pages; fails the test when the console complained."""
    made = Visits(chromium)
    yield made
    for context in chromium.contexts:
        context.close()
    assert made.troubles == []
