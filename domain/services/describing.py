"""Describing at speed: all fields of a record or dossier in one form, each change an event.

Who saves says which version of the stream the form showed. What somebody else changed meanwhile
is never overwritten: the whole save is refused and nothing of it is stored.
"""

from collections.abc import Mapping
from datetime import datetime

from domain import dossier, record
from domain.access import Action
from domain.dossier import DossierField
from domain.errors import ArchiveError, ConcurrentChangeError, InvalidValueError, RuleError
from domain.events import Change
from domain.ports import Answer
from domain.record import RecordField
from domain.services import Archive, Request
from domain.services.deciding import Decided, Loaded, carry_out, load, permit_on
from domain.text import dates, nfc
from domain.values import StreamId

Values = Mapping[RecordField, str | None]
_REASON_LENGTH = 1000


def read_values(
    typed: Mapping[RecordField, str],
) -> tuple[Values, Mapping[RecordField, ArchiveError]]:
    """What a person typed as it is stored, None for nothing, and what is wrong with which field.

    A day is written `23/04/2026` or `2026-04-23`.
    """
    values: dict[RecordField, str | None] = {}
    troubles: dict[RecordField, ArchiveError] = {}
    for name, text in typed.items():
        try:
            values[name] = read_value(name, text)
        except InvalidValueError as exc:
            troubles[name] = exc
    return values, troubles


def read_value(name: RecordField, text: str) -> str | None:
    """One of them; raises InvalidValueError."""
    stripped = nfc(text).strip()
    if name is RecordField.ISSUED_ON:
        found = dates(stripped)
        if len(found) == 1 and (found[0].start, found[0].end) == (0, len(stripped)):
            stripped = found[0].on.isoformat()
    return record.parse_value(name, stripped) if stripped else None


def permit_describing(archive: Archive, request: Request, target: StreamId) -> None:
    """Raises NotFoundError, NotPermittedError, or RuleError for a record out of sight."""
    paper = load(archive, target).record()
    holder = load(archive, paper.dossier).dossier()
    permit_on(archive, request, Action.CORRECT, holder, paper)
    record.require_visible(paper)


def describe(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    version: int,
    values: Values,
    reason: str,
) -> Answer | None:
    """Stores the values that differ from what the stream said at `version`; None when none does.

    The whole save is one command and one transaction. Raises
    ConcurrentChangeError("described-meanwhile") when one of these fields has another value since,
    InvalidValueError("change-reason-required").
    """
    permit_describing(archive, request, target)
    before = _as_of(load(archive, target), version).record().metadata
    changed = {name: value for name, value in values.items() if value != before.get(name)}
    if not changed:
        return None
    why = _reason(reason)

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        paper = loaded.record()
        holder = load(archive, paper.dossier).dossier()
        actor = permit_on(archive, request, Action.CORRECT, holder, paper)
        events = []
        for name, value in changed.items():
            if paper.metadata.get(name) == value:
                continue  # Somebody else wrote the same.
            if paper.metadata.get(name) != before.get(name):
                raise ConcurrentChangeError("described-meanwhile")
            events.append(record.correct(paper, name, value, why))
        if not events:
            raise RuleError("nothing-to-correct", field=next(iter(changed)).value)
        return Decided(actor, (Change(target, loaded.version, tuple(events)),))

    said = {name.value: value for name, value in changed.items()}
    asked = {"do": "describe", "what": target, "values": said, "why": why, "from": version}
    return carry_out(archive, request, asked, decide)


def describe_dossier(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    version: int,
    values: Mapping[DossierField, str],
    reason: str,
) -> Answer | None:
    """The same for the fields of a dossier."""
    permit_on(archive, request, Action.CORRECT, load(archive, target).dossier())
    given = {name: dossier.parse_text(nfc(v)) if v.strip() else None for name, v in values.items()}
    begun = _as_of(load(archive, target), version).dossier()
    changed = {name: v for name, v in given.items() if v != getattr(begun, name.value)}
    if not changed:
        return None
    why = _reason(reason)

    def decide(at: datetime) -> Decided:
        loaded = load(archive, target)
        state = loaded.dossier()
        actor = permit_on(archive, request, Action.CORRECT, state)
        events = []
        for name, value in changed.items():
            if getattr(state, name.value) == value:
                continue
            if getattr(state, name.value) != getattr(begun, name.value):
                raise ConcurrentChangeError("described-meanwhile")
            events.append(dossier.correct(state, name, value, why))
        if not events:
            raise RuleError("nothing-to-correct", field=next(iter(changed)).value)
        return Decided(actor, (Change(target, loaded.version, tuple(events)),))

    said = {name.value: value for name, value in changed.items()}
    asked = {"do": "describe", "what": target, "values": said, "why": why, "from": version}
    return carry_out(archive, request, asked, decide)


def _as_of(loaded: Loaded, version: int) -> Loaded:
    if not 1 <= version <= loaded.version:
        raise InvalidValueError("invalid-number")
    return Loaded(loaded.events[:version])


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidValueError("change-reason-required")
    return dossier.parse_text(nfc(text), limit=_REASON_LENGTH)


def permit_correcting(archive: Archive, request: Request, target: StreamId) -> None:
    """Raises NotFoundError, NotPermittedError, or RuleError for an erased dossier."""
    state = load(archive, target).dossier()
    permit_on(archive, request, Action.CORRECT, state)
    if state.erased_by is not None:
        raise RuleError("dossier-erased", dossier=state.code)


def permit_closing(archive: Archive, request: Request, target: StreamId) -> None:
    """Raises NotFoundError or NotPermittedError, RuleError for one that cannot be closed."""
    state = load(archive, target).dossier()
    permit_on(archive, request, Action.CLOSE, state)
    dossier.require_open(state)
