"""Reading a file, in the child of the sandbox: text, words, thumbnails and a PDF/A.

(1) Every page is looked at again; what the inspection said of its text decides.
(2) A clean PDF is made of the pages' pictures (see `clean`).
(3) OCRmyPDF reads it and makes the PDF/A; every page reports as it ends (see `engine`).
(4) Pages with text of their own give that text (see `owntext`).
(5) The text must come back out of the PDF/A (see `pdfa`).
What a page said is on the disk before the PDF/A is tried: where no PDF/A can be had the reading
stands without it, and says why.
"""

import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image

from domain.papers import Inspection, Limits, PageRead, PageState
from infrastructure.ocr import clean, engine, owntext, pages, pdfa, pictures, wire, words
from infrastructure.ocr.pages import Kind, PageLook

_LOW_DPI = 200
_STATES = {
    "timeout": PageState.TIMEOUT,
    "too-large": PageState.TOO_LARGE,
    "skipped": PageState.SKIPPED,
}


class Results:
    """Collects what each page said; pages end in any order and in several threads."""

    def __init__(
        self, folder: Path, source: pictures.Source, on_page: Callable[[PageRead], None]
    ) -> None:
        self._folder = folder
        self._source = source
        self._on_page = on_page
        self._lock = threading.Lock()
        self.pages: dict[int, PageRead] = {}
        self.texts: dict[int, str] = {}
        self._lines: dict[int, str] = {}

    def finished(self, n: int, read: words.Read, turned: int) -> None:
        """Page `n` (from 0) has been read."""
        state = _STATES.get(read.problem or "", PageState.OK if read.lines else PageState.EMPTY)
        page = PageRead(
            n=n + 1,
            state=state,
            width=read.width,
            height=read.height,
            turned=turned,
            characters=len(read.text),
            confidence=read.confidence,
        )
        line = words.as_json(n + 1, read)
        self._thumbnail(n, turned)
        with self._lock:
            self.pages[n], self.texts[n], self._lines[n] = page, read.text, line
        self._on_page(page)

    def write(self, count: int) -> list[PageRead]:
        """Writes text and words; a page that nobody reported was skipped."""
        for n in range(count):
            if n not in self.pages:
                size = self._source.size(n)
                self.finished(n, words.Read(*size, 72.0, problem="skipped"), 0)
        text = "\f".join(self.texts[n] for n in range(count))
        (self._folder / wire.TEXT).write_text(text, encoding="utf-8")
        with (self._folder / wire.WORDS).open("w", encoding="utf-8") as file:
            for n in range(count):
                file.write(self._lines[n] + "\n")
        return [self.pages[n] for n in range(count)]

    def _thumbnail(self, n: int, turned: int) -> None:
        try:
            picture = self._source.thumbnail(n)
            if turned:
                picture = picture.rotate(-turned, expand=True)
            picture.save(self._folder / wire.thumbnail_name(n + 1), format="JPEG", quality=75)
        except (OSError, ValueError, MemoryError, SyntaxError, RuntimeError):
            # A page without a thumbnail is shown without one.
            return


def read(
    path: Path,
    folder: Path,
    found: Inspection,
    limits: Limits,
    threads: int,
    on_page: Callable[[PageRead], None],
    *,
    as_it_lies: bool,
) -> dict[str, Any]:
    """Does the whole job; gives what `wire.RESULT` holds."""
    Image.MAX_IMAGE_PIXELS = limits.page_megapixels * 1_000_000
    tmp, target = folder / "tmp", folder / wire.PDFA
    count = len(found.pages)
    is_pdf = found.media_type == "application/pdf"
    looks = _looks(path) if is_pdf else []
    sizes = [(page.width, page.height) for page in found.pages]
    source: pictures.Source
    source = pictures.PdfPages(path, looks) if is_pdf else pictures.PicturePages(path, sizes)
    results = Results(folder, source, on_page)
    own = {n for n, page in enumerate(found.pages) if page.born_digital}
    blank = {n for n, look in enumerate(looks) if look.kind is Kind.BLANK}
    for n in blank:
        results.finished(n, words.Read(found.pages[n].width, found.pages[n].height, 300.0), 0)
    for n in sorted(own):
        results.finished(n, owntext.read(path, n), 0)
    notes = _notes(found, own | blank)
    scanned = [n for n in range(count) if n not in own and n not in blank]
    problem: str | None = None
    if scanned:
        made = tmp / "clean.pdf"
        drawn = 0
        if isinstance(source, pictures.PdfPages):
            drawn = clean.from_pdf(path, made, looks, source, decoded=False)
        else:
            clean.from_pictures(path, made, count, tmp)
        notes += ["pages-drawn"] if drawn else []
        engine.bind(engine.Job(source, tmp, results.finished, as_it_lies=as_it_lies))
        problem = pdfa.from_scans(made, target, scanned, limits, threads)
        if problem is not None and isinstance(source, pictures.PdfPages) and not own:
            # The pictures themselves may be what no PDF/A may hold. The pages stay read.
            clean.from_pdf(path, made, looks, source, decoded=True)
            again = pdfa.from_scans(made, target, scanned, limits, threads)
            notes += [] if again else ["pictures-re-encoded"]
            problem = again
    read_pages = results.write(count)
    if found.signatures and own:
        # A copy would show the words of a signed paper without its signature.
        problem = "signed"
    elif own and not scanned:
        problem = pdfa.from_own(path, target)
    elif isinstance(source, pictures.PdfPages) and not scanned:
        clean.from_pdf(path, tmp / "blank.pdf", looks, source, decoded=False)
        problem = pdfa.from_own(tmp / "blank.pdf", target)
    elif found.signatures:
        notes.append("signature-not-in-pdfa")
    if problem is None:
        pdfa.check_text(target, results.texts)
    else:
        target.unlink(missing_ok=True)
        notes.append("pdfa-unavailable")
    return {
        "pages": [asdict(page) for page in read_pages],
        "pdfa_problem": problem,
        "tool": asdict(engine.tool(pdfa.described(limits, as_it_lies=as_it_lies))),
        "warnings": notes,
    }


def _looks(path: Path) -> list[PageLook]:
    with pypdfium2.PdfDocument(path) as document:
        return [pages.look(document, n) for n in range(len(document))]


def _notes(found: Inspection, unread: set[int]) -> list[str]:
    """Warnings about the scan itself."""
    scans = [page for n, page in enumerate(found.pages) if n not in unread]
    notes = []
    if any(page.dpi is not None and page.dpi < _LOW_DPI for page in scans):
        notes.append("low-resolution")
    if scans and not any(page.colour for page in scans):
        notes.append("no-colour")
    return notes
