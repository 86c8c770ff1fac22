"""Agencies that witness each other: archives and witnesses as administrators run them."""

import shutil
import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from domain.errors import IntegrityError
from infrastructure.bootstrap import messages, opened
from infrastructure.clock import SystemClock
from infrastructure.evidence.notes import COSIGNATURE, VerifierKey, parse_body, parse_note
from infrastructure.evidence.policy import read_policy
from infrastructure.evidence.witness import LogWitness
from infrastructure.evidence.witnesses import HttpWitness
from tests.cli.desk import Chauban
from tests.evidence.archives import add_events, archive_with, settings_of
from tests.evidence.logs import KEY, ORIGIN, VERIFIER
from tests.evidence.witnessing import running
from tests.foreign import tools
from tests.foreign.reference_log import checkpoint

ALPHA, BETA = "alpha.example/log", "beta.example/log"


def founded(folder: Path, origin: str) -> Chauban:
    with archive_with(folder, 3, CHAUBAN_LOG_ORIGIN=origin):
        pass
    return Chauban(folder / "archive")


def more_events(folder: Path, count: int) -> None:
    with opened(settings_of(folder)) as house:
        add_events(house, count)


def policy_of(path: Path, log: str, vkey: str, url: str) -> Path:
    path.write_text(f"# Ai làm chứng\nlog {log}\nwitness other {vkey} {url}\nquorum other\n")
    return path


@pytest.mark.services
def test_two_archives_witness_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each agency runs `chauban witness serve` for the other's log, as real processes."""
    names = {"alpha": ALPHA, "beta": BETA}
    chauban = {name: founded(tmp_path / name, origin) for name, origin in names.items()}
    vkeys = {name: each.json("log", "status")["key"] for name, each in chauban.items()}
    other = {"alpha": "beta", "beta": "alpha"}
    with ExitStack() as stack:
        policies = {}
        for name, each in chauban.items():
            folder = str(tmp_path / f"{name}-witness")
            vkey = each.json("witness", "init", folder, "--name", f"{name}.example/w")["vkey"]
            assert VerifierKey.parse(vkey).kind == COSIGNATURE
            told = each.json("witness", "log", folder, vkeys[other[name]])
            assert told == {"origin": names[other[name]]}
            started = stack.enter_context(running(Path(folder)))
            assert started.vkey == vkey
            path = tmp_path / f"{other[name]}.policy"
            policies[other[name]] = policy_of(path, vkeys[other[name]], vkey, started.url)

        for step in range(2):
            for name, each in chauban.items():
                monkeypatch.setenv("CHAUBAN_LOG_POLICY", str(policies[name]))
                attested = each.json("log", "attest")["attested"]
                out = tmp_path / f"{name}-out-{step}"
                each.json("log", "export", str(out))
                note = (out / "attested" / str(attested["size"]) / "checkpoint").read_bytes()

                policy = read_policy(out / "policy")
                assert policy.raw == policies[name].read_bytes()
                assert policy.check(note).size == attested["size"]
                assert tools.torchwood_checkpoint(policy.raw.decode(), note).accepted
                assert tools.fsck(out, vkeys[name]).accepted

                alone = note.rpartition("\u2014".encode())[0]
                with pytest.raises(IntegrityError, match="policy-not-met"):
                    policy.check(alone)
                assert not tools.torchwood_checkpoint(policy.raw.decode(), alone).accepted
                with pytest.raises(IntegrityError, match="note-not-signed"):
                    read_policy(policies[other[name]]).check(note)
                more_events(tmp_path / name, 300)


def test_an_older_copy_of_an_archive_is_not_cosigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who has only the archive, its keys and its backups rewrites what was witnessed."""
    chauban = founded(tmp_path / "true", ALPHA)
    log = chauban.json("log", "status")["key"]
    chauban.json("witness", "init", str(tmp_path / "witness"), "--name", "witness.example/w")
    chauban.json("witness", "log", str(tmp_path / "witness"), log)
    chauban.json("log", "export", str(tmp_path / "early"))
    shutil.copytree(tmp_path / "true", tmp_path / "older")
    with running(tmp_path / "witness") as started:
        policy = policy_of(tmp_path / "policy", log, started.vkey, started.url)
        monkeypatch.setenv("CHAUBAN_LOG_POLICY", str(policy))
        more_events(tmp_path / "true", 100)
        assert chauban.json("log", "attest")["silent"] == []
        more_events(tmp_path / "true", 1)
        assert chauban.json("log", "attest")["silent"] == []

        older = Chauban(tmp_path / "older" / "archive")
        (ahead,) = older.json("log", "attest", code=1)["silent"]
        assert (ahead["name"], ahead["code"]) == ("witness.example/w", "witness-ahead")
        more_events(tmp_path / "older", 200)
        (said,) = older.json("log", "attest", code=1)["silent"]
        assert said["code"] == "witness-unproved"
        assert said["details"]["seen"] == ahead["details"]["seen"]

        # Whoever looks later is told, in words, and nobody is asked for it.
        started.stop()
        said = older("log", "status")
        assert said.code == 1
        assert "BÁO ĐỘNG" in said.out
        assert "ngừng cấp chứng cứ" in said.out
        assert "bản cũ hoặc là một lịch sử khác" in said.out
        (alarm, *_) = older.json("log", "status", code=1)["troubles"]
        assert alarm["code"] == "witness-unproved"
        assert "ALARM" in older("doctor", "--lang", "en").out
        assert chauban.json("log", "status")["troubles"] == []


def test_a_fork_of_the_same_size_is_told_loudly_on_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chauban = founded(tmp_path / "true", ALPHA)
    log = chauban.json("log", "status")["key"]
    folder = str(tmp_path / "witness")
    chauban.json("witness", "init", folder, "--name", "witness.example/w")
    chauban.json("witness", "log", folder, log)
    shutil.copytree(tmp_path / "true", tmp_path / "other")
    other = Chauban(tmp_path / "other" / "archive")
    with running(tmp_path / "witness") as started:
        policy = policy_of(tmp_path / "policy", log, started.vkey, started.url)
        monkeypatch.setenv("CHAUBAN_LOG_POLICY", str(policy))
        more_events(tmp_path / "true", 2)
        size = chauban.json("log", "attest")["attested"]["size"]
        more_events(tmp_path / "other", 2)
        (said,) = other.json("log", "attest", code=1)["silent"]
        assert (said["code"], said["details"]["size"]) == ("witness-forked", size)
        told = chauban.json("witness", "status", folder, code=1)
        (fork,) = told["forks"]
        for note in fork["notes"]:
            parse_note(note.encode()).by(VerifierKey.parse(log))
    roots = [parse_body(parse_note(note.encode()).text).root.hex() for note in fork["notes"]]
    assert (fork["roots"], fork["size"], fork["origin"]) == (roots, size, ALPHA)
    assert len(set(roots)) == 2
    said = other("log", "attest")
    said = other("log", "status")
    assert "đã ký xác nhận một lịch sử khác" in said.out
    checks = other("--json", "doctor", "--lang", "en").json["checks"]
    (first, *_) = [each for each in checks if each["name"] == "attestation"]
    assert not first["ok"]
    assert "cosigned another history of this log" in first["what"]
    assert "It has refused since 20" in first["what"]


def test_the_logs_of_a_witness_are_listed_and_withdrawn(tmp_path: Path) -> None:
    chauban, folder = Chauban(tmp_path / "none"), str(tmp_path / "w")
    vkey = chauban.json("witness", "init", folder, "--name", "witness.example/w")["vkey"]
    empty = {"key": vkey, "logs": [], "forks": []}
    assert chauban.json("witness", "status", folder) == empty
    chauban.json("witness", "log", folder, VERIFIER.text)
    asked = b"old 0\n\n" + checkpoint(ORIGIN, 5, bytes(32), KEY)
    witness, now = LogWitness(tmp_path / "w", messages(english=True)), SystemClock().now()
    assert witness.add_checkpoint(asked, now).status == 200
    log = {"origin": ORIGIN, "size": 5, "root": "00" * 32, "keys": [VERIFIER.text]}
    assert chauban.json("witness", "status", folder)["logs"] == [log]

    chauban.json("witness", "log", folder, "--withdraw", ORIGIN)
    assert witness.add_checkpoint(asked, now).status == 404
    assert chauban.json("witness", "status", folder)["logs"] == [log | {"keys": []}]
    assert "đã thôi làm chứng" in chauban("witness", "status", folder).out
    assert chauban.refused("witness", "log", folder, "--withdraw", ORIGIN) == "witness-log-unknown"
    assert chauban.refused("witness", "log", folder) == "usage"
    # Its memory stays: another branch is not signed because somebody withdrew the log.
    chauban.json("witness", "log", folder, VERIFIER.text)
    other = b"old 0\n\n" + checkpoint(ORIGIN, 4, bytes(32), KEY)
    assert witness.add_checkpoint(other, now).status == 409
    witness.close()


def test_a_witness_of_an_older_make_goes_on(tmp_path: Path) -> None:
    chauban, folder = Chauban(tmp_path / "none"), str(tmp_path / "w")
    chauban.json("witness", "init", folder, "--name", "witness.example/w")
    chauban.json("witness", "log", folder, VERIFIER.text)
    with closing(sqlite3.connect(tmp_path / "w" / "witness.sqlite")) as database:
        database.execute("DROP TABLE IF EXISTS cosigned")
        database.execute("DROP TABLE IF EXISTS fork")
        database.execute("UPDATE log SET size = 5, root = zeroblob(32)")
        database.commit()
    witness = LogWitness(tmp_path / "w", messages(english=True))
    forked = b"old 5\n\n" + checkpoint(ORIGIN, 5, b"\x01" * 32, KEY)
    assert witness.add_checkpoint(forked, SystemClock().now()).status == 409
    (fork,) = witness.forks()
    assert fork.notes[0] is None
    assert "-" in chauban("witness", "status", folder).out.split()
    witness.close()


def test_a_witness_needs_no_archive(tmp_path: Path) -> None:
    nowhere = Chauban(tmp_path / "none")
    folder = str(tmp_path / "deep" / "witness")
    said = nowhere("witness", "init", folder, "--name", "witness.example/w", "--lang", "en")
    assert said.code == 0
    vkey = said.out.splitlines()[-1]
    assert VerifierKey.parse(vkey).name == "witness.example/w"
    assert nowhere.refused("witness", "init", folder, "--name", "witness.example/w") == (
        "witness-exists"
    )
    assert nowhere.refused("witness", "init", f"{folder}2", "--name", "a b") == "witness-name"
    for wrong in ("", "x", vkey, VERIFIER.text[:-1], f"{VERIFIER.text}A"):
        assert nowhere.refused("witness", "log", folder, wrong) == "verifier-key", wrong
    assert nowhere("witness", "log", folder, VERIFIER.text).code == 0
    assert nowhere("witness", "log", folder, VERIFIER.text).code == 0
    for verb in (("log", f"{folder}3", VERIFIER.text), ("serve", f"{folder}3")):
        assert nowhere.refused("witness", *verb, code=3) == "witness-missing"
    assert not (tmp_path / "deep" / "witness3").exists()
    assert not (tmp_path / "none").exists()
    assert (tmp_path / "deep" / "witness" / "witness.sqlite").stat().st_mode & 0o077 == 0
    assert not (tmp_path / "deep" / "witness2").exists()


def test_a_witness_that_lost_its_memory_lost_its_key(tmp_path: Path) -> None:
    """It cannot be tricked into signing another branch by taking its file away."""
    chauban = Chauban(tmp_path / "none")
    chauban.json("witness", "init", str(tmp_path / "w"), "--name", "witness.example/w")
    chauban.json("witness", "log", str(tmp_path / "w"), VERIFIER.text)
    witness = LogWitness(tmp_path / "w", messages(english=True))
    before = witness.key
    for file in (tmp_path / "w").iterdir():
        file.unlink()
    asked = b"old 0\n\n" + checkpoint(ORIGIN, 5, bytes(32), KEY)
    assert witness.add_checkpoint(asked, SystemClock().now()).status == 404
    witness.close()
    again = chauban.json("witness", "init", str(tmp_path / "w2"), "--name", "witness.example/w")
    assert again["vkey"] != before


def test_doctor_names_the_witnesses_and_a_policy_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chauban = founded(tmp_path, ALPHA)
    log = chauban.json("log", "status")["key"]

    def check() -> dict[str, object]:
        checks = chauban("--json", "doctor", "--lang", "en").json["checks"]
        (found,) = [each for each in checks if each["name"] == "witnesses"]
        return dict(found)

    assert check()["what"] == "none; this archive alone vouches for its log"
    path = tmp_path / "policy"
    monkeypatch.setenv("CHAUBAN_LOG_POLICY", str(path))
    assert check()["ok"] is False
    assert "cannot be read" in str(check()["what"])
    assert chauban.refused("log", "status", code=3) == "policy-unreadable"
    chauban.json("witness", "init", str(tmp_path / "w"), "--name", "witness.example/w")
    witness = LogWitness(tmp_path / "w", messages(english=True))
    policy_of(path, log, witness.key, "https://witness.example/w")
    assert (check()["ok"], check()["what"]) == (True, "1 are asked")
    with opened(settings_of(tmp_path, CHAUBAN_LOG_POLICY=str(path))) as house:
        (asked,) = house.archive.witnesses
        assert isinstance(asked, HttpWitness)
        assert (asked.name, asked.key) == ("witness.example/w", witness.key)
    policy_of(path, log, witness.key, "http://witness.example/w")
    assert "https" in str(check()["what"])
    policy_of(path, VERIFIER.text, witness.key, "")
    assert "another log" in str(check()["what"])
    path.write_text("quorum many\n")
    assert "line 1" in str(check()["what"])
    assert chauban.refused("log", "status") == "policy-malformed"
    witness.close()
