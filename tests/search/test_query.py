"""The query language: what is read, and what is refused where."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidValueError
from infrastructure.search.query import LONGEST, parse
from infrastructure.search.tree import (
    Agency,
    And,
    Code,
    Day,
    Days,
    DossierCode,
    Not,
    Or,
    Phrase,
    RecordCode,
    Signed,
    Status,
    TypeName,
    Word,
    Years,
)


def word(text: str, folded: str | None = None) -> Word:
    return Word(text, folded or text)


A, B, C = word("a"), word("b"), word("c")


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("a", A),
        ("a b", And((A, B))),
        ("a AND b", And((A, B))),
        ("a OR b c", Or((A, And((B, C))))),
        ("(a OR b) c", And((Or((A, B)), C))),
        ("a -b", And((A, Not(B)))),
        ("NOT NOT a", Not(Not(A))),
        ("a KHÔNG b", And((A, Not(B)))),
        ("a VÀ b HOẶC c", Or((And((A, B)), C))),
        ("a - b …", And((A, B))),
        ('"a b"', Phrase((A, B))),
        ("“a b”", Phrase((A, B))),
        ('"a" -"b c"', And((A, Not(Phrase((B, C)))))),
        ("Đất", word("đất", "dat")),
        ("a_b", Phrase((A, B))),
        ("12/a-b", Code(word("12ab"), (word("12"), A, B))),
        ("23/4/2026", Day(date(2026, 4, 23))),
        ("ngay:23-4-2026", Day(date(2026, 4, 23))),
        ("date:2018..4/2019", Days(date(2018, 1, 1), date(2019, 4, 30))),
        ("ngày:..2018", Days(date.min, date(2018, 12, 31))),
        ("nam:2018", Years(2018, 2018)),
        ("year:2018..2024", Years(2018, 2024)),
        ("năm:2018..", Years(2018, 9999)),
        ('loai:"Tờ trình"', TypeName("to trinh")),
        ("type:TTr", TypeName("ttr")),
        ("so:12/a", RecordCode(("12a", "12", "a"))),
        ("cơ-quan:a", Agency("a", (A,))),
        ("ho-so:H33-1", DossierCode("H33-1")),
        ("trang-thai:unconfirmed", Status(confirmed=False)),
        ('status:"đã xác nhận"', Status(confirmed=True)),
        ("chữ-ký:hợp-lệ", Signed("valid")),
        ('chu-ky:"bị thu hồi"', Signed("revoked")),
        ("signature:unknown-issuer", Signed("unknown-issuer")),
        ("chu-ky:co", Signed("")),
        ("Số: 12", And((word("số", "so"), word("12")))),
        ("a 10:30", And((A, Phrase((word("10"), word("30")))))),
    ],
)
def test_a_query_is_read(query: str, tree: object) -> None:
    assert parse(query) == tree


@pytest.mark.parametrize(
    ("query", "code", "offset"),
    [
        ("", "query-empty", 0),
        ("-- …", "query-empty", 0),
        ('a "b', "query-unclosed-quote", 2),
        ('loai:"b', "query-unclosed-quote", 5),
        ("a (b", "query-unclosed-parenthesis", 2),
        ("a) b", "query-unexpected-parenthesis", 1),
        ("a ()", "query-unexpected-parenthesis", 3),
        ("a AND", "query-missing-operand", 5),
        ("OR a", "query-missing-operand", 0),
        ("a tuoi:5", "query-unknown-field", 2),
        ("a nam:năm", "query-bad-value", 2),
        ("nam:2024..2018", "query-bad-value", 0),
        ("nam:..", "query-bad-value", 0),
        ("ngay:31/2/2020", "query-bad-value", 0),
        ("trang-thai:mat", "query-bad-value", 0),
        ("so:…", "query-bad-value", 0),
        ("(" * 30 + "a" + ")" * 30, "query-too-deep", 21),
        ("a" * (LONGEST + 1), "query-too-long", LONGEST),
        ("a " * 65, "query-too-many-words", 128),
    ],
)
def test_a_query_is_refused_with_code_and_place(query: str, code: str, offset: int) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse(query)
    assert (refused.value.code, refused.value.details["offset"]) == (code, offset)


def refusal(query: str) -> InvalidValueError | None:
    try:
        parse(query)
    except InvalidValueError as refused:
        return refused
    return None


PIECES = [
    "(",
    ")",
    '"',
    "-",
    "AND",
    "OR",
    "NOT",
    "VÀ",
    "nam:",
    "so:",
    "ngay:1..",
    'loai:"a"',
    "đất",
    "39/B",
    ".",
]


@given(
    st.text(max_size=LONGEST + 9)
    | st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join)
    | st.text(alphabet='()"-: aĐ1/..', max_size=80)
)
def test_no_text_crashes_the_parser(query: str) -> None:
    refused = refusal(query)
    if refused is not None:
        assert refused.code.startswith("query-")
        assert isinstance(refused.details["offset"], int)
