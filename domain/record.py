"""The record (tài liệu): one paper or electronic document with its representations.

Digital originals are immutable; everything made from them is a further representation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

from domain.arrangement import (
    Arrangement,
    PagesArranged,
    RecordAbsorbed,
    RecordMerged,
    RecordMoved,
    RecordSplit,
    RecordWithdrawn,
    Source,
    arrangement,
)
from domain.errors import InvalidValueError, RuleError
from domain.hold import LockLapsed, LockRestored
from domain.values import (
    ERASED,
    Digest,
    Erased,
    FileObject,
    PersonalList,
    PersonalOptional,
    PersonalText,
    Secrecy,
    StreamId,
    Tool,
)


class Carrier(StrEnum):
    """On what the record exists."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    BOTH = "both"


class RepresentationKind(StrEnum):
    """What a representation is for."""

    ORIGINAL = "original"
    PDFA = "pdfa"
    TEXT = "text"
    WORDS = "words"
    THUMBNAILS = "thumbnails"
    ASSEMBLY = "assembly"
    """JSON: how the pages that were read were put together from the originals:
    {"sources": [{"sha256", "pages"}], "order", "turned", "tool"}."""


class RecordField(StrEnum):
    """The metadata of a document (ND 30/2020, Annex VI); named as `show` names it."""

    NUMBER = "number"
    NOTATION = "notation"
    ISSUED_ON = "issued_on"
    ORGAN = "organ"
    TYPE_NAME = "type_name"
    SUBJECT = "subject"
    LANGUAGE = "language"
    SIGNER_NAME = "signer_name"
    SIGNER_POSITION = "signer_position"
    PAPER_LOCATION = "paper_location"


LIMITS: Mapping[RecordField, int] = MappingProxyType(
    {
        RecordField.NUMBER: 11,
        RecordField.NOTATION: 30,
        RecordField.ISSUED_ON: 10,
        RecordField.ORGAN: 200,
        RecordField.TYPE_NAME: 100,
        RecordField.SUBJECT: 500,
        RecordField.LANGUAGE: 30,
        RecordField.SIGNER_NAME: 50,
        RecordField.SIGNER_POSITION: 100,
        RecordField.PAPER_LOCATION: 200,
    }
)
"""Longest values in characters (ND 30/2020, Annex VI.II)."""


class IsolationGround(StrEnum):
    """Why a record is hidden from everybody but the administrator's incident list."""

    SECRET = "secret"
    STRANGER = "stranger"
    OTHER = "other"


class Described(StrEnum):
    """Where metadata came from."""

    PERSON = "person"
    READER = "reader"
    """Proposed from the text that was read; a person confirms it."""


@dataclass(frozen=True)
class RecordRegistered:
    """A record exists. `original` is None for one on paper alone."""

    dossier: StreamId
    carrier: Carrier
    secrecy: Secrecy
    batch: StreamId | None
    original: FileObject | None
    received_name: PersonalOptional
    paper_location: PersonalOptional


@dataclass(frozen=True)
class RecordSplitOff:
    """A record exists since its pages were split off from another one."""

    dossier: StreamId
    parent: StreamId
    originals: tuple[FileObject, ...]
    """Shared with the parent, so that the record claims no content."""
    counts: tuple[int, ...]
    """The pages of each of `originals`."""
    order: tuple[int, ...]
    turned: tuple[int, ...]
    carrier: Carrier
    secrecy: Secrecy
    paper_location: PersonalOptional


@dataclass(frozen=True)
class Representation:
    """One rendering of the record."""

    kind: RepresentationKind
    file: FileObject
    """The bytes; for thumbnails, the manifest that lists one picture a page."""
    source: Digest | None
    """The bytes that it was made from, the assembly of an arranged record; None for an original
    and for an assembly, which names its sources itself."""
    tool: Tool | None
    """What made it, None for an original."""


@dataclass(frozen=True)
class RepresentationAdded:
    """A representation was made and stored."""

    representation: Representation


@dataclass(frozen=True)
class RecordRead:
    """The reading of what the record shows ended; what happened to each page is in the manifest."""

    source: Digest
    manifest: FileObject
    """JSON: {"source", "tool", "warnings", "pages": [{"n", "state", "width", "height", "turned",
    "dpi", "colour", "born_digital", "characters", "confidence", "text": [offset, bytes],
    "words": [offset, bytes], "thumbnail"}], "representations": [{"kind", "sha256", "bytes"}]}."""
    pages: int
    unread: int
    """Pages that ended in timeout, too-large or skipped: somebody must look at them."""
    tool: Tool
    warnings: tuple[str, ...]
    pdfa_problem: str | None


@dataclass(frozen=True)
class ReadingFailed:
    """An attempt at reading ended without a result; the original is untouched."""

    source: Digest
    reason: str
    attempt: int
    tool: Tool
    final: bool
    """True when no further attempt follows by itself."""


@dataclass(frozen=True)
class ReadingAskedAgain:
    """A person asks for another attempt at a reading that failed; its attempts count anew."""

    source: Digest


@dataclass(frozen=True)
class SignatureFinding:
    """What was found of one digital signature inside the file. Trust is not judged here."""

    field: str
    verdict: str
    covers: str
    signed_at: str | None
    digest_algorithm: str | None
    weak: bool


@dataclass(frozen=True)
class SignaturesInspected:
    """The signatures that came with the file, as found on arrival."""

    source: Digest
    findings: tuple[SignatureFinding, ...]
    tool: Tool
    signers: PersonalList
    """The subject of each signer's certificate, in the order of `findings`."""


@dataclass(frozen=True)
class JudgedSignature:
    """One digital signature inside the file, judged by trust anchors; the words are those of
    `SignatureJudgement`."""

    field: str
    verdict: str
    reason: str | None
    signed_at: str | None
    time: str
    revocation: str
    digest_algorithm: str | None


@dataclass(frozen=True)
class SignaturesJudged:
    """The signatures in an original, judged when it came or because the anchors changed."""

    source: Digest
    anchors: Digest
    """SHA-256 over the certificates that were believed."""
    anchor_count: int
    as_of: str
    """The instant of the judgement (RFC 3339), for what no timestamp proves to be older."""
    findings: tuple[JudgedSignature, ...]
    tool: Tool
    signers: PersonalList
    """The subject of each signer's certificate, in the order of `findings`."""


@dataclass(frozen=True)
class RecordDescribed:
    """Several values at once, None where nothing is said."""

    origin: Described
    number: PersonalOptional
    notation: PersonalOptional
    issued_on: PersonalOptional
    organ: PersonalOptional
    type_name: PersonalOptional
    subject: PersonalOptional


@dataclass(frozen=True)
class RecordCorrected:
    """A field has another value from now on; the earlier one stays in history."""

    field: RecordField
    value: PersonalOptional
    reason: PersonalText


@dataclass(frozen=True)
class RecordConfirmed:
    """A person compared the record with its paper and vouches for it."""

    source: Digest | None
    lock: str
    """How the original is protected against destruction from now on; `none` when it is not."""


@dataclass(frozen=True)
class RecordIsolated:
    """An incident: the record must not be seen, and waits for its lawful removal."""

    ground: IsolationGround
    reason: PersonalText


@dataclass(frozen=True)
class RecordErased:
    """Personal data of the record was erased together with its dossier's."""

    erasure: StreamId


RecordEvent = (
    RecordRegistered
    | RepresentationAdded
    | RecordRead
    | ReadingFailed
    | ReadingAskedAgain
    | SignaturesInspected
    | SignaturesJudged
    | RecordDescribed
    | RecordCorrected
    | RecordConfirmed
    | RecordIsolated
    | RecordErased
    | LockLapsed
    | LockRestored
    | RecordSplitOff
    | PagesArranged
    | RecordSplit
    | RecordMerged
    | RecordAbsorbed
    | RecordMoved
    | RecordWithdrawn
)


@dataclass(frozen=True)
class Record:
    """A record as it stands."""

    id: StreamId
    dossier: StreamId
    carrier: Carrier
    secrecy: Secrecy
    batch: StreamId | None
    received_name: PersonalOptional
    representations: tuple[Representation, ...]
    """The originals and what stands for them now; what an earlier arrangement gave is `former`."""
    sources: tuple[Source, ...] = ()
    """The originals with their pages; none for a record on paper alone."""
    arrangement: Arrangement | None = None
    """What of the sources is shown, None for a record as it came."""
    revision: int = 0
    """How often its pages were arranged anew; each time they are read again."""
    former: tuple[Representation, ...] = ()
    """Derivatives of arrangements that stand no longer."""
    metadata: Mapping[RecordField, str | Erased] = field(default_factory=dict)
    corrected: frozenset[RecordField] = frozenset()
    """Fields that a person set; a later reading proposes nothing for them."""
    reading: RecordRead | None = None
    failure: ReadingFailed | None = None
    asked_again: int = 0
    """How often a person asked for another attempt at reading."""
    signatures: SignaturesInspected | None = None
    """The findings in all originals, under the source that was inspected last."""
    inspected: frozenset[Digest] = frozenset()
    """The originals with findings."""
    judged: tuple[SignaturesJudged, ...] = ()
    """The last judgement on each of them."""
    confirmed: bool = False
    lock: str | None = None
    lapsed: bool = False
    """True when an original was found without its lock, until every one has it again."""
    isolated: IsolationGround | None = None
    erased_by: StreamId | None = None
    parent: StreamId | None = None
    """The record from which it was split off."""
    parts: tuple[StreamId, ...] = ()
    """Records that were split off from it."""
    absorbed: tuple[StreamId, ...] = ()
    """Records whose pages it took over."""
    absorbed_into: StreamId | None = None
    withdrawn: bool = False

    def representation(self, kind: RepresentationKind) -> Representation | None:
        """The newest representation of a kind; of several originals the first."""
        matching = [item for item in self.representations if item.kind is kind]
        if not matching:
            return None
        return matching[0] if kind is RepresentationKind.ORIGINAL else matching[-1]

    @property
    def original(self) -> FileObject | None:
        """The bytes that came in first; None for a record on paper alone."""
        return self.sources[0].file if self.sources else None

    @property
    def pages(self) -> int | None:
        """How many pages it shows; None until that is known."""
        if self.arrangement is not None:
            return len(self.arrangement)
        return self.sources[0].pages if self.sources else None

    @property
    def signature_verdicts(self) -> frozenset[str]:
        """Every verdict on a signature in its originals; `valid` stands alone or not at all."""
        said = {found.verdict for judged in self.judged for found in judged.findings}
        if not self.inspected <= {judged.source for judged in self.judged} and self.signatures:
            said |= {found.verdict for found in self.signatures.findings}
        return frozenset(said if len(said) == 1 else said - {"valid"})

    @property
    def kin(self) -> frozenset[StreamId]:
        """Records that share, or shared, originals with it by a split or a merge."""
        linked = (self.parent, self.absorbed_into, *self.parts, *self.absorbed)
        return frozenset(one for one in linked if one is not None)

    @property
    def code(self) -> str:
        """Số, ký hiệu as it is written: `390/BC-UBND`; empty when unknown or erased."""
        parts = [self.metadata.get(RecordField.NUMBER), self.metadata.get(RecordField.NOTATION)]
        return "/".join(part for part in parts if isinstance(part, str))


def evolve(state: Record | None, stream: StreamId, event: RecordEvent) -> Record:
    """The record after the event."""
    if isinstance(event, RecordRegistered):
        return _registered(stream, event)
    if isinstance(event, RecordSplitOff):
        return _split_off(stream, event)
    assert state is not None
    match event:
        case RepresentationAdded():
            return replace(state, representations=(*state.representations, event.representation))
        case RecordRead():
            return replace(_counted(state, event.pages), reading=event, failure=None)
        case ReadingFailed():
            return replace(state, failure=event)
        case ReadingAskedAgain():
            return replace(state, failure=None, asked_again=state.asked_again + 1)
        case SignaturesInspected():
            return replace(
                state,
                signatures=_joined(state.signatures, event),
                inspected=state.inspected | {event.source},
            )
        case SignaturesJudged():
            others = tuple(each for each in state.judged if each.source != event.source)
            return replace(state, judged=(*others, event))
        case RecordDescribed():
            said = {name: getattr(event, name.value) for name in _DESCRIBED}
            known = {name: value for name, value in said.items() if value is not None}
            by_person = known.keys() if event.origin is Described.PERSON else ()
            return replace(
                state,
                metadata={**state.metadata, **known},
                corrected=state.corrected.union(by_person),
            )
        case RecordCorrected():
            rest = {name: value for name, value in state.metadata.items() if name != event.field}
            if event.value is not None:
                rest[event.field] = event.value
            carrier = state.carrier
            if event.field is RecordField.PAPER_LOCATION and carrier is not Carrier.PAPER:
                carrier = Carrier.ELECTRONIC if event.value is None else Carrier.BOTH
            return replace(
                state,
                metadata=rest,
                corrected=state.corrected | {event.field},
                carrier=carrier,
            )
        case RecordConfirmed():
            return replace(state, confirmed=True, lock=event.lock)
        case RecordIsolated():
            return replace(state, isolated=event.ground)
        case RecordErased():
            return _erased(state, event)
        case LockLapsed():
            return replace(state, lapsed=True)
        case LockRestored():
            return replace(state, lock=event.lock, lapsed=False)
        case PagesArranged():
            return _rearranged(state, arrangement(event.order, event.turned))
        case RecordSplit():
            state = replace(state, parts=(*state.parts, event.into))
            return _rearranged(state, arrangement(event.order, event.turned))
        case RecordMerged():
            return _merged(state, event)
        case RecordAbsorbed():
            return replace(state, absorbed_into=event.into)
        case RecordMoved():
            return replace(state, dossier=event.dossier)
        case RecordWithdrawn():
            return replace(state, withdrawn=True)
        case _:
            assert_never(event)


_DESCRIBED = (
    RecordField.NUMBER,
    RecordField.NOTATION,
    RecordField.ISSUED_ON,
    RecordField.ORGAN,
    RecordField.TYPE_NAME,
    RecordField.SUBJECT,
)
_DERIVED_TEXT = frozenset(
    {RepresentationKind.TEXT, RepresentationKind.WORDS, RepresentationKind.THUMBNAILS}
)


def _registered(stream: StreamId, event: RecordRegistered) -> Record:
    sources = (Source(event.original, None),) if event.original else ()
    location = event.paper_location
    metadata = {} if location is None else {RecordField.PAPER_LOCATION: location}
    return Record(
        id=stream,
        dossier=event.dossier,
        carrier=event.carrier,
        secrecy=event.secrecy,
        batch=event.batch,
        received_name=event.received_name,
        representations=tuple(_original(source) for source in sources),
        sources=sources,
        metadata=metadata,
    )


def _split_off(stream: StreamId, event: RecordSplitOff) -> Record:
    sources = tuple(map(Source, event.originals, event.counts))
    location = event.paper_location
    return Record(
        id=stream,
        dossier=event.dossier,
        carrier=event.carrier,
        secrecy=event.secrecy,
        batch=None,
        received_name=None,
        representations=tuple(_original(source) for source in sources),
        sources=sources,
        arrangement=arrangement(event.order, event.turned),
        revision=1,
        metadata={} if location is None else {RecordField.PAPER_LOCATION: location},
        parent=event.parent,
    )


def _original(source: Source) -> Representation:
    return Representation(RepresentationKind.ORIGINAL, source.file, None, None)


def _counted(state: Record, pages: int) -> Record:
    """Of a record as it came, the reading says how many pages its original has."""
    if state.arrangement is not None or not state.sources:
        return state
    return replace(state, sources=(replace(state.sources[0], pages=pages),))


def _rearranged(state: Record, shown: Arrangement) -> Record:
    """Everything that was made of the former pages stands no longer, a person's word included."""
    originals = [each for each in state.representations if each.kind is RepresentationKind.ORIGINAL]
    derived = [each for each in state.representations if each not in originals]
    return replace(
        state,
        arrangement=shown,
        revision=state.revision + 1,
        representations=tuple(originals),
        former=(*state.former, *derived),
        reading=None,
        failure=None,
        confirmed=False,
        lock=None,
        lapsed=False,
    )


def _merged(state: Record, event: RecordMerged) -> Record:
    added = tuple(map(Source, event.originals, event.counts))
    state = replace(
        state,
        sources=(*state.sources, *added),
        representations=(*state.representations, *(_original(source) for source in added)),
        absorbed=(*state.absorbed, event.absorbed),
    )
    return _rearranged(state, arrangement(event.order, event.turned))


def _joined(before: SignaturesInspected | None, now: SignaturesInspected) -> SignaturesInspected:
    """The findings in several originals; those in the same one are found anew."""
    if before is None or before.source == now.source:
        return now
    known, added = before.signers, now.signers
    signers = ERASED if isinstance(known, Erased) or isinstance(added, Erased) else known + added
    return replace(now, findings=before.findings + now.findings, signers=signers)


def _erased(state: Record, event: RecordErased) -> Record:
    return replace(
        state,
        received_name=ERASED,
        metadata={},
        representations=tuple(
            item for item in state.representations if item.kind not in _DERIVED_TEXT
        ),
        former=tuple(item for item in state.former if item.kind not in _DERIVED_TEXT),
        signatures=state.signatures and replace(state.signatures, signers=ERASED),
        judged=tuple(replace(each, signers=ERASED) for each in state.judged),
        erased_by=event.erasure,
    )


def register(
    *,
    dossier: StreamId,
    secrecy: Secrecy,
    carrier: Carrier,
    batch: StreamId | None,
    original: FileObject | None,
    received_name: str | None,
    paper_location: str | None,
) -> RecordRegistered:
    """Decides to take a record in. State secrets never enter (Law 29/2018/QH14, Art. 5)."""
    if secrecy is not Secrecy.ORDINARY:
        raise RuleError("state-secret", secrecy=secrecy.value)
    if original is None and carrier is not Carrier.PAPER:
        raise RuleError("original-required")
    if original is None and paper_location is None:
        raise RuleError("paper-location-required")
    return RecordRegistered(
        dossier, carrier, secrecy, batch, original, received_name, paper_location
    )


def parse_value(name: RecordField, text: str) -> str:
    """A metadata value as it is stored; raises InvalidValueError."""
    value = " ".join(text.split())
    if not value or len(value) > LIMITS[name] or not value.isprintable():
        raise InvalidValueError("invalid-field", field=name.value, limit=LIMITS[name])
    if name is RecordField.ISSUED_ON:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise InvalidValueError("invalid-date", field=name.value) from None
    return value


def require_visible(state: Record) -> None:
    """Raises RuleError when the record is out of sight and so takes no change."""
    if state.isolated is not None:
        raise RuleError("record-isolated", record=state.id)
    if state.erased_by is not None:
        raise RuleError("record-erased", record=state.id)
    if state.absorbed_into is not None:
        raise RuleError("record-absorbed", record=state.id, into=state.absorbed_into)
    if state.withdrawn:
        raise RuleError("record-withdrawn", record=state.id)


def correct(state: Record, name: RecordField, value: str | None, reason: str) -> RecordCorrected:
    """Decides to correct a field; the earlier value stays in history."""
    require_visible(state)
    if state.metadata.get(name) == value:
        raise RuleError("nothing-to-correct", field=name.value)
    return RecordCorrected(name, value, reason)


def propose(state: Record, values: Mapping[RecordField, str]) -> RecordDescribed | None:
    """Decides which values found in the text stand until a person says otherwise.

    Of an erased record nothing is proposed: a reading may end after the erasure.
    """
    if state.erased_by is not None:
        return None
    said: dict[str, str | None] = {
        name.value: values.get(name) if name not in state.corrected else None for name in _DESCRIBED
    }
    if not any(said.values()):
        return None
    return RecordDescribed(origin=Described.READER, **said)


def confirm(state: Record, lock: str) -> RecordConfirmed:
    """Decides that a person vouches for the record."""
    require_visible(state)
    if state.confirmed:
        raise RuleError("already-confirmed", record=state.id)
    if state.original is not None and state.reading is None and state.failure is None:
        raise RuleError("not-read-yet", record=state.id)
    return RecordConfirmed(state.original.sha256 if state.original else None, lock)


def ask_again(state: Record) -> ReadingAskedAgain:
    """Decides that a reading that failed is tried again."""
    require_visible(state)
    if state.failure is None:
        raise RuleError("reading-not-failed", record=state.id)
    return ReadingAskedAgain(state.failure.source)


def isolate(state: Record, ground: IsolationGround, reason: str) -> RecordIsolated:
    """Decides to hide the record; a confirmed one may be isolated too."""
    require_visible(state)
    return RecordIsolated(ground, reason)
