"""The life of a record: registered, read, described, confirmed, isolated, erased."""

from dataclasses import replace

import pytest

from domain import record
from domain.errors import InvalidValueError, RuleError
from domain.record import (
    LIMITS,
    Carrier,
    Described,
    IsolationGround,
    JudgedSignature,
    ReadingFailed,
    Record,
    RecordConfirmed,
    RecordErased,
    RecordEvent,
    RecordField,
    RecordIsolated,
    RecordRead,
    RecordRegistered,
    Representation,
    RepresentationAdded,
    RepresentationKind,
    SignatureFinding,
    SignaturesInspected,
    SignaturesJudged,
)
from domain.values import ERASED, Digest, FileObject, Secrecy, StreamId, Tool

RECORD, DOSSIER = StreamId("record-1"), StreamId("dossier-1")
TOOL = Tool("ocrmypdf", "17.13.0")


def file(letter: str) -> FileObject:
    return FileObject(
        Digest("sha256:" + letter * 64), Digest("sha512:" + letter * 128), 10, "application/pdf"
    )


ORIGINAL = file("a")
REGISTERED = RecordRegistered(
    DOSSIER, Carrier.BOTH, Secrecy.ORDINARY, None, ORIGINAL, "quet 001.pdf", "Kho 2, hộp 17"
)
READ = RecordRead(ORIGINAL.sha256, file("b"), 3, 0, TOOL, (), None)
FAILED = ReadingFailed(ORIGINAL.sha256, "reader-timeout", 3, TOOL, final=True)
ISOLATED = RecordIsolated(IsolationGround.SECRET, "dấu Mật ở trang 2")
GONE = RecordErased(StreamId("erasure-1"))


def given(*events: RecordEvent, first: RecordRegistered = REGISTERED) -> Record:
    state: Record | None = None
    for event in (first, *events):
        state = record.evolve(state, RECORD, event)
    assert state is not None
    return state


def made(kind: RepresentationKind, letter: str) -> RepresentationAdded:
    return RepresentationAdded(Representation(kind, file(letter), ORIGINAL.sha256, TOOL))


def register(**said: object) -> RecordRegistered:
    usual: dict[str, object] = {
        "dossier": DOSSIER,
        "secrecy": Secrecy.ORDINARY,
        "carrier": Carrier.ELECTRONIC,
        "batch": None,
        "original": ORIGINAL,
        "received_name": None,
        "paper_location": None,
    }
    return record.register(**{**usual, **said})  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [level for level in Secrecy if level is not Secrecy.ORDINARY])
def test_a_state_secret_never_enters(level: Secrecy) -> None:
    with pytest.raises(RuleError, match="state-secret"):
        register(secrecy=level)


def test_a_record_is_on_paper_or_in_bytes_or_both() -> None:
    assert register().original == ORIGINAL
    assert register(carrier=Carrier.PAPER, original=None, paper_location="Kho 2").original is None
    with pytest.raises(RuleError, match="original-required"):
        register(original=None)
    with pytest.raises(RuleError, match="paper-location-required"):
        register(carrier=Carrier.PAPER, original=None)


def test_a_scan_whose_paper_is_kept_exists_on_both() -> None:
    scanned = replace(REGISTERED, carrier=Carrier.ELECTRONIC, paper_location=None)
    state = given(first=scanned)
    kept = record.correct(state, RecordField.PAPER_LOCATION, "Kho 2, hộp 17", "tìm thấy")
    state = record.evolve(state, RECORD, kept)
    assert state.carrier is Carrier.BOTH
    lost = record.correct(state, RecordField.PAPER_LOCATION, None, "bản giấy đã hủy")
    assert record.evolve(state, RECORD, lost).carrier is Carrier.ELECTRONIC


def test_the_newest_representation_of_a_kind_counts() -> None:
    state = given(made(RepresentationKind.PDFA, "c"), made(RepresentationKind.PDFA, "d"))
    newest = state.representation(RepresentationKind.PDFA)
    assert newest is not None
    assert newest.file == file("d")
    assert state.original == ORIGINAL
    assert state.representation(RepresentationKind.TEXT) is None


def test_a_reading_follows_a_failure_and_the_other_way() -> None:
    assert given(FAILED, READ).failure is None
    assert given(READ, FAILED).reading == READ


def test_the_reader_proposes_and_a_person_decides() -> None:
    proposed = record.propose(given(), {RecordField.NUMBER: "390", RecordField.NOTATION: "BC-UBND"})
    assert proposed is not None
    assert proposed.origin is Described.READER
    state = given(proposed)
    assert state.code == "390/BC-UBND"
    corrected = record.correct(state, RecordField.NUMBER, "391", "số mờ")
    state = given(proposed, corrected)
    assert state.code == "391/BC-UBND"
    again = record.propose(state, {RecordField.NUMBER: "390"})
    assert again is None
    other = record.propose(state, {RecordField.NUMBER: "390", RecordField.ORGAN: "UBND"})
    assert other is not None
    assert given(proposed, corrected, other).code == "391/BC-UBND"
    assert record.propose(state, {}) is None


def test_what_a_person_described_is_not_proposed_anew() -> None:
    proposed = record.propose(given(), {RecordField.NUMBER: "1"})
    assert proposed is not None
    said = replace(proposed, origin=Described.PERSON)
    assert record.propose(given(said), {RecordField.NUMBER: "2"}) is None


def test_nothing_is_proposed_of_an_erased_record() -> None:
    assert record.propose(given(READ, GONE), {RecordField.NUMBER: "390"}) is None


def test_a_correction_may_take_a_value_away() -> None:
    event = record.correct(given(), RecordField.PAPER_LOCATION, None, "đã chuyển kho")
    state = given(event)
    assert RecordField.PAPER_LOCATION not in state.metadata
    with pytest.raises(RuleError, match="nothing-to-correct"):
        record.correct(state, RecordField.PAPER_LOCATION, None, "x")


def test_a_person_confirms_what_was_read_once() -> None:
    with pytest.raises(RuleError, match="not-read-yet"):
        record.confirm(given(), "none")
    assert record.confirm(given(FAILED), "none").source == ORIGINAL.sha256
    event = record.confirm(given(READ), "none")
    assert event == RecordConfirmed(ORIGINAL.sha256, "none")
    state = given(READ, event)
    assert (state.confirmed, state.lock) == (True, "none")
    with pytest.raises(RuleError, match="already-confirmed"):
        record.confirm(state, "none")


def test_a_record_on_paper_is_confirmed_without_reading() -> None:
    paper = replace(REGISTERED, original=None, carrier=Carrier.PAPER)
    assert record.confirm(given(first=paper), "none").source is None


@pytest.mark.parametrize(("end", "code"), [(ISOLATED, "record-isolated"), (GONE, "record-erased")])
def test_a_hidden_or_erased_record_takes_no_change(end: RecordEvent, code: str) -> None:
    state = given(READ, end)
    for change in (
        lambda: record.correct(state, RecordField.NUMBER, "1", "x"),
        lambda: record.confirm(state, "none"),
        lambda: record.isolate(state, IsolationGround.OTHER, "x"),
    ):
        with pytest.raises(RuleError, match=code):
            change()


def test_a_confirmed_record_may_be_isolated() -> None:
    state = given(READ, RecordConfirmed(ORIGINAL.sha256, "none"))
    event = record.isolate(state, IsolationGround.STRANGER, "giấy của người khác")
    assert given(READ, event).isolated is IsolationGround.STRANGER


def test_erasing_leaves_the_original_and_takes_what_tells() -> None:
    finding = SignatureFinding("Sig1", "intact", "entire-file", None, "sha256", weak=False)
    state = given(
        READ,
        *(
            made(kind, "c")
            for kind in RepresentationKind
            if kind is not RepresentationKind.ORIGINAL
        ),
        SignaturesInspected(ORIGINAL.sha256, (finding,), TOOL, ("CN=Người Ký Số",)),
        judged("valid"),
        GONE,
    )
    kinds = {item.kind for item in state.representations}
    assert kinds == {
        RepresentationKind.ORIGINAL,
        RepresentationKind.PDFA,
        RepresentationKind.ASSEMBLY,
    }
    assert (state.received_name, state.metadata, state.code) == (ERASED, {}, "")
    assert state.signatures is not None
    assert (state.signatures.signers, state.signatures.findings) == (ERASED, (finding,))
    assert [each.signers for each in state.judged] == [ERASED]


def judged(*verdicts: str, source: Digest = ORIGINAL.sha256) -> SignaturesJudged:
    findings = tuple(
        JudgedSignature(f"Sig{n}", verdict, None, None, "none", "not-asked", "sha256")
        for n, verdict in enumerate(verdicts)
    )
    signers = ("CN=Người Ký Số",) * len(findings)
    day = "2026-03-02T01:00:00+00:00"
    return SignaturesJudged(source, ORIGINAL.sha256, 1, day, findings, TOOL, signers)


def test_the_last_judgement_on_an_original_counts_and_valid_stands_alone() -> None:
    finding = SignatureFinding("Sig1", "intact", "entire-file", None, "sha256", weak=False)
    came = SignaturesInspected(ORIGINAL.sha256, (finding,), TOOL, ("CN=Người Ký Số",))
    assert given(READ).signature_verdicts == frozenset()
    assert given(READ, came).signature_verdicts == {"intact"}
    assert given(READ, came, judged("unknown-issuer"), judged("valid")).signature_verdicts == {
        "valid"
    }
    assert given(READ, came, judged("valid", "revoked")).signature_verdicts == {"revoked"}


@pytest.mark.parametrize("name", RecordField)
def test_metadata_is_as_long_as_the_decree_allows(name: RecordField) -> None:
    if name is RecordField.ISSUED_ON:
        assert record.parse_value(name, " 2026-03-02 ") == "2026-03-02"
        for text in ("2026-02-30", "02/03/2026", "hôm nay"):
            with pytest.raises(InvalidValueError):
                record.parse_value(name, text)
        return
    assert record.parse_value(name, " đ" * 2) == "đ đ"
    assert len(record.parse_value(name, "đ" * LIMITS[name])) == LIMITS[name]
    for text in ("", " ", "đ" * (LIMITS[name] + 1), "a\0"):
        with pytest.raises(InvalidValueError):
            record.parse_value(name, text)
