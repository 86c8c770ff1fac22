"""Reading: text, words, PDF/A and thumbnails, and every way in which a page can end."""

import io
import json
import unicodedata
from pathlib import Path

import img2pdf
import pikepdf
import pypdfium2
import pytest
from pikepdf import Dictionary, Name
from PIL import Image

from domain.errors import ReadingError
from domain.papers import Limits, PageState
from infrastructure.ocr import pdfa
from infrastructure.ocr.reader import SandboxedReader
from tests.reading import paper
from tests.reading.conftest import Outcome, read


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("papers")


@pytest.fixture(scope="module")
def letter(folder: Path) -> Path:
    """A scanned letter of a few lines."""
    return paper.jpeg(paper.page(paper.letter(3, 8)), folder / "letter.jpg")


@pytest.fixture(scope="module")
def scan(folder: Path, letter: Path) -> Path:
    """The letter as a scanner wraps it, with the page transition that ReportLab writes."""
    path = paper.pdf([letter], folder / "scan.pdf")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].Trans = Dictionary()
        pdf.save(path)
    return path


@pytest.fixture(scope="module")
def once(reader: SandboxedReader, scan: Path) -> Outcome:
    """The letter, read once for many questions."""
    before = scan.read_bytes()
    outcome = read(reader, scan)
    assert scan.read_bytes() == before
    return outcome


def folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def boxes(outcome: Outcome, page: int = 0) -> dict[str, list[float]]:
    words = json.loads(outcome.words.splitlines()[page])["words"]
    return {word[0]: word[1:5] for word in words}


def text_of_pdf(data: bytes) -> str:
    with pypdfium2.PdfDocument(data) as document:
        texts = []
        for page in document:
            textpage = page.get_textpage()
            texts.append(textpage.get_text_range())
            textpage.close()
            page.close()
    return "\n".join(texts)


def image_bytes(data: bytes) -> list[bytes]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return [
            image.read_raw_bytes()
            for page in pdf.pages
            for image in page.get_images(recursive=False).values()
        ]


def test_a_scan_becomes_text_words_and_a_thumbnail(once: Outcome) -> None:
    (page,) = once.reading.pages
    assert page.state is PageState.OK
    assert (page.width, page.height, page.turned) == (1654, 2338, 0)
    assert page.confidence is not None
    assert page.confidence > 80
    assert page.characters == len(once.text)
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in folded(once.text)
    assert unicodedata.is_normalized("NFC", once.text + once.words)
    assert once.reported == [page]
    assert once.thumbnails[0] is not None
    with Image.open(io.BytesIO(once.thumbnails[0])) as thumbnail:
        assert (thumbnail.format, max(thumbnail.size)) == ("JPEG", 320)


def test_a_word_lies_where_it_was_drawn(once: Outcome) -> None:
    left, top, right, bottom = boxes(once)["CỘNG"]
    # The second line of the letter, on an A4 page of 200 dots an inch.
    assert left == pytest.approx(0.9 * 200 / 1654, abs=0.01)
    assert top == pytest.approx((0.8 + 0.34) * 200 / 2338, abs=0.01)
    assert 0 < left < right < 0.3
    assert top < bottom < top + 0.02


def test_the_pdfa_gives_the_text_back_and_holds_the_very_picture(
    once: Outcome, letter: Path, scan: Path
) -> None:
    assert once.pdfa is not None
    with pikepdf.open(io.BytesIO(once.pdfa)) as pdf:
        assert pdf.open_metadata().pdfa_status == "2B"
        assert Name.Trans not in pdf.pages[0]
    assert sorted(folded(text_of_pdf(once.pdfa)).split()) == sorted(folded(once.text).split())
    assert image_bytes(once.pdfa) == [letter.read_bytes()] == image_bytes(scan.read_bytes())


def test_the_record_names_tool_model_and_options(once: Outcome) -> None:
    tool = once.reading.tool
    assert tool.name == "ocrmypdf+tesseract"
    assert tool.version[:3] == "17."
    assert tool.model is not None
    assert tool.model.startswith("vie@sha256:")
    assert "pdfa-2" in (tool.options or "")


def test_a_lost_tounicode_map_is_noticed(once: Outcome, tmp_path: Path) -> None:
    assert once.pdfa is not None
    sound, lost = tmp_path / "sound.pdf", tmp_path / "lost.pdf"
    sound.write_bytes(once.pdfa)
    with pikepdf.open(sound) as pdf:
        dropped = 0
        for item in pdf.objects:
            if isinstance(item, Dictionary) and Name.ToUnicode in item:
                del item.ToUnicode
                dropped += 1
        assert dropped
        pdf.save(lost)
    pdfa.check_text(sound, {0: once.text})
    with pytest.raises(ReadingError, match="text-layer-lost"):
        pdfa.check_text(lost, {0: once.text})


def test_a_tiff_of_many_frames_becomes_as_many_pages(reader: SandboxedReader, folder: Path) -> None:
    fax = paper.page(paper.letter(4, 2), colour=False, noise=False).convert("1")
    red = paper.page(paper.letter(5, 2))
    path = folder / "frames.tif"
    _save_frames(path, fax, red)
    outcome = read(reader, path)
    states = [page.state for page in outcome.reading.pages]
    assert states == [PageState.OK, PageState.OK, PageState.EMPTY]
    assert [page.n for page in outcome.reading.pages] == [1, 2, 3]
    assert sorted(page.n for page in outcome.reported) == [1, 2, 3]
    first, second, third = outcome.text.split("\f")
    assert "Số: 4" in first
    assert "Số: 5" in second
    assert third == ""
    assert outcome.pdfa is not None
    with pikepdf.open(io.BytesIO(outcome.pdfa)) as pdf:
        assert len(pdf.pages) == 3
        image = next(iter(pdf.pages[0].get_images(recursive=False).values()))
        assert image.Filter == Name.CCITTFaxDecode


def _save_frames(path: Path, fax: Image.Image, red: Image.Image) -> None:
    """One frame in CCITT group 4, one in colour, one white."""
    parts = []
    for number, (frame, compression) in enumerate(
        [(fax, "group4"), (red, "tiff_lzw"), (Image.new("1", fax.size, 1), "group4")]
    ):
        part = path.with_name(f"part{number}.tif")
        frame.save(part, compression=compression, dpi=(200, 200))
        parts.append(Image.open(part))
    parts[0].save(path, save_all=True, append_images=parts[1:], dpi=(200, 200))
    for opened in parts:
        opened.close()


def test_a_png_with_transparency_is_read(reader: SandboxedReader, folder: Path) -> None:
    path = folder / "clear.png"
    picture = paper.page(paper.letter(6, 2), noise=False).convert("RGBA")
    picture.putalpha(picture.convert("L").point(lambda value: 255 if value < 200 else 0))
    picture.save(path, dpi=(200, 200))
    outcome = read(reader, path)
    assert "VIỆT NAM" in outcome.text
    assert outcome.pdfa is not None


@pytest.mark.parametrize("lies", [90, 180, 270])
def test_a_page_that_lies_wrong_is_turned(reader: SandboxedReader, folder: Path, lies: int) -> None:
    # The sheet lay turned clockwise by `lies` degrees in the scanner.
    picture = paper.page(paper.letter(7, 8)).rotate(-lies, expand=True)
    jpeg = paper.jpeg(picture, folder / f"lies{lies}.jpg")
    outcome = read(reader, paper.pdf([jpeg], folder / f"lies{lies}.pdf"))
    (page,) = outcome.reading.pages
    assert page.turned == (360 - lies) % 360
    assert (page.width, page.height) == (1654, 2338)
    left, top, _right, _bottom = boxes(outcome)["CỘNG"]
    assert (left, top) == pytest.approx((0.109, 0.0975), abs=0.015)
    assert outcome.pdfa is not None
    _assert_shown_upright(outcome)


def test_a_page_with_rotate_is_read_as_it_is_shown(reader: SandboxedReader, folder: Path) -> None:
    picture = paper.page(paper.letter(8, 8)).rotate(90, expand=True)
    path = paper.pdf([paper.jpeg(picture, folder / "r.jpg")], folder / "rotate.pdf")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages[0].Rotate = 90
        pdf.save(path)
    outcome = read(reader, path)
    (page,) = outcome.reading.pages
    assert (page.turned, page.width, page.height) == (0, 1654, 2338)
    _assert_shown_upright(outcome)


def _assert_shown_upright(outcome: Outcome) -> None:
    """The page of the PDF/A is shown upright, its text layer over the picture's words."""
    assert outcome.pdfa is not None
    with pypdfium2.PdfDocument(outcome.pdfa) as document:
        page = document[0]
        width, height = page.get_size()
        assert width < height
        bitmap = page.render(scale=0.2)
        with_picture = bitmap.to_pil().convert("L")
        # The seal stands below on the right; the lower left corner is empty.
        top = with_picture.crop((0, 0, with_picture.width, with_picture.height // 3))
        below = with_picture.crop((0, with_picture.height * 2 // 3, with_picture.width // 2,
                                   with_picture.height))  # fmt: skip
        assert top.getextrema()[0] < below.getextrema()[0]
        bitmap.close()
        textpage = page.get_textpage()
        found = textpage.search("CỘNG").get_next()
        assert found is not None
        left, bottom, _right, _top = textpage.get_charbox(found[0])
        across, down = _shown(page, left, bottom)
        box = boxes(outcome)["CỘNG"]
        assert across == pytest.approx(box[0], abs=0.02)
        assert down == pytest.approx(box[3], abs=0.02)
        textpage.close()
        page.close()


def _shown(page: pypdfium2.PdfPage, x: float, y: float) -> tuple[float, float]:
    from ctypes import byref, c_int

    import pypdfium2.raw as pdfium

    across, down = c_int(), c_int()
    pdfium.FPDF_PageToDevice(page, 0, 0, 10_000, 10_000, 0, x, y, byref(across), byref(down))
    return across.value / 10_000, down.value / 10_000


def test_notes_along_both_margins_stay_in_the_text_layer(
    reader: SandboxedReader, folder: Path
) -> None:
    picture = paper.page(paper.letter(12, 6), noise=False)
    note = paper.page("Đã kiểm tra và lưu hồ sơ tại văn phòng", noise=False, colour=False)
    strip = note.crop((160, 150, 1100, 210)).convert("RGB")
    picture.paste(strip.rotate(90, expand=True), (60, 1000))
    picture.paste(strip.rotate(-90, expand=True), (1540, 1000))
    outcome = read(reader, paper.jpeg(picture, folder / "margin.jpg"))
    assert "VIỆT NAM" in outcome.text
    assert outcome.reading.pages[0].turned == 0


def test_a_crooked_page_is_straightened_for_reading_alone(
    reader: SandboxedReader, folder: Path
) -> None:
    picture = paper.page(paper.letter(9, 14)).rotate(
        -5, fillcolor=(250, 249, 245), resample=Image.Resampling.BICUBIC
    )
    path = paper.jpeg(picture, folder / "crooked.jpg")
    outcome = read(reader, path)
    wanted = folded(paper.letter(9, 14)).split()
    got = folded(outcome.text).split()
    assert len(set(wanted) & set(got)) > 0.9 * len(set(wanted))
    assert outcome.pdfa is not None
    assert image_bytes(outcome.pdfa) == [path.read_bytes()]
    # The head is left above, turned down to the right around the middle of the page.
    left, top, _right, _bottom = boxes(outcome)["CỘNG"]
    assert (left, top) == pytest.approx((0.168, 0.075), abs=0.02)


def test_a_page_that_takes_too_long_is_a_timeout_and_not_text(
    reader: SandboxedReader, folder: Path
) -> None:
    full = "\n".join([paper.letter(10, 20)] * 2)
    slow = paper.jpeg(paper.page(full, dpi=450), folder / "slow.jpg", 450)
    few = paper.page("Hết hạn", noise=False).crop((0, 0, 900, 400))
    quick = paper.jpeg(few, folder / "quick.jpg")
    path = folder / "slow.pdf"
    path.write_bytes(img2pdf.convert([str(slow), str(quick)]))
    outcome = read(reader, path, Limits(page_seconds=2))
    assert [page.state for page in outcome.reading.pages] == [PageState.TIMEOUT, PageState.OK]
    assert outcome.text.startswith("\f")
    assert "skipped" not in outcome.text
    assert outcome.pdfa is not None
    assert "skipped" not in text_of_pdf(outcome.pdfa)


def test_a_page_longer_than_tesseract_takes_is_too_large(
    reader: SandboxedReader, folder: Path
) -> None:
    path = folder / "strip.png"
    Image.new("L", (35_000, 200), 255).save(path, dpi=(200, 200))
    outcome = read(reader, path)
    (page,) = outcome.reading.pages
    assert (page.state, page.characters, outcome.text) == (PageState.TOO_LARGE, 0, "")
    assert outcome.pdfa is not None


def test_a_picture_that_cannot_be_decoded_costs_its_own_page_alone(
    reader: SandboxedReader, folder: Path, letter: Path
) -> None:
    path = paper.pdf([letter, letter], folder / "half.pdf")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        image = next(iter(pdf.pages[1].get_images(recursive=False).values()))
        image.write(b"\xff\xd8\xff\xe0 nothing", filter=Name.DCTDecode)
        pdf.save(path)
    outcome = read(reader, path)
    assert outcome.reading.pages[0].state is PageState.OK
    assert outcome.reading.pages[1].state in {PageState.SKIPPED, PageState.EMPTY}
    assert outcome.text.endswith("\f")


def own_text(path: Path, *, scanned: Path | None = None) -> Path:
    """A PDF with text of its own, its font not embedded; a scanned page follows if given."""
    with pikepdf.new() as pdf:
        page = pdf.add_blank_page(page_size=(595, 842))
        page.Resources = Dictionary(
            Font=Dictionary(
                F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
            )
        )
        page.Contents = pikepdf.Stream(
            pdf, b"BT /F1 14 Tf 72 760 Td (Giay chung nhan so 4711) Tj ET"
        )
        if scanned is not None:
            with pikepdf.open(scanned) as other:
                pdf.pages.extend(other.pages)
        pdf.save(path)
    return path


def test_a_born_digital_page_keeps_its_own_text(reader: SandboxedReader, folder: Path) -> None:
    outcome = read(reader, own_text(folder / "own.pdf"))
    (page,) = outcome.reading.pages
    assert (page.state, page.confidence) == (PageState.OK, 100)
    assert outcome.text == "Giay chung nhan so 4711"
    left, top, _right, bottom = boxes(outcome)["4711"]
    assert 0.3 < left < 0.45
    assert top < 1 - 760 / 842 < bottom + 0.01
    # Helvetica is not embedded: no PDF/A, and it is said.
    assert outcome.pdfa is None
    assert outcome.reading.pdfa_problem == "not-convertible"
    assert "pdfa-unavailable" in outcome.reading.warnings


def test_a_mixed_file_is_read_page_by_page(
    reader: SandboxedReader, folder: Path, scan: Path
) -> None:
    outcome = read(reader, own_text(folder / "mixed.pdf", scanned=scan))
    own, scanned = outcome.text.split("\f")
    assert own == "Giay chung nhan so 4711"
    assert "VIỆT NAM" in scanned
    assert [page.state for page in outcome.reading.pages] == [PageState.OK] * 2


def test_one_stray_character_does_not_make_a_scan_born_digital(
    reader: SandboxedReader, folder: Path, scan: Path
) -> None:
    path = folder / "stray.pdf"
    with pikepdf.open(scan) as pdf:
        page = pdf.pages[0]
        page.Resources.Font = Dictionary(
            F1=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
        )
        page.contents_add(b"BT /F1 9 Tf 500 20 Td (1) Tj ET")
        pdf.save(path)
    outcome = read(reader, path)
    assert "VIỆT NAM" in outcome.text
    assert outcome.pdfa is not None
    assert "pages-drawn" in outcome.reading.warnings


def test_an_old_invisible_text_layer_is_not_believed(
    reader: SandboxedReader, folder: Path, once: Outcome
) -> None:
    assert once.pdfa is not None
    path = folder / "again.pdf"
    path.write_bytes(once.pdfa)
    found = reader.inspect(str(path), Limits())
    assert not found.pages[0].born_digital


def test_a_coarse_grey_scan_is_warned_about(reader: SandboxedReader, folder: Path) -> None:
    grey = paper.page(paper.letter(11, 3), dpi=120, colour=False, noise=False)
    outcome = read(reader, paper.jpeg(grey, folder / "coarse.jpg", 120))
    assert set(outcome.reading.warnings) >= {"low-resolution", "no-colour"}
    assert outcome.reading.pages[0].state is PageState.OK
