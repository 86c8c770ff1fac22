"""The plugin through which OCRmyPDF gets our pictures and gives us Tesseract's words.

Three hooks: the rasteriser hands over the page's own picture, grey, in place of a drawing of the
page; the engine wraps OCRmyPDF's Tesseract engine and keeps words, boxes and confidence; the
options are checked against versions that were asked for once, in the warm process.

OCRmyPDF asks for the orientation before it asks for the text. Here the page is read at that
moment, and what was read is kept for the second question (see `recognise`).
A child of the warm process does one job, so the job stands in this module.
"""

import hashlib
import logging
import re
import subprocess
import threading
import warnings
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import ocrmypdf.api
import ocrmypdf.font
import ocrmypdf.fpdf_renderer
from ocrmypdf import OcrElement, OcrOptions, hookimpl
from ocrmypdf._exec import tesseract
from ocrmypdf._plugin_manager import OcrmypdfPluginManager, get_plugin_manager
from ocrmypdf.builtin_plugins.tesseract_ocr import TesseractOcrEngine
from ocrmypdf.pluginspec import OrientationConfidence
from PIL import Image

from domain.values import Tool
from infrastructure.ocr import layer, pictures, recognise, words

LANGUAGES = ("vie", "eng")
_CERTAIN = 100.0


class Job:
    """The pages of the file that this process reads."""

    def __init__(
        self,
        source: pictures.Source,
        folder: Path,
        finished: Callable[[int, words.Read, int], None],
        *,
        as_it_lies: bool,
    ) -> None:
        self.source = source
        self.folder = folder
        self.finished = finished
        self.as_it_lies = as_it_lies
        self.turned: dict[int, int] = {}
        self.previews: dict[str, int] = {}
        self.lock = threading.Lock()

    def stored(self, n: int) -> Path:
        """Where what was read of page `n` (from 0) is kept."""
        return self.folder / f"read{n}.json"

    def read_page(self, n: int, options: OcrOptions) -> int:
        """Reads page `n` once; gives the degrees clockwise by which it was turned for that."""
        if n not in self.turned:
            try:
                picture, dpi = self.source.grey(n)
                result = recognise.read_picture(
                    picture, dpi, self.folder, n, options, as_it_lies=self.as_it_lies
                )
            except (OSError, ValueError, MemoryError, SyntaxError, RuntimeError):
                # One picture that cannot be decoded must not cost the other pages.
                result = words.Read(*self.source.size(n), 72.0, problem="skipped"), 0
            words.store(result[0], self.stored(n))
            self.turned[n] = result[1]
            self.finished(n, *result)
        return self.turned[n]


_job: Job | None = None


def bind(job: Job) -> None:
    """Names the job of this process."""
    global _job
    _job = job


def _bound() -> Job:
    if _job is None:
        raise RuntimeError
    return _job


class KeepingEngine(TesseractOcrEngine):
    """Tesseract, keeping what it said."""

    @staticmethod
    def get_orientation(input_file: Path, options: OcrOptions) -> OrientationConfidence:
        """Reads the page; the angle is counter-clockwise, as OCRmyPDF counts."""
        job = _bound()
        turned = job.read_page(job.previews[Path(input_file).name], options)
        return OrientationConfidence(-turned % 360, _CERTAIN)

    @staticmethod
    def supports_generate_ocr() -> bool:
        """Yes: no hOCR file is parsed twice."""
        return True

    @staticmethod
    def generate_ocr(
        input_file: Path, options: OcrOptions, page_number: int = 0
    ) -> tuple[OcrElement, str]:
        """The words for the text layer."""
        job = _bound()
        job.read_page(page_number, options)
        read = words.restore(job.stored(page_number))
        return layer.StoredPage(job.stored(page_number), read, page_number), read.text

    @staticmethod
    def version() -> str:
        """Tesseract's version, asked for once."""
        return str(tesseract_version())

    @staticmethod
    def creator_tag(options: OcrOptions) -> str:
        """What made the text layer, written into the PDF/A."""
        return f"Tesseract {tesseract_version()}"

    @staticmethod
    def languages(options: OcrOptions) -> set[str]:
        """The languages, asked for once."""
        return set(_languages())


@hookimpl(tryfirst=True)
def get_ocr_engine(options: OcrOptions | None) -> KeepingEngine:
    """Our engine for every job."""
    return KeepingEngine()


@hookimpl(tryfirst=True)
def rasterize_pdf_page(output_file: Path, pageno: int, page_dpi: Any) -> Path:
    """Registers the preview, and gives OCRmyPDF something to open.

    The picture itself goes to Tesseract within `read_page`; nothing looks at this one.
    """
    job = _bound()
    with job.lock:
        job.previews[Path(output_file).name] = pageno - 1
    dpi = page_dpi.to_scalar() if page_dpi else 300
    Image.new("L", (8, 8), 255).save(output_file, format="TIFF", dpi=(dpi, dpi))
    return Path(output_file)


@lru_cache(maxsize=1)
def tesseract_version() -> str:
    """The version of the Tesseract in use."""
    return str(tesseract.version())


@lru_cache(maxsize=1)
def _languages() -> frozenset[str]:
    return frozenset(tesseract.get_languages())


@lru_cache(maxsize=1)
def manager() -> OcrmypdfPluginManager:
    """OCRmyPDF's plugins and this one."""
    return get_plugin_manager([__name__])


@lru_cache(maxsize=1)
def _models() -> str:
    """The models in use, each with the start of its SHA-256."""
    listing = subprocess.run(
        ["tesseract", "--list-langs"], capture_output=True, text=True, check=True
    ).stdout
    folder = Path(re.search(r'"(.+)"', listing)[1])  # type: ignore[index]
    digests = []
    for language in LANGUAGES:
        data = (folder / f"{language}.traineddata").read_bytes()
        digests.append(f"{language}@sha256:{hashlib.sha256(data).hexdigest()[:16]}")
    return "+".join(digests)


def tool(options: str) -> Tool:
    """What read the file, for the record."""
    return Tool(
        name="ocrmypdf+tesseract",
        version=f"{ocrmypdf.__version__}+{tesseract_version()}",
        model=_models(),
        options=options,
    )


def warm_up() -> None:
    """Everything that is the same for every job, before the first fork."""
    # A log line could quote a stranger's page; what matters comes back as a state or a code.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    missing = set(LANGUAGES) - _languages()
    if missing:
        message = f"Tesseract lacks the languages {sorted(missing)}"
        raise RuntimeError(message)
    tesseract_version()
    _models()
    manager()
