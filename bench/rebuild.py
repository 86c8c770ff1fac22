"""How fast views are rebuilt: events a second, against reading the notifications alone.

The reference is a loop over `Journal.follow` that does nothing with the events, in the same run.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from hashlib import sha256, sha512
from io import BytesIO
from pathlib import Path

from domain.agents import Actor, Role
from domain.dossier import DossierKind, DossierOpened, DossierRecordAdded
from domain.events import Change, Event
from domain.ports import Command
from domain.record import (
    Carrier,
    Described,
    RecordConfirmed,
    RecordDescribed,
    RecordRead,
    RecordRegistered,
    Representation,
    RepresentationAdded,
    RepresentationKind,
)
from domain.searching import PageDocument, SearchAnswer, SearchIndex
from domain.values import Basis, CommandId, Digest, FileObject, Kind, Secrecy, StreamId, Tool
from infrastructure.clock import SystemClock, TimedIdentifiers
from infrastructure.journal import keys
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from infrastructure.objects.files import FileObjectStore, create_store
from infrastructure.views.store import SqlViews

EVENTS = 20_000
BATCH = 500
_ARCHIVE = "archive-01890000-0000-7000-8000-000000000002"
_EVENTS_A_RECORD = 8
_RECORDS_A_DOSSIER = 12
_TOOL = Tool("tesseract", "5.3.0", "vie", None)


class NoIndex:
    """The index is not what is measured: its position is wherever it is asked to be."""

    def __init__(self) -> None:
        self._position = 0

    def position(self) -> int:
        return self._position

    def apply(
        self, position: int, pages: Sequence[PageDocument], removed: Sequence[StreamId]
    ) -> None:
        self._position = position

    def search(self, query: str, scope: object, **options: object) -> SearchAnswer:
        raise NotImplementedError

    def purge(self) -> None:
        pass

    def inspect_pages(self) -> Iterator[PageDocument]:
        return iter(())

    def rebuild(self) -> AbstractContextManager[SearchIndex]:
        return self._rebuild()

    @contextmanager
    def _rebuild(self) -> Iterator["NoIndex"]:
        yield self


def main() -> None:
    """Prints a table on standard error and one JSON object on standard output."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _measured(Path(folder))
    print(f"{'':<12}{'events/s':>12}{'reading':>12}{'ratio':>8}", file=sys.stderr)
    for name, one in figures.items():
        print(
            f"{name:<12}{one['value']:>12,.0f}{one['reference']:>12,.0f}{one['ratio']:>8.2f}",
            file=sys.stderr,
        )
    print(json.dumps(figures))


def _measured(root: Path) -> dict[str, dict[str, float]]:
    clock = SystemClock()
    recorder = JournalRecorder(str(root / "journal.sqlite"))
    recorder.create_table()
    loaded = keys.create(root / "keys", _ARCHIVE, clock.now())

    def journal() -> SignedJournal:
        """A reader of its own, so that nobody profits from what another has cached."""
        return SignedJournal(
            recorder,
            archive=_ARCHIVE,
            keys=loaded,
            clock=clock,
            identifiers=TimedIdentifiers(),
            software="bench",
        )

    create_store(root / "objects")
    objects = FileObjectStore(root / "objects", is_referred=lambda _: True)
    _fill(journal(), objects)
    total = journal().position()

    def read() -> None:
        reader, after = journal(), 0
        while events := reader.follow(after, BATCH):
            after = events[-1].position

    def views_of(reader: SignedJournal, name: str) -> SqlViews:
        path = root / f"{name}.sqlite"
        return SqlViews(path, journal=reader, objects=objects, index=NoIndex(), clock=clock)

    reference = total / min(_seconds(read) for _ in range(3))
    figures = {}
    views = views_of(journal(), "all")
    # The index follows nothing here, so catching up an empty file is building every SQL view.
    figures["all-views"] = total / _seconds(views._runner.catch_up)
    for name in ("catalogue", "history", "work"):
        apart = views_of(journal(), name)
        figures[name] = total / _seconds(lambda apart=apart, name=name: apart.rebuild(name))  # type: ignore[misc]
        apart.close()
    views.close()
    return {
        f"rebuild-{name}": {"value": value, "reference": reference, "ratio": value / reference}
        for name, value in figures.items()
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _fill(journal: SignedJournal, objects: FileObjectStore) -> None:
    """Dossiers of twelve records, each read, described and confirmed."""
    identifiers, clock = TimedIdentifiers(), SystemClock()
    actor = Actor(StreamId("agent-of-nobody"), Role.ARCHIVIST, StreamId("agency-of-nobody"))
    text = _file("Trang một\fTrang hai".encode(), "text/plain")
    report = json.dumps({"pages": [{"n": 1, "thumbnail": text.sha256.text}]}).encode()
    manifest = _file(report, "application/json")
    objects.put(manifest.sha256, BytesIO(report))
    for n in range(EVENTS // (_EVENTS_A_RECORD * _RECORDS_A_DOSSIER)):
        holder = StreamId(f"{Kind.DOSSIER}-{identifiers.new()}")
        opened = DossierOpened(
            DossierKind.PROCEDURE, f"H33.05-260302-{n:04}", actor.agency, actor.agency, None, None,
            date(2026, 3, 2), "Cấp đổi giấy chứng nhận", "Người Ẩn Danh", "0900000000", None, None,
        )  # fmt: skip
        own: list[Event] = [opened]
        changes = []
        for ordinal in range(1, _RECORDS_A_DOSSIER + 1):
            stream = StreamId(f"{Kind.RECORD}-{identifiers.new()}")
            changes.append(Change(stream, 0, _life(stream, holder, text, manifest)))
            own.append(DossierRecordAdded(stream, ordinal))
        journal.append(
            (Change(holder, 0, own), *changes),
            by=actor,
            basis=Basis("ND-30-2020"),
            at=clock.now(),
            command=Command(CommandId(identifiers.new()), "{}"),
            result={},
        )


def _life(
    stream: StreamId, holder: StreamId, text: FileObject, manifest: FileObject
) -> Sequence[Event]:
    original = _file(stream.encode(), "application/pdf")
    source, kinds = original.sha256, RepresentationKind
    return (
        RecordRegistered(
            holder, Carrier.ELECTRONIC, Secrecy.ORDINARY, None, original, "scan-0001.pdf", None
        ),
        *(
            RepresentationAdded(Representation(kind, text, source, _TOOL))
            for kind in (kinds.PDFA, kinds.TEXT, kinds.WORDS)
        ),
        RecordRead(source, manifest, 2, 0, _TOOL, (), None),
        RecordDescribed(
            Described.READER,
            "390",
            "QĐ-UBND",
            "2026-02-03",
            "UBND",
            "Quyết định",
            "Về việc giao đất",
        ),
        RecordConfirmed(source, "none"),
    )


def _file(content: bytes, media_type: str) -> FileObject:
    return FileObject(
        Digest(f"sha256:{sha256(content).hexdigest()}"),
        Digest(f"sha512:{sha512(content).hexdigest()}"),
        len(content),
        media_type,
    )


if __name__ == "__main__":
    main()
