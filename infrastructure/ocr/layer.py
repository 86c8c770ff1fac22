"""The words of a page as OCRmyPDF takes them for the text layer.

OCRmyPDF holds the words of all pages until it writes the layer. Here it holds a page that fetches
its words from the disk when they are asked for, so that memory does not grow with the file.
"""

from pathlib import Path

from ocrmypdf.models.ocr_element import Baseline, BoundingBox, OcrElement

from infrastructure.ocr import words
from infrastructure.ocr.words import Line, Read


class StoredPage(OcrElement):
    """The page kept at `path`."""

    def __init__(self, path: Path, read: Read, number: int) -> None:
        self._path = path
        super().__init__(
            "ocr_page",
            bbox=BoundingBox(0, 0, read.width, read.height),
            dpi=read.dpi,
            page_number=number,
        )

    @property
    def children(self) -> list[OcrElement]:
        """One paragraph with the lines, read anew each time."""
        read = words.restore(self._path)
        if not read.lines:
            return []
        return [
            OcrElement(
                "ocr_par",
                bbox=BoundingBox(0, 0, read.width, read.height),
                direction="ltr",
                language="vie",
                children=[_line(line) for line in read.lines],
            )
        ]

    @children.setter
    def children(self, value: list[OcrElement]) -> None:
        """The dataclass would set an empty list here; the words are on the disk."""


def _line(line: Line) -> OcrElement:
    return OcrElement(
        "ocr_line",
        bbox=BoundingBox(*line.box),
        baseline=Baseline(line.slope, line.intercept),
        textangle=line.angle or None,
        direction="ltr",
        language="vie",
        children=[
            OcrElement(
                "ocrx_word",
                bbox=BoundingBox(word.left, word.top, word.right, word.bottom),
                text=word.text,
                confidence=word.confidence / 100,
            )
            for word in line.words
        ],
    )
