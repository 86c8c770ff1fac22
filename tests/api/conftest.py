"""Programs with every scope, for the server of a module."""

from collections.abc import Iterator

import pytest

from tests.api.caller import Program, calling, token_of
from tests.cli.desk import record_of
from tests.pages.site import Site


@pytest.fixture(scope="module")
def archivist(site: Site) -> Iterator[Program]:
    """An archivist of the whole province."""
    with calling(site, token_of(site, "archivist")) as program:
        yield program


@pytest.fixture(scope="module")
def clerk(site: Site) -> Iterator[Program]:
    """A scanning clerk of H33.05."""
    with calling(site, token_of(site, "clerk")) as program:
        yield program


@pytest.fixture(scope="module")
def admin(site: Site) -> Iterator[Program]:
    """The administrator."""
    with calling(site, token_of(site, "admin")) as program:
        yield program


@pytest.fixture(scope="module")
def record_a(site: Site) -> str:
    """The one-page record of HS-A."""
    return record_of(site.chauban, "HS-A")
