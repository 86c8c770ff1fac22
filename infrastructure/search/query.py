"""The query language: what a person types, as a tree that each engine translates.

Words are joined by AND. Besides: "a phrase", OR, NOT (HOẶC, KHÔNG, VÀ), -word, parentheses and
field:value. Nothing here knows an engine. Any text either becomes a tree or raises
InvalidValueError with a code and the offset (in the NFC text) at which reading stopped.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from domain.errors import InvalidValueError
from domain.text import code_tokens, dates, fold, is_code, nfc, numbers, syllables
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
from infrastructure.search.values import read_days, read_years

LONGEST = 500
DEEPEST = 20
MOST_WORDS = 64

# ---------------------------------------------------------------- reading

_TOKEN = re.compile(
    r'\s*(?:(?P<sign>[()])|(?P<quote>["“”])|(?P<minus>-(?=[^\s)]))|(?P<word>[^\s()"“”]+))'
)
_QUOTED = re.compile(r'([^"“”]*)["“”]')
_FIELD = re.compile(r"([^\W\d_](?:\w|-(?=\w))*):(?!//)")
_OPERATORS = {"AND": "AND", "VÀ": "AND", "OR": "OR", "HOẶC": "OR", "NOT": "NOT", "KHÔNG": "NOT"}
_STATUSES = {
    "confirmed": True,
    "da-xac-nhan": True,
    "unconfirmed": False,
    "chua-xac-nhan": False,
}
_VERDICTS = {
    "co": "",
    "any": "",
    "hop-le": "valid",
    "hong": "broken",
    "bi-sua": "changed-after-signing",
    "bi-thu-hoi": "revoked",
    "khong-doc-duoc": "unreadable",
    "thuat-toan-la": "unknown-algorithm",
    "thuat-toan-yeu": "weak-algorithm",
    "khong-ro-noi-cap": "unknown-issuer",
    "het-han": "expired",
    "chua-ro": "unclear",
    "chua-co-neo": "no-anchors",
    "nguyen-ven": "intact",
}
"""What a person types for a verdict on a signature; the verdict itself is understood as well."""


@dataclass(frozen=True)
class _Token:
    kind: str
    """`(`, `)`, `AND`, `OR`, `NOT`, `text`, `phrase` or the name of a field."""
    text: str
    offset: int


def parse(query: str) -> Node:
    """The tree of a query; raises InvalidValueError for a query that cannot be read."""
    text = nfc(query)
    if len(text) > LONGEST:
        raise _refused("query-too-long", LONGEST, limit=LONGEST)
    tokens = _tokens(text)
    reader = _Reader(tokens, len(text))
    node = reader.alternatives(depth=0)
    if (token := reader.peek()) is not None:
        raise _refused("query-unexpected-parenthesis", token.offset)
    if node is None:
        raise _refused("query-empty", 0)
    return node


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = 0
    while match := _TOKEN.match(text, place):
        start, place = match.start(match.lastgroup or 0), match.end()
        if match["sign"]:
            tokens.append(_Token(match["sign"], "", start))
        elif match["minus"]:
            tokens.append(_Token("NOT", "", start))
        elif match["quote"]:
            quoted, place = _quoted(text, start)
            tokens.append(_Token("phrase", quoted, start))
        elif match["word"] in _OPERATORS:
            tokens.append(_Token(_OPERATORS[match["word"]], "", start))
        else:
            token, place = _word(text, match["word"], start)
            tokens.append(token)
    return tokens


def _quoted(text: str, start: int) -> tuple[str, int]:
    """What stands between the quotes from `start`, and where reading goes on."""
    match = _QUOTED.match(text, start + 1)
    if match is None:
        raise _refused("query-unclosed-quote", start)
    return match[1], match.end()


def _word(text: str, word: str, start: int) -> tuple[_Token, int]:
    """A word or a field with its value, and where reading goes on.

    `Số: 390` with a blank after the colon is text that somebody pasted, and no field.
    """
    place = start + len(word)
    field = _FIELD.match(word)
    if field is None:
        return _Token("text", word, start), place
    value = word[field.end() :]
    if not value:
        if place >= len(text) or text[place] not in '"“”':
            return _Token("text", word, start), place
        value, place = _quoted(text, place)
    name = _FIELDS.get(fold(field[1]))
    if name is None:
        raise _refused("query-unknown-field", start)
    return _Token(name, value, start), place


class _Reader:
    """Recursive descent over the tokens; None stands for what holds no word."""

    def __init__(self, tokens: list[_Token], end: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._end = end
        self._words = 0

    def peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _accept(self, kind: str) -> _Token | None:
        token = self.peek()
        if token is None or token.kind != kind:
            return None
        self._next += 1
        return token

    def alternatives(self, depth: int) -> Node | None:
        parts = [self._all(depth)]
        while self._accept("OR"):
            parts.append(self._all(depth))
        return _joined(Or, parts)

    def _all(self, depth: int) -> Node | None:
        parts = [self._one(depth)]
        while (token := self.peek()) is not None and token.kind not in ("OR", ")"):
            self._accept("AND")
            parts.append(self._one(depth))
        return _joined(And, parts)

    def _one(self, depth: int) -> Node | None:
        token = self.peek()
        if depth > DEEPEST:
            raise _refused("query-too-deep", token.offset if token else self._end, limit=DEEPEST)
        if token is None:
            # Only an empty query may end where something is expected.
            if not self._tokens:
                return None
            raise _refused("query-missing-operand", self._end)
        self._next += 1
        if token.kind == "NOT":
            part = self._one(depth + 1)
            return None if part is None else Not(part)
        if token.kind == "(":
            node = self.alternatives(depth + 1)
            if self._accept(")") is None:
                raise _refused("query-unclosed-parenthesis", token.offset)
            return node
        if token.kind in ("AND", "OR", ")"):
            code = "query-unexpected-parenthesis" if token.kind == ")" else "query-missing-operand"
            raise _refused(code, token.offset)
        node = _leaf(token)
        self._words += _size(node)
        if self._words > MOST_WORDS:
            raise _refused("query-too-many-words", token.offset, limit=MOST_WORDS)
        return node


_Joined = TypeVar("_Joined", And, Or)


def _joined(kind: Callable[[tuple[Node, ...]], _Joined], parts: list[Node | None]) -> Node | None:
    present = tuple(part for part in parts if part is not None)
    return kind(present) if len(present) > 1 else next(iter(present), None)


def _size(node: Node | None) -> int:
    match node:
        case Phrase(words) | Code(_, words) | Agency(_, words):
            return len(words)
        case None:
            return 0
        case _:
            return 1


def _refused(code: str, offset: int, **details: str | int) -> InvalidValueError:
    return InvalidValueError(code, offset=offset, **details)


# ---------------------------------------------------------------- words and values


def _words(text: str) -> tuple[Word, ...]:
    return tuple(Word(one.exact, one.folded) for one in syllables(text) if one.folded)


def _leaf(token: _Token) -> Node | None:
    if token.kind == "text":
        return _plain(token.text)
    if token.kind == "phrase":
        return _phrase(_words(token.text))
    return _VALUES[token.kind](token)


def _plain(text: str) -> Node | None:
    """One word as typed: a day, a code or number, a syllable, or syllables joined by signs."""
    days = dates(text)
    if len(days) == 1 and (days[0].start, days[0].end) == (0, len(text)):
        return Day(days[0].on)
    words = _words(text)
    if len(words) > 1 and (is_code(text) or numbers(text)):
        whole = code_tokens(text)[0]
        return Code(Word(whole, fold(whole)), words)
    return _phrase(words)


def _phrase(words: tuple[Word, ...]) -> Node | None:
    if not words:
        return None
    return words[0] if len(words) == 1 else Phrase(words)


def _agency(token: _Token) -> Node | None:
    words = _words(token.text)
    return Agency(token.text, words) if words else _bad(token)


def _type_name(token: _Token) -> Node | None:
    words = _words(token.text)
    return TypeName(" ".join(word.folded for word in words)) if words else _bad(token)


def _years(token: _Token) -> Node | None:
    span = read_years(token.text)
    return Years(*span) if span else _bad(token)


def _days(token: _Token) -> Node | None:
    span = read_days(token.text)
    if span is None:
        return _bad(token)
    return Day(span[0]) if span[0] == span[1] else Days(*span)


def _record_code(token: _Token) -> Node | None:
    tokens = code_tokens(token.text)
    return RecordCode(tokens) if tokens else _bad(token)


def _dossier_code(token: _Token) -> Node | None:
    return DossierCode(token.text) if code_tokens(token.text) else _bad(token)


def _status(token: _Token) -> Node | None:
    confirmed = _STATUSES.get(fold(token.text).replace(" ", "-"))
    return Status(confirmed) if confirmed is not None else _bad(token)


def _signed(token: _Token) -> Node | None:
    said = fold(token.text).replace(" ", "-")
    verdict = _VERDICTS.get(said, said if said in _VERDICTS.values() else None)
    return Signed(verdict) if verdict is not None else _bad(token)


def _bad(token: _Token) -> Node | None:
    raise _refused("query-bad-value", token.offset, field=token.kind)


_FIELDS = {
    "co-quan": "agency",
    "loai": "type",
    "nam": "year",
    "so": "code",
    "ho-so": "dossier",
    "ngay": "date",
    "trang-thai": "status",
    "chu-ky": "signature",
} | {
    name: name
    for name in ("agency", "type", "year", "code", "dossier", "date", "status", "signature")
}
_VALUES: dict[str, Callable[[_Token], Node | None]] = {
    "agency": _agency,
    "type": _type_name,
    "year": _years,
    "code": _record_code,
    "dossier": _dossier_code,
    "date": _days,
    "status": _status,
    "signature": _signed,
}
