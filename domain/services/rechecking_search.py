"""Whether a signed search result is what was signed, and whether it was complete.

The file is compared with the event, its proof with the log, and the hits with those of the same
search on an index of the archive as it was at that position.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from typing import Any

from domain.errors import ArchiveError, IntegrityError, InvalidValueError, NotFoundError, RuleError
from domain.events import Recorded
from domain.evidence import Checkpoint
from domain.searches import SearchAttested
from domain.services import Archive, Request, proving
from domain.services.attested import content_of
from domain.services.attesting_search import (
    FORMAT,
    HitLine,
    all_hits,
    certificates,
    filter_of,
    recorded_search,
    require_reach,
    scope_of,
    told,
)
from domain.services.deciding import load
from domain.services.proving import Continuity
from domain.values import EventId, Kind, StreamId, kind_of

LARGEST = 16 << 20
"""Bytes of a file that is read at all: a result of the most hits has less than a quarter."""


@dataclass(frozen=True)
class Gone:
    """A hit that cannot be found again, lawfully."""

    hit: HitLine
    why: str
    """`erased` or `isolated`."""


@dataclass(frozen=True)
class Rechecked:
    """What a comparison of a result with the archive showed."""

    event: EventId
    position: int
    """The journal position of which the result speaks."""
    count: int
    """Hits that were signed."""
    altered: tuple[str, ...]
    """By name, the members of the file that are not what was signed or what can be proved, that
    are absent, that stand in it more than once, or that no result has."""
    same: int
    """Hits of the file that were found again."""
    missing: tuple[HitLine, ...]
    """Hits of the file that are not found."""
    additional: tuple[HitLine, ...]
    """What is found and is not among the hits of the file."""
    gone: tuple[Gone, ...]
    """Hits of records that were erased or isolated since: no fault, and no longer provable."""

    @property
    def ok(self) -> bool:
        """True when the file is genuine and the result complete."""
        return not (self.altered or self.missing or self.additional)


def recheck(archive: Archive, request: Request, content: bytes) -> Rechecked:
    """Compares a file with what was signed, and its hits with those of a search in the past.

    (1) The event that the file speaks of. (2) What was signed. (3) The file beside it. (4) The
    same search again. Raises InvalidValueError("not-a-signed-search"),
    IntegrityError("signed-search-unknown") for one that this archive never made, NotFoundError for
    who may not have such a search attested, RuleError("signed-search-forgotten").
    """
    said = _read(content)
    recorded = _event_of(archive, said)  # (1)
    manifest = _manifest_of(archive, recorded, said)  # (2)
    require_reach(archive, request, manifest, recorded.stream)
    (exhibit,) = archive.journal.exhibit([recorded.position])
    query, limits = _asked(recorded, exhibit.envelope, said)
    signed = {  # (3)
        **told(archive, recorded, query, limits, manifest),
        "manifest": manifest,
        "envelope": exhibit.envelope.decode(),
    }
    covering = _covering(archive, recorded.position, said)
    made_at = recorded.position if covering is None else covering.size
    fits = {
        **{name: _same(said.get(name), value) for name, value in signed.items()},
        "disclosures": _disclosed(exhibit.envelope, said) is not None,
        "proof": covering is not None,
        "log_key": _is_log_key(archive, covering, _text(said, "log_key")),
        "certificates": _are_certificates(archive, made_at, said),
    }
    altered = [name for name, fit in fits.items() if not fit]
    altered += [name[:80] for name in said if name not in fits]
    with archive.views.past(recorded.event.upto) as past:  # (4)
        _, again = all_hits(past, query, scope_of(manifest), filter_of(limits))
    listed, found = set(_hits(said)), set(again)
    lost = sorted(listed - found)
    gone = {hit: why for hit in lost if (why := _why_gone(archive, hit)) is not None}
    return Rechecked(
        recorded.id,
        recorded.event.upto,
        recorded.event.total,
        tuple(altered),
        len(listed & found),
        tuple(hit for hit in lost if hit not in gone),
        tuple(sorted(found - listed)),
        tuple(Gone(hit, why) for hit, why in gone.items()),
    )


# ---------------------------------------------------------------- the file


def _read(content: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(content, object_pairs_hook=_members)
        json.dumps(said, ensure_ascii=False).encode()  # A lone surrogate is no text.
    except (ValueError, RecursionError) as exc:
        raise InvalidValueError("not-a-signed-search") from exc
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise InvalidValueError("not-a-signed-search")
    return said


def _members(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    """An object of the file. A member that stands in it more than once is read by some programs as
    the first and by others as the last: it gets all its values, a tuple, which nothing signed is.
    """
    values: dict[str, list[Any]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: each[0] if len(each) == 1 else tuple(each) for name, each in values.items()}


def _same(said: object, signed: object) -> bool:
    """True for equal values of one kind: to Python 1, 1.0 and true are equal."""
    if isinstance(said, dict) and isinstance(signed, dict):
        return said.keys() == signed.keys() and all(_same(said[n], signed[n]) for n in signed)
    if isinstance(said, list) and isinstance(signed, list):
        return len(said) == len(signed) and all(map(_same, said, signed))
    return type(said) is type(signed) and said == signed


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) else ""


def _hits(said: Mapping[str, Any]) -> Sequence[HitLine]:
    """The hits of the file; what is none was found altered already."""
    hits = said.get("hits")
    told = [_object(each) for each in (hits if isinstance(hits, list) else ())]
    return [
        (hit["record"], hit["page"], hit["match"])
        for hit in told
        if isinstance(hit.get("record"), str)
        and isinstance(hit.get("page"), int)
        and isinstance(hit.get("match"), str)
    ]


# ---------------------------------------------------------------- what was signed


def _event_of(archive: Archive, said: Mapping[str, Any]) -> Recorded[SearchAttested]:
    """The event that the envelope is, or else the one that the file names."""
    for name in (_payload(_text(said, "envelope").encode()).get("id"), said.get("event")):
        position = archive.history.position_of(EventId(name)) if isinstance(name, str) else None
        if position is not None:
            stream = archive.journal.examine([position])[0].stream
            try:
                return recorded_search(archive, stream or StreamId(""))
            except NotFoundError:
                continue
    raise IntegrityError("signed-search-unknown")


def _payload(envelope: bytes) -> Mapping[str, Any]:
    """What a JWS says; nothing where it is none. Its signature is checked where it is loaded."""
    try:
        return _object(json.loads(_unb64(envelope.split(b".")[1])))
    except (ValueError, IndexError, RecursionError):
        return {}


def _unb64(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def _manifest_of(
    archive: Archive, recorded: Recorded[SearchAttested], said: Mapping[str, Any]
) -> str:
    """The list of hits that was signed: the archive's, or the file's where it is the same one."""
    digest = recorded.event.manifest.sha256
    try:
        return content_of(archive, digest).decode()
    except (NotFoundError, IntegrityError):
        kept = _text(said, "manifest")
        if sha256(kept.encode()).hexdigest() != digest.hex:
            raise
        return kept


def _asked(
    recorded: Recorded[SearchAttested], envelope: bytes, said: Mapping[str, Any]
) -> tuple[str, Sequence[str]]:
    """The query and the filters that were signed: as the archive knows them, or as the file
    discloses them."""
    event = recorded.event
    if isinstance(event.query, str) and isinstance(event.limits, tuple):
        return event.query, event.limits
    disclosed = _disclosed(envelope, said)
    if disclosed is None:
        raise RuleError("signed-search-forgotten")
    return disclosed["query"], tuple(disclosed["limits"])


def _disclosed(envelope: bytes, said: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The personal fields that the file discloses, None unless they are what was signed."""
    texts = said.get("disclosures")
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        return None
    digests = _payload(envelope)["data"]["_sd"]
    if sorted(map(_digest, texts)) != sorted(digests):
        return None
    read = [json.loads(_unb64(each.encode())) for each in texts]
    return {name: value for _, name, value in read}


def _digest(disclosure: str) -> str:
    raw = sha256(disclosure.encode()).digest()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _covering(archive: Archive, position: int, said: Mapping[str, Any]) -> Checkpoint | None:
    """The checkpoint of this log under which the proof is that of the event, None where it is not.
    A proof has one text, so that another text is no proof."""
    proof = _text(said, "proof").encode()
    try:
        compared = proving.compare_kept(archive, proof)
        made = archive.log.proof(position, compared.kept)
    except (InvalidValueError, NotFoundError):
        return None
    continued = compared.continuity in (Continuity.SAME, Continuity.CONTINUES)
    return compared.kept if continued and made == proof else None


def _is_log_key(archive: Archive, covering: Checkpoint | None, key: str) -> bool:
    """True for a key of the log that signed the checkpoint of the proof; for any key of the log
    where the proof is none, which is named by itself."""
    if key not in proving.log_keys(archive):
        return False
    return covering is None or proving.signer_of(archive, covering.note, [key]) is not None


def _are_certificates(archive: Archive, made_at: int, said: Mapping[str, Any]) -> bool:
    """True when the file has every certificate that the archive had at one time, not before
    `made_at`: a file that was made before a change of the key knows fewer than there are now."""
    listed = _object(said.get("certificates"))
    least = certificates(archive, made_at)
    known = certificates(archive, archive.journal.position())
    return len(listed) >= len(least) and listed == dict(islice(known.items(), len(listed)))


def _why_gone(archive: Archive, hit: HitLine) -> str | None:
    """Why no index may hold the page any more, None where it could."""
    try:
        name = StreamId(hit[0])
        paper = load(archive, name).record() if kind_of(name) is Kind.RECORD else None
    except (ArchiveError, ValueError):
        return None
    if paper is None:
        return None
    if paper.erased_by is not None:
        return "erased"
    return "isolated" if paper.isolated is not None else None
