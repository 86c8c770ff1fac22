"""Who calls /api/v1: a program with a token that acts for an agent in one role.

A session's cookie is not looked at here, so no page of a stranger can make a browser act. What a
token may do is what its role may do, as far as its scopes reach; both are asked at each request.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Header, HTTPException, Request, Response, Security
from fastapi.security import HTTPBearer

from api.v1.bodies import Grounds
from api.web.limits import limited
from api.web.serving import Serving, serving_of
from api.web.visit import BASIS, holding
from domain import services
from domain.access import Action
from domain.agents import Actor, Agent, Grant
from domain.errors import CommandReusedError, NotPermittedError
from domain.identity import Token
from domain.ports import Answer, Command
from domain.reads import ReadKind
from domain.services import Archive
from domain.values import Basis, CommandId, StreamId

SCOPES: Mapping[str, frozenset[Action]] = {
    "read": frozenset({Action.READ, Action.SEE_WORK}),
    "receive": frozenset({Action.OPEN_DOSSIER, Action.RECEIVE_SCAN}),
    "describe": frozenset(
        {Action.ARRANGE, Action.CONFIRM, Action.CORRECT, Action.ISOLATE, Action.CLOSE}
    ),
    "audit": frozenset({Action.AUDIT, Action.SEE_READS}),
    "administer": frozenset({Action.ADMINISTER, Action.SEE_INCIDENTS}),
}
"""What each scope lets through. Erasing needs two persons and has no scope."""
_BURST, _A_MINUTE = 120, 600
_TRIES, _TRIES_A_MINUTE = 60, 60
_PURPOSE = "api"
_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="token",
    bearerFormat="cb_…",
    description="Made by `chauban token add`; each operation names the scope that it needs.",
)


@dataclass(frozen=True)
class Caller:
    """One request of a program."""

    serving: Serving
    token: Token
    agent: Agent
    grant: Grant

    @property
    def archive(self) -> Archive:
        """The archive."""
        return self.serving.archive

    @property
    def reading(self) -> services.Request:
        """What a service takes that changes nothing."""
        return self._request(self.archive.identifiers.new(), Basis(BASIS))

    def note(self, kind: ReadKind, what: StreamId | None, detail: str = "") -> None:
        """Keeps a read in the record of reads."""
        by = Actor(self.agent.id, self.grant.role, self.grant.agency)
        self.archive.reads.note(self.archive.clock.now(), by, _PURPOSE, kind, what, detail)

    def _request(self, command: str, basis: Basis) -> services.Request:
        acting = replace(self.agent, grants=(self.grant,))
        return services.Request(acting, CommandId(command), basis)


@dataclass(frozen=True)
class Doing(Caller):
    """One request of a program that changes something."""

    key: str
    """What makes a second sending harmless; another token's same key is another one."""

    def request(self, grounds: Grounds | None = None) -> services.Request:
        """What a service takes."""
        return self._request(self.command, grounds.legal_basis() if grounds else Basis(BASIS))

    @property
    def command(self) -> str:
        """The id under which the archive knows the request."""
        return f"api/{self.token.handle}/{self.key}"

    def is_repeated(self) -> bool:
        """True when a request under this key was answered before, whatever it asked."""
        try:
            found: Answer | None = self.archive.journal.answered(
                Command(CommandId(self.command), "")
            )
        except CommandReusedError:
            return True
        return found is not None


def identify(request: Request) -> Caller:
    """The caller of a request; NotPermittedError without a token that opens something."""
    serving = serving_of(request)
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret:
        raise NotPermittedError("token-needed")
    archive = serving.archive
    token = archive.accounts.token(secret.strip(), now=archive.clock.now())
    if token is None:
        limited(request, serving.limiter, "token", burst=_TRIES, a_minute=_TRIES_A_MINUTE)
        raise NotPermittedError("token-unknown")
    if not serving.limiter.allows("api", token.handle, burst=_BURST, a_minute=_A_MINUTE):
        raise HTTPException(429, headers={"Retry-After": "5"})
    agent = holding(archive, token.agent)
    for grant in agent.grants:
        if (grant.role, grant.agency) == (token.role, token.agency):
            return Caller(serving, token, agent, grant)
    raise NotPermittedError("token-role-ended")


def _identified(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


def _scope_of(action: Action) -> str:
    return next(scope for scope, actions in SCOPES.items() if action in actions)


def _scoped(request: Request, scope: str) -> Caller:
    found = _identified(request)
    if scope not in found.token.scopes:
        raise NotPermittedError("token-scope-missing", scope=scope)
    return found


def _reader(action: Action) -> Callable[..., Caller]:
    scope = _scope_of(action)

    def caller(request: Request, _: Annotated[object, Security(_BEARER, scopes=[scope])]) -> Caller:
        return _scoped(request, scope)

    return caller


def _doer(action: Action) -> Callable[..., Doing]:
    scope = _scope_of(action)

    def doing(
        request: Request,
        response: Response,
        key: Annotated[
            str,
            Header(
                alias="Idempotency-Key",
                pattern=r"^[!-~]{1,100}$",
                description="Made by the caller, new for each thing to be done. The same request "
                "sent again under the same key gets the first answer.",
                examples=["0199a6b0-5a52-7c64-9a2e-3f0c5d7e8b11"],
            ),
        ],
        _: Annotated[object, Security(_BEARER, scopes=[scope])],
    ) -> Doing:
        found = _scoped(request, scope)
        done = Doing(found.serving, found.token, found.agent, found.grant, key)
        if done.is_repeated():
            response.headers["Idempotent-Replayed"] = "true"
        return done

    return doing


def _anyone(request: Request, _: Annotated[object, Security(_BEARER)]) -> Caller:
    return _identified(request)


Anyone = Annotated[Caller, Depends(_anyone)]
"""Any token that is good today."""
Reader = Annotated[Caller, Depends(_reader(Action.READ))]
WorkReader = Annotated[Caller, Depends(_reader(Action.SEE_WORK))]
ReadsReader = Annotated[Caller, Depends(_reader(Action.SEE_READS))]
Administrator = Annotated[Caller, Depends(_reader(Action.ADMINISTER))]
Opener = Annotated[Doing, Depends(_doer(Action.OPEN_DOSSIER))]
Receiver = Annotated[Doing, Depends(_doer(Action.RECEIVE_SCAN))]
Arranger = Annotated[Doing, Depends(_doer(Action.ARRANGE))]
Confirmer = Annotated[Doing, Depends(_doer(Action.CONFIRM))]
Corrector = Annotated[Doing, Depends(_doer(Action.CORRECT))]
Isolator = Annotated[Doing, Depends(_doer(Action.ISOLATE))]
Closer = Annotated[Doing, Depends(_doer(Action.CLOSE))]
