"""The words of a page that made it match, and the text around them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from domain.searching import Match
from domain.text import (
    Syllable,
    codes,
    dates,
    fold,
    look_alike,
    nfc,
    surface,
    syllables,
    within_one_edit,
)
from infrastructure.search.matching import TOGETHER
from infrastructure.search.tree import And, Code, Day, Node, Or, Phrase, RecordCode, Word

OPEN, CLOSE = "\ue000", "\ue001"
LENGTH = 240
BEFORE = 60
"""Characters of a snippet, and of them before its first marked word."""

Span = tuple[int, int]


@dataclass
class Wanted:
    """What a query asks for, sorted for looking at one page."""

    words: list[Word] = field(default_factory=list)
    phrases: list[tuple[Word, ...]] = field(default_factory=list)
    codes: set[str] = field(default_factory=set)
    """Tokens, folded."""
    days: set[date] = field(default_factory=set)


def wanted(node: Node) -> Wanted:
    """What the tree asks for; nothing under NOT."""
    found = Wanted()
    for leaf in _leaves(node):
        match leaf:
            case Word():
                found.words.append(leaf)
                if not leaf.folded.isalpha() and not leaf.folded.isdigit():
                    found.codes.add(leaf.folded)
            case Phrase(words):
                found.phrases.append(words)
            case Code(whole, parts):
                found.codes.add(whole.folded)
                found.phrases.append(parts)
            case RecordCode(tokens):
                found.codes.add(fold(tokens[0]))
            case Day(on):
                found.days.add(on)
            case _:
                pass
    return found


def _leaves(node: Node) -> Iterator[Node]:
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case _:
            yield node


def spans(text: str, asked: Wanted, match: Match) -> list[Span]:
    """Where the text holds what was asked, in order and without overlap."""
    found = list(_words(text, asked, match))
    if asked.codes:
        found += [(c.start, c.end) for c in codes(text) if _is_asked(c.tokens, asked.codes, match)]
    if asked.days:
        found += [(d.start, d.end) for d in dates(text) if d.on in asked.days]
    merged: list[Span] = []
    for start, end in sorted(found, key=lambda span: (span[0], -span[1])):
        if not merged or start >= merged[-1][1]:
            merged.append((start, end))
    return merged


def _is_asked(tokens: tuple[str, ...], asked: set[str], match: Match) -> bool:
    if any(fold(token) in asked for token in tokens):
        return True
    return match is Match.NEAR and look_alike(tokens[0]) in {look_alike(token) for token in asked}


def _words(text: str, asked: Wanted, match: Match) -> Iterator[Span]:
    found = syllables(text)
    words = list(asked.words)
    if match is Match.NEAR:
        words += [word for phrase in asked.phrases for word in phrase]
    else:
        for phrase in asked.phrases:
            yield from _runs(found, phrase, match)
    spellings, folds = _accepted(words, {one.folded for one in found}, match)
    for start, end, exact, folded in found:
        if folded in folds or exact in spellings:
            yield start, end


def _accepted(words: list[Word], present: set[str], match: Match) -> tuple[set[str], set[str]]:
    """The spellings and the folded forms of a page that stand for one of the words."""
    spellings, folds = set(), set()
    for word in words:
        if match is Match.EXACT and word.exact != word.folded:
            spellings.add(word.exact)
        elif word.folded in present or match is not Match.NEAR:
            folds.add(word.folded)
        elif len(word.folded) >= TOGETHER and not word.folded.isdigit():
            folds |= {other for other in present if within_one_edit(other, word.folded)}
    return spellings, folds


def _runs(found: list[Syllable], phrase: tuple[Word, ...], match: Match) -> Iterator[Span]:
    form = 2 if match is Match.EXACT and any(w.exact != w.folded for w in phrase) else 3
    wanted_run = [word.exact if form == 2 else word.folded for word in phrase]
    there = [one[form] for one in found]
    for at, one in enumerate(there):
        if one == wanted_run[0] and there[at : at + len(phrase)] == wanted_run:
            yield from ((run.start, run.end) for run in found[at : at + len(phrase)])


def marked(text: str, found: list[Span]) -> tuple[str, ...]:
    """The marked words as the page writes them, each once, in order."""
    return tuple(dict.fromkeys(surface(text[start:end]) for start, end in found))


def snippet(text: str, found: list[Span]) -> str:
    """The part of the text with most marked words, each between U+E000 and U+E001."""
    start = _start(text, found)
    end = min(len(text), start + LENGTH)
    if end < len(text) and (space := text.rfind(" ", start + LENGTH // 2, end)) > 0:
        end = space
    parts, place = [], start
    for left, right in found:
        if left < start or right > end:
            continue
        parts += [_plain(text[place:left]), OPEN, _plain(text[left:right]), CLOSE]
        place = right
    parts.append(_plain(text[place:end]))
    cut = " ".join(nfc("".join(parts)).split())
    return f"{'… ' if start > 0 else ''}{cut}{' …' if end < len(text) else ''}"


def _start(text: str, found: list[Span]) -> int:
    """Where the window begins that holds the most different marked words."""
    best, most = 0, 0
    for n, (left, _) in enumerate(found):
        inside = [span for span in found[n:] if span[1] <= left + LENGTH - BEFORE]
        different = len({fold(text[a:b]) for a, b in inside})
        if different > most:
            best, most = left, different
        if n > 200:
            break
    start = max(0, best - BEFORE)
    if start == 0:
        return 0
    space = text.find(" ", start, best)
    return space + 1 if space >= 0 else start


def _plain(text: str) -> str:
    """The text without the characters that mark words."""
    return text.replace(OPEN, " ").replace(CLOSE, " ")
