"""Failed sign-ins: after ten in a row a delay that doubles, kept in the database.

An attempt is counted before its password is looked at and forgiven when it was right, so that
many attempts at once gain nothing. Logins that nobody has are counted, too: a delay must not tell
which ones exist. What was not tried for a day is forgotten.
"""

import sqlite3
from datetime import datetime, timedelta

from domain.errors import NotPermittedError
from infrastructure.identity.database import digest
from infrastructure.sqlite import microseconds

_FREE = 10
_FIRST = timedelta(seconds=30)
_LONGEST = timedelta(hours=1)
_FORGOTTEN = timedelta(days=1)


def count(connection: sqlite3.Connection, login: str, now: datetime) -> None:
    """Counts an attempt; NotPermittedError("sign-in-too-often") while the delay lasts."""
    at = microseconds(now)
    forgotten = microseconds(now - _FORGOTTEN)
    connection.execute("DELETE FROM failures WHERE at <= ?", (forgotten,))
    row = connection.execute(
        "SELECT count, until FROM failures WHERE login = ?", (digest(login),)
    ).fetchone()
    if row is not None and row["until"] > at:
        raise NotPermittedError("sign-in-too-often", seconds=-((at - row["until"]) // 1_000_000))
    failed = (row["count"] if row is not None else 0) + 1
    until = at
    if failed >= _FREE:
        until += min(_FIRST * 2 ** min(failed - _FREE, 20), _LONGEST) // timedelta(microseconds=1)
    connection.execute(
        "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?)", (digest(login), failed, until, at)
    )


def forgive_one(connection: sqlite3.Connection, login: str, now: datetime) -> None:
    """Takes back the last attempt: its password was right, and the code is still to come."""
    connection.execute(
        "UPDATE failures SET count = max(count - 1, 0), until = min(until, ?) WHERE login = ?",
        (microseconds(now), digest(login)),
    )


def forgive(connection: sqlite3.Connection, login: str) -> None:
    """Forgets every failure: somebody signed in."""
    connection.execute("DELETE FROM failures WHERE login = ?", (digest(login),))
