"""In which order the matching pages stand: by tier, then by how much a page is about the query.

Rarity is counted within what the searcher may see, so that no score tells of other pages.
"""

import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as of
from itertools import pairwise
from typing import NamedTuple

from domain.searching import Match, Order
from domain.text import fold
from infrastructure.search import bits
from infrastructure.search.matching import TOGETHER, Field, pair_of, positive_words
from infrastructure.search.near import neighbours
from infrastructure.search.tree import Node, RecordCode, Word

Points = list[dict[int, float]]
"""For each segment the points of each page that may be in the answer."""
TIERS = {Match.EXACT: 2.0, Match.FOLDED: 1.0, Match.NEAR: 0.0}
SPELLED_BONUS = 0.5
PAIR_BONUS = 1.0
MISREAD = 0.6
OWN_CODE_BONUS = 5.0


class Found(NamedTuple):
    """One matching page: a number of the segment at this place among the segments."""

    match: Match
    score: float
    at: int
    page: int


@dataclass
class Tiers:
    """The matching pages of one segment, tier by tier, without overlap."""

    field: Field
    sets: dict[Match, int] = of(default_factory=dict)

    @property
    def all(self) -> int:
        """Every matching page."""
        return self.union(self.sets)

    def union(self, tiers: Iterable[Match]) -> int:
        """The matching pages of these tiers."""
        found = 0
        for match in tiers:
            found |= self.sets.get(match, 0)
        return found


def rank(answers: Sequence[Tiers], node: Node, most: int) -> list[Found]:
    """The best `most` matches, best first; the same question always in the same order."""
    tiers = _needed(answers, most)
    points: Points = []
    for answer in answers:
        pages = bits.pages(answer.union(tiers))
        points.append(dict.fromkeys(pages, 0.0))
    for run in positive_words(node):
        for word in run:
            _score_word(answers, points, word)
        for first, second in pairwise(run):
            _score_pair(answers, points, pair_of(first, second))
    for tokens in _own_codes(node):
        for answer, of_pages in zip(answers, points, strict=True):
            _add(of_pages, answer.field.segment.label("code", fold(tokens[0])), OWN_CODE_BONUS)
    found = (
        Found(match, _within_tier(match, points[at][page]), at, page)
        for at, answer in enumerate(answers)
        for match in tiers
        for page in bits.pages(answer.sets.get(match, 0))
    )
    return heapq.nsmallest(most, found, key=lambda one: (-one.score, one.at, one.page))


def in_order(answers: Sequence[Tiers], node: Node, order: Order, most: int) -> list[Found]:
    """The first `most` matches in the order that was asked for."""
    if order is Order.BEST:
        return rank(answers, node, most)
    found: list[Found] = []
    for tiers in ((Match.EXACT, Match.FOLDED), (Match.NEAR,)):
        for dated in _by_day(answers, newest=order is Order.NEWEST):
            if len(found) >= most:
                return found[:most]
            for at, members in dated:
                for match in tiers:
                    pages = bits.pages(answers[at].sets.get(match, 0) & members)
                    found += [Found(match, TIERS[match], at, page) for page in pages]
    return found[:most]


def _by_day(answers: Sequence[Tiers], *, newest: bool) -> Iterator[list[tuple[int, int]]]:
    """The pages of each day of issue, as sets by segment; those without a day last."""
    days = {day for answer in answers for day in answer.field.segment.terms("issued")}
    undated = [answer.field.allowed for answer in answers]
    for day in sorted(days, reverse=newest):
        of_day = [answer.field.segment.label("issued", day) for answer in answers]
        undated = [left & ~members for left, members in zip(undated, of_day, strict=True)]
        yield list(enumerate(of_day))
    yield list(enumerate(undated))


def _needed(answers: Sequence[Tiers], most: int) -> list[Match]:
    """The upper tiers that fill the answer: what ranks below them need not be scored."""
    tiers, pages = [], 0
    for match in TIERS:
        if pages < most:
            tiers.append(match)
            pages += sum(answer.sets.get(match, 0).bit_count() for answer in answers)
    return tiers


def _add(points: dict[int, float], pages: int, more: float) -> None:
    for page in bits.pages(pages):
        if page in points:
            points[page] += more


def _within_tier(match: Match, score: float) -> float:
    """A score that never leaves the range of its tier."""
    return round(TIERS[match] + score / (score + 10.0), 6)


def _score_word(answers: Sequence[Tiers], points: Points, word: Word) -> None:
    postings = [answer.field.segment.postings("word", word.folded) for answer in answers]
    rarity = _rarity(answers, [one.members for one in postings])
    for answer, of_pages, found in zip(answers, points, postings, strict=True):
        segment = answer.field.segment
        if not of_pages:
            continue
        for page, impact in zip(found.pages, found.impacts(segment.lengths), strict=True):
            if page in of_pages:
                of_pages[page] += rarity * impact
        if word.exact != word.folded:
            _add(of_pages, found.spelled(word.exact, word.folded), rarity * SPELLED_BONUS)
        near = answer.sets.get(Match.NEAR, 0) & ~found.members
        if near and len(word.folded) >= TOGETHER:
            misread = 0
            for other in neighbours(segment.vocabulary, word.folded):
                misread |= segment.label("word", other)
            _add(of_pages, misread & near, rarity * MISREAD)


def _score_pair(answers: Sequence[Tiers], points: Points, pair: Word) -> None:
    members = [answer.field.segment.label("pair", pair.folded) for answer in answers]
    rarity = _rarity(answers, members)
    for of_pages, pages in zip(points, members, strict=True):
        _add(of_pages, pages, rarity * PAIR_BONUS)


def _rarity(answers: Sequence[Tiers], members: Iterable[int]) -> float:
    """The weight of a term by how few of the allowed pages hold it."""
    holding = sum((m & a.field.allowed).bit_count() for m, a in zip(members, answers, strict=True))
    pages = sum(answer.field.allowed.bit_count() for answer in answers)
    return math.log(1 + (pages - holding + 0.5) / (holding + 0.5))


def _own_codes(node: Node) -> list[tuple[str, ...]]:
    match node:
        case RecordCode(tokens):
            return [tokens]
        case _:
            parts = getattr(node, "parts", ())
            return [
                tokens
                for part in parts
                if not isinstance(part, Word)
                for tokens in _own_codes(part)
            ]
