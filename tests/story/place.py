"""An archive in a folder of a test's own, with its people, and small words to work with it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

from domain.agents import Role
from domain.dossier import DossierKind
from domain.events import Event, Recorded
from domain.ports import Answer, Clock
from domain.services import (
    Archive,
    Request,
    administration,
    description,
    reception,
    retrieval,
)
from domain.services.deciding import load, resolve
from domain.services.reception import Receipt
from domain.values import Basis, CommandId, Kind, StreamId
from infrastructure.bootstrap import found_archive, messages, opened, read_settings
from infrastructure.clock import SystemClock
from infrastructure.search.whoosh_index import WhooshIndex
from infrastructure.settings import Settings
from infrastructure.views.store import SqlViews
from ingest.worker import Worker
from tests.story.faults import PORTS, Fault, FaultyPort
from tests.story.papers import Papers, PreparedReader

BASIS = Basis("33/2024/QH15")
DOSSIER = "H33-2026-900.HS"
TITLE = "Cấp giấy chứng nhận cho ông Trịnh Khuyến Thượng"
APPLICANT = description.Applicant(
    "Trịnh Khuyến Thượng", "0987654321", "044300123456", "thôn Phương Nghĩa, xã Quỳnh Xuyên"
)


class FakeClock:
    """The port `Clock`: a second passes with each look; years pass when a test says so."""

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at or SystemClock().now()

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def turn_to(self, year: int, month: int, day: int) -> None:
        """Nine o'clock in the morning of a day in Việt Nam."""
        self.at = datetime(year, month, day, 2, tzinfo=UTC)


@dataclass(frozen=True)
class People:
    """Who works here."""

    archivist: StreamId
    leader: StreamId
    clerk: StreamId
    auditor: StreamId


@dataclass(frozen=True)
class Place:
    """An archive that nobody holds open."""

    settings: Settings
    certificate: str
    people: People
    dossier: StreamId
    papers: Papers

    @property
    def folder(self) -> Path:
        return self.settings.directory

    @contextmanager
    def open(self, *, fault: Fault | None = None, clock: Clock | None = None) -> Iterator["Desk"]:
        """The archive, with the prepared readings; with a fault every port counts its calls."""
        with opened(self.settings) as house:
            archive = replace(
                house.archive,
                reader=PreparedReader(self.papers),
                clock=clock or house.archive.clock,
            )
            if fault is None:
                yield Desk(self, archive, house.folder)
                return
            views, archive = faulty(archive, self.folder, fault)
            try:
                yield Desk(self, archive, house.folder)
            finally:
                views.close()

    def copy(self, folder: Path, name: str = "archive") -> "Place":
        """The same archive once more, with keys of its own beside it."""
        folder.mkdir(parents=True, exist_ok=True)
        other = folder / name
        shutil.copytree(self.folder, other)
        shutil.copytree(self.settings.keys, other.with_name(other.name + ".keys"))
        return replace(self, settings=read_settings(str(other), {}))


def faulty(archive: Archive, folder: Path, fault: Fault) -> tuple[SqlViews, Archive]:
    """The archive with every port wrapped, also those that the views themselves call."""
    ports = {name: FaultyPort(getattr(archive, name), name, fault) for name in PORTS}
    views = SqlViews(
        folder / "views.sqlite",
        journal=ports["journal"],
        objects=ports["objects"],
        index=FaultyPort(WhooshIndex(folder / "index"), "index", fault),
        clock=archive.clock,
    )
    ports["views"] = FaultyPort(views, "views", fault)
    for name in ("catalogue", "work", "history"):
        ports[name] = FaultyPort(getattr(views, name), name, fault)
    return views, replace(archive, **ports)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Desk:
    """An open archive, and what people do there."""

    place: Place
    archive: Archive
    run_folder: Path

    def request(self, command: str | None = None, *, by: StreamId | None = None) -> Request:
        agent = load(self.archive, by or self.place.people.archivist).agent()
        return Request(agent, CommandId(command or self.archive.identifiers.new()), BASIS)

    def open_dossier(self, title: str, code: str | None = None) -> StreamId:
        answer = description.open_dossier(
            self.archive,
            self.request(),
            kind=DossierKind.WORK_FILE,
            receiving=resolve(self.archive, "H33", Kind.AGENCY),
            deciding=None,
            title=title,
            procedure=None,
            code=code,
            applicant=description.Applicant(),
        )
        return StreamId(answer.result["id"])

    def receive(
        self,
        name: str,
        *,
        dossier: StreamId | None = None,
        command: str | None = None,
        by: StreamId | None = None,
        batch_opened: Callable[[], None] = lambda: None,
    ) -> Receipt:
        """What `chauban ingest` does up to the receipt, and the views after it."""
        command = command or self.archive.identifiers.new()
        batch = reception.open_batch(
            self.archive,
            self.request(f"{command}/batch", by=by),
            dossier or self.place.dossier,
            files=1,
            device=None,
            sheets=None,
            documents=None,
        )
        batch_opened()
        receipt = reception.receive(
            self.archive,
            self.request(f"{command}/1", by=by),
            batch,
            BytesIO(self.place.papers.content(name)),
            name=f"{name}.png",
        )
        self.archive.views.catch_up()
        return receipt

    def work(self) -> None:
        """The worker, until nothing is left to be done."""
        say = messages(english=False)
        Worker(self.archive, str(self.run_folder), lambda: None, say).run(until_idle=True)

    def correct(self, target: StreamId, field: str, value: str) -> Answer:
        do = (
            description.correct_record
            if target.startswith("record-")
            else description.correct_dossier
        )
        return do(
            self.archive, self.request(), target, field=field, value=value, reason="đọc lại giấy"
        )


def history_of(desk: Desk, target: StreamId, at: int | None = None) -> list[Recorded[Event]]:
    """The events that `chauban history` shows; every signature must be sound."""
    examined = retrieval.history(desk.archive, desk.request(), target, at=at)
    assert all(one.state == "intact" for one in examined)
    return [one.recorded for one in examined if one.recorded is not None]


def found_place(
    folder: Path, papers: Papers, environment: Mapping[str, str] | None = None
) -> Place:
    """A new archive with three people and one open dossier."""
    settings = read_settings(str(folder / "archive"), environment or {})
    founded = found_archive(settings, name="Kho thử", agency="H33", agency_name="Sở thử nghiệm")
    with opened(settings) as house:
        archive = house.archive
        archive.views.catch_up()
        assert house.default_agent is not None
        agent = load(archive, house.default_agent).agent()

        def request() -> Request:
            return Request(agent, CommandId(archive.identifiers.new()), BASIS)

        agency = resolve(archive, "H33", Kind.AGENCY)

        def hire(name: str, role: Role, until: date | None = None) -> StreamId:
            answer = administration.add_agent(
                archive, request(), name=name, roles=(role,), agencies=(agency,), until=until
            )
            return StreamId(answer.result["agent"])

        people = People(
            house.default_agent,
            hire("Lãnh đạo thử", Role.LEADER),
            hire("Cán bộ quét thử", Role.SCANNING_CLERK),
            hire("Thanh tra thử", Role.AUDITOR, date(2099, 12, 31)),
        )
        dossier = description.open_dossier(
            archive,
            request(),
            kind=DossierKind.WORK_FILE,
            receiving=agency,
            deciding=None,
            title=TITLE,
            procedure=None,
            code=DOSSIER,
            applicant=APPLICANT,
        )
        archive.views.catch_up()
    return Place(settings, founded.certificate, people, StreamId(dossier.result["id"]), papers)
