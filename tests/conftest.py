"""A prepared archive, served: read-only for the tests of a module, or a copy for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Chauban
from tests.pages.site import Site, copied, prepare, serving


@pytest.fixture(scope="session")
def prepared_site(tmp_path_factory: pytest.TempPathFactory) -> Chauban:
    """The archive of `tests.pages.site.prepare`, not running; it is copied, never changed."""
    return prepare(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def site(prepared_site: Chauban, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server for a whole module; its tests do not disturb each other."""
    with serving(copied(prepared_site, tmp_path_factory.mktemp("module"))) as running:
        yield running


@pytest.fixture
def own_site(prepared_site: Chauban, tmp_path: Path) -> Iterator[Site]:
    """A server for one test that changes much or kills it."""
    with serving(copied(prepared_site, tmp_path)) as running:
        yield running
