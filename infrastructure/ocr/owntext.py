"""The text that a page carries itself, with the boxes of its words, as PDFium gives it."""

from ctypes import byref, c_int
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from infrastructure.ocr.pages import RENDER_DPI
from infrastructure.ocr.pictures import PDFIUM
from infrastructure.ocr.words import Line, Read, Word, nfc

_FINE = 20_000
"""Boxes are asked for on a grid this fine, since PDFium gives them in whole dots."""


def text_of(page: pypdfium2.PdfPage) -> str:
    """The page's text as it stands: NFC, lines ended by a newline."""
    textpage = page.get_textpage()
    try:
        said = textpage.get_text_range()
    finally:
        textpage.close()
    # PDFium writes U+FFFE for a hyphen that it believes to divide a word at the end of a line.
    plain = said.replace("\r\n", "\n").replace("\ufffe", "-").replace("\f", " ").replace("\0", "")
    return nfc(plain).strip()


def read(path: Path, n: int) -> Read:
    """Page `n` (from 0), its width and height in pixels at 300 dpi."""
    with PDFIUM, pypdfium2.PdfDocument(path) as document:
        page = document[n]
        width, height = (max(round(side / 72 * RENDER_DPI), 1) for side in page.get_size())
        words = _words(page, width, height)
        text = text_of(page)
        page.close()
    lines = tuple(
        Line((word,), (word.left, word.top, word.right, word.bottom), 0.0, 0.0, 0.0)
        for word in words
    )
    return Read(width, height, float(RENDER_DPI), lines, text)


def _words(page: pypdfium2.PdfPage, width: int, height: int) -> list[Word]:
    textpage = page.get_textpage()
    count = textpage.count_chars()
    characters = "".join(chr(pdfium.FPDFText_GetUnicode(textpage, index)) for index in range(count))
    words, start = [], 0
    for index in range(count + 1):
        if index < count and not characters[index].isspace() and characters[index] != "\0":
            continue
        if index > start:
            boxes = [_box(page, textpage, one) for one in range(start, index)]
            shown = [box for box in boxes if box is not None]
            text = nfc(characters[start:index].replace("\ufffe", "-"))
            if shown:
                words.append(
                    Word(
                        text,
                        min(box[0] for box in shown) * width,
                        min(box[1] for box in shown) * height,
                        max(box[2] for box in shown) * width,
                        max(box[3] for box in shown) * height,
                        100,
                    )
                )
        start = index + 1
    textpage.close()
    return words


def _box(
    page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage, index: int
) -> tuple[float, float, float, float] | None:
    """The box of one character in 0..1 of the page as it is shown, None for one without."""
    left, bottom, right, top = textpage.get_charbox(index)
    if right <= left and top <= bottom:
        return None
    corners = []
    for x, y in ((left, bottom), (right, top)):
        across, down = c_int(), c_int()
        pdfium.FPDF_PageToDevice(page, 0, 0, _FINE, _FINE, 0, x, y, byref(across), byref(down))
        corners.append(tuple(min(max(value.value / _FINE, 0.0), 1.0) for value in (across, down)))
    xs, ys = zip(*corners, strict=True)
    return min(xs), min(ys), max(xs), max(ys)
