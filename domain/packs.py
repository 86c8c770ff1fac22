"""The evidence pack: what an outsider needs to check a dossier or a record by himself, offline,
with tools that this project did not write."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from domain.evidence import PackedAttestation, PackFacts
from domain.values import Digest, StreamId


@dataclass(frozen=True)
class PackedEnvelope:
    """An event as it is handed over."""

    position: int
    envelope: bytes
    disclosures: tuple[str, ...]
    """SD-JWT disclosures (RFC 9901) of the personal fields that the pack shows."""


@dataclass(frozen=True)
class PackedDocument:
    """A file of a record."""

    name: str
    """Its path in the pack: ASCII, made from its digest."""
    digest: Digest
    open: Callable[[], BinaryIO]
    """Its bytes, checked on the way."""


@dataclass(frozen=True)
class PackContents:
    """Everything that goes into a pack."""

    facts: PackFacts
    report: bytes
    """What people read of it, a signed PDF/A."""
    events: Callable[[], Iterator[PackedEnvelope]]
    """By position; each call reads them anew, so that they are never all in memory."""
    proofs: Mapping[int, bytes]
    """The C2SP tlog-proof of each event that the checkpoint covers, by position, without the
    checkpoint that ends it: all end with the same one."""
    streams: Mapping[StreamId, bool]
    """The streams of the events: True for one that is told from its first event to its last."""
    documents: Sequence[PackedDocument]
    certificates: Mapping[str, bytes]
    """Every system certificate so far, X.509 DER, by SHA-256 in hexadecimal."""
    checkpoint: bytes
    """The signed note, with the cosignatures that there are."""
    witnesses: Sequence[str]
    """Verifier keys of the witnesses that the archive asks."""
    tokens: Sequence[tuple[str, bytes]]
    """Name of the authority and its reply over the bytes of the checkpoint (RFC 3161)."""
    roots: Sequence[bytes]
    """Certificates by which authorities are believed, PEM."""
    vouch: Callable[[str], bytes]
    """The archive's signature on the pack: a JWS of the type PACK over the SHA-256, hexadecimal,
    of its list of files."""


class Packer(Protocol):
    """Makes packs."""

    def pack(self, contents: PackContents) -> Iterator[bytes]:
        """The file, piece by piece; what can fail beforehand fails before the first piece.

        A document that was damaged since it was looked at raises IntegrityError or NotFoundError
        on the way: what was written until then is no ZIP file.
        """

    def cosignatures(
        self, checkpoint: bytes, log_key: str, witnesses: Sequence[str]
    ) -> tuple[PackedAttestation, ...]:
        """Who cosigned a checkpoint, with the time that stands in each cosignature.

        The kind is `witness` where the policy of a pack with these keys names the signer, and the
        checkpoint meets that policy; else `unnamed`, which was not checked.
        """

    def proves(self, proof: bytes, envelope: bytes, log_key: str) -> bool:
        """True when the proof leads from these very bytes to a checkpoint that the key signed."""
