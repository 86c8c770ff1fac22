"""Facts of a pack that never was, and what signs its report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from domain.evidence import PackedAttestation, PackedEvent, PackedFile, PackFacts
from infrastructure.evidence.report import Report
from infrastructure.journal import keys
from infrastructure.messages import Catalogue

MADE_AT = datetime(2026, 11, 20, 17, 12, 44, tzinfo=UTC)
AGENCY = "H33.05 · Ủy ban nhân dân phường Thuận Hóa"
ARCHIVE = "archive-0198c1d2-1111-7abc-8def-000000000001"


@dataclass(frozen=True)
class Desk:
    """A report maker with a key of its own."""

    report: Report
    certificate: x509.Certificate

    @property
    def root(self) -> bytes:
        """PEM."""
        return self.certificate.public_bytes(Encoding.PEM)


def desk(folder: Path) -> Desk:
    held = keys.create(folder / "keys", ARCHIVE, MADE_AT - timedelta(days=30))
    signing = held.certificate, held.signer.sign_bytes
    return Desk(Report(Catalogue, lambda: signing), held.certificate)


def event(
    position: int,
    name: str = "dossier-opened/1",
    *,
    by: str | None = "Ông A",
    says: Sequence[tuple[str, str]] = (),
    state: str = "intact",
    in_log: bool = True,
    left_out: Sequence[str] = (),
) -> PackedEvent:
    return PackedEvent(
        position=position,
        at=MADE_AT - timedelta(hours=3) + timedelta(seconds=position),
        name=name,
        by=by,
        agent="agent-0198c1d2-2222-7abc-8def-000000000002",
        role="records-officer",
        agency=AGENCY,
        basis="30/2020/ND-CP Điều 9",
        says=tuple(says),
        state=state,
        in_log=in_log,
        left_out=tuple(left_out),
    )


HISTORY = (
    event(7, says=[("title", "Cấp giấy chứng nhận quyền sử dụng đất"), ("kind", "procedure")]),
    event(
        8, "scan-received/1", by=None, says=[("files_declared", "2")], left_out=["received_name"]
    ),
    event(9, "reading-failed/1", says=[("reason", "reader-crashed")]),
    event(10, "record-corrected/1", says=[("field", "issued_on"), ("value", "2026-04-23")]),
    event(11, "dossier-closed/1", state="signature-broken", in_log=False),
    PackedEvent(12, None, "", None, "", "", "", "", (), "event-missing", True, ()),
)


def facts(events: Sequence[PackedEvent] = HISTORY, **changed: object) -> PackFacts:
    given: dict[str, object] = {
        "reference": "H33.05-2026-000123",
        "kind": "dossier",
        "title": "Hồ sơ cấp giấy chứng nhận quyền sử dụng đất của ông A",
        "archive": ARCHIVE,
        "origin": "archive.example/log1",
        "made_at": MADE_AT,
        "made_by": "Bà B",
        "made_for": AGENCY,
        "checkpoint_size": 104233,
        "checkpoint_root": "ab12" * 16,
        "certificate": "cd34" * 16,
        "log_key": "archive.example/log1+1234abcd+AVmM0Jc5w5r3pZ2cUuXv1K0mF8yQ7tR4sN6hB9gD2eLk",
        "attestations": (
            PackedAttestation("witness", "witness.example/w1", None),
            PackedAttestation("time", "tsa.example", MADE_AT - timedelta(minutes=5)),
        ),
        "events": tuple(events),
        "files": (
            PackedFile(f"originals/{'ef' * 32}.pdf", "original", "ef" * 32, 302_123),
            PackedFile(f"representations/{'01' * 32}.txt", "text", "01" * 32, 4_123),
        ),
        "left_out": ("applicant", "phone"),
        "proves": ("signed", "unaltered", "logged"),
        "not_proved": ("content", "certificate", "left-out"),
    }
    return PackFacts(**(given | changed))  # type: ignore[arg-type]
