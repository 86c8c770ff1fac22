"""Personal fields: salted disclosures (RFC 9901), kept apart from the event and encrypted.

The event carries the digests alone. When the disclosures of a subject and its key are gone, the
signatures still verify and nobody can guess a value: each digest has 128 random bits of salt.
"""

import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import IntegrityError
from infrastructure.journal import strict_json
from infrastructure.journal.envelope import b64, unb64

_NONCE = 12


def disclose(values: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The disclosures of some fields, and their digests sorted as `_sd` wants them."""
    disclosures = [
        b64(strict_json.dump_encoded([b64(os.urandom(16)), name, value]))
        for name, value in values.items()
    ]
    return disclosures, sorted([digest(text) for text in disclosures])


def digest(disclosure: str) -> str:
    """What stands in `_sd` for a disclosure."""
    return b64(sha256(disclosure.encode()).digest())


def values_of(disclosures: Sequence[str], digests: Sequence[str]) -> dict[str, Any]:
    """The values behind the digests; raises IntegrityError unless they match one to one."""
    if sorted([digest(text) for text in disclosures]) != digests:
        raise IntegrityError("disclosures-differ")
    values: dict[str, Any] = {}
    for text in disclosures:
        parsed = strict_json.load_array(unb64(text))
        if len(parsed) != 3 or type(parsed[1]) is not str or parsed[1] in values:
            raise IntegrityError("disclosure-malformed")
        values[parsed[1]] = parsed[2]
    return values


def seal(key: bytes | AESGCM, event_id: str, disclosures: Iterable[str]) -> bytes:
    """The encrypted row of an event's disclosures; it opens for this event alone."""
    nonce = os.urandom(_NONCE)
    plain = ".".join(disclosures).encode()
    cipher = AESGCM(key) if isinstance(key, bytes) else key
    return nonce + cipher.encrypt(nonce, plain, event_id.encode())


def unseal(key: bytes | AESGCM, event_id: str, row: bytes) -> list[str]:
    """The disclosures in a row; raises IntegrityError when it is not this event's.

    Whoever opens many rows of a subject makes the cipher once.
    """
    try:
        cipher = AESGCM(key) if isinstance(key, bytes) else key
        plain = cipher.decrypt(row[:_NONCE], row[_NONCE:], event_id.encode())
        return plain.decode().split(".")
    except (InvalidTag, TypeError, ValueError) as exc:
        raise IntegrityError("disclosures-sealed-otherwise") from exc


def wrap(kek: bytes, subject: str, key: bytes) -> bytes:
    """A subject's key under the key-encryption key."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(kek).encrypt(nonce, key, subject.encode())


def unwrap(kek: bytes, subject: str, wrapped: bytes) -> bytes:
    """The subject's key; raises IntegrityError when it was wrapped for another."""
    try:
        return AESGCM(kek).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], subject.encode())
    except (InvalidTag, TypeError, ValueError) as exc:
        raise IntegrityError("subject-key-sealed-otherwise") from exc


def request_mac(secret: bytes, command_id: str, request: str) -> bytes:
    """What a command's row keeps of its request: enough to tell another one, nothing to read."""
    return hmac.digest(secret, f"{command_id}\0{request}".encode(), "sha256")


def row_mac(secret: bytes, command_id: str, request: bytes, answer: str) -> bytes:
    """Binds the whole row of a command: its answer is not an event, so no signature covers it."""
    said = f"row\0{command_id}\0{answer}".encode("utf-8", "surrogateescape")
    return hmac.digest(secret, request[:32] + said, "sha256")
