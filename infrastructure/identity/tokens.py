"""Tokens: keys for programs that act for an agent in one role."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta

from domain.agents import Role
from domain.errors import InvalidValueError, NotPermittedError
from domain.identity import SCOPES, Token
from domain.text import nfc
from domain.values import StreamId
from infrastructure.identity.database import Table, digest, new_handle, new_secret
from infrastructure.sqlite import instant, microseconds

_PREFIX = "cb_"
"""Lets people and secret scanners see what it is."""
_LONGEST = timedelta(days=366)


class Tokens(Table):
    """The part of the port `Accounts` that knows programs."""

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
        """See the port."""
        kept = nfc(name).strip()
        if not 1 <= len(kept) <= 100:
            raise InvalidValueError("invalid-name")
        if not scopes or not scopes <= SCOPES:
            raise InvalidValueError("invalid-scope")
        if not now < until <= now + _LONGEST:
            raise InvalidValueError("invalid-token-end")
        secret = _PREFIX + new_secret()
        with self._database.writing() as connection:
            closed = "SELECT 1 FROM closed WHERE agent = ?"
            if connection.execute(closed, (agent,)).fetchone() is not None:
                raise NotPermittedError("account-disabled")
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(digest(secret), new_handle(), kept, agent, role.value, agency),
                    *(" ".join(sorted(scopes)), microseconds(until)),
                ),
            )
        return secret

    def token(self, secret: str, *, now: datetime) -> Token | None:
        """See the port."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM tokens WHERE secret = ? AND until > ?",
                (digest(secret), microseconds(now)),
            ).fetchone()
        return _token(row) if row is not None else None

    def tokens(self, agent: StreamId) -> Sequence[Token]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM tokens WHERE agent = ? ORDER BY until DESC, handle", (agent,)
            ).fetchall()
        return [_token(row) for row in rows]

    def revoke(self, agent: StreamId, handle: str) -> None:
        """See the port."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM tokens WHERE agent = ? AND handle = ?", (agent, handle))


def _token(row: sqlite3.Row) -> Token:
    return Token(
        handle=row["handle"],
        name=row["name"],
        agent=StreamId(row["agent"]),
        role=Role(row["role"]),
        agency=StreamId(row["agency"]),
        scopes=frozenset(row["scopes"].split()),
        until=instant(row["until"]),
    )
