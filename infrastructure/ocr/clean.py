"""The clean PDF that OCRmyPDF works on: the pages' pictures and nothing else of the original.

The internal PDF/A backend refuses what its validator does not know, a page transition for
example. So a page that is one picture becomes a new page of the same size and turn with the very
bytes of that picture; a page with more on it becomes a picture of how it looks; a page with text
of its own is taken over as it is.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import img2pdf
import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image

from infrastructure.ocr import pages, pictures
from infrastructure.ocr.pages import Kind, PageLook

_IMAGE_KEYS = {
    "/Type", "/Subtype", "/Width", "/Height", "/ColorSpace", "/BitsPerComponent", "/Filter",
    "/DecodeParms", "/Decode", "/Length",
}  # fmt: skip
_RENDERED_QUALITY = 90
_BATCH = 50


def from_pdf(
    path: Path, target: Path, looks: list[PageLook], source: pictures.PdfPages, *, decoded: bool
) -> int:
    """Writes the clean PDF of a PDF; gives the number of pages that had to be drawn.

    `decoded` draws every picture page too: the second try, for pictures that no PDF/A may hold.
    """
    drawn = 0
    with pikepdf.open(path, suppress_warnings=True) as original, pikepdf.new() as clean:
        for n, look in enumerate(looks):
            page = original.pages[n]
            if look.kind is Kind.OWN_TEXT:
                clean.pages.append(page)
                if Name.Trans in clean.pages[-1]:
                    del clean.pages[-1].Trans
            elif look.kind is Kind.BLANK:
                clean.add_blank_page(page_size=_box(page)[1])
            elif look.kind is Kind.PICTURE and not decoded and _take_over(clean, page, look):
                pass
            else:
                drawn += 1
                _draw(clean, look, source, n, _box(page)[1], pictures.page_turn(page))
        clean.save(target)
    return drawn


def from_pictures(path: Path, target: Path, count: int, folder: Path) -> None:
    """Writes the clean PDF of a picture file: a JPEG as it is, all else without loss."""
    parts: list[Path] = []
    for start in range(0, count, _BATCH):
        frames = list(_frames(path, range(start, min(start + _BATCH, count)), folder))
        part = folder / f"part{start}.pdf"
        with part.open("wb") as stream:
            for _name, layout in frames[:1]:
                img2pdf.convert(
                    [str(name) for name, _layout in frames],
                    layout_fun=_Layouts([one for _name, one in frames]) if count > 1 else layout,
                    outputstream=stream,
                    rotation=img2pdf.Rotation.ifvalid,
                )
        for name, _layout in frames:
            if name != path:
                name.unlink()
        parts.append(part)
    if len(parts) == 1:
        parts[0].replace(target)
        return
    with pikepdf.new() as clean:
        opened = [pikepdf.open(part) for part in parts]
        for one in opened:
            clean.pages.extend(one.pages)
        clean.save(target)
        for one in opened:
            one.close()


class _Layouts:
    """Gives img2pdf the size of each page in turn; it asks once a picture, in order."""

    def __init__(self, layouts: list["_Layout"]) -> None:
        self._layouts = iter(layouts)

    def __call__(
        self, width: int, height: int, dpi: tuple[float, float]
    ) -> tuple[float, float, float, float]:
        return next(self._layouts)(width, height, dpi)


class _Layout:
    """A page as large as its picture is at a resolution."""

    def __init__(self, dpi: float) -> None:
        self._dpi = dpi

    def __call__(
        self, width: int, height: int, _dpi: tuple[float, float]
    ) -> tuple[float, float, float, float]:
        across, up = width * 72 / self._dpi, height * 72 / self._dpi
        return across, up, across, up


def _frames(path: Path, which: Iterable[int], folder: Path) -> Iterable[tuple[Path, _Layout]]:
    """Each frame as a file that img2pdf takes over byte by byte."""
    with Image.open(path) as image:
        for n in which:
            image.seek(n)
            layout = _Layout(pages.resolution(image))
            if image.format == "JPEG" and image.mode in {"L", "RGB"}:
                yield path, layout
                continue
            frame = pictures.upright(image)
            if frame.mode == "1":
                name = folder / f"frame{n}.tif"
                frame.save(name, compression="group4")
            else:
                name = folder / f"frame{n}.png"
                frame.save(name, compress_level=6)
            yield name, layout


def _box(page: pikepdf.Page) -> tuple[list[float], tuple[float, float]]:
    """The box that is shown, and its width and height before turning."""
    box = [float(value) for value in page.cropbox]
    return box, (abs(box[2] - box[0]), abs(box[3] - box[1]))


def _take_over(clean: pikepdf.Pdf, page: pikepdf.Page, look: PageLook) -> bool:
    """A new page with the old one's picture, bytes untouched; False where that cannot be."""
    image = pictures.only_image(page)
    if (
        image is None
        or look.matrix is None
        or any(key in image for key in (Name.SMask, Name.Mask, Name.ImageMask))
    ):
        return False
    copy = clean.copy_foreign(image)
    for key in list(copy.keys()):
        if key not in _IMAGE_KEYS:
            del copy[key]
    box, _size = _box(page)
    new = Dictionary(
        Type=Name.Page,
        MediaBox=Array(box),
        Resources=Dictionary(XObject=Dictionary(Im0=copy)),
        Contents=clean.make_stream(
            b"q %s cm /Im0 Do Q" % " ".join(f"{value:.5f}" for value in look.matrix).encode()
        ),
    )
    turn = pictures.page_turn(page)
    if turn:
        new.Rotate = turn
    clean.pages.append(pikepdf.Page(clean.make_indirect(new)))
    return True


def _draw(
    clean: pikepdf.Pdf,
    look: PageLook,
    source: pictures.PdfPages,
    n: int,
    size: tuple[float, float],
    turn: int,
) -> None:
    """A new page with a picture of how the old one looks, turned as it is shown."""
    dpi = min(max(look.dpi or pages.RENDER_DPI, 200), pages.RENDER_DPI)
    picture, buffer = source.colours(n, dpi), io.BytesIO()
    picture.save(buffer, format="JPEG", quality=_RENDERED_QUALITY)
    shown = size[::-1] if turn % 180 == 90 else size
    one = img2pdf.convert(buffer.getvalue(), layout_fun=lambda *_facts: (*shown, *shown))
    with pikepdf.open(io.BytesIO(one)) as made:
        clean.pages.extend(made.pages)
