"""Signatures judged by trust anchors, offline: who, when, and whether that is proved."""

import io
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from domain.papers import SignatureJudgement
from infrastructure.clock import SystemClock
from infrastructure.signatures.judging import judge_signatures
from tests.signatures.pki import Authorities
from tests.signatures.signed import ONCE, Signed, files


@pytest.fixture(scope="module")
def signed(authorities: Authorities, paper: bytes) -> Mapping[str, Signed]:
    return files(authorities, paper)


KINDS = (
    *("b", "b-told", "t", "lt", "lta", "revoked", "stranger", "altered", "painted", "sha1"),
    *("expired", "expired-proved", "cipher"),
)


def judged(
    folder: Path, content: bytes, anchors: tuple[bytes, ...], at: datetime | None = None
) -> SignatureJudgement:
    """The judgement on the first signature."""
    path = folder / "paper.pdf"
    path.write_bytes(content)
    return judge_signatures(path, anchors, at or SystemClock().now())[0]


def test_no_kind_is_left_out(signed: Mapping[str, Signed]) -> None:
    assert set(KINDS) == signed.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_has_its_verdict(
    tmp_path: Path, authorities: Authorities, signed: Mapping[str, Signed], kind: str
) -> None:
    found = judged(tmp_path, signed[kind].content, authorities.anchors)
    assert (found.verdict, found.reason) == (signed[kind].verdict, signed[kind].reason)
    assert found.signer is not None
    assert "Test " in found.signer


@pytest.mark.parametrize("kind", KINDS)
def test_poppler_says_the_same_of_the_bytes(
    tmp_path: Path, signed: Mapping[str, Signed], kind: str
) -> None:
    """`pdfsig` asks for no issuer here (it knows none of ours) and for no time."""
    path = tmp_path / "paper.pdf"
    path.write_bytes(signed[kind].content)
    told = subprocess.run(
        ["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False, timeout=60
    ).stdout
    said = [line.split(": ", 1)[1] for line in told.splitlines() if "Signature Validation" in line]
    assert said[0] == signed[kind].pdfsig
    total = next(line for line in told.splitlines() if "ocument signed" in line)
    untouched = kind in ("b", "t", "stranger", "altered", "expired")
    assert ("Not total" not in total) == untouched, "poppler sees that an update follows"


def test_without_anchors_nobody_is_believed(tmp_path: Path, signed: Mapping[str, Signed]) -> None:
    assert judged(tmp_path, signed["lta"].content, ()).verdict == "no-anchors"
    assert judged(tmp_path, signed["altered"].content, ()).verdict == "broken"
    assert judged(tmp_path, signed["sha1"].content, ()).verdict == "weak-algorithm"


def test_the_anchors_of_somebody_else_make_the_issuer_unknown(
    tmp_path: Path, authorities: Authorities, signed: Mapping[str, Signed]
) -> None:
    others = (authorities.certificate("stranger").dump(),)
    assert judged(tmp_path, signed["lta"].content, others).verdict == "unknown-issuer"
    assert judged(tmp_path, signed["stranger"].content, others).verdict != "unknown-issuer"


def test_an_issuer_may_stand_beside_its_root_and_alone_it_vouches_for_no_list(
    tmp_path: Path, authorities: Authorities, signed: Mapping[str, Signed]
) -> None:
    issuer = (authorities.certificate("issuer").dump(),)
    both = judged(tmp_path, signed["b-told"].content, authorities.anchors + issuer)
    assert both.verdict == "valid"
    alone = judged(tmp_path, signed["b-told"].content, issuer)
    assert (alone.verdict, alone.reason) == ("unclear", "revocation-unknown")


def test_a_proved_time_is_told_and_a_claimed_one_is_called_so(
    tmp_path: Path, authorities: Authorities, signed: Mapping[str, Signed]
) -> None:
    claimed = judged(tmp_path, signed["b"].content, authorities.anchors)
    assert claimed.time == "claimed"
    proved = judged(tmp_path, signed["expired-proved"].content, authorities.anchors)
    assert (proved.time, proved.signed_at) == ("proved", ONCE.isoformat())


@pytest.mark.parametrize(
    ("kind", "year", "verdict"),
    [
        ("b-told", 2049, "unclear"),  # Its answers are old, and nothing proves that it is, too.
        ("lt", 2049, "valid"),  # The authority that dated it is still to be believed.
        ("lta", 2049, "valid"),
        ("lta", 2052, "unclear"),  # Nobody renewed it before that authority's certificate ended.
        ("lta", 2061, "expired"),
    ],
)
def test_a_file_is_judged_as_of_the_time_that_it_proves(
    tmp_path: Path,
    authorities: Authorities,
    signed: Mapping[str, Signed],
    kind: str,
    year: int,
    verdict: str,
) -> None:
    at = datetime(year, 6, 1, tzinfo=UTC)
    found = judged(tmp_path, signed[kind].content, authorities.anchors, at)
    assert found.verdict == verdict


def test_a_revocation_after_the_proved_time_harms_nothing(
    tmp_path: Path, authorities: Authorities, paper: bytes
) -> None:
    before, after = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)
    for stamped_at, verdict in ((before, "valid"), (after, "revoked")):
        content = authorities.told(
            authorities.sign(paper, "dismissed", level="t", stamped_at=stamped_at)
        )
        assert judged(tmp_path, content, authorities.anchors).verdict == verdict


def test_a_timestamp_of_the_future_proves_nothing(
    tmp_path: Path, authorities: Authorities, paper: bytes
) -> None:
    tomorrow = SystemClock().now() + timedelta(days=1)
    content = authorities.sign(paper, level="t", stamped_at=tomorrow)
    assert judged(tmp_path, content, authorities.anchors).time == "claimed"


def test_the_file_signed_twice_is_judged_twice(
    tmp_path: Path, authorities: Authorities, signed: Mapping[str, Signed]
) -> None:
    path = tmp_path / "twice.pdf"
    path.write_bytes(authorities.sign(signed["lt"].content, "stranger", field="ConDau"))
    first, second = judge_signatures(path, authorities.anchors, SystemClock().now())
    assert (first.field, first.verdict) == ("ChuKy", "valid")
    assert (second.field, second.verdict) == ("ConDau", "unknown-issuer")


def test_rubbish_in_the_store_of_answers_is_no_error(
    tmp_path: Path, authorities: Authorities, signed: Mapping[str, Signed]
) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed["b"].content))
    rubbish = writer.add_object(StreamObject(stream_data=b"no list at all"))
    writer.root["/DSS"] = DictionaryObject({"/CRLs": ArrayObject([rubbish])})
    writer.update_root()
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    found = judged(tmp_path, out.getvalue(), authorities.anchors)
    assert (found.verdict, found.reason) == ("unclear", "chain-unsound")


def test_what_is_no_pdf_or_not_signed_has_no_judgement(
    tmp_path: Path, authorities: Authorities, paper: bytes
) -> None:
    path = tmp_path / "paper.pdf"
    for content in (paper, b"\xff\xd8\xff\xe0 a picture"):
        path.write_bytes(content)
        assert judge_signatures(path, authorities.anchors, ONCE) == ()
