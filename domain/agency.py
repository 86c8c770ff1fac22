"""Agencies (cơ quan, đơn vị) with their dated codes, names and places, and what became of them.

An agency lasts while its codes and names change; two forms of codes are in use
(QCVN 102:2016 `000.00.00.H33` and Decision 20/2020/QĐ-TTg `H33.05`), and old papers keep theirs.
When it is merged, split or dissolved its papers stay its own; its successors reach them.
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


class Succession(StrEnum):
    """How an agency ended."""

    MERGED = "merged"
    SPLIT = "split"
    DISSOLVED = "dissolved"


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


# ---------------------------------------------------------------- events


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


@dataclass(frozen=True)
class AgencyCodeEnded:
    """The code is in use up to this day; it still names the agency of old papers."""

    code: str
    valid_until: date


@dataclass(frozen=True)
class AgencyRenamed:
    """The agency has another name from a day on; papers before it keep the earlier one."""

    name: str
    valid_from: date


@dataclass(frozen=True)
class AgencyMoved:
    """The agency stands below another one from a day on."""

    parent: StreamId
    valid_from: date


@dataclass(frozen=True)
class AgencySucceeded:
    """The agency ended: from that day on nothing new is opened for it, and people of its
    successors reach its papers. Provenance stays: no paper changes its agency."""

    how: Succession
    successors: tuple[StreamId, ...]
    on: date


AgencyEvent = (
    AgencyEstablished
    | AgencyCodeAssigned
    | AgencyCodeEnded
    | AgencyRenamed
    | AgencyMoved
    | AgencySucceeded
)


# ---------------------------------------------------------------- state


@dataclass(frozen=True)
class AgencyCode:
    """A code and the days on which it was in use."""

    code: str
    form: CodeForm
    valid_from: date
    valid_until: date | None

    def holds_on(self, day: date) -> bool:
        """True on its first day, its last, and between."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True)
class AgencyName:
    """A name and the day from which it is borne."""

    name: str
    valid_from: date


@dataclass(frozen=True)
class AgencyPlace:
    """The agency above, and the day from which it stands there."""

    parent: StreamId | None
    valid_from: date


@dataclass(frozen=True)
class Agency:
    """An agency with everything that it was called, where it stood, and how it ended."""

    id: StreamId
    names: tuple[AgencyName, ...]
    """The earliest first."""
    places: tuple[AgencyPlace, ...]
    """The earliest first."""
    codes: tuple[AgencyCode, ...]
    """In the order in which they were assigned."""
    ended: AgencySucceeded | None = None

    @property
    def name(self) -> str:
        """The newest name."""
        return self.names[-1].name

    @property
    def parent(self) -> StreamId | None:
        """The newest agency above."""
        return self.places[-1].parent

    @property
    def code(self) -> str:
        """The code that people know: the first without an end, or the first of all."""
        return next((c.code for c in self.codes if c.valid_until is None), self.codes[0].code)

    def name_on(self, day: date) -> str:
        """What it was called on a day; before its first day as on that."""
        borne = [known.name for known in self.names if known.valid_from <= day]
        return borne[-1] if borne else self.names[0].name

    def parent_on(self, day: date) -> StreamId | None:
        """The agency above it on a day; before its first day as on that."""
        stood = [known.parent for known in self.places if known.valid_from <= day]
        return stood[-1] if stood else self.places[0].parent

    def code_on(self, day: date) -> str:
        """The code with which new dossiers of the day begin; `code` on a day without one."""
        return next((known.code for known in self.codes if known.holds_on(day)), self.code)

    def heirs_on(self, day: date) -> frozenset[StreamId]:
        """The agencies whose people reach its papers on a day as their own."""
        ended = self.ended
        return frozenset(ended.successors if ended is not None and ended.on <= day else ())


def evolve(state: Agency | None, stream: StreamId, event: AgencyEvent) -> Agency:
    """The agency after the event."""
    if isinstance(event, AgencyEstablished):
        since = event.valid_from
        return Agency(
            stream,
            (AgencyName(event.name, since),),
            (AgencyPlace(event.parent, since),),
            (AgencyCode(event.code, event.form, since, None),),
        )
    assert state is not None
    match event:
        case AgencyCodeAssigned():
            code = AgencyCode(event.code, event.form, event.valid_from, event.valid_until)
            return replace(state, codes=(*state.codes, code))
        case AgencyCodeEnded():
            codes = tuple(
                replace(known, valid_until=event.valid_until) if known.code == event.code else known
                for known in state.codes
            )
            return replace(state, codes=codes)
        case AgencyRenamed():
            names = (*state.names, AgencyName(event.name, event.valid_from))
            return replace(state, names=tuple(sorted(names, key=lambda name: name.valid_from)))
        case AgencyMoved():
            places = (*state.places, AgencyPlace(event.parent, event.valid_from))
            return replace(state, places=tuple(sorted(places, key=lambda place: place.valid_from)))
        case AgencySucceeded():
            return replace(state, ended=event)
        case _:
            assert_never(event)


# ---------------------------------------------------------------- decisions


def require_standing(state: Agency, day: date) -> None:
    """Raises RuleError when the agency has ended by that day: nothing new is opened for it."""
    if state.ended is not None and state.ended.on <= day:
        raise RuleError("agency-ended", agency=state.code, on=state.ended.on.isoformat())


def establish(name: str, code: str, parent: StreamId | None, valid_from: date) -> AgencyEstablished:
    """Decides to add an agency."""
    return AgencyEstablished(_checked(name), code, form_of(code), parent, valid_from)


def assign_code(
    state: Agency, code: str, valid_from: date, valid_until: date | None
) -> AgencyCodeAssigned:
    """Decides to give the agency a further code."""
    if valid_until is not None and valid_until < valid_from:
        raise InvalidValueError("invalid-period")
    if any(known.code == code for known in state.codes):
        raise RuleError("code-known", code=code)
    require_standing(state, valid_from)
    return AgencyCodeAssigned(code, form_of(code), valid_from, valid_until)


def end_code(state: Agency, code: str, valid_until: date) -> AgencyCodeEnded:
    """Decides that a code of the agency is in use up to a day; a wrong end may be set anew."""
    known = next((known for known in state.codes if known.code == code), None)
    if known is None:
        raise RuleError("code-not-of-agency", code=code)
    if valid_until < known.valid_from:
        raise InvalidValueError("invalid-period")
    return AgencyCodeEnded(code, valid_until)


def rename(state: Agency, name: str, valid_from: date) -> AgencyRenamed:
    """Decides that the agency has another name from a day on."""
    checked = _checked(name)
    require_standing(state, valid_from)
    if valid_from < state.names[0].valid_from:
        raise RuleError("before-agency", since=state.names[0].valid_from.isoformat())
    if state.name_on(valid_from) == checked:
        raise RuleError("nothing-changed")
    return AgencyRenamed(checked, valid_from)


def move(state: Agency, parent: StreamId, above: frozenset[StreamId], on: date) -> AgencyMoved:
    """Decides to put the agency below another one, which has `above` over it."""
    if state.id in {parent, *above}:
        raise RuleError("agency-circle")
    require_standing(state, on)
    if on < state.places[0].valid_from:
        raise RuleError("before-agency", since=state.places[0].valid_from.isoformat())
    if state.parent_on(on) == parent:
        raise RuleError("nothing-changed")
    return AgencyMoved(parent, on)


def succeed(
    state: Agency, how: Succession, successors: tuple[Agency, ...], on: date
) -> AgencySucceeded:
    """Decides that the agency ended. Merged into one, split into two or more, or dissolved, with
    or without others that take over its papers; they must outlive it. It is decided once.

    The day may lie before the agency's first: an old one is often entered without its first day.
    """
    if state.ended is not None:
        raise RuleError("agency-ended", agency=state.code, on=state.ended.on.isoformat())
    names = tuple(dict.fromkeys(each.id for each in successors))
    if state.id in names:
        raise RuleError("agency-circle")
    fits = {
        Succession.MERGED: len(names) == 1,
        Succession.SPLIT: len(names) >= 2,
        Succession.DISSOLVED: True,
    }
    if not fits[how]:
        raise RuleError("successors-do-not-fit", count=len(names))
    for each in successors:
        require_standing(each, on)
    return AgencySucceeded(how, names, on)


def _checked(name: str) -> str:
    if not name.strip() or len(name) > 200:
        raise InvalidValueError("invalid-name")
    return name.strip()
