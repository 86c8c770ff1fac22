"""What must be forgotten is forgotten, whatever happens on the way, and everything else stays."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from domain.dossier import DossierErased
from domain.erasure import CaseState
from domain.errors import ArchiveError, RuleError, UnavailableError
from domain.ports import ObjectStore
from domain.record import RepresentationKind
from domain.services import description, erasing, finding, oversight, retrieval
from domain.services.deciding import load
from domain.services.erasing import Remains
from domain.values import ERASED, Digest, StreamId
from infrastructure.bootstrap import back_up, opened, read_settings, restore
from infrastructure.erasures import FileErasureList
from ingest.worker import read_record
from tests.story.checking import check_archive
from tests.story.faults import FAILURES, KILLS, Fault, Form, strikes_at_changes
from tests.story.papers import PAPERS, Papers
from tests.story.place import APPLICANT, TITLE, Desk, FakeClock, Place, history_of
from tests.story.processes import run_all, run_killed, run_killed_after
from tests.story.residue import kept_objects, residue, secrets_of, words_of

PAPER, OTHER, SHARED = "don-xin-cap-dat", "quyet-dinh", "bien-ban-do-dac"
REQUEST, DECISION = "Theo đơn đề nghị của công dân", "Quyết định của người có thẩm quyền"


@dataclass(frozen=True)
class Asked:
    """An archive in which an erasure was requested and waits for a second person."""

    place: Place
    record: StreamId
    case: StreamId
    other: StreamId
    """A record of another dossier, which stays."""
    words: frozenset[str]
    """What only the dossier says: none of it may be left."""
    kept: frozenset[Digest]

    def copy(self, folder: Path) -> "Asked":
        return Asked(
            self.place.copy(folder), self.record, self.case, self.other, self.words, self.kept
        )


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, founded: Place, papers: Papers) -> Asked:
    place = founded.copy(tmp_path_factory.mktemp("asked"))
    with place.open() as desk:
        receipt = desk.receive(PAPER)
        other = desk.receive(OTHER, dossier=desk.open_dossier("Kế hoạch năm"))
        desk.work()
        assert receipt.record is not None
        assert other.record is not None
        desk.correct(receipt.record, "subject", "đơn của ông Trịnh Khuyến Thượng")
        text = text_of(desk, receipt.record)
        stays = text_of(desk, other.record)
        answer = erasing.request_erasure(
            desk.archive, desk.request(), place.dossier, reason=REQUEST
        )
        kept = kept_objects(desk.archive, place.dossier)
    said = " ".join((TITLE, *filter(None, vars(APPLICANT).values()), text, *PAPERS[PAPER]))
    known = words_of(" ".join((stays, REQUEST, DECISION, *PAPERS[OTHER], "Kế hoạch năm")))
    words = {*words_of(said) - known, f"{PAPER}.png", "Khuyến Thượng", "trinh khuyen"}
    assert len(words) > 8
    case = StreamId(answer.result["erasure"])
    return Asked(place, receipt.record, case, other.record, frozenset(words), kept)


@pytest.fixture
def asked(prepared: Asked, tmp_path: Path) -> Asked:
    return prepared.copy(tmp_path / "asked")


def text_of(desk: Desk, record: StreamId) -> str:
    shown = retrieval.show_record(desk.archive, desk.request(), record)
    return "\n".join(page.text for page in shown.pages)


def approve(desk: Desk) -> tuple[Remains, ...]:
    request = desk.request("duyet", by=desk.place.people.leader)
    return erasing.approve_erasure(desk.archive, request, desk.place.dossier, decision=DECISION)[1]


def assert_forgotten(asked: Asked) -> None:
    place = asked.place
    checked = check_archive(place, receipts={asked.record: place.papers.content(PAPER)})
    assert not checked.harmless
    assert residue(place, asked.words, kept=asked.kept) == []
    with place.open() as desk:
        case = load(desk.archive, asked.case).erasure()
        assert case.state is CaseState.APPROVED
        assert case.completed
        state = load(desk.archive, place.dossier).dossier()
        assert (state.title, state.applicant, state.erased_by) == (ERASED, ERASED, asked.case)
        assert text_of(desk, asked.other)


def test_an_approved_erasure_leaves_no_byte_of_the_words(asked: Asked) -> None:
    place = asked.place
    assert residue(place, asked.words, kept=asked.kept), "the search itself finds what is there"
    sealed = secrets_of(place, (place.dossier, asked.record))
    assert sealed
    with place.open() as reader:  # Somebody else has the archive open all the time.
        reader.archive.views.catch_up()
        with place.open() as desk:
            remains = approve(desk)
        assert residue(place, asked.words, kept=asked.kept) == []
        files = [path.read_bytes() for path in place.folder.glob("journal.sqlite*")]
        assert not [row for row in sealed for content in files if row in content]
    assert_forgotten(asked)
    assert {item.why for item in remains} == {"original-kept", "pdfa-kept"}
    assert {Digest(item.what) for item in remains} == asked.kept


def test_the_erased_dossier_says_by_which_decision_and_takes_nothing_new(asked: Asked) -> None:
    place = asked.place
    with place.open() as desk:
        approve(desk)
        events = history_of(desk, place.dossier)
        erased = [one for one in events if isinstance(one.event, DossierErased)]
        assert [one.event.erasure for one in erased] == [asked.case]
        assert erased[0].by.agent == place.people.leader
        assert load(desk.archive, asked.case).erasure().decision == DECISION
        with pytest.raises(RuleError, match="dossier-erased"):
            desk.correct(place.dossier, "applicant", "Người khác")
        with pytest.raises(RuleError, match="record-erased"):
            desk.correct(asked.record, "subject", "đơn khác")
        with pytest.raises(RuleError, match="dossier-erased"):
            desk.receive(SHARED)
        with pytest.raises(RuleError, match="record-erased"):
            description.confirm(desk.archive, desk.request(), asked.record)
        with pytest.raises(RuleError, match="record-erased"):
            retrieval.hand_out(desk.archive, desk.request(), asked.record, RepresentationKind.TEXT)
        for target in (place.dossier, asked.record, asked.case):
            assert oversight.verify(desk.archive, desk.request(), target).findings == ()
        for word in asked.words - {f"{PAPER}.png"}:
            found = finding.search(desk.archive, desk.request(), word).found
            assert asked.record not in {one.hit.record for one in found}
        for name in desk.archive.views.names():
            desk.archive.views.rebuild(name)
    assert_forgotten(asked)


def test_a_scan_on_its_way_into_a_dossier_that_is_erased_leaves_nothing(asked: Asked) -> None:
    """The batch was opened before the decision; the bytes come after it."""
    with asked.place.open() as desk:
        before = {digest for digest, _ in desk.archive.objects.inspect_objects()}

        def meanwhile() -> None:
            approve(desk)

        with pytest.raises(RuleError, match="dossier-erased"):
            desk.receive(SHARED, batch_opened=meanwhile)
        after = {digest for digest, _ in desk.archive.objects.inspect_objects()}
        assert len(after - before) == 1, "nothing but the list of what was erased"
    assert_forgotten(asked)


def test_text_that_another_record_shares_stays_until_that_one_is_erased_too(
    asked: Asked,
) -> None:
    place = asked.place
    with place.open() as desk:
        second = desk.open_dossier("Hồ sơ thứ hai cùng giấy tờ")
        first, twin = desk.receive(SHARED), desk.receive(SHARED, dossier=second)
        assert twin.warnings[-1:] == ("same-bytes-elsewhere",)
        desk.work()
        assert first.record is not None
        assert twin.record is not None
        remains = approve(desk)
        assert {item.why for item in remains} >= {"shared-text"}
        assert "Thửa" in text_of(desk, twin.record)
        assert finding.search(desk.archive, desk.request(), '"thửa đất số"').answer.total == 1
    check_archive(place)
    with place.open() as desk:
        erasing.request_erasure(desk.archive, desk.request(), second, reason=REQUEST)
        _, remains = erasing.approve_erasure(
            desk.archive, desk.request(by=place.people.leader), second, decision=DECISION
        )
        assert "shared-text" not in {item.why for item in remains}
        kept = asked.kept | kept_objects(desk.archive, second)
    check_archive(place)
    assert residue(place, words_of("Thửa đất Trịnh Khuyến Thượng"), kept=kept) == []


class Meanwhile:
    """An object store behind which something happens, once, after the first reading was put."""

    def __init__(self, store: ObjectStore, puts: int, happens: Callable[[], None]) -> None:
        self._store = store
        self._left = puts
        self._happens = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, digest: Digest, source: BinaryIO) -> None:
        self._store.put(digest, source)
        self._left -= 1
        if self._left == 0:
            self._happens()


PUTS = 6
"""PDF/A, text, words, picture, list of pictures, manifest."""


def read_while(desk: Desk, target: StreamId, happens: Callable[[], None]) -> None:
    store = Meanwhile(desk.archive.objects, PUTS, happens)
    archive = replace(desk.archive, objects=cast(ObjectStore, store))
    read_record(archive, target, str(desk.run_folder))


def test_a_reading_that_ends_after_the_erasure_leaves_nothing(asked: Asked) -> None:
    place = asked.place
    with place.open() as desk:
        receipt = desk.receive(SHARED)
        assert receipt.record is not None
        kept = asked.kept | {receipt.sha256} if receipt.sha256 else asked.kept
        with pytest.raises(RuleError, match="record-erased"):
            read_while(desk, receipt.record, lambda: approve(desk) and None)
    assert_forgotten(asked)
    words = words_of("Thửa đất mười bảy phương trăm vuông")
    assert residue(place, words, kept=frozenset(kept)) == []


def test_a_reading_is_whole_although_the_same_text_was_erased_elsewhere(asked: Asked) -> None:
    place = asked.place
    with place.open() as desk:
        twin = desk.receive(PAPER, dossier=desk.open_dossier("Hồ sơ thứ hai cùng giấy tờ"))
        assert twin.record is not None
        read_while(desk, twin.record, lambda: approve(desk) and None)
        assert "cấp" in text_of(desk, twin.record)
    content = place.papers.content(PAPER)
    check_archive(place, receipts={asked.record: content, twin.record: content})


def test_text_that_came_back_after_an_erasure_is_named_and_swept(asked: Asked) -> None:
    """A copy of the files, put back by somebody who did not know."""
    place = asked.place
    with place.open() as desk:
        text = load(desk.archive, asked.record).record().representation(RepresentationKind.TEXT)
        assert text is not None
        with desk.archive.objects.open(text.file.sha256) as source:
            content = source.read()
        approve(desk)
        desk.archive.views.catch_up()
        desk.archive.objects.put(text.file.sha256, BytesIO(content))
        found = oversight.verify(desk.archive, desk.request())
        assert [(one.kind, one.where) for one in found.findings] == [
            ("object-not-erased", text.file.sha256.text)
        ]
        swept = oversight.sweep_strays(desk.archive, older_than=timedelta(days=1))
        assert swept == [text.file.sha256]
    assert_forgotten(asked)


def test_a_sweep_takes_nothing_while_a_manifest_cannot_be_read(asked: Asked) -> None:
    """What an unreadable list of pictures names is not known, so that nothing is a stray."""
    place = asked.place
    with place.open() as desk:
        desk.archive.views.catch_up()
        state = load(desk.archive, asked.record).record()
        album = state.representation(RepresentationKind.THUMBNAILS)
        assert album is not None
        name = album.file.sha256.hex
        (place.folder / "objects" / name[:2] / name[2:4] / name).unlink()
        later = replace(desk.archive, clock=FakeClock(FakeClock().at + timedelta(days=9)))
        assert oversight.sweep_strays(later, older_than=timedelta(days=1)) == []
        found = oversight.verify(desk.archive, desk.request()).findings
        assert ("object-missing", album.file.sha256.text) in {(f.kind, f.where) for f in found}


def test_whoever_asked_does_not_approve(asked: Asked) -> None:
    with asked.place.open() as desk, pytest.raises(RuleError, match="second-person-required"):
        erasing.approve_erasure(
            desk.archive, desk.request(), asked.place.dossier, decision=DECISION
        )
    check_archive(asked.place)


def approve_with(place: Place, fault: Fault) -> None:
    with place.open(fault=fault) as desk:
        approve(desk)


def calls_of_approval(asked: Asked) -> list[str]:
    fault = Fault()
    approve_with(asked.place, fault)
    return fault.calls


def goes_on(asked: Asked) -> None:
    """The next start of a worker; then whoever approved asks for the answer again."""
    with asked.place.open() as desk:
        desk.work()
        case = load(desk.archive, asked.case).erasure()
        assert case.completed is (case.state is CaseState.APPROVED)
        if case.state is CaseState.REQUESTED:
            assert load(desk.archive, asked.place.dossier).dossier().title == TITLE
            assert text_of(desk, asked.record)
    check_archive(asked.place)
    with asked.place.open() as desk:
        assert {item.why for item in approve(desk)} == {"original-kept", "pdfa-kept"}
    assert_forgotten(asked)


def test_an_approval_that_was_killed_is_completed_by_the_next_start(
    prepared: Asked, tmp_path: Path
) -> None:
    calls = calls_of_approval(prepared.copy(tmp_path / "count"))

    def trial(at: int, form: Form) -> None:
        folder = tmp_path / f"{at}-{form}"
        asked = prepared.copy(folder)
        assert run_killed(partial(approve_with, asked.place, Fault(at, form)))
        goes_on(asked)
        shutil.rmtree(folder)

    points = strikes_at_changes(calls, KILLS)
    run_all([partial(trial, *one) for one in points], tmp_path / "trials")


def test_an_approval_whose_disk_is_full_is_completed_by_the_next_start(
    prepared: Asked, tmp_path: Path
) -> None:
    calls = calls_of_approval(prepared.copy(tmp_path / "count"))

    def trial(at: int, form: Form) -> None:
        folder = tmp_path / f"{at}-{form}"
        asked = prepared.copy(folder)
        with pytest.raises(UnavailableError):
            approve_with(asked.place, Fault(at, form))
        goes_on(asked)
        shutil.rmtree(folder)

    points = strikes_at_changes(calls, FAILURES)
    run_all([partial(trial, *one) for one in points], tmp_path / "trials")


def test_what_was_erased_is_erased_again_after_an_older_backup_came_back(
    asked: Asked, tmp_path: Path
) -> None:
    place = asked.place
    with opened(place.settings) as house:
        back_up(house, tmp_path / "backup")
    with place.open() as desk:
        approve(desk)
    shutil.rmtree(place.folder)
    assert restore(place.settings, tmp_path / "backup").erasures == 1
    assert_forgotten(asked)


def test_no_moment_of_a_killed_restore_shows_what_was_erased(
    prepared: Asked, tmp_path: Path
) -> None:
    before = prepared.copy(tmp_path / "before")
    with opened(before.place.settings) as house:
        back_up(house, tmp_path / "backup")
    with before.place.open() as desk:
        approve(desk)
    shutil.rmtree(before.place.folder)

    def trial(milliseconds: int) -> None:
        keys = tmp_path / f"{milliseconds}" / "archive.keys"
        shutil.copytree(before.place.settings.keys, keys)
        settings = read_settings(str(keys.with_name("archive")), {})
        run_killed_after(milliseconds, lambda: restore(settings, tmp_path / "backup"))
        if not settings.directory.exists():
            restore(settings, tmp_path / "backup")
        with opened(settings) as house:
            state = load(house.archive, before.place.dossier).dossier()
            assert state.erased_by == before.case

    run_all([partial(trial, ms) for ms in (5, 20, 40, 60, 80, 100, 140, 200)], tmp_path / "trials")


def test_a_torn_line_of_the_list_of_erasures_was_never_noted(asked: Asked) -> None:
    listed = asked.place.settings.keys / "erasures.jsonl"
    listed.write_bytes(b'{"case": "erasure-0')
    with asked.place.open() as desk:
        approve(desk)
    assert [case.approved for case in FileErasureList(listed).noted()] == [True]
    assert_forgotten(asked)


def test_a_damaged_list_of_erasures_is_named_and_nothing_is_guessed(asked: Asked) -> None:
    (asked.place.settings.keys / "erasures.jsonl").write_bytes(b"rubbish\n")
    with asked.place.open() as desk, pytest.raises(ArchiveError, match="key-damaged"):
        desk.work()
