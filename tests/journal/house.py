"""An archive for the tests of the journal: keys, a founded journal, a clock that can be set."""

import base64
import itertools
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding

from domain.agents import Actor, Role
from domain.archive import POLICIES, ArchiveFounded
from domain.dossier import DossierCorrected, DossierField, DossierKind, DossierOpened
from domain.events import Change, Event
from domain.ports import Answer, Command
from domain.values import Basis, CommandId, StreamId
from infrastructure.clock import TimedIdentifiers
from infrastructure.journal import keys as key_files
from infrastructure.journal.envelope import certificate_digest
from infrastructure.journal.keys import Keys
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from infrastructure.journal.verification import Inspection, inspect_journal

ARCHIVE = "archive-01980000-0000-7000-8000-000000000001"
AGENCY = StreamId("agency-01980000-0000-7000-8000-000000000002")
AGENT = StreamId("agent-01980000-0000-7000-8000-000000000003")
BY = Actor(AGENT, Role.ARCHIVIST, AGENCY)
BASIS = Basis("TT01/2018")
MORNING = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
WORDS = ("Người Nộp Đơn", "0912345678", "thôn Phú Lộc")
"""What an erasure must leave no byte of."""


@dataclass
class FakeClock:
    """The port `Clock`: time passes when a test says so, or when somebody waits."""

    at: datetime = MORNING
    waited: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.at += timedelta(seconds=seconds)


class House:
    """One archive in a folder. Opening the same folder twice gives two writers."""

    def __init__(self, folder: Path, *, keys: Keys | None = None) -> None:
        self.folder = folder
        self.path = folder / "journal.sqlite"
        self.clock = FakeClock()
        self.identifiers = TimedIdentifiers()
        place = folder / "keys"
        if keys is None:
            keys = key_files.load(place) if place.exists() else self.new_keys(place)
        self.keys = keys
        self.journal = self.open()
        self._numbers = itertools.count(1)

    def new_keys(self, place: Path) -> Keys:
        return key_files.create(place, ARCHIVE, self.clock.now())

    def open(self) -> SignedJournal:
        recorder = JournalRecorder(str(self.path))
        recorder.create_table()
        return SignedJournal(
            recorder,
            archive=ARCHIVE,
            keys=self.keys,
            clock=self.clock,
            identifiers=self.identifiers,
            software="chauban test",
        )

    def found(self) -> None:
        self.append(StreamId(ARCHIVE), 0, founding(self.keys))

    def append(
        self,
        stream: StreamId,
        expected: int,
        *events: Event,
        command: Command | None = None,
        result: dict[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Answer:
        return self.append_all([Change(stream, expected, events)], command, result, at)

    def append_all(
        self,
        changes: Sequence[Change],
        command: Command | None = None,
        result: dict[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Answer:
        return self.journal.append(
            changes,
            by=BY,
            basis=BASIS,
            at=at or self.clock.now(),
            command=command or self.command(),
            result=result or {},
        )

    def command(self, request: str = "a request") -> Command:
        return Command(CommandId(self.identifiers.new()), request)

    def new(self, kind: str) -> StreamId:
        return StreamId(f"{kind}-{self.identifiers.new()}")

    def open_dossier(self, code: str | None = None) -> StreamId:
        """A dossier with three events; its personal fields hold `WORDS`."""
        dossier = self.new("dossier")
        self.append(dossier, 0, opened(code or f"H33.05-{next(self._numbers)}.HS"))
        self.append(dossier, 1, corrected(WORDS[1]))
        self.append(dossier, 2, corrected("0987654321"))
        return dossier

    def inspect(self, **options: Any) -> Inspection:
        given: dict[str, Any] = {"archive": ARCHIVE, "keys": self.keys, "processes": 1} | options
        return inspect_journal(self.path, **given)

    def kinds(self, **options: Any) -> set[str]:
        """The kinds of what an inspection finds; empty for a sound journal."""
        return {finding.kind for finding in self.inspect(**options).findings}

    def tamper(self, *statements: str, guards: bool = True) -> None:
        """What somebody with the file in hand does to it: guards off, change, guards on."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            triggers = db.execute("SELECT name, sql FROM sqlite_master WHERE type='trigger'")
            kept = triggers.fetchall()
            for name, _ in kept:
                db.execute(f"DROP TRIGGER {name}")
            for statement in statements:
                db.execute(statement)
            for _, sql in kept if guards else ():
                db.execute(sql)

    def rows(self, statement: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(statement, values).fetchall()

    def close(self) -> None:
        self.journal.close()


def founding(keys: Keys) -> ArchiveFounded:
    der = keys.certificate.public_bytes(Encoding.DER)
    return ArchiveFounded(
        "Lưu trữ tỉnh",
        AGENCY,
        base64.b64encode(der).decode(),
        certificate_digest(keys.certificate).hex(),
        POLICIES,
    )


def opened(code: str) -> DossierOpened:
    return DossierOpened(
        kind=DossierKind.WORK_FILE,
        code=code,
        receiving=AGENCY,
        deciding=AGENCY,
        procedure=None,
        procedure_version=None,
        opened_on=date(2026, 3, 2),
        title=f"Cấp giấy chứng nhận cho {WORDS[0]}",
        applicant=WORDS[0],
        phone=None,
        id_number=None,
        address=WORDS[2],
    )


def corrected(value: str | None, reason: str = "ghi nhầm") -> DossierCorrected:
    return DossierCorrected(DossierField.PHONE, value, reason)
