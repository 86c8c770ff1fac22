"""`python -m deploy.samples OUT_DIR`: writes the sample scans and `samples.json`.

Does nothing when they are there already, made by this same code with the same libraries.
"""

import hashlib
import io
import json
import shutil
import sys
from pathlib import Path

import img2pdf
import PIL
from PIL import Image

from deploy.samples.paper import Paper
from deploy.samples.papers import AGENCIES, APPLICANT, DOSSIERS, PAPERS
from deploy.samples.scan import scanned
from deploy.samples.typeset import NoFontError, Page, Typesetter

_QUALITY = 80
_MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".tif": "image/tiff",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}


def main() -> int:
    """Writes all samples into the folder that is named; 0 when they are there."""
    if len(sys.argv) != 2:
        print("usage: python -m deploy.samples OUT_DIR", file=sys.stderr)
        return 2
    target = Path(sys.argv[1])
    maker = _maker()
    described = target / "samples.json"
    if described.exists() and json.loads(described.read_bytes()).get("maker") == maker:
        return 0
    part = target.with_name(f"{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        files = [_make(paper, part) for paper in PAPERS]
    except NoFontError as error:
        print(f"samples: the font {error} is missing; run bin/setup", file=sys.stderr)
        return 3
    description = {
        "maker": maker,
        "agencies": [{"code": c, "name": n, "parent": parent} for c, n, parent in AGENCIES],
        "dossiers": [
            {
                "key": dossier.key,
                "agency": dossier.agency,
                "title": dossier.title,
                "kind": dossier.kind,
                "procedure": dossier.procedure or None,
                "applicant": APPLICANT if dossier.kind == "procedure" else None,
            }
            for dossier in DOSSIERS
        ],
        "files": files,
    }
    (part / "samples.json").write_text(
        json.dumps(description, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    shutil.rmtree(target, ignore_errors=True)
    part.rename(target)
    return 0


def _make(paper: Paper, folder: Path) -> dict[str, object]:
    """Writes one file; the answer says what it holds."""
    pages = Typesetter(paper).typeset()
    scans = [
        scanned(page.picture, paper=paper.file, n=n, skew=paper.skew)
        for n, page in enumerate(pages, 1)
    ]
    path = folder / paper.file
    dpi = (paper.dpi, paper.dpi)
    match path.suffix:
        case ".pdf":
            pictures = [_jpeg(scan, dpi) for scan in scans]
            # The other engine gives each file an identity by chance.
            engine = img2pdf.Engine.internal
            path.write_bytes(img2pdf.convert(pictures, nodate=True, engine=engine))
        case ".tif":
            scans[0].save(
                path,
                save_all=True,
                append_images=scans[1:],
                compression="jpeg",
                quality=_QUALITY,
                dpi=dpi,
            )
        case ".jpg":
            path.write_bytes(_jpeg(scans[0], dpi))
        case _:
            scans[0].save(path, dpi=dpi)
    dossier = next(dossier for dossier in DOSSIERS if dossier.key == paper.dossier)
    first = paper.number.split("\n")[0].removeprefix("Số: ")
    return {
        "file": paper.file,
        "dossier": paper.dossier,
        "agency": dossier.agency,
        "title": paper.title,
        "type": paper.type_name,
        "code": first or None,
        "organ": paper.organ,
        "issued_on": paper.issued_on.isoformat(),
        "media_type": _MEDIA_TYPES[path.suffix],
        "dpi": paper.dpi,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "pages": [{"n": n, "text": "\n".join(page.text)} for n, page in enumerate(pages, 1)],
        "sentences": [{"page": _page_of(said, pages), "text": said} for said in paper.sentences],
    }


def _page_of(sentence: str, pages: list[Page]) -> int:
    """Which page says it; a sentence that no page says whole is an error of the samples."""
    for n, page in enumerate(pages, 1):
        if sentence in " ".join(page.text):
            return n
    raise ValueError(sentence)


def _jpeg(scan: Image.Image, dpi: tuple[int, int]) -> bytes:
    data = io.BytesIO()
    scan.save(data, "JPEG", quality=_QUALITY, dpi=dpi)
    return data.getvalue()


def _maker() -> str:
    """Changes with this code and with the libraries that draw and write."""
    hashed = hashlib.sha256(f"{PIL.__version__} {img2pdf.__version__}".encode())
    for module in sorted(Path(__file__).parent.glob("*.py")):
        hashed.update(module.read_bytes())
    return hashed.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
