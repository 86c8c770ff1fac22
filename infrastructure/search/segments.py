"""One immutable segment of the index, read for bulk evaluation: posting lists, labels, pages."""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from domain.errors import UnavailableError
from domain.text import forms
from infrastructure.search import bits
from infrastructure.search.codec import Entry, PostingList
from infrastructure.search.engine import DurableStorage, NumericColumn
from infrastructure.search.layout import BETWEEN, SAME

LENGTH = NumericColumn("H")

CACHED_POSTINGS = 1_000_000
"""Postings that one segment keeps decoded, about 30 MB."""
CACHED_PAGES = 2_000
LENGTH_PIVOT = 350
"""Syllables of a usual page. BM25 takes the mean of the collection, which would tell a searcher
something about pages that he may not see."""
K1, B = 1.2, 0.6

_T = TypeVar("_T")


class Postings:
    """The pages of one segment that hold one term."""

    def __init__(self, postings: PostingList, size: int) -> None:
        self.pages, self._weights, self._values = postings
        self._size = size
        self._spelled: dict[str, int] = {}
        self._impacts: list[float] | None = None

    @cached_property
    def members(self) -> int:
        """The pages as a set."""
        return bits.of(self.pages, self._size)

    def spelled(self, exact: str, folded: str) -> int:
        """The pages that write the term `folded` in this very spelling."""
        if exact not in self._spelled:
            wanted = exact.encode()
            fitting = {
                value
                for value in set(self._values)
                if (exact == folded if value == SAME else wanted in value.split(BETWEEN))
            }
            there = (
                n for n, value in zip(self.pages, self._values, strict=True) if value in fitting
            )
            self._spelled[exact] = bits.of(there, self._size)
        return self._spelled[exact]

    def impacts(self, lengths: Sequence[int]) -> list[float]:
        """How much each page is about the term: BM25 without the rarity of the term."""
        if self._impacts is None:
            flat, slope = K1 * (1 - B), K1 * B / LENGTH_PIVOT
            self._impacts = [
                weight * (K1 + 1) / (weight + flat + slope * lengths[page])
                for page, weight in zip(self.pages, self._weights, strict=True)
            ]
        return self._impacts


_NOWHERE = Postings(PostingList(array("I"), b"", []), 0)


def reading(read: Callable[[], _T]) -> _T:
    """What `read` gives; whatever a damaged file makes Whoosh raise becomes one error.

    Whoosh checks nothing as it reads: damage shows as an error of struct, zlib, pickle, as a
    KeyError, an AssertionError or a bare Exception.
    """
    try:
        return read()
    except (MemoryError, UnavailableError):
        raise
    except Exception as exc:
        raise UnavailableError("index-damaged") from exc


class Segment:
    """The pages that one commit or merge wrote; they never change, they are only dropped."""

    def __init__(self, storage: DurableStorage, segment: Any) -> None:
        self.identity: str = segment.segment_id()
        self.size: int = segment.doc_count_all()
        self._terms = reading(lambda: segment.codec().terms_reader(storage, segment))
        self._pages = reading(lambda: segment.codec().per_document_reader(storage, segment))
        self._cache: OrderedDict[tuple[str, str], Postings] = OrderedDict()
        self._cached = 0
        self._said: OrderedDict[int, tuple[str, str]] = OrderedDict()
        self.dropped = 0
        self.refresh(segment)

    def refresh(self, segment: Any) -> None:
        """Takes note of the pages that a later commit dropped."""
        self.dropped = bits.of(segment.deleted_docs(), self.size)

    @property
    def live(self) -> int:
        """The pages that stand."""
        return bits.every(self.size) & ~self.dropped

    def postings(self, field: str, term: str) -> Postings:
        """The posting list of a term, empty for a term that no page holds."""
        key = (field, term)
        if (known := self._cache.get(key)) is not None:
            self._cache.move_to_end(key)
            return known
        found = reading(lambda: self._read(field, term.encode(errors="replace")))
        self._cache[key] = found
        self._cached += len(found.pages) + 1
        while self._cached > CACHED_POSTINGS and len(self._cache) > 1:
            _, old = self._cache.popitem(last=False)
            self._cached -= len(old.pages) + 1
        return found

    def _read(self, field: str, term: bytes) -> Postings:
        found = self._terms.postings(field, term)
        return _NOWHERE if found is None else Postings(found, self.size)

    def label(self, field: str, label: str) -> int:
        """The pages that carry a label."""
        return self.postings(field, label).members

    def terms(self, field: str, first: str = "") -> list[str]:
        """The terms of a field from `first` on, in order of their bytes."""

        def read() -> list[str]:
            found = []
            for name, term in self._terms.terms_from(field, first.encode()):
                if name != field:
                    break
                found.append(term.decode())
            return found

        return reading(read)

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Every folded word of the segment, for finding neighbours of a misread one."""
        return frozenset(self.terms("word"))

    @cached_property
    def lengths(self) -> Sequence[int]:
        """Syllables of each page."""

        def read() -> list[int]:
            column = self._pages.column_reader("length", LENGTH)
            return [column[page] for page in range(self.size)]

        return reading(read)

    def entries(self) -> Iterable[Entry]:
        """All terms with their postings, for merging."""
        entries: Iterable[Entry] = self._terms.entries()
        return entries

    def stored(self, page: int) -> dict[str, Any]:
        """The page as it was put, in plain types."""
        stored: dict[str, Any] = reading(lambda: self._pages.stored_fields(page)["stored"])
        return stored

    def said(self, page: int) -> tuple[str, str]:
        """All the page says, exact and folded, for looking for a phrase: ` ho so ␟ dat dai `."""
        if (known := self._said.get(page)) is None:
            stored = self.stored(page)
            exact, folded = [], []
            for part in (stored["title"], stored["code"], stored["text"]):
                for one in forms(part):
                    exact.append(one[0])
                    folded.append(one[1])
                exact.append("\x1f")
                folded.append("\x1f")
            known = (f" {' '.join(exact)} ", f" {' '.join(folded)} ")
            self._said[page] = known
            if len(self._said) > CACHED_PAGES:
                self._said.popitem(last=False)
        return known
