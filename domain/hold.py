"""What keeps originals from destruction: legal holds (tạm dừng hủy) and the lock of the store.

A hold stands on a dossier, one at a time, until a person lifts it; the fact comes from people.
A lock stands on each original of a confirmed record; the store keeps it, and what is a fact is
that it had lapsed, and that it stands again.
"""

from dataclasses import dataclass
from datetime import date

from domain.errors import RuleError
from domain.values import Digest, PersonalText


@dataclass(frozen=True)
class HoldPlaced:
    """Nothing of the dossier may be destroyed until the hold is lifted, whatever its retention."""

    reason: PersonalText


@dataclass(frozen=True)
class HoldLifted:
    """The hold ended; retention decides again."""

    reason: PersonalText


@dataclass(frozen=True)
class LockLapsed:
    """An original of a confirmed record was found without its lock."""

    source: Digest
    until: date | None
    """The day (UTC) on which the lock had ended; None when the store knew of none."""


@dataclass(frozen=True)
class LockRestored:
    """Every original of the record is locked again, or for the first time in this store."""

    lock: str
    until: date
    """The day (UTC) until which it is at least."""


def place(dossier: str, reason: str, *, held: bool) -> HoldPlaced:
    """Decides to hold a dossier, which is named by its code."""
    if held:
        raise RuleError("already-held", dossier=dossier)
    return HoldPlaced(reason)


def lift(dossier: str, reason: str, *, held: bool) -> HoldLifted:
    """Decides that nothing has to be held any more."""
    if not held:
        raise RuleError("not-held", dossier=dossier)
    return HoldLifted(reason)


def require_free(dossier: str, *, held: bool) -> None:
    """Raises RuleError when a hold forbids to destroy anything of the dossier."""
    if held:
        raise RuleError("dossier-held", dossier=dossier)
