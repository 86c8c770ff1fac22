"""Sessions: visits of people who signed in."""

import hmac
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from domain.agents import Role
from domain.errors import NotFoundError, NotPermittedError
from domain.identity import Session
from domain.values import StreamId
from infrastructure.identity.database import Table, digest, new_handle, new_secret, text_or_none
from infrastructure.sqlite import instant, microseconds

_IDLE = timedelta(minutes=30)
_LONGEST = timedelta(hours=12)
_NOTED_EVERY = timedelta(minutes=1)
"""A visitor's requests write to the disk once a minute at most."""
_LONGEST_DEVICE = 120
_PURPOSE = "work"
_OPEN = """FROM sessions JOIN accounts USING (agent)
WHERE disabled = 0 AND seen > ? AND begun > ?"""


class Sessions(Table):
    """The part of the port `Accounts` that knows visits."""

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
        """See the port."""
        secret, at = new_secret(), microseconds(now)
        with self._database.writing() as connection:
            is_open = "SELECT 1 FROM accounts WHERE agent = ? AND disabled = 0"
            if connection.execute(is_open, (agent,)).fetchone() is None:
                raise NotPermittedError("account-disabled")
            ended = "DELETE FROM sessions WHERE seen <= ? OR begun <= ?"
            connection.execute(ended, _limits(now))
            connection.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(digest(secret), new_handle(), agent, role.value if role else None, agency),
                    *(_PURPOSE, english, at, at, device[:_LONGEST_DEVICE]),
                ),
            )
        return secret

    def session(self, secret: str, *, now: datetime) -> Session | None:
        """See the port."""
        key = digest(secret)
        with self._database.reading() as connection:
            row = connection.execute(
                f"SELECT sessions.* {_OPEN} AND secret = ?", (*_limits(now), key)
            ).fetchone()
        if row is None:
            return None
        if row["seen"] <= microseconds(now - _NOTED_EVERY):
            with self._database.writing() as connection:
                connection.execute(
                    "UPDATE sessions SET seen = max(seen, ?) WHERE secret = ?",
                    (microseconds(now), key),
                )
        return _session(row, _form_token(secret))

    def choose(self, secret: str, *, role: Role, agency: StreamId, purpose: str) -> None:
        """See the port."""
        self._change(secret, "role = ?, agency = ?, purpose = ?", role.value, agency, purpose)

    def speak(self, secret: str, *, english: bool) -> None:
        """See the port."""
        self._change(secret, "english = ?", english)

    def end(self, agent: StreamId, handle: str | None = None) -> None:
        """See the port."""
        with self._database.writing() as connection:
            connection.execute(
                "DELETE FROM sessions WHERE agent = ? AND handle = coalesce(?, handle)",
                (agent, handle),
            )

    def sessions(self, agent: StreamId, *, now: datetime) -> Sequence[Session]:
        """See the port."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT sessions.* {_OPEN} AND agent = ? ORDER BY begun DESC, handle",
                (*_limits(now), agent),
            ).fetchall()
        return [_session(row, "") for row in rows]

    def _change(self, secret: str, what: str, *values: object) -> None:
        with self._database.writing() as connection:
            changed = connection.execute(
                f"UPDATE sessions SET {what} WHERE secret = ?",  # noqa: S608 (our own columns)
                (*values, digest(secret)),
            )
            if changed.rowcount != 1:
                raise NotFoundError("session-ended")


def _limits(now: datetime) -> tuple[int, int]:
    """What a session must have been seen after, and begun after."""
    return microseconds(now - _IDLE), microseconds(now - _LONGEST)


def _form_token(secret: str) -> str:
    """Made from the secret, so that whoever reads the database cannot make it."""
    return hmac.digest(secret.encode(), b"form token", sha256).hex()


def _session(row: sqlite3.Row, form_token: str) -> Session:
    return Session(
        handle=row["handle"],
        agent=StreamId(row["agent"]),
        role=Role(row["role"]) if row["role"] is not None else None,
        agency=text_or_none(row["agency"]),
        purpose=row["purpose"],
        english=bool(row["english"]),
        form_token=form_token,
        begun=instant(row["begun"]),
        seen=instant(row["seen"]),
        device=row["device"],
    )
