"""What one stage of a reading hands to the next."""

from dataclasses import dataclass

from domain.record import Representation
from domain.values import Digest, FileObject


@dataclass(frozen=True)
class Stored:
    """What a reading left in the object store."""

    representations: tuple[Representation, ...]
    manifest: FileObject
    first_page: str
    """The text of the first page, for proposing metadata."""
    digests: tuple[Digest, ...]
    """Everything that was put."""
