"""Reading one picture: the page as it lies first, and only where that goes badly a second look.

Most pages lie upright and straight; asking Tesseract about every page which way up it is costs
half a page's time. A page that reads well is believed. One that reads badly is asked about, and
is read again turned or straightened; the better reading is kept.
"""

import math
import statistics
import time
from pathlib import Path

from ocrmypdf import OcrOptions
from ocrmypdf.builtin_plugins.tesseract_ocr import TesseractOcrEngine
from ocrmypdf.exceptions import SubprocessOutputError
from PIL import Image, ImageChops, ImageOps, ImageStat

from infrastructure.ocr import words
from infrastructure.ocr.words import Read

_SKIPPED = "[skipped page]"
_TESSERACT_SIDE = 32767
_WELL_READ, _FEW_WORDS = 70, 8
_SMALLEST_TILT, _LARGEST_TILT, _TILT_STEP = 0.4, 6.0, 0.2
_TILT_SIDE = 800
_HARMFUL_TILT = 2.5
"""Degrees; up to three cost Tesseract nothing, five cost it a fifth of the characters."""


def read_picture(
    picture: Image.Image,
    dpi: float,
    folder: Path,
    n: int,
    options: OcrOptions,
    *,
    as_it_lies: bool,
) -> tuple[Read, int]:
    """What the picture says, and the degrees clockwise by which it was turned for that; 0 for one
    that a person turned already."""

    def read(image: Image.Image) -> Read:
        return _tesseract(image, dpi, folder, n, options)

    best, turn = read(picture), 0
    if best.problem:
        return best, 0
    if not as_it_lies and (not _is_well_read(best) or _lies_on_its_side(best)):
        turned = _orientation(picture, dpi, folder, n, options)
        if turned:
            second = read(picture.rotate(-turned, expand=True))
            if _worth(second) > _worth(best) * (0.8 if _lies_on_its_side(best) else 1):
                best, turn = second, turned
    tilt = _slope(best)
    if not _is_well_read(best) or abs(tilt) >= _HARMFUL_TILT:
        upright = picture.rotate(-turn, expand=True) if turn else picture
        tilt = tilt if abs(tilt) >= _HARMFUL_TILT else tilt_of(upright)
        if abs(tilt) >= _SMALLEST_TILT:
            straight = read(straightened(upright, tilt))
            if _worth(straight) > _worth(best):
                best = words.tilted(straight, tilt)
    return best, turn


def _is_well_read(read: Read) -> bool:
    return len(read.words) >= _FEW_WORDS and (read.confidence or 0) >= _WELL_READ


def _lies_on_its_side(read: Read) -> bool:
    """Tesseract reads lines that run upwards by itself; the page should be turned all the same."""
    sideways = sum(len(line.words) for line in read.lines if line.angle)
    return 2 * sideways > len(read.words)


def _slope(read: Read) -> float:
    """Degrees counter-clockwise that would level the lines, from their baselines; 0 for none."""
    slopes = [line.slope for line in read.lines if len(line.words) > 2 and not line.angle]
    return math.degrees(math.atan(statistics.median(slopes))) if len(slopes) > 2 else 0.0


def _worth(read: Read) -> float:
    """Grows with what was read and with how sure the engine was of it."""
    return sum(len(word.text) * max(word.confidence - 30, 0) for word in read.words)


def _tesseract(image: Image.Image, dpi: float, folder: Path, n: int, options: OcrOptions) -> Read:
    """One run of Tesseract through OCRmyPDF's engine; its silent failures get their names."""
    if max(image.size) > _TESSERACT_SIDE:
        return Read(*image.size, dpi, problem="too-large")
    source = save(image, dpi, folder / f"read{n}.tif")
    hocr, text = folder / f"read{n}.hocr", folder / f"read{n}-text.txt"
    started = time.monotonic()
    try:
        TesseractOcrEngine.generate_hocr(  # type: ignore[no-untyped-call]
            source, hocr, text, options
        )
        said = text.read_text(encoding="utf-8") if text.exists() else ""
        if said == _SKIPPED or not hocr.exists() or hocr.stat().st_size == 0:
            late = time.monotonic() - started >= options.tesseract.timeout
            return Read(*image.size, dpi, problem="timeout" if late else None)
        lines = words.parse(hocr)
        plain = words.nfc(said.replace("\f", "")).strip()
        return Read(*image.size, dpi, lines, plain if lines else "")
    except SubprocessOutputError:
        return Read(*image.size, dpi, problem="skipped")
    finally:
        for path in (source, hocr, text):
            path.unlink(missing_ok=True)


def save(image: Image.Image, dpi: float, path: Path) -> Path:
    """Writes a picture for Tesseract, uncompressed: compressing costs more than the disk."""
    image.save(path, format="TIFF", dpi=(round(dpi), round(dpi)))
    return path


def _orientation(
    picture: Image.Image, dpi: float, folder: Path, n: int, options: OcrOptions
) -> int:
    """Degrees clockwise that would turn the picture upright, as Tesseract guesses."""
    source = save(picture, dpi, folder / f"osd{n}.tif")
    try:
        guess = TesseractOcrEngine.get_orientation(  # type: ignore[no-untyped-call]
            source, options
        )
    except SubprocessOutputError:
        return 0
    finally:
        source.unlink(missing_ok=True)
    return -int(guess.angle) % 360


def straightened(picture: Image.Image, tilt: float) -> Image.Image:
    """The picture turned counter-clockwise by `tilt` degrees around its middle."""
    grey = picture.convert("L")
    return grey.rotate(tilt, resample=Image.Resampling.BICUBIC, fillcolor=255)


def tilt_of(picture: Image.Image) -> float:
    """Degrees counter-clockwise that make the lines of text level, 0 where there are none.

    Level lines make the rows of a page differ most: rows of letters, rows of white between.
    """
    small = ImageOps.invert(picture.convert("L"))
    small.thumbnail((_TILT_SIDE, _TILT_SIDE), Image.Resampling.BOX)
    steps = round(_LARGEST_TILT / _TILT_STEP)
    best = max(range(-steps, steps + 1), key=lambda step: (_contrast(small, step), -abs(step)))
    level, found = _contrast(small, 0), _contrast(small, best)
    return best * _TILT_STEP if found > 1.1 * level else 0.0


def _contrast(small: Image.Image, step: int) -> float:
    turned = small.rotate(step * _TILT_STEP, resample=Image.Resampling.BILINEAR)
    rows = turned.resize((1, turned.height), Image.Resampling.BOX)
    return float(ImageStat.Stat(ImageChops.difference(rows, ImageChops.offset(rows, 0, 1))).rms[0])
