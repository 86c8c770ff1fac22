"""Words of a page with their boxes and confidence, from hOCR or from a page's own text."""

import json
import math
import re
import unicodedata
import xml.etree.ElementTree as ET
from dataclasses import astuple, dataclass, replace
from pathlib import Path

_BBOX = re.compile(r"\bbbox (-?\d+) (-?\d+) (-?\d+) (-?\d+)")
_BASELINE = re.compile(r"\bbaseline (-?[\d.]+) (-?[\d.]+)")
_CONFIDENCE = re.compile(r"\bx_wconf (\d+)")
_ANGLE = re.compile(r"\btextangle (-?[\d.]+)")
_SHORT = 3
_LINES = {"ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat", "ocr_footer"}
_HTML = "{http://www.w3.org/1999/xhtml}"


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the engine said it, in NFC."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: int


@dataclass(frozen=True, slots=True)
class Line:
    """Words that stand on one line, in pixels of the picture that was read."""

    words: tuple[Word, ...]
    box: tuple[float, float, float, float]
    slope: float
    intercept: float
    angle: float


@dataclass(frozen=True, slots=True)
class Read:
    """What the engine said about one picture."""

    width: int
    height: int
    dpi: float
    lines: tuple[Line, ...] = ()
    text: str = ""
    problem: str | None = None
    """Why there is nothing, where the engine gave up: `timeout` or `too-large`."""

    @property
    def words(self) -> list[Word]:
        """All words, in reading order."""
        return [word for line in self.lines for word in line.words]

    @property
    def confidence(self) -> int | None:
        """Mean confidence of the words, 0 to 100."""
        words = self.words
        return round(sum(word.confidence for word in words) / len(words)) if words else None


def nfc(text: str) -> str:
    """Composed, as everything inside of the archive."""
    return unicodedata.normalize("NFC", text)


def parse(hocr: Path) -> tuple[Line, ...]:
    """The lines of a hOCR file as Tesseract writes it."""
    lines = []
    for element in ET.parse(hocr).iter(f"{_HTML}span"):  # noqa: S314 (our own engine wrote it)
        title = element.get("title", "")
        box = _BBOX.search(title)
        if element.get("class") not in _LINES or box is None:
            continue
        words = []
        for child in element.iter(f"{_HTML}span"):
            if child.get("class") != "ocrx_word":
                continue
            facts, text = child.get("title", ""), nfc("".join(child.itertext())).strip()
            place, sure = _BBOX.search(facts), _CONFIDENCE.search(facts)
            if text and place:
                left, top, right, bottom = (float(value) for value in place.groups())
                words.append(Word(text, left, top, right, bottom, int(sure[1]) if sure else 0))
        base, angle = _BASELINE.search(title), _ANGLE.search(title)
        left, top, right, bottom = (float(value) for value in box.groups())
        if words:
            lines.append(
                Line(
                    tuple(words),
                    (left, top, right, bottom),
                    float(base[1]) if base else 0.0,
                    float(base[2]) if base else 0.0,
                    float(angle[1]) if angle else _upwards(words, level=base is not None),
                )
            )
    return tuple(lines)


def _upwards(words: list[Word], *, level: bool) -> float:
    """The angle of a line that runs up or down the page, which Tesseract's hOCR does not say.

    It leaves out the baseline there (`level` is False). A level line in a tall box is vertical
    text that was misread; OCRmyPDF would drop it from the text layer without an angle.
    """
    width = max(word.right for word in words) - min(word.left for word in words)
    height = max(word.bottom for word in words) - min(word.top for word in words)
    letters = sum(len(word.text) for word in words)
    if height <= (2 * width if level else width) or (level and letters < _SHORT):
        return 0.0
    return 270.0 if words[-1].top >= words[0].top else 90.0


def tilted(read: Read, degrees: float) -> Read:
    """Places what was read on a straightened picture back on the picture as it was.

    `degrees` is how far the picture was turned counter-clockwise around its middle.
    """
    angle = math.radians(degrees)
    cos, sin, cx, cy = math.cos(angle), math.sin(angle), read.width / 2, read.height / 2

    def back(left: float, top: float, right: float, bottom: float) -> tuple[float, ...]:
        corners = [(x - cx, y - cy) for x in (left, right) for y in (top, bottom)]
        xs = [cx + x * cos - y * sin for x, y in corners]
        ys = [cy + x * sin + y * cos for x, y in corners]
        clip = [min(max(x, 0), read.width) for x in (min(xs), max(xs))]
        down = [min(max(y, 0), read.height) for y in (min(ys), max(ys))]
        return clip[0], down[0], clip[1], down[1]

    def line_back(line: Line) -> Line:
        words = []
        for word in line.words:
            left, top, right, bottom = back(word.left, word.top, word.right, word.bottom)
            words.append(replace(word, left=left, top=top, right=right, bottom=bottom))
        left, top, right, bottom = back(*line.box)
        slope = math.tan(math.atan(line.slope) + angle)
        # The baseline's distance from the lower left corner of the (now taller) box.
        intercept = line.intercept - max(slope, 0) * (right - left)
        return replace(
            line, words=tuple(words), box=(left, top, right, bottom), slope=slope,
            intercept=intercept,
        )  # fmt: skip

    return replace(read, lines=tuple(line_back(line) for line in read.lines))


def as_json(n: int, read: Read) -> str:
    """One line of the file of words (see Reading.words)."""
    width, height = max(read.width, 1), max(read.height, 1)
    words = [
        [
            word.text,
            round(word.left / width, 5),
            round(word.top / height, 5),
            round(word.right / width, 5),
            round(word.bottom / height, 5),
            word.confidence,
        ]
        for word in read.words
    ]
    return json.dumps(
        {"n": n, "w": read.width, "h": read.height, "words": words}, ensure_ascii=False
    )


def store(read: Read, path: Path) -> None:
    """Keeps a reading on the disk: a file of 3,000 pages has more words than memory."""
    path.write_text(json.dumps(astuple(read), ensure_ascii=False), encoding="utf-8")


def restore(path: Path) -> Read:
    """Gives back what `store` kept."""
    width, height, dpi, kept, text, problem = json.loads(path.read_text(encoding="utf-8"))
    lines = tuple(
        Line(tuple(Word(*word) for word in words), tuple(box), slope, intercept, angle)
        for words, box, slope, intercept, angle in kept
    )
    return Read(width, height, dpi, lines, text, problem)
