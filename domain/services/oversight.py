"""Oversight: recomputing that the archive is what it was said to be.

`verify` believes nothing: it recomputes signatures, chains, rows, disclosures, every object's
digests, every view and the index, and names each finding. What it cannot see it says.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256, sha512

from domain import dossier, erasure, keyring, record
from domain.access import Action, Resource
from domain.arrangement import RecordMerged
from domain.attestation import CheckpointAttested
from domain.errors import (
    ArchiveError,
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    NotPermittedError,
    RuleError,
    UnavailableError,
)
from domain.events import Event, Recorded
from domain.evidence import Checkpoint, LogInspected
from domain.ports import Finding
from domain.reads import ReadsRecorded
from domain.record import RepresentationKind
from domain.searches import SearchAttested
from domain.services import Archive, Request
from domain.services.dating import Dates, dates_of
from domain.services.deciding import load, permit, permit_everywhere
from domain.services.proving import ended_logs, read_kept
from domain.services.retrieval import resource_behind
from domain.values import Digest, FileObject, Kind, StreamId, kind_of

NOT_PROVED = (
    "tail-and-guards",
    "whole-stream",
    "rollback",
    "actor-claimed",
    "truth-of-content",
    "time-of-clock",
)
"""What no check of the archive by itself can show; the messages explain each."""
CERTIFICATE_NOT_PROVED = "certificate-from-archive"
KEY_NOT_PROVED = "key-compromised"
"""Said where events are signed by a key that others may have used by then."""
LOG_NOT_PROVED = "log-ended"
"""Said where the archive has lost events and its log was ended for it."""
HASHES_NOT_PROVED = "only-hashes"
INCREMENTAL_NOT_PROVED = "only-hashes-before"
BETWEEN_TOKENS = "time-between-tokens"
"""Said instead of `time-of-clock` where outside authorities dated the log."""
_SHOWN_BY_MEMORY = frozenset({"tail-and-guards", "whole-stream", "rollback"})
"""What a checkpoint that somebody kept elsewhere does show."""
HARMLESS = frozenset({"object-without-fact"})
"""Findings that a crash may leave and the next start repairs."""
_STAYS = frozenset(
    {RepresentationKind.ORIGINAL, RepresentationKind.PDFA, RepresentationKind.ASSEMBLY}
)
_DAMAGED = "journal-damaged"
_CHUNK = 1 << 20
_BATCH = 500
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Verification:
    """What a verification found, what it recomputed, and what it could not see."""

    findings: tuple[Finding, ...]
    checked: Mapping[str, int]
    not_proved: tuple[str, ...]
    checkpoint: Checkpoint | None
    """Of the log as it was found; None where it was not asked."""

    @property
    def ok(self) -> bool:
        """True when nothing was found that should not be there."""
        return all(finding.kind in HARMLESS for finding in self.findings)


@dataclass
class _Objects:
    """What the events say of objects."""

    expected: dict[Digest, FileObject] = field(default_factory=dict)
    kept: set[Digest] = field(default_factory=set)
    """What no erasure takes away."""
    personal: dict[Digest, set[StreamId]] = field(default_factory=dict)
    """Text, words and pictures, with the records that have them: the erasure of all of these
    records takes the bytes away."""
    albums: dict[Digest, set[StreamId]] = field(default_factory=dict)
    """Manifests that list the pictures of records, by SHA-256 alone."""
    erased: set[StreamId] = field(default_factory=set)
    """Records whose personal data was erased."""
    destroyed: set[Digest] = field(default_factory=set)
    """Listed by approved erasures."""
    complete: bool = True
    """False when an event or a manifest could not be read, and nobody knows what it names."""

    @property
    def wanted(self) -> set[Digest]:
        """Everything that must be there."""
        return self.kept | {d for d, holders in self.personal.items() if holders - self.erased}

    @property
    def gone(self) -> set[Digest]:
        """Everything that an erasure took away and that no other record has."""
        return (self.destroyed | self.personal.keys()) - self.wanted


def verify(
    archive: Archive,
    request: Request,
    target: StreamId | None = None,
    *,
    pinned: Digest | None = None,
    remembered: Sequence[bytes] = (),
    hashes: bool = False,
    incremental: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Verification:
    """Recomputes the whole archive, or all that belongs to one reference.

    `remembered` are checkpoints of the log that somebody kept elsewhere: what they covered must
    be what is there. `hashes` compares the journal with the log alone, many times faster: what was
    verified before has not changed since. `incremental` does that for what the oldest of these
    checkpoints covers and recomputes what came later. Raises InvalidValueError where these make no
    sense: they are asked of the whole archive alone. Of one reference the log is compared only
    where a key was lost and dates bound what it has signed. A damaged file of the journal is a
    finding; what can be read without the damaged place is verified all the same.
    """
    _require_allowed(archive, request, target)
    if target is not None and (remembered or hashes):
        raise InvalidValueError("log-covers-everything")
    if incremental and (not remembered or hashes):
        raise InvalidValueError("incremental-without-checkpoint")
    if hashes:
        return _hashes(archive, remembered, progress)
    streams = _streams_of(archive, target) if target is not None else None
    after = min(read_kept(archive, each).size for each in remembered) if incremental else 0
    mistaken: list[Finding] = []
    dates = _dates(archive, mistaken)
    inspected = archive.inspector.inspect(
        streams=streams,
        pinned=pinned,
        after=after,
        dated=dates.attestations,
        progress=lambda done, total: progress("journal", done, total),
    )
    findings = [*inspected.findings, *mistaken]
    counts = dict(inspected.counts)
    objects = _Objects()
    findings.extend(_gather(archive, streams, objects, dates, after))
    findings.extend(_check_objects(archive, objects, counts, progress))
    if target is None and not after:
        findings.extend(_strays(archive, objects))
        progress("views", 0, 1)
        with _damage_found(findings):
            findings.extend(archive.views.inspect())
        counts["views"] = len(archive.views.names())
    # A date bounds what a lost key has signed only where its checkpoint is what the journal holds.
    logged = target is None or (bool(dates.attestations) and _has_lost_key(archive))
    if logged:
        log = _log(archive, remembered, dates.notes, progress)
        findings.extend(log.findings)
        counts["leaves"] = log.leaves
    not_proved = NOT_PROVED if pinned else (CERTIFICATE_NOT_PROVED, *NOT_PROVED)
    if target is None and _has_ended_log(archive):
        not_proved = (LOG_NOT_PROVED, *not_proved)
    if incremental:
        not_proved = (INCREMENTAL_NOT_PROVED, *not_proved)
    if inspected.doubtful:
        counts["doubtful"] = inspected.doubtful
        not_proved = (KEY_NOT_PROVED, *not_proved)
    return Verification(
        _told_once(inspected.findings, findings[len(inspected.findings) :]),
        counts,
        _without_shown(not_proved, remembered, dates if logged else None),
        log.checkpoint if target is None else None,
    )


def _hashes(archive: Archive, remembered: Sequence[bytes], progress: Progress) -> Verification:
    findings: list[Finding] = []
    dates = _dates(archive, findings)
    log = _log(archive, remembered, dates.notes, progress)
    told = (LOG_NOT_PROVED,) if _has_ended_log(archive) else ()
    not_proved = _without_shown((*told, HASHES_NOT_PROVED, *NOT_PROVED), remembered)
    found = _told_once((), (*findings, *log.findings))
    return Verification(found, {"leaves": log.leaves}, not_proved, log.checkpoint)


def _has_ended_log(archive: Archive) -> bool:
    with suppress(IntegrityError, UnavailableError):  # Named by the inspection of the journal.
        return bool(ended_logs(archive))
    return False


def _has_lost_key(archive: Archive) -> bool:
    try:
        events = archive.journal.load(keyring.stream_of(archive.id))
    except (IntegrityError, UnavailableError):
        return True  # Nobody knows.
    return any(isinstance(each.event, keyring.KeyCompromised) for each in events)


@contextmanager
def _damage_found(findings: list[Finding]) -> Iterator[None]:
    """A damaged file of the journal is a finding and ends what is done within; a journal that is
    busy or not there is neither damaged nor verified."""
    try:
        yield
    except UnavailableError as exc:
        if exc.code != _DAMAGED:
            raise
        findings.append(Finding(_DAMAGED, "journal"))


def _told_once(inspected: Sequence[Finding], later: Sequence[Finding]) -> tuple[Finding, ...]:
    """A break that stops the replay of each view is one finding, and so is the damage that
    everybody meets: the inspection of the journal tells best where it is."""
    told = list(inspected)
    for finding in later:
        if finding.kind != _DAMAGED or all(each.kind != _DAMAGED for each in told):
            told.append(finding)
    return tuple(dict.fromkeys(told))


def _dates(archive: Archive, findings: list[Finding]) -> Dates:
    dates = Dates((), (), (), {}, ())
    with _damage_found(findings):
        dates = dates_of(archive)
    findings.extend(dates.findings)
    return dates


def _log(
    archive: Archive, remembered: Sequence[bytes], attested: Sequence[bytes], progress: Progress
) -> LogInspected:
    findings: list[Finding] = []
    with _damage_found(findings):
        return archive.log_inspector.inspect(
            remembered=remembered,
            attested=attested,
            progress=lambda done, total: progress("log", done, total),
        )
    return LogInspected(tuple(findings), None, 0)


def _without_shown(
    not_proved: tuple[str, ...], remembered: Sequence[bytes], dates: Dates | None = None
) -> tuple[str, ...]:
    """Without what was shown after all: by a kept checkpoint, and of times by the authorities."""
    left = (n for n in not_proved if not remembered or n not in _SHOWN_BY_MEMORY)
    bounded = dates is not None and dates.sizes
    return tuple(BETWEEN_TOKENS if bounded and n == "time-of-clock" else n for n in left)


def _require_allowed(archive: Archive, request: Request, target: StreamId | None) -> None:
    """Findings name what they are about: all of it for who may verify every agency, and one
    reference for who may there. Whose it is and who stands above whom may be just what is damaged;
    who may verify everything that can be read is told all the same."""
    if target is None:
        permit_everywhere(archive, request, Action.VERIFY)
        return
    grants = frozenset(grant.agency for grant in request.agent.grants)
    permit(archive, request, Action.VERIFY, Resource(grants))
    with suppress(IntegrityError, NotPermittedError, UnavailableError):
        resource = replace(resource_behind(archive, target), restricted=False, isolated=False)
        permit(archive, request, Action.VERIFY, resource)
        return
    try:
        permit_everywhere(archive, request, Action.VERIFY)
    except NotPermittedError as exc:
        raise NotFoundError(reference=target) from exc


def _streams_of(archive: Archive, target: StreamId) -> frozenset[StreamId]:
    streams = {target}
    if kind_of(target) is Kind.DOSSIER:
        # A stream that cannot be read is named below; what else belongs to it, the views know.
        with suppress(IntegrityError):
            streams.update(load(archive, target).dossier().records)
        with suppress(IntegrityError, UnavailableError):
            for position in archive.history.of(target):
                streams.update(e.stream for e in archive.journal.follow(position - 1, 1))
    return frozenset(streams)


def _events(
    archive: Archive, streams: frozenset[StreamId] | None, unread: list[int], after: int
) -> Iterator[Recorded[Event]]:
    """All events in order; the position of one that cannot be read goes to `unread`."""
    if streams is not None:
        found = [e for stream in streams for e in archive.journal.load(stream)]
        yield from sorted(found, key=lambda e: e.position)
        return
    position, limit = after, _BATCH
    while True:
        try:
            batch = archive.journal.follow(position, limit)
        except IntegrityError as exc:
            if limit > 1:  # Somewhere in the batch: step through it one by one.
                limit = 1
                continue
            position = int(exc.details.get("position", position + 1))
            unread.append(position)
            continue
        if not batch:
            return
        yield from batch
        position = batch[-1].position
        if limit == 1 and position % _BATCH == 0:
            limit = _BATCH


def _gather(
    archive: Archive,
    streams: frozenset[StreamId] | None,
    objects: _Objects,
    dates: Dates | None = None,
    after: int = 0,
) -> list[Finding]:
    """What the events say of objects; events that cannot be read are named, and those whose time
    does not fit the dates of the log."""
    unread: list[int] = []
    mistimed: list[Finding] = []
    damaged: list[Finding] = []
    try:
        with _damage_found(damaged):
            for recorded in _events(archive, streams, unread, after):
                _note(archive, recorded, objects)
                if dates is not None and (finding := dates.check(recorded)) is not None:
                    mistimed.append(finding)
    except IntegrityError as exc:
        unread.append(int(exc.details.get("position", 0)))
    for album, holders in objects.albums.items():
        living = holders - objects.erased
        for picture in _listed(archive, album, "thumbnails", objects, needed=bool(living)):
            objects.personal.setdefault(picture, set()).update(holders)
    objects.complete = objects.complete and not unread and not damaged
    lost = [Finding("objects-of-event-unknown", str(position)) for position in unread]
    return [*damaged, *lost, *mistimed]


def _note(archive: Archive, recorded: Recorded[Event], objects: _Objects) -> None:
    event, stream = recorded.event, recorded.stream
    match event:
        case record.RecordRegistered() if event.original is not None:
            _keep(objects, event.original)
        case record.RecordSplitOff() | RecordMerged():
            for original in event.originals:
                _keep(objects, original)
        case record.RepresentationAdded():
            file = event.representation.file
            if event.representation.kind in _STAYS:
                _keep(objects, file)
            else:
                objects.expected[file.sha256] = file
                objects.personal.setdefault(file.sha256, set()).add(stream)
            if event.representation.kind is RepresentationKind.THUMBNAILS:
                objects.albums.setdefault(file.sha256, set()).add(stream)
        case record.RecordErased():
            objects.erased.add(stream)
        case record.RecordRead() | dossier.DossierClosed():
            _keep(objects, event.manifest)
        case ReadsRecorded():
            _keep(objects, event.segment)
        case CheckpointAttested():
            _keep(objects, event.checkpoint)
            for token in event.tokens:
                _keep(objects, token.token)
        case SearchAttested():
            _keep(objects, event.manifest)
        case erasure.ErasureApproved():
            _keep(objects, event.manifest)
            manifest = event.manifest.sha256
            objects.destroyed.update(_listed(archive, manifest, "destroyed", objects, needed=True))
        case _:
            pass


def _keep(objects: _Objects, file: FileObject) -> None:
    objects.expected[file.sha256] = file
    objects.kept.add(file.sha256)


def _listed(
    archive: Archive, manifest: Digest, member: str, objects: _Objects, *, needed: bool
) -> list[Digest]:
    """What a manifest lists. One that cannot be read is itself checked below, and named there;
    one that went with an erasure is not needed."""
    try:
        with archive.objects.open(manifest) as source:
            listed = json.loads(source.read())[member]
        texts = [item["sha256"] if isinstance(item, dict) else item for item in listed]
        return [Digest(text) for text in texts if text is not None]
    except (ArchiveError, ValueError, KeyError, TypeError):
        objects.complete = objects.complete and not needed
        return []


def _check_objects(
    archive: Archive, objects: _Objects, counts: dict[str, int], progress: Progress
) -> Iterator[Finding]:
    wanted = sorted(objects.wanted)
    counts["objects"] = len(wanted)
    counts["bytes"] = 0
    for n, digest in enumerate(wanted, 1):
        expected = objects.expected.get(digest)
        progress("objects", n, len(wanted))
        try:
            size, found256, found512 = _digests(archive, digest)
        except NotFoundError:
            yield Finding("object-missing", digest.text)
            continue
        except IntegrityError:
            yield Finding("object-altered", digest.text)
            continue
        except UnavailableError as exc:
            yield Finding("object-unreadable", digest.text, exc.code)
            continue
        counts["bytes"] += size
        same = expected is None or (expected.size, expected.sha512.hex) == (size, found512)
        if found256 != digest.hex or not same:
            yield Finding("object-altered", digest.text)


def _digests(archive: Archive, digest: Digest) -> tuple[int, str, str]:
    short, long, size = sha256(), sha512(), 0
    with archive.objects.open(digest) as source:
        while chunk := source.read(_CHUNK):
            short.update(chunk)
            long.update(chunk)
            size += len(chunk)
    return size, short.hexdigest(), long.hexdigest()


def _strays(archive: Archive, objects: _Objects) -> Iterator[Finding]:
    """Bytes that no event names: a crash left them, or somebody put them there."""
    wanted, gone = objects.wanted, objects.gone
    for digest, _ in archive.objects.inspect_objects():
        if digest in gone:
            yield Finding("object-not-erased", digest.text)
        elif digest not in wanted and objects.complete:
            yield Finding("object-without-fact", digest.text)


def sweep_strays(archive: Archive, *, older_than: timedelta) -> list[Digest]:
    """Destroys bytes that no event names and that are old enough not to be on their way, and
    those that an erasure took away and an unfinished reading brought back, however old.

    Each is destroyed as soon as it was found, and the views catch up before: whoever takes the
    same bytes in at this moment makes them young again, or has a fact that keeps them. Nothing is
    destroyed while the log stands still, nor what was there when a log was ended: the events that
    name it may be those that were lost.
    """
    if archive.log.state().stopped is not None:
        return []
    ended = [each.at for each in ended_logs(archive)]
    objects = _Objects()
    if _gather(archive, None, objects) or not objects.complete:
        return []  # An archive with findings keeps everything until a person has looked.
    wanted, gone = objects.wanted, objects.gone
    limit = archive.clock.now() - older_than
    founding = archive.journal.follow(0, 1)[0].id
    swept: list[Digest] = []
    for digest, at in archive.objects.inspect_objects():
        is_stray = digest not in wanted and at < limit and not any(at <= end for end in ended)
        if digest in gone or is_stray:
            archive.views.catch_up()
            with suppress(RuleError):  # A record came to refer to them meanwhile.
                archive.objects.destroy(digest, decision=founding)
                swept.append(digest)
    return swept
