"""A person remembers a sentence of a paper, types it without marks, and finds the page.

The scans and what a person transcribed of them lie in ../shared/data; queries come from the
transcription, never from what was read by machine.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.dossier import DossierKind
from domain.services import Archive, Request
from domain.services.deciding import load, resolve
from domain.services.description import Applicant, open_dossier
from domain.services.finding import search
from domain.services.reception import open_batch, receive
from domain.text import fold
from domain.values import Basis, CommandId, Kind, StreamId
from infrastructure import bootstrap
from ingest.worker import Worker
from tests.services import required

House = bootstrap.House
Taken = tuple[House, dict[Path, StreamId]]
SCANS = Path(__file__).parents[2].parent / "shared" / "data" / "scans"
_SYLLABLES = 6
_LEAST = 27


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    """An archive that took in every scan, and which record each became."""
    if not SCANS.exists():
        if required():
            pytest.fail("../shared/data/scans is missing")
        pytest.skip("../shared/data/scans is missing")
    folder = tmp_path_factory.mktemp("known")
    settings = bootstrap.read_settings(str(folder / "archive"))
    bootstrap.found_archive(settings, name="Thử", agency="H33", agency_name="UBND tỉnh")
    with bootstrap.opened(settings) as house:
        records = _take_in(house.archive, house)
        with bootstrap.worker_lease(settings):
            say = bootstrap.messages(english=False)
            Worker(house.archive, str(house.folder), house.interrupt, say).run(until_idle=True)
        yield house, records


def _take_in(archive: Archive, house: bootstrap.House) -> dict[Path, StreamId]:
    archive.views.catch_up()
    agency = resolve(archive, "H33", Kind.AGENCY)
    opened = open_dossier(
        archive,
        _request(house),
        kind=DossierKind.PROCEDURE,
        receiving=agency,
        deciding=None,
        title="Giấy tờ quét",
        procedure=None,
        code=None,
        applicant=Applicant(),
    )
    target = StreamId(opened.result["id"])
    scans = sorted(SCANS.glob("*/*.pdf"))
    batch = open_batch(
        archive, _request(house), target, files=len(scans), device=None, sheets=None, documents=None
    )
    records: dict[Path, StreamId] = {}
    for scan in scans:
        with scan.open("rb") as source:
            receipt = receive(archive, _request(house), batch, source, name=scan.name)
        assert receipt.record is not None, receipt
        records[scan] = receipt.record
    return records


def _request(house: bootstrap.House) -> Request:
    assert house.default_agent is not None
    agent = load(house.archive, house.default_agent).agent()
    return Request(agent, CommandId(house.archive.identifiers.new()), Basis("THU"))


def remembered(text: str, others: list[str]) -> str:
    """The first sentence of six syllables or more that no other paper says, without its marks.

    The national motto stands on every paper; nobody looks for one by it.
    """
    elsewhere = [" ".join(fold(other).split()) for other in others]
    for piece in re.split(r"[.;:,\n()\d/“”\"…-]+", text):
        words = fold(piece).split()
        query = " ".join(words[:10])
        known = any(query in other for other in elsewhere)
        if len(words) >= _SYLLABLES and all(word.isalpha() for word in words) and not known:
            return query
    raise AssertionError(text)


def test_a_sentence_typed_without_marks_finds_its_page(
    found: Taken,
) -> None:
    house, records = found
    assert len(records) == 28
    texts = {scan: scan.with_suffix(".txt").read_text() for scan in records}
    missed = []
    for scan, record in records.items():
        query = remembered(texts[scan], [text for other, text in texts.items() if other != scan])
        hits = search(house.archive, _request(house), query, limit=3).found
        if record not in [hit.hit.record for hit in hits]:
            missed.append((scan.name, query, [hit.hit.match for hit in hits]))
    assert len(records) - len(missed) >= _LEAST, missed
