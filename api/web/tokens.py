"""The token that every form of a session carries back, different in each answer.

Answers are compressed, and a token that always looks the same could be guessed from their length
(BREACH): so each answer carries it under a pad of its own.
"""

import hmac
import secrets


def masked(token: str) -> str:
    """The token under a fresh pad: pad and sum, in hexadecimal."""
    raw = token.encode()
    pad = secrets.token_bytes(len(raw))
    return pad.hex() + bytes(a ^ b for a, b in zip(pad, raw, strict=True)).hex()


def is_masked(given: str, token: str) -> bool:
    """True when `given` is the token under some pad."""
    try:
        both = bytes.fromhex(given)
    except ValueError:
        return False
    half = len(both) // 2
    found = bytes(a ^ b for a, b in zip(both[:half], both[half:], strict=False))
    return hmac.compare_digest(found, token.encode())
