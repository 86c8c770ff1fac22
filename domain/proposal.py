"""What the layout of Nghị định 30/2020/NĐ-CP lets one read from the text of a first page.

A proposal is never more than that: of 33 real provincial papers looked at, 32 had number and day
written by hand, so a person confirms or corrects each value. What is not clearly there is None.
"""

import re
from dataclasses import dataclass
from datetime import date

from domain.text import dates, fold, nfc

TYPES: dict[str, str | None] = {
    "Nghị quyết": "NQ",
    "Quyết định": "QĐ",
    "Chỉ thị": "CT",
    "Quy chế": "QC",
    "Quy định": "QyĐ",
    "Thông cáo": "TC",
    "Thông báo": "TB",
    "Hướng dẫn": "HD",
    "Chương trình": "CTr",
    "Kế hoạch": "KH",
    "Phương án": "PA",
    "Đề án": "ĐA",
    "Dự án": "DA",
    "Báo cáo": "BC",
    "Biên bản": "BB",
    "Tờ trình": "TTr",
    "Hợp đồng": "HĐ",
    "Công điện": "CĐ",
    "Bản ghi nhớ": "BGN",
    "Bản thỏa thuận": "BTT",
    "Giấy ủy quyền": "GUQ",
    "Giấy mời": "GM",
    "Giấy giới thiệu": "GGT",
    "Giấy nghỉ phép": "GNP",
    "Phiếu gửi": "PG",
    "Phiếu chuyển": "PC",
    "Phiếu báo": "PB",
    "Công văn": None,
    "Thư công": None,
}
"""The 29 types of administrative papers (Điều 7) and their abbreviations (Phụ lục III)."""

_BY_NAME = {fold(name): name for name in TYPES}
_BY_ABBREVIATION = {short: name for name, short in TYPES.items() if short}
_FOLDED_ABBREVIATION = {fold(short): name for short, name in _BY_ABBREVIATION.items()}

HEAD = 40
"""Lines of a page that may belong to the head of a paper."""
_NUMBER = re.compile(
    r"\bs[oôốóò0]\s*[:.;]?\s*([\w#`'.]{0,8}?)\s*/\s*([^\W\d_][\w]*(?:\s?[-–]\s?[^\W_]+)*|\d{4}/[\w]+(?:-[\w]+)*)",
    re.IGNORECASE,
)
_MOTTO = re.compile(r"cong hoa xa hoi|doc lap\W+tu do|tu do\W+hanh phuc")
_ABOUT = re.compile(r"^(v/v|ve viec)\b[\s:.]*")
_END = re.compile(
    r"^(kinh gui|can cu|noi nhan|dieu \d|i\.|1\.|phan |xet |thuc hien "
    r"|quyet dinh\s*:|quyet nghi\s*:)|\bngay\W*\d*\W*thang\b"
)
_SPECK = re.compile(r"[^\w\s,.()&/'’-]")
_LONGEST_SUBJECT = 500
_LONGEST_ORGAN = 200


@dataclass(frozen=True)
class Proposal:
    """What a first page seems to say of its record; every value waits for a person."""

    number: str | None = None
    """Số, digits with an optional letter: `390`."""
    notation: str | None = None
    """Ký hiệu: `BC-UBND`."""
    type_name: str | None = None
    """One of TYPES."""
    issued_on: date | None = None
    organ: str | None = None
    """The issuing organ as the letterhead writes it."""
    subject: str | None = None
    """Trích yếu, without `V/v`."""


def abbreviation_of(type_name: str) -> str | None:
    """`Báo cáo` → `BC`; None for a type that has none or that is not one of TYPES."""
    name = _BY_NAME.get(fold(type_name))
    return TYPES[name] if name else None


def type_named(text: str) -> str | None:
    """The type with this name or abbreviation: `báo cáo`, `BC`, `TTr`; None if there is none."""
    cleaned = nfc(text).strip()
    return (
        _BY_NAME.get(fold(cleaned))
        or _BY_ABBREVIATION.get(cleaned)
        or _FOLDED_ABBREVIATION.get(fold(cleaned))
    )


def propose(text: str) -> Proposal:
    """What the text of a first page suggests."""
    lines = [line.strip() for line in nfc(text).splitlines()]
    # Blank lines stay, for they end a subject; rules and specks do not.
    lines = [line for line in lines if not line or any(char.isalnum() for char in line)][:HEAD]
    number, notation, at = _code(lines)
    heading = _heading(lines)
    type_name = heading[1] if heading else _type_of(notation)
    return Proposal(
        number=number,
        notation=notation,
        type_name=type_name,
        issued_on=_issued(lines, at),
        organ=_organ(lines, at, heading[0] if heading else None),
        subject=_subject(lines, at, heading[0] if heading else None),
    )


def _code(lines: list[str]) -> tuple[str | None, str | None, int | None]:
    """Number, notation and the line of the first `Số: …/…` that opens a line."""
    for at, line in enumerate(lines):
        match = _NUMBER.match(line)
        if match:
            number = match[1] if re.fullmatch(r"\d+[a-zA-Z]?", match[1]) else None
            return number, re.sub(r"\s*[-–]\s*", "-", match[2]), at
    return None, None, None


def _type_of(notation: str | None) -> str | None:
    """`BC-UBND` → Báo cáo; a notation that names an organ alone (`VPCP-CN`) is of a Công văn."""
    if notation is None:
        return None
    first = notation.split("/")[-1].split("-")[0]
    return _BY_ABBREVIATION.get(first, "Công văn" if "-" in notation else None)


def _heading(lines: list[str]) -> tuple[int, str] | None:
    """The line that is nothing but the name of a type in capitals."""
    for at, line in enumerate(lines):
        name = _BY_NAME.get(fold(line).strip(" .:*-_'"))
        if name and line.upper() == line:
            return at, name
    return None


def _issued(lines: list[str], at: int | None) -> date | None:
    """The day beside or below the number; a day in a sentence is another paper's."""
    start = at or 0
    for line in lines[start : start + 6]:
        for written in dates(line):
            before = fold(line[: written.start])
            if before.rstrip().endswith(",") or not before.strip():
                return written.on
    return None


def _organ(lines: list[str], code_at: int | None, heading_at: int | None) -> str | None:
    """The capitals above the number, without the state's name and motto beside them."""
    end = next((at for at in (code_at, heading_at) if at is not None), None)
    if end is None:
        return None
    found = []
    for line in lines[:end]:
        match = _MOTTO.search(fold(line))
        kept = (line[: match.start()] if match else line).strip(" -–—_.,:'|*=")
        words = [word for word in kept.split() if any(char.isalpha() for char in word)]
        if words and kept == kept.upper() and len(kept) > 4 and not _SPECK.search(kept):
            found.append(" ".join(kept.split()))
    return " ".join(found)[:_LONGEST_ORGAN] or None


def _subject(lines: list[str], code_at: int | None, heading_at: int | None) -> str | None:
    """What stands below the name of the type, or after `V/v` below the number."""
    start = None if heading_at is None else heading_at + 1
    if start is None and code_at is not None:
        about = (at for at in range(code_at + 1, len(lines)) if _ABOUT.match(fold(lines[at])))
        start = next(about, None)
    if start is None:
        return None
    parts: list[str] = []
    for line in lines[start : start + 8]:
        if not line and parts:
            break
        if _END.search(fold(line)) or (parts and _is_new_part(line)):
            break
        parts.append(line.strip(" '`*_|"))
    joined = " ".join(" ".join(parts).split())
    opening = _ABOUT.match(fold(joined))
    joined = joined[opening.end() :] if opening else joined
    return joined.strip(" ./")[:_LONGEST_SUBJECT] or None


def _is_new_part(line: str) -> bool:
    """Capitals after the subject are the organ that decides, or a stamp."""
    letters = [char for char in line if char.isalpha()]
    return len(letters) > 3 and sum(char.isupper() for char in letters) > len(letters) * 0.7
