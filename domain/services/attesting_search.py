"""Searches as signed results: what was asked, of which state of the archive, and every hit.

An event names the hits, and the log holds the event; so the result can be shown to be complete by
asking again, of the archive as it was at that position (`rechecking_search`). Near matches, which
are the best of many guesses, are no part of a result.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from domain import access, keyring
from domain.access import Action, Resource
from domain.errors import (
    IntegrityError,
    NotFoundError,
    NotPermittedError,
    RuleError,
    UnavailableError,
)
from domain.events import Change, Recorded
from domain.ports import Answer
from domain.searches import SearchAttested
from domain.searching import EVERY_PAGE, Match, PageFilter, SearchIndex, SearchScope
from domain.services import Archive, Request
from domain.services.attested import content_of
from domain.services.deciding import Decided, carry_out, load, new_stream, permit, today, tree
from domain.services.finding import with_codes
from domain.services.proving import certificates_in, log_keys, log_state, proof_of, signer_of
from domain.services.storing import stored
from domain.text import nfc
from domain.values import EventId, Kind, StreamId, kind_of

FORMAT = "chauban-signed-search/1"
MOST = 10_000
"""Hits of one result."""
_AT_ONCE = 1_000
_ATTEMPTS = 5
_MEDIA_TYPE = "application/jsonl"
_STRICT = (Match.EXACT, Match.FOLDED)
HitLine = tuple[str, int, str]
"""Record, page, match: what a result says of a hit."""


@dataclass(frozen=True)
class SignedSearch:
    """A result to hand out."""

    event: EventId
    position: int
    """The journal position of which it speaks."""
    total: int
    content: bytes
    """The file, JSON."""


def attest(
    archive: Archive, request: Request, query: str, wanted: PageFilter = EVERY_PAGE
) -> Answer:
    """Searches everything that the agent may have attested and puts the answer on record.
    Result: `search`, the identity of the record of it.

    (1) Views and index catch up. (2) All hits are found, in one state of the index. (3) The list of
    them is put. (4) The event that names it is appended. A crash before (4) leaves bytes without a
    fact, which the worker sweeps. Raises RuleError("search-too-large"), InvalidValueError for a
    query that cannot be read, UnavailableError("search-unsettled").
    """
    text = nfc(query).strip()
    limits = limits_of(wanted)

    def decide(at: datetime) -> Decided:
        allowed = _allowed(archive, request)
        actor = permit(archive, request, Action.ATTEST_SEARCH, Resource(allowed.agencies))
        archive.views.catch_up()  # (1)
        position, hits = all_hits(archive.index, text, allowed, wanted)  # (2)
        manifest = stored(
            archive.objects, _manifest(archive, position, allowed, hits), _MEDIA_TYPE
        )  # (3)
        event = SearchAttested(position, len(hits), manifest, text, limits)
        stream = new_stream(archive, Kind.SEARCH)
        return Decided(actor, (Change(stream, 0, (event,)),), {"search": stream})

    asked = {"do": "search-attest", "query": text, "limits": limits}
    return carry_out(archive, request, asked, decide)  # (4)


def result(archive: Archive, request: Request, search: StreamId) -> SignedSearch:
    """The file of an attested search, for who could have asked for it: it names what is in every
    agency that was searched. Raises NotPermittedError for who may in none, NotFoundError for
    anybody else."""
    _allowed(archive, request)
    recorded = recorded_search(archive, search)
    manifest = content_of(archive, recorded.event.manifest.sha256).decode()
    require_reach(archive, request, manifest, search)
    archive.views.catch_up()
    proved = proof_of(archive, request, str(recorded.position))
    (exhibit,) = archive.journal.exhibit([recorded.position])
    event = recorded.event
    query = event.query if isinstance(event.query, str) else None
    limits = event.limits if isinstance(event.limits, tuple) else ()
    members = {
        **told(archive, recorded, query, limits, manifest),
        "manifest": manifest,
        "envelope": proved.envelope.decode(),
        "disclosures": [text for _, text in exhibit.disclosures],
        "proof": proved.proof.decode(),
        "log_key": signer_of(archive, proved.proof, log_keys(archive)) or log_state(archive).key,
        "certificates": certificates(archive, archive.journal.position()),
    }
    return SignedSearch(recorded.id, event.upto, event.total, _written(members))


# ---------------------------------------------------------------- whether


def _reach(archive: Archive, request: Request) -> access.Scope:
    day = today(archive.clock.now())
    return access.scope(request.agent, Action.ATTEST_SEARCH, tree=tree(archive), on=day)


def _allowed(archive: Archive, request: Request) -> SearchScope:
    reach = _reach(archive, request)
    if not reach.agencies:
        raise NotPermittedError(action=Action.ATTEST_SEARCH.value, reason="no-role")
    restricted = reach.agencies <= reach.restricted
    return with_codes(archive, SearchScope(reach.agencies, restricted=restricted))


def require_reach(archive: Archive, request: Request, manifest: str, search: StreamId) -> None:
    """Raises NotFoundError for who may not have searches of all these agencies attested."""
    if not scope_of(manifest).agencies <= _reach(archive, request).agencies:
        raise NotFoundError(reference=search)


def recorded_search(archive: Archive, search: StreamId) -> Recorded[SearchAttested]:
    """The event of an attested search; raises NotFoundError."""
    with suppress(ValueError):  # Not the identity of anything.
        if kind_of(search) is Kind.SEARCH:
            first = load(archive, search).events[0]
            if isinstance(first.event, SearchAttested):
                return first  # type: ignore[return-value]
    raise NotFoundError(reference=search[:80])


# ---------------------------------------------------------------- all hits


def all_hits(
    index: SearchIndex, query: str, allowed: SearchScope, wanted: PageFilter
) -> tuple[int, Sequence[HitLine]]:
    """Every page that matches exactly or folded, by record and page, and the position at which
    the index found them: the same one for all, or UnavailableError("search-unsettled")."""
    for _ in range(_ATTEMPTS):
        first = index.search(query, allowed, wanted, limit=_AT_ONCE)
        if first.total > MOST:
            raise RuleError("search-too-large", total=first.total, limit=MOST)
        hits, answer = list(first.hits), first
        while len(hits) < first.total and answer.position == first.position and answer.hits:
            answer = index.search(query, allowed, wanted, limit=_AT_ONCE, offset=len(hits))
            hits += answer.hits
        if answer.position == first.position:
            strict = [hit for hit in hits if hit.match in _STRICT]
            return first.position, sorted((h.record, h.page, h.match.value) for h in strict)
    raise UnavailableError("search-unsettled")


def limits_of(wanted: PageFilter) -> tuple[str, ...]:
    """A filter as the event keeps it."""
    given: dict[str, object] = {
        "agency": wanted.agency,
        "year": wanted.year,
        "type": wanted.type_name,
        "confirmed": None if wanted.confirmed is None else str(wanted.confirmed).lower(),
        "from": wanted.since,
        "to": wanted.until,
        "dossier": wanted.dossier,
    }
    return tuple(f"{name}={value}" for name, value in given.items() if value is not None)


def filter_of(limits: Iterable[str]) -> PageFilter:
    """The reverse of `limits_of`."""
    given = filters_of(limits)

    def day(name: str) -> date | None:
        return date.fromisoformat(given[name]) if name in given else None

    return PageFilter(
        agency=StreamId(given["agency"]) if "agency" in given else None,
        year=int(given["year"]) if "year" in given else None,
        type_name=given.get("type"),
        confirmed=given["confirmed"] == "true" if "confirmed" in given else None,
        since=day("from"),
        until=day("to"),
        dossier=StreamId(given["dossier"]) if "dossier" in given else None,
    )


def filters_of(limits: Iterable[str]) -> dict[str, str]:
    """The filters by name."""
    return {name: value for name, _, value in (each.partition("=") for each in limits)}


# ---------------------------------------------------------------- the list of hits


def _manifest(
    archive: Archive, position: int, allowed: SearchScope, hits: Sequence[HitLine]
) -> bytes:
    """A line that says what was searched, then a line a hit."""
    codes = {identity: code for code, identity in allowed.codes.items()}
    head = {
        "archive": archive.id,
        "position": position,
        "count": len(hits),
        "matches": [match.value for match in _STRICT],
        "restricted": allowed.restricted,
        "agencies": {each: codes.get(each, "") for each in sorted(allowed.agencies)},
    }
    lines = [head, *({"record": r, "page": p, "match": m} for r, p, m in hits)]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def scope_of(manifest: str) -> SearchScope:
    """What was searched, by the codes that the agencies had then."""
    head = read_manifest(manifest)[0]
    agencies: Mapping[str, str] = head["agencies"]
    codes = {code: StreamId(each) for each, code in agencies.items() if code}
    return SearchScope(frozenset(map(StreamId, agencies)), head["restricted"], codes)


def read_manifest(manifest: str) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """Its first line, and the hits."""
    try:
        head, *hits = (json.loads(line) for line in manifest.splitlines())
    except ValueError as exc:
        raise IntegrityError from exc
    return head, hits


# ---------------------------------------------------------------- the file


def told(
    archive: Archive,
    recorded: Recorded[SearchAttested],
    query: str | None,
    limits: Collection[str],
    manifest: str,
) -> dict[str, Any]:
    """What the file says in plain words; all of it follows from what was signed."""
    head, hits = read_manifest(manifest)
    by = recorded.by
    return {
        "format": FORMAT,
        "archive": archive.id,
        "query": query,
        "filters": filters_of(limits),
        "matches": head["matches"],
        "agencies": head["agencies"],
        "position": recorded.event.upto,
        "count": recorded.event.total,
        "hits": list(hits),
        "event": recorded.id,
        "event_position": recorded.position,
        "asked_at": recorded.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "asked_by": {"agent": by.agent, "role": by.role.value, "agency": by.agency},
        "software": recorded.software,
    }


def certificates(archive: Archive, upto: int) -> dict[str, str]:
    """Those of `certificates_in`, up to a journal position."""
    streams = (StreamId(archive.id), keyring.stream_of(archive.id))
    recorded = (each for stream in streams for each in archive.journal.load(stream))
    return certificates_in(each for each in recorded if each.position <= upto)


def _written(members: Mapping[str, Any]) -> bytes:
    """A line for each member: a person finds what is wanted, and a program does not mind."""
    lines = (
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in members.items()
    )
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()
