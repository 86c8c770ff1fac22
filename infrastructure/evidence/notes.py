"""Signed notes, checkpoints and cosignatures (C2SP signed-note, tlog-checkpoint,
tlog-cosignature), strict: what these specifications would not write is refused.

A verifier key is `name+hash+key`; a key's id is the beginning of a SHA-256 over name, type and
public key, so that a key of another name or type never fits.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import IntegrityError, InvalidValueError
from infrastructure.evidence.merkle import SIZE

NOTE, COSIGNATURE = 1, 4
"""Types of Ed25519 signatures: of a note's text, of a witness with its time."""
_DASH = "\u2014 "
_LARGEST = 65_535


class SigningKey(Protocol):
    """An Ed25519 private key, wherever it is kept."""

    def public_key(self) -> Ed25519PublicKey:
        """Its public half."""

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""


@dataclass(frozen=True)
class VerifierKey:
    """Who may have signed, as the world writes it."""

    name: str
    kind: int
    public: bytes
    """32 bytes."""

    @property
    def id(self) -> bytes:
        """Four bytes at the beginning of every signature of this key."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def text(self) -> str:
        """`name+hash+key`."""
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """The reverse of `text`; raises InvalidValueError("verifier-key")."""
        try:
            name, hashed, encoded = text.strip().split("+", 2)
            raw = unb64(encoded)
            key = cls(name, raw[0], raw[1:])
        except (ValueError, IndexError, IntegrityError) as exc:
            raise InvalidValueError("verifier-key") from exc
        fits = is_name(name) and len(key.public) == 32 and key.kind in (NOTE, COSIGNATURE)
        if not fits or key.id.hex() != hashed:
            raise InvalidValueError("verifier-key")
        return key

    def check(self, message: bytes, signature: bytes) -> None:
        """Raises IntegrityError("note-signature-broken")."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature as exc:
            raise IntegrityError("note-signature-broken", name=self.name) from exc


@dataclass(frozen=True)
class Line:
    """A signature line of a note."""

    name: str
    key: bytes
    """The key's id."""
    signature: bytes

    @property
    def text(self) -> str:
        """With its line end."""
        return f"{_DASH}{self.name} {b64(self.key + self.signature)}\n"


@dataclass(frozen=True)
class Note:
    """A text with signatures, none of them checked yet."""

    text: str
    """With its last line end."""
    lines: tuple[Line, ...]

    @property
    def raw(self) -> bytes:
        """The bytes of the note."""
        return (self.text + "\n" + "".join(line.text for line in self.lines)).encode()

    def by(self, key: VerifierKey) -> Line:
        """The line of a key, its signature checked; IntegrityError("note-not-signed")."""
        for line in self.lines:
            if (line.name, line.key) == (key.name, key.id):
                if key.kind == COSIGNATURE:
                    _check_cosignature(self.text, line, key)
                else:
                    key.check(self.text.encode(), line.signature)
                return line
        raise IntegrityError("note-not-signed", name=key.name)


@dataclass(frozen=True)
class Body:
    """What a checkpoint says."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


def b64(raw: bytes) -> str:
    """Base64 with padding."""
    return base64.b64encode(raw).decode()


def unb64(text: str) -> bytes:
    """The reverse; what `b64` would not have written is refused."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise IntegrityError("note-malformed") from exc
    if b64(raw) != text:
        raise IntegrityError("note-malformed")
    return raw


def is_name(name: str) -> bool:
    """True for what may name a key: no blank, no plus sign, nothing invisible."""
    return bool(name) and name.isprintable() and not any(c == "+" or c.isspace() for c in name)


def parse_note(raw: bytes) -> Note:
    """A note taken apart; raises IntegrityError("note-malformed")."""
    malformed = IntegrityError("note-malformed")
    try:
        whole = raw.decode()
    except UnicodeDecodeError as exc:
        raise malformed from exc
    text, found, signatures = whole.rpartition("\n\n")
    if not found or len(raw) > _LARGEST or not signatures.endswith("\n"):
        raise malformed
    if any(ord(c) < 32 and c != "\n" for c in whole):
        raise malformed
    lines = tuple(_line(line) for line in signatures[:-1].split("\n"))
    return Note(text + "\n", lines)


def _line(text: str) -> Line:
    name, _, encoded = text.removeprefix(_DASH).partition(" ")
    raw = unb64(encoded)
    if not text.startswith(_DASH) or not is_name(name) or len(raw) < 5:
        raise IntegrityError("note-malformed")
    return Line(name, raw[:4], raw[4:])


def parse_body(text: str) -> Body:
    """A checkpoint's text: three lines, as we write it; further lines are refused, because
    nobody could audit what they say."""
    parts = text.split("\n")
    if len(parts) != 4 or parts[3] or not parts[0] or not (parts[1].isascii() and parts[1]):
        raise IntegrityError("checkpoint-malformed")
    root = unb64(parts[2])
    if not parts[1].isdecimal() or str(int(parts[1][:20])) != parts[1] or len(root) != SIZE:
        raise IntegrityError("checkpoint-malformed")
    return Body(parts[0], int(parts[1]), root)


def verifier_key(name: str, key: SigningKey, kind: int = NOTE) -> VerifierKey:
    """The public half of a key under a name."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return VerifierKey(name, kind, public)


def signed(body: Body, keys: Sequence[SigningKey]) -> Note:
    """A checkpoint signed under its origin's name by each key."""
    lines = [
        Line(body.origin, verifier_key(body.origin, key).id, key.sign(body.text.encode()))
        for key in keys
    ]
    return Note(body.text, tuple(lines))


def cosigned(text: str, name: str, key: SigningKey, seconds: int) -> Line:
    """A witness's line: it saw this checkpoint, consistent with all before, at a Unix time."""
    signature = key.sign(_cosigned_message(text, seconds))
    made = seconds.to_bytes(8, "big") + signature
    return Line(name, verifier_key(name, key, COSIGNATURE).id, made)


def cosigned_at(line: Line) -> int:
    """The Unix time that a witness's line claims."""
    if len(line.signature) != 72:
        raise IntegrityError("note-malformed")
    return int.from_bytes(line.signature[:8], "big")


def _check_cosignature(text: str, line: Line, key: VerifierKey) -> None:
    seconds = cosigned_at(line)
    key.check(_cosigned_message(text, seconds), line.signature[8:])


def _cosigned_message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
