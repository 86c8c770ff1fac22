"""What the address of a list of dossiers asks for, and how its limits are laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.web.searching import Choice
from api.web.visit import Visit
from domain.services.browsing import Listing
from domain.text import nfc
from domain.values import StreamId
from domain.views import ProcedureRow

NAMES = ("agency", "year", "procedure", "kind", "state")
_MOST_CHOICES = 12


@dataclass(frozen=True)
class Listed:
    """The limits of an address, as they were typed."""

    values: Mapping[str, str]
    after: str = ""

    @classmethod
    def read(cls, query: QueryParams) -> "Listed":
        """Reads any query string; what means nothing asks for nothing."""
        values = {name: nfc(query.get(name, "")).strip()[:200] for name in NAMES}
        known = {name: value for name, value in values.items() if value}
        return cls(known, query.get("after", ""))

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    def but(self, **changes: str) -> str:
        """The address of this list with something else in it, from its beginning on."""
        return _address({**self.values, **changes})

    def without(self, *names: str) -> str:
        """The address of this list without some of its limits."""
        return _address({n: v for n, v in self.values.items() if n not in names})

    def behind(self, listing: Listing) -> str:
        """The address of the next page, empty on the last one."""
        if listing.after is None:
            return ""
        day, stream = listing.after
        return self.but(after=f"{day.isoformat()}_{stream}")


def _address(values: Mapping[str, str]) -> str:
    return f"/dossiers?{urlencode(values)}" if values else "/dossiers"


def chips(visit: Visit, listed: Listed) -> Sequence[tuple[str, str]]:
    """Each limit in words, and the address without it."""
    return [
        (_said(visit, name, listed[name]), listed.without(name))
        for name in NAMES
        if name in listed.values
    ]


def facets(
    visit: Visit, listed: Listed, listing: Listing
) -> Sequence[tuple[str, Sequence[Choice]]]:
    """The limits that can still be set, each with its values, most dossiers first."""
    procedures = newest_procedures(visit)
    found = []
    for name in ("agency", "year", "procedure", "kind"):
        counts = listing.facets.get(name, ())
        if name in listed.values or not counts:
            continue
        choices = []
        for value, dossiers in counts[:_MOST_CHOICES]:
            code = _code(visit, procedures, name, value)
            change: dict[str, Any] = {name: code}
            choices.append(Choice(_said(visit, name, code), listed.but(**change), dossiers))
        found.append((name, choices))
    return found


def newest_procedures(visit: Visit) -> Mapping[StreamId, ProcedureRow]:
    """Each procedure once, in its newest version."""
    return {row.id: row for row in visit.archive.catalogue.procedures()}


def _code(visit: Visit, procedures: Mapping[StreamId, ProcedureRow], name: str, value: str) -> str:
    """What an address holds for a value of a facet: codes instead of identities."""
    known = StreamId(value)
    if name == "agency" and known in visit.agencies:
        return visit.agencies[known].code
    if name == "procedure" and known in procedures:
        return procedures[known].code
    return value


def _said(visit: Visit, name: str, value: str) -> str:
    speech = visit.speech
    match name:
        case "agency":
            upper = value.upper()
            return next((r.name for r in visit.agencies.values() if r.code == upper), value)
        case "procedure":
            rows = newest_procedures(visit).values()
            return next((f"{r.code} · {r.name}" for r in rows if r.code == value.upper()), value)
        case "kind":
            return speech.named("dossier-kind", value)
        case "state":
            return speech.text(
                "page-dossiers-closed" if value == "closed" else "page-dossiers-open"
            )
        case _:
            return value
