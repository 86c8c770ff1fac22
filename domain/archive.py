"""The archive itself: its founding names the key by which everything after it is checked."""

from dataclasses import dataclass

from domain.values import StreamId


@dataclass(frozen=True)
class Policy:
    """A rule set in force, by name and version."""

    name: str
    version: int


POLICIES = (
    Policy("access", 1),
    Policy("envelope", 1),
    Policy("text-normalisation", 1),
)


@dataclass(frozen=True)
class ArchiveFounded:
    """The first event of every archive."""

    name: str
    agency: StreamId
    certificate: str
    """The system certificate, X.509 DER in base64."""
    certificate_sha256: str
    policies: tuple[Policy, ...]


ArchiveEvent = ArchiveFounded
