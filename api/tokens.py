"""Commands that let programs in, and end that."""

from typing import Any

from api import shapes
from api.context import Context, Result, agent_named, ref
from domain.agents import Role
from domain.identity import Token
from domain.services import tokens
from domain.values import Kind


def token_add(context: Context) -> Result:
    """`chauban token add`: the secret is told once."""
    chosen = context.chosen
    secret, token = tokens.issue_token(
        context.archive,
        context.request,
        agent_named(context.archive, chosen.agent),
        name=chosen.token_name,
        role=Role(chosen.role),
        agency=ref(context, chosen.agency, Kind.AGENCY),
        scopes=frozenset(chosen.scope),
        until=chosen.until,
    )
    return {"token": secret, **_plain(context, token)}, 0


def token_list(context: Context) -> Result:
    """`chauban token list`."""
    agent = agent_named(context.archive, context.chosen.agent)
    found = tokens.tokens_of(context.archive, context.request, agent)
    return {"tokens": [_plain(context, token) for token in found]}, 0


def token_revoke(context: Context) -> Result:
    """`chauban token revoke`."""
    agent = agent_named(context.archive, context.chosen.agent)
    tokens.revoke_token(context.archive, context.request, agent, context.chosen.handle)
    return {"handle": context.chosen.handle}, 0


def _plain(context: Context, token: Token) -> dict[str, Any]:
    agencies = context.archive.catalogue.agencies()
    return {
        "handle": token.handle,
        "name": token.name,
        "agent": token.agent,
        "role": token.role.value,
        "agency": shapes.code_of(agencies, token.agency),
        "scopes": sorted(token.scopes),
        "until": token.until.isoformat(),
    }
