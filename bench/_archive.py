"""A founded archive of made-up records for measuring pages: events and bytes as the worker makes
them, without the reading."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from hashlib import sha256, sha512
from io import BytesIO
from itertools import islice
from pathlib import Path
from unittest.mock import patch

from bench.search import make_pages
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
from domain.searching import PageDocument
from domain.services import Request, administration, enrolment
from domain.services.deciding import load
from domain.values import Basis, CommandId, Digest, FileObject, Kind, Secrecy, StreamId, Tool
from infrastructure.bootstrap import House, found_archive, opened, read_settings

PASSWORD = "một câu đủ dài để nhớ"
_RECORDS_A_DOSSIER = 12
_TOOL = Tool("tesseract", "5.3.0", "vie", None)


@contextmanager
def made(folder: Path, records: int) -> Iterator[House]:
    """An open archive with so many records of one page each, and users `archivist` and `clerk`."""
    settings = read_settings(str(folder / "archive"), {"CHAUBAN_SECOND_FACTOR": "none"})
    found_archive(settings, name="Bench", agency="H33", agency_name="Bench")
    with opened(settings) as house:
        for role in (Role.ARCHIVIST, Role.SCANNING_CLERK, Role.AUDITOR):
            _user(house, role)
        pages = make_pages(records)
        with patch("os.fsync"):  # What is made here may be lost with the power.
            while some := list(islice(pages, _RECORDS_A_DOSSIER)):
                _dossier(house, some)
        house.archive.views.catch_up()
        yield house


def _request(house: House) -> Request:
    assert house.default_agent is not None
    agent = load(house.archive, house.default_agent).agent()
    return Request(agent, CommandId(house.archive.identifiers.new()), Basis("BENCH"))


def _user(house: House, role: Role) -> None:
    archive, request = house.archive, _request(house)
    agency = request.agent.grants[0].agency
    until = date(2099, 12, 31) if role is Role.AUDITOR else None
    made = administration.add_agent(
        archive, request, name=role.value, roles=(role,), agencies=(agency,), until=until
    )
    agent = StreamId(made.result["agent"])
    _, secret = enrolment.invite(archive, _request(house), agent, role.value)
    archive.accounts.enrol(secret, PASSWORD, seed=None, code=None, now=archive.clock.now())


def _dossier(house: House, pages: Sequence[PageDocument]) -> None:
    archive, request = house.archive, _request(house)
    actor = Actor(request.agent.id, Role.ARCHIVIST, request.agent.grants[0].agency)
    holder = StreamId(f"{Kind.DOSSIER}-{archive.identifiers.new()}")
    number = int(archive.journal.position())
    own: list[Event] = [
        DossierOpened(
            DossierKind.WORK_FILE, f"BENCH-{number}.HS", actor.agency, actor.agency, None, None,
            date(2012 + number % 14, 3, 2), pages[0].title, "Ông A", "0900000000", None, None,
        )
    ]  # fmt: skip
    changes = []
    for ordinal, page in enumerate(pages, 1):
        stream = StreamId(f"{Kind.RECORD}-{archive.identifiers.new()}")
        changes.append(Change(stream, 0, _life(house, stream, holder, page)))
        own.append(DossierRecordAdded(stream, ordinal))
    archive.journal.append(
        (Change(holder, 0, own), *changes),
        by=actor,
        basis=Basis("BENCH"),
        at=archive.clock.now(),
        command=Command(request.command, "{}"),
        result={},
    )


def _life(house: House, stream: StreamId, holder: StreamId, page: PageDocument) -> list[Event]:
    original = _file(stream.encode(), "application/pdf")
    text = page.text.encode()
    words = json.dumps({"n": 1, "w": 1654, "h": 2339, "words": _boxes(page.text)}).encode()
    put = {
        RepresentationKind.TEXT: (text, "text/plain"),
        RepresentationKind.WORDS: (words, "application/jsonl"),
    }
    report = {
        "n": 1, "state": "ok", "width": 1654, "height": 2339, "turned": 0, "dpi": 200,
        "colour": True, "born_digital": False, "characters": len(page.text), "confidence": 90,
        "text": [0, len(text)], "words": [0, len(words)], "thumbnail": None,
    }  # fmt: skip
    raw = json.dumps({"source": original.sha256.text, "pages": [report]}).encode()
    manifest = _file(raw, "application/json")
    for content in (raw, *(content for content, _ in put.values())):
        house.archive.objects.put(_file(content, "text/plain").sha256, BytesIO(content))
    source = original.sha256
    number, _, notation = page.code.partition("/")
    issued = page.issued_on.isoformat() if page.issued_on else None
    events: list[Event] = [
        RecordRegistered(
            holder, Carrier.ELECTRONIC, Secrecy.ORDINARY, None, original, "scan.pdf", None
        ),
        *(
            RepresentationAdded(Representation(kind, _file(content, media), source, _TOOL))
            for kind, (content, media) in put.items()
        ),
        RecordRead(source, manifest, 1, 0, _TOOL, (), None),
        RecordDescribed(
            Described.READER, number or None, notation or None, issued, page.organ or None,
            page.type_name or None, page.title,
        ),
    ]  # fmt: skip
    return [*events, RecordConfirmed(source, "none")] if page.confirmed else events


def _boxes(text: str) -> list[list[object]]:
    """Words in lines of ten, where a page would have them."""
    return [
        [word, n % 10 / 10, n // 10 / 60, n % 10 / 10 + 0.09, n // 10 / 60 + 0.012, 90]
        for n, word in enumerate(text.split())
    ]


def _file(content: bytes, media_type: str) -> FileObject:
    return FileObject(
        Digest(f"sha256:{sha256(content).hexdigest()}"),
        Digest(f"sha512:{sha512(content).hexdigest()}"),
        len(content),
        media_type,
    )
