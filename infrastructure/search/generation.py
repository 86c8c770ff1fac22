"""One generation of the index: a directory that Whoosh owns, with a durable commit point.

The journal position and the measures of all files stand in the table of contents, so they change
in the same rename as the pages. After a crash the last table of contents is the truth; files
that it does not name are swept.
"""

import math
import re
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from domain.errors import UnavailableError
from domain.searching import PageDocument
from domain.values import StreamId
from infrastructure.search import bits
from infrastructure.search.codec import Codec, TermPool
from infrastructure.search.engine import (
    ID,
    STORED,
    TOC,
    DurableStorage,
    FileIndex,
    LockError,
    Schema,
    SegmentWriter,
    try_for,
)
from infrastructure.search.layout import LABELS, LAYOUT, SPELLED, store, terms_of
from infrastructure.search.segments import LENGTH, Segment, reading

NAME = "MAIN"
WAIT = 1.0
"""Seconds to wait for another writer, which may be sweeping only."""
PATIENCE = 10.0
"""Seconds to wait for a writer before the generation that it writes is replaced."""
FAN = 6
"""So many segments of a like size become one: a search asks each of them."""
SMALL = 36
LONGEST = 65_535
_TOC = re.compile(rf"_{NAME}_([0-9]+)\.toc")


@dataclass(frozen=True)
class Snapshot:
    """The index at one commit."""

    commit: int
    position: int
    segments: tuple[Segment, ...]
    files: Mapping[str, tuple[int, int]]
    """Size and CRC-32 of each file."""


def create(directory: Path) -> None:
    """An empty generation in a directory of its own, durable on return."""
    directory.mkdir(exist_ok=True)
    schema = Schema(stored=STORED(), **{name: ID() for name in (*LABELS, *SPELLED)})
    schema.position, schema.layout, schema.files = 0, LAYOUT, {}
    FileIndex.create(DurableStorage(str(directory)), schema, NAME)


def latest_commit(directory: Path) -> int:
    """The number of the last commit, -1 when there is none."""
    matches = (_TOC.fullmatch(path.name) for path in directory.iterdir())
    return max((int(match[1]) for match in matches if match), default=-1)


def load(directory: Path, known: Snapshot | None = None) -> Snapshot:
    """The last commit, with the segments of `known` used again where they still stand.

    Raises UnavailableError("index-damaged").
    """
    storage = DurableStorage(str(directory))
    toc = reading(lambda: TOC.read(storage, NAME))
    schema = toc.schema
    if getattr(schema, "layout", None) != LAYOUT or not hasattr(schema, "files"):
        raise UnavailableError("index-damaged", reason="layout")
    for name, (size, _) in schema.files.items():
        if not storage.file_exists(name) or storage.file_length(name) != size:
            raise UnavailableError("index-damaged", reason="size")
    earlier = {segment.identity: segment for segment in known.segments} if known else {}
    segments = []
    for raw in toc.segments:
        segment = earlier.get(raw.segment_id())
        if segment is None:
            segment = Segment(storage, raw)
        else:
            segment.refresh(raw)
        segments.append(segment)
    return Snapshot(toc.generation, schema.position, tuple(segments), dict(schema.files))


def check(directory: Path, snapshot: Snapshot) -> None:
    """Reads every file of a commit and compares it with what was written.

    Raises UnavailableError("index-damaged"); a search notices lengths only.
    """
    for name, measured in snapshot.files.items():
        if reading(partial(_measured, directory / name)) != measured:
            raise UnavailableError("index-damaged", reason="checksum")


def _measured(path: Path) -> tuple[int, int]:
    """Size and CRC-32 of a file."""
    size = checksum = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            size, checksum = size + len(block), zlib.crc32(block, checksum)
    return size, checksum


def sweep(directory: Path) -> None:
    """Drops what a killed commit left, unless a writer is at work."""
    if not list(_orphans(directory)):
        return
    lock = DurableStorage(str(directory)).lock(f"{NAME}_WRITELOCK")
    if not lock.acquire():
        return
    try:
        for path in list(_orphans(directory)):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    finally:
        lock.release()


@contextmanager
def unwritten(directory: Path) -> Iterator[None]:
    """Keeps writers out of a generation; raises UnavailableError("index-busy")."""
    lock = DurableStorage(str(directory)).lock(f"{NAME}_WRITELOCK")
    if not try_for(lock.acquire, timeout=PATIENCE, delay=0.05):
        raise UnavailableError("index-busy")
    try:
        yield
    finally:
        lock.release()


def _orphans(directory: Path) -> list[Path]:
    storage = DurableStorage(str(directory))
    toc = reading(lambda: TOC.read(storage, NAME))
    if getattr(toc.schema, "layout", None) != LAYOUT or not hasattr(toc.schema, "files"):
        return []  # Another program's: whoever reads it finds it damaged and builds it again.
    named = {*toc.schema.files, f"_{NAME}_{toc.generation}.toc", f"{NAME}_WRITELOCK", OWNER}
    return [path for path in directory.iterdir() if path.name not in named]


OWNER = "OWNER"
"""Locked as long as somebody builds this generation beside the live one."""


class Writer(SegmentWriter):  # type: ignore[misc]
    """One commit. `commit_at` writes pages, position and measures in one rename."""

    def __init__(self, directory: Path) -> None:
        storage = DurableStorage(str(directory))
        try:
            index = reading(lambda: FileIndex(storage, indexname=NAME))
            super().__init__(index, codec=Codec(), compound=False, timeout=WAIT, delay=0.05)
        except LockError as exc:
            raise UnavailableError("index-busy") from exc
        self.position: int = self.schema.position
        self.is_closed: bool
        self.pool = TermPool()

    def drop(self, snapshot: Snapshot, records: Sequence[StreamId], pages: Sequence[str]) -> None:
        """Drops all pages of the records and the pages of these keys."""
        for raw, segment in zip(self.segments, snapshot.segments, strict=True):
            gone = 0
            for field, labels in (("record", records), ("page", pages)):
                for label in labels:
                    gone |= segment.label(field, label)
            for page in bits.pages(gone & segment.live):
                raw.delete_document(page)

    def put(self, page: PageDocument) -> None:
        """Adds a page."""
        terms, length = terms_of(page)
        self._row(store(page), length)
        for field, found in terms.items():
            self.pool.put(self.docnum - 1, field, found)

    def _row(self, stored: dict[str, Any], length: int) -> None:
        """Adds what stands by page and not by term."""
        self.perdocwriter.start_doc(self.docnum)
        self.perdocwriter.add_field("stored", None, stored, 0)
        self.perdocwriter.add_column_value("length", LENGTH, min(length, LONGEST))
        self.perdocwriter.finish_doc()
        self.docnum += 1
        self._added = True

    def absorb(self, raw: Any) -> None:
        """Takes over the pages of a segment that still stand."""
        segment = Segment(self.storage, raw)
        first, places = self.docnum, [-1] * segment.size
        for page in bits.pages(segment.live):
            places[page] = self.docnum
            self._row(segment.stored(page), segment.lengths[page])
        self.pool.absorb(segment.entries(), places if segment.dropped else None, first)

    def commit_at(self, position: int, *, whole: bool = False) -> None:
        """Makes everything durable; `whole` rewrites all into one segment."""
        self.position = position
        self.commit(mergetype=_merge_all if whole else _merge_like)

    def abandon(self) -> None:
        """Gives up; whatever was written is swept later, and the lock is free in any case."""
        with suppress(Exception):
            self.cancel()
        if not self.is_closed:
            self.is_closed = True
            self.writelock.release()

    def _commit_toc(self, segments: Sequence[Any]) -> None:
        self.schema.position = self.position
        self.schema.layout = LAYOUT
        names = [name for one in segments for name in one.list_files(self.storage)]
        known = self.schema.files
        self.schema.files = {
            name: known.get(name) or _measured(Path(self.storage.folder) / name) for name in names
        }
        super()._commit_toc(segments)


def _merge_all(writer: Writer, segments: Sequence[Any]) -> list[Any]:
    return _absorb(writer, segments, segments)


def _merge_like(writer: Writer, segments: Sequence[Any]) -> list[Any]:
    """Keeps few segments: like sizes merge, and one that has lost half its pages is rewritten."""
    levels: dict[int, list[Any]] = {}
    merged = []
    for segment in segments:
        if segment.doc_count() * 2 <= segment.doc_count_all():
            merged.append(segment)
        else:
            level = int(math.log(max(segment.doc_count(), SMALL), FAN))
            levels.setdefault(level, []).append(segment)
    for alike in levels.values():
        if len(alike) >= FAN:
            merged += alike
    return _absorb(writer, segments, merged)


def _absorb(writer: Writer, segments: Sequence[Any], merged: Sequence[Any]) -> list[Any]:
    """Writes the `merged` ones into the new segment; what is left of the segments."""
    for segment in merged:
        if segment.doc_count():
            writer.absorb(segment)
    return [segment for segment in segments if segment not in merged]
