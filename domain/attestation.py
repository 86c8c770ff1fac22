"""What others vouch for: a checkpoint of the log that witnesses have seen and authorities dated."""

from dataclasses import dataclass
from datetime import date

from domain.values import FileObject, Kind, StreamId


@dataclass(frozen=True)
class TimeToken:
    """A time-stamp authority's signed word on the bytes of a checkpoint (RFC 3161)."""

    authority: str
    """The authority as the settings name it."""
    at: str
    """The time that it vouches for, RFC 3339 in UTC."""
    until: date
    """The day on which the authority's certificate ends."""
    token: FileObject
    """The reply as it came, with the authority's certificates."""


@dataclass(frozen=True)
class CheckpointAttested:
    """A checkpoint was shown to outsiders; what they signed is kept."""

    size: int
    """Events that the checkpoint covers."""
    checkpoint: FileObject
    """The signed note with all cosignatures: the very bytes that the tokens date."""
    witnesses: tuple[str, ...]
    """The names under which witnesses cosigned."""
    tokens: tuple[TimeToken, ...]


AttestationEvent = CheckpointAttested


def stream_of(archive: str) -> StreamId:
    """The stream of an archive's attestations, known as soon as the archive is."""
    return StreamId(f"{Kind.LOG}-{archive.partition('-')[2]}")
