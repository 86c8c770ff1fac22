"""The port `SearchIndex` over Whoosh, in one directory.

A rebuild fills a new generation beside the live one:

    with index.rebuild() as fresh:
        for position, pages in …:
            fresh.apply(position, pages, [])

At the end of the block `fresh` is what searches find, and the old generation is gone.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from domain.errors import ConcurrentChangeError, UnavailableError
from domain.searching import (
    EVERY_PAGE,
    Order,
    PageDocument,
    PageFilter,
    Places,
    SearchAnswer,
    SearchScope,
)
from domain.values import StreamId
from infrastructure.search import bits, generation
from infrastructure.search.answering import allowed, facets, hit, places, ranked
from infrastructure.search.generations import Generations
from infrastructure.search.layout import page_key, restore
from infrastructure.search.matching import Field
from infrastructure.search.query import parse
from infrastructure.search.snippets import wanted as looked_for
from infrastructure.search.tree import And

A = TypeVar("A")
MOST = 1_000
"""The most hits of one answer."""
EVERYTHING = And(())
"""All that is allowed: what is asked for where filters are all that is asked."""


class WhooshIndex:
    """The index in a directory, which is made when it is missing.

    A damaged index can be opened: `position`, `apply`, `search`, `purge` and `inspect_pages` then
    raise UnavailableError("index-damaged"), and `rebuild` makes a sound one.
    Threads may share an object; searches take turns.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._generations = Generations(directory)
        self._lock = threading.RLock()
        self._snapshot: generation.Snapshot | None = None
        self._loaded: Path | None = None
        """The generation of the snapshot."""

    # ------------------------------------------------------------ generations

    def beside(self) -> Self:
        """An empty index of a new generation, which no search sees until `switch_to`."""
        other = type(self)(self._directory)
        other._generations.begin_own()
        return other

    def switch_to(self, other: "WhooshIndex") -> None:
        """Makes the generation of `other` the one that is searched, and drops the one before.

        Pages removed while it was built are purged from its files first. `other` becomes a second
        view of the live index. Raises UnavailableError("index-busy") when a writer of the old
        generation does not end; nothing is switched then.
        """
        if other._generations.is_own:
            other.purge()
            other._generations.publish()

    @contextmanager
    def rebuild(self) -> Iterator[Self]:
        """A new generation to fill; it goes live at the end of the block, or is dropped."""
        other = self.beside()
        try:
            yield other
            self.switch_to(other)
        finally:
            other.close()

    @contextmanager
    def aside(self) -> Iterator[Self]:
        """A new generation that nobody else asks, dropped at the end of the block."""
        other = self.beside()
        try:
            yield other
        finally:
            other.close()

    def close(self) -> None:
        """Lets go of files; a generation that was never switched to is dropped."""
        with self._lock:
            self._snapshot = self._loaded = None
            self._generations.leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> generation.Snapshot:
        """The last commit of the current generation; a cheap look when nothing changed."""
        for attempt in range(5):
            path = self._generations.path()
            try:
                snapshot = self._snapshot if path == self._loaded else None
                if snapshot is None or generation.latest_commit(path) != snapshot.commit:
                    snapshot = generation.load(path, snapshot)
            except (UnavailableError, OSError) as exc:
                # A writer may have dropped files between our looking and our opening.
                self._snapshot = self._loaded = None
                if attempt < 4:
                    continue
                if isinstance(exc, UnavailableError):
                    raise
                raise UnavailableError("index-damaged") from exc
            self._snapshot, self._loaded = snapshot, path
            return snapshot
        raise UnavailableError("index-damaged")

    # ------------------------------------------------------------ writing

    def position(self) -> int:
        """The journal position reached, 0 for an empty index."""
        with self._lock:
            return self._read().position

    def apply(
        self, position: int, pages: Sequence[PageDocument], removed: Sequence[StreamId]
    ) -> None:
        """In one commit: drops, then puts, then moves to `position`; durable on return.

        Raises UnavailableError("index-busy") while another writer is at work, and
        ConcurrentChangeError("index-ahead") when the index has passed `position`.
        """
        last = {page_key(page.record, page.page): page for page in pages}
        with self._writing() as (writer, snapshot):
            if position < snapshot.position:
                raise ConcurrentChangeError("index-ahead", position=snapshot.position)
            writer.drop(snapshot, removed, list(last))
            for page in last.values():
                writer.put(page)
            writer.commit_at(position)

    def purge(self) -> None:
        """Rewrites the index so that no byte of a removed page is left in its files.

        A generation that another process builds beside this one is not touched: its builder
        applies the removal too, and `switch_to` purges it.
        """
        with self._lock:
            if any(segment.dropped for segment in self._read().segments):
                with self._writing() as (writer, snapshot):
                    writer.commit_at(snapshot.position, whole=True)
            self._generations.sweep()

    @contextmanager
    def _writing(self) -> Iterator[tuple[generation.Writer, generation.Snapshot]]:
        with self._lock:
            self._read()
            try:
                path = self._generations.path()
                writer = generation.Writer(path)
                try:
                    if self._generations.path() != path:
                        # Another process switched generations while we waited.
                        raise UnavailableError("index-busy")
                    yield writer, self._read()
                finally:
                    if not writer.is_closed:
                        writer.abandon()
                        generation.sweep(path)
            except OSError as exc:
                raise UnavailableError("index-unwritable") from exc

    # ------------------------------------------------------------ reading

    def inspect_pages(self) -> Iterator[PageDocument]:
        """Every page as it was put, with its text as indexed, for comparing with the events.

        The checksums of all files are compared first; UnavailableError("index-damaged") is raised
        when one differs.
        """

        def opened(snapshot: generation.Snapshot) -> generation.Snapshot:
            if self._loaded is not None:
                generation.check(self._loaded, snapshot)
            for segment in snapshot.segments:
                for page in bits.pages(segment.live):
                    segment.stored(page)  # Once open, a file can be read when it has no name.
                    break
            return snapshot

        with self._lock:
            snapshot = self._while_it_stands(opened)
        for segment in snapshot.segments:
            for page in bits.pages(segment.live):
                with self._lock:
                    stored = segment.stored(page)
                yield restore(stored)

    def search(
        self,
        query: str,
        scope: SearchScope,
        wanted: PageFilter = EVERY_PAGE,
        *,
        order: Order = Order.BEST,
        limit: int = 10,
        offset: int = 0,
    ) -> SearchAnswer:
        """Pages that match; raises InvalidValueError for a query that is none."""
        filtered = wanted != EVERY_PAGE
        node = parse(query) if query.strip() or not filtered else EVERYTHING
        asked = looked_for(node)
        first = max(offset, 0)
        last = first + max(0, min(limit, MOST))

        def answer(snapshot: generation.Snapshot) -> SearchAnswer:
            fields = [
                Field(segment, allowed(segment, scope, wanted), scope)
                for segment in snapshot.segments
            ]
            found, answers = ranked(fields, node, order, last)
            return SearchAnswer(
                total=sum(answer.all.bit_count() for answer in answers),
                position=snapshot.position,
                hits=tuple(
                    hit(one, answers[one.at].field.segment, asked) for one in found[first:last]
                ),
                facets=facets(answers, scope),
            )

        with self._lock:
            return self._while_it_stands(answer)

    def places(
        self, query: str, scope: SearchScope, record: StreamId, shown: Collection[int]
    ) -> Places:
        """The pages of one record that match; raises InvalidValueError as `search` does."""
        node = parse(query)
        asked = looked_for(node)

        def answer(snapshot: generation.Snapshot) -> Places:
            fields = [
                Field(segment, allowed(segment, scope, EVERY_PAGE), scope)
                for segment in snapshot.segments
            ]
            return places(fields, node, record, shown, asked)

        with self._lock:
            return self._while_it_stands(answer)

    def _while_it_stands(self, answer: Callable[[generation.Snapshot], A]) -> A:
        """An answer from one commit. A segment opens its files when they are first asked for; a
        writer may have merged them away by then, and the answer comes from the next commit."""
        while True:
            snapshot = self._read()
            place = self._loaded, snapshot.commit
            try:
                return answer(snapshot)
            except UnavailableError:
                self._snapshot = self._loaded = None
                now = self._read()
                if (self._loaded, now.commit) == place:
                    raise  # Nobody wrote in between: it is damaged.
