"""Evidence for outsiders: a dossier or a record with its events, documents and proofs in one pack.

What is in it is what the asker may read today. What is isolated or erased is in no pack; personal
fields can be left out besides, and every proof still holds, because the events carry digests.
"""

import base64
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from functools import cache, partial
from typing import BinaryIO, get_args, get_type_hints

from domain import keyring
from domain.agents import Actor
from domain.archive import ArchiveFounded
from domain.dossier import Dossier, DossierCorrected, DossierField, DossierRecordAdded
from domain.errors import ArchiveError, IntegrityError, InvalidValueError, NotFoundError, RuleError
from domain.events import STORED_EVENTS, STORED_NAMES, Event, Recorded
from domain.evidence import (
    Absence,
    Attested,
    Checkpoint,
    KeptToken,
    PackedAttestation,
    PackedEvent,
    PackedFile,
    PackFacts,
)
from domain.packs import PackContents, PackedDocument, PackedEnvelope
from domain.ports import Examined, Exhibit
from domain.record import (
    Record,
    RecordCorrected,
    RecordField,
    Representation,
    RepresentationKind,
)
from domain.scanning import ScanDuplicated, ScanReceived
from domain.services import Archive, Request
from domain.services.attested import content_of
from domain.services.deciding import Loaded, load, require_seen
from domain.services.kinship import require_unshared, standing
from domain.services.proving import advance
from domain.services.replaying import names_of
from domain.services.retrieval import history, is_listed, resource_behind
from domain.values import ERASED, PERSONAL, Digest, FileObject, Kind, StreamId, kind_of
from domain.views import AgencyRow

PACK = "chauban-pack"
"""The type, in its header, of the archive's signature on a pack."""
PROVES = ("signed", "unaltered", "logged", "witnessed", "dated")
NOT_PROVED = (
    *("pack-content", "pack-person", "pack-certificate", "pack-elsewhere", "pack-signatures"),
    *("pack-left-out", "pack-not-logged", "pack-not-witnessed", "pack-not-dated"),
)
"""What a pack may prove, and what it may not; messages explain each."""
_OF_SIGNERS = frozenset({RecordField.SIGNER_NAME, RecordField.SIGNER_POSITION})
"""What a correction may say of those whom the personal field `signers` names."""
_CHUNK = 200
"""Events that are in memory at once."""
_SUFFIXES: Mapping[str, str] = {
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "text/plain": "txt",
}
_HANDED = (RepresentationKind.PDFA, RepresentationKind.TEXT, RepresentationKind.WORDS)


@dataclass(frozen=True)
class Pack:
    """A pack that is being made."""

    target: StreamId
    actor: Actor
    """In which role the asker may read what is in it: for the record of reads."""
    facts: PackFacts
    chunks: Iterator[bytes]
    """The file; raises IntegrityError on the way for a document that was altered."""


def pack(
    archive: Archive, request: Request, target: StreamId, *, without: Collection[str] = ()
) -> Pack:
    """The evidence pack of a dossier or a record, without the personal fields of some names.

    Whoever hands it out keeps it in the record of reads as an export. Raises NotFoundError for who
    may not read it, InvalidValueError("unknown-personal-field").
    """
    left_out = _known(without)
    if kind_of(target) not in (Kind.DOSSIER, Kind.RECORD) or not archive.history.of(target):
        raise NotFoundError(reference=target)
    actor = require_seen(archive, request, resource_behind(archive, target), target)
    view = _View(archive, request, target, left_out)
    contents = _contents(archive, actor, view)
    return Pack(target, actor, contents.facts, archive.packer.pack(contents))


@cache
def _personal() -> Mapping[str, frozenset[str]]:
    """The personal fields of each event, by its stored name."""
    found = {}
    for name, event in STORED_EVENTS.items():
        hints = get_type_hints(event, include_extras=True)
        found[name] = frozenset(n for n, hint in hints.items() if PERSONAL in get_args(hint)[1:])
    return found


def personal_fields() -> frozenset[str]:
    """The names of all personal fields of events."""
    return frozenset().union(*_personal().values())


def _known(without: Collection[str]) -> frozenset[str]:
    fields = personal_fields() | {each.value for each in (*DossierField, *RecordField)}
    for name in without:
        if name not in fields:
            known = ", ".join(sorted(fields))
            raise InvalidValueError("unknown-personal-field", name=name[:40], known=known)
    return frozenset(without)


# ---------------------------------------------------------------- what is shown


class _View:
    """What the asker may see of one dossier or record."""

    def __init__(
        self, archive: Archive, request: Request, target: StreamId, left_out: frozenset[str]
    ) -> None:
        self.archive, self.request, self.target = archive, request, target
        self.left_out = left_out
        self._open: dict[StreamId, bool] = {}
        self.paper: Record | None = None
        if kind_of(target) is Kind.RECORD:
            self.paper = _as_told(archive, target).record()
        self.dossier: Dossier = _as_told(
            archive, self.paper.dossier if self.paper is not None else target
        ).dossier()

    @property
    def reference(self) -> str:
        """The dossier's code, or the record's code where it has one."""
        if self.paper is None:
            return self.dossier.code
        row = self.archive.catalogue.record_rows({self.target}).get(self.target)
        hidden = self.left_out & {"number", "notation"}
        return (row.code if row is not None and not hidden else None) or self.target

    @property
    def title(self) -> str | None:
        """What it is about, as far as the pack says so."""
        name = "title" if self.paper is None else "subject"
        value = self.dossier.title
        if self.paper is not None:
            row = self.archive.catalogue.record_rows({self.target}).get(self.target)
            return row.subject if row is not None and name not in self.left_out else None
        return value if isinstance(value, str) and name not in self.left_out else None

    def shows(self, recorded: Recorded[Event]) -> bool:
        """True when the personal fields of an event may be seen: those of a record that left the
        dossier or was withdrawn from it are for who sees it where it is."""
        event, about = recorded.event, recorded.stream
        if isinstance(event, ScanReceived | ScanDuplicated):
            about = event.record
        if kind_of(about) is not Kind.RECORD or about == self.target:
            return True
        if about not in self._open:
            try:
                paper = load(self.archive, about).record()
                self._open[about] = is_listed(self.archive, self.request, self.dossier.id, paper)
            except ArchiveError:
                self._open[about] = False
        return self._open[about]

    def hides(self, recorded: Recorded[Event]) -> frozenset[str]:
        """The fields of an event that were asked to be left out. A correction says in clear which
        field it is about; its value and its reason speak of that field."""
        event, names = recorded.event, set(self.left_out)
        if isinstance(event, DossierCorrected | RecordCorrected):
            about = {event.field.value, "signers" if event.field in _OF_SIGNERS else ""}
            names |= {"value", "reason"} if about & self.left_out else set()
        return frozenset(names)

    def papers(self) -> Iterator[Record]:
        """The records whose files are handed over."""
        for name in (self.target,) if self.paper is not None else self.dossier.records:
            with suppress(IntegrityError):  # Nothing of it can be read.
                paper = _as_told(self.archive, name).record()
                hidden = paper.absorbed_into or paper.withdrawn or paper.isolated
                if not hidden and paper.erased_by is None and paper.dossier == self.dossier.id:
                    yield paper


def _as_told(archive: Archive, stream: StreamId) -> Loaded:
    """A stream, or of a damaged one what its events still say: the pack tells which are altered.

    Raises IntegrityError when its first event cannot be read.
    """
    try:
        return load(archive, stream)
    except IntegrityError:
        examined = archive.journal.examine(archive.history.of(stream))
        events = tuple(e.recorded for e in examined if e.stream == stream and e.recorded)
        if not events or events[0].version != 1:
            raise
        return Loaded(events)


# ---------------------------------------------------------------- putting it together


def _contents(archive: Archive, actor: Actor, view: _View) -> PackContents:
    """(1) The log introduces its key, where it is new. (2) The events. (3) A checkpoint over all of
    them, what was recorded meanwhile included. (4) What outsiders say of it. (5) The documents."""
    _grow(archive)  # (1)
    examined = [*_beside(archive), *history(archive, view.request, view.target)]
    examined = sorted({each.position: each for each in examined}.values(), key=_position)  # (2)
    keys = _log_keys(examined)
    _grow(archive)
    attested, checkpoint = _checkpoint(archive, keys, examined[-1].position)  # (3)
    tokens = [*_tokens(archive, attested)]  # (4)
    documents = [*_documents(archive, view)]  # (5)
    certificates = _certificates(examined)
    streams = _streams(archive, examined)
    absent = (*_absent(archive, view, examined), *_parts(streams))
    # Without the certificates of its authority, which go into the pack, a token shows nothing.
    known = {each.name for each in archive.authorities}
    dated = [
        PackedAttestation("time", each.authority, each.at)
        for each, _ in tokens
        if each.authority in known
    ]
    facts = _facts(archive, actor, view, examined, checkpoint, dated, documents, absent)

    def vouch(listed: str) -> bytes:
        said = {"archive": archive.id, "manifest": listed, "at": facts.made_at.isoformat()}
        return archive.journal.vouch(PACK, said)

    return PackContents(
        facts=facts,
        report=archive.report.make(facts),
        events=partial(_envelopes, archive, view, examined, checkpoint),
        streams=streams,
        documents=[document for document, _ in documents],
        certificates=certificates,
        checkpoint=checkpoint.note,
        witnesses=[each.key for each in archive.witnesses],
        tokens=[(each.authority, content) for each, content in tokens],
        roots=sorted({each.roots for each in archive.authorities}),
        vouch=vouch,
    )


def _grow(archive: Archive) -> None:
    """A log that cannot grow still proves what it holds."""
    with suppress(ArchiveError):
        advance(archive)


def _tokens(archive: Archive, attested: Attested | None) -> Iterator[tuple[KeptToken, bytes]]:
    """The tokens that are there."""
    for token in attested.tokens if attested is not None else ():
        content = _content(archive, token.token)
        if content is not None:
            yield token, content


def _content(archive: Archive, digest: Digest) -> bytes | None:
    """What outsiders gave; None where it is lost or altered, which `verify` names."""
    with suppress(IntegrityError, NotFoundError):
        return content_of(archive, digest)
    return None


def _position(examined: Examined) -> int:
    return examined.position


def _beside(archive: Archive) -> Sequence[Examined]:
    """The founding and what became of the keys: by these a reader follows from the first
    certificate to every other one, and to the log's key."""
    positions = archive.history.of(keyring.stream_of(archive.id))
    return archive.journal.examine([1, *positions])


def _checkpoint(
    archive: Archive, keys: Sequence[str], position: int
) -> tuple[Attested | None, Checkpoint]:
    """The newest one that outsiders vouch for, where it covers everything and its key is believed;
    else the newest."""
    covering = archive.attestations.covering(position)
    dated = [each for each in covering if each.tokens]
    for attested in sorted(dated or covering, key=lambda each: each.size, reverse=True):
        note = _content(archive, attested.checkpoint)
        if note is None or _signer(note, keys) is None:
            continue
        origin, size, root = note.decode().split("\n", 3)[:3]
        return attested, Checkpoint(origin, int(size), base64.b64decode(root).hex(), note)
    newest = archive.log.newest()
    if newest is None:
        raise NotFoundError("log-empty")
    return None, newest


def _envelopes(
    archive: Archive, view: _View, examined: Sequence[Examined], checkpoint: Checkpoint
) -> Iterator[PackedEnvelope]:
    by_position = {each.position: each.recorded for each in examined}
    for each in _exhibits(archive, list(by_position)):
        recorded = by_position[each.position]
        shown: tuple[str, ...] = ()
        if recorded is not None and view.shows(recorded):
            hidden = view.hides(recorded)
            shown = tuple(text for name, text in each.disclosures if name not in hidden)
        proof = None
        if each.position <= checkpoint.size:
            proof = archive.log.proof(each.position, checkpoint)
        yield PackedEnvelope(each.position, each.envelope, shown, proof)


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


def _certificates(examined: Sequence[Examined]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for each in examined:
        event = each.recorded.event if each.recorded is not None else None
        if isinstance(event, ArchiveFounded | keyring.SystemKeyIntroduced):
            found[event.certificate_sha256] = base64.b64decode(event.certificate)
    return found


# ---------------------------------------------------------------- documents


def _documents(archive: Archive, view: _View) -> Iterator[tuple[PackedDocument, PackedFile]]:
    """Each file once, whatever records share it."""
    seen: set[str] = set()
    for paper in view.papers():
        for kind, file in _files(archive, view, paper):
            folder = "originals" if kind is RepresentationKind.ORIGINAL else "representations"
            suffix = _SUFFIXES.get(file.media_type, "bin")
            name = f"{folder}/{file.sha256.hex}.{suffix}"
            if name not in seen:
                seen.add(name)
                told = PackedFile(name, kind.value, file.sha256.hex, file.size)
                yield PackedDocument(name, file.sha256, _opener(archive, file.sha256)), told


def _files(
    archive: Archive, view: _View, paper: Record
) -> Iterator[tuple[RepresentationKind, FileObject]]:
    for source in paper.sources:
        # Left out where it shows pages of a record that the asker may not see.
        with suppress(RuleError, IntegrityError):
            require_unshared(archive, view.request, paper, source.file.sha256)
            yield RepresentationKind.ORIGINAL, source.file
    for kind in _HANDED:
        found = paper.representation(kind)
        if found is not None:
            yield kind, found.file


def _absent(archive: Archive, view: _View, examined: Sequence[Examined]) -> Iterator[Absence]:
    """Records and originals that are not in the pack, though nobody asked to leave them out. The
    dossier's own events name every record that was ever in it: nothing more is said of one."""
    numbers = {
        each.recorded.event.record: each.recorded.event.ordinal
        for each in examined
        if each.recorded is not None and isinstance(each.recorded.event, DossierRecordAdded)
    }
    told = {each.stream for each in examined}
    found: dict[str, list[StreamId]] = {}
    for name in (view.target,) if view.paper is not None else numbers:
        why = _why_absent(archive, view, name, told=name in told)
        if why is not None:
            found.setdefault(why, []).append(name)
    for why, names in sorted(found.items()):
        known = sorted(numbers[name] for name in names if name in numbers)
        yield Absence(why, len(names), tuple(known))
    shared = {digest for paper in view.papers() for digest in _shared(archive, view, paper)}
    if shared:
        yield Absence("shared", len(shared))


def _why_absent(archive: Archive, view: _View, name: StreamId, *, told: bool) -> str | None:
    """Why the files of a record, or its events as well, are not in the pack."""
    try:
        now = standing(archive, _as_told(archive, name).record())
    except ArchiveError:
        return "unreadable"
    if now.dossier != view.dossier.id:
        return "moved"  # What became of it there is for who may see it there.
    if told and now.erased_by is not None:
        return "erased"
    if now.isolated is not None:
        return "isolated"
    if not told:
        return "unreadable"
    return "withdrawn" if now.withdrawn else None


def _shared(archive: Archive, view: _View, paper: Record) -> Iterator[Digest]:
    """Originals that `_files` leaves out."""
    for source in paper.sources:
        try:
            require_unshared(archive, view.request, paper, source.file.sha256)
        except (RuleError, IntegrityError):
            yield source.file.sha256


def _parts(streams: Mapping[StreamId, bool]) -> Iterator[Absence]:
    parts = [stream for stream, whole in streams.items() if not whole]
    if parts:
        yield Absence("part", len(parts))


def _opener(archive: Archive, digest: Digest) -> Callable[[], BinaryIO]:
    return lambda: archive.objects.open(digest)


# ---------------------------------------------------------------- what the report tells


def _facts(
    archive: Archive,
    actor: Actor,
    view: _View,
    examined: Sequence[Examined],
    checkpoint: Checkpoint,
    dated: Sequence[PackedAttestation],
    documents: Sequence[tuple[PackedDocument, PackedFile]],
    absent: tuple[Absence, ...],
) -> PackFacts:
    agencies = archive.catalogue.agencies()
    people = {each.recorded.by.agent for each in examined if each.recorded is not None}
    names = names_of(archive, {*people, actor.agent})
    log_key = _signer(checkpoint.note, _log_keys(examined)) or archive.log.state().key
    disclosed: dict[int, set[str]] = {}
    logged: set[int] = set()
    for exhibit in _exhibits(archive, [each.position for each in examined]):
        disclosed[exhibit.position] = {name for name, _ in exhibit.disclosures}
        if _is_logged(archive, exhibit, checkpoint, log_key):
            logged.add(exhibit.position)
    events = tuple(
        _event(
            view,
            each,
            names,
            agencies,
            disclosed=disclosed.get(each.position, set()),
            in_log=each.position in logged,
        )
        for each in examined
    )
    founded = examined[0].recorded.event if examined[0].recorded is not None else None
    witnesses = [each.key for each in archive.witnesses]
    cosigned = archive.packer.cosignatures(checkpoint.note, log_key, witnesses)
    attestations = (*cosigned, *dated)
    proves, not_proved = _claims(view, events, attestations)
    return PackFacts(
        reference=view.reference,
        kind=kind_of(view.target).value,
        title=view.title,
        archive=archive.id,
        origin=checkpoint.origin,
        made_at=archive.clock.now(),
        made_by=names[actor.agent],
        made_for=_agency(agencies, actor.agency),
        checkpoint_size=checkpoint.size,
        checkpoint_root=checkpoint.root,
        certificate=founded.certificate_sha256 if isinstance(founded, ArchiveFounded) else "",
        log_key=log_key,
        attestations=attestations,
        events=events,
        files=tuple(told for _, told in documents),
        left_out=tuple(sorted(view.left_out)),
        proves=proves,
        not_proved=not_proved,
        absent=absent,
    )


def _is_logged(archive: Archive, exhibit: Exhibit, checkpoint: Checkpoint, log_key: str) -> bool:
    """True when the log's proof for the position fits the bytes that the pack gives for it."""
    if exhibit.position > checkpoint.size:
        return False
    proof = archive.log.proof(exhibit.position, checkpoint)
    return archive.packer.proves(proof, exhibit.envelope, log_key)


def _event(
    view: _View,
    examined: Examined,
    names: Mapping[StreamId, str | None],
    agencies: Mapping[StreamId, AgencyRow],
    *,
    disclosed: Collection[str],
    in_log: bool,
) -> PackedEvent:
    recorded = examined.recorded
    if recorded is None:
        return PackedEvent(
            examined.position, None, examined.name or "", None, "", "", "", "", (),
            examined.state, in_log, (),
        )  # fmt: skip
    shown = set(disclosed) - view.hides(recorded) if view.shows(recorded) else set[str]()
    left_out = _personal()[STORED_NAMES[type(recorded.event)]] - shown
    basis = recorded.basis
    return PackedEvent(
        position=examined.position,
        at=recorded.at,
        name=examined.name or "",
        by=names.get(recorded.by.agent),
        agent=recorded.by.agent,
        role=recorded.by.role.value,
        agency=_agency(agencies, recorded.by.agency),
        basis=" ".join(part for part in (basis.code, basis.reference) if part),
        says=tuple(_says(recorded.event, left_out, agencies)),
        state=examined.state,
        in_log=in_log,
        left_out=tuple(sorted(left_out)),
    )


def _says(
    event: Event, left_out: Collection[str], agencies: Mapping[StreamId, AgencyRow]
) -> Iterator[tuple[str, str]]:
    """The fields that a line can tell: words, numbers, days, and files by their digest."""
    for item in fields(event):
        value = getattr(event, item.name)
        if item.name in left_out or value is ERASED:
            continue
        match value:
            case StrEnum():
                yield item.name, value.value
            case FileObject():
                yield item.name, value.sha256.text
            case Digest():
                yield item.name, value.text
            case bool() | None:
                continue
            case Representation():
                yield "representation", f"{value.kind.value} {value.file.sha256.text}"
            case str() if value in agencies:
                yield item.name, _agency(agencies, StreamId(value))
            case str() | int() | date():
                yield item.name, str(value)
            case tuple() if value and all(isinstance(each, str) for each in value):
                yield item.name, ", ".join(value)
            case _:
                continue


def _agency(agencies: Mapping[StreamId, AgencyRow], agency: StreamId) -> str:
    row = agencies.get(agency)
    return f"{row.code} · {row.name}" if row is not None else agency


def _log_keys(examined: Sequence[Examined]) -> Sequence[str]:
    """The verifier keys of the log that are still believed, the first one first."""
    events = [each.recorded.event for each in examined if each.recorded is not None]
    lost = {event.key for event in events if isinstance(event, keyring.KeyCompromised)}
    known = [event.key for event in events if isinstance(event, keyring.LogKeyIntroduced)]
    return [key for key in known if key not in lost]


def _signer(note: bytes, keys: Sequence[str]) -> str | None:
    """The last of the keys whose id stands on the note. Whether it signed, the reader checks."""
    lines = note.decode().rpartition("\n\n")[2].splitlines()
    ids = {base64.b64decode(line.rpartition(" ")[2])[:4].hex() for line in lines}
    fitting = [key for key in keys if key.split("+", 2)[1] in ids]
    return fitting[-1] if fitting else None


def _claims(
    view: _View, events: Sequence[PackedEvent], attestations: Sequence[PackedAttestation]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the pack proves, and what it does not, by the codes of PROVES and NOT_PROVED."""
    kinds = {each.kind for each in attestations}
    logged = all(event.in_log for event in events)
    intact = all(event.state == "intact" for event in events)
    held = {
        "signed": intact,
        "unaltered": intact,
        "logged": logged,
        "witnessed": "witness" in kinds,
        "dated": "time" in kinds,
    }
    lacking = {f"pack-not-{code}": not holds for code, holds in held.items()}
    lacking["pack-left-out"] = bool(view.left_out) or any(event.left_out for event in events)
    return (
        tuple(code for code in PROVES if held.get(code, True)),
        tuple(code for code in NOT_PROVED if lacking.get(code, True)),
    )
