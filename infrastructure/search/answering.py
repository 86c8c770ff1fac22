"""From a query tree to an answer: what may be seen, what matches, how it is counted and shown."""

from collections import Counter
from collections.abc import Mapping, Sequence

from domain.ports import Hit, Match, SearchScope
from domain.values import StreamId
from infrastructure.search import bits
from infrastructure.search.layout import NO, YES, restore
from infrastructure.search.matching import Field, Mode, is_same_type, labelled, matches, near
from infrastructure.search.ranking import Found, Tiers, rank
from infrastructure.search.segments import Segment
from infrastructure.search.snippets import Wanted, marked, snippet, spans
from infrastructure.search.tree import Node

NEAR_BELOW = 20
"""Near matches are looked for when fewer pages match exactly or folded."""
NEAR_MOST = 50
"""So many near matches are given, the best; beyond them it is all chance."""


def allowed(
    segment: Segment,
    scope: SearchScope,
    agency: StreamId | None,
    year: int | None,
    type_name: str | None,
) -> int:
    """The pages that the searcher may see and has not filtered away."""
    asked = scope.agencies if agency is None else scope.agencies & {agency}
    allowed = 0
    for one in asked:
        allowed |= segment.label("agency", one)
    allowed &= segment.live
    if not scope.restricted:
        allowed &= ~segment.label("restricted", YES)
    if year is not None:
        allowed &= segment.label("year", f"{year:04}")
    if type_name is not None:
        allowed &= labelled(segment, "type", lambda name: is_same_type(name, type_name))
    return allowed


def ranked(fields: list[Field], node: Node, most: int) -> tuple[list[Found], list[Tiers]]:
    """The best `most` matches, and all of them as sets."""
    answers = []
    for field in fields:
        exact = matches(field, node, Mode.EXACT)
        folded = matches(field, node, Mode.FOLDED) & ~exact
        answers.append(Tiers(field, {Match.EXACT: exact, Match.FOLDED: folded}))
    strict = sum(answer.all.bit_count() for answer in answers)
    if strict >= NEAR_BELOW:
        return rank(answers, node, most), answers
    for answer in answers:
        answer.sets[Match.NEAR] = near(answer.field, node) & ~answer.all
    found = rank(answers, node, strict + NEAR_MOST)
    for n, answer in enumerate(answers):
        kept = (one.page for one in found if one.at == n and one.match is Match.NEAR)
        answer.sets[Match.NEAR] = bits.of(kept, answer.field.segment.size)
    return found[:most], answers


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
    page = restore(segment.stored(found.page))
    places = spans(page.text, asked, found.match)
    text = page.text
    if not places and (in_title := spans(page.title, asked, found.match)):
        text, places = page.title, in_title
    return Hit(
        record=page.record,
        page=page.page,
        match=found.match,
        score=found.score,
        snippet=snippet(text, places),
        words=marked(text, places),
    )
