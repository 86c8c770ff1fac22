"""The verdict on each signature inside a PDF, by pyHanko, without trust anchors and offline.

What is checked: does the digest fit the bytes, does the signature fit the certificate that lies
beside it, was the file changed afterwards in a way that signing does not allow.
Deliberately absent: trust, revocation and time, which `judging` adds; no network is touched here.
"""

import hashlib
import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from asn1crypto import cms, core, tsp  # type: ignore[import-untyped]
from cryptography.exceptions import UnsupportedAlgorithm
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import DiffResult, ModificationLevel
from pyhanko.sign.validation.errors import DisallowedAlgorithmError
from pyhanko.sign.validation.generic_cms import extract_self_reported_ts, validate_sig_integrity
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from domain.papers import SignatureVerdict

_COVERAGE = {
    SignatureCoverageLevel.ENTIRE_FILE: "entire-file",
    SignatureCoverageLevel.ENTIRE_REVISION: "entire-revision",
    SignatureCoverageLevel.CONTIGUOUS_BLOCK_FROM_START: "part",
}
WEAK = frozenset({"md2", "md5", "sha1"})
"""Digests that no longer prove anything by themselves."""


def inspect_signatures(path: Path) -> tuple[SignatureVerdict, ...]:
    """The verdict on each signature, in the order of the file; empty for one that is no PDF."""
    with signatures_in(path) as found:
        if found is None:
            return (unreadable(),)
        return tuple(verdict_on(one) for one in found)


@contextmanager
def signatures_in(path: Path) -> Iterator[Sequence[EmbeddedPdfSignature] | None]:
    """The signatures of a file, its timestamps among them, as long as the context lasts.

    None for a PDF that claims a signature and cannot be opened; empty for what is no PDF.
    """
    with path.open("rb") as file:
        if file.read(5) != b"%PDF-":
            yield ()
            return
        embedded: list[EmbeddedPdfSignature] | None
        try:
            # Not strict: a reader's tolerance is no verdict; what was signed is checked by digest.
            reader = PdfFileReader(file, strict=False)
            if reader.encrypted:
                reader.decrypt(b"")
            embedded = list(reader.embedded_signatures)
        except Exception:  # A stranger's file: anything may be raised.
            embedded = None if _claims_a_signature(path) else []
        yield embedded


def _claims_a_signature(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"/ByteRange") >= 0


def unreadable(field: str = "") -> SignatureVerdict:
    """The verdict where nothing can be told."""
    return SignatureVerdict(field, "unreadable", "unclear", None, None, weak=False, signer=None)


def verdict_on(embedded: EmbeddedPdfSignature) -> SignatureVerdict:
    """Whether one signature fits its bytes; whatever is odd about it ends as a verdict."""
    field = ""
    try:
        field = str(embedded.field_name or "")
        digest = embedded.md_algorithm
        signed_at = _claimed_time(embedded)
        signer = embedded.signer_cert.subject.human_friendly
        try:
            embedded.compute_integrity_info()  # type: ignore[no-untyped-call]
            verdict = _judge(embedded)
        except (DisallowedAlgorithmError, UnsupportedAlgorithm, NotImplementedError):
            verdict = "unknown-algorithm"
    except Exception:
        return unreadable(field)
    known: SignatureCoverageLevel | None = embedded.coverage
    coverage = "unclear" if known is None else _COVERAGE.get(known, "unclear")
    return SignatureVerdict(
        field, verdict, coverage, signed_at, digest, weak=digest in WEAK, signer=signer
    )


def _judge(embedded: EmbeddedPdfSignature) -> str:
    content = embedded.signed_data["encap_content_info"]["content"]
    kind = embedded.signed_data["encap_content_info"]["content_type"].native
    outer = embedded.compute_digest()
    intact = True
    if content is not core.VOID and content.native is not None:
        # A timestamp or an old `adbe.pkcs7.sha1`: the file's digest is what was signed.
        signed = content.parsed if isinstance(content, cms.ParsableOctetString) else content
        if isinstance(signed, tsp.TSTInfo):
            intact = signed["message_imprint"]["hashed_message"].native == outer
        else:
            intact = bytes(content) == outer
        outer = hashlib.new(embedded.md_algorithm, bytes(content)).digest()
    fits, valid = validate_sig_integrity(embedded.signer_info, embedded.signer_cert, kind, outer)
    if not (intact and fits and valid):
        return "broken"
    changes = embedded.diff_result
    if embedded.coverage is SignatureCoverageLevel.ENTIRE_FILE:
        return "intact"
    if not isinstance(changes, DiffResult):
        return "changed-after-signing"
    allowed = embedded.docmdp_level
    level = changes.modification_level
    if level is ModificationLevel.OTHER or (allowed is not None and level.value > allowed.value):
        return "changed-after-signing"
    return "intact"


def _claimed_time(embedded: EmbeddedPdfSignature) -> str | None:
    at = extract_self_reported_ts(embedded.signer_info) or embedded.self_reported_timestamp
    if at is None:
        content = embedded.signed_data["encap_content_info"]["content"]
        parsed = content.parsed if isinstance(content, cms.ParsableOctetString) else None
        at = parsed["gen_time"].native if isinstance(parsed, tsp.TSTInfo) else None
    return None if at is None else at.isoformat()
