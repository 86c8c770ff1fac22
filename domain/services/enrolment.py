"""Letting people sign in, and ending that.

That an account was opened or closed is an event, and it comes first; secrets follow it. What a
crash leaves in between, the same command repairs.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime

from domain import agents
from domain.access import Action, Resource
from domain.agents import AccountState, Actor, Agent, Role
from domain.errors import ClaimTakenError, NotPermittedError, RuleError
from domain.events import Change
from domain.identity import Account, Session, parse_login
from domain.ports import Answer
from domain.services import Archive, Request
from domain.services.administration import require_administrator
from domain.services.deciding import Decided, agencies_of, carry_out, load, permit, today
from domain.values import StreamId


def invite(archive: Archive, request: Request, agent: StreamId, login: str) -> tuple[Answer, str]:
    """Opens the account of an agent, or renews it, and makes the secret of an invitation.

    (1) `AccountOpened` is appended. (2) The invitation is made. A crash between them leaves an
    account that nobody can enter yet; the repeated command makes another secret and no second
    event. Raises ClaimTakenError("login-taken"), RuleError("account-for-persons").
    """
    parsed = parse_login(login)
    _administer(archive, request, agent)  # A repeated command makes a secret, so it is asked too.
    if archive.accounts.holder(parsed) not in (None, agent):
        raise ClaimTakenError("login-taken")

    def decide(at: datetime) -> Decided:
        actor = _administer(archive, request, agent)
        loaded = load(archive, agent)
        event = agents.open_account(loaded.agent(), parsed)
        return Decided(
            actor, (Change(agent, loaded.version, (event,)),), {"agent": agent, "login": parsed}
        )

    asked = {"do": "account-open", "agent": agent, "login": parsed}
    answer = carry_out(archive, request, asked, decide)  # (1)
    if load(archive, agent).agent().account is not AccountState.OPEN:
        raise RuleError("account-not-open")  # It was closed since the command was given first.
    return answer, archive.accounts.invite(agent, parsed, now=archive.clock.now())  # (2)


def close_account(archive: Archive, request: Request, agent: StreamId, *, reason: str) -> Answer:
    """Ends an account with its sessions and tokens, until the agent is invited again.

    The last administrator of the archive keeps it: RuleError("last-administrator").
    (1) `AccountClosed` is appended. (2) The account is shut. Between them `sign_in` refuses the
    account already; the command, repeated or given anew, does the rest.
    """
    _administer(archive, request, agent)

    def decide(at: datetime) -> Decided:
        actor = _administer(archive, request, agent)
        loaded = load(archive, agent)
        event = agents.close_account(loaded.agent(), reason)
        require_administrator(archive, loaded.agent(), event, today(at))
        return Decided(actor, (Change(agent, loaded.version, (event,)),), {"agent": agent})

    asked = {"do": "account-close", "agent": agent, "reason": reason}
    try:
        return carry_out(archive, request, asked, decide)  # (1)
    finally:
        if load(archive, agent).agent().account is AccountState.CLOSED:
            archive.accounts.set_disabled(agent, disabled=True)  # (2)


def sessions_of(archive: Archive, request: Request, agent: StreamId) -> Sequence[Session]:
    """What is open for an agent, the newest first."""
    _administer(archive, request, agent)
    return archive.accounts.sessions(agent, now=archive.clock.now())


def end_sessions(archive: Archive, request: Request, agent: StreamId) -> None:
    """Ends every session of an agent for its very next request; the account stays open."""
    _administer(archive, request, agent)
    archive.accounts.end(agent)


def sign_in(archive: Archive, login: str, password: str, code: str | None) -> tuple[Account, Agent]:
    """Who signs in with these; NotPermittedError as `Accounts.authenticate` says.

    The agent's events have the last word on whether the account is open.
    """
    account = archive.accounts.authenticate(login, password, code, now=archive.clock.now())
    agent = load(archive, account.agent).agent()
    if agent.account is not AccountState.OPEN:
        raise NotPermittedError("account-disabled")
    return account, agent


def needs_second_factor(agent: Agent, roles: AbstractSet[Role], on: date) -> bool:
    """True when the agent holds one of the roles that sign in with a second factor."""
    return any(grant.role in roles and grant.holds_on(on) for grant in agent.grants)


def administers(archive: Archive, request: Request, agent: StreamId) -> bool:
    """True when the asker may open and close the account of the agent."""
    try:
        _administer(archive, request, agent)
    except NotPermittedError:
        return False
    return True


def _administer(archive: Archive, request: Request, agent: StreamId) -> Actor:
    """The administrator of every agency of the agent."""
    agencies = agencies_of(load(archive, agent))
    actor = permit(archive, request, Action.ADMINISTER, Resource(agencies))
    for each in sorted(agencies):
        permit(archive, request, Action.ADMINISTER, Resource(frozenset({each})))
    return actor
