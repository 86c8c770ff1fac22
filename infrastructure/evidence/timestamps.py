"""Time-stamp authorities (RFC 3161): an outsider's signed word on when some bytes existed.

What is kept is the whole response as it came, with the authority's certificates in it:
`openssl ts -verify -in FILE` reads just that. The word is believed by certificates of our own
choice, and the authority's must have been valid at the time that it says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from domain.errors import IntegrityError, UnavailableError
from domain.evidence import Dated
from infrastructure.evidence.posting import Reply, post

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_GRANTED, _WITH_MODS = 0, 1
_LONGEST = 200
"""Characters of an authority's own words."""
_BIT_STRING = 3
_FAILURES = {
    0: "badAlg",
    2: "badRequest",
    5: "badDataFormat",
    14: "timeNotAvailable",
    15: "unacceptedPolicy",
    16: "unacceptedExtension",
    17: "addInfoNotAvailable",
    25: "systemFailure",
}


@dataclass(frozen=True)
class Rfc3161Authority:
    """The port TimeAuthority over HTTP."""

    name: str
    url: str
    bundle: Path
    """The PEM file with the certificates by which it is believed."""

    @property
    def roots(self) -> bytes:
        """See the port."""
        try:
            return self.bundle.read_bytes()
        except OSError as exc:
            raise UnavailableError("authority-roots-unreadable", file=self.bundle.name) from exc

    def date(self, content: bytes) -> Dated:
        """See the port. A nonce makes the answer one to this question."""
        roots = read_roots(self.bundle)  # Nobody is asked whose answer could not be checked.
        builder = TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA512)
        request = builder.nonce(nonce=True).cert_request(cert_request=True).build()
        reply = post(self.url, request.as_bytes(), _QUERY)
        self._require_granted(reply)
        return self._dated(content, _decoded(reply.content, self.name), roots, request.nonce)

    def check(self, content: bytes, token: bytes) -> Dated:
        """See the port. The nonce served its purpose when the token came."""
        return self._dated(content, _decoded(token, self.name), read_roots(self.bundle), None)

    def _require_granted(self, reply: Reply) -> None:
        """What says no says why, if it is a response at all, under whatever status of HTTP. A token
        that is not quite what was asked for is one, too (RFC 3161, 2.4.2), but the library that
        checks tokens takes none."""
        refused = UnavailableError("authority-refused", name=self.name, status=reply.status)
        if reply.kind != _REPLY:
            raise refused
        try:
            response = _decoded(reply.content, self.name)
        except IntegrityError:
            if reply.status == 200:
                raise
            raise refused from None
        why = _reasons(response)
        if response.status == _WITH_MODS:
            raise UnavailableError("authority-modified", name=self.name, why=why)
        if response.status != _GRANTED:
            raise UnavailableError(
                "authority-rejected", name=self.name, status=response.status, why=why
            )
        if reply.status != 200:
            raise refused

    def _dated(
        self,
        content: bytes,
        response: TimeStampResponse,
        roots: list[x509.Certificate],
        nonce: int | None,
    ) -> Dated:
        verifier = VerifierBuilder(roots=roots, nonce=nonce).build()
        try:
            verifier.verify_message(response, content)
            at = response.tst_info.gen_time  # Without the part of a second that it may say.
            return Dated(
                response.as_bytes(), at.astimezone(UTC), _signer(response).not_valid_after_utc
            )
        except (VerificationError, ValueError) as exc:
            raise IntegrityError("time-token-wrong", name=self.name) from exc


def read_roots(bundle: Path) -> list[x509.Certificate]:
    """The certificates of a PEM file; raises UnavailableError when it holds none."""
    try:
        return x509.load_pem_x509_certificates(bundle.read_bytes())
    except (OSError, ValueError) as exc:
        raise UnavailableError("authority-roots-unreadable", file=bundle.name) from exc


def _decoded(raw: bytes, name: str) -> TimeStampResponse:
    """A response that is written in one way only: nothing may hide behind it."""
    try:
        response = decode_timestamp_response(raw)
        if response.as_bytes() == raw:
            return response
    except ValueError as exc:
        raise IntegrityError("time-token-malformed", name=name) from exc
    raise IntegrityError("time-token-malformed", name=name)


def _reasons(response: TimeStampResponse) -> str:
    """Why there is no token: names of RFC 3161, section 2.4.2, and the authority's own words as
    far as they can be shown; "-" where it says nothing."""
    said = [*_failures(response.as_bytes()), *response.status_string]
    text = "; ".join(" ".join(each.split()) for each in said)
    return "".join(c for c in text if c.isprintable())[:_LONGEST] or "-"


def _failures(raw: bytes) -> Iterator[str]:
    """The names of the bits of failInfo, which the library keeps to itself: the last member of the
    status of a response that it has read, DER without doubt."""
    status, _ = _member(_member(raw)[0])
    while status:
        kind = status[0]
        content, status = _member(status)
        if kind == _BIT_STRING:
            set_bits = {8 * n + bit for n, byte in enumerate(content[1:]) for bit in range(8)
                        if byte & 0x80 >> bit}  # fmt: skip
            yield from (_FAILURES.get(each, f"failInfo {each}") for each in sorted(set_bits))


def _member(raw: bytes) -> tuple[bytes, bytes]:
    """The content of the first value of some DER, and what lies behind it."""
    length, begin = raw[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(raw[2:begin])
    return raw[begin : begin + length], raw[begin + length :]


def _signer(response: TimeStampResponse) -> x509.Certificate:
    """The certificate that the signature names; `verify` found it among those of the response."""
    (signer,) = response.signed_data.signer_infos
    found = (x509.load_der_x509_certificate(each) for each in response.signed_data.certificates)
    return next(
        each
        for each in found
        if (each.issuer, each.serial_number) == (signer.issuer, signer.serial_number)
    )
