"""The tree of a query: what is asked for, whatever engine answers."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Word:
    """One syllable. Written with marks it means this spelling first, its other spellings after."""

    exact: str
    folded: str


@dataclass(frozen=True)
class Phrase:
    """Syllables that stand side by side in this order; two or more."""

    words: tuple[Word, ...]


@dataclass(frozen=True)
class Code:
    """A code or a grouped number, as one (`390bcubnd`), or its parts side by side."""

    whole: Word
    parts: tuple[Word, ...]


@dataclass(frozen=True)
class Day:
    """A day that the record bears or the page mentions."""

    on: date


@dataclass(frozen=True)
class Agency:
    """Words of the issuing organ's name, or an agency that holds the page, by identity or code."""

    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True)
class TypeName:
    """Tên loại by name or abbreviation, folded, syllables joined by spaces."""

    folded: str


@dataclass(frozen=True)
class Years:
    """Issued in one of these years, both included."""

    first: int
    last: int


@dataclass(frozen=True)
class Days:
    """Issued from one day to another, both included."""

    first: date
    last: date


@dataclass(frozen=True)
class RecordCode:
    """Số, ký hiệu of the record, or a code that the page writes: any token of it."""

    tokens: tuple[str, ...]


@dataclass(frozen=True)
class DossierCode:
    """The code of the dossier without its signs, or its identity."""

    text: str


@dataclass(frozen=True)
class Status:
    """Confirmed by a person, or not yet."""

    confirmed: bool


@dataclass(frozen=True)
class Signed:
    """A verdict on a signature of the record; an empty one: any signature at all."""

    verdict: str


Leaf = (
    Word
    | Phrase
    | Code
    | Day
    | Agency
    | TypeName
    | Years
    | Days
    | RecordCode
    | DossierCode
    | Status
    | Signed
)


@dataclass(frozen=True)
class And:
    """All of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Or:
    """Any of them."""

    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Not:
    """Everything else."""

    part: "Node"


Node = Leaf | And | Or | Not
