"""Evidence for outsiders: a dossier or a record with its events, documents and proofs in one pack.

What is in it is what the asker may read today (`disclosing`, `enclosing`). What is isolated or
erased is in no pack; personal fields can be left out besides, and every proof still holds, because
the events carry digests.
"""

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from domain import keyring
from domain.agents import Actor
from domain.errors import ArchiveError, IntegrityError, InvalidValueError, NotFoundError
from domain.evidence import Attested, Checkpoint, PackedAttestation, PackFacts
from domain.packs import PackContents, PackedEnvelope
from domain.ports import Examined, Exhibit
from domain.services import Archive, Request
from domain.services.attested import content_of
from domain.services.deciding import require_seen
from domain.services.disclosing import View, known_fields
from domain.services.enclosing import enclosed
from domain.services.proving import advance, certificates_in, signer_of
from domain.services.recounting import Collected, facts_of
from domain.services.retrieval import history, resource_behind
from domain.values import Digest, Kind, StreamId, kind_of

PACK = "chauban-pack"
"""The type, in its header, of the archive's signature on a pack."""
_CHUNK = 200
"""Events that are in memory at once."""


@dataclass(frozen=True)
class Pack:
    """A pack that is being made."""

    target: StreamId
    actor: Actor
    """In which role the asker may read what is in it: for the record of reads."""
    facts: PackFacts
    """Also of what is damaged: `altered` events, `missing` documents."""
    chunks: Iterator[bytes]
    """The file; raises IntegrityError or NotFoundError on the way for a document that was damaged
    since the pack was begun."""


def pack(
    archive: Archive, request: Request, target: StreamId, *, without: Collection[str] = ()
) -> Pack:
    """The evidence pack of a dossier or a record, without the personal fields of some names.

    Whoever hands it out keeps it in the record of reads as an export. Raises NotFoundError for who
    may not read it, InvalidValueError("unknown-personal-field").
    """
    left_out = known_fields(without)
    if kind_of(target) not in (Kind.DOSSIER, Kind.RECORD) or not archive.history.of(target):
        raise NotFoundError(reference=target)
    actor = require_seen(archive, request, resource_behind(archive, target), target)
    view = View(archive, request, target, left_out)
    contents = _contents(archive, actor, view)
    return Pack(target, actor, contents.facts, archive.packer.pack(contents))


def _contents(archive: Archive, actor: Actor, view: View) -> PackContents:
    """(1) The log introduces its key, where it is new. (2) The events. (3) A checkpoint over all of
    them, what was recorded meanwhile included. (4) What outsiders say of it. (5) What of the events
    is disclosed and proved. (6) The documents."""
    _grow(archive)  # (1)
    examined = [*_beside(archive), *history(archive, view.request, view.target)]
    examined = sorted({each.position: each for each in examined}.values(), key=_position)  # (2)
    keys = _believed_keys(examined)
    _grow(archive)
    shown = _shown(archive, keys, examined[-1].position)  # (3) and (4)
    checkpoint = shown.checkpoint
    log_key = signer_of(archive, checkpoint.note, keys) or archive.log.state().key
    exhibited = _exhibited(archive, examined, checkpoint, log_key)  # (5)
    streams = _streams(archive, examined)
    inside = enclosed(archive, view, examined, streams)  # (6)
    disclosed, logged = exhibited.disclosed, exhibited.logged
    facts = facts_of(
        archive,
        actor,
        view,
        Collected(examined, disclosed, logged, checkpoint, log_key, shown.dated, inside),
    )

    def vouch(listed: str) -> bytes:
        said = {"archive": archive.id, "manifest": listed, "at": facts.made_at.isoformat()}
        return archive.journal.vouch(PACK, said)

    recorded = [each.recorded for each in examined if each.recorded is not None]
    return PackContents(
        facts=facts,
        report=archive.report.make(facts),
        events=partial(_envelopes, archive, view, examined),
        proofs=exhibited.proofs,
        streams=streams,
        documents=inside.documents,
        certificates={
            name: base64.b64decode(der) for name, der in certificates_in(recorded).items()
        },
        checkpoint=checkpoint.note,
        witnesses=[each.key for each in archive.witnesses],
        tokens=shown.tokens,
        roots=sorted({each.roots for each in archive.authorities}),
        vouch=vouch,
    )


def _grow(archive: Archive) -> None:
    """A log that cannot grow still proves what it holds."""
    with suppress(ArchiveError):
        advance(archive)


def _position(examined: Examined) -> int:
    return examined.position


def _beside(archive: Archive) -> Sequence[Examined]:
    """The founding and what became of the keys: by these a reader follows from the first
    certificate to every other one, and to the log's key."""
    positions = archive.history.of(keyring.stream_of(archive.id))
    return archive.journal.examine([1, *positions])


# ---------------------------------------------------------------- the checkpoint


def _believed_keys(examined: Sequence[Examined]) -> Sequence[str]:
    """The verifier keys of the log of today that are still believed, the first one first."""
    ring: keyring.KeyRing | None = None
    for each in examined:
        if each.recorded is not None and isinstance(each.recorded.event, keyring.KeyEvent):
            ring = keyring.evolve(ring, each.recorded.stream, each.recorded.event)
    if ring is None:
        return ()
    of_today = (key for key in ring.log_keys if key.partition("+")[0] == ring.origin)
    return [key for key in of_today if key not in ring.compromised]


@dataclass(frozen=True)
class _Shown:
    """The checkpoint of a pack, and what outsiders say of it."""

    checkpoint: Checkpoint
    dated: Sequence[PackedAttestation]
    """By tokens that a reader can check: without the certificates of its authority, which go into
    the pack, a token shows nothing."""
    tokens: Sequence[tuple[str, bytes]]
    """Name of the authority and its reply, of an authority that is not asked any more, too."""


def _shown(archive: Archive, keys: Sequence[str], position: int) -> _Shown:
    """The newest one that outsiders vouch for, where it covers everything and its key is believed,
    sooner one that is dated; else the newest."""
    found: list[_Shown] = []
    for attested in archive.attestations.covering(position):
        note = _content(archive, attested.checkpoint)
        if note is not None:
            with suppress(InvalidValueError):
                found.append(_dated(archive, attested, archive.log.read(note, keys)))
    if found:
        return max(found, key=lambda e: (bool(e.dated), bool(e.tokens), e.checkpoint.size))
    newest = archive.log.newest()
    if newest is None:
        raise NotFoundError("log-empty")
    return _Shown(newest, (), ())


def _dated(archive: Archive, attested: Attested, checkpoint: Checkpoint) -> _Shown:
    """With the tokens that are there; not with one that its authority, as it is believed today, did
    not give over this checkpoint: no reader could check it either."""
    authorities = {each.name: each for each in archive.authorities}
    dated: list[PackedAttestation] = []
    tokens: list[tuple[str, bytes]] = []
    for token in attested.tokens:
        content, authority = _content(archive, token.token), authorities.get(token.authority)
        if content is None:
            continue
        if authority is not None:
            try:
                at = authority.check(checkpoint.note, content).at
            except IntegrityError:
                continue  # Named by `verify`.
            dated.append(PackedAttestation("time", token.authority, at))
        tokens.append((token.authority, content))
    return _Shown(checkpoint, dated, tokens)


def _content(archive: Archive, digest: Digest) -> bytes | None:
    """What outsiders gave; None where it is lost or altered, which `verify` names."""
    with suppress(IntegrityError, NotFoundError):
        return content_of(archive, digest)
    return None


# ---------------------------------------------------------------- the events


@dataclass(frozen=True)
class _Exhibited:
    """What the archive can show of events, all of them looked at once."""

    disclosed: Mapping[int, frozenset[str]]
    """Names of personal fields, by position."""
    logged: frozenset[int]
    """Positions whose proof leads from the very bytes that the pack gives."""
    proofs: Mapping[int, bytes]
    """Without the checkpoint that ends each of them: some 20 hashes an event."""


def _exhibited(
    archive: Archive, examined: Sequence[Examined], checkpoint: Checkpoint, log_key: str
) -> _Exhibited:
    disclosed, proofs, logged = dict[int, frozenset[str]](), dict[int, bytes](), set[int]()
    for each in _exhibits(archive, [found.position for found in examined]):
        disclosed[each.position] = frozenset(name for name, _ in each.disclosures)
        if each.position <= checkpoint.size:
            proof = archive.log.proof(each.position, checkpoint)
            proofs[each.position] = proof.removesuffix(checkpoint.note)
            if archive.packer.proves(proof, each.envelope, log_key):
                logged.add(each.position)
    return _Exhibited(disclosed, frozenset(logged), proofs)


def _envelopes(
    archive: Archive, view: View, examined: Sequence[Examined]
) -> Iterator[PackedEnvelope]:
    by_position = {each.position: each.recorded for each in examined}
    for each in _exhibits(archive, list(by_position)):
        recorded = by_position[each.position]
        shown: tuple[str, ...] = ()
        if recorded is not None and view.shows(recorded):
            hidden = view.hides(recorded)
            shown = tuple(text for name, text in each.disclosures if name not in hidden)
        yield PackedEnvelope(each.position, each.envelope, shown)


def _exhibits(archive: Archive, positions: Sequence[int]) -> Iterator[Exhibit]:
    for start in range(0, len(positions), _CHUNK):
        yield from archive.journal.exhibit(positions[start : start + _CHUNK])


def _streams(archive: Archive, examined: Sequence[Examined]) -> Mapping[StreamId, bool]:
    """Which of the streams are told from the first to the last event."""
    told: dict[StreamId, set[int]] = {}
    for each in examined:
        if each.stream is not None:
            told.setdefault(each.stream, set()).add(each.position)
    last = examined[-1].position
    return {
        stream: positions >= set(_own(archive, stream, last)) for stream, positions in told.items()
    }


def _own(archive: Archive, stream: StreamId, upto: int) -> Iterator[int]:
    """The positions of the events of a stream itself."""
    with suppress(IntegrityError):
        loaded = archive.journal.load(stream)
        yield from (each.position for each in loaded if each.position <= upto)
        return
    for each in archive.journal.examine(archive.history.of(stream, upto=upto)):
        if each.stream == stream:
            yield each.position
