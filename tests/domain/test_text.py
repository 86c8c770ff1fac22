"""Vietnamese normalisation: what is the same word, the same code, the same day."""

import time
import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import (
    bigrams,
    code_tokens,
    codes,
    dates,
    fold,
    forms,
    has_marks,
    holds,
    look_alike,
    nfc,
    numbers,
    place_tones,
    spelling,
    syllables,
    within_one_edit,
)

VOWELS = "aăâeêioôơuưy"
TONES = ["", "\u0300", "\u0301", "\u0309", "\u0303", "\u0323"]


def test_all_vowels_with_all_tones_fold_to_their_letter() -> None:
    for vowel in VOWELS:
        for tone in TONES:
            letter = nfc(vowel + tone)
            base = unicodedata.normalize("NFD", vowel)[0]
            assert fold(letter) == fold(letter.upper()) == base
            assert fold(unicodedata.normalize("NFD", letter)) == base
    assert fold("Đường đi Ðà Nẵng") == "duong di da nang"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hòa", "hoà"),
        ("HÒA", "HOÀ"),
        ("Hóa", "Hoá"),
        ("khỏe", "khoẻ"),
        ("thủy", "thuỷ"),
        ("Ủy", "Uỷ"),
        ("ỦY", "UỶ"),
        ("tụy", "tuỵ"),
        ("lõa", "loã"),
        ("ngòai", "ngoài"),
        ("qúy", "quý"),
    ],
)
def test_both_places_of_a_tone_are_one_word(old: str, new: str) -> None:
    for form in ("NFC", "NFD"):
        assert place_tones(unicodedata.normalize(form, old)) == new
        assert place_tones(unicodedata.normalize(form, new)) == new
    assert spelling(old) == spelling(new)


@pytest.mark.parametrize("word", ["quý", "quả", "mùa", "của", "lúa", "hoàn", "khuỷu", "oai", "ủa"])
def test_other_words_keep_their_tone(word: str) -> None:
    assert place_tones(word) == word


def test_marks_are_what_a_writer_chose() -> None:
    assert has_marks("đất")
    assert has_marks("đa")
    assert not has_marks("Dat")


def test_letters_of_old_fonts_and_hidden_characters_make_no_other_word() -> None:
    assert spelling("Ðất") == "đất"
    assert spelling("nhà nƣớc") == "nhà nước"
    assert spelling("tài\u00ad") == "tài"
    assert [one.exact for one in syllables("\ufefftài\u200b liệu")] == ["tài", "liệu"]


def test_syllables_keep_their_places_in_the_text_as_given() -> None:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "Ở Ủy ban: ý A, 390/BC-UBND.")
        found = syllables(text)
        assert [one.exact for one in found] == ["ở", "uỷ", "ban", "ý", "a", "390", "bc", "ubnd"]
        assert [nfc(text[one.start : one.end]).lower() for one in found][:2] == ["ở", "ủy"]
        assert forms(text) == [(one.exact, one.folded) for one in found]
    assert list(bigrams(forms("Đất ở đây"))) == [("đất ở", "dat o"), ("ở đây", "o day")]


def test_codes_have_a_whole_tails_and_parts() -> None:
    assert code_tokens("390/BC-UBND") == ("390bcubnd", "bcubnd", "390", "bc", "ubnd")
    assert code_tokens("15/QĐ-BNV")[0] == "15qđbnv"
    text = "Số: 390 /BC - UBND, 30/2020/NĐ-CP, 02-NQ/TW, H33.05 và/hoặc 23/4/2026"
    found = [text[one.start : one.end] for one in codes(text)]
    assert found == ["390 /BC - UBND", "30/2020/NĐ-CP", "02-NQ/TW", "H33.05"]


def test_look_alikes_are_one() -> None:
    assert look_alike("39O/BC") == look_alike("390/BC")
    assert look_alike("1lI") == "111"
    assert look_alike("QĐ") == look_alike("QD")


def test_grouped_numbers_are_joined() -> None:
    assert numbers("gọi 0912 345 678 hoặc 0296.3852.222") == {"0912345678", "02963852222"}
    assert numbers("1.500.000 đồng") == {"1500000"}
    assert numbers("năm 2018, 15 ha") == set()


@pytest.mark.parametrize(
    "written",
    [
        "ngày 23 tháng 4 năm 2026",
        "NGÀY 23 THÁNG 04 NĂM 2026",
        "ngay 23 thang 4 nam 2026",
        "ngày23 tháng 4 năm 2026",
        "23/4/2026",
        "23/04/2026",
        "23-04-2026",
        "23.4.2026",
        "2026-04-23",
    ],
)
def test_days_are_read_as_papers_write_them(written: str) -> None:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, f"Ký tại Rạch Giá, {written}; hết")
        (found,) = dates(text)
        assert found.on == date(2026, 4, 23)
        assert nfc(text[found.start : found.end]) == written


@pytest.mark.parametrize(
    "text", ["31/2/2026", "23/4", "1/2/3/2026", "23/4-2026", "ngày tháng năm 2026", "0/0/2026"]
)
def test_what_is_no_day_is_none(text: str) -> None:
    assert dates(text) == []


def test_one_edit() -> None:
    for other in ("dat", "da", "at", "dt", "doat", "daat", "dot", "adt", "dta", "dats"):
        assert within_one_edit("dat", other)
        assert within_one_edit(other, "dat")
    for other in ("d", "tad", "dataa", "xoy", "", "dxyt"):
        assert not within_one_edit("dat", other)


def test_a_word_box_holds_a_matched_word() -> None:
    words = ("hồ", "390/bc-ubnd", "28/12/2018")
    assert holds("(Hồ", words)
    assert holds("số:390/BC-UBND.", words)
    assert holds("28/12/2018,", words)
    assert not holds("hố", words)
    assert not holds("390", words)


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "a-", "1.", "a1.", "ngay 1 ", "ngày 1 tháng ", "\u0301", "1/", "a" * 9 + " / "],
)
def test_no_text_takes_long(piece: str) -> None:
    text = (piece * 100_000)[:100_000]
    start = time.process_time()
    for read in (syllables, codes, dates, numbers, place_tones, fold):
        read(text)
    assert time.process_time() - start < 3


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for one in syllables(text):
        assert 0 <= one.start < one.end <= len(text)
        assert spelling(one.exact) == one.exact
        assert fold(one.folded) == one.folded
        assert fold(one.exact) == one.folded
    for code in codes(text):
        assert code.tokens
        assert text[code.start : code.end]
    for day in dates(text):
        assert text[day.start : day.end]
    numbers(text)
    assert place_tones(place_tones(text)) == place_tones(text)


@given(st.text(alphabet="aàáăâđêoòóôơuùúưyýỳHÒAqQ \u0301\u0300", max_size=30))
def test_the_form_of_the_input_does_not_matter(text: str) -> None:
    nfd = unicodedata.normalize("NFD", text)
    assert spelling(nfc(text)) == spelling(nfd)
    assert fold(nfc(text)) == fold(nfd)
    assert forms(nfc(text)) == forms(nfd)


@given(st.text(alphabet="ab1", max_size=5), st.text(alphabet="ab1", max_size=5))
def test_one_edit_agrees_with_a_table(left: str, right: str) -> None:
    assert within_one_edit(left, right) == (_distance(left, right) <= 1)


def _distance(left: str, right: str) -> int:
    """Optimal string alignment."""
    rows = [
        [max(i, j) if 0 in (i, j) else 0 for j in range(len(right) + 1)]
        for i in range(len(left) + 1)
    ]
    for i in range(1, len(left) + 1):
        for j in range(1, len(right) + 1):
            cost = left[i - 1] != right[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and left[i - 1] == right[j - 2] and left[i - 2] == right[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]
