"""What each command does: parse, one service call, one answer. Nothing is decided here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from api import (
    attested_searches,
    enrolling,
    keys,
    packing,
    proving,
    recording,
    registering,
    shapes,
    tokens,
)
from api.context import Context, Result, event, given_as, ref, why
from api.files import overwrite, read_file
from api.parser import KINDS
from domain.errors import ArchiveError, InvalidValueError, UnavailableError
from domain.record import IsolationGround, RepresentationKind
from domain.searching import Order
from domain.services import (
    Archive,
    description,
    erasing,
    finding,
    holding,
    opening,
    oversight,
    retrieval,
    substitution,
    working,
)
from domain.services.deciding import load
from domain.values import Digest, Kind, StreamId, kind_of

_CHUNK = 1 << 20


def search(context: Context) -> Result:
    """`chauban search`."""
    chosen = context.chosen
    if chosen.check is not None:
        return attested_searches.check(context)
    limits = {
        "from": chosen.issued_from,
        "to": chosen.issued_to,
        "dossier": chosen.dossier,
        "confirmed": chosen.confirmed or "",
    }
    query = " ".join(chosen.query)
    wanted = replace(
        finding.read_filter(context.archive, limits),
        agency=ref(context, chosen.agency, Kind.AGENCY) if chosen.agency else None,
        year=chosen.year,
        type_name=chosen.type_name,
    )
    if chosen.signed:
        return attested_searches.attest(context, query, wanted)
    found = finding.search(
        context.archive,
        context.request,
        query,
        wanted,
        order=Order(chosen.sort),
        limit=chosen.limit,
        offset=chosen.offset,
    )
    boxes = [opening.boxes(context.archive, hit) for hit in found.answer.hits]
    agencies = context.archive.catalogue.agencies()
    return shapes.findings(found.answer, boxes, agencies, chosen.offset), 0


def show(context: Context) -> Result:
    """`chauban show`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER, Kind.RECORD)
    at = retrieval.when(context.archive, context.chosen.at)
    if kind_of(target) is Kind.RECORD:
        record = retrieval.show_record(context.archive, context.request, target, at=at)
        return shapes.shown_record(record), 0
    shown = retrieval.show_dossier(context.archive, context.request, target, at=at)
    procedure = shown.dossier.procedure
    code = load(context.archive, procedure).procedure().code if procedure else None
    return shapes.shown_dossier(shown, context.archive.catalogue.agencies(), code), 0


def history(context: Context) -> Result:
    """`chauban history`: exit code 1 when an event is no longer what was signed."""
    target = ref(context, context.chosen.ref)
    at = retrieval.when(context.archive, context.chosen.at)
    events = retrieval.history(context.archive, context.request, target, at=at)
    readable = [each.recorded for each in events if each.recorded is not None]
    lent = substitution.acted_for(context.archive, readable)
    agents = {recorded.by.agent for recorded in readable} | set(lent.values())
    names = {agent: _name_of(context.archive, agent) for agent in agents}
    intact = all(each.state == "intact" for each in events)
    return {"events": [shapes.event(each, names, lent) for each in events]}, 0 if intact else 1


def _name_of(archive: Archive, agent: StreamId) -> str | None:
    """Whom an identity means; None when that cannot be read."""
    try:
        name = load(archive, agent).agent().name
    except ArchiveError:
        return None
    return name if isinstance(name, str) else None


def get(context: Context) -> Result:
    """`chauban get`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    kind = next((word for word in reversed(given_as(context.chosen)) if word in KINDS), "original")
    handed = retrieval.hand_out(context.archive, context.request, target, RepresentationKind(kind))
    output = Path(context.chosen.output)
    if not output.name or output.is_dir():
        handed.source.close()
        raise InvalidValueError("file-not-writable", file=context.chosen.output)
    staged = output.with_name(output.name + ".part")
    try:
        # Under its name stands the whole file or nothing: an altered one never gets there.
        with handed.source as source, staged.open("wb") as file:
            while chunk := source.read(_CHUNK):
                file.write(chunk)
        staged.replace(output)
    except OSError as exc:
        raise UnavailableError("file-not-writable", file=output.name) from exc
    finally:
        staged.unlink(missing_ok=True)
    return {"sha256": handed.file.sha256.text, "bytes": handed.file.size}, 0


def correct(context: Context) -> Result:
    """`chauban correct`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER, Kind.RECORD)
    do = (
        description.correct_record
        if kind_of(target) is Kind.RECORD
        else description.correct_dossier
    )
    answer = do(
        context.archive,
        context.request,
        target,
        field=context.chosen.field,
        value=context.chosen.value or None,
        reason=why(context),
    )
    return event(answer)


def confirm(context: Context) -> Result:
    """`chauban confirm`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    return event(description.confirm(context.archive, context.request, target))


def retry(context: Context) -> Result:
    """`chauban retry`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    return event(working.ask_again(context.archive, context.request, target))


def isolate(context: Context) -> Result:
    """`chauban isolate`."""
    target = ref(context, context.chosen.ref, Kind.RECORD)
    return event(
        description.isolate(
            context.archive,
            context.request,
            target,
            ground=IsolationGround(context.chosen.ground),
            reason=why(context),
        )
    )


def erase_request(context: Context) -> Result:
    """`chauban erase request`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    answer = erasing.request_erasure(context.archive, context.request, target, reason=why(context))
    return {"event": answer.events[0], "remains": []}, 0


def erase_refuse(context: Context) -> Result:
    """`chauban erase refuse`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    answer = erasing.refuse_erasure(context.archive, context.request, target, decision=why(context))
    return {"event": answer.events[0], "remains": []}, 0


def erase_restrict(context: Context) -> Result:
    """`chauban erase restrict`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    answer = erasing.restrict_instead(
        context.archive, context.request, target, decision=why(context)
    )
    return {"event": answer.events[0], "remains": []}, 0


def erase_approve(context: Context) -> Result:
    """`chauban erase approve`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    answer, remains = erasing.approve_erasure(
        context.archive, context.request, target, decision=why(context)
    )
    return {"event": answer.events[0], "remains": [vars(item) for item in remains]}, 0


def hold_place(context: Context) -> Result:
    """`chauban hold place`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    return event(holding.place_hold(context.archive, context.request, target, reason=why(context)))


def hold_lift(context: Context) -> Result:
    """`chauban hold lift`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    return event(holding.lift_hold(context.archive, context.request, target, reason=why(context)))


def verify(context: Context) -> Result:
    """`chauban verify`: exit code 1 when something was found."""
    chosen = context.chosen
    target = ref(context, chosen.ref) if chosen.ref else None
    pinned = Digest.parse(chosen.certificate) if chosen.certificate else None
    if target is not None and chosen.remember:
        raise InvalidValueError("log-covers-everything")
    since = [read_file(Path(chosen.since))] if chosen.since else []
    if chosen.remember and Path(chosen.remember).exists():
        # What would be overwritten must be a beginning of what is written: nothing kept is lost.
        since.append(read_file(Path(chosen.remember)))
    result = oversight.verify(
        context.archive,
        context.request,
        target,
        pinned=pinned,
        remembered=since,
        hashes=chosen.hashes,
        incremental=chosen.incremental,
        progress=context.progress,
    )
    if chosen.remember and result.ok and result.checkpoint is not None:
        overwrite(Path(chosen.remember), result.checkpoint.note)
        return {**shapes.verification(result), "remembered": chosen.remember}, 0
    return shapes.verification(result), 0 if result.ok else 1


def rebuild(context: Context) -> Result:
    """`chauban rebuild`."""
    known = context.archive.views.names()
    names = context.chosen.views or known
    for name in names:
        if name not in known:
            raise InvalidValueError("unknown-view", name=name[:40], known=", ".join(known))
    rebuilt = [context.archive.views.rebuild(name) for name in names]
    return {"rebuilt": [vars(each) for each in rebuilt]}, 0


def work(context: Context) -> Result:
    """`chauban work`."""
    items = retrieval.work(context.archive, context.request)
    return {
        "pending": [shapes.work_item(item) for item in items if item.state == "pending"],
        "failed": [shapes.work_item(item) for item in items if item.state != "pending"],
        "incidents": [
            shapes.plain(item) for item in retrieval.incidents(context.archive, context.request)
        ],
    }, 0


COMMANDS: Mapping[str, Callable[[Context], Result]] = {
    "agency-add": registering.agency_add,
    "agency-code": registering.agency_code,
    "agency-code-end": registering.agency_code_end,
    "agency-rename": registering.agency_rename,
    "agency-move": registering.agency_move,
    "agency-succeed": registering.agency_succeed,
    "procedure-add": registering.procedure_add,
    "procedure-list": registering.procedure_list,
    "agent-add": registering.agent_add,
    "agent-grant": registering.agent_grant,
    "agent-revoke": registering.agent_revoke,
    "agent-substitute": registering.agent_substitute,
    "agent-substitute-end": registering.agent_substitute_end,
    "user-add": enrolling.user_add,
    "user-close": enrolling.user_close,
    "keys-list": keys.keys_list,
    "keys-rotate": keys.keys_rotate,
    "keys-compromised": keys.keys_compromised,
    "log-status": proving.log_status,
    "log-attest": proving.log_attest,
    "log-export": proving.log_export,
    "log-restart": keys.log_restart,
    "log-proof": proving.log_proof,
    "evidence": packing.evidence,
    "token-add": tokens.token_add,
    "token-list": tokens.token_list,
    "token-revoke": tokens.token_revoke,
    "dossier-open": registering.dossier_open,
    "dossier-close": registering.dossier_close,
    "dossier-paper": registering.dossier_paper,
    "search": search,
    "show": show,
    "history": history,
    "get": get,
    "correct": correct,
    "confirm": confirm,
    "retry": retry,
    "isolate": isolate,
    "record-turn": recording.turn,
    "record-order": recording.order,
    "record-split": recording.split,
    "record-merge": recording.merge,
    "record-move": recording.move,
    "record-withdraw": recording.withdraw,
    "erase-request": erase_request,
    "erase-refuse": erase_refuse,
    "erase-restrict": erase_restrict,
    "erase-approve": erase_approve,
    "hold-place": hold_place,
    "hold-lift": hold_lift,
    "verify": verify,
    "rebuild": rebuild,
    "work": work,
}
