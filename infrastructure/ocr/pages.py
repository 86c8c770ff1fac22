"""What stands on a page, found without decoding any picture.

Two sources of pages: a PDF (through PDFium) and a picture file of one or many frames (Pillow).
A page of a PDF is one of four kinds; the kind decides how it is read and what becomes of it in
the PDF/A.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import ExifTags, Image

RENDER_DPI = 300
_PICTURE_SHARE = 0.5
_OVERLAY_CHARACTERS = 200
_OUTLINES = 100
_STRAY_CHARACTERS = 20
_A4_LONG_SIDE_INCHES = 11.69
_COLOUR_BITS = 24
_OBJECTS = 200_000


class Kind(StrEnum):
    """What a page is made of."""

    PICTURE = "picture"
    """One opaque image and nothing else to see."""
    COMPOSITE = "composite"
    """Pictures, drawings or a little text over a picture: read as it looks."""
    OWN_TEXT = "own-text"
    """Visible text of its own, which is taken as it stands."""
    BLANK = "blank"
    """Nothing to see."""


@dataclass(frozen=True)
class PageLook:
    """A page before it is read."""

    kind: Kind
    width: int
    """Pixels of the largest image as shown, or of the page at 300 dpi."""
    height: int
    dpi: int | None
    colour: bool
    images: tuple[tuple[int, int], ...]
    """Width and height of every image, in pixels as stored."""
    matrix: tuple[float, ...] | None
    """Where the image of a PICTURE stands, in the coordinates of the page."""
    exact: bool
    """True when that image and the page are the same rectangle."""

    @property
    def own_text(self) -> bool:
        """True when the page carries visible text of its own."""
        return self.kind is Kind.OWN_TEXT


@dataclass
class _Objects:
    """The objects of a page, counted."""

    images: list[Any]
    outlines: int = 0
    other: int = 0
    characters: int = 0


def look(document: pypdfium2.PdfDocument, n: int) -> PageLook:
    """Looks at page `n`, counted from 0."""
    page = document[n]
    try:
        return _look(page)
    finally:
        page.close()


def _look(page: pypdfium2.PdfPage) -> PageLook:
    page_width, page_height = page.get_size()
    turned = page.get_rotation() % 180 == 90
    found = _objects(page)
    images = tuple(image.get_px_size() for image in found.images)
    width = max(round(page_width / 72 * RENDER_DPI), 1)
    height = max(round(page_height / 72 * RENDER_DPI), 1)
    dpi, colour, share = None, False, 0.0
    area = max(page_width * page_height, 1.0)
    for image in found.images:
        left, bottom, right, top = image.get_bounds()
        share += max(right - left, 0) * max(top - bottom, 0) / area
    if images:
        largest = max(range(len(images)), key=lambda one: images[one][0] * images[one][1])
        dpi, lies = _lie(found.images[largest], images[largest])
        if share >= _PICTURE_SHARE:
            pixels = images[largest][::-1] if lies != turned else images[largest]
            width, height = max(pixels[0], 1), max(pixels[1], 1)
    kind = _kind(page, found, share)
    if kind in {Kind.OWN_TEXT, Kind.BLANK}:
        dpi = None
    elif max(width, height) < 1 << 15:
        # Asking for colours may decode the image: not before its size is known to be sane.
        colour = any(_is_colour(image) for image in found.images)
    matrix, exact = None, False
    if kind is Kind.PICTURE:
        matrix = tuple(found.images[0].get_matrix().get())
        exact = _is_exact(page, matrix)
    return PageLook(kind, width, height, dpi, colour, images, matrix, exact)


def _lie(image: Any, pixels: tuple[int, int]) -> tuple[int, bool]:
    """Dots an inch of an image on its page, and whether it lies on its side there."""
    if image.level:
        left, _bottom, right, _top = image.get_bounds()
        return round(pixels[0] / max((right - left) / 72, 0.01)), False
    matrix = image.get_matrix()
    across = math.hypot(matrix.a, matrix.b)
    return round(pixels[0] / max(across / 72, 0.01)), abs(matrix.b) > abs(matrix.a)


def _kind(page: pypdfium2.PdfPage, found: _Objects, share: float) -> Kind:
    if found.characters and (share < _PICTURE_SHARE or found.characters >= _OVERLAY_CHARACTERS):
        drawn = found.characters < _STRAY_CHARACTERS and found.outlines > _OUTLINES
        return Kind.COMPOSITE if drawn else Kind.OWN_TEXT
    annotations = pdfium.FPDFPage_GetAnnotCount(page)
    if not (found.images or found.outlines or found.other or found.characters or annotations):
        return Kind.BLANK
    alone = len(found.images) == 1 and not (found.outlines or found.other or found.characters)
    if alone and not annotations:
        image = found.images[0]
        if image.level == 0 and not pdfium.FPDFPageObj_HasTransparency(image):
            return Kind.PICTURE
    return Kind.COMPOSITE


def _is_exact(page: pypdfium2.PdfPage, matrix: tuple[float, ...]) -> bool:
    """True when the image fills the page to a hundredth of its sides, neither turned nor cut."""
    left, bottom, right, top = page.get_cropbox()
    a, b, c, d, e, f = matrix
    width, height = right - left, top - bottom
    return bool(
        max(abs(b) / height, abs(c) / width) < 0.001
        and max(abs(e - left), abs(e + a - right)) < 0.01 * width
        and max(abs(f - bottom), abs(f + d - top)) < 0.01 * height
    )


def _objects(page: pypdfium2.PdfPage) -> _Objects:
    found = _Objects([])
    textpage = None
    for number, item in enumerate(page.get_objects()):
        if number > _OBJECTS:
            break
        if item.type == pdfium.FPDF_PAGEOBJ_IMAGE:
            found.images.append(item)
        elif item.type == pdfium.FPDF_PAGEOBJ_PATH:
            found.outlines += 1
        elif item.type == pdfium.FPDF_PAGEOBJ_SHADING:
            found.other += 1
        elif item.type == pdfium.FPDF_PAGEOBJ_TEXT:
            mode = pdfium.FPDFTextObj_GetTextRenderMode(item)
            if mode != pdfium.FPDF_TEXTRENDERMODE_INVISIBLE and found.characters < 1 << 14:
                textpage = textpage or page.get_textpage()
                size = pdfium.FPDFTextObj_GetText(item, textpage, None, 0)
                # Bytes of UTF-16 with the final zero; an object of blanks counts, and may.
                found.characters += max(size // 2 - 1, 0)
    return found


def _is_colour(image: Any) -> bool:
    try:
        metadata = image.get_metadata()
    except pypdfium2.PdfiumError:
        return False
    indexed = metadata.colorspace == pdfium.FPDF_COLORSPACE_INDEXED
    bits = metadata.bits_per_pixel
    return bool(bits >= _COLOUR_BITS or (indexed and bits > 1))


def orientation(frame: Image.Image) -> int:
    """The EXIF orientation of a picture, 1 where it says none."""
    value = frame.getexif().get(ExifTags.Base.Orientation, 1)
    return value if value in range(1, 9) else 1


def shown_size(frame: Image.Image) -> tuple[int, int]:
    """Width and height of a picture as it is shown."""
    width, height = frame.size
    return (height, width) if orientation(frame) >= 5 else (width, height)


def resolution(frame: Image.Image) -> float:
    """Dots an inch of a picture; one that names none, or none to be believed, counts as A4."""
    named = frame.info.get("dpi", (0, 0))
    try:
        dpi = float(named[0])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        dpi = 0.0
    if 100 <= dpi <= 4800:
        return dpi
    return max(max(frame.size) / _A4_LONG_SIDE_INCHES, 10.0)
