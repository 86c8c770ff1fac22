"""Commands that enter agencies, procedures, agents and dossiers."""

from pathlib import Path

from api import shapes
from api.context import Context, Result, agent_named, event, ref, why
from api.procedures import read_procedure
from domain.agency import Succession
from domain.agents import Role
from domain.dossier import DossierKind
from domain.ports import Answer
from domain.services import administration, agencies, description, substitution
from domain.services.deciding import today
from domain.values import Kind


def agency_add(context: Context) -> Result:
    """`chauban agency add`."""
    chosen = context.chosen
    parent = ref(context, chosen.parent, Kind.AGENCY) if chosen.parent else None
    answer = agencies.add_agency(
        context.archive,
        context.request,
        code=chosen.code,
        name=chosen.agency_name,
        parent=parent,
        valid_from=chosen.since,
    )
    return {"agency": answer.result["code"], "id": answer.result["agency"]}, 0


def agency_code(context: Context) -> Result:
    """`chauban agency code`."""
    chosen = context.chosen
    answer = agencies.add_agency_code(
        context.archive,
        context.request,
        ref(context, chosen.ref, Kind.AGENCY),
        code=chosen.code,
        valid_from=chosen.since,
        valid_until=chosen.until,
    )
    return {"agency": answer.result["code"], "event": answer.events[0]}, 0


def agency_code_end(context: Context) -> Result:
    """`chauban agency code-end`."""
    chosen = context.chosen
    answer = agencies.end_agency_code(
        context.archive,
        context.request,
        ref(context, chosen.ref, Kind.AGENCY),
        code=chosen.code,
        valid_until=chosen.until,
    )
    return {"agency": answer.result["code"], "event": answer.events[0]}, 0


def agency_rename(context: Context) -> Result:
    """`chauban agency rename`."""
    chosen = context.chosen
    answer = agencies.rename_agency(
        context.archive,
        context.request,
        ref(context, chosen.ref, Kind.AGENCY),
        name=chosen.agency_name,
        valid_from=chosen.since,
    )
    return event(answer)


def agency_move(context: Context) -> Result:
    """`chauban agency move`."""
    chosen = context.chosen
    answer = agencies.move_agency(
        context.archive,
        context.request,
        ref(context, chosen.ref, Kind.AGENCY),
        parent=ref(context, chosen.parent, Kind.AGENCY),
        valid_from=chosen.since,
    )
    return event(answer)


def agency_succeed(context: Context) -> Result:
    """`chauban agency succeed`."""
    chosen = context.chosen
    answer = agencies.succeed_agency(
        context.archive,
        context.request,
        ref(context, chosen.ref, Kind.AGENCY),
        how=Succession(chosen.how),
        successors=tuple(ref(context, each, Kind.AGENCY) for each in chosen.to),
        on=chosen.on,
    )
    return event(answer)


def procedure_list(context: Context) -> Result:
    """`chauban procedure list`: public law, for everybody who acts."""
    rows = context.archive.catalogue.procedures()
    return {"procedures": [shapes.procedure_row(row) for row in rows]}, 0


def procedure_add(context: Context) -> Result:
    """`chauban procedure add`."""
    answer = administration.adopt_procedure(
        context.archive,
        context.request,
        read_procedure(Path(context.chosen.file), today(context.archive.clock.now())),
    )
    return dict(answer.result), 0


def agent_add(context: Context) -> Result:
    """`chauban agent add`."""
    chosen = context.chosen
    answer = administration.add_agent(
        context.archive,
        context.request,
        name=chosen.agent_name,
        roles=tuple(dict.fromkeys(Role(role) for role in chosen.role)),
        agencies=tuple(dict.fromkeys(ref(context, a, Kind.AGENCY) for a in chosen.agency)),
        until=chosen.until,
        since=chosen.since,
    )
    return {"agent": answer.result["agent"]}, 0


def agent_grant(context: Context) -> Result:
    """`chauban agent grant`."""
    chosen = context.chosen
    answer = administration.grant_role(
        context.archive,
        context.request,
        agent_named(context.archive, chosen.ref),
        role=Role(chosen.role),
        agency=ref(context, chosen.agency, Kind.AGENCY),
        since=chosen.since,
        until=chosen.until,
    )
    return _agent(answer)


def agent_revoke(context: Context) -> Result:
    """`chauban agent revoke`."""
    chosen = context.chosen
    answer = administration.revoke_role(
        context.archive,
        context.request,
        agent_named(context.archive, chosen.ref),
        role=Role(chosen.role),
        agency=ref(context, chosen.agency, Kind.AGENCY),
        reason=why(context),
    )
    return _agent(answer)


def agent_substitute(context: Context) -> Result:
    """`chauban agent substitute`."""
    chosen = context.chosen
    answer = substitution.appoint_substitute(
        context.archive,
        context.request,
        agent_named(context.archive, chosen.ref),
        absent=agent_named(context.archive, chosen.absent),
        role=Role(chosen.role),
        agency=ref(context, chosen.agency, Kind.AGENCY),
        since=chosen.since,
        until=chosen.until,
        ground=why(context),
    )
    return _agent(answer)


def agent_substitute_end(context: Context) -> Result:
    """`chauban agent substitute-end`."""
    chosen = context.chosen
    answer = substitution.end_substitution(
        context.archive,
        context.request,
        agent_named(context.archive, chosen.ref),
        absent=agent_named(context.archive, chosen.absent),
        role=Role(chosen.role),
        agency=ref(context, chosen.agency, Kind.AGENCY),
        reason=why(context),
    )
    return _agent(answer)


def _agent(answer: Answer) -> Result:
    return {"agent": answer.result["agent"], "event": answer.events[0]}, 0


def dossier_open(context: Context) -> Result:
    """`chauban dossier open`."""
    chosen = context.chosen
    answer = description.open_dossier(
        context.archive,
        context.request,
        kind=DossierKind.WORK_FILE if chosen.work_file else DossierKind.PROCEDURE,
        receiving=ref(context, chosen.agency, Kind.AGENCY),
        deciding=ref(context, chosen.deciding, Kind.AGENCY) if chosen.deciding else None,
        title=chosen.title,
        procedure=ref(context, chosen.procedure, Kind.PROCEDURE) if chosen.procedure else None,
        code=chosen.code,
        applicant=description.Applicant(
            chosen.applicant, chosen.phone, chosen.id_number, chosen.address
        ),
    )
    return {**answer.result, "event": answer.events[0]}, 0


def dossier_close(context: Context) -> Result:
    """`chauban dossier close`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    return event(description.close_dossier(context.archive, context.request, target))


def dossier_paper(context: Context) -> Result:
    """`chauban dossier paper`."""
    target = ref(context, context.chosen.ref, Kind.DOSSIER)
    answer = description.register_paper(
        context.archive, context.request, target, location=context.chosen.location
    )
    return {"record": answer.result["record"], "event": answer.events[0]}, 0
