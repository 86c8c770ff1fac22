"""Values that are checked when they are made, and are trusted from then on."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, NewType, Self

from domain.errors import InvalidValueError

EventId = NewType("EventId", str)
StreamId = NewType("StreamId", str)
"""`kind-<UUIDv7>`: the stream of one agency, dossier, record… and the identity of that thing."""
CommandId = NewType("CommandId", str)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")


class Kind(StrEnum):
    """What a stream is about; the first part of its identity."""

    ARCHIVE = "archive"
    AGENCY = "agency"
    AGENT = "agent"
    BATCH = "batch"
    DOSSIER = "dossier"
    ERASURE = "erasure"
    KEYS = "keys"
    LOG = "log"
    PROCEDURE = "procedure"
    RECORD = "record"
    SEARCH = "search"


def kind_of(stream: StreamId) -> Kind:
    """What the stream is about."""
    return Kind(stream.partition("-")[0])


@dataclass(frozen=True, order=True)
class Digest:
    """The digest of some bytes, `sha256:<hex>` or `sha512:<hex>`, in lower case."""

    text: str

    def __post_init__(self) -> None:
        if not _DIGEST.fullmatch(self.text):
            raise InvalidValueError("invalid-digest")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `sha256:<hex>`, or a bare SHA-256 in hexadecimal, in either case."""
        lowered = text.strip().lower()
        return cls(lowered if ":" in lowered else f"sha256:{lowered}")

    @property
    def hex(self) -> str:
        """The digest alone, hexadecimal."""
        return self.text.partition(":")[2]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class FileObject:
    """Bytes in the object store, named by what they are and never by a name that somebody gave."""

    sha256: Digest
    sha512: Digest
    size: int
    media_type: str

    def __post_init__(self) -> None:
        if not self.sha256.text.startswith("sha256:") or not self.sha512.text.startswith("sha512:"):
            raise InvalidValueError("invalid-digest")
        if self.size < 0 or not _MEDIA_TYPE.fullmatch(self.media_type):
            raise InvalidValueError("invalid-file-object")


@dataclass(frozen=True)
class Tool:
    """The program that made or judged something: enough to make it again."""

    name: str
    version: str
    model: str | None = None
    options: str | None = None


@dataclass(frozen=True)
class Erased:
    """Stands where a personal value stood before a lawful erasure."""


ERASED = Erased()
PERSONAL = "personal"
"""Marks a field of an event as personal: it leaves the event as a salted digest."""

PersonalText = Annotated[str | Erased, PERSONAL]
PersonalOptional = Annotated[str | Erased | None, PERSONAL]
PersonalList = Annotated[tuple[str, ...] | Erased, PERSONAL]


class Secrecy(StrEnum):
    """Độ mật. Only ordinary records may enter (Law on Protection of State Secrets, Art. 5)."""

    ORDINARY = "thuong"
    CONFIDENTIAL = "mat"
    SECRET = "toi-mat"
    TOP_SECRET = "tuyet-mat"


@dataclass(frozen=True)
class Basis:
    """Why a change was made, in clear: the code of the legal basis and a reference.

    Free text never stands here: a reason in words is a personal field of the event.
    """

    code: str
    reference: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-ZĐ0-9][A-ZĐ0-9/.\-]{0,39}", self.code):
            raise InvalidValueError("invalid-basis")
        if self.reference is not None and not re.fullmatch(r"[\w/.,\-]{1,80}", self.reference):
            raise InvalidValueError("invalid-reference")
