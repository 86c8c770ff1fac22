"""The life of a dossier, from the day it is opened to an audit ten years later."""

from datetime import UTC, datetime

import pytest

from domain.agents import Role
from domain.dossier import DossierClosed, DossierCorrected, DossierOpened, DossierRecordAdded
from domain.errors import NotFoundError, NotPermittedError, RuleError
from domain.record import IsolationGround, RecordConfirmed, RepresentationKind
from domain.services import description, finding, oversight, retrieval
from domain.services.deciding import load
from domain.values import Digest
from tests.story.checking import check_archive
from tests.story.place import TITLE, FakeClock, Place, history_of

PAPER, OTHER, STRANGE = "don-xin-cap-dat", "quyet-dinh", "giay-moi"


def test_a_dossier_can_be_replayed_as_it_stood_on_any_day(place: Place) -> None:
    year = FakeClock().at.year
    clock = FakeClock()
    moments: dict[str, int] = {}
    with place.open(clock=clock) as desk:
        archive, request = desk.archive, desk.request
        moments["opened"] = archive.journal.position()

        # The next spring two papers are scanned and read.
        clock.turn_to(year + 1, 3, 2)
        receipt = desk.receive(PAPER)
        moments["received"] = archive.journal.position()
        desk.work()
        moments["read"] = archive.journal.position()
        assert receipt.record is not None
        paper = receipt.record

        # In summer an archivist corrects, and vouches for the paper.
        clock.turn_to(year + 1, 7, 15)
        desk.correct(place.dossier, "title", "Tên đúng của hồ sơ")
        desk.correct(paper, "subject", "Đơn xin cấp đất")
        moments["corrected"] = archive.journal.position()
        description.confirm(archive, request(), paper)
        with pytest.raises(RuleError, match="already-confirmed"):
            description.confirm(archive, request(), paper)

        # At the year's end the dossier is closed, and takes nothing more.
        clock.turn_to(year + 1, 12, 31)
        description.close_dossier(archive, request(), place.dossier)
        moments["closed"] = archive.journal.position()
        with pytest.raises(RuleError, match="dossier-closed"):
            desk.receive(OTHER)

        # Ten years later somebody finds a slip of the pen.
        clock.turn_to(year + 11, 5, 19)
        desk.correct(place.dossier, "title", "Tên sau mười năm")
        archive.views.catch_up()

        def title(when: str | None) -> object:
            at = retrieval.when(archive, when)
            return retrieval.show_dossier(archive, request(), place.dossier, at=at).dossier.title

        assert title(str(moments["opened"])) == TITLE
        assert title(str(moments["corrected"])) == "Tên đúng của hồ sơ"
        assert title(f"{year + 1}-07-14") == TITLE
        assert title(f"{year + 1}-07-15") == "Tên đúng của hồ sơ", "a date means the end of the day"
        assert title(f"{year + 10}-01-01T00:00:00+07:00") == "Tên đúng của hồ sơ"
        assert title(None) == "Tên sau mười năm"

        def records(moment: str) -> int:
            at = moments[moment]
            return len(retrieval.show_dossier(archive, request(), place.dossier, at=at).records)

        assert [records(moment) for moment in moments] == [0, 1, 1, 1, 1]
        then = retrieval.show_record(archive, request(), paper, at=moments["received"])
        assert (then.record.reading, then.pages) == (None, ())
        then = retrieval.show_record(archive, request(), paper, at=moments["read"])
        assert (then.record.confirmed, bool(then.pages[0].text)) == (False, True)
        with pytest.raises(NotFoundError):
            retrieval.show_record(archive, request(), paper, at=moments["opened"])
        with pytest.raises(NotFoundError):
            retrieval.show_dossier(archive, request(), place.dossier, at=3)

        told = history_of(desk, place.dossier)
        kinds = [type(one.event) for one in told if one.stream == place.dossier]
        assert kinds == [
            DossierOpened,
            DossierRecordAdded,
            DossierCorrected,
            DossierClosed,
            DossierCorrected,
        ]
        assert [one.event.lock for one in told if isinstance(one.event, RecordConfirmed)] == [
            "none"
        ]
        assert [one.position for one in told] == sorted({one.position for one in told})
        shorter = history_of(desk, place.dossier, at=moments["read"])
        assert shorter == told[: len(shorter)]
        result = oversight.verify(archive, request(), pinned=Digest.parse(place.certificate))
        assert result.findings == ()
        assert oversight.verify(archive, request(), place.dossier).findings == ()
        for name in archive.views.names():
            archive.views.rebuild(name)
    check_archive(place, receipts={paper: place.papers.content(PAPER)})


def test_a_strangers_paper_is_isolated_and_seen_by_nobody_but_the_incident_list(
    place: Place,
) -> None:
    with place.open() as desk:
        archive = desk.archive
        strange, own = desk.receive(STRANGE), desk.receive(PAPER)
        desk.work()
        assert strange.record is not None
        assert own.record is not None
        archive.views.catch_up()
        before = finding.search(archive, desk.request(), "hội đồng")
        assert [one.hit.record for one in before.found] == [strange.record]
        description.isolate(
            archive,
            desk.request(by=place.people.clerk),
            strange.record,
            ground=IsolationGround.STRANGER,
            reason="giấy của người khác",
        )
        archive.views.catch_up()
        assert finding.search(archive, desk.request(), "hội đồng").answer.total == 0
        shown = retrieval.show_dossier(archive, desk.request(), place.dossier)
        assert [one.id for one in shown.records] == [own.record]
        with pytest.raises(NotFoundError):
            retrieval.show_record(archive, desk.request(), strange.record)
        with pytest.raises(NotFoundError):
            retrieval.hand_out(archive, desk.request(), strange.record, RepresentationKind.ORIGINAL)
        with pytest.raises(NotFoundError):
            description.confirm(archive, desk.request(), strange.record)
        listed = retrieval.incidents(archive, desk.request())
        assert [(one.record, one.ground) for one in listed] == [(strange.record, "stranger")]
        assert retrieval.incidents(archive, desk.request(by=place.people.clerk)) == ()
        again = desk.receive(STRANGE)
        assert (again.state, again.reason) == ("refused", "content-removed")
    assert own.record is not None
    check_archive(place, receipts={own.record: place.papers.content(PAPER)})


def test_nobody_does_what_another_role_is_for(place: Place) -> None:
    with place.open() as desk:
        receipt = desk.receive(PAPER, by=place.people.clerk)
        desk.work()
        assert receipt.record is not None
        for attempt in (
            lambda by: description.close_dossier(desk.archive, desk.request(by=by), place.dossier),
            lambda by: oversight.verify(desk.archive, desk.request(by=by)),
        ):
            with pytest.raises(NotPermittedError):
                attempt(place.people.clerk)
        with pytest.raises(NotPermittedError):
            desk.receive(OTHER, by=place.people.auditor)
        grants = load(desk.archive, place.people.auditor).agent().grants
        assert [grant.role for grant in grants] == [Role.AUDITOR]
    check_archive(place)


def test_an_auditors_mandate_ends_with_its_day(place: Place) -> None:
    clock = FakeClock(datetime(2099, 12, 31, 16, 59, 50, tzinfo=UTC))
    with place.open(clock=clock) as desk:
        auditor = desk.request(by=place.people.auditor)
        retrieval.show_dossier(desk.archive, auditor, place.dossier)
        clock.at = datetime(2099, 12, 31, 17, 0, 0, tzinfo=UTC)  # Midnight in Việt Nam.
        with pytest.raises(NotFoundError):
            retrieval.show_dossier(desk.archive, auditor, place.dossier)
