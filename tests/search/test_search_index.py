"""What every engine behind the port `SearchIndex` keeps; a further engine is one more factory."""

import unicodedata
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidValueError
from domain.searching import Match, Order, PageDocument, PageFilter, SearchIndex, SearchScope
from domain.text import place_tones
from infrastructure.search.whoosh_index import WhooshIndex
from tests.search.pages import (
    FINANCE,
    FOREIGN,
    HOME_AFFAIRS,
    OURS,
    REPORT,
    THEIRS,
    page,
    stream,
)

Factory = Callable[[Path], SearchIndex]
FACTORIES: dict[str, Factory] = {"whoosh": WhooshIndex}


@pytest.fixture(params=FACTORIES)
def index(request: pytest.FixtureRequest, tmp_path: Path) -> SearchIndex:
    return FACTORIES[request.param](tmp_path / "index")


def fill(index: SearchIndex, *pages: PageDocument) -> None:
    index.apply(index.position() + 1, pages, [])


def found(index: SearchIndex, query: str, scope: SearchScope = OURS) -> list[tuple[int, Match]]:
    """Numbers of the records found, with their tier."""
    hits = index.search(query, scope, limit=100).hits
    return [(int(hit.record[-12:], 16), hit.match) for hit in hits]


def records(index: SearchIndex, query: str, scope: SearchScope = OURS) -> list[int]:
    return [record for record, _ in found(index, query, scope)]


# ---------------------------------------------------------------- position and pages


def test_an_empty_index_stands_at_nothing_and_finds_nothing(index: SearchIndex) -> None:
    assert index.position() == 0
    assert list(index.inspect_pages()) == []
    answer = index.search("đất", OURS)
    assert (answer.total, answer.position, answer.hits) == (0, 0, ())


def test_the_position_moves_with_the_pages_and_without(index: SearchIndex) -> None:
    index.apply(7, [REPORT], [])
    index.apply(9, [], [])
    assert index.position() == 9
    assert index.search("đất", OURS).position == 9


def test_pages_come_back_as_they_were_put(index: SearchIndex) -> None:
    decomposed = replace(page(2, unicodedata.normalize("NFD", "Đất ở \ue000")), restricted=True)
    fill(index, REPORT, decomposed, replace(REPORT, page=2, text=""))
    kept = {(one.record, one.page): one for one in index.inspect_pages()}
    assert kept == {
        (REPORT.record, 1): REPORT,
        (decomposed.record, 1): decomposed,
        (REPORT.record, 2): replace(REPORT, page=2, text=""),
    }


def test_the_same_page_replaces_itself(index: SearchIndex) -> None:
    fill(index, page(1, "văn bản cũ"))
    fill(index, page(1, "tờ trình trước"), page(1, "tờ trình mới"))
    assert [one.text for one in index.inspect_pages()] == ["tờ trình mới"]
    assert records(index, '"văn bản cũ"') == []
    assert records(index, "mới") == [1]


def test_removed_records_are_gone_and_may_come_again(index: SearchIndex) -> None:
    fill(index, page(1, "giấy mời"), page(1, "giấy mời", page=2), page(2, "giấy mời"))
    index.apply(5, [], [stream("record", 1)])
    assert records(index, "giấy mời") == [2]
    index.apply(6, [page(1, "giấy mời họp")], [stream("record", 1)])
    assert sorted(records(index, "giấy mời")) == [1, 2]
    assert index.search("họp", OURS).total == 1


def test_many_commits_keep_every_page(index: SearchIndex) -> None:
    for n in range(1, 61):
        index.apply(n, [page(n, f"biên bản thứ {n} của hội đồng")], [])
        if n % 3 == 0:
            index.apply(n, [], [stream("record", n - 1)])
    left = {n for n in range(1, 61) if n % 3 != 2}
    assert {int(one.record[-12:], 16) for one in index.inspect_pages()} == left
    assert index.search('"biên bản"', OURS, limit=0).total == len(left)
    assert records(index, "biên bản 31") == [31]


# ---------------------------------------------------------------- words


def test_every_way_of_writing_a_word_finds_the_same_page(index: SearchIndex) -> None:
    fill(index, page(1, "HÒA GIẢI tại Ủy ban; thủy lợi, khỏe mạnh, quý III"), page(2, "bản đồ"))
    for typed in (
        "hòa giải",
        "hoà giải",
        "HOÀ GIẢI",
        "Uỷ ban",
        "ỦY BAN",
        "thuỷ lợi",
        "khoẻ",
        "quý",
    ):
        for form in ("NFC", "NFD"):
            assert found(index, unicodedata.normalize(form, typed)) == [(1, Match.EXACT)], typed
    fill(index, page(1, unicodedata.normalize("NFD", "HÒA GIẢI tại Ủy ban; thủy lợi")))
    assert found(index, place_tones("hòa thủy uỷ")) == [(1, Match.EXACT)]


def test_words_without_marks_match_folded_and_with_marks_exactly_first(index: SearchIndex) -> None:
    fill(
        index,
        page(1, "hồ sơ đất đai"),
        page(2, "hộ số đạt dài"),
        page(3, "ho so dat dai"),
        page(4, "bản đồ"),
    )
    assert found(index, "hồ sơ đất đai")[0] == (1, Match.EXACT)
    assert set(found(index, "hồ sơ đất đai")[1:]) == {(2, Match.FOLDED), (3, Match.FOLDED)}
    assert found(index, "ho so dat dai")[0] == (3, Match.EXACT)
    assert set(found(index, "ho so dat dai")[1:]) == {(1, Match.FOLDED), (2, Match.FOLDED)}
    assert found(index, "hồ sơ dat dai")[0][1] is Match.FOLDED


def test_no_word_is_a_stop_word(index: SearchIndex) -> None:
    fill(index, page(1, "an ninh, cán bộ, máy in, tổ ở ý y a"), page(2, "khác"))
    for word in ("an", "can", "may", "to", "in", "in an", "ở", "ý", "y", "a", "o"):
        assert records(index, word) == [1], word


def test_tiers_never_mix_whatever_the_score(index: SearchIndex) -> None:
    long = "phường xã " * 50
    fill(
        index,
        page(1, "đường " + long),
        page(2, "dường đuông " * 20),
        page(3, "đường"),
        page(4, "đươngg đườnh"),
    )
    hits = index.search("đường", OURS, limit=10).hits
    assert [hit.match for hit in hits] == [Match.EXACT, Match.EXACT, Match.FOLDED, Match.NEAR]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_sentence_read_badly_is_still_among_the_first_three(index: SearchIndex) -> None:
    sentence = ["thu", "hồi", "đất", "giải", "phóng", "mặt", "bằng"]
    noise = [page(n, f"thu chi ngân sách, giải ngân mặt hàng thứ {n}") for n in range(100, 160)]
    fill(index, *noise, page(999, "hội nghị thu hồi giải phóng đất mặt bằng"))
    for wrong in [{1}, {6}, {0, 3}, {2, 5}]:
        misread = [
            f"{word[0]}ii{word[1:]}q" if n in wrong else word for n, word in enumerate(sentence)
        ]
        fill(index, page(1, f"Về việc {' '.join(misread)} tại xã"))
        six = " ".join(sentence[:6])
        for query in (" ".join(sentence), six):
            assert 1 in records(index, query)[:3], (misread, query)


def test_a_single_misread_letter_is_forgiven_in_a_word(index: SearchIndex) -> None:
    fill(index, page(1, "chuyển nhưọng quyền sử dụng"), page(2, "chuyen nhuqng"), page(3, "chuyển"))
    assert found(index, "chuyển nhượng") == [(1, Match.FOLDED), (2, Match.NEAR)]


# ---------------------------------------------------------------- codes, numbers, dates


def test_a_code_is_found_by_its_whole_and_by_its_parts(index: SearchIndex) -> None:
    fill(index, REPORT, page(2, "căn cứ Báo cáo số 391/BC-UBND"), page(3, "39O/BC-UBND"))
    for typed in ("390/BC-UBND", "390/bc-ubnd", "390bcubnd", "so:390/BC-UBND", "code:390"):
        assert found(index, typed)[0] == (390, Match.EXACT), typed
    assert found(index, "390/BC-UBND")[1:] == [(3, Match.NEAR)]
    assert records(index, "so:391") == [2]
    assert sorted(records(index, "BC-UBND")) == [2, 3, 390]


def test_a_record_is_found_by_its_code_though_the_page_was_misread(index: SearchIndex) -> None:
    fill(index, page(1, "S0: ___", code="12/QĐ-STC"), page(2, "Quyết định 12/QĐ-STC được thay thế"))
    assert found(index, "so:12/QĐ-STC") == [(1, Match.EXACT), (2, Match.EXACT)]
    assert found(index, "12/QD-STC") == [(1, Match.FOLDED), (2, Match.FOLDED)]


def test_numbers_are_found_however_they_are_grouped(index: SearchIndex) -> None:
    fill(index, page(1, "điện thoại 0912 345 678"), page(2, "căn cước 079123456789"))
    assert records(index, "0912345678") == [1]
    assert records(index, "0912.345.678") == [1]
    assert records(index, "079123456789") == [2]


def test_days_are_found_as_written_and_as_issued(index: SearchIndex) -> None:
    fill(index, REPORT, page(2, "trước ngày 28/12/2018"), page(3, "28-12-2019"))
    assert sorted(records(index, "28/12/2018")) == [2, 390]
    assert sorted(records(index, "ngay:2018-12-28")) == [2, 390]
    assert records(index, "ngay:2018..2019") == [390]
    assert records(index, "ngay:12/2018..") == [390]
    assert records(index, "nam:2018") == [390]
    assert records(index, "nam:2019..2024") == []


# ---------------------------------------------------------------- the query language


def test_operators_phrases_and_fields(index: SearchIndex) -> None:
    fill(
        index,
        REPORT,
        page(1, "đất ở và nhà ở", type_name="Quyết định", agencies=frozenset({HOME_AFFAIRS})),
        page(2, "nhà trên đất"),
        page(3, "xe cộ", organ="Sở Giao thông"),
    )
    assert records(index, '"nhà ở"') == [1]
    assert records(index, '"đất ở và nhà"') == [1]
    assert records(index, '"nhà và đất ở"')[:1] != [2]
    assert sorted(records(index, "đất nhà")) == [1, 2]
    assert sorted(records(index, "(xe HOẶC đất) -nhà")) == [3, 390]
    assert records(index, "đất KHÔNG nhà") == [390]
    assert records(index, "loai:bao-cao") == [390]
    assert records(index, "type:BC đất") == [390]
    assert records(index, 'co-quan:"giao thông"') == [3]
    assert records(index, "trang-thai:confirmed") == [390]
    assert sorted(records(index, "status:unconfirmed đất")) == [1, 2]
    assert records(index, "ho-so:000.00.01.h33-181228-0002") == [2]
    assert records(index, f"dossier:{stream('dossier', 3)}") == [3]
    assert records(index, f"agency:{HOME_AFFAIRS}") == [1]


def test_filters_narrow_hits_totals_and_facets_alike(index: SearchIndex) -> None:
    fill(
        index,
        REPORT,
        page(1, "đất", type_name="Báo cáo", issued_on=date(2019, 1, 1), confirmed=True),
        page(2, "đất", type_name="Tờ trình", agencies=frozenset({HOME_AFFAIRS, FOREIGN})),
    )
    whole = index.search("đất", OURS)
    assert whole.total == 3
    assert whole.facets == {
        "agency": [(FINANCE, 2), (HOME_AFFAIRS, 1)],
        "year": [("2018", 1), ("2019", 1)],
        "type": [("Báo cáo", 2), ("Tờ trình", 1)],
        "confirmed": [("true", 2), ("false", 1)],
    }
    reports = index.search("đất", OURS, PageFilter(type_name="báo cáo", year=2019))
    assert (reports.total, reports.facets["agency"]) == (1, [(FINANCE, 1)])
    assert index.search("đất", OURS, PageFilter(agency=HOME_AFFAIRS)).total == 1


def test_pages_of_results_follow_each_other(index: SearchIndex) -> None:
    fill(index, *(page(n, "tài liệu " * (n % 7 + 1)) for n in range(1, 31)))
    whole = [hit.record for hit in index.search("tài liệu", OURS, limit=30).hits]
    cut = [
        hit.record
        for offset in range(0, 40, 7)
        for hit in index.search("tài liệu", OURS, limit=7, offset=offset).hits
    ]
    assert cut == whole
    assert len(set(whole)) == 30
    assert index.search("tài liệu", OURS, limit=7, offset=21).total == 30


@pytest.mark.parametrize("query", ["", "  ", "…", '"x', "(a", "a)", "AND", "tuổi:5", "nam:x"])
def test_a_query_that_cannot_be_read_is_refused(index: SearchIndex, query: str) -> None:
    with pytest.raises(InvalidValueError):
        index.search(query, OURS)


# ---------------------------------------------------------------- snippets and words


def test_snippets_and_words_show_what_matched_as_the_page_writes_it(index: SearchIndex) -> None:
    fill(
        index,
        page(1, "Thưa. " * 100 + "Hồ Sơ\nđất đai số 390/BC-UBND ngày 28/12/2018. " + "Hết. " * 99),
    )
    (hit,) = index.search("ho so 390/BC-UBND 28/12/2018", OURS).hits
    assert hit.words == ("hồ", "sơ", "số", "390/bc-ubnd", "28/12/2018")
    assert (
        "\ue000Hồ\ue001 \ue000Sơ\ue001 đất đai \ue000số\ue001 \ue000390/BC-UBND\ue001"
        in hit.snippet
    )
    assert len(hit.snippet) < 300
    (exact,) = index.search("hồ sơ", OURS).hits
    assert exact.words == ("hồ", "sơ")


def test_words_that_only_the_title_holds_are_shown_from_the_title(index: SearchIndex) -> None:
    fill(index, page(1, "trang hai", title="Về việc nghỉ Tết"))
    (hit,) = index.search("tết", OURS).hits
    assert hit.snippet == "Về việc nghỉ \ue000Tết\ue001"


def test_marks_in_the_page_itself_are_not_taken_for_ours(index: SearchIndex) -> None:
    fill(index, page(1, "đất \ue000giả\ue001"))
    (hit,) = index.search("đất", OURS).hits
    assert hit.snippet == "\ue000đất\ue001 giả"


# ---------------------------------------------------------------- who may see


def test_nothing_of_a_foreign_agency_shows_anywhere(index: SearchIndex) -> None:
    secret = replace(
        REPORT,
        record=stream("record", 7),
        agencies=frozenset({FOREIGN}),
        text="đất mật danh Hoàng Sa",
        type_name="Công điện",
        issued_on=date(1999, 9, 9),
    )
    fill(index, page(1, "đất"), secret, page(8, "đất", restricted=True))
    for query in ("đất", "NOT xe", "mật OR đất", f"đất OR agency:{FOREIGN}"):
        answer = index.search(query, OURS, limit=100)
        assert answer.total == 1, query
        assert [hit.record for hit in answer.hits] == [stream("record", 1)]
        assert answer.facets == {
            "agency": [(FINANCE, 1)],
            "year": [],
            "type": [],
            "confirmed": [("false", 1)],
        }
    for query in (
        "Hoàng",
        "hoang",
        "Hoànq",
        "nam:1999",
        "loai:CĐ",
        "9/9/1999",
        f"agency:{FOREIGN}",
    ):
        answer = index.search(query, OURS)
        assert (answer.total, answer.hits) == (0, ()), query
        assert not any(answer.facets.values())
    assert records(index, "mật", THEIRS) == [7]


def test_a_page_shared_with_another_agency_does_not_name_it(index: SearchIndex) -> None:
    fill(index, page(1, "đất", agencies=frozenset({FINANCE, FOREIGN})))
    answer = index.search("đất", OURS, PageFilter(agency=FOREIGN))
    assert (answer.total, answer.facets["agency"]) == (0, [])
    assert records(index, f"đất agency:{FOREIGN}") == []
    assert index.search("đất", OURS).facets["agency"] == [(FINANCE, 1)]


def test_scores_tell_nothing_of_pages_out_of_sight(index: SearchIndex) -> None:
    fill(index, page(1, "đất đai nhà cửa"), page(2, "đất"))
    before = [hit.score for hit in index.search("đất nhà OR đai", OURS).hits]
    fill(index, *(page(n, "đai nhà " * n, agencies=frozenset({FOREIGN})) for n in range(10, 30)))
    assert [hit.score for hit in index.search("đất nhà OR đai", OURS).hits] == before


def test_an_empty_scope_sees_nothing_and_a_wide_one_the_restricted(index: SearchIndex) -> None:
    fill(index, page(1, "đất", restricted=True), page(2, "đất"))
    assert index.search("đất", SearchScope(frozenset(), restricted=True)).total == 0
    assert index.search("đất", SearchScope(OURS.agencies, restricted=True)).total == 2


# ---------------------------------------------------------------- any text at all

ANY = st.text(max_size=60) | st.text(alphabet='aàđĐ0/-.:"() \ue000', max_size=60)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=ANY, title=ANY, code=ANY, organ=ANY, type_name=ANY)
def test_any_page_can_be_put_and_found_by_any_of_its_words(
    index: SearchIndex, text: str, title: str, code: str, organ: str, type_name: str
) -> None:
    strange = page(1, text, title=title, code=code, organ=organ, type_name=type_name)
    index.apply(index.position(), [strange], [])
    assert list(index.inspect_pages()) == [strange]
    for word in (text + " " + title).split()[:5]:
        try:
            answer = index.search(f'"{word.replace(chr(34), " ")}"', OURS)
        except InvalidValueError:
            continue
        assert all(hit.record == strange.record for hit in answer.hits)


# ---------------------------------------------------------------- further limits, order, places


def test_confirmation_days_and_dossier_narrow_alike(index: SearchIndex) -> None:
    fill(
        index,
        page(1, "đất", issued_on=date(2019, 1, 1), confirmed=True),
        page(2, "đất", issued_on=date(2019, 6, 1)),
        page(3, "đất"),
    )

    def numbers(wanted: PageFilter) -> list[int]:
        hits = index.search("đất", OURS, wanted).hits
        return sorted(int(hit.record[-12:], 16) for hit in hits)

    assert numbers(PageFilter(confirmed=True)) == [1]
    assert numbers(PageFilter(confirmed=False)) == [2, 3]
    assert numbers(PageFilter(since=date(2019, 1, 2))) == [2]
    assert numbers(PageFilter(until=date(2019, 1, 1))) == [1]
    assert numbers(PageFilter(since=date(2019, 1, 1), until=date(2019, 6, 1))) == [1, 2]
    assert numbers(PageFilter(dossier=stream("dossier", 3))) == [3]


def test_words_may_be_left_out_where_a_filter_asks(index: SearchIndex) -> None:
    fill(index, page(1, "đất", confirmed=True), page(2, "nhà"))
    assert index.search("", OURS, PageFilter(confirmed=True)).total == 1
    with pytest.raises(InvalidValueError):
        index.search(" ", OURS)


def test_hits_stand_by_day_the_near_ones_and_undated_ones_last(index: SearchIndex) -> None:
    fill(
        index,
        page(1, "thửa đất", issued_on=date(2019, 1, 1)),
        page(2, "thửa đất"),
        page(3, "thửa đất", issued_on=date(2021, 1, 1)),
        page(4, "thưaa đất", issued_on=date(2024, 1, 1)),
    )
    fill(index, page(5, "thua dat", issued_on=date(2020, 1, 1)))

    def numbers(order: Order, limit: int = 10, offset: int = 0) -> list[int]:
        answer = index.search("thửa đất", OURS, order=order, limit=limit, offset=offset)
        assert answer.total == 5
        return [int(hit.record[-12:], 16) for hit in answer.hits]

    assert numbers(Order.NEWEST) == [3, 5, 1, 2, 4]
    assert numbers(Order.OLDEST) == [1, 5, 3, 2, 4]
    assert numbers(Order.OLDEST, limit=2, offset=1) == [5, 3]


def test_a_query_names_an_agency_of_its_scope_by_code(index: SearchIndex) -> None:
    fill(
        index,
        page(1, "đất", agencies=frozenset({HOME_AFFAIRS})),
        page(2, "đất", agencies=frozenset({FOREIGN})),
    )
    coded = replace(OURS, codes={"H33.01": HOME_AFFAIRS, "H99": FOREIGN})
    assert records(index, "co-quan:h33.01", coded) == [1]
    assert records(index, "co-quan:H99", coded) == []


def test_the_places_of_a_record_are_its_own_and_in_order(index: SearchIndex) -> None:
    own = page(1, "thửa đất")
    fill(
        index,
        replace(own, page=3, text="đất ở"),
        own,
        replace(own, page=2, text="nhà"),
        page(2, "đất"),
    )
    found_places = index.places("đất", OURS, own.record, [1, 2])
    assert found_places.pages == (1, 3)
    assert [(hit.page, hit.words) for hit in found_places.hits] == [(1, ("đất",))]
    assert index.places("mưa", OURS, own.record, [1]).pages == ()
    assert index.places("thuaa", OURS, own.record, [1]).hits[0].match is Match.NEAR
    assert index.places("đất", THEIRS, own.record, [1]).pages == ()
