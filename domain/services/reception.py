"""Reception: steps 1 to 4 in the life of a scanned page, from the station to the receipt.

(1) A batch is opened with what the station declares. (2) Bytes go to quarantine, are hashed and
compared. (3) Type and limits are checked, the original is stored durably. (4) The signed event
is the receipt. A crash before (4) leaves at most bytes without a fact, which are swept; the
station has no receipt then, still has its copy and sends it again under the same command id.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from domain import dossier, record, scanning
from domain.access import Action
from domain.agents import Actor
from domain.errors import ClaimTakenError, RefusedFileError, RuleError
from domain.events import Change, content_claim
from domain.papers import Inspection
from domain.ports import Answer, Quarantined
from domain.record import Carrier
from domain.services import Archive, Request
from domain.services.deciding import (
    Decided,
    Loaded,
    carry_out,
    load,
    new_stream,
    permit_on,
)
from domain.services.kinship import standing
from domain.text import nfc
from domain.values import Digest, EventId, FileObject, Kind, Secrecy, StreamId, Tool

LOW_RESOLUTION_DPI = 200
"""Below it a scan of an administrative paper does not meet the norm (ND 30/2020, Annex I)."""


@dataclass(frozen=True)
class Receipt:
    """What became of one file."""

    state: str
    """`stored`, `duplicate` or `refused`."""
    reason: str | None
    """The code of the refusal."""
    batch: StreamId
    record: StreamId | None
    """The record that holds the bytes, also for a duplicate."""
    sha256: Digest | None
    event: EventId
    """The signed fact; for `stored` it is the receipt."""
    warnings: tuple[str, ...] = ()


def open_batch(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    files: int,
    device: str | None,
    sheets: int | None,
    documents: int | None,
) -> StreamId:
    """Step 1: what a station is about to send for a dossier."""
    named = dossier.parse_text(nfc(device), limit=100) if device else None

    def decide(at: datetime) -> Decided:
        state = load(archive, target).dossier()
        actor = permit_on(archive, request, Action.RECEIVE_SCAN, state)
        dossier.require_open(state)
        stream = new_stream(archive, Kind.BATCH)
        event = scanning.open_batch(
            dossier=target,
            agency=state.receiving,
            device=named,
            files=files,
            sheets=sheets,
            documents=documents,
        )
        return Decided(actor, (Change(stream, 0, (event,)),), {"batch": stream})

    asked = {
        "do": "batch-open",
        "dossier": target,
        "files": files,
        "device": named,
        "sheets": sheets,
        "documents": documents,
    }
    answer = carry_out(archive, request, asked, decide)
    return StreamId(answer.result["batch"])


@dataclass(frozen=True)
class _Arrival:
    """One file of a batch on its way in."""

    batch: StreamId
    name: str
    declared: Digest | None
    paper_location: str | None
    asked: dict[str, str | None]
    """What makes this command this one; the digest is added as soon as it is known."""


def receive(
    archive: Archive,
    request: Request,
    batch: StreamId,
    source: BinaryIO,
    *,
    name: str,
    declared: Digest | None = None,
    secrecy: Secrecy = Secrecy.ORDINARY,
    paper_location: str | None = None,
) -> Receipt:
    """Steps 2 to 4 for one file of a batch; a repeat of the command gets the same receipt.

    `paper_location` says where the paper stands that the file is a scan of, when it is kept.
    """
    shown = " ".join(nfc(name).split())[:255] or "?"
    place = (
        record.parse_value(record.RecordField.PAPER_LOCATION, nfc(paper_location))
        if paper_location
        else None
    )
    asked = {
        "do": "receive",
        "batch": batch,
        "name": shown,
        "declared": str(declared),
        "secrecy": secrecy.value,
        "paper": place,
    }
    arrival = _Arrival(batch, shown, declared, place, asked)
    if secrecy is not Secrecy.ORDINARY:
        # Nothing of a state secret is stored: no digest, and not the name of its file.
        return _refuse(archive, request, replace(arrival, name="?"), RuleError("state-secret"))
    try:
        with archive.quarantine.receive(source, archive.limits.file_bytes) as waiting:
            if declared is not None and declared != waiting.sha256:
                raise RefusedFileError("declared-digest-differs")
            asked["sha256"] = waiting.sha256.text
            return _take_in(archive, request, arrival, waiting)
    except RefusedFileError as exc:
        return _refuse(archive, request, arrival, exc)


def _take_in(
    archive: Archive, request: Request, arrival: _Arrival, waiting: Quarantined
) -> Receipt:
    opened = load(archive, arrival.batch).batch()
    held = archive.journal.holder(content_claim(opened.dossier, waiting.sha256))
    if held is None:
        # (3) What it is, and whether it may come in; then the bytes, before any fact.
        inspection = archive.reader.inspect(waiting.path, archive.limits)
        holder = load(archive, opened.dossier).dossier()
        permit_on(archive, request, Action.RECEIVE_SCAN, holder)
        dossier.require_open(holder)  # Bytes that no fact may follow are not stored either.
        _put(archive, waiting)
        original = FileObject(waiting.sha256, waiting.sha512, waiting.size, inspection.media_type)
        # (4) The fact: batch, record and dossier in one transaction.
        try:
            receipt = _append(archive, request, arrival, original, inspection)
        except ClaimTakenError as exc:
            held = StreamId(str(exc.details["holder"]))
        else:
            # The same bytes may have lain there without a fact, about to be swept; since the
            # fact they stay. Only now is the receipt given.
            if archive.objects.size(waiting.sha256) is None:
                _put(archive, waiting)
            return receipt
    return _duplicate(archive, request, arrival, held, waiting.sha256)


def _put(archive: Archive, waiting: Quarantined) -> None:
    with waiting.open() as stored:
        archive.objects.put(waiting.sha256, stored)


def _append(
    archive: Archive,
    request: Request,
    arrival: _Arrival,
    original: FileObject,
    inspection: Inspection,
) -> Receipt:
    def decide(at: datetime) -> Decided:
        batch, holder, actor = _parties(archive, request, arrival.batch)
        target = batch.batch().dossier
        stream = new_stream(archive, Kind.RECORD)
        received = scanning.ScanReceived(
            record=stream,
            file=original,
            declared=arrival.declared,
            pages=len(inspection.pages),
            seen_elsewhere=archive.catalogue.is_elsewhere(original.sha256, target),
            warnings=_warnings(inspection),
            active_content=inspection.active_content,
            signatures=inspection.signatures,
            inspector=_INSPECTOR,
            name=arrival.name,
        )
        registered = record.register(
            dossier=target,
            secrecy=Secrecy.ORDINARY,
            carrier=Carrier.BOTH if arrival.paper_location else Carrier.ELECTRONIC,
            batch=arrival.batch,
            original=original,
            received_name=arrival.name,
            paper_location=arrival.paper_location,
        )
        changes = (
            Change(arrival.batch, batch.version, (received,)),
            Change(stream, 0, (registered,)),
            Change(target, holder.version, (dossier.add_record(holder.dossier(), stream),)),
        )
        elsewhere = ("same-bytes-elsewhere",) if received.seen_elsewhere else ()
        result = {
            "state": "stored",
            "record": stream,
            "sha256": original.sha256.text,
            "warnings": [*received.warnings, *elsewhere],
        }
        return Decided(actor, changes, result)

    return _receipt(arrival.batch, carry_out(archive, request, arrival.asked, decide))


def _duplicate(
    archive: Archive, request: Request, arrival: _Arrival, held: StreamId, sha256: Digest
) -> Receipt:
    def decide(at: datetime) -> Decided:
        batch, _, actor = _parties(archive, request, arrival.batch)
        state = standing(archive, load(archive, held).record())
        gone = state.isolated is not None or state.erased_by is not None or state.withdrawn
        if gone or state.dossier != batch.batch().dossier:
            raise RefusedFileError("content-removed")  # Taken from here by a decision.
        event = scanning.ScanDuplicated(state.id, arrival.name)
        result = {"state": "duplicate", "record": state.id, "sha256": sha256.text}
        return Decided(actor, (Change(arrival.batch, batch.version, (event,)),), result)

    return _receipt(arrival.batch, carry_out(archive, request, arrival.asked, decide))


def _refuse(archive: Archive, request: Request, arrival: _Arrival, refusal: RuleError) -> Receipt:
    """A refusal is a fact, too; it holds the reason and no byte of the file."""

    def decide(at: datetime) -> Decided:
        batch, _, actor = _parties(archive, request, arrival.batch)
        event = scanning.ScanRefused(batch.batch().dossier, refusal.code, arrival.name)
        result = {"state": "refused", "reason": refusal.code}
        return Decided(actor, (Change(arrival.batch, batch.version, (event,)),), result)

    return _receipt(arrival.batch, carry_out(archive, request, arrival.asked, decide))


def _parties(archive: Archive, request: Request, batch: StreamId) -> tuple[Loaded, Loaded, Actor]:
    """The batch, its dossier, and the agent in the role that may receive for it."""
    loaded = load(archive, batch)
    holder = load(archive, loaded.batch().dossier)
    actor = permit_on(archive, request, Action.RECEIVE_SCAN, holder.dossier())
    return loaded, holder, actor


def _receipt(batch: StreamId, answer: Answer) -> Receipt:
    said = answer.result
    return Receipt(
        state=said["state"],
        reason=said.get("reason"),
        batch=batch,
        record=StreamId(said["record"]) if "record" in said else None,
        sha256=Digest(said["sha256"]) if "sha256" in said else None,
        event=answer.events[0],
        warnings=tuple(said.get("warnings", ())),
    )


def _warnings(inspection: Inspection) -> tuple[str, ...]:
    scans = [page for page in inspection.pages if page.dpi is not None]
    low = any(page.dpi is not None and page.dpi < LOW_RESOLUTION_DPI for page in scans)
    grey = any(not page.colour for page in scans)
    return (("low-resolution",) if low else ()) + (("no-colour",) if grey else ())


_INSPECTOR = Tool("chauban", "inspect/1")
