"""Segments of the record of reads as facts: signed, chained, whole after every crash."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.access import Action, Resource
from domain.agents import Actor, Role
from domain.dossier import DossierKind
from domain.errors import NotFoundError, RuleError, UnavailableError
from domain.reads import ReadKind, ReadsRecorded
from domain.services import description, oversight
from domain.services import reading_record as record
from domain.services.deciding import permit, resolve
from domain.services.reading_record import close_reads, note_read, reads_of
from domain.values import Digest, EventId, Kind, StreamId
from infrastructure.bootstrap import opened
from tests.identity.test_enrolment import Office, office_in


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with office_in(tmp_path) as made:
        yield made


def read_some(office: Office, count: int, what: StreamId | None = None) -> None:
    request = office.request(agent=office.archivist)
    actor = permit(office.archive, request, Action.READ, Resource(frozenset({office.agency})))
    for n in range(count):
        note_read(office.archive, actor, "work", ReadKind.DOWNLOAD, what, f"page {n}")


def segments(office: Office) -> list[ReadsRecorded]:
    loaded = office.archive.journal.load(StreamId(office.archive.id))
    return [each.event for each in loaded if isinstance(each.event, ReadsRecorded)]


def lines(office: Office, digest: Digest) -> list[dict[str, Any]]:
    with office.archive.objects.open(digest) as source:
        return [json.loads(line) for line in source.read().decode().splitlines()]


def require_sound(office: Office) -> None:
    office.archive.views.catch_up()
    assert oversight.verify(office.archive, office.request()).findings == ()


def test_reads_become_signed_segments_that_name_each_other(office: Office) -> None:
    assert close_reads(office.archive) == 0
    read_some(office, 3)
    assert close_reads(office.archive) == 3
    read_some(office, 2)
    assert close_reads(office.archive) == 2
    assert close_reads(office.archive) == 0
    one, two = segments(office)
    assert (one.first, one.last, one.missing, one.previous) == (1, 3, 0, None)
    assert (two.first, two.last, two.missing, two.previous) == (4, 5, 0, one.segment.sha256)
    first, *held = lines(office, two.segment.sha256)
    assert first == {"previous": one.segment.sha256.text}
    assert [line["number"] for line in held] == [4, 5]
    assert held[0]["by"] == {
        "agent": office.archivist,
        "role": "archivist",
        "agency": office.agency,
    }
    last = office.archive.journal.load(StreamId(office.archive.id))[-1]
    assert (last.by.agent, last.by.role) == (office.archive.worker, Role.SYSTEM)
    require_sound(office)


def test_a_segment_cannot_be_destroyed_and_its_loss_is_found(office: Office) -> None:
    read_some(office, 1)
    close_reads(office.archive)
    office.archive.views.catch_up()
    (segment,) = segments(office)
    with pytest.raises(RuleError, match="still-referred"):
        office.archive.objects.destroy(segment.segment.sha256, decision=EventId("x"))
    folder = office.house.settings.directory / "objects"
    (path,) = [p for p in folder.rglob("*") if p.name.endswith(segment.segment.sha256.hex[-20:])]
    path.chmod(0o600)
    path.unlink()
    found = oversight.verify(office.archive, office.request()).findings
    assert [(each.kind, each.where) for each in found] == [
        ("object-missing", segment.segment.sha256.text)
    ]


class Failing:
    """A port one of whose operations fails: before it did anything, or after all of it."""

    def __init__(self, port: Any, operation: str, *, stored: bool) -> None:
        self._port, self._operation, self._stored = port, operation, stored

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name != self._operation:
            return found

        def fail(*args: Any, **more: Any) -> None:
            if self._stored:
                found(*args, **more)
            raise UnavailableError("disk-full", errno="ENOSPC")

        return fail


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize(
    ("port", "operation"),
    [("objects", "put"), ("journal", "append"), ("reads", "close_segment")],
)
def test_a_crash_at_any_step_doubles_nothing(
    office: Office, port: str, operation: str, stored: bool
) -> None:
    read_some(office, 3)
    failing = Failing(getattr(office.archive, port), operation, stored=stored)
    with pytest.raises(UnavailableError):
        close_reads(replace(office.archive, **{port: failing}))
    read_some(office, 2)
    close_reads(office.archive)
    held = [
        line["number"]
        for each in segments(office)
        for line in lines(office, each.segment.sha256)[1:]
    ]
    assert held == [1, 2, 3, 4, 5]
    assert close_reads(office.archive) == 0
    office.archive.views.catch_up()
    assert oversight.verify(office.archive, office.request()).ok


def test_many_reads_are_several_segments(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_MOST", 4)
    read_some(office, 10)
    assert close_reads(office.archive) == 10
    assert [(each.first, each.last) for each in segments(office)] == [(1, 4), (5, 8), (9, 10)]


def test_a_lost_file_is_made_from_the_segments_and_its_loss_is_signed(
    office: Office,
) -> None:
    dossier = open_dossier(office)
    read_some(office, 3, dossier)
    close_reads(office.archive)
    held = reads_of(office.archive, office.request(agent=office.archivist), dossier)
    read_some(office, 2, dossier)
    for each in office.house.settings.directory.glob("reads.sqlite*"):
        each.unlink()
    with opened(office.house.settings) as house:
        again = Office(house, office.archivist, office.agency)
        assert reads_of(again.archive, again.request(agent=again.archivist), dossier) == held
        read_some(again, 1, dossier)
        assert close_reads(again.archive) == 1
        last = segments(again)[-1]
        assert (last.first, last.last, last.missing) == (4, 5, 1)
        require_sound(again)


def open_dossier(office: Office) -> StreamId:
    description.open_dossier(
        office.archive, office.request(agent=office.archivist), kind=DossierKind.WORK_FILE,
        receiving=office.agency, deciding=None, title="Hồ sơ", procedure=None, code="HS-1",
        applicant=description.Applicant(None, None, None, None),
    )  # fmt: skip
    office.archive.views.catch_up()
    return resolve(office.archive, "HS-1", Kind.DOSSIER)


def test_archivists_and_auditors_see_who_read_and_nobody_else(office: Office) -> None:
    dossier = open_dossier(office)
    read_some(office, 2, dossier)
    auditor = office.hire("Thanh tra", Role.AUDITOR)
    clerk = office.hire("Quét", Role.SCANNING_CLERK)
    for seeing in (office.archivist, auditor):
        found = reads_of(office.archive, office.request(agent=seeing), dossier)
        assert [each.detail for each in found] == ["page 1", "page 0"]
        assert found[0].by == Actor(office.archivist, Role.ARCHIVIST, office.agency)
    with pytest.raises(NotFoundError):
        reads_of(office.archive, office.request(agent=clerk), dossier)
    with pytest.raises(NotFoundError):
        reads_of(office.archive, office.request(), office.agency)
