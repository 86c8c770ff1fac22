"""Pages of several files put together in the sandbox, read as a person laid them, and drawn."""

import io
from hashlib import sha256, sha512
from pathlib import Path

import pikepdf
import pytest
from PIL import Image

from domain.errors import NotFoundError, ReadingError
from domain.papers import Limits, PageState
from domain.values import Digest, FileObject
from infrastructure.objects.files import FileObjectStore, create_store
from infrastructure.ocr.kept_pictures import KeptPictures
from infrastructure.ocr.reader import SandboxedReader
from tests.reading.paper import jpeg, letter, page, pdf

LETTERS = (101, 202, 303)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A PDF of two letters, and a TIFF of the third with a blank sheet behind it."""
    folder = tmp_path_factory.mktemp("files")
    one, two, three = (page(letter(n, 6)) for n in LETTERS)
    scans = [jpeg(one, folder / "1.jpg"), jpeg(two, folder / "2.jpg")]
    tiff = folder / "3.tif"
    blank = Image.new("RGB", three.size, "white")
    three.save(tiff, save_all=True, append_images=[blank], dpi=(200, 200))
    return [pdf(scans, folder / "12.pdf"), tiff]


def test_pages_are_taken_over_with_the_bytes_of_their_pictures(
    reader: SandboxedReader, files: list[Path]
) -> None:
    wanted = [(1, 1, 0), (0, 2, 90), (0, 1, 0)]
    with reader.assemble([str(path) for path in files], wanted, Limits()) as made:
        assert made.tool.name == "pikepdf+img2pdf"
        with pikepdf.open(made.path) as pdf, pikepdf.open(files[0]) as source:
            assert len(pdf.pages) == 3
            assert [int(one.rotation) for one in pdf.pages] == [0, 90, 0]
            for at, n in ((1, 1), (2, 0)):
                (image,) = pdf.pages[at].get_images().values()
                (original,) = source.pages[n].get_images().values()
                assert isinstance(image, pikepdf.Stream)
                assert isinstance(original, pikepdf.Stream)
                assert image.read_raw_bytes() == original.read_raw_bytes()
        folder = Path(made.path).parent
    assert not folder.exists()


def test_a_page_that_a_file_has_not_is_no_page(reader: SandboxedReader, files: list[Path]) -> None:
    for wanted in ((0, 3, 0), (0, 0, 0), (2, 1, 0)):
        with (
            pytest.raises(ReadingError, match="reader-crashed"),
            reader.assemble([str(path) for path in files], [wanted], Limits()),
        ):
            pass


def test_the_text_comes_out_in_the_new_order_and_a_turned_page_stays_turned(
    reader: SandboxedReader, files: list[Path], tmp_path: Path
) -> None:
    upside = jpeg(page(letter(404, 6)).rotate(180), tmp_path / "u.jpg")
    paths = [str(path) for path in (*files, upside)]
    wanted = [(1, 1, 0), (0, 1, 0), (2, 1, 180), (0, 2, 180)]
    with reader.assemble(paths, wanted, Limits()) as made:
        found = reader.inspect(made.path, Limits())
        with reader.read(made.path, found, Limits(), lambda page: None, as_it_lies=True) as reading:
            texts = Path(reading.text).read_text().split("\f")
            assert [str(n) in text for n, text in zip((303, 101, 404), texts, strict=False)] == [
                True,
                True,
                True,
            ], "in order, and the turned page reads"
            assert "202/QĐ" not in texts[3], "a person laid it upside down, and so it stays"
            assert [one.turned for one in reading.pages] == [0, 0, 0, 0]
            assert reading.pages[0].state is PageState.OK
            assert reading.pdfa is not None
            with pikepdf.open(reading.pdfa) as pdfa:
                assert len(pdfa.pages) == 4


def test_a_page_is_drawn_as_it_is_shown(reader: SandboxedReader, files: list[Path]) -> None:
    for path in files:
        across = Image.open(io.BytesIO(reader.picture(str(path), 1, 400, 0)))
        assert (across.format, across.width) == ("JPEG", 400)
        assert 564 <= across.height <= 567
        lying = Image.open(io.BytesIO(reader.picture(str(path), 1, 400, 90)))
        assert lying.width == 400
        assert 280 <= lying.height <= 284
        with pytest.raises(NotFoundError):
            reader.picture(str(path), 3, 400, 0)


def test_a_strip_of_paper_asks_for_no_more_than_a_page(
    reader: SandboxedReader, tmp_path: Path
) -> None:
    strip = tmp_path / "strip.png"
    Image.new("L", (4, 8000), 200).save(strip)
    assert max(Image.open(io.BytesIO(reader.picture(str(strip), 1, 2400, 0))).size) <= 9600


class Drawn:
    """Counts what had to be drawn."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, path: str, page: int, width: int, turned: int) -> bytes:
        self.calls += 1
        return Path(path).read_bytes() + bytes(100 * page)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[KeptPictures, Drawn, FileObject, Path]:
    create_store(tmp_path / "store")
    objects = FileObjectStore(tmp_path / "store", is_referred=lambda digest: False)
    short, long = sha256(b"paper").hexdigest(), sha512(b"paper").hexdigest()
    file = FileObject(Digest(f"sha256:{short}"), Digest(f"sha512:{long}"), 5, "application/pdf")
    objects.put(file.sha256, io.BytesIO(b"paper"))
    drawn, folder = Drawn(), tmp_path / "pictures"
    return KeptPictures(folder, tmp_path, objects, drawn, limit=1000), drawn, file, folder


def test_a_picture_is_drawn_once_and_forgotten_with_its_file(
    kept: tuple[KeptPictures, Drawn, FileObject, Path],
) -> None:
    pictures, drawn, file, folder = kept
    first = pictures.picture(file, 1, 800, 0)
    assert pictures.picture(file, 1, 800, 0) == first
    assert drawn.calls == 1
    pictures.picture(file, 1, 900, 0)
    assert drawn.calls == 2
    pictures.forget([file.sha256])
    assert list(folder.iterdir()) == []
    assert pictures.picture(file, 1, 800, 0) == first
    assert not list(folder.parent.glob("shown-*"))
    assert not list(folder.parent.glob("picture-*"))


def test_no_more_pictures_are_kept_than_there_is_room(
    kept: tuple[KeptPictures, Drawn, FileObject, Path],
) -> None:
    pictures, _, file, folder = kept
    for width in range(1, 30):
        pictures.picture(file, 1, width, 0)
        assert sum(path.stat().st_size for path in folder.iterdir()) <= 1000
    assert (folder / f"{file.sha256.hex}-1-29-0.jpg").exists()
