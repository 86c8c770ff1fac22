"""Tokens of programs: made, listed and revoked by who administers the agent's agencies."""

from collections.abc import Sequence
from datetime import date, datetime, time

from domain import access
from domain.access import Action, Resource
from domain.agents import Role
from domain.errors import NotFoundError, RuleError
from domain.identity import Token
from domain.services import Archive, Request
from domain.services.deciding import VIETNAM, load, permit, today, tree
from domain.values import StreamId


def issue_token(
    archive: Archive,
    request: Request,
    agent: StreamId,
    *,
    name: str,
    role: Role,
    agency: StreamId,
    scopes: frozenset[str],
    until: date,
) -> tuple[str, Token]:
    """A token that acts for an agent in a role that it holds today, to the end of a day.

    Its secret is told once and kept by nobody. Raises RuleError("role-not-held") and what
    `Accounts.issue` raises.
    """
    permit(archive, request, Action.ADMINISTER, Resource(frozenset({agency})))
    now = archive.clock.now()
    held = (g for g in load(archive, agent).agent().grants if g.holds_on(today(now)))
    if not any((grant.role, grant.agency) == (role, agency) for grant in held):
        raise RuleError("role-not-held")
    end = datetime.combine(until, time.max, VIETNAM)
    secret = archive.accounts.issue(agent, name, role, agency, scopes, end, now=now)
    token = archive.accounts.token(secret, now=now)
    assert token is not None
    return secret, token


def tokens_of(archive: Archive, request: Request, agent: StreamId) -> Sequence[Token]:
    """The tokens of an agent for the agencies that the asker administers."""
    reach = access.scope(
        request.agent, Action.ADMINISTER, tree=tree(archive), on=today(archive.clock.now())
    )
    return [each for each in archive.accounts.tokens(agent) if each.agency in reach.agencies]


def revoke_token(archive: Archive, request: Request, agent: StreamId, handle: str) -> None:
    """Ends a token for its very next request; NotFoundError for one that is not there."""
    if all(token.handle != handle for token in tokens_of(archive, request, agent)):
        raise NotFoundError(reference=handle[:80])
    archive.accounts.revoke(agent, handle)
