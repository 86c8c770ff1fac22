"""The files by which verdicts are compared: each with the verdict that everybody must come to."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pyhanko.pdf_utils.generic import StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from tests.signatures.pki import Authorities

ONCE = datetime(2023, 5, 4, 8, tzinfo=UTC)
"""While the certificate of `retired` was valid."""


@dataclass(frozen=True)
class Signed:
    """A file and what is to be said of its first signature."""

    content: bytes
    verdict: str
    pdfsig: str
    """What poppler says of the bytes; it knows no anchor of ours."""
    dss: str
    """The indication of EU DSS, trusting the same root, offline."""
    reason: str | None = None


def painted_over(signed: bytes) -> bytes:
    """The page with something drawn over it, in an update behind the signature."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    paint = StreamObject(stream_data=b"q 1 g 40 40 420 720 re f Q")
    writer.add_stream_to_page(0, writer.add_object(paint))
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def altered(signed: bytes) -> bytes:
    """One letter of what was signed is another."""
    place = signed.index(b"QUYET DINH")
    return signed[:place] + b"X" + signed[place + 1 :]


_FITS, _NOT = "Signature is Valid.", "Digest Mismatch."
PASSED, UNDECIDED, FAILED = "TOTAL_PASSED", "INDETERMINATE", "TOTAL_FAILED"


def files(authorities: Authorities, paper: bytes) -> Mapping[str, Signed]:
    """Every kind of file, by its name."""
    sign, told = authorities.sign, authorities.told
    plain, long_term = sign(paper), sign(paper, level="lt")
    return {
        "b": Signed(plain, "unclear", _FITS, UNDECIDED, "revocation-unknown"),
        "b-told": Signed(told(plain), "valid", _FITS, PASSED),
        "t": Signed(sign(paper, level="t"), "unclear", _FITS, UNDECIDED, "revocation-unknown"),
        "lt": Signed(long_term, "valid", _FITS, PASSED),
        "lta": Signed(sign(paper, level="lta"), "valid", _FITS, PASSED),
        "revoked": Signed(told(sign(paper, "dismissed")), "revoked", _FITS, UNDECIDED),
        "stranger": Signed(sign(paper, "stranger"), "unknown-issuer", _FITS, UNDECIDED),
        "altered": Signed(altered(plain), "broken", _NOT, FAILED),
        "painted": Signed(painted_over(long_term), "changed-after-signing", _FITS, FAILED),
        "sha1": Signed(
            told(sign(paper, digest="sha1")), "weak-algorithm", _FITS, UNDECIDED, "weak-digest"
        ),
        "expired": Signed(sign(paper, "retired"), "expired", _FITS, UNDECIDED),
        "expired-proved": Signed(
            sign(paper, "retired", level="lt", at=ONCE), "valid", _FITS, PASSED
        ),
        # The default policy of DSS does not ask for what a key may be used.
        "cipher": Signed(told(sign(paper, "cipher")), "unclear", _FITS, PASSED, "not-for-signing"),
    }
