"""Forgetting: after an erasure no byte of the words is left, and every signature still holds."""

import sqlite3
from contextlib import closing

import pytest

from domain.dossier import DossierErased
from domain.errors import ConcurrentChangeError, ErasedSubjectError, UnavailableError
from domain.values import ERASED
from infrastructure.journal.envelope import b64
from tests.journal import writers
from tests.journal.house import WORDS, House, corrected, opened


def files(house: House) -> dict[str, bytes]:
    """The database, its write-ahead log and whatever else lies beside it."""
    return {file.name: file.read_bytes() for file in house.folder.glob("journal.sqlite*")}


def remains(house: House, *pieces: bytes) -> list[tuple[str, bytes]]:
    return [(n, piece) for n, raw in files(house).items() for piece in pieces if piece in raw]


def secrets_of(house: House, subject: str) -> tuple[bytes, ...]:
    """The very bytes that the erasure must take away: words, sealed rows, the wrapped key."""
    sealed = [
        row for (row,) in house.rows("SELECT sealed FROM disclosures WHERE subject=?", subject)
    ]
    keys = [key for (key,) in house.rows("SELECT key FROM subjects WHERE id=?", subject)]
    words = [text.encode() for text in WORDS] + [b64(text.encode()).encode() for text in WORDS]
    assert len(sealed) == 3
    assert len(keys) == 1
    return (*sealed, *keys, *words)


def test_after_an_erasure_no_byte_is_left_and_every_signature_holds(house: House) -> None:
    dossier, other = house.open_dossier(), house.open_dossier()
    pieces = secrets_of(house, dossier)
    assert remains(house, *pieces[:4])
    house.append(dossier, 3, DossierErased(house.new("erasure")))
    assert remains(house, *pieces) == []
    first, second, _, last = house.journal.load(dossier)
    assert first.event.title == ERASED  # type: ignore[union-attr]
    assert second.event.value == ERASED  # type: ignore[union-attr]
    assert isinstance(last.event, DossierErased)
    assert house.journal.load(other)[0].event == opened("H33.05-2.HS")
    assert len(house.journal.follow(0, 100)) == 8
    found = house.inspect()
    assert not found.findings
    assert (found.counts["erased"], found.counts["disclosures"]) == (5 + 2 + 2, 5 + 2 + 2)


def test_new_personal_data_of_an_erased_dossier_is_refused(house: House) -> None:
    dossier = house.open_dossier()
    erasure = house.new("erasure")
    house.append(dossier, 3, DossierErased(erasure))
    for _ in range(2):
        with pytest.raises(ErasedSubjectError):
            house.append(dossier, 4, corrected("0900000000"))
        house.journal = house.open()
    assert len(house.journal.load(dossier)) == 4
    house.append(dossier, 4, DossierErased(erasure))  # What is not personal may be said.
    assert not house.inspect().findings


def test_a_dossier_without_personal_data_gets_its_tombstone_too(house: House) -> None:
    dossier = house.new("dossier")
    house.append(dossier, 0, DossierErased(house.new("erasure")))
    with pytest.raises(ErasedSubjectError):
        house.append(dossier, 1, corrected("1"))
    assert not house.inspect().findings


def test_erasing_while_somebody_writes(house: House) -> None:
    dossier = house.open_dossier()
    answers = writers.CONTEXT.Queue()
    writer = writers.start(writers.correct_until_erased, house.folder, dossier, answers)
    assert answers.get(timeout=60) == "ready"
    while len(house.journal.load(dossier)) < 6:
        assert writer.is_alive()
    while True:
        assert writer.is_alive()
        pieces = [row for (row,) in house.rows("SELECT sealed FROM disclosures")]
        events = house.journal.load(dossier)
        try:
            erased = DossierErased(house.new("erasure"))
            house.append(dossier, len(events), erased, at=events[-1].at)
            break
        except ConcurrentChangeError:
            continue
    assert answers.get(timeout=60) > 0
    writer.join(20)
    answers.close()
    answers.join_thread()
    assert remains(house, *pieces, "bí mật".encode()) == []
    assert house.rows("SELECT count(*) FROM disclosures") == [(0,)]
    assert not house.inspect().findings


def test_an_erasure_that_a_reader_holds_up_is_not_called_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    dossier = house.open_dossier()
    pieces = secrets_of(house, dossier)
    command = house.command()
    with house.journal._recorder.datastore.get_connection(commit=True) as connection:
        connection.cursor().execute("PRAGMA busy_timeout = 200")
    with closing(sqlite3.connect(house.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM stored_events").fetchone()
        with pytest.raises(UnavailableError, match="erasure-unfinished"):
            house.append(dossier, 3, DossierErased(house.new("erasure")), command=command)
    again = house.append(dossier, 3, DossierErased(house.new("erasure")), command=command)
    assert again.repeated
    assert remains(house, *pieces) == []
    assert not house.inspect().findings
