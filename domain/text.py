"""What makes two pieces of Vietnamese writing the same: shared by every search engine.

Three forms of a word matter. The *surface* is what the page says. The *spelling* is lower case,
NFC, with the tone mark in one place (hòa and hoà are one word). The *folded* form has no marks at
all (hoa). Positions always count in the text that was given, whatever its normalisation form.
There are no stop words and no dictionary: a page read by a machine is too noisy for either, and
`an`, `to`, `in`, `ở` and `ý` are words of this language.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_MARKS = "\u0300-\u036f"
_INVISIBLE = "\u00ad\u200b-\u200d\u2060\ufeff"
"""Soft hyphens, zero-width characters and byte order marks, which PDF files leave inside words."""
_SYLLABLE = re.compile(rf"[^\W_](?:[^\W_]|[{_MARKS}{_INVISIBLE}])*")
_LOOSE = re.compile(f"[{_MARKS}{_INVISIBLE}]")
_HIDDEN = re.compile(f"[{_INVISIBLE}]")
_LETTER = str.maketrans({"Ð": "Đ", "ð": "đ", "Ɖ": "Đ", "ƣ": "ư", "Ƣ": "Ư"})
"""Letters that look like Đ or ư and stand for them where old fonts were converted."""


def _plain_letters() -> dict[int, str]:
    """Each Latin letter with marks to the one letter below its marks, in lower case."""
    plain = {ord(letter): "d" for letter in "ĐđÐðƉ"} | {ord("ƣ"): "u", ord("Ƣ"): "u"}
    for point in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(point))[0]
        if base.isascii() and base.isalpha():
            plain[point] = base.lower()
    return plain


def _moved_tones() -> dict[str, str]:
    """`òa` → `oà`, `óe` → `oé`, `úy` → `uý` and so on, for every tone and both cases."""
    moved = {}
    for vowel, partners in (("o", "ae"), ("u", "y")):
        for tone in "\u0300\u0301\u0309\u0303\u0323":
            for first in (vowel, vowel.upper()):
                for second in (*partners, *partners.upper()):
                    old = unicodedata.normalize("NFC", first + tone) + second
                    moved[old] = first + unicodedata.normalize("NFC", second + tone)
    return moved


_PLAIN = _plain_letters()
_MOVED = _moved_tones()
_OLD_PLACE = re.compile("|".join(_MOVED))


def nfc(text: str) -> str:
    """The text in NFC, the form in which all Vietnamese text is kept."""
    return unicodedata.normalize("NFC", text)


def place_tones(text: str) -> str:
    """NFC with the tone mark on the second vowel of oa, oe and uy: hòa → hoà, Thúy → Thuý.

    The other way round would have to spare `qu` (quý has one form only); this way `qúy`, which
    is a slip of the keyboard, becomes quý too.
    """
    return _OLD_PLACE.sub(lambda match: _MOVED[match[0]], nfc(text))


def spelling(text: str) -> str:
    """The form in which two ways of writing the same word are equal."""
    return nfc(place_tones(_HIDDEN.sub("", text).translate(_LETTER)).lower())


def fold(text: str) -> str:
    """The text without any mark, in lower case, đ as d: `Đất đai` → `dat dai`."""
    return _LOOSE.sub("", nfc(text).translate(_PLAIN).lower())


def has_marks(word: str) -> bool:
    """True when the word is written with marks, so that its writer chose among its spellings."""
    return spelling(word) != fold(word)


# ---------------------------------------------------------------- syllables


class Syllable(NamedTuple):
    """One run of letters and digits, in the text from `start` to `end`."""

    start: int
    end: int
    exact: str
    """Its spelling: lower case, NFC, tone in its one place."""
    folded: str


Form = tuple[str, str]
"""The spelling of a syllable and its folded form."""


def syllables(text: str) -> list[Syllable]:
    """Every syllable of the text; single letters and numbers count."""
    found, place = [], 0
    # Looking each one up again is faster than a match object for each.
    for word in _SYLLABLE.findall(text):
        start = text.find(word, place)
        place = start + len(word)
        exact, folded = _form(word)
        found.append(Syllable(start, place, exact, folded))
    return found


def forms(text: str) -> list[Form]:
    """The syllables of the text without their places, which is much faster over whole pages."""
    return [_form(word) for word in _SYLLABLE.findall(text)]


@lru_cache(maxsize=131072)
def _form(word: str) -> Form:
    return spelling(word), fold(word)


def bigrams(words: Sequence[Form]) -> Iterator[Form]:
    """Each syllable with the next one: what stands side by side, for no dictionary tells words."""
    for (exact, folded), (next_exact, next_folded) in pairwise(words):
        yield f"{exact} {next_exact}", f"{folded} {next_folded}"


def within_one_edit(left: str, right: str) -> bool:
    """True when one letter added, left out, changed or swapped with its neighbour makes them equal.

    Equal texts are within one edit.
    """
    if len(left) > len(right):
        left, right = right, left
    if len(right) - len(left) > 1:
        return False
    start = 0
    while start < len(left) and left[start] == right[start]:
        start += 1
    if len(left) < len(right):
        return left[start:] == right[start + 1 :]
    if left[start + 1 :] == right[start + 1 :]:
        return True
    swapped = right[start : start + 2][::-1]
    return left[start : start + 2] == swapped and left[start + 2 :] == right[start + 2 :]


# ---------------------------------------------------------------- codes and numbers

_CODE = re.compile(
    # Possessive and from the start of a word only, for a page may be one long run of letters.
    r"(?<![^\W_])[^\W_]++(?: ?/ ?[^\W_]++| [-–] (?=[A-ZĐ]{2})[^\W_]++|[-–‑.][^\W_]++){1,11}"
)
_MOST_PARTS = 12
_PARTS = re.compile(r"[^\W_]+")
_LOOK_ALIKE = str.maketrans({"o": "0", "l": "1", "i": "1"})
_GROUPED = re.compile(r"(?<![\w.])\d{1,4}(?:([ .\-])\d{2,4})(?:\1\d{2,4})*(?![\w])")
_NUMBER_LENGTHS = range(6, 16)


@dataclass(frozen=True, slots=True)
class WrittenCode:
    """A code as the text writes it: `390/BC-UBND`, `H33.05`, `000.00.01.H33-181228-0001`."""

    start: int
    end: int
    tokens: tuple[str, ...]
    """The whole without its signs, each tail of it, each part: spellings, longest first."""


def code_tokens(code: str) -> tuple[str, ...]:
    """`390/BC-UBND` → `390bcubnd`, `bcubnd`, `390`, `bc`, `ubnd`."""
    parts = [spelling(part) for part in _PARTS.findall(nfc(code))][:_MOST_PARTS]
    tails = ["".join(parts[start:]) for start in range(max(len(parts) - 1, 0))]
    return tuple(dict.fromkeys([*tails, *parts]))


def look_alike(token: str) -> str:
    """The token with letters and digits that a machine confuses made one: 0/O, 1/l/I, Đ/D."""
    return fold(token).translate(_LOOK_ALIKE)


def is_code(text: str) -> bool:
    """True for text of letters and digits joined by signs, or of capitals joined by signs."""
    parts = _PARTS.findall(text)
    letters = [part for part in parts if not part.isdigit()]
    if len(parts) < 2 or not letters:
        return False
    return any(char.isdigit() for char in text) or all(part.isupper() for part in letters)


def codes(text: str) -> list[WrittenCode]:
    """The codes that the text writes, without overlap. Positions count in the text as given."""
    return [
        WrittenCode(match.start(), match.end(), code_tokens(match[0]))
        for match in _CODE.finditer(text)
        if is_code(match[0])
    ]


def numbers(text: str) -> set[str]:
    """Numbers written in groups, joined: `0912 345 678` and `0912.345.678` → `0912345678`."""
    found = set()
    for match in _GROUPED.finditer(text):
        digits = "".join(char for char in match[0] if char.isdigit())
        if len(digits) in _NUMBER_LENGTHS:
            found.add(digits)
    return found


# ---------------------------------------------------------------- dates

_VOWEL = rf"[^\W\d_][{_MARKS}]*"
_GAP = r"\W{0,3}"
_IN_WORDS = re.compile(
    # ngày … tháng … năm, whatever marks OCR made of the three vowels
    rf"ng{_VOWEL}y{_GAP}(\d{{1,2}}){_GAP}th{_VOWEL}ng{_GAP}(\d{{1,2}}){_GAP}n{_VOWEL}m{_GAP}"
    r"(\d{4})(?!\d)",
    re.IGNORECASE,
)
_IN_NUMBERS = re.compile(r"(?<![\d/.\-])(\d{1,2})([/.\-])(\d{1,2})\2(\d{4})(?![\d]|[/.\-]\d)")
_ISO = re.compile(r"(?<![\d\-])(\d{4})-(\d{2})-(\d{2})(?![\d]|-\d)")
_YEARS = range(1900, 2101)


@dataclass(frozen=True, slots=True)
class WrittenDate:
    """A day as the text writes it."""

    start: int
    end: int
    on: date


def dates(text: str) -> list[WrittenDate]:
    """The days that the text writes: `ngày 23 tháng 4 năm 2026`, `23/4/2026`, `23-04-2026`."""
    found = []
    for pattern, (day, month, year) in (
        (_IN_WORDS, (1, 2, 3)),
        (_IN_NUMBERS, (1, 3, 4)),
        (_ISO, (3, 2, 1)),
    ):
        for match in pattern.finditer(text):
            on = _day(int(match[year]), int(match[month]), int(match[day]))
            if on is not None:
                found.append(WrittenDate(match.start(), match.end(), on))
    return sorted(found, key=lambda one: one.start)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if year in _YEARS else None
    except ValueError:
        return None


# ---------------------------------------------------------------- what a reader would mark


def surface(text: str) -> str:
    """The text as a list of matched words names it: NFC, lower case."""
    return nfc(text).lower()


def holds(text: str, words: Collection[str]) -> bool:
    """True when a piece of a page (a word box) holds one of the matched words of a hit.

    A hit names syllables, codes and dates as the page writes them; a box may carry a full stop
    or a bracket besides, or several syllables.
    """
    wanted = set(words)
    if surface(text.strip()) in wanted:
        return True
    places = [(one.start, one.end) for one in syllables(text)]
    places += [(one.start, one.end) for one in codes(text)]
    places += [(one.start, one.end) for one in dates(text)]
    return any(surface(text[start:end]) in wanted for start, end in places)
