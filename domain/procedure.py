"""Administrative procedures (thủ tục hành chính) in versions, as their dossiers need them."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.errors import InvalidValueError, RuleError
from domain.values import StreamId

_CODE = re.compile(r"[123]\.\d{6}(\.(\d{3}\.\d{2}\.\d{2}\.)?[A-Z]\d{2})?")


class TimeUnit(StrEnum):
    """In what a time limit is counted (Civil Code 2015, Art. 147-148)."""

    WORKING_DAY = "working-day"
    WORKING_HOUR = "working-hour"
    CALENDAR_DAY = "calendar-day"


@dataclass(frozen=True)
class TimeLimit:
    """How long the agency may take."""

    value: int
    unit: TimeUnit

    def __post_init__(self) -> None:
        if self.value < 1:
            raise InvalidValueError("invalid-time-limit")


@dataclass(frozen=True)
class RetentionRule:
    """How long dossiers of the procedure are kept, from the end of the year in which they ended.

    `years` is None for permanent (vĩnh viễn); else 2 to 70 (Law on Archives 33/2024, Art. 15).
    """

    rule: str
    years: int | None

    def __post_init__(self) -> None:
        if self.years is not None and not 2 <= self.years <= 70:
            raise InvalidValueError("invalid-retention")


@dataclass(frozen=True)
class Component:
    """A paper that the dossier is made of (thành phần hồ sơ)."""

    name: str
    originals: int = 1
    copies: int = 0
    digitise: bool = True


@dataclass(frozen=True)
class ProcedureVersionAdopted:
    """A version of the procedure is in force from a day on; dossiers name the version."""

    code: str
    version: int
    name: str
    components: tuple[Component, ...]
    time_limit: TimeLimit | None
    retention: RetentionRule | None
    in_force_from: date


ProcedureEvent = ProcedureVersionAdopted


@dataclass(frozen=True)
class Procedure:
    """A procedure with all its versions, oldest first."""

    id: StreamId
    code: str
    versions: tuple[ProcedureVersionAdopted, ...]

    def in_force(self, day: date) -> ProcedureVersionAdopted | None:
        """The version in force on a day."""
        known = [version for version in self.versions if version.in_force_from <= day]
        return max(known, key=lambda version: version.in_force_from, default=None)


def parse_code(text: str) -> str:
    """A national procedure code, `1.013979` or with an agency behind it."""
    code = text.strip().upper()
    if not _CODE.fullmatch(code):
        raise InvalidValueError("invalid-procedure-code", code=code[:40])
    return code


def evolve(state: Procedure | None, stream: StreamId, event: ProcedureEvent) -> Procedure:
    """The procedure after the event."""
    earlier = state.versions if state else ()
    return Procedure(stream, event.code, (*earlier, event))


def adopt(
    state: Procedure | None,
    *,
    code: str,
    name: str,
    components: tuple[Component, ...],
    time_limit: TimeLimit | None,
    retention: RetentionRule | None,
    in_force_from: date,
) -> ProcedureVersionAdopted:
    """Decides to put a version in force; it must begin after the one before."""
    if not name.strip() or len(name) > 500 or len(components) > 100:
        raise InvalidValueError("invalid-procedure")
    if state is not None and in_force_from <= state.versions[-1].in_force_from:
        raise RuleError("version-not-later", since=state.versions[-1].in_force_from.isoformat())
    version = len(state.versions) + 1 if state else 1
    return ProcedureVersionAdopted(
        code, version, name.strip(), components, time_limit, retention, in_force_from
    )
