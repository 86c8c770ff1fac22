"""The second factor: codes by time (RFC 6238: SHA-1, 30 s, 6 digits), as every phone makes them.

The seed is kept under a key derived from the archive's personal key-encryption key, bound to the
agent: a copy of the database alone makes no code, and a seed moved to another agent opens nothing.
"""

import binascii
import os
from datetime import datetime
from hmac import compare_digest

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import UnavailableError
from domain.values import StreamId

_SECONDS = 30
_WINDOW = 1
"""Steps before and after the present one whose codes are good, for clocks that differ."""
_INFO = b"chauban second factor seed v1"
_NONCE = 12


def step_of(seed: str, code: str, now: datetime) -> int | None:
    """The step whose code this is, None when it is no code of now or the seed is none."""
    present = int(now.timestamp()) // _SECONDS
    given = "".join(code.split())
    found = None
    try:
        made = pyotp.TOTP(seed)
        for step in range(present - _WINDOW, present + _WINDOW + 1):
            if compare_digest(made.at(step * _SECONDS).encode(), given.encode()):
                found = step
    except (binascii.Error, ValueError):
        return None
    return found


class Seeds:
    """Seals seeds for the database."""

    def __init__(self, kek: bytes) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(kek)
        self._cipher = AESGCM(key)

    def seal(self, agent: StreamId, seed: str) -> bytes:
        """Nonce and sealed seed."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, seed.encode(), agent.encode())

    def open(self, agent: StreamId, sealed: bytes) -> str:
        """The seed; UnavailableError when it was sealed by another key or for another agent."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], agent.encode()).decode()
        except InvalidTag as exc:
            raise UnavailableError("second-factor-unreadable") from exc
