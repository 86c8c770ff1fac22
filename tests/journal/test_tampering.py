# ruff: noqa: S608 (the statements are the attacker's)
"""Every way to alter the file of the journal, and what finds it: the table of the threat model.

`ATTACKS` is quoted by the documentation. An attacker has the database file and may write
whatever SQLite can write, its guards included; the archive's keys lie elsewhere.
"""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from domain.agency import AgencyEstablished, establish
from domain.dossier import DossierErased
from domain.errors import IntegrityError
from infrastructure.journal import keys as key_files
from infrastructure.journal import rows_inspected, verification
from infrastructure.journal.disclosures import disclose, seal, unseal, unwrap
from infrastructure.journal.envelope import b64, certificate_digest, open_envelope, unb64
from tests.journal.house import ARCHIVE, House

NOT_SEEN = frozenset[str]()


@dataclass(frozen=True)
class Attack:
    """A way to alter the journal."""

    name: str
    alter: Callable[[House], None]
    seen: frozenset[str]
    """The kinds of findings, all of them; none for what this file alone cannot show."""


def attack(name: str, alter: Callable[[House], None], *seen: str) -> Attack:
    return Attack(name, alter, frozenset(seen))


def change_envelope(position: int, change: Callable[[bytes], bytes]) -> Callable[[House], None]:
    def alter(house: House) -> None:
        ((state,),) = house.rows("SELECT state FROM stored_events WHERE rowid=?", position)
        new = change(state).hex()
        house.tamper(f"UPDATE stored_events SET state=x'{new}' WHERE rowid={position}")

    return alter


def flip(envelope: bytes, at: int) -> bytes:
    """Another character of the alphabet in that place."""
    return envelope[:at] + (b"A" if envelope[at : at + 1] != b"A" else b"B") + envelope[at + 1 :]


def another_payload(envelope: bytes) -> bytes:
    """One letter of the signed JSON is another one."""
    header, payload, signature = envelope.split(b".")
    changed = unb64(payload).replace(b"chauban test", b"chauban tezt")
    return b".".join((header, b64(changed).encode(), signature))


def sql(*statements: str) -> Callable[[House], None]:
    return lambda house: house.tamper(*statements)


def swap_envelopes(house: House) -> None:
    house.tamper(
        "CREATE TEMP TABLE two AS SELECT rowid AS n, state FROM stored_events WHERE rowid IN (3,4)",
        "UPDATE stored_events SET state=(SELECT state FROM two WHERE n = 7 - stored_events.rowid) "
        "WHERE rowid IN (3,4)",
    )


def forged(house: House) -> House:
    """The same archive in the hands of somebody with a key of his own."""
    folder = house.folder / "forger"
    folder.mkdir()
    return House(folder)


def insert_forged(house: House) -> None:
    forger = forged(house)
    forger.open_dossier("H33.05-9.HS")
    forger.close()
    ((envelope,),) = forger.rows("SELECT state FROM stored_events WHERE rowid=1")
    stream, command = open_envelope(envelope).payload["str"], open_envelope(envelope).payload["cmd"]
    house.tamper(
        f"INSERT INTO stored_events (originator_id, originator_version, topic, state) "
        f"VALUES ('{stream}', 1, 'dossier-opened/1', x'{envelope.hex()}')",
        f"ATTACH '{forger.path}' AS forger",
        f"INSERT INTO commands SELECT * FROM forger.commands WHERE id='{command}'",
        "INSERT INTO claims SELECT * FROM forger.claims",
        f"INSERT INTO disclosures SELECT * FROM forger.disclosures "
        f"WHERE event='{open_envelope(envelope).payload['id']}'",
        "INSERT INTO subjects SELECT * FROM forger.subjects",
    )


def sign_anew(house: House) -> None:
    """Everything is signed by another key that calls itself the archive's, genesis included."""
    house.close()
    house.path.unlink()
    for beside in house.folder.glob("journal.sqlite-*"):
        beside.unlink()
    shutil.rmtree(house.folder / "keys")
    other = House(house.folder)
    other.found()
    other.open_dossier("H33.05-1.HS")
    other.close()
    house.keys = key_files.load(house.folder / "keys")


def replay(house: House) -> None:
    """An old event once more, as the newest of its stream."""
    house.tamper(
        "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
        "SELECT originator_id, 4, topic, state FROM stored_events WHERE rowid=3"
    )


def change_claim(house: House) -> None:
    house.tamper(f"UPDATE claims SET stream='{ARCHIVE}' WHERE kind='dossier-code'")


def move_disclosure(house: House) -> None:
    """One event's personal fields in another event's row."""
    house.tamper(
        "UPDATE disclosures SET sealed=(SELECT d.sealed FROM disclosures d ORDER BY event LIMIT 1) "
        "WHERE event=(SELECT max(event) FROM disclosures)"
    )


def reseal(house: House) -> None:
    """Another value, sealed with the right key for the right event: the digest still tells."""
    event, subject, row = house.rows("SELECT event, subject, sealed FROM disclosures LIMIT 1")[0]
    ((wrapped,),) = house.rows("SELECT key FROM subjects WHERE id=?", subject)
    key = unwrap(house.keys.kek, subject, wrapped)
    assert unseal(key, event, row)
    new = seal(key, event, disclose({"value": "0900000000", "reason": "bịa"})[0])
    house.tamper(f"UPDATE disclosures SET sealed=x'{new.hex()}' WHERE event='{event}'")


def redirect_subject(house: House) -> None:
    house.tamper(
        f"INSERT INTO subjects (id, key) SELECT '{ARCHIVE}', key FROM subjects LIMIT 1",
        f"UPDATE disclosures SET subject='{ARCHIVE}'",
    )


def change_answer(house: House) -> None:
    ((answer,),) = house.rows("SELECT answer FROM commands ORDER BY id LIMIT 1")
    other = json.dumps(json.loads(answer) | {"result": {"dossier": "H33.05-7.HS"}})
    house.tamper(f"UPDATE commands SET answer='{other}' WHERE answer='{answer}'")


def swap_answered_events(house: House) -> None:
    """Each of two commands claims the other's event."""
    house.tamper(
        "CREATE TEMP TABLE two AS SELECT id, answer FROM commands ORDER BY id DESC LIMIT 2",
        "UPDATE commands SET answer=(SELECT answer FROM two WHERE two.id <> commands.id) "
        "WHERE id IN (SELECT id FROM two)",
    )


LAST = 4
"""Positions: 1 genesis, 2 dossier opened, 3 and 4 corrected."""
_DROP_LAST = f"DELETE FROM stored_events WHERE rowid={LAST}"
_GUARDS_OF_LAST = (
    "DELETE FROM commands WHERE id=(SELECT max(id) FROM commands)",
    "DELETE FROM disclosures WHERE event=(SELECT max(event) FROM disclosures)",
    f"UPDATE sqlite_sequence SET seq={LAST - 1} WHERE name='stored_events'",
)

ATTACKS = (
    attack(
        "a letter of the payload",
        change_envelope(3, another_payload),
        "signature-broken",
        "chain-broken",
    ),
    attack(
        "a byte of the signature",
        change_envelope(4, lambda e: flip(e, len(e) - 20)),
        "signature-broken",
    ),
    attack(
        "a byte of the header", change_envelope(4, lambda e: flip(e, 9)), "signed-by-another-key"
    ),
    attack(
        "a row moved to another stream",
        sql(
            f"UPDATE stored_events SET originator_id='{ARCHIVE}', originator_version=2 "
            "WHERE rowid=4"
        ),
        "row-and-envelope-differ",
        "chain-broken",
        "subject-differs",
    ),
    attack(
        "a row moved to another version",
        sql("UPDATE stored_events SET originator_version=9 WHERE rowid=4"),
        "row-and-envelope-differ",
        "version-missing",
    ),
    attack(
        "the type of a row renamed",
        sql("UPDATE stored_events SET topic='dossier-closed/1' WHERE rowid=4"),
        "row-and-envelope-differ",
    ),
    attack(
        "two envelopes of a stream swapped",
        swap_envelopes,
        "row-and-envelope-differ",
        "chain-broken",
    ),
    attack(
        "rows in another order",
        sql(
            "UPDATE stored_events SET rowid=99 WHERE rowid=3",
            "UPDATE stored_events SET rowid=3 WHERE rowid=4",
            "UPDATE stored_events SET rowid=4 WHERE rowid=99",
        ),
        "position-out-of-order",
    ),
    attack(
        "positions made up",
        sql(
            "UPDATE stored_events SET rowid=9223372036854775807 WHERE rowid=4",
            "UPDATE stored_events SET rowid=-5 WHERE rowid=3",
        ),
        "position-out-of-order",
        "position-missing",
        "genesis-missing",
        "end-missing",
    ),
    attack(
        "an event dropped in the middle",
        sql("DELETE FROM stored_events WHERE rowid=3"),
        "version-missing",
        "position-missing",
        "command-without-events",
        "disclosure-without-event",
    ),
    attack(
        "an event dropped in the middle, with its guards",
        sql(
            "DELETE FROM disclosures WHERE event=(SELECT event FROM disclosures ORDER BY event "
            "LIMIT 1 OFFSET 1)",
            "DELETE FROM commands WHERE id=(SELECT id FROM commands ORDER BY id LIMIT 1 OFFSET 2)",
            "DELETE FROM stored_events WHERE rowid=3",
            "UPDATE stored_events SET rowid=3 WHERE rowid=4",
            "UPDATE sqlite_sequence SET seq=3",
        ),
        "version-missing",
    ),
    attack(
        "the last event dropped",
        sql(_DROP_LAST),
        "end-missing",
        "command-without-events",
        "disclosure-without-event",
    ),
    attack(
        "the last event dropped, with its rows but not the counter",
        sql(_DROP_LAST, *_GUARDS_OF_LAST[:2]),
        "end-missing",
    ),
    attack(
        "the genesis dropped",
        sql("DELETE FROM stored_events WHERE rowid=1"),
        "genesis-missing",
        "position-missing",
        "command-without-events",
    ),
    attack(
        "a forged event of another key",
        insert_forged,
        "signed-by-another-key",
        "subject-key-sealed-otherwise",
        "disclosures-unreadable",
        "command-row-altered",
    ),
    attack(
        "an old event replayed",
        replay,
        "row-and-envelope-differ",
        "chain-broken",
        "event-id-doubled",
    ),
    attack(
        "a command row dropped",
        sql("DELETE FROM commands WHERE id=(SELECT max(id) FROM commands)"),
        "command-missing",
    ),
    attack(
        "a command row added",
        sql("INSERT INTO commands VALUES ('x', x'00', '{\"events\":[]}')"),
        "command-without-events",
    ),
    attack("a command's answer changed", change_answer, "command-row-altered"),
    attack("the answers of two commands exchanged", swap_answered_events, "command-row-altered"),
    attack(
        "a command's request changed",
        sql("UPDATE commands SET request=zeroblob(64) WHERE id=(SELECT max(id) FROM commands)"),
        "command-row-altered",
    ),
    attack("a claim given to another stream", change_claim, "claim-row-differs"),
    attack(
        "a claim dropped", sql("DELETE FROM claims WHERE kind='dossier-code'"), "claim-row-missing"
    ),
    attack(
        "a claim added",
        sql("INSERT INTO claims VALUES ('dossier-code','H33.05-8.HS','x')"),
        "claim-without-event",
    ),
    attack(
        "a byte of a sealed disclosure",
        sql(
            "UPDATE disclosures SET sealed=zeroblob(length(sealed)) "
            "WHERE event=(SELECT max(event) FROM disclosures)"
        ),
        "disclosures-sealed-otherwise",
    ),
    attack(
        "disclosures of one event in another's row", move_disclosure, "disclosures-sealed-otherwise"
    ),
    attack(
        "disclosures under another subject",
        redirect_subject,
        "disclosures-of-another-subject",
        "subject-key-sealed-otherwise",
        "subject-without-events",
    ),
    attack("another value sealed with the archive's own keys", reseal, "disclosures-differ"),
    attack(
        "disclosures dropped without a decision",
        sql("DELETE FROM disclosures"),
        "disclosures-missing",
    ),
    attack(
        "an erasure without a decision",
        sql("DELETE FROM disclosures", "UPDATE subjects SET key=NULL, erased=1"),
        "disclosures-missing",
        "erased-without-decision",
    ),
    attack(
        "a subject's key dropped",
        sql("UPDATE subjects SET key=NULL"),
        "disclosures-unreadable",
        "erased-without-decision",
    ),
    attack(
        "a subject dropped",
        sql("DELETE FROM subjects"),
        "disclosures-unreadable",
        "subject-missing",
    ),
    attack(
        "the append-only guards dropped", lambda house: house.tamper(guards=False), "guard-missing"
    ),
    attack(
        "a guard that says yes",
        sql("CREATE TRIGGER quiet AFTER INSERT ON stored_events BEGIN DELETE FROM commands; END"),
        "schema-unknown",
    ),
    attack("the last event dropped, its guards repaired", sql(_DROP_LAST, *_GUARDS_OF_LAST)),
)
"""The last one is not seen: nothing that is left in the file differs from a shorter history."""


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: one.name)
def test_what_an_alteration_of_the_file_looks_like(
    house: House, one: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open_dossier("H33.05-1.HS")
    assert house.kinds() == NOT_SEEN
    house.close()
    one.alter(house)
    assert house.kinds() == one.seen
    monkeypatch.setattr(verification, "_SPAN", 1)
    assert house.kinds() == one.seen  # Wherever the spans of the workers meet.


def test_many_processes_find_what_one_finds(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_SPAN", 3)
    monkeypatch.setattr(rows_inspected, "_PART", 2)
    for _ in range(6):
        house.open_dossier()
    house.close()
    house.tamper("DELETE FROM stored_events WHERE rowid IN (6, 11)", "DELETE FROM claims")
    alone, together = house.inspect(processes=1), house.inspect(processes=2)
    assert alone == together
    assert len(alone.findings) > 8


def test_a_journal_signed_anew_is_seen_only_with_a_pinned_certificate(house: House) -> None:
    assert "pin" in house.inspect().unchecked
    digest = certificate_digest(house.keys.certificate).hex()
    house.open_dossier("H33.05-1.HS")
    assert house.kinds(pinned=digest) == NOT_SEEN
    sign_anew(house)
    assert house.kinds() == NOT_SEEN
    assert house.kinds(keys=None) == NOT_SEEN
    assert house.kinds(pinned=digest) == {"certificate-not-pinned"}
    assert house.kinds(pinned=f"sha256:{digest.upper()}", keys=None) == {"certificate-not-pinned"}


def test_a_journal_signed_anew_under_the_old_genesis_is_seen(house: House) -> None:
    forger = forged(house)
    forger.found()
    forger.close()
    house.close()
    assert house.kinds(keys=forger.keys) >= {"signed-by-another-key", "genesis-certificate-differs"}


def test_a_whole_stream_taken_out_with_its_guards_is_not_seen(house: House, tmp_path: Path) -> None:
    """Known limit: the transparency log, or anybody's receipt, tells."""
    house.open_dossier("H33.05-1.HS")
    house.close()
    house.tamper(
        "DELETE FROM stored_events WHERE rowid > 1",
        "DELETE FROM commands WHERE id NOT IN (SELECT min(id) FROM commands)",
        "DELETE FROM disclosures",
        "DELETE FROM subjects",
        "DELETE FROM claims",
        "UPDATE sqlite_sequence SET seq=1",
    )
    assert house.kinds() == NOT_SEEN


def test_an_older_copy_of_the_file_is_not_seen(house: House, tmp_path: Path) -> None:
    """Known limit: the transparency log, or anybody's receipt, tells."""
    house.open_dossier()
    with closing(sqlite3.connect(house.path)) as db:
        db.execute("VACUUM INTO ?", (str(tmp_path / "old.sqlite"),))
    house.open_dossier()
    house.close()
    shutil.copy(tmp_path / "old.sqlite", house.path)
    for beside in house.folder.glob("journal.sqlite-*"):
        beside.unlink()
    assert house.kinds() == NOT_SEEN


def test_personal_data_after_its_erasure_is_found(house: House) -> None:
    dossier = house.open_dossier("H33.05-1.HS")
    kept = house.rows("SELECT * FROM disclosures")
    ((key,),) = house.rows("SELECT key FROM subjects WHERE id=?", dossier)
    house.append(dossier, 3, DossierErased(house.new("erasure")))
    assert house.kinds() == NOT_SEEN
    house.close()
    event, subject, sealed = kept[0]
    house.tamper(f"INSERT INTO disclosures VALUES ('{event}', '{subject}', x'{sealed.hex()}')")
    assert "erased-disclosure-remains" in house.kinds()
    house.tamper("DELETE FROM disclosures")
    assert house.kinds() == NOT_SEEN
    house.tamper(f"UPDATE subjects SET key=x'{key.hex()}', erased=0")
    assert house.kinds() == {"erasure-undone"}
    house.tamper("DELETE FROM subjects")
    assert house.kinds() == {"erasure-undone", "subject-missing"}


def test_a_stream_can_be_inspected_alone(house: House) -> None:
    first, second = house.open_dossier(), house.open_dossier()
    house.close()
    change_envelope(7, lambda e: flip(e, len(e) - 20))(house)
    assert house.kinds(streams=[first]) == NOT_SEEN
    found = house.inspect(streams=[first, second])
    assert [(one.kind, one.where) for one in found.findings] == [("signature-broken", "7")]
    assert found.counts["events"] == 6
    assert found.counts["signatures"] == 5


def test_a_decision_refuses_a_tampered_stream(house: House) -> None:
    dossier = house.open_dossier()
    house.close()
    change_envelope(3, lambda e: flip(e, len(e) - 20))(house)
    with pytest.raises(IntegrityError, match="signature-broken"):
        house.open().load(dossier)


def test_a_journal_that_grows_meanwhile_is_sound(house: House) -> None:
    for _ in range(5):
        house.open_dossier()

    def busy(done: int, total: int) -> None:
        house.open_dossier()

    assert house.kinds(progress=busy) == NOT_SEEN
    assert house.kinds(processes=2, progress=busy) == NOT_SEEN


@pytest.mark.parametrize("span", [1, 4000])
@pytest.mark.parametrize("others", [0, 20], ids=["side by side", "far from each other"])
def test_event_ids_are_compared_across_the_whole_journal(
    house: House, monkeypatch: pytest.MonkeyPatch, span: int, others: int
) -> None:
    """Two events of one id, both rightly signed: only a fault of ours could write them."""
    monkeypatch.setattr(verification, "_SPAN", span)

    class Stuck:
        def __init__(self) -> None:
            self.given = house.identifiers.new()

        def new(self) -> str:
            return self.given

    stuck = Stuck()
    house.journal._identifiers = stuck
    house.append(house.new("agency"), 0, _nothing_personal())
    house.journal._identifiers = house.identifiers
    for number in range(others):
        house.append(house.new("agency"), 0, _nothing_personal(f"H33.{number + 20}"))
    house.journal._identifiers = stuck
    house.append(house.new("agency"), 0, _nothing_personal("H33.07"))
    house.close()
    assert "event-id-doubled" in house.kinds()


@pytest.mark.parametrize("number", [2, 40], ids=["a little", "across many spans"])
def test_ids_in_another_order_than_the_events_are_no_finding(
    house: House, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Ids are given before the journal is locked: a slow writer's come late."""
    monkeypatch.setattr(verification, "_SPAN", 2)

    class Kept:
        def __init__(self) -> None:
            self.given = [house.identifiers.new() for _ in range(number)]

        def new(self) -> str:
            return self.given.pop(-(len(self.given) % 2))

    house.journal._identifiers = Kept()
    for code in range(number):
        house.append(house.new("agency"), 0, _nothing_personal(f"H33.{code + 20}"))
    house.close()
    assert house.kinds() == NOT_SEEN


def test_a_claim_that_two_streams_make_is_found(house: House) -> None:
    """Both are rightly signed; the table that would have refused the second was altered."""
    house.append(house.new("agency"), 0, _nothing_personal("H33.06"))
    house.tamper("DELETE FROM claims WHERE text='H33.06'")
    house.append(house.new("agency"), 0, _nothing_personal("H33.06"))
    house.close()
    assert house.kinds() == {"claim-doubled", "claim-row-differs"}


def _nothing_personal(code: str = "H33.06") -> AgencyEstablished:
    return establish("Sở Nội vụ", code, None, date(2026, 1, 1))


def test_an_outsider_checks_without_any_key(house: House) -> None:
    house.open_dossier()
    house.close()
    found = house.inspect(keys=None)
    assert not found.findings
    assert found.unchecked == ("disclosures", "command-answers", "pin")
    assert found.counts["signatures"] == 4
    assert found.counts["disclosures"] == 0
