"""The life of a dossier: opened, papers added, corrected, closed; and what it refuses."""

from datetime import date

import pytest

from domain import dossier
from domain.dossier import (
    Dossier,
    DossierClosed,
    DossierCorrected,
    DossierErased,
    DossierEvent,
    DossierField,
    DossierKind,
    DossierOpened,
    DossierRecordAdded,
    DossierRestricted,
)
from domain.errors import InvalidValueError, RuleError
from domain.values import ERASED, Digest, FileObject, StreamId

DOSSIER, RECEIVING, DECIDING = StreamId("dossier-1"), StreamId("agency-1"), StreamId("agency-2")
MANIFEST = FileObject(
    Digest("sha256:" + "1" * 64), Digest("sha512:" + "2" * 128), 10, "application/json"
)
OPENED = DossierOpened(
    kind=DossierKind.PROCEDURE,
    code="H33.05-260302-0001",
    receiving=RECEIVING,
    deciding=DECIDING,
    procedure=StreamId("procedure-1"),
    procedure_version=2,
    opened_on=date(2026, 3, 2),
    title="Cấp giấy phép xây dựng",
    applicant="Người Nộp Đơn",
    phone="0912345678",
    id_number=None,
    address=None,
)


def given(*events: DossierEvent) -> Dossier:
    state: Dossier | None = None
    for event in (OPENED, *events):
        state = dossier.evolve(state, DOSSIER, event)
    assert state is not None
    return state


ADDED = DossierRecordAdded(StreamId("record-1"), 1)
CLOSED = DossierClosed(date(2026, 4, 1), 1, MANIFEST)
GONE = DossierErased(StreamId("erasure-1"))


def test_an_opened_dossier_stands_as_it_was_opened() -> None:
    state = given()
    assert (state.id, state.code, state.title) == (DOSSIER, OPENED.code, OPENED.title)
    assert state.agencies == {RECEIVING, DECIDING}
    assert state.records == ()


def test_papers_are_counted_as_they_come() -> None:
    first = dossier.add_record(given(), StreamId("record-1"))
    second = dossier.add_record(given(first), StreamId("record-2"))
    assert (first.ordinal, second.ordinal) == (1, 2)
    assert given(first, second).records == ("record-1", "record-2")


def test_a_correction_replaces_one_field() -> None:
    event = dossier.correct(given(), DossierField.PHONE, "0987654321", "ghi nhầm")
    assert event == DossierCorrected(DossierField.PHONE, "0987654321", "ghi nhầm")
    state = given(event)
    assert (state.phone, state.applicant) == ("0987654321", "Người Nộp Đơn")


@pytest.mark.parametrize("field", DossierField)
def test_every_field_can_be_corrected(field: DossierField) -> None:
    assert getattr(given(DossierCorrected(field, "mới", "x")), field.value) == "mới"


def test_correcting_what_is_right_already_is_refused() -> None:
    with pytest.raises(RuleError, match="nothing-to-correct"):
        dossier.correct(given(), DossierField.PHONE, "0912345678", "x")


def test_a_dossier_keeps_a_title() -> None:
    with pytest.raises(RuleError, match="title-required"):
        dossier.correct(given(), DossierField.TITLE, None, "x")
    dossier.correct(given(), DossierField.APPLICANT, None, "x")


def test_a_dossier_closes_with_its_papers() -> None:
    event = dossier.close(given(ADDED), date(2026, 4, 1), MANIFEST)
    assert event == CLOSED
    assert given(ADDED, event).closed_on == date(2026, 4, 1)


def test_an_empty_dossier_does_not_close() -> None:
    with pytest.raises(RuleError, match="dossier-empty"):
        dossier.close(given(), date(2026, 4, 1), MANIFEST)


@pytest.mark.parametrize(
    ("ended", "code"), [((ADDED, CLOSED), "dossier-closed"), ((ADDED, GONE), "dossier-erased")]
)
def test_nothing_is_added_after_the_end(ended: tuple[DossierEvent, ...], code: str) -> None:
    with pytest.raises(RuleError, match=code):
        dossier.add_record(given(*ended), StreamId("record-2"))
    with pytest.raises(RuleError, match=code):
        dossier.close(given(*ended), date(2026, 4, 2), MANIFEST)


def test_a_closed_dossier_may_be_corrected_an_erased_one_may_not() -> None:
    dossier.correct(given(ADDED, CLOSED), DossierField.PHONE, "1", "x")
    with pytest.raises(RuleError, match="dossier-erased"):
        dossier.correct(given(ADDED, GONE), DossierField.PHONE, "1", "x")


def test_erasing_takes_what_is_personal_and_leaves_the_rest() -> None:
    state = given(ADDED, DossierRestricted(StreamId("erasure-0")), GONE)
    fields = (state.title, state.applicant, state.phone, state.id_number, state.address)
    assert set(fields) == {ERASED}
    assert (state.code, state.records, state.erased_by) == (OPENED.code, ("record-1",), "erasure-1")
    assert state.restricted_by == "erasure-0"


def test_codes_are_written_as_the_circulars_say() -> None:
    assert dossier.procedure_code("H33.05", date(2026, 3, 2), 7) == "H33.05-260302-0007"
    assert dossier.work_file_code("H33.05", date(2026, 3, 2), 7) == "H33.05-2026-07.HS"
    for code in (dossier.procedure_code("000.00.01.H33", date(2026, 3, 2), 12345), "1/HS", "12Đ"):
        assert dossier.parse_code(f" {code.lower()} ") == code


@pytest.mark.parametrize("text", ["", "A", "-AB", "AB-", "A B", "A\nB", "A" * 61, "Ă12"])
def test_what_is_no_code_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError):
        dossier.parse_code(text)


def test_typed_text_is_trimmed_and_limited() -> None:
    assert dossier.parse_text("  Đơn \t xin\nphép ") == "Đơn xin phép"
    for text in ("", " \n", "x" * 1001, "a\0b", "a\u200bb"):
        with pytest.raises(InvalidValueError):
            dossier.parse_text(text)
