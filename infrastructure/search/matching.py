"""Which pages of a segment match a query tree, in each of the three tiers.

Every answer is a set of pages within `allowed`, the pages that the searcher may see: what lies
outside is never looked at again, so no count, facet or score can speak of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import assert_never

from domain.proposal import abbreviation_of
from domain.searching import SearchScope
from domain.text import fold, forms, look_alike
from infrastructure.search import bits
from infrastructure.search.layout import NO, YES, dossier_key
from infrastructure.search.near import neighbours
from infrastructure.search.segments import Segment
from infrastructure.search.tree import (
    Agency,
    And,
    Code,
    Day,
    Days,
    DossierCode,
    Node,
    Not,
    Or,
    Phrase,
    RecordCode,
    Signed,
    Status,
    TypeName,
    Word,
    Years,
)

VERIFIED = 1_000
"""So many pages of a segment that hold all pairs of a longer phrase are read to see whether they
hold the phrase; beyond that (letterheads) the pairs are proof enough."""
ALONE = 4
TOGETHER = 3
"""A word so long may be misread by one letter, among few words or among many. Shorter words have
too many neighbours: nhà is one letter from nhân."""


class Mode(Enum):
    """How words are compared."""

    EXACT = "exact"
    FOLDED = "folded"
    TYPED = "typed"
    """By spelling where the word was typed with marks, folded where it was not."""


@dataclass(frozen=True)
class Field:
    """The pages that are searched: one segment, what may be seen of it, by whom."""

    segment: Segment
    allowed: int
    scope: SearchScope


def matches(field: Field, node: Node, mode: Mode) -> int:
    """The allowed pages for which the tree holds, words compared by `mode`."""
    return _matches(field, node, mode) & field.allowed


def _matches(field: Field, node: Node, mode: Mode) -> int:
    match node:
        case And(parts):
            found = field.allowed
            for part in parts:
                found &= _matches(field, part, mode)
            return found
        case Or(parts):
            found = 0
            for part in parts:
                found |= _matches(field, part, mode)
            return found
        case Not(part):
            # The same pages in every tier: else an exact hit could be missing below.
            return field.allowed & ~_matches(field, part, Mode.TYPED)
        case Word():
            return _spelled(field, "word", node, mode)
        case Phrase(words):
            return _phrase(field, words, mode)
        case Code(whole, parts):
            return _spelled(field, "word", whole, mode) | _phrase(field, parts, mode)
        case RecordCode(tokens):
            return _record_code(field, tokens, mode)
        case Day() | Days() | Years() | Agency() | TypeName() | DossierCode() | Status() | Signed():
            return _selected(field, node, mode)
        case _:
            assert_never(node)


def _selected(
    field: Field,
    node: Day | Days | Years | Agency | TypeName | DossierCode | Status | Signed,
    mode: Mode,
) -> int:
    segment = field.segment
    match node:
        case Day(on):
            return segment.label("day", on.isoformat())
        case Days(first, last):
            return between(segment, "issued", first.isoformat(), last.isoformat())
        case Years(first, last):
            return between(segment, "year", f"{first:04}", f"{last:04}")
        case Agency(text, words):
            # An agency outside the scope is nothing that a query can ask for.
            agency = field.scope.codes.get(text.upper(), text)
            if agency in field.scope.agencies:
                return segment.label("agency", agency)
            found = field.allowed
            for word in words:
                found &= _spelled(field, "organ", word, mode)
            return found
        case TypeName(folded):
            return labelled(segment, "type", lambda name: _is_type(name, folded))
        case DossierCode(text):
            return segment.label("dossier", text) | segment.label("dossier", dossier_key(text))
        case Status(confirmed):
            return segment.label("status", YES if confirmed else NO)
        case Signed(verdict):
            return labelled(segment, "signature", lambda each: verdict in ("", each))
        case _:
            assert_never(node)


def labelled(segment: Segment, field: str, fits: Callable[[str], bool]) -> int:
    """The pages that carry a fitting label; for fields of few labels."""
    found = 0
    for label in segment.terms(field):
        if fits(label):
            found |= segment.label(field, label)
    return found


def _is_type(name: str, folded: str) -> bool:
    """True when a type's name begins with these folded syllables or has this abbreviation."""
    return (
        f"{_folded(name)} ".startswith(f"{folded} ") or fold(abbreviation_of(name) or "") == folded
    )


def is_same_type(name: str, asked: str) -> bool:
    """True for the same type, whatever case, marks or tone placement either is written with."""
    return _folded(name) == _folded(asked)


def _folded(name: str) -> str:
    return " ".join(form[1] for form in forms(name))


def between(segment: Segment, field: str, first: str, last: str) -> int:
    """The pages that carry a label from one to another, in order of their bytes."""
    found = 0
    for label in segment.terms(field, first):
        if label > last:
            break
        found |= segment.label(field, label)
    return found


def _spelled(field: Field, name: str, word: Word, mode: Mode) -> int:
    postings = field.segment.postings(name, word.folded)
    if mode is Mode.FOLDED or (mode is Mode.TYPED and word.exact == word.folded):
        return postings.members
    return postings.spelled(word.exact, word.folded)


def pair_of(first: Word, second: Word) -> Word:
    """Two words side by side as the index knows them."""
    return Word(f"{first.exact} {second.exact}", f"{first.folded} {second.folded}")


def _phrase(field: Field, words: tuple[Word, ...], mode: Mode) -> int:
    if mode is Mode.TYPED:
        exact = any(word.exact != word.folded for word in words)
        mode = Mode.EXACT if exact else Mode.FOLDED
    found = field.allowed
    for first, second in pairwise(words):
        found &= _spelled(field, "pair", pair_of(first, second), mode)
    if len(words) < 3 or not found or found.bit_count() > VERIFIED:
        return found
    form = 0 if mode is Mode.EXACT else 1
    wanted = f" {' '.join((word.exact, word.folded)[form] for word in words)} "
    segment = field.segment
    return bits.of((n for n in bits.pages(found) if wanted in segment.said(n)[form]), segment.size)


def _record_code(field: Field, tokens: tuple[str, ...], mode: Mode) -> int:
    """The record's own code by any of its tokens, or a code that the page writes."""
    parts = [Word(token, fold(token)) for token in tokens]
    segment = field.segment
    own = field.allowed
    for part in parts:
        own &= _spelled(field, "code", part, mode)
    if own == 0 and len(parts) > 1:
        # `390/BC` of `390/BC-UBND`: its whole is no token, its parts are.
        own = field.allowed
        for part in parts[len(parts) // 2 :]:
            own &= _spelled(field, "code", part, mode)
    return own | segment.label("written", tokens[0])


# ---------------------------------------------------------------- the near tier


def near(field: Field, node: Node) -> int:
    """The allowed pages that nearly match: misread letters, and in longer queries missing words."""
    return _near(field, node) & field.allowed


def _near(field: Field, node: Node) -> int:
    match node:
        case Word():
            return _readings(field, node, ALONE)
        case Phrase(words):
            return _most(field, list(words))
        case Code(whole, _):
            return field.segment.label("look", look_alike(whole.folded))
        case RecordCode(tokens):
            return field.segment.label("look", look_alike(tokens[0]))
        case Or(parts):
            found = 0
            for part in parts:
                found |= _near(field, part)
            return found
        case And(parts):
            single = [part for part in parts if isinstance(part, Word)]
            found = _most(field, single) if single else field.allowed
            for part in parts:
                if not isinstance(part, Word):
                    found &= matches(field, part, Mode.FOLDED) | _near(field, part)
            return found
        case _:
            return matches(field, node, Mode.FOLDED)


def most_missing(words: int) -> int:
    """How many words of a query a page may lack and still nearly match."""
    return words // 3 if words > 3 else 0


def _most(field: Field, words: list[Word]) -> int:
    """The pages with most of the words, each perhaps misread, and two of them side by side."""
    missing = most_missing(len(words))
    length = TOGETHER if missing else ALONE
    sets = [_readings(field, word, length) & field.allowed for word in words]
    found = bits.at_least(sets, missing)
    if missing:
        together = bits.at_least(sets, 0)
        for first, second in pairwise(words):
            together |= _spelled(field, "pair", pair_of(first, second), Mode.FOLDED)
        found &= together
    return found


def _readings(field: Field, word: Word, shortest: int) -> int:
    found = field.segment.postings("word", word.folded).members
    if len(word.folded) >= shortest:
        for other in neighbours(field.segment.vocabulary, word.folded):
            found |= field.segment.postings("word", other).members
    return found


def positive_words(node: Node) -> Iterator[tuple[Word, ...]]:
    """The runs of words that a query asks for, for ranking and marking; nothing under NOT."""
    match node:
        case And(parts):
            run: list[Word] = []
            for part in parts:
                if isinstance(part, Word):
                    run.append(part)
                else:
                    yield from positive_words(part)
            if run:
                yield tuple(run)
        case Or(parts):
            for part in parts:
                yield from positive_words(part)
        case Word():
            yield (node,)
        case Phrase(words):
            yield words
        case Code(whole, _):
            yield (whole,)
        case _:
            return
