"""Others accept the report as PDF/A and as signed, and reject it with a byte of another value."""

import subprocess
from pathlib import Path

import pytest

from infrastructure.signatures.verdicts import inspect_signatures
from tests.evidence.reports import desk, event, facts
from tests.foreign import pdf
from tests.services import program

pytestmark = pytest.mark.services

HOSTILE = ("đúng\u202eiạs\x00", "漢字 שלום 🙂", "x" * 10_000, "<b>&\\)(%", "x\u0336\ud800")


def altered(content: bytes) -> dict[str, bytes]:
    """A byte of another value: of the header, of a page, of the claimed time, of the signature."""
    begin = content.rindex(b"/Contents <") + len(b"/Contents <")
    end = begin + len(content[begin : content.index(b">", begin)].rstrip(b"0"))
    places = {
        "header": 7,
        "page": content.index(b"stream\n") + 20,
        "time": content.index(b"20261120", content.rindex(b"/M (D")) + 3,
        "signature": end - 9,
    }
    flipped = {}
    for name, at in places.items():
        other = b"1" if content[at : at + 1] != b"1" else b"2"
        flipped[name] = content[:at] + other + content[at + 1 :]
    return flipped


def test_others_accept_the_report_and_no_altered_one(tmp_path: Path) -> None:
    maker = desk(tmp_path)
    report, hostile = tmp_path / "report.pdf", tmp_path / "hostile.pdf"
    report.write_bytes(maker.report.make(facts()))
    says = [(f"field_{n}", text) for n, text in enumerate(HOSTILE)]
    hostile.write_bytes(maker.report.make(facts([event(1, says=says)], title=HOSTILE[0])))
    broken = []
    for name, content in altered(report.read_bytes()).items():
        broken.append(tmp_path / f"{name}.pdf")
        broken[-1].write_bytes(content)

    conforming = pdf.verapdf([report, hostile])
    accepted = pdf.dss(maker.root, [report, hostile, *broken])

    assert [each.accepted for each in conforming] == [True, True], conforming
    assert [each.accepted for each in accepted] == [True, True] + [False] * len(broken), accepted
    assert "PAdES-BASELINE-B" in accepted[0].said
    assert pdf.pdfsig(report).accepted
    assert "Total document signed" in pdf.pdfsig(report).said
    assert pdf.pdfsig(hostile).accepted
    for path in broken:
        assert not pdf.pdfsig(path).accepted, path
        assert [each.verdict for each in inspect_signatures(path)] != ["intact"], path


def test_a_report_of_another_archive_is_not_believed(tmp_path: Path) -> None:
    report = tmp_path / "report.pdf"
    (tmp_path / "other").mkdir()
    report.write_bytes(desk(tmp_path).report.make(facts()))

    assert not pdf.dss(desk(tmp_path / "other").root, [report])[0].accepted


def test_popplers_text_has_the_letters_of_both_languages(tmp_path: Path) -> None:
    report = tmp_path / "report.pdf"
    report.write_bytes(desk(tmp_path).report.make(facts()))

    said = subprocess.run(
        [program("pdftotext"), "-raw", report, "-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    words = " ".join(said.split())

    assert "Hồ sơ cấp giấy chứng nhận quyền sử dụng đất của ông A" in words
    assert "! Chữ ký bị hỏng: sự kiện bị sửa sau khi ký" in words
    assert "Compare the digest of the certificate and the key of the log below with" in words
