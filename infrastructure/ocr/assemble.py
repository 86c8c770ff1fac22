"""A PDF of chosen pages of several files, in the child of the sandbox.

A page of a PDF is taken over with the bytes of its pictures and turned by /Rotate; a picture file
becomes a PDF first, a JPEG as it is, all else without loss.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import img2pdf
import pikepdf
from PIL import Image

from domain.papers import Limits
from domain.values import Tool
from infrastructure.ocr import clean, inspection

_CHUNK = 1 << 20


def assemble(
    bundle: Path,
    sizes: Sequence[int],
    wanted: Sequence[tuple[int, int, int]],
    target: Path,
    folder: Path,
    limits: Limits,
) -> None:
    """Writes the PDF. `bundle` holds the files one after the other; a page that is wanted is the
    file (from 0), its page (from 1) and degrees clockwise. Raises IndexError for no such page."""
    Image.MAX_IMAGE_PIXELS = limits.page_megapixels * 1_000_000
    with ExitStack() as stack:
        files = [
            stack.enter_context(pikepdf.open(_as_pdf(part, folder), suppress_warnings=True))
            for part in _parts(bundle, sizes, folder)
        ]
        made = stack.enter_context(pikepdf.new())
        for file, page, degrees in wanted:
            if page < 1:
                raise IndexError(page)
            made.pages.append(files[file].pages[page - 1])
            if degrees:
                made.pages[-1].rotate(degrees, relative=True)
        made.save(target)


def tool() -> Tool:
    """What puts pages together, for the record."""
    return Tool("pikepdf+img2pdf", f"{pikepdf.__version__}+{img2pdf.__version__}")


def _parts(bundle: Path, sizes: Sequence[int], folder: Path) -> list[Path]:
    """The files of the bundle, each under a name of its own."""
    found = []
    with bundle.open("rb") as source:
        for n, size in enumerate(sizes):
            path = folder / f"part{n}"
            left = size
            with path.open("wb") as part:
                while left and (chunk := source.read(min(_CHUNK, left))):
                    part.write(chunk)
                    left -= len(chunk)
            found.append(path)
    return found


def _as_pdf(path: Path, folder: Path) -> Path:
    if inspection.media_type_of(path) == "application/pdf":
        return path
    with Image.open(path) as image:
        count = int(getattr(image, "n_frames", 1))
    frames = folder / f"{path.name}-frames"
    frames.mkdir()
    target = folder / f"{path.name}.pdf"
    clean.from_pictures(path, target, count, frames)
    return target
