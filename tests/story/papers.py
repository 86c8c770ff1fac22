"""Small made-up papers, and their readings, which the real reader made once."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from tempfile import mkdtemp, mkstemp

from PIL import Image, ImageDraw, ImageFont

from domain.errors import RefusedFileError
from domain.papers import (
    Assembled,
    Inspection,
    Limits,
    PageRead,
    Reading,
    SignatureJudgement,
    SignatureVerdict,
    TrustAnchors,
)
from domain.values import Tool
from infrastructure.ocr.reader import SandboxedReader

PAPERS = {
    "don-xin-cap-dat": (
        "ĐƠN XIN CẤP ĐẤT",
        "Người làm đơn: Trịnh Khuyến Thượng",
        "Trú tại thôn Phương Nghĩa",
        "Xin được cấp giấy chứng nhận",
    ),
    "bien-ban-do-dac": (
        "BIÊN BẢN ĐO ĐẠC",
        "Thửa đất số mười bảy",
        "Chủ sử dụng: Trịnh Khuyến Thượng",
        "Diện tích hai trăm mét vuông",
    ),
    "quyet-dinh": (
        "QUYẾT ĐỊNH",
        "Về việc phê duyệt kế hoạch",
        "Giao văn phòng chỉnh lý hồ sơ",
        "theo quy định hiện hành",
    ),
    "giay-moi": ("GIẤY MỜI HỌP", "Kính mời các thành viên", "hội đồng dự cuộc họp"),
}
"""Name of the file and the lines of the only page."""
TINY = tuple(f"to-{n:02}" for n in range(16))
"""Papers that say their number, for many scans at once; they are received and not read."""


def font(size: int) -> ImageFont.FreeTypeFont:
    """Noto Sans, which OCRmyPDF brings along: it has every Vietnamese letter everywhere."""
    return ImageFont.truetype(str(files("ocrmypdf.data") / "NotoSans-Regular.ttf"), size)


def scan(path: Path, lines: tuple[str, ...]) -> Path:
    """A picture of a paper as a scanner makes it at 300 dpi."""
    image = Image.new("RGB", (1000, 90 + 90 * len(lines)), (252, 251, 248))
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((60, 40 + 90 * n), line, font=font(46), fill=(20, 20, 25))
    image.save(path, dpi=(300, 300))
    return path


@dataclass(frozen=True)
class Papers:
    """The scans on disk, and what the reader makes of each."""

    folder: Path
    readings: dict[str, tuple[Inspection, Reading | None]]
    """By SHA-256 in hexadecimal."""

    def path(self, name: str) -> Path:
        """The scan of this name."""
        return self.folder / f"{name}.png"

    def content(self, name: str) -> bytes:
        """Its bytes."""
        return self.path(name).read_bytes()


def draw_and_read(folder: Path) -> Papers:
    """Draws every paper and has it read by the real reader, once for all tests."""
    folder.mkdir()
    readings: dict[str, tuple[Inspection, Reading | None]] = {}
    reader = SandboxedReader(folder / "reader", 2)
    try:
        for name, lines in PAPERS.items():
            path = scan(folder / f"{name}.png", lines)
            digest = sha256(path.read_bytes()).hexdigest()
            inspection = reader.inspect(str(path), Limits())
            with reader.read(str(path), inspection, Limits(), lambda page: None) as reading:
                readings[digest] = (inspection, _kept(reading, folder / name))
    finally:
        reader.close()
    for name in TINY:
        path = scan(folder / f"{name}.png", (name,))
        readings[sha256(path.read_bytes()).hexdigest()] = (inspection, None)
    return Papers(folder, readings)


def _kept(reading: Reading, folder: Path) -> Reading:
    """The reading with its files in a folder that stays."""
    folder.mkdir()

    def keep(path: str) -> str:
        return shutil.copy2(path, folder / Path(path).name)

    return replace(
        reading,
        pdfa=keep(reading.pdfa) if reading.pdfa else None,
        text=keep(reading.text),
        words=keep(reading.words),
        thumbnails=tuple(keep(path) if path else None for path in reading.thumbnails),
    )


@dataclass(frozen=True)
class PreparedReader:
    """The port `PaperReader`: gives what the real reader gave for the same bytes."""

    papers: Papers

    def inspect(self, path: str, limits: Limits) -> Inspection:
        return self._known(path)[0]

    @contextmanager
    def read(
        self,
        path: str,
        inspection: Inspection,
        limits: Limits,
        on_page: Callable[[PageRead], None],
        *,
        as_it_lies: bool = False,
    ) -> Iterator[Reading]:
        reading = self._known(path)[1]
        assert reading is not None
        for page in reading.pages:
            on_page(page)
        yield reading

    @contextmanager
    def assemble(
        self, paths: Sequence[str], pages: Sequence[tuple[int, int, int]], limits: Limits
    ) -> Iterator[Assembled]:
        """One page after the other of papers that have one each, as if nothing was turned."""
        made = Path(mkstemp(dir=Path(paths[0]).parent)[1])
        made.write_bytes(b"".join(Path(paths[at]).read_bytes() for at, _, _ in pages))
        digest = sha256(made.read_bytes()).hexdigest()
        parts = [self._known(paths[at]) for at, _, _ in pages]
        if digest not in self.papers.readings:
            folder = mkdtemp(dir=self.papers.folder)
            self.papers.readings[digest] = _joined(parts, Path(folder))
        try:
            yield Assembled(str(made), Tool("prepared", "1"))
        finally:
            made.unlink()

    def picture(self, path: str, page: int, width: int, turned: int) -> bytes:
        raise NotImplementedError

    def signatures(self, path: str) -> tuple[SignatureVerdict, ...]:
        return ()

    def judge(
        self, path: str, anchors: TrustAnchors, at: datetime
    ) -> tuple[tuple[SignatureJudgement, ...], Tool]:
        return (), Tool("prepared", "1")

    def _known(self, path: str) -> tuple[Inspection, Reading | None]:
        found = self.papers.readings.get(sha256(Path(path).read_bytes()).hexdigest())
        if found is None:
            raise RefusedFileError("type-not-accepted")
        return found


def _joined(
    parts: Sequence[tuple[Inspection, Reading | None]], folder: Path
) -> tuple[Inspection, Reading]:
    """The readings of papers of one page as the reading of all of them."""
    readings = [reading for _, reading in parts if reading is not None]
    assert len(readings) == len(parts)
    text, words = folder / "text.txt", folder / "words.jsonl"
    text.write_text("\f".join(Path(one.text).read_text() for one in readings))
    words.write_text("".join(Path(one.words).read_text() for one in readings))
    pages = tuple(replace(one.pages[0], n=n) for n, one in enumerate(readings, 1))
    thumbnails = tuple(path for one in readings for path in one.thumbnails)
    inspection = Inspection(
        "application/pdf", tuple(one.pages[0] for one, _ in parts), signatures=0, active_content=()
    )
    return inspection, replace(
        readings[0], pages=pages, text=str(text), words=str(words), thumbnails=thumbnails
    )
