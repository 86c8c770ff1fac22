"""The tables of accounts, sessions and tokens, and the secrets that open them.

Secrets have 256 random bits, so a plain digest keeps them; passwords are kept in passwords.py.
"""

import secrets
from hashlib import sha256

from domain.values import StreamId
from infrastructure.sqlite import SmallDatabase

SCHEMA = """
CREATE TABLE accounts (
    agent TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, password TEXT, seed BLOB,
    step INTEGER NOT NULL DEFAULT 0, disabled INTEGER NOT NULL DEFAULT 0);
CREATE TABLE invitations (secret BLOB PRIMARY KEY, agent TEXT NOT NULL, until INTEGER NOT NULL);
CREATE TABLE failures (
    login BLOB PRIMARY KEY, count INTEGER NOT NULL, until INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE sessions (
    secret BLOB PRIMARY KEY, handle TEXT NOT NULL UNIQUE, agent TEXT NOT NULL, role TEXT,
    agency TEXT, purpose TEXT NOT NULL, english INTEGER NOT NULL, begun INTEGER NOT NULL,
    seen INTEGER NOT NULL, device TEXT NOT NULL);
CREATE INDEX sessions_of ON sessions (agent);
CREATE TABLE tokens (
    secret BLOB PRIMARY KEY, handle TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    agent TEXT NOT NULL, role TEXT NOT NULL, agency TEXT NOT NULL, scopes TEXT NOT NULL,
    until INTEGER NOT NULL);
CREATE INDEX tokens_of ON tokens (agent);
CREATE TABLE closed (agent TEXT PRIMARY KEY)
"""


class Table:
    """Some of the tables, with the database that they share."""

    def __init__(self, database: SmallDatabase) -> None:
        self._database = database


def new_secret() -> str:
    """256 random bits, base64url."""
    return secrets.token_urlsafe(32)


def new_handle() -> str:
    """Names a session or token in lists; it opens nothing."""
    return secrets.token_hex(8)


def digest(secret: str) -> bytes:
    """What is kept of a secret."""
    return sha256(secret.encode()).digest()


def text_or_none(value: str | None) -> StreamId | None:
    """An identity of a row."""
    return StreamId(value) if value is not None else None
