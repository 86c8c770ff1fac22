"""Lists of dossiers and records never tell more than `access.may` allows, by page or in all."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain import access, dossier, record
from domain.access import Action, Place, Resource
from domain.agents import Actor, Agent, AgentKind, Grant, Role
from domain.dossier import DossierKind
from domain.events import Event, Recorded
from domain.record import Carrier, IsolationGround
from domain.searching import SearchScope
from domain.values import Basis, CommandId, Digest, EventId, FileObject, Secrecy, StreamId
from domain.views import Cursor, DossierFilter, DossierRow
from infrastructure.views import browsing
from infrastructure.views.catalogue import CatalogueView, Manifests
from infrastructure.views.database import scratch
from tests.views.world import World

TODAY = date(2026, 3, 2)
FILE = FileObject(
    Digest("sha256:" + "0" * 64), Digest("sha512:" + "0" * 128), 1, "application/json"
)
AGENCIES = [StreamId(f"agency-{n}") for n in range(6)]
PROCEDURES = [StreamId("procedure-1"), StreamId("procedure-2"), None]
NOBODY = Actor(StreamId("agent-0"), Role.ARCHIVIST, AGENCIES[0])


@dataclass(frozen=True)
class Paper:
    """A record and what became of it."""

    id: StreamId
    confirmed: bool
    isolated: bool


@dataclass(frozen=True)
class Held:
    """A dossier as it was made up."""

    id: StreamId
    receiving: StreamId
    deciding: StreamId
    opened_on: date
    kind: DossierKind
    procedure: StreamId | None
    restricted: bool
    closed: bool
    papers: list[Paper] = field(default_factory=list)

    @property
    def resource(self) -> Resource:
        return Resource(frozenset({self.receiving, self.deciding}), restricted=self.restricted)

    def events(self) -> list[tuple[StreamId, Event]]:
        opened = dossier.DossierOpened(
            self.kind, f"HS-{self.id}", self.receiving, self.deciding, self.procedure, None,
            self.opened_on, "Hồ sơ", None, None, None, None,
        )  # fmt: skip
        said: list[tuple[StreamId, Event]] = [(self.id, opened)]
        for n, paper in enumerate(self.papers, 1):
            registered = record.register(
                dossier=self.id, secrecy=Secrecy.ORDINARY, carrier=Carrier.PAPER, batch=None,
                original=None, received_name=None, paper_location="Kho",
            )  # fmt: skip
            said += [(paper.id, registered), (self.id, dossier.DossierRecordAdded(paper.id, n))]
            if paper.confirmed:
                said.append((paper.id, record.RecordConfirmed(None, "none")))
            if paper.isolated:
                isolated = record.RecordIsolated(IsolationGround.STRANGER, "x")
                said.append((paper.id, isolated))
        if self.restricted:
            said.append((self.id, dossier.DossierRestricted(StreamId("erasure-1"))))
        if self.closed:
            said.append((self.id, dossier.DossierClosed(TODAY, len(self.papers), FILE)))
        return said


def recorded(position: int, stream: StreamId, event: Event) -> Recorded[Event]:
    return Recorded(
        position, EventId(f"e{position}"), stream, 1, event, datetime(2026, 3, 2, tzinfo=UTC),
        NOBODY, Basis("ND-30-2020"), stream, CommandId("c"), None, "test",
        Digest("sha256:" + "0" * 64),
    )  # fmt: skip


@st.composite
def trees(draw: st.DrawFn) -> dict[StreamId, Place]:
    """Any agency below any earlier one, and any heirs, circles among them."""
    return {
        one: Place(
            draw(st.none() | st.sampled_from(AGENCIES[:n])) if n else None,
            draw(st.frozensets(st.sampled_from(AGENCIES), max_size=2)),
        )
        for n, one in enumerate(AGENCIES)
    }


GRANTS = st.lists(
    st.builds(
        Grant,
        st.sampled_from([role for role in Role if role is not Role.SYSTEM]),
        st.sampled_from(AGENCIES),
        st.none() | st.dates(date(2026, 2, 25), date(2026, 3, 10)),
        st.none() | st.dates(date(2026, 2, 25), date(2026, 3, 10)),
    ),
    max_size=4,
)
ANY = st.sampled_from(AGENCIES)


@st.composite
def holdings(draw: st.DrawFn) -> list[Held]:
    made = []
    for n in range(draw(st.integers(0, 12))):
        papers = [
            Paper(StreamId(f"record-{n:02}-{k}"), *draw(st.tuples(st.booleans(), st.booleans())))
            for k in range(draw(st.integers(0, 2)))
        ]
        made.append(
            Held(
                StreamId(f"dossier-{n:02}"),
                draw(ANY),
                draw(ANY),
                draw(st.dates(date(2024, 12, 30), date(2025, 1, 2))),
                draw(st.sampled_from(DossierKind)),
                draw(st.sampled_from(PROCEDURES)),
                draw(st.booleans()),
                draw(st.booleans()),
                papers,
            )
        )
    return made


FILTERS = st.builds(
    DossierFilter,
    st.none() | ANY,
    st.none() | st.sampled_from([2024, 2025, 0]),
    st.none() | st.sampled_from(PROCEDURES[:2]),
    st.none() | st.sampled_from([kind.value for kind in DossierKind]),
    st.none() | st.booleans(),
)


def fits(held: Held, wanted: DossierFilter) -> bool:
    return (
        (wanted.agency is None or wanted.agency in {held.receiving, held.deciding})
        and (wanted.year is None or wanted.year == held.opened_on.year)
        and (wanted.procedure is None or wanted.procedure == held.procedure)
        and (wanted.kind is None or wanted.kind == held.kind.value)
        and (wanted.closed is None or wanted.closed == held.closed)
    )


@settings(max_examples=80, deadline=None)
@given(trees(), GRANTS, holdings(), FILTERS, st.integers(1, 4))
def test_a_list_tells_what_may_be_read_and_nothing_else(
    tree: dict[StreamId, Place],
    grants: list[Grant],
    held: list[Held],
    wanted: DossierFilter,
    limit: int,
) -> None:
    agent = Agent(StreamId("agent-1"), AgentKind.PERSON, "x", tuple(grants))
    reach = access.scope(agent, Action.READ, tree=tree, on=TODAY)
    scope = SearchScope(reach.agencies, restricted=reach.agencies <= reach.restricted)

    def seen(one: Held) -> bool:
        allowed = access.may(agent, Action.READ, one.resource, tree=tree, on=TODAY).allowed
        assert allowed or not (scope.restricted and one.resource.agencies & scope.agencies)
        return allowed and (scope.restricted or not one.restricted)

    expected = sorted(
        (one for one in held if seen(one) and fits(one, wanted)),
        key=lambda one: (one.opened_on, one.id),
        reverse=True,
    )
    events = [pair for one in held for pair in one.events()]
    with scratch() as connection:
        view = CatalogueView("x_", Manifests(None))  # type: ignore[arg-type]
        view.metadata.create_all(connection)
        if events:
            view.apply(connection, [recorded(n, *pair) for n, pair in enumerate(events, 1)])

        listed: list[DossierRow] = []
        after: Cursor | None = None
        while page := browsing.dossiers(connection, view, scope, wanted, after, limit):
            assert len(page) <= limit
            listed += page
            after = (page[-1].opened_on, page[-1].id)
        assert [row.id for row in listed] == [one.id for one in expected]
        for row, one in zip(listed, expected, strict=True):
            shown = [paper for paper in one.papers if not paper.isolated]
            assert row.records == len(shown)
            assert row.unconfirmed == sum(not paper.confirmed for paper in shown)
            assert (row.closed, row.restricted) == (one.closed, one.restricted)
            assert row.procedure == one.procedure
        assert browsing.count(connection, view, scope, wanted) == len(expected)
        assert browsing.facets(connection, view, scope, wanted) == counted(expected, scope)

        waiting: list[Any] = []
        while page_of := browsing.unconfirmed(
            connection, view, scope, waiting[-1].id if waiting else None, limit
        ):
            waiting += page_of
        assert [row.id for row in waiting] == sorted(
            paper.id
            for one in held
            if seen(one)
            for paper in one.papers
            if not paper.confirmed and not paper.isolated
        )


def counted(expected: list[Held], scope: SearchScope) -> dict[str, list[tuple[str, int]]]:
    values: dict[str, list[str]] = {
        "agency": [a for one in expected for a in one.resource.agencies & scope.agencies],
        "year": [str(one.opened_on.year) for one in expected],
        "procedure": [one.procedure for one in expected if one.procedure is not None],
        "kind": [one.kind.value for one in expected],
    }
    return {
        name: sorted(Counter(those).items(), key=lambda pair: (-pair[1], pair[0]))
        for name, those in values.items()
    }


def test_an_erased_dossier_stays_in_the_list_without_its_title_or_its_turn(world: World) -> None:
    office = world.agency()
    holder = world.open_dossier("H33.01-260302-0001", office)
    world.scan(holder, b"one")
    waiting = world.scan(world.open_dossier("H33.01-260302-0002", office), b"two")
    case = world.erase(holder)
    world.views.catch_up()
    scope = SearchScope(frozenset({office}), restricted=False)

    (erased,) = (
        row for row in world.views.catalogue.browse(scope, DossierFilter()) if row.id == holder
    )

    assert (erased.title, erased.erased_by, erased.unconfirmed) == (None, case, 0)
    assert [row.id for row in world.views.catalogue.unconfirmed(scope)] == [waiting]
    assert world.views.catalogue.count(scope, DossierFilter()) == 2


def test_a_list_that_grows_repeats_and_skips_nothing(world: World) -> None:
    office = world.agency()
    scope = SearchScope(frozenset({office}), restricted=False)
    old = [world.open_dossier(f"H33.01-260302-000{n}", office) for n in range(1, 5)]
    world.views.catch_up()
    first = world.views.catalogue.browse(scope, DossierFilter(), limit=2)
    world.open_dossier("H33.01-260302-0009", office)
    world.views.catch_up()

    after = (first[-1].opened_on, first[-1].id)
    second = world.views.catalogue.browse(scope, DossierFilter(), after=after, limit=2)

    assert [row.id for row in (*first, *second)] == old[::-1]
