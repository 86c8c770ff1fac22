"""The picture of a page as Tesseract takes it best: grey, upright as shown, about 300 dpi.

Grey costs a sixth less time than colour and reads at least as well (docs/decisions/0003).
PDFium is not safe with threads: one lock holds every call to it. A JPEG is decoded by Pillow
instead, straight to grey and outside of the lock.
"""

import io
import threading
from pathlib import Path
from typing import Protocol

import pikepdf
import pypdfium2
from pikepdf import Name
from PIL import Image, ImageOps

from infrastructure.ocr import pages
from infrastructure.ocr.pages import RENDER_DPI, Kind, PageLook

PDFIUM = threading.Lock()
_FINE_DPI, _COARSE_DPI = 500, 150
_THUMBNAIL = 320


class Source(Protocol):
    """The pages of one file, as pictures."""

    def size(self, n: int) -> tuple[int, int]:
        """Width and height of page `n` (from 0) in pixels, without decoding it."""

    def grey(self, n: int) -> tuple[Image.Image, float]:
        """Page `n` (from 0) as shown, grey, with its resolution in dots an inch."""

    def thumbnail(self, n: int) -> Image.Image:
        """Page `n` as shown, in its colours, its longest side 320 pixels."""


def reading_dpi(dpi: float) -> float:
    """The resolution at which a picture of `dpi` is read: fine ones cost time and give nothing."""
    return RENDER_DPI if dpi >= _FINE_DPI or dpi < _COARSE_DPI else dpi


class PdfPages:
    """The pages of a PDF."""

    def __init__(self, path: Path, looks: list[PageLook]) -> None:
        self._looks = looks
        with PDFIUM:
            self._document = pypdfium2.PdfDocument(path)
            self._document.init_forms()
        self._pdf = pikepdf.open(path, suppress_warnings=True)
        self._lock = threading.Lock()

    def size(self, n: int) -> tuple[int, int]:
        """See Source."""
        return self._looks[n].width, self._looks[n].height

    def grey(self, n: int) -> tuple[Image.Image, float]:
        """See Source."""
        look = self._looks[n]
        dpi = reading_dpi(look.dpi or RENDER_DPI)
        jpeg = self._jpeg(n)
        if jpeg is not None:
            image, turn = jpeg
            scale = dpi / (look.dpi or dpi)
            return _grey(image, turn, scale), dpi
        return self._render(n, dpi / 72, grey=True), dpi

    def thumbnail(self, n: int) -> Image.Image:
        """See Source."""
        jpeg = self._jpeg(n)
        if jpeg is not None:
            image, turn = jpeg
            return _small(image, turn)
        with PDFIUM:
            width, height = self._document.get_page_size(n)
        picture = self._render(n, _THUMBNAIL / max(width, height, 1), grey=False)
        picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
        return picture

    def colours(self, n: int, dpi: float) -> Image.Image:
        """Page `n` as shown, in its colours."""
        return self._render(n, dpi / 72, grey=not self._looks[n].colour)

    def _render(self, n: int, scale: float, *, grey: bool) -> Image.Image:
        with PDFIUM:
            page = self._document[n]
            try:
                bitmap = page.render(scale=scale, grayscale=grey, rev_byteorder=True)
                picture: Image.Image = bitmap.to_pil().copy()
                bitmap.close()
            finally:
                page.close()
        return picture.convert("L" if grey else "RGB")

    def _jpeg(self, n: int) -> tuple[Image.Image, int] | None:
        """The page's only image, still undecoded, and its turn, where it is a plain JPEG."""
        if self._looks[n].kind is not Kind.PICTURE or not self._looks[n].exact:
            return None
        with self._lock:
            page = self._pdf.pages[n]
            image = only_image(page)
            if image is None or Name.Decode in image or not _is_plain_jpeg(image):
                return None
            raw, turn = image.read_raw_bytes(), page_turn(page)
            size = int(image.Width), int(image.Height)
        picture = Image.open(io.BytesIO(raw), formats=["JPEG"])
        if picture.mode not in {"L", "RGB"} or picture.size != size:
            return None
        return picture, turn


class PicturePages:
    """The frames of a picture file."""

    def __init__(self, path: Path, sizes: list[tuple[int, int]]) -> None:
        self._path = path
        self._sizes = sizes

    def size(self, n: int) -> tuple[int, int]:
        """See Source."""
        return self._sizes[n]

    def grey(self, n: int) -> tuple[Image.Image, float]:
        """See Source."""
        with Image.open(self._path) as image:
            image.seek(n)
            native = pages.resolution(image)
            dpi = reading_dpi(native)
            turned = upright(image)
            return _grey(turned, 0, dpi / native), dpi

    def thumbnail(self, n: int) -> Image.Image:
        """See Source."""
        with Image.open(self._path) as image:
            image.seek(n)
            if image.format == "JPEG":
                image.draft("RGB", (2 * _THUMBNAIL, 2 * _THUMBNAIL))
            return _small(upright(image), 0)


def upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF says, transparency laid on white, 8 bits or 1 bit deep."""
    if pages.orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        image = Image.alpha_composite(ground, layer).convert("RGB")
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow would clip 16 bits to 8 where it should divide.
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    return image if image.mode in {"1", "L", "RGB"} else image.convert("RGB")


def only_image(page: pikepdf.Page) -> pikepdf.Stream | None:
    """The image of a PICTURE page."""
    images = page.get_images(recursive=False)
    found = [image for image in images.values() if isinstance(image, pikepdf.Stream)]
    return found[0] if len(found) == 1 else None


def page_turn(page: pikepdf.Page) -> int:
    """/Rotate of the page, inherited too: degrees clockwise."""
    try:
        return int(page.rotation) % 360
    except (TypeError, ValueError):
        return 0


def _is_plain_jpeg(image: pikepdf.Stream) -> bool:
    filters = image.get(Name.Filter)
    if isinstance(filters, pikepdf.Array) and len(filters) == 1:
        filters = filters[0]
    return filters == Name.DCTDecode


def _grey(image: Image.Image, turn: int, scale: float) -> Image.Image:
    size = (round(image.width * scale), round(image.height * scale))
    if image.format == "JPEG":
        # Decodes to grey at once, and to a half or a quarter where that is enough.
        image.draft("L", size if scale < 1 else image.size)
    # A copy: the file that the picture would be decoded from is closed before it is used.
    picture = image.copy() if image.mode == "1" and scale == 1 else image.convert("L")
    if picture.size != size and scale != 1:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture.rotate(-turn, expand=True) if turn else picture


def _small(image: Image.Image, turn: int) -> Image.Image:
    if image.format == "JPEG":
        image.draft(image.mode, (2 * _THUMBNAIL, 2 * _THUMBNAIL))
    picture = image.convert("L" if image.mode in {"1", "L"} else "RGB")
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    return picture.rotate(-turn, expand=True) if turn else picture
