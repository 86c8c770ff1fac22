"""The PDF/A-2: made by OCRmyPDF with its internal backend, and checked for its text.

`pdfa_problem` says why there is none: `not-convertible` (the validator does not approve what the
file would become) or `signed`.
"""

import unicodedata
from pathlib import Path

import ocrmypdf
import pikepdf
import pikepdf.pdfa
import pypdfium2
from ocrmypdf import ExitCode, OcrOptions
from ocrmypdf.exceptions import ExitCodeException
from pikepdf import Name

from domain.errors import ReadingError
from domain.papers import Limits
from infrastructure.ocr import engine
from infrastructure.ocr.pictures import PDFIUM

_KEPT = 0.99
_NOT_CONVERTIBLE = {ExitCode.pdfa_conversion_failed, ExitCode.invalid_output_pdf}


def from_scans(
    source: Path, target: Path, scanned: list[int], limits: Limits, threads: int
) -> str | None:
    """Reads the scanned pages of a clean PDF and writes the PDF/A; gives the problem, or None."""
    options = _options(source, target, scanned, limits, threads)
    try:
        code = ocrmypdf.ocr(options, plugin_manager=engine.manager())
    except ExitCodeException as error:
        code = error.exit_code
    if code in _NOT_CONVERTIBLE:
        return "not-convertible"
    if code != ExitCode.ok:
        raise ReadingError("reader-crashed", exit=int(code))
    return None


def _options(
    source: Path, target: Path, scanned: list[int], limits: Limits, threads: int
) -> OcrOptions:
    return OcrOptions(
        input_file=source,
        output_file=target,
        languages=list(engine.LANGUAGES),
        output_type="pdfa-2",
        pdfa_backend="internal",
        pages={*scanned},
        jobs=threads,
        use_threads=True,
        progress_bar=False,
        rotate_pages=True,
        optimize=0,
        fast_web_view=1_000_000.0,
        max_image_mpixels=float(limits.page_megapixels),
        tesseract_timeout=float(limits.page_seconds),
        tesseract_non_ocr_timeout=float(limits.page_seconds),
        tesseract_downsample_large_images=False,
    )


def described(limits: Limits, *, as_it_lies: bool) -> str:
    """The options, for the record of the derivative."""
    turn = "straighten" if as_it_lies else "turn+straighten"
    return (
        "languages=vie+eng output_type=pdfa-2 pdfa_backend=internal mode=default optimize=0 "
        f"picture=grey,150-500dpi {turn}=where-read-badly "
        f"tesseract_timeout={limits.page_seconds} max_image_mpixels={limits.page_megapixels}"
    )


def from_own(source: Path, target: Path) -> str | None:
    """Tries to make a PDF/A of a file with text of its own; gives the problem, or None."""
    try:
        with pikepdf.open(source, suppress_warnings=True) as pdf:
            for page in pdf.pages:
                if Name.Trans in page:
                    del page.Trans
            report = pikepdf.pdfa.save(pdf, target, pikepdf.pdfa.Flavour.PDFA_2B)
    except (
        pikepdf.PdfError,
        pikepdf.pdfa.PdfaError,
        ValueError,
        TypeError,
        KeyError,
        RuntimeError,
        AttributeError,
        OSError,
    ):
        return "not-convertible"
    return None if getattr(report, "verdict", "fail") == "pass" else "not-convertible"


def check_text(target: Path, texts: dict[int, str]) -> None:
    """The text must come back out of the PDF/A; raises ReadingError("text-layer-lost").

    Compared as a count of characters, each page for itself, without white space: the order of
    lines and the spaces between words are a reader's guess, a lost ToUnicode map is not.
    """
    expected = got = 0
    with PDFIUM, pypdfium2.PdfDocument(target) as document:
        for n, text in texts.items():
            wanted = _letters(text)
            if not wanted:
                continue
            page = document[n]
            textpage = page.get_textpage()
            found = _letters(textpage.get_text_range())
            textpage.close()
            page.close()
            expected += sum(wanted.values())
            got += sum(min(count, found.get(letter, 0)) for letter, count in wanted.items())
    if got < _KEPT * expected:
        raise ReadingError("text-layer-lost", expected=expected, found=got)


def _letters(text: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for letter in unicodedata.normalize("NFC", text.replace("\ufffe", "-")):
        if not letter.isspace() and letter != "\0":
            counts[letter] = counts.get(letter, 0) + 1
    return counts
