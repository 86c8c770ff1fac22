"""How fast pages are indexed and found, against Whoosh's own plain text index in the same run.

The pages are made up: sentences of administrative Vietnamese, names, places, codes and dates drawn
by a fixed seed, and one syllable in fifty misread as a machine would. Run
`python -m bench.search [PAGES]`; without a number 10,000 pages. The answer is one JSON object on
standard output, {name: {value, reference, ratio}}, and a table on standard error. A ratio says how
many times better than the reference a figure is.
"""

import json
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from domain.searching import PageDocument, SearchScope
from domain.text import fold
from domain.values import StreamId
from infrastructure.search.whoosh_index import WhooshIndex

with warnings.catch_warnings():
    # The reasons stand in infrastructure/search/engine.py; these parts are the reference alone.
    warnings.simplefilter("ignore")
    from whoosh import fields, index, qparser

PAGES = 10_000
BATCH = 500
AGENCIES = [StreamId(f"agency-00000000-0000-7000-8000-{n:012x}") for n in range(12)]
SCOPE = SearchScope(frozenset(AGENCIES[:9]), restricted=False)


def _listed(text: str) -> list[str]:
    return [item for item in text.replace("\n", "|").split("|") if item]


TERMS = _listed("""
hồ sơ|đất đai|giấy chứng nhận|quyền sử dụng đất|quyền sở hữu nhà ở|tài sản gắn liền với đất
thửa đất số|tờ bản đồ|diện tích|mục đích sử dụng|đất trồng lúa|đất ở nông thôn
đất trồng cây lâu năm|chuyển nhượng|tặng cho|thừa kế|thế chấp|đăng ký biến động|cấp đổi|cấp lại
thu hồi đất|bồi thường|hỗ trợ tái định cư|giải phóng mặt bằng|đơn giá bồi thường
phương án chi tiết|hội đồng bồi thường|trích đo địa chính|ranh giới|mốc giới|tranh chấp|hòa giải
khiếu nại|tố cáo|đơn thư|tiếp công dân|thanh tra|kiểm tra|giám sát|xử phạt vi phạm hành chính
biên bản|quyết định|thông báo|tờ trình|báo cáo|kế hoạch|công văn|chỉ thị|ngân sách nhà nước
dự toán|quyết toán|thu chi|chi thường xuyên|chi đầu tư phát triển|vốn đầu tư công|giải ngân
kho bạc|tài khoản|chứng từ|hóa đơn|thuế thu nhập|lệ phí trước bạ|phí thẩm định|định mức|biên chế
cán bộ|công chức|viên chức|tuyển dụng|bổ nhiệm|luân chuyển|nâng bậc lương|phụ cấp|nghỉ hưu|đào tạo
bồi dưỡng|thi đua khen thưởng|kỷ luật|đánh giá xếp loại|tinh giản biên chế|vị trí việc làm
cải cách hành chính|thủ tục hành chính|một cửa liên thông|dịch vụ công trực tuyến|chuyển đổi số
cơ sở dữ liệu|chữ ký số|văn bản điện tử|an toàn thông tin|hạ tầng kỹ thuật|phần mềm|tích hợp
giáo dục|trường học|học sinh|giáo viên|phổ cập|mầm non|trung học cơ sở|cơ sở vật chất|học phí|y tế
bệnh viện|trạm y tế|tiêm chủng|bảo hiểm y tế|phòng chống dịch|vệ sinh an toàn thực phẩm
an ninh trật tự|quốc phòng|nghĩa vụ quân sự|phòng cháy chữa cháy|tai nạn giao thông|ma túy
tội phạm|nông nghiệp|thủy sản|nuôi tôm|khai thác hải sản|tàu cá|giám sát hành trình|kiểm ngư
cảng cá|lúa hè thu|thủy lợi|đê biển|sạt lở|xâm nhập mặn|hạn hán|phòng chống thiên tai
rừng phòng hộ|môi trường|rác thải|nước sạch|xây dựng nông thôn mới|hộ nghèo|cận nghèo
giảm nghèo bền vững|chính sách xã hội|người có công|trợ cấp|bảo trợ xã hội|trẻ em|người cao tuổi
bình đẳng giới|việc làm|xuất khẩu lao động|hợp tác xã|doanh nghiệp|giấy phép|đăng ký kinh doanh
đấu thầu|chỉ định thầu|hợp đồng|nghiệm thu|bàn giao|bảo hành|quy hoạch|đô thị|hạ tầng giao thông
cầu đường|vỉa hè|chiếu sáng|cấp phép xây dựng|nhà ở xã hội|thẩm định|hộ tịch|khai sinh|khai tử
kết hôn|căn cước công dân|thường trú|tạm trú|chứng thực|sao y bản chính|lý lịch|du lịch|di tích
lễ hội|văn hóa|thể thao|phát thanh truyền hình|thư viện|bảo tàng|lưu trữ|tài liệu
""")
VERBS = _listed("""
đề nghị|giao|chỉ đạo|triển khai|tổ chức thực hiện|phối hợp|rà soát|tổng hợp|báo cáo về|xem xét
phê duyệt|hoàn thành|tiếp tục đẩy mạnh|khẩn trương|chịu trách nhiệm|hướng dẫn|kiểm tra việc
công bố|ban hành|đôn đốc|bảo đảm|tăng cường|nâng cao hiệu quả|kịp thời xử lý|thống nhất chủ trương
lập danh sách|niêm yết công khai
""")
LINKS = _listed("""
theo quy định của pháp luật|trên địa bàn tỉnh|trong thời gian tới|và các đơn vị có liên quan
đối với|về việc|để|nhằm|từ nguồn|thuộc thẩm quyền|của Ủy ban nhân dân tỉnh|của Sở Tài chính
của Sở Nội vụ|tại xã|tại phường|đúng thời hạn|trước ngày|sau khi|căn cứ tình hình thực tế
ý kiến của|do|được|ở|các|những|một số|không|đã|sẽ
""")
FAMILIES = _listed("""
Nguyễn|Trần|Lê|Phạm|Huỳnh|Hoàng|Phan|Vũ|Võ|Đặng|Bùi|Đỗ|Hồ|Ngô|Dương|Lý|Danh|Thị|Kim|Châu|Tăng
""")
MIDDLES = _listed("""
Văn|Thị|Hữu|Minh|Thanh|Ngọc|Quốc|Đình|Xuân|Thu|Kim|Hồng|Bảo|Gia|Đức|Công|Trọng|Mỹ|Út|Phước
""")
GIVEN = _listed("""
An|Anh|Ánh|Bình|Bửu|Châu|Chi|Cường|Dũng|Duy|Dương|Đạt|Đông|Giang|Hà|Hải|Hạnh|Hiền|Hiếu|Hòa|Hoàng
Hùng|Hương|Huy|Khánh|Khoa|Kiên|Lan|Lâm|Linh|Loan|Long|Lợi|Mai|Mẫn|Minh|Nam|Nga|Ngân|Nghĩa|Nhân
Nhung|Oanh|Phong|Phú|Phúc|Phương|Quang|Quân|Quý|Quyên|Sang|Sơn|Tài|Tâm|Tân|Thảo|Thành|Thắng|Thịnh
Thơ|Thúy|Thủy|Tiến|Toàn|Trang|Trí|Trinh|Trung|Tuấn|Tú|Tùng|Tuyết|Vân|Việt|Vinh|Vy|Xuân|Yến
""")
PLACES = _listed("""
Rạch Giá|Hà Tiên|Phú Quốc|Kiên Lương|Hòn Đất|Tân Hiệp|Châu Thành|Giồng Riềng|Gò Quao|An Biên
An Minh|Vĩnh Thuận|U Minh Thượng|Giang Thành|Kiên Hải|Cà Mau|Năm Căn|Ngọc Hiển|Đầm Dơi|Cái Nước
Phú Tân|Trần Văn Thời|Thới Bình|Long Xuyên|Châu Đốc|Tân Châu|Tịnh Biên|Tri Tôn|Thoại Sơn|Chợ Mới
Vĩnh Hòa Hiệp|Mỹ Lâm|Sóc Sơn|Bình Sơn|Thổ Châu|Dương Đông|An Thới|Gành Dầu|Cửa Cạn|Thạnh Đông
Tân Khánh Hòa|Vĩnh Phú|Đông Thái|Nam Yên|Hưng Yên|Tây Yên
""")
TYPES = [
    item.split("=")
    for item in _listed("""
Quyết định=QĐ|Báo cáo=BC|Tờ trình=TTr|Thông báo=TB|Kế hoạch=KH|Biên bản=BB|Công văn=|Giấy mời=GM
""")
]
ORGANS = [
    item.split("=")
    for item in _listed("""
Ủy ban nhân dân tỉnh=UBND|Sở Tài chính=STC|Sở Nội vụ=SNV|Sở Xây dựng=SXD|Thanh tra tỉnh=TTT
Sở Nông nghiệp và Môi trường=SNNMT
""")
]


def make_pages(count: int, seed: int = 2026) -> Iterator[PageDocument]:
    """Pages in the register of a province's papers, always the same for the same seed."""
    chance = random.Random(seed)
    for n in range(count):
        type_name, short = chance.choice(TYPES)
        organ, letters = chance.choice(ORGANS)
        issued = date(2012, 1, 1) + timedelta(days=chance.randrange(5200))
        code = (
            f"{chance.randrange(1, 4000)}/{short}-{letters}"
            if short
            else f"{n % 3000}/{letters}-VX"
        )
        title = f"Về việc {chance.choice(VERBS)} {chance.choice(TERMS)} {chance.choice(PLACES)}"
        head = (
            f"{organ.upper()}\nCỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM\nĐộc lập - Tự do - Hạnh phúc\n"
            f"Số: {code}\nKiên Giang, ngày {issued.day} tháng {issued.month} năm {issued.year}\n"
            f"{type_name.upper()}\n{title}\n"
        )
        body = "\n".join(_sentence(chance) for _ in range(chance.randrange(14, 24)))
        yield PageDocument(
            record=StreamId(f"record-00000000-0000-7000-8000-{n // 3:012x}"),
            page=n % 3 + 1,
            dossier=StreamId(f"dossier-00000000-0000-7000-8000-{n // 30:012x}"),
            dossier_code=f"000.00.01.H33-181228-{n // 30:04}",
            agencies=frozenset({AGENCIES[n // 30 % len(AGENCIES)]}),
            title=title,
            code=code if n % 2 else "",
            type_name=type_name if n % 2 else "",
            issued_on=issued if n % 2 else None,
            organ=organ if n % 2 else "",
            confirmed=n % 2 == 1,
            text=_misread(head + body, chance),
            restricted=n % 50 == 0,
        )


def _sentence(chance: random.Random) -> str:
    parts = [chance.choice(VERBS).capitalize()]
    for _ in range(chance.randrange(3, 6)):
        parts += [chance.choice(TERMS), chance.choice(LINKS)]
    parts += [chance.choice(TERMS), chance.choice(PLACES)]
    if chance.random() < 0.5:
        parts += ["ông" if chance.random() < 0.5 else "bà", *_name(chance)]
    if chance.random() < 0.2:
        parts.append(f"số {chance.randrange(1, 4000)}/{chance.choice(TYPES)[1] or 'CV'}-UBND")
    if chance.random() < 0.2:
        parts.append(f"{chance.randrange(100, 90000)} m2, thửa {chance.randrange(1, 900)}")
    if chance.random() < 0.1:
        parts.append(f"số định danh 0{chance.randrange(10**10, 10**11)}")
    return " ".join(parts) + "."


def _name(chance: random.Random) -> list[str]:
    return [chance.choice(FAMILIES), chance.choice(MIDDLES), chance.choice(GIVEN)]


def _misread(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    for place in range(0, len(words), 50):
        at = place + chance.randrange(50)
        if at < len(words) and len(words[at]) > 2:
            word = words[at]
            cut = chance.randrange(len(word))
            words[at] = word[:cut] + chance.choice("abcdeghiklmnoprstuvxy1") + word[cut + 1 :]
    return " ".join(words)


# ---------------------------------------------------------------- measuring


def make_queries(pages: Sequence[PageDocument], seed: int = 7) -> list[str]:
    """Sixty queries of the kinds that people type, each with words of some page."""
    chance = random.Random(seed)
    queries = []
    for _ in range(10):
        page = chance.choice(pages)
        term, other, place = chance.choice(TERMS), chance.choice(TERMS), chance.choice(PLACES)
        words = [word for word in page.text.split() if word.isalpha()]
        at = chance.randrange(len(words) - 6)
        queries += [
            term,
            fold(f"{term} {place}"),
            " ".join(_name(chance)),
            f'"{other}" {place}',
            f"{chance.randrange(1, 4000)}/QĐ-UBND",
            " ".join(words[at : at + 6]),
        ]
    return queries


def _index_ours(directory: Path, pages: Sequence[PageDocument]) -> WhooshIndex:
    ours = WhooshIndex(directory)
    for start in range(0, len(pages), BATCH):
        ours.apply(start + BATCH, pages[start : start + BATCH], [])
    return ours


def _ask_plain(searcher: Any, query: str) -> list[str]:
    """Ten hits with their excerpts, as our answers have them."""
    parsed = qparser.QueryParser("content", searcher.schema).parse(query)
    return [hit.highlights("content") for hit in searcher.search(parsed, limit=10)]


def _index_plain(directory: Path, pages: Sequence[PageDocument]) -> Any:
    """The reference: what Whoosh does out of the box, in batches of the same size."""
    directory.mkdir()
    plain = index.create_in(str(directory), fields.Schema(content=fields.TEXT(stored=True)))
    for start in range(0, len(pages), BATCH):
        writer = plain.writer()
        for page in pages[start : start + BATCH]:
            writer.add_document(content=page.text)
        writer.commit()
    return plain


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _timed(queries: Sequence[str], ask: Callable[[str], object]) -> tuple[float, float]:
    """Median and 95th percentile in milliseconds, after one round that warms the caches."""
    for query in queries:
        ask(query)
    taken = sorted(_seconds(partial(ask, query)) * 1000 for query in [*queries, *queries])
    return statistics.median(taken), taken[int(len(taken) * 0.95)]


def measure(count: int) -> dict[str, dict[str, float]]:
    """{name: {value, reference, ratio}} for so many pages."""
    pages = list(make_pages(count))
    queries = make_queries(pages)
    with tempfile.TemporaryDirectory() as folder:
        ours, plain = Path(folder) / "ours", Path(folder) / "plain"
        our_seconds = _seconds(lambda: _index_ours(ours, pages))
        plain_seconds = _seconds(lambda: _index_plain(plain, pages))
        opened = WhooshIndex(ours)
        median, p95 = _timed(queries, lambda query: opened.search(query, SCOPE))
        with index.open_dir(str(plain)).searcher() as searcher:
            plain_median, plain_p95 = _timed(queries, lambda query: _ask_plain(searcher, query))
        sizes = [sum(f.stat().st_size for f in d.rglob("*") if f.is_file()) for d in (ours, plain)]
    return {
        "search: pages indexed a second": _more(count / our_seconds, count / plain_seconds),
        "search: query median ms": _less(median, plain_median),
        "search: query p95 ms": _less(p95, plain_p95),
        "search: index kB a page": _less(sizes[0] / count / 1000, sizes[1] / count / 1000),
    }


def _more(value: float, reference: float) -> dict[str, float]:
    return _figures(value, reference, value / reference)


def _less(value: float, reference: float) -> dict[str, float]:
    return _figures(value, reference, reference / value)


def _figures(value: float, reference: float, ratio: float) -> dict[str, float]:
    return {"value": round(value, 2), "reference": round(reference, 2), "ratio": round(ratio, 2)}


def main() -> None:
    """Measures and prints."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else PAGES
    figures = measure(count)
    print(f"{count} pages; reference: Whoosh, StandardAnalyzer", file=sys.stderr)
    for name, one in figures.items():
        line = f"{name:34} {one['value']:>10} {one['reference']:>10} {one['ratio']:>7}"
        print(line, file=sys.stderr)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
