"""What a pack shows depends on who asks for it and on what became of the papers: isolated and
erased things are in none, and keys that changed are followed from the first certificate."""

import base64
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.errors import NotFoundError
from domain.keyring import KeyGround
from domain.record import IsolationGround
from domain.services import description, erasing, evidencing, keys, oversight
from domain.services.reading_record import reads_of
from domain.values import StreamId
from tests.cli.desk import Chauban
from tests.evidence.packs import Case, checked, event_files, payload_of, unpacked
from tests.story.place import Desk, Place


@pytest.fixture
def place(made: Case, tmp_path: Path) -> Place:
    """A copy for one test; nobody outside is asked any more."""
    return made.place.copy(tmp_path / "own")


def pack_of(desk: Desk, target: StreamId, folder: Path) -> Path:
    made = evidencing.pack(desk.archive, desk.request(), target)
    return unpacked(b"".join(made.chunks), folder)


def told(pack: Path) -> str:
    """Everything that the disclosures of a pack say."""
    lines = [
        line
        for path in sorted((pack / "disclosures").glob("*.txt"))
        for line in path.read_text().splitlines()
    ]
    return "\n".join(
        base64.urlsafe_b64decode(each + "=" * (-len(each) % 4)).decode() for each in lines
    )


def test_an_isolated_record_is_in_no_pack(made: Case, place: Place, tmp_path: Path) -> None:
    with place.open() as desk:
        description.isolate(
            desk.archive,
            desk.request(),
            made.record,
            ground=IsolationGround.STRANGER,
            reason="giấy tờ của người khác",
        )
        desk.archive.views.catch_up()
        with pytest.raises(NotFoundError):
            evidencing.pack(desk.archive, desk.request(), made.record)
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    verdict = checked(pack, place.certificate)
    assert verdict.code == 0, verdict.said
    assert "told in part only" in verdict.said
    assert len(list((pack / "originals").iterdir())) == 1
    streams = {payload_of(path.read_text())["str"] for path in event_files(pack)}
    assert made.record not in streams
    assert "giấy tờ của người khác" not in told(pack)


def test_erased_fields_are_in_no_pack_and_it_is_genuine(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        erasing.request_erasure(desk.archive, desk.request(), made.dossier, reason="Đề nghị")
        erasing.approve_erasure(
            desk.archive,
            desk.request(by=place.people.leader),
            made.dossier,
            decision="Quyết định 12/QĐ-UBND",
        )
        desk.archive.views.catch_up()
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    verdict = checked(pack, place.certificate)
    assert verdict.code == 0, verdict.said
    assert "Trịnh Khuyến Thượng" not in told(pack)
    assert "Quyết định 12/QĐ-UBND" in told(pack)
    assert not (pack / "originals").exists()


def test_a_new_key_is_followed_from_the_first_certificate(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        keys.rotate_system_key(desk.archive, desk.request(), KeyGround.SCHEDULED)
        keys.rotate_log_key(desk.archive, desk.request(), KeyGround.SCHEDULED)
        desk.correct(made.dossier, "phone", "0900000001")
        desk.archive.views.catch_up()
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    assert len(list((pack / "certificates").iterdir())) == 2
    verdict = checked(pack, place.certificate)
    assert verdict.code == 0, verdict.said
    # The first key signs nothing after its turn, and the second one nothing before.
    assert checked(pack, "00" * 32).code == 1


def test_what_was_signed_after_a_key_was_lost_is_not_genuine(
    made: Case, place: Place, tmp_path: Path
) -> None:
    with place.open() as desk:
        since = desk.archive.clock.now()
        desk.correct(made.dossier, "phone", "0900000002")
        keys.rotate_system_key(desk.archive, desk.request(), KeyGround.DISCLOSED)
        keys.declare_compromised(
            desk.archive,
            desk.request(),
            place.certificate,
            since - timedelta(seconds=1),
            KeyGround.DISCLOSED,
        )
        desk.archive.views.catch_up()
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    verdict = checked(pack, place.certificate)
    assert verdict.code == 1
    assert "signed after its key was compromised" in verdict.said


def test_what_was_signed_before_a_key_was_lost_is_genuine(
    made: Case, place: Place, tmp_path: Path
) -> None:
    """The key that was lost has introduced the next one afterwards: it always does."""
    with place.open() as desk:
        since = desk.archive.clock.now()
        keys.rotate_system_key(desk.archive, desk.request(), KeyGround.DISCLOSED)
        keys.declare_compromised(
            desk.archive, desk.request(), place.certificate, since, KeyGround.DISCLOSED
        )
        desk.archive.views.catch_up()
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    verdict = checked(pack, place.certificate)
    assert verdict.code == 0, verdict.said


def test_an_altered_archive_gives_a_pack_that_says_so(
    made: Case, place: Place, tmp_path: Path
) -> None:
    from sqlite3 import connect

    journal = place.folder / "journal.sqlite"
    connection = connect(journal)
    for (name,) in connection.execute(
        "SELECT name FROM sqlite_master WHERE type='trigger'"
    ).fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    position, state = connection.execute(
        "SELECT rowid, state FROM stored_events WHERE topic='dossier-corrected/1'"
    ).fetchone()
    head, payload, signature = bytes(state).split(b".")
    said = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
    said["by"]["role"] = "leader"
    forged = base64.urlsafe_b64encode(
        json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
    ).rstrip(b"=")
    altered = b".".join((head, forged, signature))
    connection.execute("UPDATE stored_events SET state=? WHERE rowid=?", (altered, position))
    connection.commit()
    connection.close()
    output = tmp_path / "pack.zip"
    answer = Chauban(place.folder).json(
        "evidence", str(made.record), "-o", str(tmp_path / "record.zip")
    )
    assert answer["events"] > 0
    told = Chauban(place.folder)("evidence", str(made.dossier), "-o", str(output))
    assert told.code == 1
    assert f"{position}" in told.out
    assert "không còn đúng như khi kho ghi nhận" in told.out
    verdict = checked(unpacked(output.read_bytes(), tmp_path / "pack"), place.certificate)
    assert verdict.code == 1
    assert verdict.names(f"events/{position:06}.jws", "the system signature does not fit")


def test_the_command_writes_the_pack_and_keeps_that_it_did(
    made: Case, place: Place, tmp_path: Path
) -> None:
    output = tmp_path / "dossier.zip"
    chauban = Chauban(place.folder)
    answer = chauban.json(
        "evidence", "H33-2026-900.HS", "-o", str(output), "--without", "title", "phone"
    )
    assert answer["left_out"] == ["phone", "title"]
    assert answer["bytes"] == output.stat().st_size
    assert answer["certificate"] == place.certificate
    assert checked(unpacked(output.read_bytes(), tmp_path / "pack"), place.certificate).code == 0
    with place.open() as desk:
        assert [
            (each.kind, each.detail)
            for each in reads_of(desk.archive, desk.request(), made.dossier)
        ] == [("export", "evidence")]
        assert oversight.verify(desk.archive, desk.request(), progress=lambda *_: None).ok
    before = output.read_bytes()
    again = chauban.json("evidence", "H33-2026-900.HS", "-o", str(output), code=2)
    assert again["error"] == "file-exists"
    assert output.read_bytes() == before
    other = str(tmp_path / "other.zip")
    refused = chauban.json(
        "evidence", "H33-2026-900.HS", "-o", other, "--without", "colour", code=2
    )
    assert refused["error"] == "unknown-personal-field"


def test_the_usage_has_the_reference_where_it_is_read(place: Place) -> None:
    """Behind the fields that are left out it would be one of them."""
    chauban = Chauban(place.folder)
    words = ("--lang", "en", "-o", "x.zip", "--without", "title", "H33-2026-900.HS")
    swallowed = chauban("evidence", *words)
    assert swallowed.code == 2
    assert "chauban evidence [-h] REF -o FILE [--without FIELD" in swallowed.err


def test_what_is_recorded_while_a_pack_is_made_is_in_the_log_of_the_pack(
    made: Case, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found once: an event between the log's last look and the pack's had no proof."""
    with place.open() as desk:
        true = evidencing.history

        def slow(*words: Any) -> object:
            monkeypatch.setattr(evidencing, "history", true)
            desk.correct(made.dossier, "phone", "0900000003")
            desk.archive.views.catch_up()
            return true(*words)

        monkeypatch.setattr(evidencing, "history", slow)
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    verdict = checked(pack, place.certificate)
    assert verdict.code == 0, verdict.said


def test_a_lost_attestation_keeps_no_pack_from_being_made(made: Case, tmp_path: Path) -> None:
    place = made.place.copy(tmp_path / "place")
    with place.open() as desk:
        (attested,) = desk.archive.attestations.covering(1)
        for digest in (attested.checkpoint, *(each.token for each in attested.tokens)):
            for path in (place.folder / "objects").rglob(digest.hex):
                path.unlink()
        pack = pack_of(desk, made.dossier, tmp_path / "pack")
    verdict = checked(pack, place.certificate)
    assert verdict.code == 0, verdict.said
    assert "There is no time token" in verdict.said


@pytest.mark.parametrize("gone", ["token", "authority"])
def test_a_time_that_no_reader_could_check_is_not_claimed(
    made: Case, tmp_path: Path, gone: str
) -> None:
    with made.open() as desk:
        archive = replace(desk.archive, authorities=()) if gone == "authority" else desk.archive
        (attested,) = archive.attestations.covering(1)
        (token,) = attested.tokens
        (kept,) = (made.place.folder / "objects").rglob(token.token.hex)
        moved = kept.rename(tmp_path / "token") if gone == "token" else None
        try:
            found = evidencing.pack(archive, desk.request(), made.dossier)
            pack = unpacked(b"".join(found.chunks), tmp_path / "pack")
        finally:
            if moved is not None:
                moved.rename(kept)
    assert "dated" not in found.facts.proves
    assert "pack-not-dated" in found.facts.not_proved
    assert [each.kind for each in found.facts.attestations] == ["witness"]
    assert bool(list((pack / "checkpoints").glob("*.tsr"))) == (gone == "authority")
    verdict = checked(pack, made.place.certificate)
    assert verdict.code == 0, verdict.said
    assert "A time-stamp authority confirms" not in verdict.said


@pytest.mark.parametrize("without", ["signers", "signer_name"])
def test_who_signed_a_paper_is_left_out_of_corrections_too(
    made: Case, place: Place, tmp_path: Path, without: str
) -> None:
    with place.open() as desk:
        description.correct_record(
            desk.archive,
            desk.request(),
            made.record,
            field="signer_name",
            value="Người Ký Thay",
            reason="Ghi sai",
        )
        desk.archive.views.catch_up()
        named = evidencing.pack(desk.archive, desk.request(), made.dossier, without={without})
        pack = unpacked(b"".join(named.chunks), tmp_path / "pack")
    assert "Người Ký Thay" not in told(pack)
    assert checked(pack, place.certificate).code == 0
