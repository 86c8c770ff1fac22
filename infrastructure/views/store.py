"""All views of an archive: the port `Views`, and the ports that answer from them."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from domain.errors import NotFoundError
from domain.ports import Clock, Finding, Journal, ObjectStore
from domain.searching import SearchIndex
from domain.views import Rebuilt
from infrastructure.views import attestations, catalogue, history, work
from infrastructure.views.attestations import SqlAttestations
from infrastructure.views.database import Database
from infrastructure.views.inspection import Inspection
from infrastructure.views.pages import PagesFollower, RebuildableIndex
from infrastructure.views.queries import SqlCatalogue, SqlHistory, SqlWork
from infrastructure.views.runner import ReadModel, Runner

_INDEX = "index"


def read_models(objects: ObjectStore) -> tuple[ReadModel, ...]:
    """Every SQL view with the version that this program builds."""
    manifests = catalogue.Manifests(objects)
    return (
        ReadModel("attestations", attestations.VERSION, attestations.AttestationsView),
        ReadModel(
            "catalogue",
            catalogue.VERSION,
            partial(catalogue.CatalogueView, manifests=manifests),
        ),
        ReadModel("history", history.VERSION, history.HistoryView),
        ReadModel("work", work.VERSION, work.WorkView),
    )


class SqlViews:
    """The port `Views` over one SQLite file and the search index."""

    def __init__(
        self,
        path: Path,
        *,
        journal: Journal,
        objects: ObjectStore,
        index: RebuildableIndex,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._database = Database(path)
        self._runner = Runner(self._database, journal, read_models(objects), clock)
        self._index = index
        self._pages = PagesFollower(journal, objects, index, clock)
        self.catalogue = SqlCatalogue(self._runner)
        self.history = SqlHistory(self._runner)
        self.work = SqlWork(self._runner)
        self.attestations = SqlAttestations(self._runner)

    def catch_up(self) -> int:
        """See the port."""
        end = self._runner.catch_up()
        self._pages.catch_up(end)
        return end

    def names(self) -> Sequence[str]:
        """See the port."""
        return (*self._runner.models, _INDEX)

    def rebuild(self, name: str) -> Rebuilt:
        """See the port. Raises NotFoundError for a name that is none."""
        if name == _INDEX:
            return self._pages.rebuild()
        if name not in self._runner.models:
            raise NotFoundError("view-not-found")
        return self._runner.rebuild(name)

    def past(self, position: int) -> AbstractContextManager[SearchIndex]:
        """See the port."""
        return self._pages.past(position)

    def forget(self) -> None:
        """See the port. What was dropped is dropped by an event, so the views catch up first."""
        self.catch_up()
        self._runner.sweep_and_purge()
        self._pages.purge()

    def inspect(self) -> Iterator[Finding]:
        """See the port. It only looks: a view is behind unless `catch_up` was called before."""
        yield from Inspection(
            self._runner, self._journal, self._index, self._pages, self._clock
        ).findings()

    def close(self) -> None:
        """Lets go of the file of the views; journal, objects and index are the caller's."""
        self._database.close()
