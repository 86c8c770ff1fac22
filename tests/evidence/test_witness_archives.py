"""Agencies that witness each other: archives and witnesses as administrators run them."""

import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

from domain.errors import IntegrityError
from infrastructure.bootstrap import opened
from infrastructure.clock import SystemClock
from infrastructure.evidence.notes import COSIGNATURE, VerifierKey
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

        older = Chauban(tmp_path / "older" / "archive")
        (said,) = older.json("log", "attest", code=3)["silent"]
        assert (said["name"], said["code"]) == ("witness.example/w", "witness-ahead")
        more_events(tmp_path / "older", 200)
        (said,) = older.json("log", "attest", code=3)["silent"]
        assert (said["code"], said["details"]["status"]) == ("witness-refused", 422)

        more_events(tmp_path / "true", 1)
        assert chauban.json("log", "attest")["silent"] == []


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
    witness = LogWitness(tmp_path / "w")
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
    witness = LogWitness(tmp_path / "w")
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
