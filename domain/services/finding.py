"""Finding papers: as far as the asker may read, and nothing of what lies beyond is counted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from domain.access import Action
from domain.errors import InvalidValueError, NotFoundError, NotPermittedError
from domain.searching import EVERY_PAGE, Hit, Order, PageFilter, SearchAnswer, SearchScope
from domain.services import Archive, Request, retrieval
from domain.services.deciding import resolve
from domain.text import dates
from domain.values import Kind, StreamId
from domain.views import RecordRow


@dataclass(frozen=True)
class Found:
    """A hit with what lists know of its record."""

    hit: Hit
    row: RecordRow | None
    """None when the lists do not know the record yet."""


@dataclass(frozen=True)
class Findings:
    """One page of results."""

    answer: SearchAnswer
    found: tuple[Found, ...]


def search(
    archive: Archive,
    request: Request,
    query: str,
    wanted: PageFilter = EVERY_PAGE,
    *,
    order: Order = Order.BEST,
    limit: int = 10,
    offset: int = 0,
) -> Findings:
    """Pages that match, as far as the agent may read; access is part of the query."""
    if not 1 <= limit <= 200 or not 0 <= offset <= 100_000:
        raise InvalidValueError("invalid-paging")
    allowed = scope(archive, request)
    answer = archive.index.search(query, allowed, wanted, order=order, limit=limit, offset=offset)
    rows = archive.catalogue.record_rows({hit.record for hit in answer.hits})
    return Findings(answer, tuple(Found(hit, rows.get(hit.record)) for hit in answer.hits))


def scope(archive: Archive, request: Request) -> SearchScope:
    """What the agent may find today, with the codes by which a query names its agencies."""
    return with_codes(archive, retrieval.search_scope(archive, request))


def with_codes(archive: Archive, allowed: SearchScope) -> SearchScope:
    """A scope with the codes that its agencies have today."""
    known = archive.catalogue.agencies()
    codes = {known[each].code.upper(): each for each in allowed.agencies if each in known}
    return replace(allowed, codes=codes)


def require_reader(archive: Archive, request: Request) -> None:
    """Raises NotPermittedError for who may read nothing at all, in no agency."""
    if not retrieval.search_scope(archive, request).agencies:
        raise NotPermittedError(action=Action.READ.value, reason="no-role")


def read_filter(archive: Archive, asked: Mapping[str, str]) -> PageFilter:
    """The filter of `agency`, `year`, `type`, `confirmed`, `from`, `to` and `dossier`, each as a
    person types it; what is left out asks for nothing.

    A code that nothing bears asks for what nobody finds. A year that is none is not asked for.
    Raises InvalidValueError("search-bad-day") with the field `from` or `to`.
    """
    year = asked.get("year", "")
    return PageFilter(
        agency=_named(archive, asked.get("agency", ""), Kind.AGENCY),
        year=int(year) if _YEAR.fullmatch(year) else None,
        type_name=asked.get("type"),
        confirmed={"true": True, "false": False}.get(asked.get("confirmed", "")),
        since=_day(asked, "from"),
        until=_day(asked, "to"),
        dossier=_named(archive, asked.get("dossier", ""), Kind.DOSSIER),
    )


_YEAR = re.compile(r"[0-9]{4}")


def _named(archive: Archive, reference: str, kind: Kind) -> StreamId | None:
    if not reference:
        return None
    try:
        return resolve(archive, reference, kind)
    except NotFoundError:
        return StreamId(f"{kind}-")


def _day(asked: Mapping[str, str], name: str) -> date | None:
    text = asked.get(name, "")
    if not text:
        return None
    found = dates(text)
    if len(found) == 1 and (found[0].start, found[0].end) == (0, len(text)):
        return found[0].on
    raise InvalidValueError("search-bad-day", field=name)
