"""The administrator's pages of people: their roles, who stands in for whom, accounts and tokens."""

from collections.abc import Callable, Mapping

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from api.routes.agencies import choices
from api.web.forms import Form, Posted
from api.web.render import redirect, render
from api.web.sent import Sent, attempt, day, needed_day
from api.web.visit import Visit, Visitor
from domain.agents import Role
from domain.errors import InvalidValueError, NotFoundError
from domain.identity import SCOPES
from domain.services import administration, enrolment, overview, substitution, tokens
from domain.services.deciding import today
from domain.services.replaying import names_of
from domain.text import fold, nfc
from domain.values import Kind, StreamId

router = APIRouter(include_in_schema=False)
_LISTED = 100
"""People of one page of the list."""
_FIELDS: Mapping[str, str] = {
    "": "role",
    "account-not-open": "reason",
    "invalid-login": "login",
    "invalid-name": "name",
    "invalid-period": "until",
    "invalid-scope": "scope",
    "invalid-text": "reason",
    "invalid-token-end": "until",
    "last-administrator": "reason",
    "login-taken": "login",
    "mandate-without-end": "until",
    "reason-required": "reason",
}
"""At which field an error stands, where no form says otherwise."""


@router.get("/admin/people")
def people(request: Request, visit: Visitor, find: str = "", page: str = "1") -> HTMLResponse:
    """Everybody in reach, or those whose name has the words that were typed."""
    overview.reach(visit.archive, visit.request())
    words = fold(nfc(find[:100])).split()
    rows = [
        row
        for row in administration.people(visit.archive, visit.request())
        if all(word in fold(row.name or "") for word in words)
    ]
    last = max(1, -(-len(rows) // _LISTED))
    number = min(int(page), last) if page.isascii() and page.isdecimal() and len(page) < 6 else 1
    number = max(number, 1)
    return render(
        request,
        "admin/people.html",
        rows=rows[(number - 1) * _LISTED : number * _LISTED],
        total=len(rows),
        find=find[:100],
        page=number,
        last=last,
        today=today(visit.archive.clock.now()),
    )


@router.get("/admin/people/new")
def new_page(request: Request, visit: Visitor) -> HTMLResponse:
    """The form of a new person."""
    return _new_form(request, visit, Sent())


@router.post("/admin/people/new")
def new(request: Request, visit: Visitor, form: Posted) -> Response:
    """A person with one or more roles in an agency; then the person's page, to invite."""
    made: list[str] = []

    def do() -> None:
        roles = tuple(_role(text) for text in dict.fromkeys(form.every("role")))
        if not roles:
            raise InvalidValueError("invalid-choice", field="role")
        answer = administration.add_agent(
            visit.archive,
            visit.request(form.command),
            name=form.text("name"),
            roles=roles,
            agencies=(_agency(visit, form),),
            since=day(form, "since"),
            until=day(form, "until"),
        )
        made.append(answer.result["agent"])

    refused = attempt(visit, "new", form, _FIELDS, do)
    if refused is not None:
        return _new_form(request, visit, refused)
    return redirect(f"/admin/people/{made[0]}", done="person-added")


@router.get("/admin/people/{target}")
def person_page(request: Request, visit: Visitor, target: str) -> HTMLResponse:
    """One person: roles, who stands in for whom, the account, its sessions and tokens."""
    return _page(request, visit, target, Sent())


@router.post("/admin/people/{target}/invite")
def invite(request: Request, visit: Visitor, target: str, form: Posted) -> HTMLResponse:
    """The one-time link, in this answer alone: it stands in no address and is kept nowhere."""
    row = overview.person_seen(visit.archive, visit.request(), target).row
    made: list[str] = []

    def do() -> None:
        asked = visit.request(form.command)
        made.append(enrolment.invite(visit.archive, asked, row.id, form.text("login"))[1])

    refused = attempt(visit, "invite", form, {**_FIELDS, "": "login"}, do)
    if refused is not None:
        return _page(request, visit, target, refused)
    link = f"{visit.serving.origin}/enrol/{made[0]}"
    return render(request, "admin/invited.html", row=row, link=link, login=form.text("login"))


@router.post("/admin/people/{target}/token")
def issue_token(request: Request, visit: Visitor, target: str, form: Posted) -> HTMLResponse:
    """A token's secret, in this answer alone."""
    row = overview.person_seen(visit.archive, visit.request(), target).row
    made: list[str] = []

    def do() -> None:
        role, agency = _held(form)
        secret, _ = tokens.issue_token(
            visit.archive,
            visit.request(form.command),
            row.id,
            name=form.text("name"),
            role=role,
            agency=agency,
            scopes=frozenset(form.every("scope")),
            until=needed_day(form, "until"),
        )
        made.append(secret)

    refused = attempt(visit, "token", form, {**_FIELDS, "": "held"}, do)
    if refused is not None:
        return _page(request, visit, target, refused)
    return render(request, "admin/token_issued.html", row=row, secret=made[0])


@router.post("/admin/people/{target}/{change}")
def change(request: Request, visit: Visitor, target: str, change: str, form: Posted) -> Response:
    """One of the changes of a person that show nothing but the person again."""
    row = overview.person_seen(visit.archive, visit.request(), target).row
    if change not in _CHANGES:
        raise NotFoundError(reference=change[:80])
    do, field, done = _CHANGES[change]
    refused = attempt(visit, change, form, {**_FIELDS, "": field}, lambda: do(visit, row.id, form))
    if refused is not None:
        return _page(request, visit, target, refused)
    return redirect(f"/admin/people/{row.id}", done=done.removeprefix("page-done-"))


def _grant(visit: Visit, target: StreamId, form: Form) -> None:
    administration.grant_role(
        visit.archive,
        visit.request(form.command),
        target,
        role=_role(form.text("role")),
        agency=_agency(visit, form),
        since=day(form, "since"),
        until=day(form, "until"),
    )


def _revoke(visit: Visit, target: StreamId, form: Form) -> None:
    role, agency = _held(form)
    administration.revoke_role(
        visit.archive,
        visit.request(form.command),
        target,
        role=role,
        agency=agency,
        reason=form.text("reason"),
    )


def _appoint(visit: Visit, target: StreamId, form: Form) -> None:
    absent, role, agency = _lent(form)
    substitution.appoint_substitute(
        visit.archive,
        visit.request(form.command),
        target,
        absent=absent,
        role=role,
        agency=agency,
        since=day(form, "since"),
        until=needed_day(form, "until"),
        ground=form.text("reason"),
    )


def _end_substitution(visit: Visit, target: StreamId, form: Form) -> None:
    absent, role, agency = _lent(form)
    substitution.end_substitution(
        visit.archive,
        visit.request(form.command),
        target,
        absent=absent,
        role=role,
        agency=agency,
        reason=form.text("reason"),
    )


def _close(visit: Visit, target: StreamId, form: Form) -> None:
    asked = visit.request(form.command)
    enrolment.close_account(visit.archive, asked, target, reason=form.text("reason"))


def _end_sessions(visit: Visit, target: StreamId, form: Form) -> None:
    enrolment.end_sessions(visit.archive, visit.request(form.command), target)


def _revoke_token(visit: Visit, target: StreamId, form: Form) -> None:
    asked = visit.request(form.command)
    tokens.revoke_token(visit.archive, asked, target, form.text("handle"))


_CHANGES: Mapping[str, tuple[Callable[[Visit, StreamId, Form], None], str, str]] = {
    "grant": (_grant, "role", "page-done-role-granted"),
    "revoke": (_revoke, "held", "page-done-role-revoked"),
    "appoint": (_appoint, "lent", "page-done-substitute-appointed"),
    "end-substitution": (_end_substitution, "lent", "page-done-substitution-ended"),
    "close": (_close, "reason", "page-done-account-closed"),
    "end-sessions": (_end_sessions, "handle", "page-done-sessions-ended"),
    "revoke-token": (_revoke_token, "handle", "page-done-token-revoked"),
}
"""What a form does, its first field, and the message that says that it was done."""


# ---------------------------------------------------------------- what a form chooses


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as exc:
        raise InvalidValueError("invalid-choice", field="role") from exc


def _agency(visit: Visit, form: Form) -> StreamId:
    return overview.agency_seen(visit.archive, visit.request(), form.text("agency")).id


def _held(form: Form) -> tuple[Role, StreamId]:
    """`role/agency`, as the page wrote it."""
    role, _, agency = form.text("held").partition("/")
    if not agency.startswith(f"{Kind.AGENCY}-"):
        raise InvalidValueError("invalid-choice", field="held")
    return _role(role), StreamId(agency)


def _lent(form: Form) -> tuple[StreamId, Role, StreamId]:
    """`agent/role/agency`, as the page wrote it."""
    parts = form.text("lent").split("/")
    if len(parts) != 3 or not parts[0].startswith(f"{Kind.AGENT}-"):
        raise InvalidValueError("invalid-choice", field="lent")
    return StreamId(parts[0]), _role(parts[1]), StreamId(parts[2])


# ---------------------------------------------------------------- pages


def _new_form(request: Request, visit: Visit, sent: Sent) -> HTMLResponse:
    return render(
        request,
        "admin/person_new.html",
        status=sent.status,
        sent=sent,
        roles=_roles(visit),
        choices=choices(visit),
    )


def _page(request: Request, visit: Visit, target: str, sent: Sent) -> HTMLResponse:
    person = overview.person_seen(visit.archive, visit.request(), target)
    absent = {g.standing_in_for for g in person.row.grants if g.standing_in_for is not None}
    lendable = overview.lendable(visit.archive, visit.request(), person.row.id)
    return render(
        request,
        "admin/person.html",
        status=sent.status,
        sent=sent,
        person=person,
        row=person.row,
        factor_missing=_factor_missing(visit, person),
        today=today(visit.archive.clock.now()),
        names=names_of(visit.archive, absent),
        roles=_roles(visit),
        choices=choices(visit),
        lendable=[(_lent_value(each), _lent_text(visit, each)) for each in lendable],
        scopes=[(scope, visit.speech.named("scope", scope)) for scope in sorted(SCOPES)],
    )


def _factor_missing(visit: Visit, person: overview.Person) -> bool:
    """True when a role came that asks for more than this account has: it must be invited anew."""
    account, on = person.account, today(visit.archive.clock.now())
    wanted = visit.serving.second_factor
    held = any(g.role in wanted and g.holds_on(on) for g in person.row.grants)
    return account is not None and account.enrolled and not account.second_factor and held


def _roles(visit: Visit) -> list[tuple[str, str]]:
    """Every role that a person can be given."""
    return [(r.value, visit.speech.named("role", r.value)) for r in Role if r is not Role.SYSTEM]


def _lent_value(each: overview.Lendable) -> str:
    return f"{each.holder.id}/{each.grant.role.value}/{each.grant.agency}"


def _lent_text(visit: Visit, each: overview.Lendable) -> str:
    role = visit.speech.named("role", each.grant.role.value)
    agency = visit.agencies[each.grant.agency]
    return f"{each.holder.name or each.holder.id} · {role} · {agency.code}"
