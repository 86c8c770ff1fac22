"""What one stage of a reading hands to the next."""

from dataclasses import dataclass

from domain.papers import Inspection
from domain.record import Representation
from domain.values import Digest, FileObject, Tool


@dataclass(frozen=True)
class Assembly:
    """How the pages of an arranged record were put together."""

    file: FileObject
    content: bytes
    tool: Tool


@dataclass(frozen=True)
class ToRead:
    """What a record shows, in a local file."""

    path: str
    inspection: Inspection
    source: Digest
    """The original, or the assembly of an arranged record."""
    assembly: Assembly | None


@dataclass(frozen=True)
class Stored:
    """What a reading left in the object store."""

    source: Digest
    """What was read."""
    representations: tuple[Representation, ...]
    manifest: FileObject
    first_page: str
    """The text of the first page, for proposing metadata."""
    digests: tuple[Digest, ...]
    """Everything that was put."""
