"""What the reader takes and what it refuses: by bytes and parsing, the same each time."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from domain.errors import RefusedFileError
from domain.papers import Limits
from infrastructure.ocr.reader import SandboxedReader
from tests.reading import paper


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned page as PDF."""
    folder = tmp_path_factory.mktemp("scan")
    picture = paper.jpeg(paper.page(paper.letter(1, 3)), folder / "page.jpg")
    return paper.pdf([picture], folder / "scan.pdf")


def blank_pdf(pages: int) -> bytes:
    with pikepdf.new() as pdf, io.BytesIO() as buffer:
        for _page in range(pages):
            pdf.add_blank_page(page_size=(595, 842))
        pdf.save(buffer)
        return buffer.getvalue()


def picture(kind: str, **options: object) -> bytes:
    with io.BytesIO() as buffer:
        paper.page(paper.letter(2, 2)).save(buffer, format=kind, **options)
        return buffer.getvalue()


def with_stream(content: bytes) -> bytes:
    """A PDF whose page draws `content`, compressed."""
    with pikepdf.new() as pdf, io.BytesIO() as buffer:
        page = pdf.add_blank_page(page_size=(595, 842))
        stream = pikepdf.Stream(pdf, b"")
        stream.write(zlib.compress(content, 9), filter=Name.FlateDecode)
        page.Contents = stream
        pdf.save(buffer)
        return buffer.getvalue()


def with_image(width: int, height: int) -> bytes:
    """A PDF that claims an image of this size and brings almost none of it."""
    with pikepdf.new() as pdf, io.BytesIO() as buffer:
        page = pdf.add_blank_page(page_size=(595, 842))
        image = pikepdf.Stream(pdf, b"\0" * 64)
        image.update(
            Dictionary(
                Type=Name.XObject, Subtype=Name.Image, Width=width, Height=height,
                ColorSpace=Name.DeviceGray, BitsPerComponent=8,
            )
        )  # fmt: skip
        page.Resources = Dictionary(XObject=Dictionary(Im0=image))
        page.Contents = pikepdf.Stream(pdf, b"q 595 0 0 842 0 0 cm /Im0 Do Q")
        pdf.save(buffer)
        return buffer.getvalue()


def encrypted() -> bytes:
    with pikepdf.new() as pdf, io.BytesIO() as buffer:
        pdf.add_blank_page()
        pdf.save(buffer, encryption=pikepdf.Encryption(user="mật khẩu", owner="chủ"))
        return buffer.getvalue()


def huge_bilevel() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 35_000, 35_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(35_000 * 4376), 1)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def zipped(first: bytes) -> bytes:
    buffer = io.BytesIO(first)
    buffer.seek(0, io.SEEK_END)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("run.txt", "payload")
    return buffer.getvalue()


REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "a text": ("type-not-accepted", lambda: b"Kinh gui uy ban nhan dan"),
    "a PDF that begins late": ("type-not-accepted", lambda: b"\n" + blank_pdf(1)),
    "a PDF that is a ZIP too": ("type-not-accepted", lambda: zipped(blank_pdf(1))),
    "a JPEG that is a ZIP too": ("type-not-accepted", lambda: zipped(picture("JPEG"))),
    "a PDF that is a web page too": (
        "type-not-accepted",
        lambda: blank_pdf(1).replace(b"\n", b"\n%<script>alert(1)</script>\n", 1),
    ),
    "a JPEG that is a PDF too": (
        "type-not-accepted",
        lambda: picture("JPEG", comment=b"%PDF-1.7 "),
    ),
    "a cut-off PDF": ("file-damaged", lambda: blank_pdf(40)[:-700]),
    "a PDF in name only": ("file-damaged", lambda: b"%PDF-1.7\nnothing\n%%EOF\n"),
    "a cut-off JPEG": ("file-damaged", lambda: picture("JPEG")[:20_000]),
    "a cut-off PNG": ("file-damaged", lambda: picture("PNG")[:20_000]),
    "a cut-off TIFF": ("file-damaged", lambda: picture("TIFF")[:20_000]),
    "an encrypted PDF": ("file-encrypted", encrypted),
    "a PDF without pages": ("no-pages", lambda: blank_pdf(0)),
    "ten thousand pages": ("too-many-pages", lambda: blank_pdf(10_000)),
    "a PNG of 1,225 megapixels": ("page-too-large", huge_bilevel),
    "a PDF that claims such an image": ("page-too-large", lambda: with_image(60_000, 60_000)),
    "a drawing of sixteen million lines": (
        "file-damaged",
        lambda: with_stream(b"0 0 m 9 9 l S " * (1 << 24)),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_refused_by_name_and_each_time_alike(
    reader: SandboxedReader, tmp_path: Path, name: str
) -> None:
    code, make = REFUSED[name]
    path = tmp_path / "scan.pdf"
    path.write_bytes(make())
    for _time in range(2):
        with pytest.raises(RefusedFileError) as refused:
            reader.inspect(str(path), Limits())
        assert refused.value.code == code


def test_an_empty_file_and_one_above_the_limit_are_refused(
    reader: SandboxedReader, tmp_path: Path, scan: Path
) -> None:
    empty = tmp_path / "empty.pdf"
    empty.touch()
    with pytest.raises(RefusedFileError, match="empty-file"):
        reader.inspect(str(empty), Limits())
    with pytest.raises(RefusedFileError, match="file-too-large"):
        reader.inspect(str(scan), Limits(file_bytes=1000))


def test_pages_above_the_limit_are_refused(reader: SandboxedReader, tmp_path: Path) -> None:
    path = tmp_path / "frames.tif"
    frames = [Image.new("1", (200, 300), 1) for _frame in range(4)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert len(reader.inspect(str(path), Limits(pages=4)).pages) == 4
    with pytest.raises(RefusedFileError, match="too-many-pages"):
        reader.inspect(str(path), Limits(pages=3))


def test_a_scan_is_known_by_its_bytes_whatever_its_name(
    reader: SandboxedReader, tmp_path: Path, scan: Path
) -> None:
    for media_type, data in (
        ("application/pdf", scan.read_bytes()),
        ("image/jpeg", picture("JPEG", dpi=(200, 200))),
        ("image/png", picture("PNG", dpi=(200, 200))),
        ("image/tiff", picture("TIFF", dpi=(200, 200))),
    ):
        path = tmp_path / "letter.docx"
        path.write_bytes(data)
        found = reader.inspect(str(path), Limits())
        assert found.media_type == media_type
        (page,) = found.pages
        assert (page.width, page.height, page.dpi) == (1654, 2338, 200)
        assert page.colour
        assert not page.born_digital


def test_a_phone_picture_without_resolution_counts_as_a4(
    reader: SandboxedReader, tmp_path: Path
) -> None:
    path = tmp_path / "phone.jpg"
    path.write_bytes(picture("JPEG"))
    assert reader.inspect(str(path), Limits()).pages[0].dpi == 200


def test_what_would_act_in_a_file_is_named(reader: SandboxedReader, tmp_path: Path) -> None:
    path = tmp_path / "active.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")
        pdf.Root.AcroForm = Dictionary(Fields=Array(), XFA=pikepdf.Stream(pdf, b"<xdp/>"))
        pdf.attachments["note.txt"] = b"attached"
        pdf.pages[0].Annots = Array(
            [
                Dictionary(
                    Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]),
                    A=Dictionary(S=Name.Launch, F="calc.exe"),
                )
            ]
        )  # fmt: skip
        pdf.save(path)
    found = reader.inspect(str(path), Limits())
    assert found.active_content == ("embedded-file", "javascript", "launch", "xfa")
    assert found.signatures == 0
