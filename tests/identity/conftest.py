"""Accounts in a folder of a test's own, at a time that the test says."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.values import StreamId
from infrastructure.identity.accounts import SqliteAccounts

KEK = bytes(range(32))
MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
ANN, BINH = (StreamId(f"agent-01980000-0000-7000-8000-00000000000{n}") for n in (1, 2))
AGENCY = StreamId("agency-01980000-0000-7000-8000-000000000009")
PASSWORD = "sông Nhật Lệ mùa hạ"


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[SqliteAccounts]:
    made = SqliteAccounts(tmp_path / "accounts.sqlite", KEK)
    yield made
    made.close()


def enrolled(accounts: SqliteAccounts, *, seed: str | None = None, code: str | None = None) -> None:
    """ANN, with the login `ann`."""
    secret = accounts.invite(ANN, "ann", now=MORNING)
    accounts.enrol(secret, PASSWORD, seed=seed, code=code, now=MORNING)
