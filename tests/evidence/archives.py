"""Real archives with as many events as a test wants, and another process's view of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.agency import AgencyRenamed
from domain.agents import Actor, Role
from domain.events import Change
from domain.ports import Command
from domain.services import Request
from domain.services.deciding import load, today
from domain.values import Basis, CommandId
from infrastructure.bootstrap import House, found_archive, opened, read_settings
from infrastructure.settings import Settings

_AT_ONCE = 50
BASIS = Basis("33/2024/QH15")


def settings_of(folder: Path, **more: str) -> Settings:
    return read_settings(str(folder / "archive"), more)


@contextmanager
def archive_with(folder: Path, events: int, **more: str) -> Iterator[House]:
    """A founded archive that `events` events were added to."""
    settings = settings_of(folder, **more)
    found_archive(settings, name="Kho thử", agency="H33", agency_name="Sở thử")
    with opened(settings) as house:
        add_events(house, events)
        yield house


def request_of(house: House) -> Request:
    assert house.default_agent is not None
    agent = load(house.archive, house.default_agent).agent()
    return Request(agent, CommandId(house.archive.identifiers.new()), BASIS)


def add_events(house: House, count: int) -> None:
    """Events of the first agency, whose name changes every day."""
    archive, request = house.archive, request_of(house)
    agency = request.agent.grants[0].agency
    actor = Actor(request.agent.id, Role.ADMINISTRATOR, agency)
    version = load(archive, agency).version
    while count:
        some = min(count, _AT_ONCE)
        at = archive.clock.now()
        events = [AgencyRenamed(f"Sở thử {version + n}", today(at)) for n in range(some)]
        archive.journal.append(
            [Change(agency, version, events)],
            by=actor,
            basis=request.basis,
            at=at,
            command=Command(CommandId(archive.identifiers.new()), "test"),
            result={},
        )
        version, count = version + some, count - some
    archive.views.catch_up()
