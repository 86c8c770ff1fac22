"""Agencies (cơ quan, đơn vị) with their dated codes.

An agency lasts while its codes and names change; two forms of codes are in use
(QCVN 102:2016 `000.00.00.H33` and Decision 20/2020/QĐ-TTg `H33.05`), and old papers keep theirs.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import assert_never

from domain.errors import InvalidValueError, RuleError
from domain.values import StreamId

_QD20 = re.compile(r"[A-Z]\d{2}(\.\d{2,})*")
_QCVN102 = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}")
_ANY = re.compile(r"[0-9A-Z]+(\.[0-9A-Z]+)*")


class CodeForm(StrEnum):
    """Which rule a code follows; codes seen in the wild that follow none are kept and named so."""

    QD20 = "qd20-2020"
    QCVN102 = "qcvn102-2016"
    OTHER = "other"


def parse_code(text: str) -> str:
    """An agency code as it is stored: upper case, 3 to 35 characters."""
    code = text.strip().upper()
    if not _ANY.fullmatch(code) or not 3 <= len(code) <= 35:
        raise InvalidValueError("invalid-agency-code", code=code[:40])
    return code


def form_of(code: str) -> CodeForm:
    """Which rule the code follows."""
    if _QD20.fullmatch(code):
        return CodeForm.QD20
    return CodeForm.QCVN102 if _QCVN102.fullmatch(code) else CodeForm.OTHER


@dataclass(frozen=True)
class AgencyEstablished:
    """The agency is known to the archive under its first code."""

    name: str
    code: str
    form: CodeForm
    parent: StreamId | None
    valid_from: date


@dataclass(frozen=True)
class AgencyCodeAssigned:
    """The agency has this code too, from one day to another (both included)."""

    code: str
    form: CodeForm
    valid_from: date
    valid_until: date | None


AgencyEvent = AgencyEstablished | AgencyCodeAssigned


@dataclass(frozen=True)
class AgencyCode:
    """A code and the days on which it was in use."""

    code: str
    form: CodeForm
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True)
class Agency:
    """An agency as it stands; `codes[0]` is the one that the archive prints."""

    id: StreamId
    name: str
    parent: StreamId | None
    codes: tuple[AgencyCode, ...]

    @property
    def code(self) -> str:
        """The code that new dossiers begin with."""
        return self.codes[0].code


def evolve(state: Agency | None, stream: StreamId, event: AgencyEvent) -> Agency:
    """The agency after the event."""
    match event:
        case AgencyEstablished():
            code = AgencyCode(event.code, event.form, event.valid_from, None)
            return Agency(stream, event.name, event.parent, (code,))
        case AgencyCodeAssigned():
            assert state is not None
            code = AgencyCode(event.code, event.form, event.valid_from, event.valid_until)
            return replace(state, codes=(*state.codes, code))
        case _:
            assert_never(event)


def establish(name: str, code: str, parent: StreamId | None, valid_from: date) -> AgencyEstablished:
    """Decides to add an agency."""
    if not name.strip() or len(name) > 200:
        raise InvalidValueError("invalid-name")
    return AgencyEstablished(name.strip(), code, form_of(code), parent, valid_from)


def assign_code(
    state: Agency, code: str, valid_from: date, valid_until: date | None
) -> AgencyCodeAssigned:
    """Decides to give the agency a further code."""
    if valid_until is not None and valid_until < valid_from:
        raise InvalidValueError("invalid-period")
    if any(known.code == code for known in state.codes):
        raise RuleError("code-known", code=code)
    return AgencyCodeAssigned(code, form_of(code), valid_from, valid_until)
