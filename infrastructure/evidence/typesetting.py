"""Sets lines of text on pages of a PDF/A-2b: wrapped, broken over pages, with nothing hidden.

Text comes from strangers too, so `printable` makes each character visible: what steers, hides,
reverses or stacks is shown by its code point, as is what the fonts do not have.
Deliberately absent: fpdf2's own tables and cells. They measure a text character by character,
several times; an archive's history has thousands of rows, and a row may be longer than a page.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache
from io import BytesIO
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from domain.errors import UnavailableError

if TYPE_CHECKING:
    from fpdf import FPDF

FONTS = Path("/usr/share/fonts/truetype/croscore")
"""Debian's fonts-croscore, installed wherever the program is: every Vietnamese letter."""
_FILES = {
    "regular": "Arimo-Regular.ttf",
    "bold": "Arimo-Bold.ttf",
    "code": "Cousine-Regular.ttf",
}
_WIDTH, _HEIGHT = 210.0, 297.0
_LEFT, _RIGHT = 18.0, 192.0
_TOP, _BOTTOM = 22.0, 277.0
_LEADING = 1.32
_POINT = 25.4 / 72
_BESIDE_HEADING = 32.0
"""Room for a heading, a note and the first row of a table."""
_HANGING = 3.0
"""By so much is what continues a paragraph indented: no value can pretend to begin one."""
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zl", "Zp"})
_REVERSING = frozenset({"R", "AL", "AN"})
_BLANKS = frozenset("\t\n\r")


class Style(Enum):
    """How a paragraph looks: its font, its size in points, its grey (0 is black)."""

    TITLE = ("bold", 17.0, 0)
    HEADING = ("bold", 11.0, 0)
    BODY = ("regular", 9.5, 0)
    STRONG = ("bold", 9.0, 0)
    CELL = ("regular", 8.5, 0)
    QUIET = ("regular", 8.0, 85)
    CODE = ("code", 7.5, 0)
    COMMAND = ("code", 11.0, 0)

    def __init__(self, font: str, size: float, grey: int) -> None:
        self.font = font
        self.size = size
        self.grey = grey

    @property
    def height(self) -> float:
        """Of a line, millimetres."""
        return self.size * _POINT * _LEADING


Paragraph = tuple[str, Style]
Cell = Sequence[Paragraph]


@dataclass(frozen=True)
class _Line:
    text: str
    style: Style
    indent: float


@dataclass(frozen=True)
class _Placed:
    """A line where it stands: left end and base line, millimetres from the upper left corner."""

    x: float
    y: float
    line: _Line


@dataclass
class Page:
    """What stands on a page."""

    lines: list[_Placed] = field(default_factory=list)
    rules: list[float] = field(default_factory=list)
    """Hairlines from margin to margin, by their height."""
    section: str | None = None
    """The part of the document that begins here."""


@dataclass(frozen=True)
class Margins:
    """What stands above and below each page; told when the number of pages is known."""

    above: Callable[[int], tuple[str, str]]
    """Left and right, by the number of the page."""
    below: Callable[[int], tuple[str, str]]


class Typesetter:
    """Fills pages from top to bottom. Lengths are millimetres."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self._y = _BOTTOM

    def section(self, name: str) -> None:
        """A new page, with which a part of the document begins."""
        self.turn_page()
        self.pages[-1].section = name

    def turn_page(self) -> None:
        """What comes next stands on a new page."""
        self.pages.append(Page())
        self._y = _TOP

    def space(self, height: float) -> None:
        """Nothing, for so many millimetres."""
        self._y += height

    def heading(self, text: str) -> None:
        """A heading that does not stand alone at the foot of a page."""
        self._room(_BESIDE_HEADING)
        self.paragraph(text, Style.HEADING)
        self.space(0.8)

    def paragraph(self, text: str, style: Style = Style.BODY, *, mark: str = "") -> None:
        """A paragraph, behind a mark where it is an item of a list."""
        indent = 5.0 if mark else 0.0
        lines = wrapped(text, style, _RIGHT - _LEFT - indent)
        for number, line in enumerate(lines):
            self._room(style.height)
            if mark and number == 0:
                self._put(_LEFT + 1.0, _Line(mark, style, 0.0))
            self._put(_LEFT + indent, _Line(line.text, style, 0.0))
            self._y += style.height

    def rows(
        self,
        widths: Sequence[float],
        headings: Sequence[str],
        rows: Iterable[Sequence[Cell]],
    ) -> None:
        """A table with hairlines; its headings come again on each page, and a row that is longer
        than a page goes on over several. `widths` are those of the columns, millimetres."""
        head = [[(text, Style.STRONG)] for text in headings]
        if any(headings):
            self._row(widths, head, ())
        for row in rows:
            self._row(widths, row, head if any(headings) else ())

    def _row(self, widths: Sequence[float], row: Sequence[Cell], head: Sequence[Cell]) -> None:
        columns = [
            [line for text, style in cell for line in wrapped(text, style, width - 3.0)]
            for cell, width in zip(row, widths, strict=True)
        ]
        height = max(sum(line.style.height for line in column) for column in columns)
        if self._y + height + 2.0 > _BOTTOM and (height < (_BOTTOM - _TOP) / 2 or self._is_low()):
            self.turn_page()
            if head:
                self._row(widths, head, ())
        self._y += 1.0
        begun: list[list[_Placed]] = [[] for _ in columns]
        for together in zip_longest(*columns):
            tallest = max(line.style.height for line in together if line is not None)
            if self._y + tallest > _BOTTOM:
                self._end_cells(begun)
                self.turn_page()
                if head:
                    self._row(widths, head, ())
                self._y += 1.0
            x = _LEFT
            for line, width, cell in zip(together, widths, begun, strict=True):
                if line is not None:
                    cell.append(self._placed(x, line))
                x += width
            self._y += tallest
        self._end_cells(begun)
        self._y += 1.0
        self.pages[-1].rules.append(self._y)

    def _end_cells(self, begun: Sequence[list[_Placed]]) -> None:
        """One cell after the other: so the text is read aloud, copied and extracted."""
        for cell in begun:
            self.pages[-1].lines += cell
            cell.clear()

    def _is_low(self) -> bool:
        return self._y > _BOTTOM - 25.0

    def _room(self, height: float) -> None:
        if self._y + height > _BOTTOM:
            self.turn_page()

    def _put(self, x: float, line: _Line) -> None:
        self.pages[-1].lines.append(self._placed(x, line))

    def _placed(self, x: float, line: _Line) -> _Placed:
        return _Placed(x + line.indent, self._y + line.style.size * _POINT, line)

    def write(self, *, title: str, at: datetime, margins: Margins) -> bytes:
        """The PDF/A-2b, made at `at`; as the time of its last change fpdf2 writes the machine's.

        Raises UnavailableError("report-font-missing").
        """
        # Imported with their first user: they take half as long as the start of a command.
        from fpdf import FPDF
        from fpdf.enums import DocumentCompliance

        pdf = FPDF(enforce_compliance=DocumentCompliance.PDFA_2B)
        for name in _FILES:
            pdf.add_font(name, fname=_file(name))
        pdf.set_auto_page_break(auto=False)
        pdf.set_title(printable(title))
        pdf.set_lang("vi")
        pdf.set_creator("Châu Bản")
        pdf.set_creation_date(at)
        pdf.set_line_width(0.1)
        pdf.set_draw_color(150)
        for number, page in enumerate(self.pages, 1):
            pdf.add_page()
            if page.section is not None:
                pdf.start_section(printable(page.section))
            for y in page.rules:
                pdf.line(_LEFT, y, _RIGHT, y)
            for placed in page.lines:
                _draw(pdf, placed.x, placed.y, placed.line.text, placed.line.style)
            _margin(pdf, 13.0, margins.above(number))
            _margin(pdf, 286.0, margins.below(number))
        output = BytesIO()
        pdf.output(output)
        return output.getvalue()


def _draw(pdf: "FPDF", x: float, y: float, text: str, style: Style) -> None:
    pdf.set_font(style.font, size=style.size)
    pdf.set_text_color(style.grey)
    pdf.text(x, y, text)


def _margin(pdf: "FPDF", y: float, texts: tuple[str, str]) -> None:
    left, right = (printable(text) for text in texts)
    style = Style.QUIET
    room = _RIGHT - _LEFT - 5.0 - _width(right, style)
    shown = wrapped(left, style, room)
    _draw(pdf, _LEFT, y, shown[0].text + (" …" if len(shown) > 1 else ""), style)
    _draw(pdf, _RIGHT - _width(right, style), y, right, style)


# ---------------------------------------------------------------- lines


def wrapped(text: str, style: Style, width: float) -> list[_Line]:
    """Lines no wider than `width`; a word that is wider is broken anywhere."""
    lines: list[_Line] = []
    line, used, room = "", 0.0, width
    blank = _width(" ", style)
    for word in printable(text).split(" "):
        wide = _width(word, style)
        if line and used + blank + wide <= room:
            line, used = f"{line} {word}", used + blank + wide
            continue
        if line:
            lines.append(_Line(line, style, _HANGING if lines else 0.0))
            room = width - _HANGING
        while wide > room:
            cut = _fitting(word, style, room)
            lines.append(_Line(word[:cut], style, _HANGING if lines else 0.0))
            word, room = word[cut:], width - _HANGING
            wide = _width(word, style)
        line, used = word, wide
    return [*lines, _Line(line, style, _HANGING if lines else 0.0)]


def _fitting(word: str, style: Style, room: float) -> int:
    """How many characters of a word fit, one at least."""
    used = 0.0
    for count, letter in enumerate(word):
        used += _width(letter, style)
        if used > room:
            return max(count, 1)
    return len(word)


def _width(text: str, style: Style) -> float:
    units = _units(style.font)
    return sum(units[letter] for letter in text) * style.size * _POINT


def printable(text: str) -> str:
    """A text of which nothing is hidden: NFC, blanks as blanks, `[U+202E]` for what would steer,
    hide or reverse, and for what a font does not have."""
    return "".join(_shown(letter) for letter in unicodedata.normalize("NFC", text))


@lru_cache(maxsize=16_384)
def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category == "Zs" or letter in _BLANKS:
        return " "
    hidden = category in _HIDDEN or unicodedata.bidirectional(letter) in _REVERSING
    if hidden or any(letter not in _units(name) for name in _FILES):
        return f"[U+{ord(letter):04X}]"
    return letter


@cache
def _units(name: str) -> dict[str, float]:
    """The width of each letter of a font, as a part of its size."""
    with TTFont(_file(name), lazy=True) as font:
        widths, em = font["hmtx"].metrics, font["head"].unitsPerEm
        return {chr(code): widths[glyph][0] / em for code, glyph in font.getBestCmap().items()}


def _file(name: str) -> Path:
    path = FONTS / _FILES[name]
    if not path.exists():
        raise UnavailableError("report-font-missing", file=path.name)
    return path
