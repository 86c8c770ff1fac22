"""The port `Accounts` on a small database beside the keys."""

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

from domain.errors import (
    ClaimTakenError,
    InvalidValueError,
    NotFoundError,
    NotPermittedError,
)
from domain.identity import Account, parse_login
from domain.text import nfc
from domain.values import StreamId
from infrastructure.identity import failures, passwords
from infrastructure.identity.database import SCHEMA, digest, new_secret
from infrastructure.identity.second_factor import Seeds, step_of
from infrastructure.identity.sessions import Sessions
from infrastructure.identity.tokens import Tokens
from infrastructure.sqlite import SmallDatabase, microseconds

_INVITED = timedelta(days=2)


class SqliteAccounts(Sessions, Tokens):
    """The whole port: accounts here, visits and programs in the tables that it is made of."""

    def __init__(self, path: Path, kek: bytes) -> None:
        super().__init__(SmallDatabase(path, SCHEMA, durable=True))
        self._seeds = Seeds(kek)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    # ------------------------------------------------------------ invitations

    def invite(self, agent: StreamId, login: str, *, now: datetime) -> str:
        """See the port."""
        parsed, secret = parse_login(login), new_secret()
        with self._database.writing() as connection:
            holder = _holder(connection, parsed)
            if holder is not None and holder != agent:
                raise ClaimTakenError("login-taken")
            _end_all(connection, agent)
            connection.execute("DELETE FROM closed WHERE agent = ?", (agent,))
            connection.execute(
                "INSERT OR REPLACE INTO accounts (agent, login) VALUES (?, ?)", (agent, parsed)
            )
            connection.execute(
                "INSERT INTO invitations VALUES (?, ?, ?)",
                (digest(secret), agent, microseconds(now + _INVITED)),
            )
            failures.forgive(connection, parsed)
        return secret

    def holder(self, login: str) -> StreamId | None:
        """See the port."""
        with self._database.reading() as connection:
            return _holder(connection, parse_login(login))

    def invited(self, secret: str, *, now: datetime) -> Account:
        """See the port."""
        with self._database.reading() as connection:
            return _account(_invited(connection, secret, now))

    def enrol(
        self, secret: str, password: str, *, seed: str | None, code: str | None, now: datetime
    ) -> Account:
        """See the port."""
        invited = self.invited(secret, now=now)
        chosen = passwords.checked(password, invited.login)
        step = 0
        sealed = None
        if seed is not None:
            found = step_of(seed, code or "", now)
            if found is None:
                raise InvalidValueError("wrong-code")
            step, sealed = found, self._seeds.seal(invited.agent, seed)
        kept = passwords.hashed(chosen)
        with self._database.writing() as connection:
            _invited(connection, secret, now)  # Somebody may have been quicker.
            connection.execute("DELETE FROM invitations WHERE secret = ?", (digest(secret),))
            connection.execute(
                "UPDATE accounts SET password = ?, seed = ?, step = ? WHERE agent = ?",
                (kept, sealed, step, invited.agent),
            )
            return _account(_row(connection, invited.agent))

    # ------------------------------------------------------------ signing in

    def authenticate(
        self, login: str, password: str, code: str | None, *, now: datetime
    ) -> Account:
        """See the port.

        (1) The attempt is counted. (2) The password is checked, outside of any transaction.
        (3) What was checked still holds, the code is used up, the attempt is forgiven.
        A crash behind (1) leaves one failure too many, which the next success forgives.
        """
        asked = nfc(login.strip()).lower()
        with self._database.writing() as connection:  # (1)
            failures.count(connection, asked, now)
            row = connection.execute("SELECT * FROM accounts WHERE login = ?", (asked,)).fetchone()
        kept = row["password"] if row is not None else None
        if kept is None or not passwords.fits(kept, password):  # (2)
            raise NotPermittedError("sign-in-failed")
        renewed = passwords.hashed(nfc(password)) if passwords.is_outdated(kept) else kept
        with self._database.writing() as connection:  # (3)
            found = _row(connection, StreamId(row["agent"]))
            if found is None or found["password"] != kept:
                raise NotPermittedError("sign-in-failed")
            if found["disabled"]:
                raise NotPermittedError("account-disabled")
            waits = found["seed"] is not None and not code
            if waits:
                failures.forgive_one(connection, asked, now)
            else:
                self._use_code(connection, found, code or "", now)
                failures.forgive(connection, asked)
                connection.execute(
                    "UPDATE accounts SET password = ? WHERE agent = ?", (renewed, found["agent"])
                )
        if waits:
            raise NotPermittedError("second-factor-required")
        return _account(found)

    def _use_code(
        self, connection: sqlite3.Connection, row: sqlite3.Row, code: str, now: datetime
    ) -> None:
        """Uses the code up where there is a second factor; NotPermittedError("sign-in-failed")."""
        if row["seed"] is None:
            return
        step = step_of(self._seeds.open(StreamId(row["agent"]), row["seed"]), code, now)
        if step is None or step <= row["step"]:
            raise NotPermittedError("sign-in-failed")
        connection.execute("UPDATE accounts SET step = ? WHERE agent = ?", (step, row["agent"]))

    # ------------------------------------------------------------ closing

    def set_disabled(self, agent: StreamId, *, disabled: bool) -> None:
        """See the port."""
        with self._database.writing() as connection:
            if disabled:
                _end_all(connection, agent)
                connection.execute("DELETE FROM tokens WHERE agent = ?", (agent,))
                connection.execute("INSERT OR IGNORE INTO closed VALUES (?)", (agent,))
            else:
                connection.execute("DELETE FROM closed WHERE agent = ?", (agent,))
            connection.execute(
                "UPDATE accounts SET disabled = ? WHERE agent = ?", (disabled, agent)
            )

    def account(self, agent: StreamId) -> Account | None:
        """See the port."""
        with self._database.reading() as connection:
            row = _row(connection, agent)
        return _account(row) if row is not None else None


def _end_all(connection: sqlite3.Connection, agent: StreamId) -> None:
    connection.execute("DELETE FROM sessions WHERE agent = ?", (agent,))
    connection.execute("DELETE FROM invitations WHERE agent = ?", (agent,))


def _holder(connection: sqlite3.Connection, login: str) -> StreamId | None:
    row = connection.execute("SELECT agent FROM accounts WHERE login = ?", (login,)).fetchone()
    return StreamId(row["agent"]) if row is not None else None


def _row(connection: sqlite3.Connection, agent: StreamId) -> sqlite3.Row | None:
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM accounts WHERE agent = ?", (agent,)
    ).fetchone()
    return found


def _invited(connection: sqlite3.Connection, secret: str, now: datetime) -> sqlite3.Row:
    row: sqlite3.Row | None = connection.execute(
        "SELECT accounts.* FROM invitations JOIN accounts USING (agent)"
        " WHERE secret = ? AND until > ? AND disabled = 0",
        (digest(secret), microseconds(now)),
    ).fetchone()
    if row is None:
        raise NotFoundError("invitation-unknown")
    return row


def _account(row: sqlite3.Row | None) -> Account:
    assert row is not None
    return Account(
        agent=StreamId(row["agent"]),
        login=row["login"],
        enrolled=row["password"] is not None,
        second_factor=row["seed"] is not None,
        disabled=bool(row["disabled"]),
    )
