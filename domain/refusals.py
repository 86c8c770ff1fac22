"""What witnesses refused because it does not continue what they signed: kept until they sign again,
as whoever looks at the archive later asks nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

AHEAD = "witness-ahead"
UNTOLD = "witness-alarm"
"""An alarm whose facts cannot be read any more: it is one all the same."""
ALARMS = frozenset({"witness-forked", "witness-unproved", AHEAD, UNTOLD})
"""Codes of refusals that mean that the archive is an older copy or another history."""


@dataclass(frozen=True)
class Refusal:
    """A witness has signed something else than what it was shown."""

    witness: str
    origin: str
    """Of the log that it was shown."""
    code: str
    """One of `ALARMS`."""
    details: Mapping[str, str | int]
    """The facts of the error; of `UNTOLD` the name of the witness alone."""
    since: datetime
    """When it refused for the first time since it last signed for this log, UTC."""


class Refusals(Protocol):
    """Memory of refusals. Once `keep` returns, a refusal survives power loss. Each operation raises
    UnavailableError where the memory cannot be used."""

    def keep(self, refusal: Refusal) -> None:
        """The newest refusal of a witness for a log; `since` stays that of the first one."""

    def settle(self, witness: str, origin: str) -> None:
        """The witness signed for this log: nothing about it is held against the archive."""

    def all(self) -> Sequence[Refusal]:
        """Every one that is not settled, by the name of the witness; `UNTOLD` in the place of one
        whose facts cannot be read."""
