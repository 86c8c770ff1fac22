"""The door: signing in and out, a first password, which role, which language."""

import base64
import secrets
from typing import Annotated
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.web.forms import Posted, Unguarded
from api.web.limits import limited
from api.web.render import home_of, own_address, redirect, render, speaks_english
from api.web.serving import Serving, serving_of
from api.web.tokens import masked
from api.web.visit import RoleNeededError, SignInNeededError, holding, session_of, visiting
from domain.agents import Agent, Grant, Role
from domain.errors import ArchiveError, InvalidValueError, NotFoundError, NotPermittedError
from domain.identity import Account, Session
from domain.services import enrolment
from domain.services.deciding import today
from domain.values import StreamId

router = APIRouter(include_in_schema=False)
_PURPOSES = {Role.AUDITOR: "audit", Role.ADMINISTRATOR: "administration"}


def signed_in(request: Request) -> tuple[str, Session]:
    """The session and its secret, with or without a role."""
    found = session_of(request)
    if found is None:
        raise SignInNeededError
    return found


SignedIn = Annotated[tuple[str, Session], Depends(signed_in)]


@router.get("/")
def home(request: Request) -> Response:
    """The first page of whoever is here."""
    return redirect(home_of(visiting(request)))


# ---------------------------------------------------------------- signing in and out


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/", ended: str = "") -> Response:
    """The form; whoever is signed in goes on."""
    if session_of(request) is not None and not ended:
        return redirect(own_address(next))
    return _sign_in_form(request, next=next, ended=bool(ended))


@router.post("/sign-in")
def sign_in(request: Request, form: Unguarded) -> Response:
    """Password, and the code of a device where there is one."""
    serving = serving_of(request)
    limited(request, serving.limiter, "sign-in", burst=60, a_minute=30)
    try:
        account, _ = enrolment.sign_in(
            serving.archive, form.text("login"), form.text("password"), form.optional("code")
        )
    except NotPermittedError as exc:
        return _sign_in_form(
            request,
            status=403,
            next=form.text("next"),
            login=form.text("login"),
            code_wanted=exc.code == "second-factor-required",
            trouble=_told(request, exc),
        )
    return _enter(request, account, form.text("next"))


def _enter(request: Request, account: Account, next_: str) -> Response:
    serving = serving_of(request)
    accounts, now = serving.archive.accounts, serving.archive.clock.now()
    agent = holding(serving.archive, account.agent)
    day = today(now)
    only = agent.grants[0] if len(agent.grants) == 1 else None
    if not account.second_factor and enrolment.needs_second_factor(
        agent, serving.second_factor, day
    ):
        # A role came that asks for more than a password: a new invitation sets it up.
        raise NotPermittedError("second-factor-missing")
    before = session_of(request)
    if before is not None:  # Whoever sat here before leaves; a session is never handed on.
        accounts.end(before[1].agent, before[1].handle)
    secret = accounts.begin(
        account.agent,
        role=only.role if only else None,
        agency=only.agency if only else None,
        device=request.headers.get("user-agent", "")[:80],
        english=speaks_english(request, None),
        now=now,
    )
    if only is not None:
        accounts.choose(secret, role=only.role, agency=only.agency, purpose=_purpose(only))
    target = own_address(next_)
    answer = redirect(target if only is not None else "/role?" + urlencode({"next": target}))
    _set_session(answer, serving, secret)
    return answer


@router.post("/sign-out")
def sign_out(request: Request, form: Posted) -> Response:
    """Ends this session; the browser forgets what it kept."""
    found = session_of(request)
    if found is not None:
        serving_of(request).archive.accounts.end(found[1].agent, found[1].handle)
    answer = redirect("/sign-in", done="signed-out")
    answer.delete_cookie(serving_of(request).cookie, path="/")
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def _sign_in_form(request: Request, *, status: int = 200, **values: object) -> HTMLResponse:
    context = {"next": "/", "login": "", "code_wanted": False, "ended": False, "trouble": ""}
    return render(request, "sign_in.html", status=status, **(context | values))


# ---------------------------------------------------------------- a first password


@router.get("/enrol/{secret}")
def enrol_page(request: Request, secret: str) -> HTMLResponse:
    """The one-time link of an invitation."""
    serving = serving_of(request)
    account = serving.archive.accounts.invited(secret, now=serving.archive.clock.now())
    return _enrol_form(request, secret, account)


@router.post("/enrol/{secret}")
def enrol(request: Request, secret: str, form: Unguarded) -> Response:
    """A password, and a second factor where the role asks for one; then straight in."""
    serving = serving_of(request)
    limited(request, serving.limiter, "enrol", burst=60, a_minute=30)
    accounts, now = serving.archive.accounts, serving.archive.clock.now()
    account = accounts.invited(secret, now=now)
    seed = form.optional("seed")
    try:
        if form.text("password") != form.text("again"):
            raise InvalidValueError("passwords-differ")
        if seed is None and _needs_second(serving, account):
            raise InvalidValueError("wrong-code")
        account = accounts.enrol(
            secret, form.text("password"), seed=seed, code=form.optional("code"), now=now
        )
    except InvalidValueError as exc:
        return _enrol_form(request, secret, account, seed=seed, trouble=_told(request, exc))
    return _enter(request, account, "/")


def _enrol_form(
    request: Request, secret: str, account: Account, *, seed: str | None = None, trouble: str = ""
) -> HTMLResponse:
    serving = serving_of(request)
    values: dict[str, object] = {"seed": "", "picture": ""}
    if _needs_second(serving, account):
        seed = seed or base64.b32encode(secrets.token_bytes(20)).decode()
        label = f"Chau Ban:{account.login}"
        address = f"otpauth://totp/{label}?" + urlencode({"secret": seed, "issuer": "Chau Ban"})
        picture = segno.make(address, error="m").svg_data_uri(scale=5)
        values = {"seed": seed, "picture": picture}
    status = 422 if trouble else 200
    return render(
        request,
        "enrol.html",
        status=status,
        secret=secret,
        login=account.login,
        trouble=trouble,
        **values,
    )


def _needs_second(serving: Serving, account: Account) -> bool:
    agent = holding(serving.archive, account.agent)
    day = today(serving.archive.clock.now())
    return enrolment.needs_second_factor(agent, serving.second_factor, day)


# ---------------------------------------------------------------- role and language


@router.get("/role")
def role_page(request: Request, here: SignedIn, next: str = "/") -> HTMLResponse:
    """Every role that holds today, one to be chosen."""
    serving = serving_of(request)
    agent = holding(serving.archive, here[1].agent)
    return render(
        request,
        "role.html",
        grants=[_grant_shown(serving, grant) for grant in agent.grants],
        form_token=masked(here[1].form_token),
        next=own_address(next),
        chosen=(here[1].role, here[1].agency),
    )


@router.post("/role")
def choose_role(request: Request, here: SignedIn, form: Posted) -> Response:
    """Goes on in one role of one agency."""
    serving = serving_of(request)
    agent = holding(serving.archive, here[1].agent)
    grant = _grant_named(agent, form.text("grant"))
    account = serving.archive.accounts.account(agent.id)
    asks_more = grant.role in serving.second_factor
    if asks_more and not (account is not None and account.second_factor):
        # The role came after signing in with a password alone.
        raise NotPermittedError("second-factor-missing")
    serving.archive.accounts.choose(
        here[0], role=grant.role, agency=grant.agency, purpose=_purpose(grant)
    )
    return redirect(own_address(form.text("next")))


def _grant_named(agent: Agent, name: str) -> Grant:
    for grant in agent.grants:
        if f"{grant.role.value}/{grant.agency}" == name:
            return grant
    raise RoleNeededError


def _grant_shown(serving: Serving, grant: Grant) -> dict[str, object]:
    row = serving.archive.catalogue.agencies().get(StreamId(grant.agency))
    return {
        "value": f"{grant.role.value}/{grant.agency}",
        "role": grant.role,
        "agency_id": grant.agency,
        "agency": row.name if row else grant.agency,
        "until": grant.until,
    }


def _purpose(grant: Grant) -> str:
    return _PURPOSES.get(grant.role, "work")


@router.get("/language")
def language(request: Request, to: str = "vi", next: str = "/") -> Response:
    """Switches the language, now and for the next visit; it changes nothing of the archive."""
    english = to == "en"
    found = session_of(request)
    if found is not None:
        serving_of(request).archive.accounts.speak(found[0], english=english)
    answer = redirect(own_address(next))
    answer.set_cookie(
        "chauban-language",
        "en" if english else "vi",
        max_age=365 * 86400,
        secure=serving_of(request).secure,
        httponly=True,
        samesite="lax",
    )
    return answer


# ---------------------------------------------------------------- one's own sessions


@router.get("/account")
def account_page(request: Request, here: SignedIn) -> HTMLResponse:
    """What is open for the visitor, and how to end it."""
    visiting(request)
    serving = serving_of(request)
    accounts, now = serving.archive.accounts, serving.archive.clock.now()
    account = accounts.account(here[1].agent)
    if account is None:
        raise NotFoundError(reference=here[1].agent)
    sessions = accounts.sessions(here[1].agent, now=now)
    return render(request, "account.html", account=account, sessions=sessions, here=here[1].handle)


@router.post("/account/end")
def end_session(request: Request, here: SignedIn, form: Posted) -> Response:
    """Ends one of the visitor's sessions, or all of them."""
    serving_of(request).archive.accounts.end(here[1].agent, form.optional("handle"))
    return redirect("/account", done="session-ended")


def _set_session(answer: RedirectResponse, serving: Serving, secret: str) -> None:
    answer.set_cookie(
        serving.cookie, secret, path="/", secure=serving.secure, httponly=True, samesite="lax"
    )


def _told(request: Request, exc: ArchiveError) -> str:
    speech = serving_of(request).speech(english=speaks_english(request, None))
    return speech.trouble(exc.code, exc.details)
