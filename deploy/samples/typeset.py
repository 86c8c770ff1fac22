"""Typesets a paper after Phụ lục I of ND 30/2020: A4, margins, letterhead, body, signature block.

Lengths are millimetres of the paper, sizes are points; a page is a clean picture, not yet printed.
"""

import math
import random
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from deploy.samples.paper import Paper, Table, Text

_FONTS = Path("/usr/share/fonts/truetype/croscore")
"""Tinos of Debian's fonts-croscore: the measures of Times New Roman, every Vietnamese letter."""
_FACES = {"": "Regular", "b": "Bold", "i": "Italic", "bi": "BoldItalic"}
_INK = (28, 28, 34)
_BLUE = (38, 52, 132)
_RED = (196, 40, 44)
_BODY = 13.5
_LEADING = 1.34


class NoFontError(Exception):
    """The font is not installed; `bin/setup` installs it."""


@lru_cache(maxsize=64)
def _font(style: str, pixels: int) -> ImageFont.FreeTypeFont:
    path = _FONTS / f"Tinos-{_FACES[style]}.ttf"
    if not path.exists():
        raise NoFontError(path)
    return ImageFont.truetype(path, pixels, layout_engine=ImageFont.Layout.BASIC)


@dataclass
class Page:
    """A typeset page and the words that stand on it, in reading order."""

    picture: Image.Image
    text: list[str] = field(default_factory=list)


class Typesetter:
    """Fills pages from top to bottom; `y` is where the next line goes."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._dpi = paper.dpi
        self._scale = 0.82 if paper.a5 else 1.0
        self._width, self._height = (210.0, 148.0) if paper.a5 else (210.0, 297.0)
        self._left, self._right = (22.0, 190.0) if paper.a5 else (30.0, 193.0)
        self._top, self._bottom = (12.0, 140.0) if paper.a5 else (20.0, 276.0)
        self._y = self._top
        self.pages: list[Page] = []
        self._new_page()

    def typeset(self) -> list[Page]:
        """All pages of the paper."""
        paper = self._paper
        self._letterhead() if paper.letterhead else self._motto(self._width / 2, centre=True)
        if paper.addressee:
            self._addressee()
        for block in paper.blocks[:-1]:
            self._block(block)
        self._keep_with_signature(paper.blocks[-1])
        self._block(paper.blocks[-1])
        self._close()
        if paper.annex:
            self._new_page()
            for block in paper.annex:
                self._block(block)
        if paper.arrived:
            self._arrival_stamp()
        return self.pages

    # -------------------------------------------------------------- the parts of a paper

    def _letterhead(self) -> None:
        """Ô số 1 to 4: who writes, the national motto, number, place and date."""
        paper, start = self._paper, self._y
        left = self._left + 31
        for line in filter(None, paper.above.split("\n")):
            self._centred(left, line, "", 12)
        for line in paper.letterhead.split("\n"):
            self._centred(left, line, "b", 12)
        self._rule(left, 22)
        under_agency, self._y = self._y, start
        self._motto(self._right - 43)
        under_motto = self._y
        self._y = max(under_agency, under_motto) + 1.5
        number_at = self._y
        for line in paper.number.split("\n"):
            self._centred(left, line, "", 13 if line.startswith("Số") else 11.5)
        under_number, self._y = self._y, number_at
        day = paper.issued_on
        month = f"{day.month:02d}" if day.month < 3 else str(day.month)
        dated = f"{paper.place}, ngày {day.day:02d} tháng {month} năm {day.year}"
        self._centred(self._right - 43, dated, "i", 13)
        self._y = max(under_number, self._y) + 3

    def _motto(self, middle: float, *, centre: bool = False) -> None:
        self._centred(middle, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "b", 12)
        self._centred(middle, "Độc lập - Tự do - Hạnh phúc", "b", 13)
        self._rule(middle, 52 if not self._paper.a5 else 42)
        if centre:
            self._y += 6

    def _addressee(self) -> None:
        lines = self._paper.addressee.split("\n")
        self._y += 1
        if len(lines) == 1:
            self._centred(self._width / 2, f"Kính gửi: {lines[0]}", "", 13.5)
        else:
            left = self._left + 30
            self._at(left, "Kính gửi:", "", 13.5)
            for line in lines:
                self._y += self._line(13.5)
                self._at(left + 8, f"- {line}", "", 13.5)
            self._y += self._line(13.5)
        self._y += 3

    def _block(self, block: Text | Table) -> None:
        if isinstance(block, Table):
            self._table(block)
        else:
            self._paragraph(block)

    def _keep_with_signature(self, last: Text | Table) -> None:
        """No page holds a signature alone: the last paragraph goes over with it."""
        if isinstance(last, Text) and not self._paper.a5:
            lines = len(self._broken([(word, "") for word in last.text.split()], 10.0))
            self._room(lines * self._line(_BODY) + self._closing_height() + 3)

    def _closing_height(self) -> float:
        return 20.0 if self._paper.a5 else (len(self._paper.signer) + 5) * self._line(13)

    def _paragraph(self, block: Text) -> None:
        if block.centred:
            self._y += 1
            for line in block.text.split("\n"):
                self._centred((self._left + self._right) / 2, line, "b" if block.bold else "", 14)
            if block.bold and block.text.isupper() is False and self._paper.letterhead:
                self._rule((self._left + self._right) / 2, 30)
            self._y += 1.5
            return
        words = [(word, "b") for word in block.lead.split()]
        words += [(word, "b" if block.bold else "") for word in block.text.split()]
        indent = 10.0 if block.indent else 0.0
        for words_of_line, last in self._broken(words, indent):
            self._room(self._line(_BODY))
            self._justified(words_of_line, self._left + indent, last=last)
            self._y += self._line(_BODY)
            indent = 0.0
        self._y += 1.1 * self._scale

    def _table(self, table: Table) -> None:
        height = self._line(12.5) + 1.6
        self._room(height * len(table.rows) + 2)
        width = self._right - self._left
        for row, cells in enumerate(table.rows):
            x = self._left
            for column, (cell, share) in enumerate(zip(cells, table.widths, strict=True)):
                right = x + share * width
                self._draw.rectangle(
                    [self._px(x), self._px(self._y), self._px(right), self._px(self._y + height)],
                    outline=_INK,
                    width=max(1, self._dpi // 150),
                )
                style = "b" if row == 0 else ""
                font = self._face(style, 12.5)
                middle = x + (right - x) / 2 - font.getlength(cell) / self._dpi * 25.4 / 2
                start = x + 2 if column == 1 and row else middle
                self._write(start, self._y + 0.8, cell, style, 12.5)
                x = right
            self._page.text.append(" ".join(cells))
            self._y += height
        self._y += 2.5

    def _close(self) -> None:
        """Ô số 7 and 9: the signature to the right, who receives a copy to the left."""
        paper = self._paper
        self._room(self._closing_height())
        self._y += 2
        start = self._y
        if paper.recipients:
            self._at(self._left, "Nơi nhận:", "bi", 12)
            self._y += self._line(12)
            for receiver in paper.recipients:
                self._at(self._left, f"- {receiver}", "", 11)
                self._y += self._line(11)
        below, self._y = self._y, start
        middle = self._right - 36
        for line in paper.signer:
            if line == "~":
                self._signature(middle, self._y + 10 * self._scale)
                self._y += 22 * self._scale
            else:
                note = line.startswith("(")
                self._centred(middle, line, "i" if note else "b", 12 if note else 13)
        self._y = max(below, self._y)

    # -------------------------------------------------------------- what is put on by hand

    def _signature(self, x: float, y: float) -> None:
        """A stroke of a pen that spells nobody's name, and the stamp that says: a sample."""
        hand = random.Random(self._paper.file)  # noqa: S311
        turns, lean = hand.uniform(3.2, 4.6), hand.uniform(0.4, 0.9)
        points = []
        for step in range(260):
            t = step / 259
            across = -15 + 32 * t + 4.5 * math.cos(turns * 2 * math.pi * t)
            up = (7.5 - 5 * t) * math.sin(turns * 2 * math.pi * t + lean) - 2.2 * t
            points.append((self._px(x + across), self._px(y - up * 0.8)))
        self._draw.line(points, fill=_BLUE, width=max(2, self._dpi // 70), joint="curve")
        self._boxed_stamp(x - 27 * self._scale, y + 1, ("TÀI LIỆU MẪU",), 9, tilt=7)

    def _arrival_stamp(self) -> None:
        """The stamp ĐẾN of Phụ lục IV with what the clerk wrote into it, top left."""
        page = self.pages[0]
        self._page, self._draw = page, ImageDraw.Draw(page.picture)
        lines = ("ĐẾN", *self._paper.arrived.split("\n"))
        self._boxed_stamp(38, 29, lines, 8.5, tilt=-1.5)

    def _boxed_stamp(
        self, x: float, y: float, lines: tuple[str, ...], size: float, *, tilt: float
    ) -> None:
        font = self._face("b", size)
        pad = round(self._px(1.4))
        step = round(font.size * 1.35)
        width = round(max(font.getlength(line) for line in lines)) + 2 * pad
        height = step * len(lines) + 2 * pad
        stamp = Image.new("RGBA", (width, height), (*_RED, 0))
        pen = ImageDraw.Draw(stamp)
        pen.rectangle(
            [1, 1, width - 2, height - 2], outline=(*_RED, 225), width=max(2, self._dpi // 80)
        )
        for n, line in enumerate(lines):
            pen.text((width / 2, pad + n * step), line, (*_RED, 225), font, anchor="ma")
            self._page.text.append(line)
        turned = stamp.rotate(tilt, Image.Resampling.BICUBIC, expand=True)
        corner = (round(self._px(x) - turned.width / 2), round(self._px(y) - turned.height / 2))
        self._page.picture.paste(turned, corner, turned)

    # -------------------------------------------------------------- lines and words

    def _broken(
        self, words: list[tuple[str, str]], indent: float
    ) -> list[tuple[list[tuple[str, str]], bool]]:
        """Lines of words that fit, each with whether it is the last."""
        space = self._face("", _BODY).getlength(" ")
        lines: list[list[tuple[str, str]]] = [[]]
        room, used = self._px(self._right - self._left - indent), 0.0
        for word, style in words:
            length = self._face(style, _BODY).getlength(word)
            if lines[-1] and used + space + length > room:
                lines.append([])
                room, used = self._px(self._right - self._left), 0.0
            used += length + (space if lines[-1] else 0)
            lines[-1].append((word, style))
        return [(line, n == len(lines) - 1) for n, line in enumerate(lines)]

    def _justified(self, line: list[tuple[str, str]], x: float, *, last: bool) -> None:
        lengths = [self._face(style, _BODY).getlength(word) for word, style in line]
        space = self._face("", _BODY).getlength(" ")
        if not last and len(line) > 1:
            space = (self._px(self._right - x) - sum(lengths)) / (len(line) - 1)
        at = self._px(x)
        for (word, style), length in zip(line, lengths, strict=True):
            face = self._face(style, _BODY)
            self._draw.text((at, self._px(self._y)), word, _INK, face)
            at += length + space
        self._page.text.append(" ".join(word for word, _ in line))

    def _centred(self, middle: float, line: str, style: str, size: float) -> None:
        width = self._face(style, size).getlength(line) / self._dpi * 25.4
        self._at(middle - width / 2, line, style, size)
        self._y += self._line(size)

    def _at(self, x: float, line: str, style: str, size: float) -> None:
        self._write(x, self._y, line, style, size)
        self._page.text.append(line)

    def _write(self, x: float, y: float, line: str, style: str, size: float) -> None:
        self._draw.text((self._px(x), self._px(y)), line, _INK, self._face(style, size))

    def _rule(self, middle: float, length: float) -> None:
        y = self._px(self._y + 0.7)
        ends = [self._px(middle - length / 2), y, self._px(middle + length / 2), y]
        self._draw.line(ends, fill=_INK, width=max(1, self._dpi // 130))
        self._y += 2.2

    def _room(self, needed: float) -> None:
        if self._y + needed > self._bottom:
            self._new_page()

    def _new_page(self) -> None:
        size = (round(self._px(self._width)), round(self._px(self._height)))
        self._page = Page(Image.new("RGB", size, (255, 255, 255)))
        self._draw = ImageDraw.Draw(self._page.picture)
        self.pages.append(self._page)
        self._y = self._top
        if len(self.pages) > 1:  # From the second page on, above the text (Phụ lục I.I.7).
            self._y = 11.0
            self._centred(self._width / 2, str(len(self.pages)), "", 13)
            self._y = self._top

    def _face(self, style: str, size: float) -> ImageFont.FreeTypeFont:
        return _font(style, round(size * self._scale / 72 * self._dpi))

    def _line(self, size: float) -> float:
        return size * self._scale / 72 * 25.4 * _LEADING

    def _px(self, millimetres: float) -> float:
        return millimetres / 25.4 * self._dpi
