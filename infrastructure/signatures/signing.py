"""Signs PDFs that the archive itself makes, as PAdES baseline B (ETSI EN 319 142-1), by pyHanko.

The signature is invisible: it is the archive's system signature, and nothing on a page may be
taken for an agency's seal. Deliberately absent: timestamps, which would need a network; the
checkpoint in the same evidence pack is what others have dated.
"""

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from typing import Any

from asn1crypto import x509 as asn1  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter

FIELD = "ChuKyHeThong"
"""The name of the signature's field: chữ ký hệ thống, in letters that each program shows."""
_LONGEST = 72
"""Bytes of an ECDSA signature over P-256 in DER."""


class _Key(signers.Signer):
    """A key that somebody else holds, which signs with ECDSA and SHA-256."""

    def __init__(self, certificate: asn1.Certificate, sign: Callable[[bytes], bytes]) -> None:
        super().__init__(signing_cert=certificate)
        self._sign = sign

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,
        dry_run: bool = False,  # noqa: FBT001, FBT002
    ) -> bytes:
        return bytes(_LONGEST) if dry_run else self._sign(data)


class _Dated(signers.PdfSigner):
    """Says the archive's time instead of asking the machine for its own."""

    def __init__(self, key: _Key, at: datetime) -> None:
        metadata = signers.PdfSignatureMetadata(
            field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
        )
        super().__init__(metadata, key, new_field_spec=SigFieldSpec(FIELD))
        self._at = at

    def init_signing_session(self, *args: Any, **options: Any) -> Any:
        session = super().init_signing_session(*args, **options)
        session.system_time = self._at
        return session


def sign_pdf(
    document: bytes,
    certificate: x509.Certificate,
    sign: Callable[[bytes], bytes],
    *,
    at: datetime,
) -> bytes:
    """The document with an invisible signature over all of it, claimed to be made at `at`.

    `sign` gives the ECDSA signature (P-256, SHA-256, DER) over bytes with the certificate's key,
    which may lie in a file or in a token; what it raises is passed on. A PDF/A stays one.
    """
    held = asn1.Certificate.load(certificate.public_bytes(Encoding.DER))
    output = BytesIO()
    writer = IncrementalPdfFileWriter(BytesIO(document))
    _Dated(_Key(held, sign), at).sign_pdf(writer, output=output)
    return output.getvalue()
