"""Follows the journal: rows and position change in one transaction, every event once.

A rebuild makes a new generation of a view's tables beside the live one, replays from the first
event, and switches in one transaction. A crash on the way leaves the live generation as it was;
what it had built is swept at the next start. A view whose version is not this program's, or
which is ahead of the journal (restored from a backup), is rebuilt by itself.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from sqlalchemy import Connection, MetaData

from domain.errors import UnavailableError
from domain.events import Event, Recorded
from domain.ports import Clock, Journal
from domain.views import Rebuilt
from infrastructure.views import database as db
from infrastructure.views.database import Database, Generation

BATCH = 500
"""Events in one transaction: long enough to share its cost, short enough for other writers."""
_ATTEMPTS = 5

Events = Sequence[Recorded[Event]]


class View(Protocol):
    """One generation of a read model: its tables, and what an event does to their rows.

    Applying the same events in other batches gives the same rows, and so does a replay after an
    erasure, when personal values are gone from the events that come before it.
    """

    metadata: MetaData

    def prepare(self, events: Events) -> None:
        """Reads what else these events need, before the write lock is taken."""

    def apply(self, connection: Connection, events: Events) -> None:
        """Brings the rows from the position before the first event to that of the last."""


@dataclass(frozen=True)
class ReadModel:
    """A read model: changing its tables or its rules takes a new version."""

    name: str
    version: int
    build: Callable[[str], View]
    """Makes the view over tables whose names begin so."""


class Runner:
    """Keeps all SQL views of one database at the journal's end."""

    def __init__(
        self, database: Database, journal: Journal, models: Sequence[ReadModel], clock: Clock
    ) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self.models: Mapping[str, ReadModel] = {model.name: model for model in models}
        self._views: dict[str, View] = {}
        self._lock = Lock()
        self._make_missing()
        with database.building(wait=False) as free:
            if free:
                self._sweep()

    # ------------------------------------------------------------ reading

    @contextmanager
    def reading(self, name: str) -> Iterator[tuple[Connection, View, Generation]]:
        """One state of a view: its rows and its position belong together."""
        with self._database.reading() as connection:
            generation = db.generations(connection, live=True).get(name)
            if generation is None or generation.version != self.models[name].version:
                raise UnavailableError("view-of-another-version", view=name)
            yield connection, self._view(generation), generation

    # ------------------------------------------------------------ following

    def catch_up(self) -> int:
        """Brings every view to the journal's present end; that position."""
        end = self._journal.position()
        for _ in range(_ATTEMPTS):
            with self._database.reading() as connection:
                live = db.generations(connection, live=True)
            usable = {name: self._is_usable(live.get(name)) for name in self.models}
            if all(usable.values()) and all(live[name].position >= end for name in self.models):
                return end
            for name in self.models:
                if not usable[name]:
                    self._rebuild(name, unless=self._is_usable)
            self._follow(self._live, end)
        raise UnavailableError("views-changing")  # Another version of the program builds its own.

    def rebuild(self, name: str) -> Rebuilt:
        """See the port `Views`."""
        rebuilt = self._rebuild(name, unless=lambda found: False)
        assert rebuilt is not None
        return rebuilt

    def sweep_and_purge(self) -> None:
        """Drops unfinished generations and leaves no dropped byte; waits for a running rebuild."""
        with self._database.building():
            self._sweep()
            self._database.purge()

    def _rebuild(self, name: str, *, unless: Callable[[Generation | None], bool]) -> Rebuilt | None:
        """Builds beside and switches, unless the live generation (asked twice) will do."""
        with self._database.reading() as connection:
            if unless(db.generations(connection, live=True).get(name)):
                return None
        began = self._clock.now()
        with self._database.building():
            # Who held the right before may have built just this.
            with self._database.reading() as connection:
                if unless(db.generations(connection, live=True).get(name)):
                    return None
            self._sweep()
            events = self._build(name)
        return Rebuilt(name, events, (self._clock.now() - began).total_seconds())

    def _build(self, name: str) -> int:
        """(1) Empty tables, (2) replay in batches, (3) the rest and the switch; events applied.

        A crash before (3) is committed leaves the live generation, and rows that are swept.
        """
        # (1) Empty.
        model = self.models[name]
        with self._database.writing() as connection:
            new = db.begin(connection, name, model.version, live=False)
            self._view(new).metadata.create_all(connection, checkfirst=False)
        # (2) Replayed.
        events = 0
        while True:
            events += self._follow(self._unfinished, self._journal.position())
            # (3) Switched: readers never see a view go back.
            with self._database.writing() as connection:
                new = db.generations(connection, live=False)[name]
                old = db.generations(connection, live=True).get(name)
                end = self._journal.position()
                if new.position >= min(old.position if old else 0, end):
                    db.switch(connection, old, new)
                    return events

    def _follow(self, targets: Callable[[Connection], Sequence[Generation]], until: int) -> int:
        """Applies events to the generations that `targets` names; how many were applied.

        The events are read before the lock is taken, the positions again behind it: whoever comes
        second finds them moved and applies what is left, or nothing.
        """
        applied = 0
        while True:
            with self._database.reading() as connection:
                known = targets(connection)
            after = min((found.position for found in known), default=until)
            events = self._journal.follow(after, BATCH) if after < until else ()
            if not events:
                return applied
            for found in known:
                self._view(found).prepare(events)
            with self._database.writing() as connection:
                for found in targets(connection):
                    if found.position < after:
                        continue  # Made anew in the meantime: these events do not follow.
                    fresh = [one for one in events if one.position > found.position]
                    if fresh:
                        self._view(found).apply(connection, fresh)
                        db.move(connection, found, fresh[-1].position)
            applied += len(events)

    def _live(self, connection: Connection) -> Sequence[Generation]:
        found = db.generations(connection, live=True)
        return [
            found[name]
            for name, model in self.models.items()
            if name in found and found[name].version == model.version
        ]

    def _unfinished(self, connection: Connection) -> Sequence[Generation]:
        return list(db.generations(connection, live=False).values())

    def _is_usable(self, found: Generation | None) -> bool:
        # The journal is asked after the view was: what others append now cannot be in the view.
        return (
            found is not None
            and found.version == self.models[found.view].version
            and found.position <= self._journal.position()
        )

    # ------------------------------------------------------------ tables

    def _view(self, generation: Generation) -> View:
        with self._lock:
            view = self._views.get(generation.prefix)
            if view is None:
                view = self.models[generation.view].build(generation.prefix)
                self._views[generation.prefix] = view
            return view

    def _make_missing(self) -> None:
        """A view that was never built begins empty; catching up fills it like any other."""
        with self._database.writing() as connection:
            live = db.generations(connection, live=True)
            for name, model in self.models.items():
                if name not in live:
                    new = db.begin(connection, name, model.version, live=True)
                    self._view(new).metadata.create_all(connection, checkfirst=False)

    def _sweep(self) -> None:
        """Drops what a crashed rebuild left; only for who holds the right to build."""
        with self._database.writing() as connection:
            for generation in db.generations(connection, live=False).values():
                db.drop(connection, generation)
