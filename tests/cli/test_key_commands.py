"""`chauban keys`: other keys while the archive is at work, killed at any moment, kept and restored,
and what a key that fell into other hands is still good for."""

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from infrastructure.evidence.notes import VerifierKey, parse_note
from tests.cli.desk import Chauban
from tests.foreign.key_token import softhsm
from tests.story.processes import kill_group, run_killed_after, start

PASSPHRASE = "mười lăm chữ trở lên"
_WAIT_SECONDS = 60


def headers(chauban: Chauban) -> list[str]:
    """The protected header of every event: which key signed it."""
    with closing(sqlite3.connect(chauban.folder / "journal.sqlite")) as db:
        rows = db.execute("SELECT state FROM stored_events ORDER BY rowid").fetchall()
    return [state.partition(b".")[0].decode() for (state,) in rows]


def first_of(chauban: Chauban) -> str:
    return str(chauban.json("keys", "list")["keys"][0]["key"])


def verified(chauban: Chauban, pin: str) -> dict[str, object]:
    found = chauban.json("verify", "--certificate", pin)
    assert found["ok"], found["findings"]
    return found


def test_keys_are_rotated_while_a_worker_reads(chauban: Chauban, papers: Path) -> None:
    """The worker was there before; what it records afterwards, it signs with the new key, and the
    log goes on under its own new one."""
    pin = first_of(chauban)
    worker = start("api.cli", "--archive", str(chauban.folder), "worker")
    try:
        wait_for_log(chauban)
        first = chauban.json("keys", "rotate", "--why", "scheduled")["certificate"]
        chauban.json("keys", "rotate", "--log", "--why", "scheduled")
        wait_for_log(chauban)
        both = (chauban.folder / "log" / "checkpoint").read_bytes()
        answer = chauban.json("ingest", str(papers / "a.jpg"), "--dossier", "HS-B")
        assert answer["state"] == "stored"
        second = chauban.json("keys", "rotate", "--why", "staff")["certificate"]
        wait_for_log(chauban)
    finally:
        kill_group(worker)
    last = (chauban.folder / "log" / "checkpoint").read_bytes()
    keys = chauban.json("keys", "list")["keys"]
    system = [each for each in keys if each["kind"] == "system"]
    assert [each["key"] for each in system] == [pin, first, second]
    assert [each["place"] for each in system] == [None, None, "file"]
    for each in system[:-1]:  # The read page is among what the second key signed.
        assert len(set(headers(chauban)[each["introduced"] : each["followed"]])) == 1
    assert system[1]["followed"] - system[1]["introduced"] > 5
    chauban.json("agent", "add", "Ông A", "--role", "leader", "--agency", "H33.05")
    assert len(set(headers(chauban))) == 3
    old, new = (VerifierKey.parse(each["key"]) for each in keys if each["kind"] == "log")
    parse_note(both).by(old)
    parse_note(both).by(new)
    parse_note(last).by(new)
    assert old.id not in {line.key for line in parse_note(last).lines}
    verified(chauban, pin)


def wait_for_log(chauban: Chauban) -> None:
    ends = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < ends:
        state = chauban.json("log", "status")
        if state["size"] and not state["waiting"]:
            return
        time.sleep(0.2)
    pytest.fail(f"the log did not follow: {state}")


def test_a_rotation_is_killed_at_any_moment(chauban: Chauban) -> None:
    pin = first_of(chauban)
    for milliseconds in (20, 40, 60, 80, 100, 120, 150, 200):
        run_killed_after(milliseconds, lambda: chauban.json("keys", "rotate", "--why", "weak"))
    chauban.json("agent", "add", "Ông A", "--role", "leader", "--agency", "H33.05")
    verified(chauban, pin)
    before = len(set(headers(chauban)))
    chauban.json("keys", "rotate", "--why", "weak")
    chauban.json("agent", "add", "Ông B", "--role", "leader", "--agency", "H33.05")
    assert len(set(headers(chauban))) == before + 1
    verified(chauban, pin)


def test_a_repeated_command_rotates_once(chauban: Chauban) -> None:
    answers = [
        chauban.json("--command", "rotation-1", "keys", "rotate", "--why", "moved")
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len([k for k in chauban.json("keys", "list")["keys"] if k["kind"] == "system"]) == 2


def test_keys_are_for_who_administers_everything(chauban: Chauban) -> None:
    for words in (("list",), ("rotate", "--why", "weak"), ("rotate", "--log", "--why", "weak")):
        assert chauban.refused("--as", "Thanh tra", "keys", *words) == "not-permitted"
    assert chauban.refused("keys", "rotate") == "reason-required"
    assert chauban.refused("keys", "rotate", "--why", "vì thích") == "invalid-key-ground"


def test_a_compromised_key_bounds_what_it_proves(chauban: Chauban) -> None:
    pin = first_of(chauban)

    def declare(key: str, since: str) -> tuple[str, ...]:
        return ("keys", "compromised", key, "--since", since, "--why", "disclosed")

    assert chauban.refused(*declare(pin, "2026-01-01")) == "key-still-signs"
    chauban.json("keys", "rotate", "--why", "disclosed")
    assert chauban.refused(*declare("0" * 64, "2026-01-01")) == "not-found"
    assert chauban.refused(*declare(pin, "2999-01-01")) == "instant-in-future"
    assert chauban.refused(*declare(pin, "hôm qua")) in ("invalid-moment", "invalid-date")
    assert chauban.refused(*declare(pin, "0001-01-01")) == "invalid-moment"
    now = chauban.json("keys", "list")["keys"][1]["at"]
    chauban.json(*declare(pin, now))
    found = verified(chauban, pin)
    assert "doubtful" not in found["checked"]  # type: ignore[operator]
    assert chauban.refused(*declare(pin, now)) == "key-compromised-earlier"
    chauban.json(*declare(pin, "2020-01-01"))
    found = verified(chauban, pin)
    signed = chauban.json("keys", "list")["keys"][0]["followed"]
    assert found["checked"]["doubtful"] == signed  # type: ignore[index]
    assert "key-compromised" in found["not_proved"]  # type: ignore[operator]
    assert chauban.json("keys", "list")["keys"][0]["compromised_since"].startswith("2019-12-31T17")
    log = [each for each in chauban.json("keys", "list")["keys"] if each["kind"] == "log"]
    chauban.json("keys", "rotate", "--log", "--why", "lost")
    chauban.json(*declare(log[0]["key"], "2026-01-01"))


def test_rotated_keys_come_back_from_recovery_file_and_backup(
    chauban: Chauban, tmp_path: Path
) -> None:
    pin = first_of(chauban)
    chauban.json("keys", "rotate", "--why", "scheduled")
    chauban.json("keys", "rotate", "--log", "--why", "scheduled")
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    told = ("--passphrase-file", str(tmp_path / "passphrase"))
    chauban.json("keys", "recovery", "-o", str(tmp_path / "recovery"), *told)
    chauban.json("backup", str(tmp_path / "backup"))
    shutil.rmtree(chauban.folder)
    shutil.rmtree(chauban.keys)
    chauban.json("keys", "recover", str(tmp_path / "recovery"), *told)
    (found,) = chauban.json("restore", str(tmp_path / "backup"), code=1)["findings"]
    assert found["kind"] == "log-head-missing"
    for words in (("log", "status"), ("doctor",)):
        said = chauban(*words)
        assert said.code == 1
        assert "Không ai biết nhật ký minh bạch đã ký đến đâu" in said.out
    said = chauban("log", "restart")
    assert said.code == 1
    assert "không rõ có sự kiện nào sau đó đã được ký hay không" in said.out
    chauban.json("log", "restart", "--why", "restored")
    for words in (("log", "status"), ("keys", "list")):
        assert "không rõ đã ký thêm hay không" in chauban(*words).out
    assert chauban.json("verify")["ok"]
    chauban.json("agent", "add", "Ông C", "--role", "leader", "--agency", "H33.05")
    chauban.json("keys", "rotate", "--why", "scheduled")
    verified(chauban, pin)


def test_doctor_says_where_the_key_is_and_when_its_certificate_ends(chauban: Chauban) -> None:
    checks = {each["name"]: each for each in json.loads(chauban("--json", "doctor").out)["checks"]}
    ends = chauban.json("keys", "list")["keys"][0]["ends"]
    assert checks["signing-key"]["ok"]
    assert ends in checks["signing-key"]["what"]


@pytest.mark.services
def test_an_archive_lives_with_its_key_in_a_token(tmp_path: Path) -> None:
    """Founded in the token, moved to a file and to another key of the token; the PIN is nowhere."""
    token = softhsm(tmp_path / "softhsm")
    (tmp_path / "pin").write_text(token.pin)
    empty = Chauban(tmp_path / "archive")

    def at(key: str) -> dict[str, str]:
        where = f"?module-path={token.module}&pin-source=file:{tmp_path / 'pin'}"
        return {"CHAUBAN_SIGNING_KEY": f"pkcs11:token={token.label};object={key}{where}"}

    def run(*words: str, key: str | None = None, code: int = 0) -> dict[str, object]:
        settings = {"SOFTHSM2_CONF": str(token.configuration), **(at(key) if key else {})}
        said = empty.process("--json", *words, env=settings)
        assert said.code == code, said
        assert token.pin not in said.out + said.err
        return said.json

    pin = str(run("init", key="system-1")["certificate"])
    run("agent", "add", "Ông A", "--role", "leader", "--agency", "H33")
    run("keys", "rotate", "--why", "moved")
    assert (empty.keys / "system.key.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")
    run("agent", "add", "Ông B", "--role", "leader", "--agency", "H33")
    run("keys", "rotate", "--why", "moved", key="system-2")
    assert run("keys", "rotate", "--why", "moved", key="system-2", code=2)["error"] == "key-known"
    run("agent", "add", "Ông C", "--role", "leader", "--agency", "H33")
    assert run("verify", "--certificate", pin)["ok"]
    places = [each["place"] for each in run("keys", "list")["keys"]]  # type: ignore[attr-defined]
    assert places == [None, None, "token", "file"]
    (tmp_path / "pin").write_text("000000")
    new = ("agent", "add", "Ông D", "--role", "leader", "--agency", "H33")
    assert run(*new, code=3)["error"] == "token-pin-wrong"
    assert run("verify", "--certificate", pin)["ok"]
