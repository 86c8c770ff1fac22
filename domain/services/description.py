"""Dossiers and the metadata of records: opened, described, corrected, closed, vouched for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from domain import agency, dossier, record
from domain.access import Action, Resource
from domain.dossier import DossierField, DossierKind
from domain.errors import ClaimTakenError, InvalidValueError
from domain.events import Change
from domain.ports import Answer
from domain.record import Carrier, IsolationGround, RecordField
from domain.services import Archive, Request, keeping
from domain.services.deciding import (
    Decided,
    carry_out,
    load,
    new_stream,
    permit,
    permit_on,
    today,
)
from domain.services.retrieval import forget_pictures
from domain.services.storing import stored
from domain.text import nfc
from domain.values import FileObject, Kind, Secrecy, StreamId

_NUMBERS_TRIED = 50
Name = TypeVar("Name", bound=StrEnum)


@dataclass(frozen=True)
class Applicant:
    """Who applies, as far as it was told."""

    name: str | None = None
    phone: str | None = None
    id_number: str | None = None
    address: str | None = None


def open_dossier(
    archive: Archive,
    request: Request,
    *,
    kind: DossierKind,
    receiving: StreamId,
    deciding: StreamId | None,
    title: str,
    procedure: StreamId | None,
    code: str | None,
    applicant: Applicant,
) -> Answer:
    """Opens a dossier; without a code it gets the next number of its day. Result: `dossier`."""
    title = dossier.parse_text(nfc(title))
    wanted = dossier.parse_code(code) if code is not None else None
    given = {
        name: dossier.parse_text(nfc(value), limit=200)
        for name, value in vars(applicant).items()
        if value is not None
    }

    def decide(at: datetime) -> Decided:
        place = Resource(frozenset({receiving}))  # Nobody opens a dossier in another's name.
        actor = permit(archive, request, Action.OPEN_DOSSIER, place)
        day = today(at)
        for each in dict.fromkeys((receiving, deciding or receiving)):
            agency.require_standing(load(archive, each).agency(), day)
        version = None
        if procedure is not None:
            in_force = load(archive, procedure).procedure().in_force(day)
            if in_force is None:
                raise InvalidValueError("procedure-not-in-force")
            version = in_force.version
        found = wanted or _next_code(archive, kind, receiving, at)
        stream = new_stream(archive, Kind.DOSSIER)
        event = dossier.DossierOpened(
            kind=kind,
            code=found,
            receiving=receiving,
            deciding=deciding or receiving,
            procedure=procedure,
            procedure_version=version,
            opened_on=day,
            title=title,
            applicant=given.get("name"),
            phone=given.get("phone"),
            id_number=given.get("id_number"),
            address=given.get("address"),
        )
        result = {"dossier": found, "id": stream}
        return Decided(actor, (Change(stream, 0, (event,)),), result)

    asked = {
        "do": "dossier-open",
        "kind": kind.value,
        "receiving": receiving,
        "deciding": deciding,
        "title": title,
        "procedure": procedure,
        "code": wanted,
        "applicant": given,
    }
    for _ in range(_NUMBERS_TRIED):
        try:
            return carry_out(archive, request, asked, decide)
        except ClaimTakenError:
            if wanted is not None:
                raise  # Only a number that we chose ourselves may be chosen again.
    raise ClaimTakenError


def _next_code(archive: Archive, kind: DossierKind, place: StreamId, at: datetime) -> str:
    day = today(at)
    prefix = load(archive, place).agency().code_on(day)
    make = dossier.procedure_code if kind is DossierKind.PROCEDURE else dossier.work_file_code
    pattern = make(prefix, day, 0)
    start = pattern[: pattern.rindex("-") + 1]
    taken = set(archive.journal.claimed("dossier-code", start))
    number = len(taken) + 1
    while make(prefix, day, number) in taken:
        number += 1
    return make(prefix, day, number)


def register_paper(
    archive: Archive, request: Request, target: StreamId, *, location: str
) -> Answer:
    """A record that exists on paper alone, and where it stands. Result: `record`."""
    place = record.parse_value(RecordField.PAPER_LOCATION, nfc(location))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.dossier()
        actor = permit_on(archive, request, Action.RECEIVE_SCAN, state)
        stream = new_stream(archive, Kind.RECORD)
        registered = record.register(
            dossier=target,
            secrecy=Secrecy.ORDINARY,
            carrier=Carrier.PAPER,
            batch=None,
            original=None,
            received_name=None,
            paper_location=place,
        )
        added = dossier.add_record(state, stream)
        changes = (
            Change(stream, 0, (registered,)),
            Change(target, loaded.version, (added,)),
        )
        return Decided(actor, changes, {"record": stream})

    asked = {"do": "record-paper", "dossier": target, "location": place}
    return carry_out(archive, request, asked, decide)


def correct_dossier(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    field: str,
    value: str | None,
    reason: str,
) -> Answer:
    """Another value for a field of a dossier; the earlier one stays in history."""
    name = _field(DossierField, field)
    parsed = dossier.parse_text(nfc(value)) if value else None
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.dossier()
        actor = permit_on(archive, request, Action.CORRECT, state)
        event = dossier.correct(state, name, parsed, why)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    asked = {"do": "correct", "what": target, "field": name.value, "value": parsed, "why": why}
    return carry_out(archive, request, asked, decide)


def correct_record(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    field: str,
    value: str | None,
    reason: str,
) -> Answer:
    """Another value for a field of a record; the earlier one stays in history."""
    name = _field(RecordField, field)
    parsed = record.parse_value(name, nfc(value)) if value else None
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        paper = loaded.record()
        holder = load(archive, paper.dossier).dossier()
        actor = permit_on(archive, request, Action.CORRECT, holder, paper)
        event = record.correct(paper, name, parsed, why)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    asked = {"do": "correct", "what": target, "field": name.value, "value": parsed, "why": why}
    return carry_out(archive, request, asked, decide)


def confirm(archive: Archive, request: Request, target: StreamId) -> Answer:
    """A person compared the record with its paper and vouches for it: the lock falls.

    UnavailableError("worm-probe-failed") where the store does not keep the lock that it offers;
    IntegrityError("bytes-altered") where it is not the original that would be locked.
    """

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        paper = loaded.record()
        holder = load(archive, paper.dossier).dossier()
        actor = permit_on(archive, request, Action.CONFIRM, holder, paper)
        record.confirm(paper, keeping.UNLOCKED)  # Nothing is locked for what is refused anyway.
        lock = keeping.lock_originals(archive, paper, at, held=holder.held)
        event = record.confirm(paper, lock)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    return carry_out(archive, request, {"do": "confirm", "record": target}, decide)


def isolate(
    archive: Archive, request: Request, target: StreamId, *, ground: IsolationGround, reason: str
) -> Answer:
    """Hides a record that should never have been scanned; the incident is recorded."""
    why = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        paper = loaded.record()
        holder = load(archive, paper.dossier).dossier()
        actor = permit_on(archive, request, Action.ISOLATE, holder, paper)
        event = record.isolate(paper, ground, why)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    asked = {"do": "isolate", "record": target, "ground": ground.value, "why": why}
    answer = carry_out(archive, request, asked, decide)
    forget_pictures(archive, target)
    return answer


def close_dossier(archive: Archive, request: Request, target: StreamId) -> Answer:
    """Closes a dossier with the list of its records as they stand, bytes before fact."""

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.dossier()
        actor = permit_on(archive, request, Action.CLOSE, state)
        dossier.require_open(state)
        listed = [load(archive, each).events[-1] for each in state.records]
        manifest = put_json(
            archive,
            {
                "dossier": target,
                "records": [
                    {"record": last.stream, "version": last.version, "envelope": last.envelope.text}
                    for last in listed
                ],
            },
        )
        event = dossier.close(state, today(at), manifest)
        return Decided(actor, (Change(target, loaded.version, (event,)),))

    return carry_out(archive, request, {"do": "dossier-close", "dossier": target}, decide)


def put_json(archive: Archive, content: object) -> FileObject:
    """Stores a manifest; the same content is the same object."""
    raw = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return stored(archive.objects, raw, "application/json")


def _field(vocabulary: type[Name], text: str) -> Name:
    try:
        return vocabulary(text.strip().lower().replace("-", "_"))
    except ValueError:
        known: Sequence[str] = [item.value for item in vocabulary]
        raise InvalidValueError("unknown-field", known=", ".join(known)) from None
