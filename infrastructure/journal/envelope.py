"""The signed envelope: one event as an SD-JWT (RFC 9901) in JWS compact form, ES256 low-s.

The bytes made here are stored, hashed and logged as they are; nothing is ever canonicalised.
Verification takes the algorithm from its list of keys, never from the header, and raises.
"""

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Self

import pybase64
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from domain.errors import IntegrityError, InvalidValueError
from infrastructure.journal import strict_json

TYPE = "chauban-event+sd-jwt"
LARGEST = 65_535
"""Bytes of an envelope: an entry of a tlog-tiles bundle has a 16-bit length."""
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ES256 = ec.ECDSA(SHA256())
MEMBERS = frozenset(
    "v arc id str ver prev type at by why sub cmd cau sw data".split()  # noqa: SIM905
)
_FORMS = frozenset({MEMBERS, MEMBERS - {"prev"}, MEMBERS - {"cau"}, MEMBERS - {"prev", "cau"}})
"""What members an envelope can have. Asked for as a whole: each event of a replay is."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
_LAST = (b"", b"", b"AQgw", b"AEIMQUYcgkosw048")
"""What the last character may be, by the length modulo four."""


def b64(raw: bytes) -> str:
    """Base64url without padding (RFC 7515, section 2)."""
    return binascii.b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def unb64(text: str | bytes) -> bytes:
    """The reverse of `b64`; anything that `b64` would not have written is refused."""
    raw = text.encode() if isinstance(text, str) else text
    tail = len(raw) & 3
    if tail and raw[-1] not in _LAST[tail]:  # Bits beyond the last byte would be ignored.
        raise IntegrityError("envelope-not-base64url")
    try:
        return pybase64.b64decode(raw.translate(_FROM_URL) + _PADDING[tail], validate=True)
    except ValueError as exc:
        raise IntegrityError("envelope-not-base64url") from exc


def certificate_digest(certificate: x509.Certificate) -> bytes:
    """SHA-256 of the certificate's DER."""
    return sha256(certificate.public_bytes(Encoding.DER)).digest()


def header_of(certificate: x509.Certificate) -> bytes:
    """The protected header, encoded; it is the same for every event of a key."""
    return header_of_digest(certificate_digest(certificate).hex())


def header_of_digest(digest: str) -> bytes:
    """The same, of the certificate with this SHA-256 (hexadecimal)."""
    thumbprint = bytes.fromhex(digest)
    header = {
        "alg": "ES256",
        "kid": thumbprint[:8].hex(),
        "typ": TYPE,
        "x5t#S256": b64(thumbprint),
    }
    return b64(strict_json.dump(header)).encode()


class Signer:
    """Signs envelopes with the system's key."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._header = header_of(certificate)

    def sign(self, payload: Mapping[str, Any]) -> bytes:
        """The envelope of a payload; InvalidValueError when it is too large."""
        return self._signed(self._header, payload)

    def vouch(self, kind: str, said: Mapping[str, Any]) -> bytes:
        """The same for what is no event: its type, in the header, keeps it from passing for one."""
        header = strict_json.load(unb64(self._header)) | {"typ": kind}
        return self._signed(b64(strict_json.dump(header)).encode(), said)

    def sign_bytes(self, content: bytes) -> bytes:
        """The ECDSA signature (DER) over bytes in a format of others. No envelope comes from it:
        a signing input begins with its header, a PDF's signed attributes with a DER tag."""
        return self._key.sign(content, _ES256)

    def _signed(self, header: bytes, payload: Mapping[str, Any]) -> bytes:
        signing_input = header + b"." + b64(strict_json.dump_encoded(payload)).encode()
        r, s = decode_dss_signature(self._key.sign(signing_input, _ES256))
        signature = r.to_bytes(32, "big") + min(s, _ORDER - s).to_bytes(32, "big")
        envelope = signing_input + b"." + b64(signature).encode()
        if len(envelope) > LARGEST:
            raise InvalidValueError("event-too-large", bytes=len(envelope), limit=LARGEST)
        return envelope


@dataclass(frozen=True)
class Turn:
    """A key, and where in the journal it is its turn to sign."""

    certificate: bytes
    """X.509 DER."""
    first: int = 1
    """The first position that it may sign."""
    last: int | None = None
    """The last one, which introduces the next key; None while it signs."""

    def covers(self, position: int) -> bool:
        """True for a position of this turn."""
        return self.first <= position and (self.last is None or position <= self.last)


class Verifier:
    """Knows the keys that may have signed. Several after a rotation, one until then."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        self._keys: dict[bytes, ec.EllipticCurvePublicKey] = {}
        self._turns: dict[bytes, Turn] = {}
        for certificate in certificates:
            key = certificate.public_key()
            if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != "secp256r1":
                raise IntegrityError("certificate-not-p256")
            self._keys[header_of(certificate)] = key

    @classmethod
    def of(cls, turns: Sequence[Turn]) -> Self:
        """Knows each key within its turn."""
        certificates = [x509.load_der_x509_certificate(turn.certificate) for turn in turns]
        made = cls(certificates)
        if len(turns) > 1:  # One key has all positions: nothing to look up.
            headers = [header_of(certificate) for certificate in certificates]
            made._turns = dict(zip(headers, turns, strict=True))
        return made

    def verify_at(self, envelope: bytes, position: int) -> None:
        """`verify`, and that the key had its turn at this position of the journal."""
        self.verify(envelope)
        self.check_turn(envelope, position)

    def check_turn(self, envelope: bytes, position: int) -> None:
        """Raises IntegrityError when a known key signed outside its turn."""
        if not self._turns:
            return
        turn = self._turns.get(envelope[: envelope.find(b".")])
        if turn is not None and not turn.covers(position):
            raise IntegrityError("signed-by-key-out-of-turn")

    def verify(self, envelope: bytes) -> None:
        """Raises IntegrityError unless a known key signed exactly these bytes."""
        header, _, _ = envelope.partition(b".")
        signing_input, _, encoded = envelope.rpartition(b".")
        key = self._keys.get(header)
        if key is None:
            raise IntegrityError("signed-by-another-key")
        if signing_input.count(b".") != 1:
            raise IntegrityError("envelope-malformed")
        signature = unb64(encoded)
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if len(signature) != 64 or not 0 < r < _ORDER or not 0 < s <= _ORDER // 2:
            raise IntegrityError("signature-malformed")
        try:
            key.verify(encode_dss_signature(r, s), signing_input, _ES256)
        except InvalidSignature as exc:
            raise IntegrityError("signature-broken") from exc


@dataclass(frozen=True)
class Opened:
    """An envelope taken apart. Reading it this way checks its form, not its signature."""

    payload: dict[str, Any]
    digest: bytes
    """SHA-256 of the envelope's bytes."""


def open_envelope(envelope: bytes) -> Opened:
    """The parts of an envelope of version 1; raises IntegrityError for any other form."""
    if len(envelope) > LARGEST:
        raise IntegrityError("envelope-too-large")
    parts = envelope.split(b".")
    if len(parts) != 3:
        raise IntegrityError("envelope-malformed")
    payload = strict_json.load(unb64(parts[1]))
    if frozenset(payload) not in _FORMS or type(payload["v"]) is not int or payload["v"] != 1:
        raise IntegrityError("envelope-members")
    if type(payload["ver"]) is not int or ("prev" in payload) is (payload["ver"] == 1):
        raise IntegrityError("envelope-members")
    return Opened(payload, sha256(envelope).digest())


def write_time(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always the same length."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def read_time(text: str) -> datetime:
    """The reverse of `write_time`; raises IntegrityError for any other form."""
    try:
        if not _TIME.fullmatch(text):
            raise IntegrityError("envelope-time")
        return datetime.fromisoformat(text)
    except (ValueError, TypeError) as exc:
        raise IntegrityError("envelope-time") from exc
