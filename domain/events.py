"""Every event that was ever stored: its permanent name, and what an append must know of it.

A stored name stays for ever and belongs to one shape; a changed shape gets the next number.
A name that is no longer written stays listed, so that old archives load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Generic, TypeVar

from domain import (
    agency,
    agents,
    archive,
    arrangement,
    attestation,
    dossier,
    erasure,
    hold,
    keyring,
    procedure,
    reads,
    record,
    scanning,
    searches,
)
from domain.agents import Actor
from domain.values import Basis, CommandId, Digest, EventId, StreamId

Event = (
    archive.ArchiveEvent
    | agency.AgencyEvent
    | agents.AgentEvent
    | procedure.ProcedureEvent
    | dossier.DossierEvent
    | record.RecordEvent
    | scanning.BatchEvent
    | erasure.ErasureEvent
    | reads.ReadsRecorded
    | keyring.KeyEvent
    | attestation.AttestationEvent
    | searches.SearchEvent
)
E = TypeVar("E")

STORED_EVENTS: Mapping[str, type[Event]] = MappingProxyType(
    {
        "archive-founded/1": archive.ArchiveFounded,
        "agency-established/1": agency.AgencyEstablished,
        "agency-code-assigned/1": agency.AgencyCodeAssigned,
        "agency-code-ended/1": agency.AgencyCodeEnded,
        "agency-renamed/1": agency.AgencyRenamed,
        "agency-moved/1": agency.AgencyMoved,
        "agency-succeeded/1": agency.AgencySucceeded,
        "agent-registered/1": agents.AgentRegistered,
        "role-granted/1": agents.RoleGranted,
        "role-revoked/1": agents.RoleRevoked,
        "role-revoked/2": agents.RoleRevokedFor,
        "substitution-appointed/1": agents.SubstitutionAppointed,
        "substitution-ended/1": agents.SubstitutionEnded,
        "account-opened/1": agents.AccountOpened,
        "account-closed/1": agents.AccountClosed,
        "procedure-version-adopted/1": procedure.ProcedureVersionAdopted,
        "dossier-opened/1": dossier.DossierOpened,
        "dossier-corrected/1": dossier.DossierCorrected,
        "dossier-record-added/1": dossier.DossierRecordAdded,
        "dossier-record-removed/1": dossier.DossierRecordRemoved,
        "dossier-closed/1": dossier.DossierClosed,
        "dossier-restricted/1": dossier.DossierRestricted,
        "dossier-erased/1": dossier.DossierErased,
        "hold-placed/1": hold.HoldPlaced,
        "hold-lifted/1": hold.HoldLifted,
        "record-registered/1": record.RecordRegistered,
        "representation-added/1": record.RepresentationAdded,
        "record-read/1": record.RecordRead,
        "reading-failed/1": record.ReadingFailed,
        "reading-asked-again/1": record.ReadingAskedAgain,
        "signatures-inspected/1": record.SignaturesInspected,
        "signatures-judged/1": record.SignaturesJudged,
        "record-described/1": record.RecordDescribed,
        "record-corrected/1": record.RecordCorrected,
        "record-confirmed/1": record.RecordConfirmed,
        "record-isolated/1": record.RecordIsolated,
        "record-erased/1": record.RecordErased,
        "pages-arranged/1": arrangement.PagesArranged,
        "record-split/1": arrangement.RecordSplit,
        "record-split-off/1": record.RecordSplitOff,
        "record-merged/1": arrangement.RecordMerged,
        "record-absorbed/1": arrangement.RecordAbsorbed,
        "record-moved/1": arrangement.RecordMoved,
        "record-withdrawn/1": arrangement.RecordWithdrawn,
        "lock-lapsed/1": hold.LockLapsed,
        "lock-restored/1": hold.LockRestored,
        "batch-opened/1": scanning.BatchOpened,
        "scan-received/1": scanning.ScanReceived,
        "scan-duplicated/1": scanning.ScanDuplicated,
        "scan-refused/1": scanning.ScanRefused,
        "erasure-requested/1": erasure.ErasureRequested,
        "erasure-refused/1": erasure.ErasureRefused,
        "erasure-answered-by-restriction/1": erasure.ErasureAnsweredByRestriction,
        "erasure-approved/1": erasure.ErasureApproved,
        "erasure-completed/1": erasure.ErasureCompleted,
        "reads-recorded/1": reads.ReadsRecorded,
        "log-key-introduced/1": keyring.LogKeyIntroduced,
        "system-key-introduced/1": keyring.SystemKeyIntroduced,
        "key-compromised/1": keyring.KeyCompromised,
        "log-ended/1": keyring.LogEnded,
        "checkpoint-attested/1": attestation.CheckpointAttested,
        "search-attested/1": searches.SearchAttested,
    }
)
STORED_NAMES: Mapping[type[Event], str] = MappingProxyType(
    {cls: name for name, cls in STORED_EVENTS.items()}
)


@dataclass(frozen=True)
class Recorded(Generic[E]):
    """An event with everything that was recorded of it."""

    position: int
    """Its place in the journal; later ones are larger."""
    id: EventId
    stream: StreamId
    version: int
    event: E
    at: datetime
    """When it was recorded, UTC. It never runs backwards within a stream."""
    by: Actor
    basis: Basis
    subject: StreamId
    """Whose key protects the personal fields."""
    command: CommandId
    cause: EventId | None
    software: str
    envelope: Digest
    """SHA-256 of the stored bytes."""


@dataclass(frozen=True)
class Change:
    """Events to append to one stream that is expected to be at a version (0: it is new)."""

    stream: StreamId
    expected: int
    events: Sequence[Event]


@dataclass(frozen=True)
class Claim:
    """A text that may belong to one stream alone."""

    kind: str
    text: str


def claims(event: Event) -> tuple[Claim, ...]:
    """What the event's stream claims; the rows can always be derived from the events."""
    match event:
        case agency.AgencyEstablished() | agency.AgencyCodeAssigned():
            return (Claim("agency-code", event.code),)
        case procedure.ProcedureVersionAdopted():
            return (Claim("procedure-code", event.code),)
        case dossier.DossierOpened():
            return (Claim("dossier-code", event.code),)
        case record.RecordRegistered() if event.original is not None:
            return (content_claim(event.dossier, event.original.sha256),)
        case arrangement.RecordMoved():
            return tuple(content_claim(event.dossier, each) for each in event.originals)
        case _:
            return ()


def content_claim(dossier_id: StreamId, sha256: Digest) -> Claim:
    """The same bytes are one record of a dossier."""
    return Claim("content", f"{dossier_id}/{sha256}")


def subject_of(stream: StreamId, event: Event) -> StreamId:
    """Whose key protects the event's personal fields: of whom or what they speak."""
    match event:
        case scanning.ScanReceived() | scanning.ScanDuplicated():
            return event.record
        case scanning.ScanRefused() | erasure.ErasureRequested():
            return event.dossier
        case agents.SubstitutionAppointed() | agents.SubstitutionEnded():
            return event.absent
        case _:
            return stream


def erased_subject(stream: StreamId, event: Event) -> StreamId | None:
    """The subject whose key and disclosures go with this event, for ever."""
    match event:
        case dossier.DossierErased() | record.RecordErased():
            return stream
        case _:
            return None
