"""An archive in a folder, with a real journal and its views, and small words to make it grow."""

import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path

from domain import agency, agents, dossier, erasure, record, scanning
from domain.agents import Actor, AgentKind, Role
from domain.dossier import Dossier, DossierKind
from domain.events import Change, Event
from domain.ports import Clock, Command, ObjectStore
from domain.record import Carrier, Record, Representation, RepresentationKind
from domain.searching import PageDocument, SearchAnswer, SearchIndex, SearchScope
from domain.values import (
    Basis,
    CommandId,
    Digest,
    FileObject,
    Kind,
    Secrecy,
    StreamId,
    Tool,
)
from infrastructure.clock import SystemClock, TimedIdentifiers
from infrastructure.journal import keys
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from infrastructure.objects.files import FileObjectStore, create_store
from infrastructure.views.pages import dossier_of, record_of
from infrastructure.views.store import SqlViews

ARCHIVE = "archive-01890000-0000-7000-8000-000000000001"
TOOL = Tool("tesseract", "5.3.0", "vie", None)
BASIS = Basis("ND-30-2020")


class SteppingClock:
    """A second passes with each look; waiting costs nothing."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 8, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class MemoryIndex:
    """The port `SearchIndex` without a search: pages in a dict, one commit at a time."""

    at: int = 0
    held: dict[tuple[StreamId, int], PageDocument] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    purged: int = 0

    def position(self) -> int:
        return self.at

    def apply(
        self, position: int, pages: Sequence[PageDocument], removed: Sequence[StreamId]
    ) -> None:
        if self.failures:
            raise self.failures.pop()
        self.held = {key: page for key, page in self.held.items() if key[0] not in removed}
        self.held.update({(page.record, page.page): page for page in pages})
        self.at = position

    def search(
        self,
        query: str,
        scope: SearchScope,
        *,
        agency: StreamId | None = None,
        year: int | None = None,
        type_name: str | None = None,
        limit: int = 10,
        offset: int = 0,
    ) -> SearchAnswer:
        raise NotImplementedError

    def purge(self) -> None:
        self.purged += 1

    def inspect_pages(self) -> Iterator[PageDocument]:
        yield from list(self.held.values())

    def rebuild(self) -> AbstractContextManager[SearchIndex]:
        return self._rebuild()

    @contextmanager
    def _rebuild(self) -> Iterator["MemoryIndex"]:
        fresh = MemoryIndex(failures=self.failures)
        yield fresh
        self.at, self.held = fresh.at, fresh.held


class World:
    """One archive. Everything that is changed goes through a real append."""

    def __init__(self, root: Path, *, index: object = None, clock: Clock | None = None) -> None:
        self.root = root
        self.clock = clock or SteppingClock()
        self.identifiers = TimedIdentifiers()
        root.mkdir(exist_ok=True)
        recorder = JournalRecorder(str(root / "journal.sqlite"))
        if not (root / "keys").exists():
            keys.create(root / "keys", ARCHIVE, SystemClock().now())
            create_store(root / "objects")
            recorder.create_table()
        self.journal = SignedJournal(
            recorder,
            archive=ARCHIVE,
            keys=keys.load(root / "keys"),
            clock=self.clock,
            identifiers=self.identifiers,
            software="test",
        )
        self.objects: ObjectStore = FileObjectStore(
            root / "objects",
            is_referred=lambda digest: bool(self.views.catalogue.referring(digest)),
        )
        self.index: MemoryIndex = index or MemoryIndex()  # type: ignore[assignment]
        self.views = self.open_views()
        self.actor = Actor(self.new(Kind.AGENT), Role.ARCHIVIST, StreamId("agency-of-nobody"))

    def open_views(self) -> SqlViews:
        return SqlViews(
            self.path,
            journal=self.journal,
            objects=self.objects,
            index=self.index,
            clock=self.clock,
        )

    @property
    def path(self) -> Path:
        return self.root / "views.sqlite"

    def close(self) -> None:
        self.views.close()
        self.journal.close()

    # ------------------------------------------------------------ appending

    def new(self, kind: Kind) -> StreamId:
        return StreamId(f"{kind.value}-{self.identifiers.new()}")

    def append(self, *changes: Change) -> int:
        command = Command(CommandId(self.identifiers.new()), "{}")
        answer = self.journal.append(
            changes, by=self.actor, basis=BASIS, at=self.clock.now(), command=command, result={}
        )
        return answer.position

    def on(self, stream: StreamId, *events: Event) -> int:
        return self.append(self.change(stream, *events))

    def change(self, stream: StreamId, *events: Event) -> Change:
        return Change(stream, len(self.journal.load(stream)), events)

    def put(self, content: bytes, media_type: str = "application/pdf") -> FileObject:
        file = FileObject(
            Digest(f"sha256:{sha256(content).hexdigest()}"),
            Digest(f"sha512:{sha512(content).hexdigest()}"),
            len(content),
            media_type,
        )
        self.objects.put(file.sha256, io.BytesIO(content))
        return file

    def record(self, stream: StreamId) -> Record:
        state = record_of(self.journal.load(stream))
        assert state is not None
        return state

    def dossier(self, stream: StreamId) -> Dossier:
        state = dossier_of(self.journal.load(stream))
        assert state is not None
        return state

    # ------------------------------------------------------------ the archive's daily work

    def agency(self, code: str = "H33.05", parent: StreamId | None = None) -> StreamId:
        stream = self.new(Kind.AGENCY)
        self.on(stream, agency.establish(f"Cơ quan {code}", code, parent, date(2020, 1, 1)))
        return stream

    def agent(self, name: str) -> StreamId:
        stream = self.new(Kind.AGENT)
        self.on(stream, agents.register(AgentKind.PERSON, name))
        return stream

    def open_dossier(
        self,
        code: str,
        receiving: StreamId,
        deciding: StreamId | None = None,
        title: str = "Cấp đổi giấy chứng nhận",
    ) -> StreamId:
        stream = self.new(Kind.DOSSIER)
        opened = dossier.DossierOpened(
            DossierKind.PROCEDURE,
            code,
            receiving,
            deciding or receiving,
            None,
            None,
            date(2026, 3, 2),
            title,
            "Người Ẩn Danh",
            None,
            None,
            None,
        )
        self.on(stream, opened)
        return stream

    def scan(
        self,
        holder: StreamId,
        content: bytes,
        *,
        seen_elsewhere: bool = False,
        warnings: tuple[str, ...] = (),
    ) -> StreamId:
        """A batch of one file, as reception records it."""
        batch, stream, original = self.new(Kind.BATCH), self.new(Kind.RECORD), self.put(content)
        opened = scanning.open_batch(
            dossier=holder,
            agency=self.dossier(holder).receiving,
            device=None,
            files=1,
            sheets=None,
            documents=None,
        )
        received = scanning.ScanReceived(
            stream, original, None, 2, seen_elsewhere, warnings, (), 0, TOOL, "scan-0001.pdf"
        )
        registered = record.register(
            dossier=holder,
            secrecy=Secrecy.ORDINARY,
            carrier=Carrier.ELECTRONIC,
            batch=batch,
            original=original,
            received_name="scan-0001.pdf",
            paper_location=None,
        )
        added = dossier.add_record(self.dossier(holder), stream)
        self.append(
            Change(batch, 0, (opened, received)),
            Change(stream, 0, (registered,)),
            self.change(holder, added),
        )
        return stream

    def paper(self, holder: StreamId) -> StreamId:
        """A record on paper alone."""
        stream = self.new(Kind.RECORD)
        registered = record.register(
            dossier=holder,
            secrecy=Secrecy.ORDINARY,
            carrier=Carrier.PAPER,
            batch=None,
            original=None,
            received_name=None,
            paper_location="Kho 2, kệ 7",
        )
        added = dossier.add_record(self.dossier(holder), stream)
        self.append(Change(stream, 0, (registered,)), self.change(holder, added))
        return stream

    def read(
        self,
        stream: StreamId,
        pages: Sequence[str] = ("Trang một", "Trang hai"),
        *,
        unread: int = 0,
        warnings: tuple[str, ...] = (),
    ) -> None:
        """A reading with all that it makes: PDF/A, text, thumbnails and their manifests."""
        state = self.record(stream)
        assert state.original is not None
        source = state.original.sha256
        text = self.put("\f".join(pages).encode(), "text/plain")
        pdfa = self.put(b"pdfa " + source.text.encode())
        picture = self.put(f"jpeg {'|'.join(pages)}".encode(), "image/jpeg")
        listed = {"thumbnails": [{"n": 1, "sha256": picture.sha256.text}, None]}
        pictures = self.put(json.dumps(listed).encode(), "application/json")
        report = {
            "source": source.text,
            "pages": [{"n": 1, "thumbnail": picture.sha256.text}],
            "representations": [{"kind": "text", "sha256": text.sha256.text}],
        }
        manifest = self.put(json.dumps(report).encode(), "application/json")
        kinds = RepresentationKind
        made = ((kinds.PDFA, pdfa), (kinds.TEXT, text), (kinds.THUMBNAILS, pictures))
        self.on(
            stream,
            *(
                record.RepresentationAdded(Representation(kind, file, source, TOOL))
                for kind, file in made
            ),
            record.RecordRead(source, manifest, len(pages), unread, TOOL, warnings, None),
        )

    def fail(self, stream: StreamId, attempt: int, *, final: bool) -> None:
        original = self.record(stream).original
        assert original is not None
        failed = record.ReadingFailed(original.sha256, "reader-timeout", attempt, TOOL, final)
        self.on(stream, failed)

    def describe(self, stream: StreamId, **values: str) -> None:
        wanted = {record.RecordField(name): value for name, value in values.items()}
        said = record.propose(self.record(stream), wanted)
        assert said is not None
        self.on(stream, said)

    def confirm(self, stream: StreamId) -> None:
        self.on(stream, record.confirm(self.record(stream), "none"))

    def isolate(self, stream: StreamId) -> None:
        ground = record.IsolationGround.STRANGER
        self.on(stream, record.isolate(self.record(stream), ground, "giấy của người khác"))

    def request_erasure(self, holder: StreamId) -> StreamId:
        case = self.new(Kind.ERASURE)
        asked = erasure.ErasureRequested(holder, self.new(Kind.AGENT), "xin xóa dữ liệu")
        self.on(case, asked)
        return case

    def restrict(self, holder: StreamId) -> None:
        case = self.request_erasure(holder)
        self.append(
            self.change(case, erasure.ErasureAnsweredByRestriction("hạn chế tiếp cận")),
            self.change(holder, dossier.DossierRestricted(case)),
        )

    def erase(self, holder: StreamId) -> StreamId:
        """The whole procedure, up to the bytes of texts and thumbnails."""
        case = self.request_erasure(holder)
        state = self.dossier(holder)
        manifest = self.put(json.dumps({"dossier": holder}).encode(), "application/json")
        self.views.catch_up()
        texts = [
            item.file.sha256
            for each in state.records
            for item in self.record(each).representations
            if item.kind in (RepresentationKind.TEXT, RepresentationKind.THUMBNAILS)
        ]
        own = frozenset(state.records)
        texts = [digest for digest in texts if not self.views.catalogue.referring(digest) - own]
        position = self.append(
            self.change(case, erasure.ErasureApproved(len(state.records), manifest, "đồng ý xóa")),
            self.change(holder, dossier.DossierErased(case)),
            *(self.change(each, record.RecordErased(case)) for each in state.records),
        )
        self.views.catch_up()
        decision = self.journal.follow(position - 1, 1)[0].id
        for digest in texts:
            self.objects.destroy(digest, decision=decision)
        return case

    def fill(self, records: int) -> None:
        """Many events in one append, as fast as they can be signed."""
        office = self.agency(f"H{self.journal.position() % 89 + 10}.{self.journal.position():02}")
        holder = self.open_dossier(f"{office[-12:].upper()}-0001", office)
        changes = []
        added = []
        text = self.put(b"Trang m\xe1\xbb\x99t\fTrang hai", "text/plain")
        manifest = self.put(b'{"pages": []}', "application/json")
        for n in range(records):
            stream = self.new(Kind.RECORD)
            original = replace(text, sha256=Digest(f"sha256:{sha256(stream.encode()).hexdigest()}"))
            events: list[Event] = [
                record.RecordRegistered(
                    holder, Carrier.ELECTRONIC, Secrecy.ORDINARY, None, original, f"{n}.pdf", None
                ),
                record.RepresentationAdded(
                    Representation(RepresentationKind.TEXT, text, original.sha256, TOOL)
                ),
                record.RecordRead(original.sha256, manifest, 2, 0, TOOL, (), None),
                record.RecordDescribed(
                    record.Described.READER, str(n), "QĐ-UBND", "2026-02-03", None, None, "Về đất"
                ),
                record.RecordConfirmed(original.sha256, "none"),
            ]
            added.append(dossier.DossierRecordAdded(stream, n + 1))
            changes.append(Change(stream, 0, events))
        self.append(*changes, Change(holder, 1, added))


def rows_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every live table, without the number of its generation."""
    with closing(sqlite3.connect(path)) as connection:
        live = connection.execute("SELECT view, number FROM generations WHERE live").fetchall()
        tables = [
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        found = {}
        for view, number in live:
            prefix = f"{view}_{number}_"
            for table in tables:
                if table.startswith(prefix):
                    rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608
                    found[f"{view}:{table.removeprefix(prefix)}"] = sorted(rows, key=repr)
        return found
