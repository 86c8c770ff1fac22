"""Passwords: which are taken, and how they are kept (Argon2id, RFC 9106, section 4).

No list of common passwords: length decides, and a delay grows with failures (accounts.py).
"""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from domain.errors import InvalidValueError
from domain.text import nfc

_SHORTEST, _LONGEST = 12, 256
_LONGEST_BLOCK = 4
"""A password that repeats so few characters over and over is refused."""
_ROWS = (
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_ROOM = BoundedSemaphore(4)
"""Each hash takes 64 MiB: a crowd at the door must not take all the memory."""
_NOBODY = (
    "$argon2id$v=19$m=65536,t=3,p=4$SUUU/nb1KkiVS0fxc5AM+w"
    "$JEJoAKxCgQCVk06QllMVB6HJ3vt59KtfF3TTSzUKCcs"
)
"""The hash of random bits that were thrown away: no password fits, and verifying it costs what
verifying any other does."""


def checked(password: str, login: str) -> str:
    """The password in NFC; InvalidValueError("weak-password")."""
    text = nfc(password)
    plain = text.casefold()
    repeated = any(
        plain == (plain[:n] * len(plain))[: len(plain)] for n in range(1, _LONGEST_BLOCK + 1)
    )
    rows = [row * (len(plain) // len(row) + 2) for row in _ROWS]
    walked = any(plain in row or plain in row[::-1] for row in rows)
    if not _SHORTEST <= len(text) <= _LONGEST or plain == login or repeated or walked:
        raise InvalidValueError("weak-password", least=_SHORTEST)
    return text


def hashed(password: str) -> str:
    """How the password is kept, with its salt and parameters."""
    with _ROOM:
        return _HASHER.hash(password)


def fits(kept: str | None, password: str) -> bool:
    """Whether this is the password; the same work when there is none (`kept` is None)."""
    text = nfc(password)
    if len(text) > _LONGEST:
        kept, text = None, text[:_LONGEST]
    try:
        with _ROOM:
            _HASHER.verify(kept or _NOBODY, text)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """True for a hash with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)
