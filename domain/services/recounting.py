"""What the report of an evidence pack tells: its events in words, what they prove and what not."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum

from domain.agents import Actor
from domain.archive import ArchiveFounded
from domain.events import STORED_NAMES, Event
from domain.evidence import Checkpoint, PackedAttestation, PackedEvent, PackFacts
from domain.keyring import LogEnded
from domain.ports import Examined
from domain.record import Representation
from domain.services import Archive
from domain.services.disclosing import View, personal_fields
from domain.services.enclosing import Enclosed
from domain.services.replaying import names_of
from domain.values import ERASED, Digest, FileObject, StreamId, kind_of
from domain.views import AgencyRow

PROVES = ("signed", "unaltered", "logged", "witnessed", "dated")
NOT_PROVED = (
    *("pack-content", "pack-person", "pack-certificate", "pack-elsewhere", "pack-signatures"),
    *("pack-left-out", "pack-missing", "pack-log-ended"),
    *("pack-not-logged", "pack-not-witnessed", "pack-not-dated"),
)
"""What a pack may prove, and what it may not; messages explain each."""


@dataclass(frozen=True)
class Collected:
    """What goes into a pack."""

    examined: Sequence[Examined]
    """The events, by position."""
    disclosed: Mapping[int, Collection[str]]
    """The personal fields that the archive can still disclose, by position."""
    logged: Collection[int]
    """The positions of the events that the log holds with the content that the pack gives."""
    checkpoint: Checkpoint
    log_key: str
    """The verifier key that signed it."""
    dated: Sequence[PackedAttestation]
    enclosed: Enclosed


def facts_of(archive: Archive, actor: Actor, view: View, collected: Collected) -> PackFacts:
    """The report of a pack that the actor gets."""
    examined, checkpoint = collected.examined, collected.checkpoint
    agencies = archive.catalogue.agencies()
    people = {each.recorded.by.agent for each in examined if each.recorded is not None}
    names = names_of(archive, {*people, actor.agent})
    events = tuple(
        _event(
            view,
            each,
            names,
            agencies,
            disclosed=collected.disclosed.get(each.position, ()),
            in_log=each.position in collected.logged,
        )
        for each in examined
    )
    founded = examined[0].recorded.event if examined[0].recorded is not None else None
    witnesses = [each.key for each in archive.witnesses]
    cosigned = archive.packer.cosignatures(checkpoint.note, collected.log_key, witnesses)
    attestations = (*cosigned, *collected.dated)
    enclosed = collected.enclosed
    proves, not_proved = _claims(view, events, attestations, enclosed)
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
        log_key=collected.log_key,
        attestations=attestations,
        events=events,
        files=enclosed.files,
        left_out=tuple(sorted(view.left_out)),
        proves=proves,
        not_proved=not_proved,
        absent=enclosed.absent,
        missing=enclosed.missing,
    )


def _event(
    view: View,
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
    left_out = personal_fields(recorded.event) - shown
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


def _claims(
    view: View,
    events: Sequence[PackedEvent],
    attestations: Sequence[PackedAttestation],
    enclosed: Enclosed,
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
    lacking["pack-missing"] = bool(enclosed.missing)
    lacking["pack-log-ended"] = any(event.name == STORED_NAMES[LogEnded] for event in events)
    return (
        tuple(code for code in PROVES if held.get(code, True)),
        tuple(code for code in NOT_PROVED if lacking.get(code, True)),
    )
