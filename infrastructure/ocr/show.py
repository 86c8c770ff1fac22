"""The picture of one page for the screen, in the child of the sandbox."""

from pathlib import Path

import pypdfium2
from PIL import Image

from domain.papers import Limits
from infrastructure.ocr import inspection, pictures

_QUALITY = 80
_TALLEST = 9600
"""Pixels; a strip of paper must not ask for more than a page does."""


def draw(path: Path, page: int, width: int, turned: int, target: Path, limits: Limits) -> bool:
    """Writes a JPEG of a page (from 1), at most `width` pixels across; False for no such page."""
    Image.MAX_IMAGE_PIXELS = limits.page_megapixels * 1_000_000
    is_pdf = inspection.media_type_of(path) == "application/pdf"
    sideways = turned % 180 == 90
    picture = (_of_pdf if is_pdf else _of_picture)(path, page, width, sideways=sideways)
    if picture is None:
        return False
    if turned:
        picture = picture.rotate(-turned, expand=True)
    picture.save(target, format="JPEG", quality=_QUALITY)
    return True


def _of_pdf(path: Path, page: int, width: int, *, sideways: bool) -> Image.Image | None:
    """The page as PDFium draws it, at the size that it is wanted in."""
    with pypdfium2.PdfDocument(path) as document:
        if not 1 <= page <= len(document):
            return None
        document.init_forms()
        one = document[page - 1]
        across, up = one.get_size()
        scale = min(width / max(up if sideways else across, 1.0), _TALLEST / max(across, up, 1.0))
        bitmap = one.render(scale=scale, rev_byteorder=True)
        picture: Image.Image = bitmap.to_pil().convert("RGB")
        bitmap.close()
        one.close()
    return picture


def _of_picture(path: Path, page: int, width: int, *, sideways: bool) -> Image.Image | None:
    """The frame, upright as its own orientation says, and no larger than is wanted."""
    with Image.open(path) as image:
        if not 1 <= page <= int(getattr(image, "n_frames", 1)):
            return None
        image.seek(page - 1)
        picture = pictures.upright(image).convert("RGB")
    scale = min(
        width / (picture.height if sideways else picture.width), _TALLEST / max(picture.size)
    )
    if scale < 1:
        size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return picture
