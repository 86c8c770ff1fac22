"""Who signs in: accounts of agents, their sessions and their tokens for machines.

That an account was opened or closed is a signed event of the agent; its secrets are no facts of
the archive, lie beside the keys and are made anew by an invitation when they are lost.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from domain.agents import Role
from domain.errors import InvalidValueError
from domain.text import nfc
from domain.values import StreamId

SCOPES = frozenset({"read", "receive", "describe", "audit", "administer"})
"""What of its role a program may do."""
_LOGIN = re.compile(r"\w[\w.@+\-]{1,62}\w")


def parse_login(text: str) -> str:
    """A login as it is kept: NFC, lower case; InvalidValueError("invalid-login")."""
    login = nfc(text.strip()).lower()
    if not _LOGIN.fullmatch(login):
        raise InvalidValueError("invalid-login")
    return login


@dataclass(frozen=True)
class Account:
    """An agent who may sign in."""

    agent: StreamId
    login: str
    """NFC, lower case, 3 to 64 characters."""
    enrolled: bool
    """True once a password was chosen."""
    second_factor: bool
    disabled: bool


@dataclass(frozen=True)
class Session:
    """A visit of somebody who signed in; the chosen role is None until there is one to choose."""

    handle: str
    """Names the session in lists; it opens nothing."""
    agent: StreamId
    role: Role | None
    agency: StreamId | None
    purpose: str
    """What the visitor reads for, as it stands in the record of reads: `work`, `audit`, …"""
    english: bool
    form_token: str
    """What every form of the session carries back, against forged requests; empty in lists."""
    begun: datetime
    seen: datetime
    device: str
    """What the browser calls itself, shortened; for the visitor's own list of sessions."""


@dataclass(frozen=True)
class Token:
    """A key for a program that acts for an agent in one role."""

    handle: str
    name: str
    agent: StreamId
    role: Role
    agency: StreamId
    scopes: frozenset[str]
    """Among `SCOPES`."""
    until: datetime


class Accounts(Protocol):
    """Accounts, sessions and tokens. Secrets are kept as digests alone; a second factor's seed
    under a key of the archive. Whatever is ended is ended for the very next request."""

    def invite(self, agent: StreamId, login: str, *, now: datetime) -> str:
        """The secret of a link that lets its holder choose a password, once, within two days.

        Opens the account, or lets an account whose secrets were lost begin anew; older
        invitations and all sessions of the agent end. Raises ClaimTakenError for the login of
        somebody else, InvalidValueError("invalid-login").
        """

    def holder(self, login: str) -> StreamId | None:
        """Whose login it is, None for a free one."""

    def invited(self, secret: str, *, now: datetime) -> Account:
        """Whom an invitation is for; NotFoundError("invitation-unknown") for a used, ended or
        foreign one."""

    def enrol(
        self, secret: str, password: str, *, seed: str | None, code: str | None, now: datetime
    ) -> Account:
        """Uses the invitation up. `seed` (base32) and a `code` made from it set the second
        factor. Raises InvalidValueError("weak-password" | "wrong-code"), NotFoundError, and then
        the invitation is as good as before."""

    def authenticate(
        self, login: str, password: str, code: str | None, *, now: datetime
    ) -> Account:
        """The account whose password (and code, where there is a second factor) these are.

        Takes the same time for an unknown login. A code is good once. Raises NotPermittedError
        with `sign-in-failed`, `second-factor-required`, `account-disabled`, and, after ten
        failures in a row of a login, known or not, `sign-in-too-often` with `seconds` to wait.
        """

    def begin(
        self,
        agent: StreamId,
        *,
        role: Role | None,
        agency: StreamId | None,
        device: str,
        english: bool,
        now: datetime,
    ) -> str:
        """A new session; the secret for the visitor's cookie.

        NotPermittedError("account-disabled") for an agent without an open account.
        """

    def session(self, secret: str, *, now: datetime) -> Session | None:
        """The session, unless it ended: after 30 minutes without a request (kept to the minute)
        or 12 hours in all, by leaving, or because the account was closed."""

    def choose(self, secret: str, *, role: Role, agency: StreamId, purpose: str) -> None:
        """In which of its roles the visitor goes on, and what for. NotFoundError("session-ended")
        for a session that is there no more."""

    def speak(self, secret: str, *, english: bool) -> None:
        """In which language the visitor reads; NotFoundError as `choose`."""

    def end(self, agent: StreamId, handle: str | None = None) -> None:
        """Ends one session of an agent, or all of them."""

    def sessions(self, agent: StreamId, *, now: datetime) -> Sequence[Session]:
        """What is open for an agent, the newest first."""

    def issue(
        self,
        agent: StreamId,
        name: str,
        role: Role,
        agency: StreamId,
        scopes: frozenset[str],
        until: datetime,
        *,
        now: datetime,
    ) -> str:
        """A new token's secret, shown once (`cb_…`). The agent needs no account.

        InvalidValueError("invalid-scope") for an unknown scope or none, ("invalid-token-end") for
        an end that is past or beyond 366 days, ("invalid-name"); NotPermittedError
        ("account-disabled") for a closed account.
        """

    def token(self, secret: str, *, now: datetime) -> Token | None:
        """The token, unless it ended."""

    def tokens(self, agent: StreamId) -> Sequence[Token]:
        """The tokens of an agent."""

    def revoke(self, agent: StreamId, handle: str) -> None:
        """Ends a token."""

    def set_disabled(self, agent: StreamId, *, disabled: bool) -> None:
        """Closes an account and ends its invitation, sessions and tokens, or opens it again."""

    def account(self, agent: StreamId) -> Account | None:
        """The account of an agent, None for who cannot sign in."""
