"""What a file is: found by its first bytes and by parsing, never by its name.

PDF, TIFF, JPEG and PNG are accepted. A file that is two things at once is refused, since two
readers would then see two documents. Runs inside the sandbox only.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, Stream
from PIL import Image, ImageSequence, UnidentifiedImageError

from domain.errors import RefusedFileError
from domain.papers import Inspection, Limits, PageFacts
from infrastructure.ocr import pages

_MAGIC = {
    b"%PDF-": "application/pdf",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}
_MARKUP = (b"<html", b"<script", b"<svg", b"<?php", b"<!doctype")
_HEAD, _TAIL = 1024, 1024
_DEPTH = 20


def inspect(path: Path, limits: Limits) -> Inspection:
    """What the file is; raises RefusedFileError (see the port)."""
    media_type = media_type_of(path)
    Image.MAX_IMAGE_PIXELS = None  # Our own limit is checked before any pixel is decoded.
    if media_type == "application/pdf":
        return _pdf(path, limits)
    return Inspection(media_type, tuple(_image(path, media_type, limits)), 0, ())


def media_type_of(path: Path) -> str:
    """What the first bytes say; raises RefusedFileError for what is not accepted."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise RefusedFileError("empty-file")
    media_type = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), None)
    if media_type is None:
        raise RefusedFileError("type-not-accepted")
    lowered = head.lower()
    second = b"%pdf-" in lowered[1:] or any(sign in lowered for sign in _MARKUP)
    if second or zipfile.is_zipfile(path):
        raise RefusedFileError("type-not-accepted")
    return media_type


def _image(path: Path, media_type: str, limits: Limits) -> Iterator[PageFacts]:
    """The facts of each frame; every pixel is decoded once, so that a cut-off file shows."""
    expected = media_type.removeprefix("image/").upper()
    try:
        with Image.open(path, formats=[expected]) as image:
            frames = int(getattr(image, "n_frames", 1))
            if frames > limits.pages:
                raise RefusedFileError("too-many-pages", pages=frames, limit=limits.pages)
            for frame in ImageSequence.Iterator(image):
                width, height = pages.shown_size(frame)
                _check_pixels(width, height, limits)
                facts = PageFacts(
                    width=width,
                    height=height,
                    dpi=round(pages.resolution(frame)),
                    colour=frame.mode not in {"1", "L", "LA", "I", "I;16", "I;16B", "F"},
                    born_digital=False,
                )
                frame.load()
                yield facts
    except RefusedFileError:
        raise
    except MemoryError as error:
        raise RefusedFileError("page-too-large") from error
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        KeyError,
        TypeError,
        IndexError,
        OverflowError,
        ZeroDivisionError,
        AttributeError,
    ) as error:
        raise RefusedFileError("file-damaged") from error


def _check_pixels(width: int, height: int, limits: Limits) -> None:
    if width * height > limits.page_megapixels * 1_000_000:
        raise RefusedFileError("page-too-large", width=width, height=height)


def _pdf(path: Path, limits: Limits) -> Inspection:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - _TAIL, 0))
        if b"%%EOF" not in file.read():
            # The end of the file is missing; qpdf would repair it and lose pages in silence.
            raise RefusedFileError("file-damaged")
    with _refusals(), pikepdf.open(path, suppress_warnings=True) as pdf:
        count = len(pdf.pages)
        if count == 0:
            raise RefusedFileError("no-pages")
        if count > limits.pages:
            raise RefusedFileError("too-many-pages", pages=count, limit=limits.pages)
        signatures, active = _extras(pdf)
        with pypdfium2.PdfDocument(path) as document:
            if len(document) != count:
                raise RefusedFileError("file-damaged")
            facts = []
            for n in range(count):
                page = pages.look(document, n)
                for width, height in page.images:
                    _check_pixels(width, height, limits)
                if not page.own_text:
                    _check_pixels(page.width, page.height, limits)
                facts.append(
                    PageFacts(page.width, page.height, page.dpi, page.colour, page.own_text)
                )
    return Inspection("application/pdf", tuple(facts), signatures, tuple(sorted(active)))


@contextmanager
def _refusals() -> Iterator[None]:
    """Names the ways in which opening a PDF fails."""
    try:
        yield
    except RefusedFileError:
        raise
    except pikepdf.PasswordError as error:
        raise RefusedFileError("file-encrypted") from error
    except MemoryError as error:
        raise RefusedFileError("page-too-large") from error
    except (
        pikepdf.PdfError, pypdfium2.PdfiumError, ValueError, TypeError, KeyError, AttributeError,
        RuntimeError, OSError, IndexError, OverflowError, RecursionError, ZeroDivisionError,
    ) as error:  # fmt: skip
        raise RefusedFileError("file-damaged") from error


def _extras(pdf: pikepdf.Pdf) -> tuple[int, set[str]]:
    """How many signatures the file claims, and what in it would act."""
    signatures, active = 0, set[str]()
    for indirect in pdf.objects:
        for item in _dictionaries(indirect, _DEPTH):
            kind = item.get(Name.S)
            signatures += Name.ByteRange in item and Name.Contents in item
            if kind == Name.JavaScript or Name.JS in item or Name.JavaScript in item:
                active.add("javascript")
            if kind == Name.Launch:
                active.add("launch")
            if Name.EF in item or Name.EmbeddedFiles in item:
                active.add("embedded-file")
            if Name.XFA in item or Name.NeedsRendering in item:
                active.add("xfa")
    return signatures, active


def _dictionaries(item: pikepdf.Object, depth: int) -> Iterator[Dictionary | Stream]:
    """The dictionary, and those that stand directly inside it."""
    if isinstance(item, (Dictionary, Stream)):
        yield item
        inner = list(item.values())
    elif isinstance(item, Array):
        inner = list(item)
    else:
        return
    for value in inner:
        nested = isinstance(value, (Dictionary, Array)) and not value.is_indirect
        if nested and depth:
            yield from _dictionaries(value, depth - 1)
