"""Pages turned, put in order, split, merged and moved by people, over originals that stay."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from domain.agents import Role
from domain.arrangement import RecordMoved, RecordSplit
from domain.errors import ClaimTakenError, NotFoundError, NotPermittedError, RuleError
from domain.record import IsolationGround, RepresentationKind
from domain.services import (
    administration,
    arranging,
    description,
    erasing,
    finding,
    oversight,
    retrieval,
)
from domain.services import agencies as agency_services
from domain.services.deciding import load
from domain.values import StreamId
from ingest.worker import read_record
from tests.story.checking import check_archive
from tests.story.faults import KILLS, Fault, Form, strikes_at_changes
from tests.story.place import Desk, Place, history_of
from tests.story.processes import run_all, run_killed

FIRST, SECOND, THIRD = "don-xin-cap-dat", "bien-ban-do-dac", "quyet-dinh"


def read_papers(desk: Desk, *names: str) -> list[StreamId]:
    """Papers of one page each, received and read."""
    receipts = [desk.receive(each) for each in names]
    desk.work()
    return [each.record for each in receipts if each.record is not None]


def merged(desk: Desk) -> tuple[StreamId, StreamId]:
    """One record of two pages, and the pointer to it; the worker has not come yet."""
    one, two = read_papers(desk, FIRST, SECOND)
    arranging.merge(desk.archive, desk.request(), one, other=two)
    desk.archive.views.catch_up()
    return one, two


def texts(desk: Desk, target: StreamId) -> list[str]:
    shown = retrieval.show_record(desk.archive, desk.request(), target)
    return [page.text.splitlines()[0] for page in shown.pages]


def found(desk: Desk, words: str) -> list[tuple[StreamId, int]]:
    hits = finding.search(desk.archive, desk.request(), words).found
    return sorted((one.hit.record, one.hit.page) for one in hits)


def listed(desk: Desk, dossier: StreamId) -> list[StreamId]:
    return [row.id for row in desk.archive.catalogue.records(dossier)]


def test_merged_pages_are_read_anew_in_order_and_found_there(place: Place) -> None:
    with place.open() as desk:
        one, two = merged(desk)
        description_before = load(desk.archive, one).record()
        assert description_before.reading is None
        assert found(desk, "diện tích") == [], "nothing is found of pages that nobody read yet"
        waiting = [item.record for item in desk.archive.work.items(task="read")]
        assert waiting == [one]
        desk.work()
        assert texts(desk, one) == ["ĐƠN XIN CẤP ĐẤT", "BIÊN BẢN ĐO ĐẠC"]
        assert found(desk, "diện tích") == [(one, 2)]
        assert listed(desk, place.dossier) == [one]
        pointer = retrieval.show_record(desk.archive, desk.request(), two)
        assert pointer.record.absorbed_into == one
        with pytest.raises(RuleError, match="record-absorbed"):
            retrieval.hand_out(desk.archive, desk.request(), two, RepresentationKind.TEXT)
        for which, name in ((1, FIRST), (2, SECOND)):
            handed = retrieval.hand_out(
                desk.archive, desk.request(), one, RepresentationKind.ORIGINAL, which=which
            )
            with handed.source as source:
                assert source.read() == place.papers.content(name)
        arranging.arrange(desk.archive, desk.request(), one, order=(2, 1), turned=(0, 0))
        desk.archive.views.catch_up()
        desk.work()
        assert texts(desk, one) == ["BIÊN BẢN ĐO ĐẠC", "ĐƠN XIN CẤP ĐẤT"]
        assert found(desk, "diện tích") == [(one, 1)]
        again = desk.receive(SECOND)
        assert (again.state, again.record) == ("duplicate", one)
    checked = check_archive(place)
    kinds = {each.kind for each in checked.records[one].representations}
    assert RepresentationKind.ASSEMBLY in kinds
    assert not checked.harmless


def test_pages_arranged_back_are_read_again(place: Place) -> None:
    """The same assembly by the same tool is no repeat of the command that read it before."""
    with place.open() as desk:
        one, _ = merged(desk)
        for order in ((2, 1), (2, 1), (2, 1)):
            desk.work()
            assert load(desk.archive, one).record().reading is not None
            arranging.arrange(desk.archive, desk.request(), one, order=order, turned=(0, 0))
            desk.archive.views.catch_up()
        desk.work()
        assert texts(desk, one) == ["BIÊN BẢN ĐO ĐẠC", "ĐƠN XIN CẤP ĐẤT"]
    check_archive(place)


def test_a_person_compares_anew_what_was_arranged(place: Place) -> None:
    with place.open() as desk:
        one, _ = merged(desk)
        desk.work()
        description.confirm(desk.archive, desk.request(), one)
        arranging.turn(desk.archive, desk.request(), one, page=2, degrees=90)
        desk.archive.views.catch_up()
        assert not load(desk.archive, one).record().confirmed
        with pytest.raises(RuleError, match="not-read-yet"):
            description.confirm(desk.archive, desk.request(), one)
        desk.work()
        description.confirm(desk.archive, desk.request(), one)
    check_archive(place)


def test_a_split_part_that_is_isolated_takes_the_original_out_of_sight(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, _ = merged(desk)
        desk.work()
        before = archive.journal.position()
        answer = arranging.split(archive, desk.request(), one, pages=(2,))
        part = StreamId(answer.result["record"])
        archive.views.catch_up()
        desk.work()
        assert texts(desk, one) == ["ĐƠN XIN CẤP ĐẤT"]
        assert texts(desk, part) == ["BIÊN BẢN ĐO ĐẠC"]
        assert found(desk, "diện tích") == [(part, 1)]
        assert listed(desk, place.dossier) == [one, part]
        past = retrieval.show_record(archive, desk.request(), one, at=before)
        assert len(past.pages) == 2
        description.isolate(
            archive,
            desk.request(),
            part,
            ground=IsolationGround.STRANGER,
            reason="giấy của người khác",
        )
        archive.views.catch_up()
        assert listed(desk, place.dossier) == [one]
        for target in (place.dossier, one):
            told = history_of(desk, target)
            assert part not in {one.stream for one in told}
            assert not any(isinstance(one.event, RecordSplit) for one in told)
        past = retrieval.show_record(archive, desk.request(), one, at=before)
        assert past.pages == (), "the stranger's page stood in it"
        with pytest.raises(NotFoundError):
            retrieval.history(archive, desk.request(), part)
        with pytest.raises(RuleError, match="original-shared"):
            retrieval.hand_out(archive, desk.request(), one, RepresentationKind.ORIGINAL, which=2)
        retrieval.hand_out(archive, desk.request(), one, RepresentationKind.ORIGINAL).source.close()
        retrieval.hand_out(archive, desk.request(), one, RepresentationKind.PDFA).source.close()
    check_archive(place)


def test_what_an_isolated_record_took_over_is_silent_too(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, two = merged(desk)
        desk.work()
        description.isolate(
            archive, desk.request(), one, ground=IsolationGround.SECRET, reason="dấu Mật"
        )
        archive.views.catch_up()
        for target in (one, two):
            with pytest.raises(NotFoundError):
                retrieval.show_record(archive, desk.request(), target)
            with pytest.raises(NotFoundError):
                retrieval.history(archive, desk.request(), target)
        told = {each.stream for each in history_of(desk, place.dossier)}
        assert not told & {one, two}
        assert retrieval.show_dossier(archive, desk.request(), place.dossier).records == ()
    check_archive(place)


def test_a_mistaken_scan_is_withdrawn(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, two = read_papers(desk, FIRST, SECOND)
        arranging.withdraw(archive, desk.request(), two, reason="quét nhầm tờ")
        archive.views.catch_up()
        assert listed(desk, place.dossier) == [one]
        assert found(desk, "diện tích") == []
        assert [item.record for item in archive.work.items()] == [one]
        assert two in {each.stream for each in history_of(desk, place.dossier)}
        with pytest.raises(RuleError, match="record-withdrawn"):
            retrieval.hand_out(archive, desk.request(), two, RepresentationKind.ORIGINAL)
        again = desk.receive(SECOND)
        assert (again.state, again.reason) == ("refused", "content-removed")
    check_archive(place)


def test_a_record_moves_to_another_dossier_with_its_word(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, two = read_papers(desk, FIRST, SECOND)
        other = desk.open_dossier("Hồ sơ đúng", "H33-2026-901.HS")
        description.confirm(archive, desk.request(), two)
        before = archive.journal.position()
        arranging.move(archive, desk.request(), two, dossier_id=other, reason="xếp nhầm hồ sơ")
        archive.views.catch_up()
        assert listed(desk, place.dossier) == [one]
        assert listed(desk, other) == [two]
        assert load(archive, two).record().confirmed
        hit = finding.search(archive, desk.request(), "diện tích").found
        assert [each.row.dossier for each in hit if each.row is not None] == [other]
        desk.correct(two, "subject", "Biên bản đo đạc thửa đất")
        archive.views.catch_up()
        old = [each for each in history_of(desk, place.dossier) if each.stream == two]
        assert isinstance(old[-1].event, RecordMoved)
        new = [each for each in history_of(desk, other) if each.stream == two]
        assert isinstance(new[0].event, RecordMoved)
        assert len(new) == 2
        past = retrieval.show_dossier(archive, desk.request(), place.dossier, at=before)
        assert [each.id for each in past.records] == [one, two]
        assert oversight.verify(archive, desk.request(), other).findings == ()
        # The same bytes come to the former dossier: they were taken from there by a decision.
        again = desk.receive(SECOND)
        assert (again.state, again.reason) == ("refused", "content-removed")
        # And back again.
        arranging.move(archive, desk.request(), two, dossier_id=place.dossier, reason="chuyển lại")
        archive.views.catch_up()
        assert listed(desk, place.dossier) == [one, two]
    check_archive(place)


def test_a_dossier_does_not_take_what_it_holds_and_closed_ones_take_nothing(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, two = read_papers(desk, FIRST, SECOND)
        other = desk.open_dossier("Hồ sơ khác")
        twin = desk.receive(FIRST, dossier=other).record
        desk.work()
        assert twin is not None

        def move(target: StreamId) -> None:
            arranging.move(archive, desk.request(), target, dossier_id=other, reason="x")

        with pytest.raises(ClaimTakenError, match="content-taken"):
            move(one)
        description.close_dossier(archive, desk.request(), other)
        with pytest.raises(RuleError, match="dossier-closed"):
            move(two)
        with pytest.raises(NotPermittedError):
            arranging.withdraw(archive, desk.request(by=place.people.auditor), two, reason="x")
    check_archive(place)


def test_a_part_in_a_foreign_dossier_is_not_shown_to_the_former_one(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, _ = merged(desk)
        desk.work()
        part = StreamId(arranging.split(archive, desk.request(), one, pages=(2,)).result["record"])
        archive.views.catch_up()
        desk.work()
        office = agency_services.add_agency(
            archive, desk.request(), code="H33.07", name="Sở khác", parent=None, valid_from=None
        ).result["agency"]
        archive.views.catch_up()
        clerk = administration.add_agent(
            archive,
            desk.request(),
            name="Cán bộ nơi khác",
            roles=(Role.RECORDS_OFFICER,),
            agencies=(StreamId(office),),
            until=None,
        ).result["agent"]
        archive.views.catch_up()
        state = load(archive, place.dossier).dossier()
        answer = description.open_dossier(
            archive,
            desk.request(by=StreamId(clerk)),
            kind=state.kind,
            receiving=StreamId(office),
            deciding=None,
            title="Hồ sơ nơi khác",
            procedure=None,
            code="H33.07-2026-01.HS",
            applicant=description.Applicant(),
        )
        away = StreamId(answer.result["id"])
        archive.views.catch_up()
        arranging.move(archive, desk.request(), part, dossier_id=away, reason="của nơi khác")
        archive.views.catch_up()
        here = desk.request(by=place.people.clerk)  # Of H33 alone; the archivist reaches both.
        with pytest.raises(RuleError, match="original-shared"):
            retrieval.hand_out(archive, here, one, RepresentationKind.ORIGINAL, which=2)
        with pytest.raises(NotFoundError):
            retrieval.show_record(archive, here, part)
        there = desk.request(by=StreamId(clerk))
        assert retrieval.show_record(archive, there, part).dossier_code == "H33.07-2026-01.HS"
        with pytest.raises(RuleError, match="original-shared"):
            retrieval.hand_out(archive, there, part, RepresentationKind.ORIGINAL)
        retrieval.hand_out(
            archive, desk.request(), part, RepresentationKind.ORIGINAL
        ).source.close()
    check_archive(place)


def test_an_erasure_takes_every_reading_of_split_records(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, _ = merged(desk)
        desk.work()
        part = StreamId(arranging.split(archive, desk.request(), one, pages=(2,)).result["record"])
        archive.views.catch_up()
        desk.work()
        papers = [load(archive, each).record() for each in (one, part)]
        made = [item for paper in papers for item in (*paper.representations, *paper.former)]
        stays = {RepresentationKind.ORIGINAL, RepresentationKind.PDFA, RepresentationKind.ASSEMBLY}
        erasing.request_erasure(archive, desk.request(), place.dossier, reason="xin xóa")
        _, remains = erasing.approve_erasure(
            archive, desk.request(by=place.people.leader), place.dossier, decision="QĐ 1"
        )
        archive.views.catch_up()
        assert {item.why for item in remains} == {"original-kept", "pdfa-kept", "assembly-kept"}
        assert len(remains) == len({item.what for item in remains})
        for item in made:
            there = archive.objects.size(item.file.sha256) is not None
            assert there is (item.kind in stays), item.kind
    check_archive(place)


def test_a_repeated_command_splits_once(place: Place) -> None:
    with place.open() as desk:
        one, _ = merged(desk)
        desk.work()
        again = [
            arranging.split(desk.archive, desk.request("tach-1"), one, pages=(1,)) for _ in range(2)
        ]
        assert again[0].result == again[1].result
        assert again[1].repeated
        desk.archive.views.catch_up()
        desk.work()
    check_archive(place)


def test_a_reading_that_was_overtaken_by_an_arrangement_is_dropped(place: Place) -> None:
    with place.open() as desk:
        archive = desk.archive
        one, _ = merged(desk)

        def arranged(*args: object) -> None:
            if load(archive, one).record().revision == 1:
                arranging.arrange(archive, desk.request(), one, order=(2, 1), turned=(0, 0))

        class Overtaken:
            note = staticmethod(arranged)
            drop = staticmethod(lambda record: None)

        with pytest.raises(RuleError, match="pages-rearranged"):
            read_record(
                replace(archive, progress=Overtaken()),  # type: ignore[arg-type]
                one,
                str(desk.run_folder),
            )
        archive.views.catch_up()
        desk.work()
        assert texts(desk, one) == ["BIÊN BẢN ĐO ĐẠC", "ĐƠN XIN CẤP ĐẤT"]
    assert not check_archive(place).harmless


Step = Callable[[Desk], object]


def test_the_work_of_a_worker_killed_over_arranged_pages_goes_on(
    founded: Place, tmp_path: Path
) -> None:
    before = founded.copy(tmp_path / "before")
    with before.open() as desk:
        one, _ = merged(desk)

    def step(desk: Desk) -> None:
        read_record(desk.archive, one, str(desk.run_folder))

    def struck(place: Place, fault: Fault) -> None:
        with place.open(fault=fault) as desk:
            step(desk)

    fault = Fault()
    struck(before.copy(tmp_path / "count"), fault)
    assert "reader.assemble:end" in fault.calls

    def trial(at: int, form: Form) -> None:
        folder = tmp_path / f"{at}-{form}"
        place = before.copy(folder)
        assert run_killed(partial(struck, place, Fault(at, form)))
        with place.open() as desk:
            desk.work()
            assert texts(desk, one) == ["ĐƠN XIN CẤP ĐẤT", "BIÊN BẢN ĐO ĐẠC"]
        assert not check_archive(place).harmless
        shutil.rmtree(folder)

    trials = strikes_at_changes(fault.calls, KILLS)
    run_all([partial(trial, *one) for one in trials], tmp_path / "trials")
