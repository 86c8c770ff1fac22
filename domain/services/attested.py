"""What outsiders have vouched for, as others are shown it."""

import re
from collections.abc import Iterator, Sequence

from domain.errors import IntegrityError
from domain.evidence import Attested
from domain.services import Archive
from domain.values import Digest


def newest(archive: Archive) -> Attested | None:
    """The newest attestation: for everybody, as it says nothing of what the log holds."""
    return archive.attestations.newest()


def last(archive: Archive, count: int) -> Sequence[Attested]:
    """See `Attestations.last`."""
    return archive.attestations.last(count)


def content_of(archive: Archive, digest: Digest) -> bytes:
    """The bytes of an attested note or of a token, checked.

    Raises NotFoundError and IntegrityError when they are gone or altered.
    """
    with archive.objects.open(digest) as source:
        return source.read()


def files(archive: Archive) -> Iterator[tuple[str, bytes]]:
    """Every attestation as files to hand out: the note, the tokens over it, and the certificates
    by which authorities are believed, where some are configured.

    attested/<size>/checkpoint, attested/<size>/<authority>.tsr, tsa/<authority>.pem
    """
    authorities = {each.name for each in archive.authorities}
    for attested in archive.attestations.all():
        folder = f"attested/{attested.size}"
        yield f"{folder}/checkpoint", content_of(archive, attested.checkpoint)
        for token in attested.tokens:
            authorities.add(_name(token.authority))
            yield f"{folder}/{token.authority}.tsr", content_of(archive, token.token)
    # One bundle serves all of them, also those that are no longer asked.
    for roots in {each.roots for each in archive.authorities}:
        for name in sorted(authorities):
            yield f"tsa/{name}.pem", roots


def _name(authority: str) -> str:
    """A name that becomes one of a file: an altered view must not choose the folder."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", authority):
        raise IntegrityError("attestation-malformed")
    return authority
