"""Backup, keys, and an archive of which something is missing, altered or another's."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.desk import SENTENCE_A, Chauban

PASSPHRASE = "một câu dài dễ nhớ hơn mật khẩu"


def test_a_backup_comes_back_verified(chauban: Chauban, tmp_path: Path) -> None:
    done = chauban.json("backup", str(tmp_path / "backup"))
    assert done.keys() >= {"events", "objects", "bytes"}
    assert chauban.refused("backup", str(tmp_path / "backup")) == "backup-exists"
    assert chauban.refused("restore", str(tmp_path / "backup")) == "archive-exists"
    shutil.rmtree(chauban.folder)
    back = chauban.json("restore", str(tmp_path / "backup"))
    assert back["ok"] is True
    assert {name: back[name] for name in done} == done
    assert chauban.json("search", SENTENCE_A)["total"] == 1


def test_an_erasure_is_applied_again_after_a_restore(chauban: Chauban, tmp_path: Path) -> None:
    chauban.json("backup", str(tmp_path / "backup"))
    chauban.json("--as", "Lưu trữ A", "erase", "request", "HS-A", "--why", "Đề nghị")
    chauban.json("--as", "Lãnh đạo A", "erase", "approve", "HS-A", "--why", "Quyết định")
    shutil.rmtree(chauban.folder)
    back = chauban.json("restore", str(tmp_path / "backup"))
    assert (back["ok"], back["erasures"]) == (True, 1)
    assert chauban.json("show", "HS-A")["title"] is None
    assert chauban.json("search", SENTENCE_A)["total"] == 0


def test_an_altered_backup_is_refused(chauban: Chauban, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    chauban.json("backup", str(backup))
    with (backup / "journal.sqlite").open("ab") as journal:
        journal.write(b"x")
    shutil.rmtree(chauban.folder)
    assert chauban.refused("restore", str(backup), code=1) == "backup-altered"
    assert chauban.refused("restore", str(tmp_path), code=3) == "backup-missing"
    assert not chauban.folder.exists()


def test_keys_come_back_with_the_passphrase_alone(chauban: Chauban, tmp_path: Path) -> None:
    file, secret = tmp_path / "recovery", tmp_path / "passphrase"
    secret.write_text(f"{PASSPHRASE}\n")
    written = chauban("--json", "keys", "recovery", "-o", str(file), stdin=f"{PASSPHRASE}\n")
    assert written.json == {"keys": 6}
    again = ("keys", "recovery", "-o", str(file), "--passphrase-file", str(secret))
    assert chauban.refused(*again) == "file-exists"
    assert chauban("keys", "recovery", "-o", f"{file}2", stdin="ngắn\n").code == 2
    recovering = ("keys", "recover", str(file), "--passphrase-file")
    assert chauban.refused(*recovering, str(secret)) == "keys-exist"
    shutil.rmtree(chauban.keys)
    assert chauban.refused("show", "HS-A", code=3) == "key-missing"
    assert chauban("--json", "keys", "recover", str(file), stdin="sai\n").json["error"] == (
        "passphrase-wrong"
    )
    assert chauban.refused(*recovering, str(tmp_path / "none")) == "file-unreadable"
    assert chauban.json(*recovering, str(secret)) == {"keys": 6}
    assert chauban.json("verify")["ok"] is True
    assert PASSPHRASE not in file.read_text()


def test_what_is_missing_is_named(chauban: Chauban, tmp_path: Path) -> None:
    nowhere = Chauban(tmp_path / "nowhere")
    assert nowhere.refused("work", code=3) == "archive-missing"
    checks = {check["name"]: check for check in nowhere.json("doctor", code=1)["checks"]}
    assert checks["archive"]["ok"] is False
    assert checks["keys"]["ok"] is False
    (chauban.keys / "system.key.pem").unlink()
    for words in (("show", "HS-A"), ("verify",), ("backup", str(tmp_path / "b"))):
        assert chauban.refused(*words, code=3) == "key-missing"
    assert chauban.json("doctor", code=1)["checks"]
    assert not (tmp_path / "b").exists()


def test_the_keys_of_another_archive_open_nothing(chauban: Chauban, tmp_path: Path) -> None:
    other = Chauban(tmp_path / "other")
    other.json("init")
    shutil.rmtree(chauban.keys)
    shutil.copytree(other.keys, chauban.keys)
    assert chauban.refused("show", "HS-A", code=3) == "key-of-another-archive"
    opening = next(c for c in chauban.json("doctor", code=1)["checks"] if c["name"] == "opening")
    assert opening["ok"] is False
    shutil.copy(other.keys / "system.cert.pem", chauban.keys)
    (chauban.keys / "personal.key").write_bytes(b"short")
    assert chauban.refused("show", "HS-A", code=3) == "key-damaged"


@pytest.mark.parametrize("name", ["journal.sqlite", "archive.json"])
def test_a_missing_file_is_named(chauban: Chauban, name: str) -> None:
    (chauban.folder / name).unlink()
    expected = {"journal.sqlite": "journal-missing", "archive.json": "archive-missing"}
    assert chauban.refused("show", "HS-A", code=3) == expected[name]


def test_an_altered_event_is_shown_as_such_and_hides_no_other(
    chauban: Chauban, record_a: str
) -> None:
    count = len(chauban.json("history", "HS-A")["events"])
    tamper(chauban, "UPDATE stored_events SET state = replace(CAST(state AS TEXT), '.', '.A') "
           "WHERE topic = 'record-described/1' AND originator_id = ?", record_a)  # fmt: skip
    events = chauban.json("history", "HS-A", code=1)["events"]
    assert len(events) == count
    damaged = [event for event in events if event["signature"] != "intact"]
    assert [event["type"] for event in damaged] == ["record-described/1"]
    assert damaged[0]["by"] is None
    assert chauban("history", "HS-A").out.count("CHỮ KÝ KHÔNG CÒN NGUYÊN VẸN") == 1
    assert chauban("--lang", "en", "history", record_a).out.count("SIGNATURE NOT INTACT") == 1
    assert chauban.refused("--as", "Quét B", "history", "HS-A") == "not-found"
    assert chauban.refused("--as", "Quét B", "history", record_a) == "not-found"
    assert chauban.json("show", record_a, code=1)["error"]
    found = chauban.json("verify", record_a, code=1)
    assert found["ok"] is False
    assert found["findings"]


def test_an_event_that_is_gone_leaves_its_place_in_the_history(
    chauban: Chauban, record_a: str
) -> None:
    tamper(chauban, "DELETE FROM stored_events WHERE topic = 'record-read/1' "
           "AND originator_id = ?", record_a)  # fmt: skip
    events = chauban.json("history", record_a, code=1)["events"]
    states = [event["signature"] for event in events]
    assert "event-missing" in states
    assert "chain-broken" in states
    assert chauban("history", record_a).code == 1
    assert chauban.json("verify", code=1)["findings"]


def tamper(chauban: Chauban, statement: str, *values: str) -> None:
    """As somebody with the file in his hands."""
    connection = sqlite3.connect(chauban.folder / "journal.sqlite")
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    for (name,) in connection.execute(triggers).fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.execute(statement, values)
    connection.commit()
    connection.close()


def test_a_kept_checkpoint_gives_way_only_to_one_that_continues_it(
    chauban: Chauban, tmp_path: Path
) -> None:
    file = tmp_path / "kept.checkpoint"
    chauban.json("log", "export", str(tmp_path / "export-0"))
    answer = chauban.json("verify", "--remember", str(file))
    assert answer["remembered"] == str(file)
    first = file.read_bytes()
    shutil.copytree(chauban.folder, tmp_path / "older")
    shutil.copytree(chauban.keys, tmp_path / "older.keys")
    chauban.json("dossier", "open", "--agency", "H33.05", "--title", "Thử")
    chauban.json("log", "export", str(tmp_path / "export-1"))
    assert str(file) in chauban("verify", "--hashes", "--remember", str(file)).out
    second = file.read_bytes()
    assert second != first

    older = Chauban(tmp_path / "older")
    answer = older.json("verify", "--remember", str(file), code=1)
    assert {each["kind"] for each in answer["findings"]} == {"log-shorter-than-remembered"}
    assert "remembered" not in answer
    older.json("dossier", "open", "--agency", "H33.05", "--title", "Khác")
    older.json("log", "export", str(tmp_path / "export-2"))
    answer = older.json("verify", "--remember", str(file), code=1)
    assert "remembered" not in answer
    assert file.read_bytes() == second

    file.write_bytes(b"a letter")
    assert chauban.refused("verify", "--remember", str(file)) == "not-a-checkpoint"
    assert chauban.refused("verify", "HS-A", "--remember", str(tmp_path / "new")) == (
        "log-covers-everything"
    )
    assert file.read_bytes() == b"a letter"


@pytest.mark.parametrize("name", ["views.sqlite", "index"])
def test_a_damaged_view_keeps_nobody_from_verifying_and_rebuilding(
    chauban: Chauban, name: str
) -> None:
    place = chauban.folder / name
    files = [place] if place.is_file() else [p for p in place.rglob("*") if p.is_file()]
    for file in files:
        file.write_bytes(b"damaged" * 100)
    found = chauban("--json", "verify")
    assert "unexpected" not in found.out
    assert found.json.get("error") is None
    assert [each["name"] for each in chauban.json("rebuild")["rebuilt"]]
    assert chauban.json("search", SENTENCE_A)["total"] == 1
    assert chauban.json("verify")["ok"] is True


def test_flipped_bytes_are_never_handed_out(
    chauban: Chauban, record_a: str, tmp_path: Path
) -> None:
    digest = next(
        item["sha256"].partition(":")[2]
        for item in chauban.json("show", record_a)["representations"]
        if item["kind"] == "original"
    )
    (stored,) = [path for path in (chauban.folder / "objects").rglob("*") if digest in path.name]
    stored.chmod(0o600)
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 1
    stored.write_bytes(content)
    target = tmp_path / "out.jpg"
    assert chauban.refused("get", record_a, "-o", str(target), code=1) == "bytes-altered"
    assert not target.exists()
    kinds = {each["kind"] for each in chauban.json("verify", code=1)["findings"]}
    assert "object-altered" in kinds
