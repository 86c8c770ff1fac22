"""What the address of a search asks for, and how its answer is laid out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from api.web.render import day
from api.web.visit import Visit
from domain.searching import Order, SearchAnswer
from domain.text import fold, has_marks, nfc
from domain.values import StreamId

A_PAGE = 10
LAST_PAGE = 1_000
_OPEN, _CLOSE = "\ue000", "\ue001"
_MOST_CHOICES = 12
"""Values that a facet offers; who looks for another one types it."""
_NAMES = ("q", "agency", "year", "type", "confirmed", "from", "to", "dossier", "sort")
_LIMITS = _NAMES[1:-1]


@dataclass(frozen=True)
class Asked:
    """What an address asks for, as it was typed; only what says something is kept."""

    values: Mapping[str, str]
    page: int = 1

    @classmethod
    def read(cls, query: QueryParams) -> "Asked":
        """Reads any query string; what means nothing asks for nothing."""
        values = {name: nfc(query.get(name, "")).strip() for name in _NAMES}
        page = query.get("page", "")
        fine = page.isascii() and page.isdecimal() and len(page) < 6
        return cls(
            {name: value for name, value in values.items() if value},
            min(max(int(page), 1), LAST_PAGE) if fine else 1,
        )

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")

    @property
    def order(self) -> Order:
        """In which order hits are asked for."""
        return Order(self["sort"]) if self["sort"] in {*Order} else Order.BEST

    @property
    def is_search(self) -> bool:
        """False for the page before a search."""
        return any(name != "sort" for name in self.values)

    @property
    def limits(self) -> Sequence[str]:
        """The names of the limits that are set."""
        return [name for name in _LIMITS if name in self.values]

    def kept(self, *besides: str) -> Sequence[tuple[str, str]]:
        """What a form that changes the fields `besides` must carry along."""
        return [(name, value) for name, value in self.values.items() if name not in besides]

    def but(self, **changes: str) -> str:
        """The address of this search with something else in it, from its first page on; `since`
        stands for `from`, which is a word of Python."""
        said = {**self.values, **{"from" if n == "since" else n: v for n, v in changes.items()}}
        return _address({name: value for name, value in said.items() if value})

    def without(self, *names: str) -> str:
        """The address of this search without some of its limits."""
        return _address({n: v for n, v in self.values.items() if n not in names})

    def on_page(self, page: int) -> str:
        """The address of another page of the results."""
        return _address({**self.values, **({"page": str(page)} if page > 1 else {})})

    @property
    def spelled_out(self) -> str:
        """The query string, to be saved under a name."""
        return urlencode(self.values)

    @property
    def folded(self) -> str:
        """The words without marks, empty where they carry none: what a zero result proposes."""
        return fold(self["q"]) if has_marks(self["q"]) else ""

    @property
    def marking(self) -> str:
        """What the address of a hit carries on, so that its words are marked there, too."""
        return urlencode({"q": self["q"]}) if self["q"] else ""


def _address(values: Mapping[str, str]) -> str:
    return f"/search?{urlencode(values)}" if values else "/search"


def chips(visit: Visit, asked: Asked) -> Sequence[tuple[str, str]]:
    """Each limit in words, and the address without it."""
    return [(_said(visit, name, asked[name]), asked.without(name)) for name in asked.limits]


def _said(visit: Visit, name: str, value: str) -> str:
    speech = visit.speech
    match name:
        case "agency":
            return _agency(visit, value)
        case "confirmed":
            return _confirmed(visit, value)
        case "from":
            return speech.text("page-search-since", day=day(value))
        case "to":
            return speech.text("page-search-until", day=day(value))
        case "dossier":
            return speech.text("page-search-in-dossier", code=value)
        case _:
            return value


def _agency(visit: Visit, code: str) -> str:
    """An agency that may be read by its name; any other text as it was typed."""
    upper = code.upper()
    return next((row.name for row in visit.agencies.values() if row.code == upper), code)


def _confirmed(visit: Visit, value: str) -> str:
    speech = visit.speech
    if value == "true":
        return speech.text("page-record-confirmed")
    return speech.text("page-record-unconfirmed")


@dataclass(frozen=True)
class Choice:
    """One value of a facet."""

    text: str
    href: str
    pages: int


def facets(
    visit: Visit, asked: Asked, answer: SearchAnswer
) -> Sequence[tuple[str, Sequence[Choice]]]:
    """The limits that can still be set, each with its values, most pages first."""
    found = []
    for name in ("agency", "type", "year", "confirmed"):
        counts = answer.facets.get(name, ())
        if name in asked.values or not counts:
            continue
        choices = [_choice(visit, asked, name, value, n) for value, n in counts[:_MOST_CHOICES]]
        found.append((name, choices))
    return found


def _choice(visit: Visit, asked: Asked, name: str, value: str, pages: int) -> Choice:
    if name == "agency":
        row = visit.agencies.get(StreamId(value))
        text, value = (row.name, row.code) if row is not None else (value, value)
    else:
        text = _said(visit, name, value)
    changes: dict[str, Any] = {name: value}
    return Choice(text, asked.but(**changes), pages)


def marked(snippet: str) -> Sequence[tuple[str, bool]]:
    """The parts of a snippet, and whether each is a matched word."""
    parts: list[tuple[str, bool]] = []
    for piece in snippet.split(_OPEN):
        word, closed, rest = piece.partition(_CLOSE)
        parts += [(word, True), (rest, False)] if closed else [(piece, False)]
    return [(text, is_word) for text, is_word in parts if text]
