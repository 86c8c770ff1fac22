"""What a first page suggests, and that it suggests nothing where nothing is clear."""

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.proposal import TYPES, Proposal, abbreviation_of, propose, type_named

BESIDE = """
VĂN PHÒNG CHÍNH PHỦ CỘNG HOÀ XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập - Tự do - Hạnh phúc

Số: 3722/VPCP-CN Hà Nội, ngày 28 tháng 4 năm 2026
V/V cơ chế đặc thù xây dựng công trình
khẩn cấp

Kính gửi: Các Bộ: Công an, Tư pháp
Xét văn bản số 92/TTr-UBND ngày 21 tháng 4 năm 2026
"""
BELOW = """UBND TỈNH KIÊN GIANG
SỞ TÀI CHÍNH
CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập - Tự do - Hạnh phúc
Số: 390/BC - STC
Kiên Giang, ngày 28 tháng 12 năm 2018

BÁO CÁO
Kết quả thực hiện ngân sách năm 2018

Thực hiện Công văn số 12/UBND-TH ngày 1/2/2018 của Ủy ban nhân dân tỉnh
"""
BY_HAND = """TT#T2
CHÍNH PHỦ CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM
Độc lập - Tự do - Hạnh phúc
Số: fZ7 /NQ-CP Hà Nội, ngày #9 tháng ` năm 2026
NGHỊ QUYÉT

Về việc chuyển giao Vườn quốc gia Ba Vì
về Ủy ban nhân dân Thành phố Hà Nội quản lý

CHÍNH PHỦ
Căn cứ Luật Tổ chức Chính phủ ngày 18 tháng 02 năm 2025;
"""


def test_a_letter_with_its_head_side_by_side() -> None:
    assert propose(BESIDE) == Proposal(
        number="3722",
        notation="VPCP-CN",
        type_name="Công văn",
        issued_on=date(2026, 4, 28),
        organ="VĂN PHÒNG CHÍNH PHỦ",
        subject="cơ chế đặc thù xây dựng công trình khẩn cấp",
    )


def test_a_named_paper_with_its_head_one_below_the_other() -> None:
    assert propose(BELOW) == Proposal(
        number="390",
        notation="BC-STC",
        type_name="Báo cáo",
        issued_on=date(2018, 12, 28),
        organ="UBND TỈNH KIÊN GIANG SỞ TÀI CHÍNH",
        subject="Kết quả thực hiện ngân sách năm 2018",
    )


def test_what_was_written_by_hand_and_misread_stays_open() -> None:
    proposal = propose(BY_HAND)
    assert (proposal.number, proposal.issued_on) == (None, None)
    assert (proposal.notation, proposal.type_name) == ("NQ-CP", "Nghị quyết")
    assert proposal.organ == "CHÍNH PHỦ"
    assert proposal.subject is not None
    assert proposal.subject.startswith("chuyển giao Vườn quốc gia Ba Vì về Ủy ban")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Kính gửi ông bà.",
        "Căn cứ Quyết định số 12/QĐ-UBND ngày 1/2/2018 của tỉnh",
        "\f\f",
        "ĐẤT",
    ],
)
def test_other_pages_suggest_nothing(text: str) -> None:
    assert propose(text) == Proposal()


def test_the_29_types_and_their_abbreviations() -> None:
    assert len(TYPES) == 29
    assert len({short for short in TYPES.values() if short}) == 27
    assert (TYPES["Chương trình"], TYPES["Chỉ thị"]) == ("CTr", "CT")
    for name, short in TYPES.items():
        assert type_named(name.upper()) == name
        assert abbreviation_of(name.lower()) == short
        if short:
            assert type_named(short) == name
    assert type_named("Hóa đơn") is None
    assert abbreviation_of("Hóa đơn") is None


@pytest.mark.parametrize("piece", ["Số: ", "Số: a", "a", "A\n", "V/v a", "-", "Số: 1/A -"])
def test_no_page_takes_long(piece: str) -> None:
    start = time.process_time()
    propose((piece * 50_000)[:50_000])
    assert time.process_time() - start < 3


@given(
    st.text(max_size=300)
    | st.text(alphabet="Số: 1/BC-UBND\nQUYẾTĐỊNH, ngày23tháng4năm2026", max_size=300)
)
def test_any_text_is_read_without_a_crash(text: str) -> None:
    propose(text)
