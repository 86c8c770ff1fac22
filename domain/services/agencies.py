"""Keeping the agencies: founded, renamed, given codes, moved, and succeeded by others.

No stored event is touched by any of it: old papers keep the agency, the name and the code that
they had, and a successor reaches them through `access`.
"""

from collections.abc import Callable
from datetime import date, datetime

from domain import agency
from domain.access import Action, Resource, Tree
from domain.agency import Succession
from domain.events import Change
from domain.ports import Answer, Json
from domain.services import Archive, Request
from domain.services.deciding import (
    Decided,
    carry_out,
    load,
    new_stream,
    permit,
    today,
    tree,
)
from domain.text import nfc
from domain.values import Kind, StreamId


def add_agency(
    archive: Archive,
    request: Request,
    *,
    code: str,
    name: str,
    parent: StreamId | None,
    valid_from: date | None,
) -> Answer:
    """An agency below `parent`, or below the archive's first agency. Result: `agency`."""
    above = parent or request.agent.grants[0].agency
    parsed = agency.parse_code(code)

    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({above})))
        since = valid_from or today(at)
        agency.require_standing(load(archive, above).agency(), since)
        event = agency.establish(nfc(name), parsed, above, since)
        change = Change(new_stream(archive, Kind.AGENCY), 0, (event,))
        return Decided(actor, (change,), {"agency": change.stream, "code": parsed})

    asked = {
        "do": "agency-add",
        "code": parsed,
        "name": name,
        "parent": parent,
        "from": valid_from.isoformat() if valid_from else None,
    }
    return carry_out(archive, request, asked, decide)


def add_agency_code(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    code: str,
    valid_from: date,
    valid_until: date | None,
) -> Answer:
    """A further code of an agency, old or new form, with its days. Result: `agency`, `code`."""
    parsed = agency.parse_code(code)

    def change(state: agency.Agency, at: datetime) -> agency.AgencyEvent:
        return agency.assign_code(state, parsed, valid_from, valid_until)

    asked = {"code": parsed, "from": valid_from.isoformat(), "until": _text(valid_until)}
    return _change(archive, request, target, "agency-code", asked, change, {"code": parsed})


def end_agency_code(
    archive: Archive, request: Request, target: StreamId, *, code: str, valid_until: date
) -> Answer:
    """The last day of a code; it goes on naming the agency. Result: `agency`, `code`."""
    parsed = agency.parse_code(code)

    def change(state: agency.Agency, at: datetime) -> agency.AgencyEvent:
        return agency.end_code(state, parsed, valid_until)

    asked = {"code": parsed, "until": valid_until.isoformat()}
    return _change(archive, request, target, "agency-code-end", asked, change, {"code": parsed})


def rename_agency(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    name: str,
    valid_from: date | None,
) -> Answer:
    """Another name from a day on (today, if none is said). Result: `agency`."""

    def change(state: agency.Agency, at: datetime) -> agency.AgencyEvent:
        return agency.rename(state, nfc(name), valid_from or today(at))

    asked = {"name": name, "from": _text(valid_from)}
    return _change(archive, request, target, "agency-rename", asked, change)


def move_agency(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    parent: StreamId,
    valid_from: date | None,
) -> Answer:
    """Another agency above from a day on; both are the administrator's. Result: `agency`."""

    def change(state: agency.Agency, at: datetime) -> agency.AgencyEvent:
        permit(archive, request, Action.ADMINISTER, Resource(frozenset({parent})))
        day = valid_from or today(at)
        agency.require_standing(load(archive, parent).agency(), day)
        return agency.move(state, parent, _above(parent, tree(archive)), day)

    asked = {"parent": parent, "from": _text(valid_from)}
    return _change(archive, request, target, "agency-move", asked, change)


def succeed_agency(
    archive: Archive,
    request: Request,
    target: StreamId,
    *,
    how: Succession,
    successors: tuple[StreamId, ...],
    on: date,
) -> Answer:
    """The agency ends on a day, and these take over its papers; all are the administrator's.
    Result: `agency`."""

    def change(state: agency.Agency, at: datetime) -> agency.AgencyEvent:
        for each in successors:  # Who administers one does not decide over the other's people.
            permit(archive, request, Action.ADMINISTER, Resource(frozenset({each})))
        heirs = tuple(load(archive, each).agency() for each in successors)
        return agency.succeed(state, how, heirs, on)

    asked = {"how": how.value, "successors": list(successors), "on": on.isoformat()}
    return _change(archive, request, target, "agency-succeed", asked, change)


def _change(
    archive: Archive,
    request: Request,
    target: StreamId,
    do: str,
    asked: Json,
    change: Callable[[agency.Agency, datetime], agency.AgencyEvent],
    result: Json | None = None,
) -> Answer:
    def decide(at: datetime) -> Decided:
        actor = permit(archive, request, Action.ADMINISTER, Resource(frozenset({target})))
        loaded = load(archive, target)
        changes = (Change(target, loaded.version, (change(loaded.agency(), at),)),)
        return Decided(actor, changes, {"agency": target, **(result or {})})

    return carry_out(archive, request, {"do": do, "agency": target, **asked}, decide)


def _above(place: StreamId, places: Tree) -> frozenset[StreamId]:
    """Every agency above one."""
    found: set[StreamId] = set()
    above = places[place].parent if place in places else None
    while above is not None and above not in found:
        found.add(above)
        above = places[above].parent if above in places else None
    return frozenset(found)


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
