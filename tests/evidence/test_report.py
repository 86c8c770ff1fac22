"""The report of an evidence pack says everything in both languages, and hides nothing."""

import re
import unicodedata
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from fontTools.ttLib import TTFont
from pypdfium2 import PdfDocument

from domain.errors import UnavailableError
from domain.evidence import PackFacts
from infrastructure.evidence import typesetting
from infrastructure.evidence.typesetting import FONTS, Style, Typesetter, printable, wrapped
from infrastructure.messages import Catalogue
from infrastructure.signatures.verdicts import inspect_signatures
from tests.evidence.reports import MADE_AT, Desk, desk, event, facts

VIETNAMESE = (
    "Báo cáo của gói chứng cứ",
    "Hồ sơ H33.05-2026-000123",
    "Hồ sơ cấp giấy chứng nhận quyền sử dụng đất của ông A",
    "Gói này chứng minh",
    "Gói này không chứng minh",
    "giá trị của các trường sau không có trong gói: Người nộp, Điện thoại.",
    "sh verify.sh",
    "21/11/2026 00:12:44",
    "ab12" * 16,
    "cd34" * 16,
    "Nhân chứng witness.example/w1 đã ký cùng điểm kiểm (thời điểm: không rõ).",
    "Tổ chức cấp dấu thời gian tsa.example xác nhận điểm kiểm đã có lúc 21/11/2026 00:07:44.",
    "Lịch sử: 6 sự kiện",
    "Mở hồ sơ",
    "Ông A · văn thư · H33.05 · Ủy ban nhân dân phường Thuận Hóa",
    "Căn cứ: 30/2020/ND-CP Điều 9",
    "Lý do: Phần mềm nhận dạng hỏng giữa chừng với tệp này.",
    "Trường được sửa: Ngày ban hành",
    "Giá trị mới: 23/04/2026",
    "Chữ ký nguyên vẹn",
    "! Chữ ký bị hỏng: sự kiện bị sửa sau khi ký",
    "Không có trong nhật ký minh bạch với nội dung này",
    "Không có giá trị của: Tên tệp lúc nhận",
    "Sự kiện không đọc được",
    "Ký bằng chữ ký hệ thống của kho; không phải con dấu hay chữ ký của cơ quan.",
)
ENGLISH = (
    "Report of an evidence pack",
    "Dossier H33.05-2026-000123",
    "What this pack proves",
    "What this pack does not prove",
    "the values of these fields are not in the pack: Applicant, Phone.",
    "The witness witness.example/w1 has cosigned the checkpoint",
    "History: 6 events",
    "Basis: 30/2020/ND-CP Điều 9",
    "Not in the log with this content",
    "Signed with the archive's system signature; this is no agency's seal or signature.",
)


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("report"))


def pages_of(content: bytes) -> list[str]:
    """The text of each page, on one line."""
    with PdfDocument(BytesIO(content)) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return [re.sub(r"\s+", " ", unicodedata.normalize("NFC", text)) for text in texts]


def text_of(desk: Desk, said: PackFacts) -> str:
    return " ".join(pages_of(desk.report.unsigned(said)))


def test_both_languages_say_everything(maker: Desk) -> None:
    pages = pages_of(maker.report.unsigned(facts()))
    first = next(n for n, page in enumerate(pages) if ENGLISH[0] in page)
    vietnamese, english = " ".join(pages[:first]), " ".join(pages[first:])

    assert [each for each in VIETNAMESE if each not in vietnamese] == []
    assert [each for each in ENGLISH if each not in english] == []
    assert f"English version: page {first + 1}" in pages[0]


def test_the_first_page_says_what_is_proved_and_how_to_check(maker: Desk) -> None:
    first = pages_of(maker.report.unsigned(facts()))[0]

    headings = [
        *("Gói này chứng minh", "Gói này không chứng minh", "Phần đã lược bỏ", "Cách kiểm tra"),
        *("sh verify.sh", "Gói này và điểm kiểm của nhật ký minh bạch", "Bên ngoài xác nhận"),
    ]
    assert sorted(headings, key=first.index) == headings
    assert "Lịch sử" not in first


def test_a_pack_that_nobody_vouches_for_says_so(maker: Desk) -> None:
    text = text_of(maker, facts(attestations=(), left_out=(), title=None, kind="record"))

    assert "Chưa có bên ngoài nào xác nhận điểm kiểm này" in text
    assert "Nobody outside has confirmed this checkpoint" in text
    assert "Không có trường nào bị lược bỏ theo yêu cầu." in text
    assert "(Tiêu đề không có trong gói này.)" in text
    assert "Tài liệu H33.05-2026-000123" in text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("<b>đậm</b> & \\(x\\) %d", "<b>đậm</b> & \\(x\\) %d"),
        ("đúng\u202eiạs", "đúng[U+202E]iạs"),
        ("a\u200bb\x00c\x1bd", "a[U+200B]b[U+0000]c[U+001B]d"),
        ("dòng một\nLý do: giả\rmạo", "dòng một Lý do: giả mạo"),
        ("漢字 שלום 🙂", "[U+6F22][U+5B57] [U+05E9][U+05DC][U+05D5][U+05DD] [U+1F642]"),
        ("e\u0301 x\u0336\u0336", "é x[U+0336][U+0336]"),
        ("\ud800", "[U+D800]"),
    ],
)
def test_nothing_is_hidden_in_a_value(maker: Desk, hostile: str, shown: str) -> None:
    assert printable(hostile) == shown

    said = facts([event(1, says=[("reason", hostile)])], title=hostile, made_by=hostile)
    pages = pages_of(maker.report.make(said))

    assert sum(f"Lý do: {shown}" in page for page in pages) == 1


def test_a_long_value_wraps_over_pages_and_ends_with_its_length(maker: Desk) -> None:
    word, sentence = "x" * 10_000, "điều khoản " * 909 + "x"
    said = facts([event(1, says=[("reason", word), ("request", sentence), ("lock", word)])])

    text = text_of(maker, said)

    assert text.count("… (còn 8000 ký tự, xem trong gói)") == 3
    assert text.count("x" * 30) >= 2 * 2_000 // 60
    assert "(8000 more characters, see the pack)" in text


def test_no_line_is_wider_than_its_column() -> None:
    texts = ["x" * 10_000, "W " * 900, "đường " * 500, "\u202e" * 100, "", " " * 1_000]
    for text in texts:
        for style in Style:
            for line in wrapped(text, style, 40.0):
                assert typesetting._width(line.text, style) + line.indent <= 40.01


def test_a_wrapped_text_is_whole() -> None:
    text = "Quyết định về việc " * 50 + "a" * 500
    lines = wrapped(text, Style.BODY, 60.0)

    assert "".join(line.text for line in lines).replace(" ", "") == text.replace(" ", "")
    assert {line.indent for line in lines[1:]} == {lines[1].indent} != {lines[0].indent}


def test_a_row_longer_than_a_page_goes_on_under_new_headings() -> None:
    sheets = Typesetter()
    sheets.section("x")
    sheets.rows(
        (30.0, 140.0), ("Số", "Lời"), [([("1", Style.CELL)], [("lời " * 6_000, Style.CELL)])]
    )

    assert len(sheets.pages) > 3
    for page in sheets.pages:
        assert [placed.line.text for placed in page.lines[:2]] == ["Số", "Lời"]
        heights = [placed.y for placed in page.lines]
        assert max(heights) < 279.0


def test_a_heading_stands_with_what_it_heads() -> None:
    for lines in range(60):
        sheets = Typesetter()
        sheets.section("x")
        for _ in range(lines):
            sheets.paragraph("lời")
        sheets.heading("Tệp")
        sheets.paragraph("ghi chú", Style.QUIET)
        sheets.rows((30.0, 140.0), ("Số", "Lời"), [([("1", Style.CELL)], [("một", Style.CELL)])])
        (page,) = [
            page for page in sheets.pages if "Tệp" in [each.line.text for each in page.lines]
        ]
        assert page.lines[-1].line.text == "một"


def test_every_letter_of_every_message_is_in_the_fonts() -> None:
    wanted = {
        letter
        for language in ("vi", "en")
        for code in Catalogue(language).codes()
        for letter in Catalogue(language).template(code)
    }
    wanted -= {"\n", "✗"}  # A line's end; a mark of the command line alone.
    letters = "aăâbcdđeêghiklmnoôơpqrstuưvxy"
    tones = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
    for vowel in "aăâeêioôơuưy":
        letters += "".join(unicodedata.normalize("NFC", vowel + tone) for tone in tones)
    wanted |= set(letters) | set(letters.upper())
    for name in typesetting._FILES.values():
        with TTFont(FONTS / name) as font:
            assert sorted(wanted - {chr(code) for code in font.getBestCmap()}) == []


def test_fonts_are_embedded_as_subsets(maker: Desk) -> None:
    with pikepdf.open(BytesIO(maker.report.make(facts()))) as pdf:
        fonts = {}
        for page in pdf.pages:
            for font in page.Resources.Font.values():
                inner = font.DescendantFonts[0].FontDescriptor
                fonts[str(font.BaseFont)] = len(inner.FontFile2.read_bytes())

    assert len(fonts) == 3
    assert all(0 < size < 60_000 for size in fonts.values()), fonts


def test_the_signature_is_invisible_and_covers_the_file(maker: Desk, tmp_path: Path) -> None:
    path = tmp_path / "report.pdf"
    path.write_bytes(maker.report.make(facts()))

    (verdict,) = inspect_signatures(path)

    assert (verdict.verdict, verdict.coverage, verdict.weak) == ("intact", "entire-file", False)
    assert verdict.signed_at == MADE_AT.isoformat()
    assert verdict.signer is not None
    assert "chữ ký hệ thống" in verdict.signer
    with pikepdf.open(path) as pdf:
        assert [list(field.Rect) for field in pdf.Root.AcroForm.Fields] == [[0, 0, 0, 0]]


def altered(content: bytes) -> dict[str, bytes]:
    """One byte of another value, at the beginning, in a page and behind the signature."""
    end = content.rindex(b"%%EOF")
    places = {"first": 7, "page": content.index(b"stream\n") + 20, "last": end - 3}
    return {
        name: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        for name, at in places.items()
    }


def test_one_altered_byte_is_found(maker: Desk, tmp_path: Path) -> None:
    for name, content in altered(maker.report.make(facts())).items():
        path = tmp_path / f"{name}.pdf"
        path.write_bytes(content)
        assert [each.verdict for each in inspect_signatures(path)] != ["intact"], name


def test_times_are_those_of_viet_nam_whatever_they_came_in(maker: Desk) -> None:
    late = MADE_AT.replace(hour=23, minute=59)

    assert "21/11/2026 06:59:44" in text_of(maker, facts(made_at=late))
    assert "20/11/2026 18:12:44" in text_of(maker, facts(made_at=MADE_AT - timedelta(hours=6)))


def test_a_missing_font_is_named(
    maker: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "FONTS", tmp_path)

    with pytest.raises(UnavailableError) as caught:
        maker.report.make(facts())

    assert caught.value.code == "report-font-missing"


def test_a_long_history_is_told_to_its_end(maker: Desk) -> None:
    said = facts(
        [
            event(n, says=[("title", "Cấp giấy chứng nhận"), ("reason", "Bổ sung")])
            for n in range(1, 1_001)
        ]
    )
    content = maker.report.unsigned(said)

    with PdfDocument(BytesIO(content)) as document:
        assert len(document) > 100
        assert "1000" in document[len(document) - 1].get_textpage().get_text_range()
