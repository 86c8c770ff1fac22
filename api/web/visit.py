"""A visit: who asks, in which of their roles, in which language. Decided anew for each request, so
that a role that was taken away is gone at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated

from fastapi import Depends, Request

from api.speech import Speech
from api.web.serving import Serving, serving_of
from domain import access, services
from domain.access import Action
from domain.agents import AccountState, Actor, Agent, Grant
from domain.errors import NotPermittedError
from domain.identity import Session
from domain.reads import ReadKind
from domain.services import Archive
from domain.services.deciding import load, today
from domain.values import Basis, CommandId, StreamId
from domain.views import AgencyRow

BASIS = "33/2024/QH15"
"""The Law on Archives: the legal basis of what a form does, unless it names another."""


class SignInNeededError(Exception):
    """Nobody is signed in, or the visit ended."""


class RoleNeededError(Exception):
    """Somebody is signed in who holds several roles and chose none that still holds."""


@dataclass(frozen=True)
class Visit:
    """One request of somebody who signed in."""

    serving: Serving
    session: Session
    secret: str
    """The session's secret, for changing or ending it."""
    agent: Agent
    """With every grant that holds today."""
    grant: Grant
    """The role that was chosen."""

    @property
    def archive(self) -> Archive:
        """The archive."""
        return self.serving.archive

    @property
    def speech(self) -> Speech:
        """The words of the visitor's language."""
        return self.serving.speech(english=self.session.english)

    @property
    def acting(self) -> Agent:
        """The agent with the chosen role alone: what the request may do."""
        return replace(self.agent, grants=(self.grant,))

    @property
    def actor(self) -> Actor:
        """Who reads, for the record of reads."""
        return Actor(self.agent.id, self.grant.role, self.grant.agency)

    @cached_property
    def actions(self) -> frozenset[Action]:
        """What the chosen role can do at all."""
        return access.able(self.acting, today(self.archive.clock.now()))

    @cached_property
    def agencies(self) -> Mapping[StreamId, AgencyRow]:
        """Every agency, for names and codes."""
        return self.archive.catalogue.agencies()

    @property
    def role_name(self) -> str:
        """The chosen role in words."""
        name = self.speech.named("role", self.grant.role.value)
        return name[:1].upper() + name[1:]

    @property
    def agency_name(self) -> str:
        """The agency of the chosen role."""
        row = self.agencies.get(self.grant.agency)
        return row.name if row else ""

    @property
    def several_roles(self) -> bool:
        """True when there is another role to choose."""
        return len(self.agent.grants) > 1

    def can(self, action: str) -> bool:
        """True when the chosen role can do the action somewhere; for menus, never for access."""
        return Action(action) in self.actions

    def require(self, action: Action) -> None:
        """Answers 403 to who can do the action nowhere; about a thing, the services decide."""
        if action not in self.actions:
            raise NotPermittedError(action=action.value, reason="no-role")

    def request(self, command: str | None = None, basis: Basis | None = None) -> services.Request:
        """What a service takes; a form's own `command` makes its second click harmless."""
        return services.Request(
            self.acting,
            CommandId(command or self.archive.identifiers.new()),
            basis or Basis(BASIS),
        )

    def note(self, kind: ReadKind, what: StreamId | None, detail: str = "") -> None:
        """Keeps a read in the record of reads."""
        now = self.archive.clock.now()
        self.archive.reads.note(now, self.actor, self.session.purpose, kind, what, detail)


def session_of(request: Request) -> tuple[str, Session] | None:
    """The session of a request and its secret, None for who is not signed in."""
    serving = serving_of(request)
    secret = request.cookies.get(serving.cookie)
    if not secret:
        return None
    archive = serving.archive
    session = archive.accounts.session(secret, now=archive.clock.now())
    return (secret, session) if session is not None else None


def holding(archive: Archive, agent: StreamId) -> Agent:
    """The agent with the grants that hold today; SignInNeededError once the account is closed."""
    state = load(archive, agent).agent()
    if state.account is not AccountState.OPEN:
        raise SignInNeededError
    day = today(archive.clock.now())
    return replace(state, grants=tuple(g for g in state.grants if g.holds_on(day)))


def visiting(request: Request) -> Visit:
    """The visit that this request belongs to."""
    found = session_of(request)
    if found is None:
        raise SignInNeededError
    secret, session = found
    serving = serving_of(request)
    agent = holding(serving.archive, session.agent)
    for grant in agent.grants:
        if (grant.role, grant.agency) == (session.role, session.agency):
            visit = Visit(serving, session, secret, agent, grant)
            request.state.visit = visit
            return visit
    raise RoleNeededError


Visitor = Annotated[Visit, Depends(visiting)]
