"""The public shapes of `--json` answers: fields may be added, never changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from domain import dossier, record
from domain.events import Event, Recorded
from domain.evidence import Attested, LogState, Witnessing
from domain.ports import Examined, Finding
from domain.record import RecordField
from domain.searching import SearchAnswer
from domain.services.opening import Box
from domain.services.oversight import Verification
from domain.services.proving import EndedLog
from domain.services.retrieval import DossierShown, RecordShown
from domain.values import Digest, Erased, EventId, StreamId
from domain.views import AgencyRow, ProcedureRow, WorkItem

Agencies = Mapping[StreamId, AgencyRow]


def plain(value: object) -> Any:
    """Any value of the domain as JSON; what was erased is null."""
    if isinstance(value, Erased):
        return None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Digest):
        return value.text
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(plain(name)): plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list | frozenset):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    return value


def code_of(agencies: Agencies, agency: StreamId) -> str:
    """The code that people know, or the identity of an agency that no list shows yet."""
    return agencies[agency].code if agency in agencies else agency


def dossier_state(
    state: dossier.Dossier, agencies: Agencies, procedure_code: str | None
) -> dict[str, Any]:
    """A dossier's own fields."""
    return {
        "dossier": state.code,
        "id": state.id,
        "kind": state.kind.value,
        "title": plain(state.title),
        "receiving": code_of(agencies, state.receiving),
        "deciding": code_of(agencies, state.deciding),
        "procedure": state.procedure,
        "procedure_code": procedure_code,
        "opened_on": state.opened_on.isoformat(),
        "applicant": plain(state.applicant),
        "phone": plain(state.phone),
        "id_number": plain(state.id_number),
        "address": plain(state.address),
        "closed_on": plain(state.closed_on),
        "restricted_by": state.restricted_by,
        "held": state.held,
        "erased_by": state.erased_by,
    }


def record_state(state: record.Record, dossier_code: str) -> dict[str, Any]:
    """A record's own fields."""
    return {
        "record": state.id,
        "dossier": dossier_code,
        "carrier": state.carrier.value,
        **{name.value: plain(state.metadata.get(name)) for name in RecordField},
        "received_name": plain(state.received_name),
        "page_count": state.pages,
        "warnings": list(state.reading.warnings) if state.reading else [],
        "pdfa_problem": state.reading.pdfa_problem if state.reading else None,
        "confirmed": state.confirmed,
        "lock": state.lock,
        "signatures": plain(state.signatures.findings) if state.signatures else [],
        "judgements": [item for judged in state.judged for item in _judgements(judged)],
        "erased_by": state.erased_by,
        "absorbed_into": state.absorbed_into,
        "withdrawn": state.withdrawn,
        "representations": [
            {
                "kind": item.kind.value,
                "sha256": item.file.sha256.text,
                "media_type": item.file.media_type,
                "bytes": item.file.size,
                "tool": plain(item.tool),
            }
            for item in state.representations
        ],
    }


def _judgements(judged: record.SignaturesJudged) -> Iterator[dict[str, Any]]:
    """Each signature of one original as it was judged last, with the anchors it was judged by."""
    signers = judged.signers if isinstance(judged.signers, tuple) else [None] * len(judged.findings)
    for found, signer in zip(judged.findings, signers, strict=True):
        yield {
            **vars(found),
            "signer": signer,
            "source": judged.source.text,
            "as_of": judged.as_of,
            "anchors": judged.anchors.text,
            "anchor_count": judged.anchor_count,
        }


def shown_record(shown: RecordShown) -> dict[str, Any]:
    """`show RECORD`."""
    return {
        **record_state(shown.record, shown.dossier_code),
        "pages": [plain(page) for page in shown.pages],
        "position": shown.position,
        "erasure_decision": shown.erasure_decision,
    }


def shown_dossier(
    shown: DossierShown, agencies: Agencies, procedure_code: str | None
) -> dict[str, Any]:
    """`show DOSSIER`."""
    return {
        **dossier_state(shown.dossier, agencies, procedure_code),
        "records": [record_state(paper, shown.dossier.code) for paper in shown.records],
        "position": shown.position,
        "erasure_decision": shown.erasure_decision,
    }


def findings(
    answer: SearchAnswer, boxes: Sequence[Sequence[Box]], agencies: Agencies, offset: int
) -> dict[str, Any]:
    """`search`."""
    return {
        "total": answer.total,
        "position": answer.position,
        "offset": offset,
        "hits": [
            {
                "record": hit.record,
                "dossier": hit.document.dossier_code,
                "page": hit.page,
                "match": hit.match.value,
                "score": round(hit.score, 4),
                "snippet": hit.snippet,
                "boxes": [list(box) for box in of_hit],
            }
            for hit, of_hit in zip(answer.hits, boxes, strict=True)
        ],
        "facets": {
            name: [
                [code_of(agencies, StreamId(value)) if name == "agency" else value, count]
                for value, count in values
            ]
            for name, values in answer.facets.items()
        },
    }


Names = Mapping[StreamId, str | None]
Lent = Mapping[EventId, StreamId]
_NOTHING_LENT: Lent = MappingProxyType({})


def event(examined: Examined, names: Names, lent: Lent = _NOTHING_LENT) -> dict[str, Any]:
    """One event of `history`, with the state of its signature and its place in the chain.

    `lent` names the absent officer of events that were recorded in another's place.
    An event that cannot be read keeps the members; what nobody knows is null.
    """
    common = {
        "position": examined.position,
        "stream": examined.stream,
        "type": examined.name,
        "signature": examined.state,
    }
    if examined.recorded is None:
        unknown = dict.fromkeys(("id", "version", "at", "by", "why", "command", "data"))
        return {**unknown, **common, "erased": []}
    return {**_readable(examined.recorded, names, lent), **common}


def _readable(recorded: Recorded[Event], names: Names, lent: Lent) -> dict[str, Any]:
    absent = lent.get(recorded.id)
    return {
        "id": recorded.id,
        "version": recorded.version,
        "at": recorded.at.isoformat(),
        "by": {
            **plain(recorded.by),
            "name": names.get(recorded.by.agent),
            "standing_in_for": absent,
            "standing_in_for_name": names.get(absent) if absent is not None else None,
        },
        "why": {"code": recorded.basis.code, "reference": recorded.basis.reference},
        "command": recorded.command,
        "data": plain(recorded.event),
        "erased": [
            item.name
            for item in fields(recorded.event)
            if isinstance(getattr(recorded.event, item.name), Erased)
        ],
    }


def procedure_row(row: ProcedureRow) -> dict[str, Any]:
    """A version of a procedure in `procedure list`."""
    return {
        "procedure": row.code,
        "version": row.version,
        "name": row.name,
        "in_force_from": row.in_force_from.isoformat(),
        "id": row.id,
    }


def verification(result: Verification) -> dict[str, Any]:
    """`verify`."""
    return {
        "ok": result.ok,
        "findings": [finding(each) for each in result.findings],
        "checked": dict(result.checked),
        "not_proved": list(result.not_proved),
    }


def finding(each: Finding) -> dict[str, str]:
    """One finding."""
    return {"kind": each.kind, "where": each.where, "what": each.what}


def work_item(item: WorkItem) -> dict[str, Any]:
    """One line of `work`."""
    return {
        "record": item.record,
        "dossier": item.dossier_code,
        "task": item.task,
        "state": item.state,
        "reason": item.reason,
        "attempts": item.attempts,
        "since": item.since.isoformat(),
    }


def log(state: LogState, newest: Attested | None, ended: Sequence[EndedLog]) -> dict[str, Any]:
    """How far the transparency log is, what outsiders vouched for last, and the logs before it."""
    covered = state.checkpoint
    return {
        "origin": state.origin,
        "key": state.key,
        "size": covered.size if covered else 0,
        "root": covered.root if covered else None,
        "published_at": plain(state.published_at),
        "waiting": state.waiting,
        "stopped": state.stopped,
        "attested": attested(newest) if newest is not None else None,
        "ended": plain(ended),
    }


def attested(found: Attested) -> dict[str, Any]:
    """A checkpoint that outsiders have vouched for."""
    return {
        "size": found.size,
        "position": found.position,
        "at": plain(found.at),
        "witnesses": list(found.witnesses),
        "tokens": [
            {"authority": each.authority, "at": plain(each.at), "until": plain(each.until)}
            for each in found.tokens
        ],
    }


def witness(witness: Witnessing) -> dict[str, Any]:
    """A witness of other logs: what it cosigned last, and the forks that it saw."""
    return {
        "key": witness.key,
        "logs": [
            {"origin": each.origin, "size": each.size, "root": each.root, "keys": list(each.keys)}
            for each in witness.logs()
        ],
        "forks": [
            {
                "origin": each.origin,
                "size": each.size,
                "at": plain(each.at),
                "roots": list(each.roots),
                "notes": [note.decode() if note is not None else None for note in each.notes],
            }
            for each in witness.forks()
        ],
    }
