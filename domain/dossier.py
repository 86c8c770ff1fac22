"""The dossier (hồ sơ): of a procedure (thủ tục hành chính) or of an agency's work (công việc).

Its stream orders what happens to the whole: opened, described, papers added, closed.
What happens to a paper stands in the record's own stream.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, assert_never

from domain.errors import InvalidValueError, RuleError
from domain.hold import HoldLifted, HoldPlaced
from domain.values import (
    ERASED,
    FileObject,
    PersonalOptional,
    PersonalText,
    StreamId,
)

_CODE = re.compile(r"[0-9A-ZĐ][0-9A-ZĐ./-]{1,58}[0-9A-ZĐ]")


class DossierKind(StrEnum):
    """Which of the two kinds."""

    PROCEDURE = "procedure"
    WORK_FILE = "work-file"


class DossierField(StrEnum):
    """What of a dossier may be corrected; named as `show` names it."""

    TITLE = "title"
    APPLICANT = "applicant"
    PHONE = "phone"
    ID_NUMBER = "id_number"
    ADDRESS = "address"


@dataclass(frozen=True)
class DossierOpened:
    """A dossier begins. The receiving and the deciding agency may differ."""

    kind: DossierKind
    code: str
    receiving: StreamId
    deciding: StreamId
    procedure: StreamId | None
    procedure_version: int | None
    opened_on: date
    title: PersonalText
    applicant: PersonalOptional
    phone: PersonalOptional
    id_number: PersonalOptional
    address: PersonalOptional


@dataclass(frozen=True)
class DossierCorrected:
    """A field has another value from now on; the earlier one stays in history."""

    field: DossierField
    value: PersonalOptional
    reason: PersonalText


@dataclass(frozen=True)
class DossierRecordAdded:
    """A record belongs to the dossier, as its `ordinal`-th paper."""

    record: StreamId
    ordinal: int


@dataclass(frozen=True)
class DossierRecordRemoved:
    """A record belongs to another dossier from now on; nobody gets its ordinal."""

    record: StreamId


@dataclass(frozen=True)
class DossierClosed:
    """The work ended; the list of records, each with its state, stands in the manifest."""

    closed_on: date
    records: int
    manifest: FileObject
    """JSON: {"dossier", "records": [{"record", "version", "envelope": SHA-256}]}."""


@dataclass(frozen=True)
class DossierRestricted:
    """An erasure request was answered by restricting access (the case names the decision)."""

    erasure: StreamId


@dataclass(frozen=True)
class DossierErased:
    """Personal data of the dossier and of its records was erased by an approved decision."""

    erasure: StreamId


DossierEvent = (
    DossierOpened
    | DossierCorrected
    | DossierRecordAdded
    | DossierRecordRemoved
    | DossierClosed
    | DossierRestricted
    | DossierErased
    | HoldPlaced
    | HoldLifted
)


@dataclass(frozen=True)
class Dossier:
    """A dossier as it stands."""

    id: StreamId
    kind: DossierKind
    code: str
    receiving: StreamId
    deciding: StreamId
    procedure: StreamId | None
    procedure_version: int | None
    opened_on: date
    title: PersonalText
    applicant: PersonalOptional
    phone: PersonalOptional
    id_number: PersonalOptional
    address: PersonalOptional
    records: tuple[StreamId, ...] = ()
    added: int = 0
    """How many records were ever added: the last ordinal."""
    closed_on: date | None = None
    closing_manifest: FileObject | None = None
    restricted_by: StreamId | None = None
    erased_by: StreamId | None = None
    held: bool = False
    """True while a legal hold stands: nothing of the dossier may be destroyed."""

    @property
    def agencies(self) -> frozenset[StreamId]:
        """The agencies whose people may work on it."""
        return frozenset({self.receiving, self.deciding})


def evolve(state: Dossier | None, stream: StreamId, event: DossierEvent) -> Dossier:
    """The dossier after the event."""
    if isinstance(event, DossierOpened):
        return Dossier(
            id=stream,
            kind=event.kind,
            code=event.code,
            receiving=event.receiving,
            deciding=event.deciding,
            procedure=event.procedure,
            procedure_version=event.procedure_version,
            opened_on=event.opened_on,
            title=event.title,
            applicant=event.applicant,
            phone=event.phone,
            id_number=event.id_number,
            address=event.address,
        )
    assert state is not None
    match event:
        case DossierCorrected():
            corrected: dict[str, Any] = {event.field.value: event.value}
            return replace(state, **corrected)
        case DossierRecordAdded():
            return replace(state, records=(*state.records, event.record), added=event.ordinal)
        case DossierRecordRemoved():
            rest = tuple(each for each in state.records if each != event.record)
            return replace(state, records=rest)
        case DossierClosed():
            return replace(state, closed_on=event.closed_on, closing_manifest=event.manifest)
        case DossierRestricted():
            return replace(state, restricted_by=event.erasure)
        case DossierErased():
            return replace(
                state,
                title=ERASED,
                applicant=ERASED,
                phone=ERASED,
                id_number=ERASED,
                address=ERASED,
                erased_by=event.erasure,
            )
        case HoldPlaced():
            return replace(state, held=True)
        case HoldLifted():
            return replace(state, held=False)
        case _:
            assert_never(event)


def procedure_code(agency: str, day: date, number: int) -> str:
    """`<agency>-<YYMMDD>-<NNNN>`, the number beginning anew each day (TT 01/2018/TT-VPCP)."""
    return f"{agency}-{day:%y%m%d}-{number:04d}"


def work_file_code(agency: str, day: date, number: int) -> str:
    """`<agency>-<year>-<NN>.HS`: agency, catalogue year and notation (ND 30/2020, Annex VI)."""
    return f"{agency}-{day:%Y}-{number:02d}.HS"


def parse_code(text: str) -> str:
    """A dossier code as it is stored: upper case, 3 to 60 characters."""
    code = text.strip().upper()
    if not _CODE.fullmatch(code):
        raise InvalidValueError("invalid-dossier-code", code=code[:60])
    return code


def parse_text(text: str, *, limit: int = 1000) -> str:
    """A text that a person typed: trimmed, not empty, at most `limit` characters."""
    trimmed = " ".join(text.split())
    if not trimmed or len(trimmed) > limit or not trimmed.isprintable():
        raise InvalidValueError("invalid-text", limit=limit)
    return trimmed


def require_open(state: Dossier) -> None:
    """Raises RuleError when nothing may be added to the dossier any more."""
    if state.erased_by is not None:
        raise RuleError("dossier-erased", dossier=state.code)
    if state.closed_on is not None:
        raise RuleError("dossier-closed", dossier=state.code)


def correct(
    state: Dossier, field: DossierField, value: str | None, reason: str
) -> DossierCorrected:
    """Decides to correct a field. Closed dossiers may be corrected, erased ones may not."""
    if state.erased_by is not None:
        raise RuleError("dossier-erased", dossier=state.code)
    if field is DossierField.TITLE and value is None:
        raise RuleError("title-required")
    if getattr(state, field.value) == value:
        raise RuleError("nothing-to-correct", field=field.value)
    return DossierCorrected(field, value, reason)


def add_record(state: Dossier, record: StreamId) -> DossierRecordAdded:
    """Decides to add a record to an open dossier."""
    require_open(state)
    return DossierRecordAdded(record, state.added + 1)


def remove_record(state: Dossier, record: StreamId) -> DossierRecordRemoved:
    """Decides that a record leaves an open dossier for another one."""
    require_open(state)
    return DossierRecordRemoved(record)


def close(state: Dossier, closed_on: date, manifest: FileObject) -> DossierClosed:
    """Decides to close the dossier with its list of records."""
    require_open(state)
    if not state.records:
        raise RuleError("dossier-empty", dossier=state.code)
    return DossierClosed(closed_on, len(state.records), manifest)
