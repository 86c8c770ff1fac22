"""Every page for people, in both languages and three widths: accessible, in words, fitting, light.

With CHAUBAN_SCREENSHOTS=DIR a picture of each is kept there; with CHAUBAN_MANUALS=DIR those of the
manuals (docs/manuals/README.md).
"""

import os
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import Page, Response

from infrastructure.messages import Catalogue
from tests.cli.desk import Chauban
from tests.pages.catalogue import PAGES, TABLE, Things, filled
from tests.pages.conftest import Visits
from tests.pages.examples import PROCEDURE, examples
from tests.pages.site import Site, copied, serving

pytestmark = pytest.mark.services
REPOSITORY = Path(__file__).parents[2]
AXE = (REPOSITORY / ".tools/assets/tests/axe.min.js").read_text()
MANUALS = REPOSITORY / "docs/manuals"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = (
    "async (tags) => (await axe.run({runOnly: {type: 'tag', values: tags}})).violations.map("
    "(v) => v.id + ' ' + v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(' | '))"
)
ENGLISH = {"the", "is", "was", "not", "of", "and", "cannot", "nothing", "with", "your"}
RAW = re.compile(r"<[a-z_]+>|\{\{|%\(|\bTrue\b|\bFalse\b|Undefined")
CODE = re.compile(r"[a-z]+(?:-[a-z0-9]+)+")
LOGINS = sorted({TABLE[route].shown_to for route in PAGES})
PICTURES: Mapping[str, str] = {
    "sign-in": "GET /sign-in",
    "station-day": "GET /station",
    "station-dossier": "GET /station/{dossier}",
    "confirm": "GET /confirm/{reference:path}",
    "search": "GET /search",
    "record": "GET /records/{record}",
    "describe": "GET /records/{record}/describe",
    "history": "GET /audit/history/{ref}",
    "compare": "GET /audit/compare/{ref}",
    "person": "GET /admin/people/{target}",
}
"""The pictures of the manuals, in Vietnamese."""
MOST_PICTURE = 120_000


@pytest.fixture(scope="module")
def site(prepared_site: Chauban, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("sweep")
    chauban = copied(prepared_site, folder)
    (folder / "procedure.toml").write_text(PROCEDURE)
    chauban.json("procedure", "add", str(folder / "procedure.toml"))
    with serving(chauban) as running:
        yield running


@pytest.fixture(scope="module")
def things(site: Site) -> Things:
    with site.client("admin") as admin:
        return examples(site.chauban, admin, "Sở A", "HS-A", "Cán bộ quét")


def pages_of(login: str) -> list[str]:
    return [route for route in PAGES if TABLE[route].shown_to == login]


def signed_in(login: str) -> str | None:
    return None if login == "nobody" else login


@pytest.mark.parametrize("english", [False, True], ids=["vi", "en"])
@pytest.mark.parametrize("login", LOGINS)
def test_every_page_is_accessible_in_words_and_fits(
    site: Site, visits: Visits, things: Things, login: str, english: bool
) -> None:
    page = visits.open(site, signed_in(login), "/help", english=english)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    wrong: list[object] = []
    for route in pages_of(login):
        page.set_viewport_size({"width": 1280, "height": 900})
        answer = page.goto(filled(route, things) + TABLE[route].query)
        wrong += [(route, each) for each in looked_at(page, answer, english=english)]
        for width in (1280, 1024, 390):
            page.set_viewport_size({"width": width, "height": 900})
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if over > 0:
                wrong.append((route, width, f"{over} px too wide"))
            if width != 1024:
                keep(page, f"{name_of(route)}-{'en' if english else 'vi'}-{width}")
        page.evaluate(AXE)
        wrong += [(route, 390, each) for each in page.evaluate(RUN, RULES)]
        page.set_viewport_size({"width": 1280, "height": 900})
        wrong += [(route, 1280, each) for each in page.evaluate(RUN, RULES)]
    assert wrong == []
    ours = urlsplit(site.address).netloc
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {ours}


def name_of(route: str) -> str:
    """A file name for a route."""
    return re.sub(r"[^a-z]+", "-", route.split(" ", 1)[1]).strip("-") or "home"


def looked_at(page: Page, answer: Response | None, *, english: bool) -> Iterator[str]:
    """What is wrong with the words of a page."""
    assert answer is not None
    if answer.status != 200:
        yield f"status {answer.status}"
    if page.get_attribute("html", "lang") != ("en" if english else "vi"):
        yield "language"
    if page.locator("h1").count() != 1:
        yield f"{page.locator('h1').count()} first headings"
    text = page.inner_text("body")
    if not page.title().strip() or RAW.search(page.title()):
        yield f"title {page.title()}"
    yield from (f"raw {each}" for each in RAW.findall(text))
    known = Catalogue("vi").codes()
    yield from (f"code {each}" for each in CODE.findall(text) if each in known)
    if not english:
        yield from (f"raw {each}" for each in re.findall(r"\bNone\b", text))
        found = set(re.findall(r"[^\W\d_]+", text.lower())) & ENGLISH
        yield from (f"English {each}" for each in sorted(found))


def keep(page: Page, name: str) -> None:
    folder = os.getenv("CHAUBAN_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("login", LOGINS)
def test_every_page_works_without_a_script(
    site: Site, visits: Visits, things: Things, login: str
) -> None:
    page = visits.open(site, signed_in(login), "/help", script=False)
    for route in pages_of(login):
        answer = page.goto(filled(route, things) + TABLE[route].query)
        assert answer is not None
        assert answer.status == 200, route
        assert page.locator("h1").count() == 1, route
        assert page.locator("main").inner_text().strip(), route
        for form in page.locator("main form:visible").all():
            sendable = form.locator("button:visible, input[type=submit]:visible").count()
            assert sendable, (route, form.get_attribute("action"))


@pytest.mark.parametrize(
    ("login", "address"),
    [(None, "/sign-in"), ("clerk", "/station"), ("archivist", "/search"), ("admin", "/admin")],
)
def test_a_first_page_is_light_and_asks_for_little(
    site: Site, visits: Visits, login: str | None, address: str
) -> None:
    page = visits.open(site, login, "/livez")
    got: list[Response] = []
    page.on("response", lambda answer: got.append(answer))
    page.goto(address, wait_until="networkidle")
    got = [each for each in got if not each.url.endswith("/events")]
    fonts = [each for each in got if each.url.endswith(".woff2")]
    sizes = {each.url: weight(each) for each in got}
    plain = sum(size for url, size in sizes.items() if not url.endswith(".woff2"))
    assert len(got) <= 12
    assert plain <= 60_000
    assert sum(sizes.values()) <= 130_000
    assert len(fonts) <= 4
    assert {urlsplit(each.url).netloc for each in got} == {urlsplit(site.address).netloc}


def weight(answer: Response) -> int:
    """Bytes of the body as they were sent, compressed."""
    answer.finished()
    return int(answer.request.sizes()["responseBodySize"])


def test_the_pictures_of_the_manuals_are_there_and_small(
    site: Site, visits: Visits, things: Things
) -> None:
    """With CHAUBAN_MANUALS=DIR they are taken anew."""
    folder = os.getenv("CHAUBAN_MANUALS")
    for name, route in PICTURES.items() if folder else ():
        page = visits.open(site, signed_in(TABLE[route].shown_to), "/help", width=1024)
        page.goto(filled(route, things) + TABLE[route].query, wait_until="networkidle")
        taken = Image.open(BytesIO(page.screenshot())).convert("RGB")
        Path(str(folder)).mkdir(parents=True, exist_ok=True)
        taken.quantize(64).save(Path(str(folder)) / f"{name}.png", optimize=True)
    shown = {
        found
        for manual in MANUALS.rglob("*.md")
        for found in re.findall(r"\.\./img/([a-z-]+)\.png", manual.read_text())
    }
    assert shown == PICTURES.keys()
    for name in shown:
        path = MANUALS / "img" / f"{name}.png"
        assert path.stat().st_size < MOST_PICTURE, name
        with Image.open(path) as picture:
            assert picture.width == 1024, name


@pytest.mark.parametrize("language", ["vi", "en"])
def test_bold_words_of_the_manuals_stand_on_the_pages(language: str) -> None:
    catalogue = Catalogue(language)
    texts = {catalogue.template(code) for code in catalogue.codes()}
    for manual in sorted((MANUALS / language).glob("*.md")):
        said = set(re.findall(r"\*\*(.+?)\*\*", manual.read_text()))
        assert said
        assert said <= texts, (manual.name, said - texts)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_manual_stands_and_is_found_from_the_first_page(language: str) -> None:
    names = {"scanning", "one-stop", "archivist", "auditor", "administrator"}
    assert {path.stem for path in (MANUALS / language).glob("*.md")} == names
    index = (MANUALS / "README.md").read_text()
    for name in names:
        assert f"({language}/{name}.md)" in index
        assert 15 < len((MANUALS / language / f"{name}.md").read_text().splitlines()) < 70
    assert "docs/manuals/" in (REPOSITORY / "README.md").read_text()
