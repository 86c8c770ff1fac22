"""Posting lists as one short run of bytes a term, in place of Whoosh's blocks.

Whoosh writes each posting list as pickled, compressed blocks with statistics for skipping, and
reads them one posting a call. This index reads posting lists whole, and most terms (pairs of
syllables) stand on one page. Measured on the same 2,000 pages: see docs/decisions/0004-search.md.
Whoosh's term table, its columns, its segments and its commit stay.
"""

import heapq
import secrets
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from infrastructure.search.engine import Schema, W3Codec, W3FieldWriter, W3Segment, W3TermsReader

_COUNT = struct.Struct("<IB")
_POINTER = struct.Struct("<BQI")
_HERE, _HERE_PACKED, _THERE, _THERE_PACKED = 0, 1, 2, 3
_INLINE = 96
"""Longer posting lists stand in the file of postings, shorter ones in the term table."""
_PACK = 200
_END = b"\x1e"
_HEAVIEST = 255


class PostingList(NamedTuple):
    """Pages rising, and for each how often (1 to 255) and which spellings; labels have neither."""

    pages: "array[int]"
    weights: bytes
    values: list[bytes]


Term = tuple[bytes, int, bytes]
"""Term, how often it stands on the page (0 for a label), its spellings there."""
Entry = tuple[str, bytes, PostingList]
"""Field, term, postings."""


def encode(postings: PostingList) -> bytes:
    """The bytes of a posting list; `decode` reverses it."""
    pages, weights, values = postings
    head = _COUNT.pack(len(pages), 1 if weights else 0)
    if not weights:
        return head + pages.tobytes()
    if len(values) > 1 and len(set(values)) == 1:
        values = values[:1]
    return b"".join((head, pages.tobytes(), weights, _END.join(values)))


def decode(data: bytes) -> PostingList:
    """The posting list of these bytes."""
    count, rich = _COUNT.unpack_from(data)
    pages = array("I")
    start = _COUNT.size + count * pages.itemsize
    pages.frombytes(data[_COUNT.size : start])
    if len(pages) != count or not count:
        raise ValueError(count)
    if not rich:
        return PostingList(pages, b"", [])
    values = data[start + count :].split(_END)
    if len(values) == 1:
        values *= count
    if len(values) != count:
        raise ValueError(count)
    return PostingList(pages, data[start : start + count], values)


class FieldWriter(W3FieldWriter):  # type: ignore[misc]
    """Writes whole posting lists, which arrive sorted by field and term."""

    def add_postings(self, schema: Schema, lengths: None, items: Iterable[Entry]) -> None:
        """Writes every entry."""
        current = None
        for field, term, postings in items:
            if field != current:
                self.start_field(field, schema[field])
                current = field
            key = struct.pack("!H", self._fieldid) + term
            self._tindex.add(key, self._value(encode(postings)))

    def _value(self, data: bytes) -> bytes:
        packed = len(data) > _PACK
        if packed:
            data = zlib.compress(data, 1)
        if len(data) <= _INLINE:
            return bytes([_HERE_PACKED if packed else _HERE]) + data
        offset = self._postfile.tell()
        self._postfile.write(data)
        return _POINTER.pack(_THERE_PACKED if packed else _THERE, offset, len(data))


class TermsReader(W3TermsReader):  # type: ignore[misc]
    """Reads whole posting lists."""

    def postings(self, field: str, term: bytes) -> PostingList | None:
        """The posting list of a term, None for a term that stands nowhere."""
        if field not in self._fieldmap:
            return None
        value = self._tindex.get(self._keycoder(field, term))
        return None if value is None else self._list(value)

    def entries(self) -> Iterator[Entry]:
        """Everything, sorted by field and term."""
        for key, value in self._tindex.items():
            field, term = self._keydecoder(key)
            yield field, term, self._list(value)

    def _list(self, value: bytes) -> PostingList:
        kind, data = value[0], value[1:]
        if kind in (_THERE, _THERE_PACKED):
            _, offset, length = _POINTER.unpack(value)
            data = self._postfile.get(offset, length)
        return decode(zlib.decompress(data) if kind in (_HERE_PACKED, _THERE_PACKED) else data)


class Codec(W3Codec):  # type: ignore[misc]
    """Whoosh's own, but for the posting lists."""

    length_stats = False
    """Whoosh would look the length of the page up for each posting."""

    def new_segment(self, storage: Any, indexname: str) -> W3Segment:
        """A segment with a name that no other has.

        Whoosh draws it from `random`: where something seeds that, a new segment gets the name of
        a live one and overwrites it.
        """
        return W3Segment(self, indexname, segid=secrets.token_hex(8))

    def field_writer(self, storage: Any, segment: Any) -> FieldWriter:
        """Writes the terms of a new segment."""
        return FieldWriter(self, storage, segment)

    def terms_reader(self, storage: Any, segment: Any) -> TermsReader:
        """Reads the terms of a segment."""
        name = segment.make_filename(self.TERMS_EXT)
        postings = segment.open_file(storage, self.POSTS_EXT)
        return TermsReader(self, storage.open_file(name), storage.file_length(name), postings)


class TermPool:
    """Collects the postings of one commit: new pages in memory, merged segments as streams.

    It stands where Whoosh has a pool that sorts single postings. A batch of new pages fits in
    memory (about 10 kB a page); segments to be merged are read term by term.
    """

    def __init__(self) -> None:
        self._fields: dict[str, dict[bytes, list[Any]]] = {}
        """Field → term → page, count and spellings of one posting after the other."""
        self._streams: list[Iterator[Entry]] = []

    def put(self, page: int, field: str, terms: Iterable[Term]) -> None:
        """Adds one page's terms of one field; pages come in rising order."""
        known = self._fields.setdefault(field, {})
        for term, count, value in terms:
            if (flat := known.get(term)) is None:
                known[term] = [page, count, value]
            else:
                flat += (page, count, value)

    def absorb(self, entries: Iterable[Entry], places: list[int] | None, first: int) -> None:
        """Adds a segment that is merged: page n becomes places[n], or first + n without `places`.

        A page whose place is -1 is dropped, and with it every term that stands nowhere else.
        """
        self._streams.append(_moved(entries, places, first))

    def iter_postings(self) -> Iterator[Entry]:
        """Every entry once, sorted by field and term, for the field writer."""
        ordered = heapq.merge(self._new(), *self._streams, key=itemgetter(0, 1))
        for (field, term), group in groupby(ordered, key=itemgetter(0, 1)):
            yield field, term, _joined([entry[2] for entry in group])

    def _new(self) -> Iterator[Entry]:
        for field in sorted(self._fields):
            terms = self._fields[field]
            for term in sorted(terms):
                flat = terms[term]
                pages, counts = array("I", flat[::3]), flat[1::3]
                if counts[0]:
                    weights = bytes(min(count, _HEAVIEST) for count in counts)
                    yield field, term, PostingList(pages, weights, flat[2::3])
                else:
                    yield field, term, PostingList(pages, b"", [])

    def cleanup(self) -> None:
        """Lets go of everything (Whoosh calls this when the segment is closed)."""
        self._fields.clear()
        self._streams.clear()


def _moved(entries: Iterable[Entry], places: list[int] | None, first: int) -> Iterator[Entry]:
    for field, term, (pages, weights, values) in entries:
        if places is None:
            yield field, term, PostingList(array("I", [first + n for n in pages]), weights, values)
            continue
        kept = [at for at, n in enumerate(pages) if places[n] >= 0]
        if kept:
            moved = array("I", [places[pages[at]] for at in kept])
            if weights:
                weights = bytes(weights[at] for at in kept)
                values = [values[at] for at in kept]
            yield field, term, PostingList(moved, weights, values)


def _joined(parts: list[PostingList]) -> PostingList:
    if len(parts) == 1:
        return parts[0]
    pages = array("I")
    values: list[bytes] = []
    for part in parts:
        pages.extend(part.pages)
        values += part.values
    return PostingList(pages, b"".join(part.weights for part in parts), values)
