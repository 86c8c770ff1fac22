"""Whatever stands in the file, an inspection ends with findings and never with a crash."""
# ruff: noqa: S608 (the statements are the attacker's)

import random
import sqlite3
from contextlib import closing

import pytest

from domain.dossier import DossierErased
from domain.errors import UnavailableError
from infrastructure.journal.envelope import b64
from tests.journal.house import House

COLUMNS = (
    ("stored_events", "originator_id"),
    ("stored_events", "originator_version"),
    ("stored_events", "topic"),
    ("stored_events", "state"),
    ("commands", "id"),
    ("commands", "request"),
    ("commands", "answer"),
    ("claims", "kind"),
    ("claims", "text"),
    ("claims", "stream"),
    ("subjects", "id"),
    ("subjects", "key"),
    ("subjects", "erased"),
    ("disclosures", "event"),
    ("disclosures", "subject"),
    ("disclosures", "sealed"),
)
VALUES = (
    "x'ff00fe'",
    "CAST(x'ff00fe80' AS TEXT)",
    "CAST(x'eda080' AS TEXT)",
    "''",
    "'đất'",
    "x''",
    "-9223372036854775808",
    "9223372036854775807",
    "1e308",
    "'a' || char(0) || 'b'",
    "'{}'",
    "'[]'",
    """'{"events":5}'""",
    """'{"events":[[],{}]}'""",
    "zeroblob(70000)",
)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda name: name)
def test_garbage_in_any_column_is_a_finding(house: House, table: str, column: str) -> None:
    erased, _ = house.open_dossier(), house.open_dossier()
    house.append(erased, 3, DossierErased(house.new("erasure")))
    house.close()
    clean = house.path.read_bytes()
    for value in VALUES:
        house.tamper(
            f"UPDATE {table} SET {column}={value} WHERE rowid=5"
            if table == "stored_events"
            else f"UPDATE {table} SET {column}={value} WHERE {column}="
            f"(SELECT {column} FROM {table} LIMIT 1 OFFSET 1)"
            if column != "erased"
            else f"UPDATE {table} SET {column}={value}"
        )
        assert house.inspect().findings, value
        for beside in house.folder.glob("journal.sqlite-*"):
            beside.unlink()
        house.path.write_bytes(clean)


PAYLOADS = (
    "{}",
    "[]",
    '{"v":1}',
    '{"v":1,"arc":{},"id":[],"str":{},"ver":{},"type":[],"at":[],"by":[],"why":[],"sub":{},'
    '"cmd":{},"sw":{},"data":[]}',
    '{"v":1,"arc":"a","id":"i","str":"s","ver":1,"type":"dossier-opened/1","at":"2026-99-01",'
    '"by":{"agent":"a","role":"archivist","agency":"b"},"why":{"code":"X1"},"sub":"s","cmd":"c",'
    '"sw":"s","data":{"_sd":{}}}',
    '{"v":1,"arc":"a","id":"i","str":"s","ver":1,"type":"dossier-corrected/1",'
    '"at":"2026-01-01T00:00:00.000000Z","by":{"agent":"a","role":"archivist","agency":"b"},'
    '"why":{"code":"X1"},"sub":"s","cmd":"c","sw":"s","data":{"_sd":[1,2],"field":[]}}',
    '{"v":1,"arc":"a","id":"\\u0000","str":"s","ver":1,"type":"dossier-corrected/1",'
    '"at":"2026-01-01T00:00:00.000000Z","by":{"agent":"a","role":["x"],"agency":"b"},'
    '"why":{"code":["x"]},"sub":"đ","cmd":"đ","sw":"s","data":{"field":"phone"}}',
    '{"a":' * 50_000,
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda text: text[:20])
def test_garbage_inside_an_envelope_is_a_finding(house: House, payload: str) -> None:
    house.open_dossier()
    house.close()
    ((envelope,),) = house.rows("SELECT state FROM stored_events WHERE rowid=3")
    header, _, signature = envelope.split(b".")
    forged = b".".join((header, b64(payload.encode()).encode(), signature)).hex()
    for position in (1, 3):
        house.tamper(f"UPDATE stored_events SET state=x'{forged}' WHERE rowid={position}")
        assert "signature-broken" in house.kinds()
        assert house.inspect(keys=None).findings


def test_any_flipped_byte_of_an_envelope_is_found(house: House) -> None:
    house.open_dossier()
    house.close()
    ((envelope,),) = house.rows("SELECT state FROM stored_events WHERE rowid=3")
    chance = random.Random(7)
    for _ in range(25):
        at, bit = chance.randrange(len(envelope)), 1 << chance.randrange(8)
        changed = envelope[:at] + bytes([envelope[at] ^ bit]) + envelope[at + 1 :]
        house.tamper(f"UPDATE stored_events SET state=x'{changed.hex()}' WHERE rowid=3")
        assert house.kinds() & {
            "signature-broken",
            "signature-malformed",
            "signed-by-another-key",
            "envelope-malformed",
            "envelope-not-base64url",
        }


def test_random_bytes_over_the_file_never_crash_an_inspection(house: House) -> None:
    for _ in range(12):
        house.open_dossier()
    house.close()
    clean = house.path.read_bytes()
    chance = random.Random(11)
    outcomes: set[bool | str] = set()
    for _ in range(40):
        raw = bytearray(clean)
        for _ in range(chance.randrange(1, 30)):
            at = chance.randrange(len(raw))
            raw[at : at + 4] = chance.randbytes(4)
        house.path.write_bytes(raw)
        try:
            outcomes.add(bool(house.inspect().findings))
        except UnavailableError as exc:
            outcomes.add(exc.code)
    assert True in outcomes
    assert outcomes <= {True, False, "journal-unreadable"}  # Some bytes of a page hold nothing.


@pytest.mark.parametrize("processes", [1, 2])
def test_a_damaged_page_does_not_hide_what_lies_beside_it(house: House, processes: int) -> None:
    for _ in range(20):
        house.open_dossier()
    house.close()
    with closing(sqlite3.connect(house.path)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (first, last, middle) = db.execute(
            "SELECT min(rowid), max(rowid), max(rowid) / 2 FROM stored_events"
        ).fetchone()
        (state,) = db.execute("SELECT state FROM stored_events WHERE rowid=?", (middle,)).fetchone()
    for position in (first + 1, last):
        house.tamper(
            f"UPDATE stored_events SET state=CAST(state || 'A' AS BLOB) WHERE rowid={position}"
        )
    with house.path.open("r+b") as file:
        file.seek(file.read().index(state) // size * size)
        file.write(b"\xff" * 64)
    found = {(one.kind, one.where) for one in house.inspect(processes=processes).findings}
    assert {("signature-malformed", str(first + 1)), ("signature-malformed", str(last))} <= found
    assert ("journal-damaged", "stored_events") in found


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 20_000])
def test_a_file_that_was_cut_is_a_finding(house: House, size: int) -> None:
    house.open_dossier()
    house.close()
    house.path.write_bytes(house.path.read_bytes()[:size])
    assert house.inspect().findings


@pytest.mark.parametrize(
    "table", ["stored_events", "commands", "claims", "subjects", "disclosures"]
)
def test_a_table_that_is_gone_is_a_finding(house: House, table: str) -> None:
    dossier = house.open_dossier()
    house.close()
    with closing(sqlite3.connect(house.path)) as db:
        db.execute(f"DROP TABLE {table}")
    assert {"guard-missing", "journal-damaged"} <= house.kinds()
    assert "journal-damaged" in house.kinds(streams=[dossier])


def test_a_file_that_is_not_there_is_named(house: House) -> None:
    house.close()
    house.path.unlink()
    with pytest.raises(UnavailableError, match="journal-missing"):
        house.inspect()
    assert not house.path.exists()
