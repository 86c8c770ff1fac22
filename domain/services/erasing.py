"""Erasing personal data: requested, then refused, answered by restriction, or approved.

Approval: (1) what goes and what stays is worked out, (2) the list of it is stored, (3) the case
is noted outside the archive as about to be approved, (4) one transaction records the approval
and drops disclosures and keys, (5) it is noted as approved, (6) derivatives are destroyed, views
and index forget, and the completion is recorded. A crash before (4) leaves everything; after it
(6) is repeated by the next start until it is complete.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain import dossier, erasure, hold, record
from domain.access import Action
from domain.agents import Actor, Role
from domain.errors import NotFoundError, RuleError
from domain.events import Change
from domain.ports import Answer, NotedErasure
from domain.record import RepresentationKind
from domain.services import Archive, Request
from domain.services.deciding import (
    Decided,
    carry_out,
    load,
    new_stream,
    permit_on,
)
from domain.services.description import put_json
from domain.services.kinship import kin_of
from domain.services.retrieval import forget_pictures
from domain.text import nfc
from domain.values import Basis, CommandId, Digest, FileObject, Kind, StreamId, kind_of

_GOES = (RepresentationKind.TEXT, RepresentationKind.WORDS, RepresentationKind.THUMBNAILS)
_STAYS = (RepresentationKind.ORIGINAL, RepresentationKind.PDFA, RepresentationKind.ASSEMBLY)


@dataclass(frozen=True)
class Remains:
    """Something that an erasure leaves, and why."""

    what: str
    """The digest, or the name of a field."""
    why: str
    """A stable code: `original-kept`, `pdfa-kept`, `assembly-kept`, `shared-text`."""
    until: str | None
    """The day on which its retention ends, None when that is not settled."""


@dataclass(frozen=True)
class Plan:
    """What an approval would destroy and what it would leave."""

    destroyed: tuple[Digest, ...]
    shared: tuple[Digest, ...]
    remains: tuple[Remains, ...]


def request_erasure(archive: Archive, request: Request, target: StreamId, *, reason: str) -> Answer:
    """Records that somebody asked; nothing else changes. Result: `erasure`."""
    text = dossier.parse_text(nfc(reason))

    def decide(at: datetime) -> Decided:
        state = load(archive, target).dossier()
        actor = permit_on(archive, request, Action.REQUEST_ERASURE, state)
        if state.erased_by is not None:
            raise RuleError("dossier-erased", dossier=state.code)
        if _cases(archive, target, erasure.CaseState.REQUESTED):
            raise RuleError("erasure-pending", dossier=state.code)
        stream = new_stream(archive, Kind.ERASURE)
        event = erasure.ErasureRequested(target, request.agent.id, text)
        return Decided(actor, (Change(stream, 0, (event,)),), {"erasure": stream})

    return carry_out(
        archive, request, {"do": "erase-request", "dossier": target, "why": text}, decide
    )


def refuse_erasure(
    archive: Archive, request: Request, target: StreamId, *, decision: str
) -> Answer:
    """The law forbids it; the ground is in the decision."""
    text = dossier.parse_text(nfc(decision))

    def decide(at: datetime) -> Decided:
        case, version, actor, _ = _pending(archive, request, target)
        return Decided(actor, (Change(case.id, version, (erasure.ErasureRefused(text),)),))

    return carry_out(
        archive, request, {"do": "erase-refuse", "dossier": target, "why": text}, decide
    )


def restrict_instead(
    archive: Archive, request: Request, target: StreamId, *, decision: str
) -> Answer:
    """The data stays and fewer people see it."""
    text = dossier.parse_text(nfc(decision))

    def decide(at: datetime) -> Decided:
        case, version, actor, dossier_version = _pending(archive, request, target)
        changes = (
            Change(case.id, version, (erasure.ErasureAnsweredByRestriction(text),)),
            Change(target, dossier_version, (dossier.DossierRestricted(case.id),)),
        )
        return Decided(actor, changes)

    return carry_out(
        archive, request, {"do": "erase-restrict", "dossier": target, "why": text}, decide
    )


def approve_erasure(
    archive: Archive, request: Request, target: StreamId, *, decision: str
) -> tuple[Answer, tuple[Remains, ...]]:
    """Erases the personal data of a dossier and its records, by a second person's decision."""
    text = dossier.parse_text(nfc(decision))

    def decide(at: datetime) -> Decided:
        case, version, actor, _ = _pending(archive, request, target)
        state = load(archive, target).dossier()
        hold.require_free(state.code, held=state.held)
        changes, remains = _approval(archive, case, version, request.agent.id, text)
        archive.erasures.note(_noted(case, text, approved=False))
        result = {"erasure": case.id, "remains": [vars(item) for item in remains]}
        return Decided(actor, changes, result)

    asked = {"do": "erase-approve", "dossier": target, "why": text}
    answer = carry_out(archive, request, asked, decide)
    complete(archive, StreamId(answer.result["erasure"]))
    return answer, tuple(Remains(**item) for item in answer.result["remains"])


def complete(archive: Archive, case_id: StreamId) -> None:
    """Steps 5 and 6; doing them again does no harm."""
    loaded = load(archive, case_id)
    case = loaded.erasure()
    if case.state is not erasure.CaseState.APPROVED or case.completed:
        return
    assert case.manifest is not None
    assert isinstance(case.decision, str)
    archive.erasures.note(_noted(case, case.decision, approved=True))
    with archive.objects.open(case.manifest.sha256) as source:
        listed = json.loads(source.read())
    approval = loaded.events[-1].id
    shared = len(listed["shared"])
    for text in listed["destroyed"]:
        archive.views.catch_up()  # No record of the dossier refers to it; others may, until now.
        try:
            archive.objects.destroy(Digest(text), decision=approval)
        except RuleError as exc:
            if exc.code != "still-referred":
                raise
            shared += 1  # Another lawful record came to the same bytes since the plan was made.
    archive.views.forget()
    for each in listed["records"]:
        forget_pictures(archive, StreamId(each))
    total = len(listed["destroyed"]) + len(listed["shared"])
    event = erasure.ErasureCompleted(total - shared, shared)

    def decide(at: datetime) -> Decided:
        actor = Actor(archive.worker, Role.SYSTEM, load(archive, case.dossier).dossier().receiving)
        return Decided(actor, (Change(case_id, load(archive, case_id).version, (event,)),))

    carry_out(archive, _own_request(archive, f"complete/{case_id}"), {"case": case_id}, decide)


def complete_all(archive: Archive) -> int:
    """Finishes what a crash interrupted, and applies again what a restored backup had undone."""
    done = 0
    for noted in archive.erasures.noted():
        events = archive.journal.load(noted.case)
        state = load(archive, noted.case).erasure().state if events else None
        if state is erasure.CaseState.APPROVED:
            complete(archive, noted.case)
        elif noted.approved:
            _apply_again(archive, noted)
            done += 1
    return done


def _apply_again(archive: Archive, noted: NotedErasure) -> None:
    """The archive was restored to a time before the approval: the decision still holds."""
    if not archive.journal.load(noted.dossier):
        return  # The backup is older than the dossier.
    request = _own_request(archive, f"again/{noted.case}")

    def decide(at: datetime) -> Decided:
        events = archive.journal.load(noted.case)
        asked = erasure.ErasureRequested(noted.dossier, noted.requested_by, noted.decision)
        case = (
            load(archive, noted.case).erasure()
            if events
            else erasure.evolve(None, noted.case, asked)
        )
        changes, _ = _approval(archive, case, len(events), archive.worker, noted.decision)
        if not events:
            first, *rest = changes
            changes = (Change(first.stream, 0, (asked, *first.events)), *rest)
        agency = load(archive, noted.dossier).dossier().receiving
        return Decided(Actor(archive.worker, Role.SYSTEM, agency), changes)

    carry_out(archive, request, {"again": noted.case}, decide)
    complete(archive, noted.case)


# ---------------------------------------------------------------- what goes, what stays


def _approval(
    archive: Archive, case: erasure.ErasureCase, version: int, approver: StreamId, text: str
) -> tuple[tuple[Change, ...], tuple[Remains, ...]]:
    holder = load(archive, case.dossier)
    state = holder.dossier()
    papers = [load(archive, each) for each in state.records]
    plan = _plan(archive, state, [paper.record() for paper in papers])
    manifest = put_json(
        archive,
        {
            "dossier": case.dossier,
            "records": list(state.records),
            "destroyed": [digest.text for digest in plan.destroyed],
            "shared": [digest.text for digest in plan.shared],
            "remains": [vars(item) for item in plan.remains],
        },
    )
    approved = erasure.approve(case, approver, len(papers), manifest, text)
    changes = (
        Change(case.id, version, (approved,)),
        Change(case.dossier, holder.version, (dossier.DossierErased(case.id),)),
        *(
            Change(paper.events[0].stream, paper.version, (record.RecordErased(case.id),))
            for paper in papers
        ),
    )
    return changes, plan.remains


def _plan(archive: Archive, state: dossier.Dossier, papers: list[record.Record]) -> Plan:
    archive.views.catch_up()
    own = frozenset(state.records)
    goes: list[Digest] = []
    remains: list[Remains] = []
    for paper in papers:
        goes.extend(_personal_objects(archive, paper))
        # What was read before pages were split off is the text of those pages, too.
        for other in kin_of(archive, paper):
            goes.extend(_texts(archive, other.former))
        for item in (*paper.representations, *paper.former):
            if item.kind in _STAYS:
                until = _kept_until(archive, state)
                remains.append(Remains(item.file.sha256.text, f"{item.kind.value}-kept", until))
    shared = sorted({digest for digest in goes if archive.catalogue.referring(digest) - own})
    remains.extend(Remains(digest.text, "shared-text", None) for digest in shared)
    remains = list(dict.fromkeys(remains))  # Two records of the dossier may share an original.
    return Plan(tuple(sorted(set(goes) - set(shared))), tuple(shared), tuple(remains))


def _personal_objects(archive: Archive, paper: record.Record) -> list[Digest]:
    """Every object that holds the text of a record, of its first reading and of later ones."""
    return _texts(archive, (*paper.representations, *paper.former))


def _texts(archive: Archive, made: Sequence[record.Representation]) -> list[Digest]:
    found: list[Digest] = []
    for item in made:
        if item.kind in _GOES:
            found.append(item.file.sha256)
            if item.kind is RepresentationKind.THUMBNAILS:
                found.extend(thumbnails(archive, item.file))
    return found


def thumbnails(archive: Archive, manifest: FileObject) -> list[Digest]:
    """The pictures that a manifest of thumbnails lists."""
    with archive.objects.open(manifest.sha256) as source:
        listed = json.loads(source.read())["thumbnails"]
    return [Digest(item["sha256"]) for item in listed if item is not None]


def _kept_until(archive: Archive, state: dossier.Dossier) -> str | None:
    """31 December of the year of closing plus the rule's years (Law 33/2024/QH15, Art. 15)."""
    if state.procedure is None or state.closed_on is None:
        return None
    versions = load(archive, state.procedure).procedure().versions
    rule = versions[(state.procedure_version or 1) - 1].retention
    if rule is None or rule.years is None:
        return None
    return f"{state.closed_on.year + rule.years}-12-31"


# ---------------------------------------------------------------- cases


def _cases(
    archive: Archive, target: StreamId, wanted: erasure.CaseState
) -> list[erasure.ErasureCase]:
    archive.views.catch_up()
    streams = {
        found.stream: None
        for position in archive.history.of(target)
        for found in archive.journal.follow(position - 1, 1)
        if kind_of(found.stream) is Kind.ERASURE
    }
    cases = [load(archive, stream).erasure() for stream in streams]
    return [case for case in cases if case.state is wanted]


def _pending(
    archive: Archive, request: Request, target: StreamId
) -> tuple[erasure.ErasureCase, int, Actor, int]:
    """The open case of a dossier, its version, who decides, and the dossier's version."""
    holder = load(archive, target)
    actor = permit_on(archive, request, Action.DECIDE_ERASURE, holder.dossier())
    cases = _cases(archive, target, erasure.CaseState.REQUESTED)
    if not cases:
        raise NotFoundError("no-erasure-pending", dossier=holder.dossier().code)
    loaded = load(archive, cases[0].id)
    return loaded.erasure(), loaded.version, actor, holder.version


def _noted(case: erasure.ErasureCase, decision: str, *, approved: bool) -> NotedErasure:
    return NotedErasure(case.id, case.dossier, case.requested_by, decision, approved)


def _own_request(archive: Archive, command: str) -> Request:
    agent = load(archive, archive.worker).agent()
    return Request(agent, CommandId(command), Basis("CHAUBAN"))
