"""Pages for the tests of search: two agencies, short texts, everything else by name."""

from datetime import date
from typing import Any

from domain.searching import PageDocument, SearchScope
from domain.values import StreamId


def stream(kind: str, n: int) -> StreamId:
    return StreamId(f"{kind}-00000000-0000-7000-8000-{n:012x}")


FINANCE, HOME_AFFAIRS, FOREIGN = (stream("agency", n) for n in (1, 2, 3))
OURS = SearchScope(frozenset({FINANCE, HOME_AFFAIRS}), restricted=False)
THEIRS = SearchScope(frozenset({FOREIGN}), restricted=False)


def page(n: int, text: str, **more: Any) -> PageDocument:
    """Page 1 of record `n`, of the finance department unless said otherwise."""
    facts: dict[str, Any] = {
        "record": stream("record", n),
        "page": 1,
        "dossier": stream("dossier", n),
        "dossier_code": f"000.00.01.H33-181228-{n:04}",
        "agencies": frozenset({FINANCE}),
        "title": "",
        "code": "",
        "type_name": "",
        "issued_on": None,
        "organ": "",
        "confirmed": False,
        "text": text,
    }
    return PageDocument(**(facts | more))


REPORT = page(
    390,
    "Số: 390/BC-UBND\nKiên Giang, ngày 28 tháng 12 năm 2018\nBÁO CÁO\nKết quả xây dựng chính quyền "
    "điện tử. Ủy ban nhân dân tỉnh đã số hóa hồ sơ đất đai của hai huyện.",
    title="Kết quả xây dựng chính quyền điện tử",
    code="390/BC-UBND",
    type_name="Báo cáo",
    issued_on=date(2018, 12, 28),
    organ="Ủy ban nhân dân tỉnh Kiên Giang",
    confirmed=True,
)
