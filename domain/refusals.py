"""What witnesses refused because it does not continue what they signed: kept until they sign again,
as whoever looks at the archive later asks nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

ALARMS = frozenset({"witness-forked", "witness-unproved", "witness-ahead"})
"""Codes of refusals that mean that the archive is an older copy or another history."""


@dataclass(frozen=True)
class Refusal:
    """A witness has signed something else than what it was shown."""

    witness: str
    code: str
    """One of `ALARMS`."""
    details: Mapping[str, str | int]
    """The facts of the error."""
    since: datetime
    """When it refused for the first time since it last signed, UTC."""


class Refusals(Protocol):
    """Memory of refusals. Once `keep` returns, a refusal survives power loss."""

    def keep(self, refusal: Refusal) -> None:
        """The newest refusal of a witness; `since` stays that of the first one."""

    def settle(self, witness: str) -> None:
        """The witness signed: nothing is held against the archive any more."""

    def all(self) -> Sequence[Refusal]:
        """Every one that is not settled, by the name of the witness."""
