"""Real archives with as many events as a test wants, and another process's view of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from domain.agents import Actor, Role
from domain.dossier import DossierCorrected, DossierField, DossierKind, DossierOpened
from domain.events import Change, Event
from domain.ports import Command
from domain.services import Request
from domain.services.deciding import load
from domain.values import Basis, CommandId, Kind, StreamId
from infrastructure.bootstrap import House, found_archive, opened, read_settings
from infrastructure.settings import Settings

_AT_ONCE = 5
"""Dossiers of one decision."""
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
    """Events of new dossiers, at most ten of each."""
    archive, request = house.archive, request_of(house)
    agency = request.agent.grants[0].agency
    actor = Actor(request.agent.id, Role.ARCHIVIST, agency)
    while count:
        changes: list[Change] = []
        for _ in range(_AT_ONCE):
            if events := _dossier(archive.identifiers.new(), agency)[: min(count, 10)]:
                stream = StreamId(f"{Kind.DOSSIER}-{archive.identifiers.new()}")
                changes.append(Change(stream, 0, events))
                count -= len(events)
        archive.journal.append(
            changes,
            by=actor,
            basis=request.basis,
            at=archive.clock.now(),
            command=Command(CommandId(archive.identifiers.new()), "test"),
            result={},
        )
    archive.views.catch_up()


def _dossier(name: str, agency: StreamId) -> list[Event]:
    opened = DossierOpened(
        DossierKind.WORK_FILE, f"{name.upper()}.HS", agency, agency, None, None,
        date(2026, 1, 5), "Hồ sơ thử", "Ông A", None, None, None,
    )  # fmt: skip
    corrected = [
        DossierCorrected(DossierField.PHONE, f"09000000{n:02}", "ghi nhầm số") for n in range(9)
    ]
    return [opened, *corrected]
