"""Who signs when: from the founding certificate through every introduction to the present key.

Whoever knows the first certificate follows to the last one by the journal alone: each introduction
is signed by the key before it. What an introduction does not carry over (another signature, another
stream, a key that cannot sign) is passed over here, and found where rows are checked.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from domain.attestation import stream_of as attestations_of
from domain.errors import IntegrityError
from domain.keyring import stream_of as keys_of
from infrastructure.journal.envelope import Turn, Verifier, open_envelope, write_time

_INTRODUCED, _COMPROMISED = "system-key-introduced/1", "key-compromised/1"
_ATTESTED = "checkpoint-attested/1"
_GARBAGE = (
    IntegrityError,
    UnsupportedAlgorithm,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)


class Placed(NamedTuple):
    """A row as it lies in the journal."""

    position: int
    stream: str
    version: int
    envelope: bytes


@dataclass(frozen=True)
class Doubt:
    """Since when others may have signed with a system key."""

    certificate: str
    """SHA-256, hexadecimal."""
    since: str
    """As envelopes write the time."""
    attested: int | None
    """What lies up to this position was in a checkpoint that others had dated before, by a token
    that was checked; None when nobody dated one."""


def succession(root: bytes, archive: str, rows: Iterable[Placed]) -> tuple[Turn, ...]:
    """The turns of all keys; `rows` are those of the stream of the keys, in its order."""
    turns = [Turn(root)]
    stream = keys_of(archive)
    for row in rows:
        current = turns[-1]
        said = _said(current, row)
        if said is None or row.stream != stream or said["type"] != _INTRODUCED:
            continue
        der = certificate_of(said["data"])
        if der is not None and row.position >= current.first and is_usable(der):
            turns[-1] = replace(current, last=row.position)
            turns.append(Turn(der, row.position + 1))
    return tuple(turns)


def doubts(
    turns: Sequence[Turn],
    archive: str,
    keys: Iterable[Placed],
    attested: Iterable[Placed],
    dated: Mapping[int, datetime],
) -> tuple[Doubt, ...]:
    """Which system keys others may have used, and since when; `keys` and `attested` are the rows
    of the streams of the keys and of the attestations, `dated` the times of the attestations whose
    tokens were checked, by position."""
    since: dict[str, str] = {}
    for _, said in _true(turns, keys, keys_of(archive), _COMPROMISED):
        key, at = said.get("key"), said.get("since")
        if isinstance(key, str) and isinstance(at, str):
            since[key] = min(at, since.get(key, at))
    if not since:
        return ()
    sizes = list(_sizes(turns, attested, attestations_of(archive), dated))
    return tuple(
        Doubt(key, at, max((size for size, when in sizes if when <= at), default=None))
        for key, at in since.items()
    )


def certificate_of(data: Mapping[str, Any]) -> bytes | None:
    """The DER of the certificate that a founding or an introduction names; None when it is none."""
    try:
        der = base64.b64decode(data["certificate"], validate=True)
        named = str(data["certificate_sha256"]).removeprefix("sha256:").lower()
    except (binascii.Error, LookupError, TypeError, ValueError):
        return None
    return der if sha256(der).hexdigest() == named else None


def is_usable(der: bytes) -> bool:
    """True for a certificate whose key can have signed."""
    try:
        Verifier((x509.load_der_x509_certificate(der),))
    except (IntegrityError, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _said(turn: Turn, row: Placed) -> dict[str, Any] | None:
    """What an envelope says that the key signed, in the place where it lies."""
    try:
        Verifier((x509.load_der_x509_certificate(turn.certificate),)).verify(row.envelope)
        said = open_envelope(row.envelope).payload
        return said if (said["str"], said["ver"]) == (row.stream, row.version) else None
    except _GARBAGE:
        return None


def _true(
    turns: Sequence[Turn], rows: Iterable[Placed], stream: str, name: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Positions and data of the events of a name that a key has signed in its turn."""
    for row in rows:
        for turn in turns:
            said = _said(turn, row) if turn.covers(row.position) else None
            if said is None or row.stream != stream or said["type"] != name:
                continue
            if isinstance(said["data"], dict):
                yield row.position, said["data"]


def _sizes(
    turns: Sequence[Turn],
    attested: Iterable[Placed],
    stream: str,
    dated: Mapping[int, datetime],
) -> Iterator[tuple[int, str]]:
    """Sizes of checkpoints with the times that authorities put on them, of those attestations
    alone whose tokens were checked: anybody can write a time into an event. What no attestation
    can say is found with all rows."""
    for position, data in _true(turns, attested, stream, _ATTESTED):
        size = data.get("size")
        if position in dated and type(size) is int and 0 < size < position:
            yield size, write_time(dated[position])
