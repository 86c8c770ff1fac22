# ruff: noqa: S608 (the statements are the attacker's)
"""Another key in the place of the one that signed: who may sign where, through every crash, and
followed by whoever knows the first certificate alone."""

import base64
import os
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.jwk import JWK

from domain.attestation import CheckpointAttested, TimeToken
from domain.attestation import stream_of as attestations_of
from domain.errors import ConcurrentChangeError, IntegrityError, UnavailableError
from domain.keyring import (
    KeyCompromised,
    KeyGround,
    SystemKeyIntroduced,
    stream_of,
)
from domain.values import Digest, FileObject, StreamId
from infrastructure import folders
from infrastructure.clock import SystemClock
from infrastructure.journal import keys as key_files
from infrastructure.journal import verification
from infrastructure.journal.envelope import certificate_digest, open_envelope, write_time
from infrastructure.journal.keys import Keys
from infrastructure.journal.recorder import JournalRecorder
from infrastructure.journal.store import SignedJournal
from tests.foreign import tools
from tests.journal.house import ARCHIVE, MORNING, House, corrected, opened
from tests.journal.writers import CONTEXT, correct_many, open_many, start
from tests.story.processes import run_killed

RING = stream_of(ARCHIVE)
PASSPHRASE = "mười lăm chữ trở lên"


def introduction(certificate: x509.Certificate) -> SystemKeyIntroduced:
    der = certificate.public_bytes(Encoding.DER)
    digest = sha256(der).hexdigest()
    return SystemKeyIntroduced(base64.b64encode(der).decode(), digest, KeyGround.SCHEDULED)


def prepared(house: House) -> SystemKeyIntroduced:
    made = key_files.prepare(house.folder / "keys", ARCHIVE, house.clock.now(), None)
    return introduction(made)


def introduce(house: House, event: SystemKeyIntroduced) -> None:
    version = len(house.journal.load(RING))
    house.append(RING, version, event, at=max(house.clock.now(), SystemClock().now()))


def rotate(house: House) -> None:
    """What the service does: make, introduce, settle."""
    introduce(house, prepared(house))
    house.keys = house.journal.follow_keys()


def first_of(house: House) -> str:
    return certificate_digest(house.keys.founding).hex()


def signers(house: House) -> list[str]:
    """The protected header of each envelope, in order: who signed."""
    rows = house.rows("SELECT state FROM stored_events ORDER BY rowid")
    return [state.partition(b".")[0].decode() for (state,) in rows]


def test_the_old_key_signs_the_new_one_in_and_nothing_after_it(house: House) -> None:
    house.open_dossier()
    rotate(house)
    dossier = house.open_dossier()
    rotate(house)
    house.append(dossier, 3, corrected("0933"))
    found = signers(house)
    turns = [found[:5], found[5:9], found[9:]]
    assert [len(set(turn)) for turn in turns] == [1, 1, 1]
    assert len(set(found)) == 3
    assert len(house.journal.load(dossier)) == 4
    assert house.kinds() == set()
    assert house.kinds(pinned=first_of(house)) == set()
    assert house.kinds(pinned=first_of(house), processes=2) == set()
    assert house.kinds(keys=None, pinned=first_of(house)) == set()
    assert house.kinds(keys=None, certificates=[house.keys.founding]) == set()


def test_only_the_first_certificate_is_a_pin(house: House) -> None:
    """Whoever pinned a later one has nothing on what lies before it."""
    rotate(house)
    later = certificate_digest(house.keys.certificate).hex()
    assert later != first_of(house)
    assert house.kinds(keys=None, pinned=later) == {"certificate-not-pinned"}


def test_an_old_private_key_is_not_kept_and_old_certificates_are(house: House) -> None:
    place = house.folder / "keys"
    old = (place / "system.key.pem").read_bytes()
    certificate = (place / "system.cert.pem").read_bytes()
    rotate(house)
    rotate(house)
    assert not [p for p in place.rglob("*") if p.is_file() and p.read_bytes() == old]
    assert (place / "retired" / "0001.cert.pem").read_bytes() == certificate
    assert sorted(p.name for p in place.iterdir() if p.name.startswith("system")) == [
        "system.cert.pem",
        "system.key.pem",
    ]
    assert len(key_files.load(place).retired) == 2


def test_a_recovery_file_holds_the_chain_and_the_present_key(house: House, tmp_path: Path) -> None:
    older, _ = key_files.write_recovery(tmp_path / "keys", PASSPHRASE)
    rotate(house)
    recovery, count = key_files.write_recovery(tmp_path / "keys", PASSPHRASE)
    assert count == 5
    for name, content in (("newer", recovery), ("older", older)):
        key_files.recover(tmp_path / name, content, PASSPHRASE)
        house.keys = key_files.load(tmp_path / name)
        house.journal = house.open()
        assert house.journal.load(RING)
        if name == "newer":
            house.open_dossier()
        else:  # It can read everything; nothing is signed by a key whose turn has ended.
            with pytest.raises(UnavailableError, match="key-superseded"):
                house.open_dossier()
        assert house.kinds(pinned=first_of(house)) == set()


# ---------------------------------------------------------------- other writers


def test_a_writer_that_still_holds_the_old_key_signs_with_the_new_one(house: House) -> None:
    other = House(house.folder)
    dossier = other.open_dossier()
    rotate(house)
    other.append(dossier, 3, corrected("0944"))
    assert signers(house)[-1] == signers(other)[-1] != signers(house)[0]
    assert house.kinds() == set()
    other.close()


def test_a_reader_that_holds_the_old_key_alone_reads_what_the_new_one_signed(house: House) -> None:
    other = House(house.folder)
    assert other.journal.load(StreamId(ARCHIVE))
    rotate(house)
    dossier = house.open_dossier()
    assert len(other.journal.load(dossier)) == 3
    assert [each.state for each in other.journal.examine(range(1, 6))] == ["intact"] * 5
    assert len(other.journal.sealed(0, 100)) == 5
    other.close()


def test_keys_rotate_while_processes_write(house: House) -> None:
    dossier = house.open_dossier()
    answers = CONTEXT.Queue()
    writers = [
        start(open_many, house.folder, 60, answers),
        start(correct_many, house.folder, dossier, 60, answers),
    ]
    for _ in range(5):
        while True:
            try:
                rotate(house)
                break
            except ConcurrentChangeError:
                continue
    for writer in writers:
        answers.get(timeout=60)
        writer.join(60)
    house.append(house.new("dossier"), 0, opened("H33.05-999.HS"))
    found = signers(house)
    assert len(set(found)) == 6
    assert sum(one != two for one, two in pairwise(found)) == 5
    assert house.kinds(pinned=first_of(house)) == set()


# ---------------------------------------------------------------- crashes


def kill_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, calls: int) -> None:
    """SIGKILL before a call, in this process and its children."""
    before = getattr(owner, name)
    count = 0

    def counted(*given: object, **named: object) -> object:
        nonlocal count
        count += 1
        if count == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return before(*given, **named)

    monkeypatch.setattr(owner, name, counted)


CRASHES: list[tuple[object, str, int]] = [
    *(
        (key_files, "put_private", n) for n in (1, 2, 3)
    ),  # Next key, its certificate, the retired one.
    *((Path, "rename", n) for n in (1, 2, 3, 4, 5)),  # Of these three, then key and certificate.
    *((folders, "sync", n) for n in (1, 2, 3)),  # Of the three, then of key and certificate.
    *((key_files, "sync", n) for n in (1, 2)),
    (JournalRecorder, "insert_events", 1),  # Everything is ready, and nothing is introduced.
    (SignedJournal, "follow_keys", 1),  # It is introduced, and nothing is settled.
]


@pytest.mark.parametrize(("owner", "name", "call"), CRASHES, ids=str)
def test_a_crash_at_any_step_of_a_rotation_is_repaired_by_the_next_start(
    owner: object, name: str, call: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path)
    house.found()
    house.open_dossier("H33.05-1.HS")
    house.close()

    def doomed() -> None:
        one = House(tmp_path)
        kill_at(monkeypatch, owner, name, call)
        rotate(one)

    assert run_killed(doomed)
    again = House(tmp_path)
    again.open_dossier("H33.05-2.HS")
    assert again.kinds(pinned=first_of(again)) == set()
    before = len(set(signers(again)))
    rotate(again)
    again.open_dossier("H33.05-3.HS")
    assert len(set(signers(again))) == before + 1
    assert again.kinds(pinned=first_of(again)) == set()
    again.close()


# ---------------------------------------------------------------- forgers


def stranger(house: House) -> Keys:
    return key_files.create(house.folder / "stranger", ARCHIVE, MORNING)


def resigned(house: House, keys: Keys, position: int) -> None:
    """The same event once more, by another key, in its place."""
    ((state,),) = house.rows("SELECT state FROM stored_events WHERE rowid=?", position)
    new = keys.signer.sign(open_envelope(state).payload).hex()
    house.tamper(f"UPDATE stored_events SET state=x'{new}' WHERE rowid={position}")


def test_an_introduction_by_another_key_introduces_nobody(house: House) -> None:
    """A stranger signs his own key in, and everything after it."""
    other = stranger(house)
    event = introduction(other.certificate)
    introduce(house, event)  # As if: the true key signed it, then the stranger's takes its place.
    house.close()
    resigned(house, other, 2)
    assert house.kinds() == {"signed-by-another-key"}
    assert house.kinds(keys=None, pinned=first_of(house)) == {"signed-by-another-key"}
    with pytest.raises(IntegrityError, match="signed-by-another-key"):
        house.open().load(RING)


def test_the_old_key_after_its_turn_is_seen(house: House) -> None:
    """Who took the old key signs a later event with it."""
    old = house.keys
    dossier = house.open_dossier()
    rotate(house)
    house.append(dossier, 3, corrected("0955"))
    assert house.kinds() == set()
    house.close()
    resigned(house, old, 6)
    assert house.kinds() == {"signed-by-key-out-of-turn"}
    assert house.kinds(keys=None, pinned=first_of(house)) == {"signed-by-key-out-of-turn"}
    with pytest.raises(IntegrityError, match="signed-by-key-out-of-turn"):
        house.open().load(dossier)
    assert house.open().examine([6])[0].state == "signed-by-key-out-of-turn"


def test_the_new_key_before_its_turn_is_seen(house: House) -> None:
    dossier = house.open_dossier()
    rotate(house)
    house.close()
    resigned(house, house.keys, 4)
    assert "signed-by-key-out-of-turn" in house.kinds()
    with pytest.raises(IntegrityError, match="signed-by-key-out-of-turn"):
        house.open().load(dossier)


def test_an_introduction_moved_behind_what_the_new_key_signed_is_seen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.open_dossier()
    rotate(house)  # Position 5.
    house.append(house.new("dossier"), 0, opened("H33.05-7.HS"))
    house.close()
    house.tamper(
        "UPDATE stored_events SET rowid=99 WHERE rowid=5",
        "UPDATE stored_events SET rowid=5 WHERE rowid=6",
        "UPDATE stored_events SET rowid=6 WHERE rowid=99",
    )
    assert house.kinds() == {"signed-by-key-out-of-turn"}
    monkeypatch.setattr(verification, "_SPAN", 1)
    assert house.kinds(keys=None, processes=2) == {"signed-by-key-out-of-turn"}


def test_a_rotation_taken_back_is_seen_by_whoever_holds_the_new_key(house: House) -> None:
    with closing(sqlite3.connect(house.path)) as live:
        older = live.serialize()
        rotate(house)
    house.close()
    for beside in house.folder.glob("journal.sqlite-*"):
        beside.unlink()
    house.path.write_bytes(older)
    assert house.kinds(pinned=first_of(house)) == {"certificate-not-introduced"}


# ---------------------------------------------------------------- compromised keys


def test_what_a_key_signed_after_it_was_stolen_is_counted_as_doubtful(house: House) -> None:
    house.open_dossier()
    house.clock.at = MORNING.replace(hour=5)
    stolen = house.clock.now()
    house.clock.at = MORNING.replace(hour=6)
    house.append(house.new("dossier"), 0, opened("H33.05-8.HS"))
    old = first_of(house)
    rotate(house)
    house.clock.at = SystemClock().now()
    house.append(RING, 1, KeyCompromised(old, write_time(stolen), KeyGround.DISCLOSED))
    found = house.inspect(pinned=old)
    assert not found.findings
    assert found.doubtful == 2  # The dossier and the introduction; not what came before.
    assert house.inspect(pinned=old, processes=2).doubtful == 2


def test_what_others_had_dated_before_the_theft_is_not_in_doubt(house: House) -> None:
    """Who has the key can write any time into an event; not into a token that was checked."""
    file = FileObject(Digest("sha256:" + "0" * 64), Digest("sha512:" + "0" * 128), 1, "text/plain")

    def attested(size: int) -> CheckpointAttested:
        token = TimeToken("tsa", "2020-01-01T00:00:00Z", date(2099, 1, 1), file)
        return CheckpointAttested(size, file, (), (token,))

    house.open_dossier()  # Positions 2 to 4.
    house.append(attestations_of(ARCHIVE), 0, attested(3))
    house.append(attestations_of(ARCHIVE), 1, attested(5))
    old = first_of(house)
    rotate(house)  # Position 7, dated by the real clock.
    house.clock.at = SystemClock().now()
    since = MORNING.replace(hour=5)
    house.append(RING, 1, KeyCompromised(old, write_time(since), KeyGround.LOST))
    before, later = since - timedelta(hours=1), since + timedelta(hours=4)
    assert house.inspect(pinned=old, dated={5: before, 6: later}).doubtful == 4  # 4 to 7.
    assert house.inspect(pinned=old, dated={5: before, 6: since}).doubtful == 2  # 6 and 7.
    # What an event says of a token that nobody checked bounds nothing: the events' own times do.
    assert house.inspect(pinned=old, dated={}).doubtful == house.inspect(pinned=old).doubtful == 1
    assert house.inspect(pinned=old, dated={5: later, 6: later}).doubtful == 1
    # Nor does a position that holds no attestation.
    assert house.inspect(pinned=old, dated={2: before, 99: before}).doubtful == 1


@pytest.mark.parametrize(
    "alter",
    [
        lambda data: data | {"size": "x"},
        lambda data: data | {"size": 9_000_000_000},
        lambda data: [data],
    ],
    ids=[
        "a size that is none",
        "more than there is",
        "a list",
    ],
)
def test_an_attestation_that_a_thief_wrote_hides_nothing_and_stops_nothing(
    house: House, alter: Callable[[dict[str, Any]], object]
) -> None:
    file = FileObject(Digest("sha256:" + "0" * 64), Digest("sha512:" + "0" * 128), 1, "text/plain")
    token = TimeToken("tsa", "2020-01-01T00:00:00Z", date(2099, 1, 1), file)
    house.open_dossier()  # Positions 2 to 4.
    house.append(attestations_of(ARCHIVE), 0, CheckpointAttested(1, file, (), (token,)))
    ((state,),) = house.rows("SELECT state FROM stored_events WHERE rowid=5")
    said = open_envelope(state).payload
    forged = house.keys.signer.sign(said | {"data": alter(said["data"])}).hex()
    old = first_of(house)
    rotate(house)
    house.clock.at = SystemClock().now()
    house.append(RING, 1, KeyCompromised(old, "2026-03-02T00:00:00.000000Z", KeyGround.LOST))
    house.tamper(f"UPDATE stored_events SET state=x'{forged}' WHERE rowid=5")
    dated = {5: MORNING - timedelta(days=99)}
    found = house.inspect(pinned=old, dated=dated)
    # All that the lost key has signed; a row that cannot be read at all is found instead.
    assert found.doubtful + any(each.where == "5" for each in found.findings) >= 6


# ---------------------------------------------------------------- by other people's tools


def jwk_of(pem: bytes) -> dict[str, str]:
    return dict(JWK.from_pem(pem).export(private_key=False, as_dict=True))


def test_other_libraries_verify_an_event_of_each_key(house: House) -> None:
    rotate(house)
    rotate(house)
    house.append(house.new("dossier"), 0, opened("H33.05-6.HS"))
    certificates = (*house.keys.retired, house.keys.certificate)
    rows = [state for (state,) in house.rows("SELECT state FROM stored_events ORDER BY rowid")]
    for envelope, certificate in zip((rows[0], *rows[2:]), certificates, strict=True):
        pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        assert tools.openssl_signature(envelope.decode(), pem).accepted
        assert tools.joserfc(envelope.decode(), jwk_of(pem)).accepted
        wrong = (
            certificates[certificates.index(certificate) - 1]
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        assert not tools.openssl_signature(envelope.decode(), wrong).accepted
