"""From a query tree to an answer: what may be seen, what matches, how it is counted and shown."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date

from domain.searching import Hit, Match, Order, PageFilter, Places, SearchScope
from domain.values import StreamId
from infrastructure.search import bits
from infrastructure.search.layout import NO, YES, restore
from infrastructure.search.matching import (
    Field,
    Mode,
    between,
    is_same_type,
    labelled,
    matches,
    near,
)
from infrastructure.search.ranking import Found, Tiers, in_order, rank
from infrastructure.search.segments import Segment
from infrastructure.search.snippets import Wanted, marked, snippet, spans
from infrastructure.search.tree import Node

NEAR_BELOW = 20
"""Near matches are looked for when fewer pages match exactly or folded."""
NEAR_MOST = 50
"""So many near matches are given, the best; beyond them it is all chance."""


def allowed(segment: Segment, scope: SearchScope, wanted: PageFilter) -> int:
    """The pages that the searcher may see and has not filtered away."""
    asked = scope.agencies if wanted.agency is None else scope.agencies & {wanted.agency}
    allowed = 0
    for one in asked:
        allowed |= segment.label("agency", one)
    allowed &= segment.live
    if not scope.restricted:
        allowed &= ~segment.label("restricted", YES)
    if wanted.year is not None:
        allowed &= segment.label("year", f"{wanted.year:04}")
    if (asked_type := wanted.type_name) is not None:
        allowed &= labelled(segment, "type", lambda name: is_same_type(name, asked_type))
    if wanted.confirmed is not None:
        allowed &= segment.label("status", YES if wanted.confirmed else NO)
    if wanted.dossier is not None:
        allowed &= segment.label("dossier", wanted.dossier)
    if wanted.since is not None or wanted.until is not None:
        first, last = wanted.since or date.min, wanted.until or date.max
        allowed &= between(segment, "issued", first.isoformat(), last.isoformat())
    return allowed


def ranked(
    fields: list[Field], node: Node, order: Order, most: int
) -> tuple[list[Found], list[Tiers]]:
    """The first `most` matches, and all of them as sets."""
    answers = []
    for field in fields:
        exact = matches(field, node, Mode.EXACT)
        folded = matches(field, node, Mode.FOLDED) & ~exact
        answers.append(Tiers(field, {Match.EXACT: exact, Match.FOLDED: folded}))
    strict = sum(answer.all.bit_count() for answer in answers)
    if strict >= NEAR_BELOW:
        return in_order(answers, node, order, most), answers
    for answer in answers:
        answer.sets[Match.NEAR] = near(answer.field, node) & ~answer.all
    found = rank(answers, node, strict + NEAR_MOST)
    for n, answer in enumerate(answers):
        kept = (one.page for one in found if one.at == n and one.match is Match.NEAR)
        answer.sets[Match.NEAR] = bits.of(kept, answer.field.segment.size)
    if order is Order.BEST:
        return found[:most], answers
    return in_order(answers, node, order, most), answers


def places(
    fields: list[Field], node: Node, record: StreamId, shown: Collection[int], asked: Wanted
) -> Places:
    """The matching pages of one record."""
    within = [
        replace(field, allowed=field.allowed & field.segment.label("record", record))
        for field in fields
    ]
    tiers = [
        (field, {match: matches(field, node, mode) for match, mode in _STRICT.items()})
        for field in within
        if field.allowed
    ]
    if not any(sets[Match.FOLDED] | sets[Match.EXACT] for _, sets in tiers):
        tiers = [(field, {Match.NEAR: near(field, node)}) for field, _ in tiers]
    numbers: dict[int, tuple[Match, Segment, int]] = {}
    for field, sets in tiers:
        for match, members in sets.items():
            for page in bits.pages(members):
                number = field.segment.stored(page)["page"]
                numbers.setdefault(number, (match, field.segment, page))
    hits = (
        shown_hit(match, 0.0, segment, page, asked)
        for number, (match, segment, page) in sorted(numbers.items(), key=lambda pair: pair[0])
        if number in shown
    )
    return Places(tuple(sorted(numbers)), tuple(hits))


_STRICT = {Match.EXACT: Mode.EXACT, Match.FOLDED: Mode.FOLDED}


def facets(answers: Sequence[Tiers], scope: SearchScope) -> Mapping[str, Sequence[tuple[str, int]]]:
    """How all matches spread; an agency outside the scope is never named."""
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("agency", "year", "type", "confirmed")
    }
    for answer in answers:
        segment, hits = answer.field.segment, answer.all
        values: dict[str, tuple[str, Sequence[str]]] = {
            "agency": ("agency", sorted(scope.agencies)),
            "year": ("year", segment.terms("year")),
            "type": ("type", segment.terms("type")),
            "confirmed": ("status", (YES, NO)),
        }
        for name, (field, labels) in values.items():
            for label in labels:
                counts[name][label] += (segment.label(field, label) & hits).bit_count()
    return {
        name: sorted(
            ((v, n) for v, n in counted.items() if n), key=lambda pair: (-pair[1], pair[0])
        )
        for name, counted in counts.items()
    }


def hit(found: Found, segment: Segment, asked: Wanted) -> Hit:
    """A match as it is shown."""
    return shown_hit(found.match, found.score, segment, found.page, asked)


def shown_hit(match: Match, score: float, segment: Segment, number: int, asked: Wanted) -> Hit:
    """A page of a segment as it is shown."""
    page = restore(segment.stored(number))
    places = spans(page.text, asked, match)
    text = page.text
    if not places and (in_title := spans(page.title, asked, match)):
        text, places = page.title, in_title
    return Hit(
        document=replace(page, text=""),
        match=match,
        score=score,
        snippet=snippet(text, places),
        words=marked(text, places),
    )
