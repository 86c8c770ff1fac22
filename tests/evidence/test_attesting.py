"""Attestation: what witnesses and authorities gave is kept, logged, shown and renewed."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.attestation import CheckpointAttested, stream_of
from domain.errors import ArchiveError, RuleError, UnavailableError
from domain.evidence import Attested, Checkpoint
from domain.services import Archive, attested, attesting, oversight
from domain.services.attesting import attest, attest_for, is_overdue, troubles
from infrastructure.bootstrap import House, messages, opened
from infrastructure.clock import SystemClock
from infrastructure.evidence.log_keys import verifier_of
from infrastructure.evidence.notes import (
    COSIGNATURE,
    cosigned,
    parse_body,
    parse_note,
    verifier_key,
)
from infrastructure.settings import Settings
from ingest import attestor
from tests.cli.desk import Chauban
from tests.evidence.archives import add_events, archive_with, request_of, settings_of
from tests.evidence.authorities import Authorities, running
from tests.foreign.tools import openssl_ts
from tests.foreign.verdict import run
from tests.services import program


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with running(tmp_path_factory.mktemp("authorities")) as started:
        yield started


@pytest.fixture(autouse=True)
def _restored(authorities: Authorities) -> Iterator[None]:
    yield
    for changed in (authorities.requests, authorities.answers, authorities.aliases):
        changed.clear()


def chosen(authorities: Authorities, folder: Path, *names: str) -> dict[str, str]:
    """What the environment says to have these authorities."""
    bundle = folder / "tsa-ca.pem"
    bundle.write_bytes(authorities.pem("root-a", "root-b"))
    return {
        "CHAUBAN_TSA": " ".join(f"{name}={authorities.url(name)}" for name in names),
        "CHAUBAN_TSA_CA": str(bundle),
    }


@dataclass(frozen=True)
class Later(SystemClock):
    """The clock of a machine some time from now."""

    ahead: timedelta

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class SmallWitness:
    """The port Witness: believes every checkpoint, and signs as witnesses do."""

    name: str
    fault: ArchiveError | None = None
    meanwhile: Callable[[], None] = lambda: None
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> str:
        return verifier_key(self.name, self.private, COSIGNATURE).text

    def cosign(
        self, checkpoint: Checkpoint, consistency: Callable[[int, int], Sequence[bytes]]
    ) -> str:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        if self.fault is not None:
            raise self.fault
        text = parse_note(checkpoint.note).text
        return cosigned(text, self.name, self.private, int(SystemClock().now().timestamp())).text


def events_of(archive: Archive) -> list[CheckpointAttested]:
    loaded = [each.event for each in archive.journal.load(stream_of(archive.id))]
    assert all(isinstance(each, CheckpointAttested) for each in loaded)
    return loaded  # type: ignore[return-value]


def sound(house: House) -> None:
    """The whole archive, with its views, as the auditor checks it."""
    house.archive.views.catch_up()
    result = oversight.verify(house.archive, request_of(house))
    assert result.ok, result.findings


def bare(reply: bytes) -> bytes:
    found: bytes = tsp.TimeStampResp.load(reply)["time_stamp_token"].dump()
    return found


def note_of(archive: Archive, found: Attested) -> bytes:
    return attested.content_of(archive, found.checkpoint)


def test_witnesses_cosign_and_authorities_date_what_they_cosigned(
    authorities: Authorities, tmp_path: Path
) -> None:
    witnesses = (SmallWitness("w.example/one"), SmallWitness("w.example/two"))
    with archive_with(tmp_path, 5, **chosen(authorities, tmp_path, "one", "two")) as house:
        archive = replace(house.archive, witnesses=witnesses)

        attempt = attest(archive)

        assert attempt.made
        assert attempt.silent == ()
        found = attempt.newest
        assert found is not None
        assert found.position == archive.journal.position() == found.size + 1
        assert found.witnesses == ("w.example/one", "w.example/two")
        note = parse_note(note_of(archive, found))
        assert parse_body(note.text).size == found.size
        note.by(verifier_of(house.settings.keys))
        for witness in witnesses:
            note.by(verifier_key(witness.name, witness.private, COSIGNATURE))
        assert [each.authority for each in found.tokens] == ["one", "two"]
        for token, root in zip(found.tokens, ("root-a", "root-b"), strict=True):
            reply = attested.content_of(archive, token.token)
            assert openssl_ts(note.raw, bare(reply), authorities.pem(root)).accepted
            assert archive.catalogue.referring(token.token) == {stream_of(archive.id)}
            assert abs(token.at - found.at) < timedelta(minutes=1)
        assert archive.catalogue.referring(found.checkpoint) == {stream_of(archive.id)}
        sound(house)


def test_nothing_is_recorded_twice_and_the_event_itself_is_nothing_new(
    authorities: Authorities, tmp_path: Path
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        archive = house.archive
        assert attest(archive).made
        authorities.asked.clear()
        for _ in range(2):
            again = attest(archive)
            assert not again.made
            assert again.newest is not None
        assert authorities.asked == []
        assert len(events_of(archive)) == 1
        assert not is_overdue(archive)

        add_events(house, 1)
        assert attest(archive).made
        first, second = events_of(archive)
        assert first.size + 2 == second.size
        assert second.size == archive.journal.position() - 1


def test_what_came_while_they_were_asked_is_new(authorities: Authorities, tmp_path: Path) -> None:
    with archive_with(tmp_path, 1) as house:
        witness = SmallWitness("w.example/one", meanwhile=lambda: add_events(house, 1))
        archive = replace(house.archive, witnesses=(witness,))
        assert attest(archive).made
        assert attest(archive).made
        assert not attest(archive).made


def test_two_who_attest_the_same_checkpoint_record_it_once(tmp_path: Path) -> None:
    with archive_with(tmp_path, 1) as house:
        inner: list[Any] = []
        witness = SmallWitness("w.example/one")
        archive = replace(house.archive, witnesses=(witness,))
        witness.meanwhile = lambda: inner.append(attest(archive))
        assert attest(archive).newest == inner[0].newest
        assert len(events_of(archive)) == 1
        sound(house)


def test_without_an_outsider_nothing_is_recorded(tmp_path: Path) -> None:
    with archive_with(tmp_path, 1) as house:
        before = house.archive.journal.position()
        attempt = attest(house.archive)
        assert (attempt.made, attempt.newest, attempt.silent) == (False, None, ())
        assert events_of(house.archive) == []
        assert house.archive.journal.position() <= before + 1  # The log's key at most.
        with pytest.raises(RuleError, match="no-outsiders"):
            attest_for(house.archive, request_of(house))


# ---------------------------------------------------------------- who gives nothing


def down(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start("503 Down", [("Content-Type", "text/plain")])
    return [b""]


def test_who_gives_nothing_is_named_and_hinders_nobody(
    authorities: Authorities, tmp_path: Path
) -> None:
    authorities.answers["two"] = down
    witnesses = (
        SmallWitness("w.example/gone", UnavailableError("witness-unavailable")),
        SmallWitness("w.example/here"),
    )
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "two", "one")) as house:
        archive = replace(house.archive, witnesses=witnesses)
        attempt = attest(archive)
        assert attempt.made
        assert [each.name for each in attempt.silent] == ["w.example/gone", "two"]
        assert [each.code for each in attempt.silent] == [
            "witness-unavailable",
            "authority-refused",
        ]
        (event,) = events_of(archive)
        assert event.witnesses == ("w.example/here",)
        assert [each.authority for each in event.tokens] == ["one"]

        # Nothing is new; they are asked again, and only who was missing counts.
        assert not attest(archive).made
        authorities.answers.clear()
        assert attest(archive).made
        assert [each.authority for each in events_of(archive)[-1].tokens] == ["two", "one"]
        assert not attest(archive).made
        assert len(events_of(archive)) == 2
        sound(house)


def test_when_nobody_answers_nothing_is_recorded(authorities: Authorities, tmp_path: Path) -> None:
    authorities.answers["one"] = down
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        attempt = attest(house.archive)
        assert (attempt.made, attempt.newest) == (False, None)
        assert [each.name for each in attempt.silent] == ["one"]
        assert events_of(house.archive) == []
        late = replace(house.archive, attest_every=timedelta(0))
        assert is_overdue(late)


def told_by(archive: Archive, after: timedelta) -> list[str]:
    """The codes of what is wrong with the outsiders, some time from now."""
    late = replace(archive, attest_every=timedelta(hours=1), clock=Later(after))
    return [each.code for each in troubles(late)]


def test_authorities_that_are_all_silent_are_told_while_a_witness_answers(
    authorities: Authorities, tmp_path: Path
) -> None:
    witness = SmallWitness("one")  # The name of an authority, too.
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one", "two")) as house:
        archive = replace(house.archive, witnesses=(witness,))
        assert told_by(archive, timedelta(hours=1)) == []  # Nothing is new for long.
        assert told_by(archive, timedelta(hours=3)) == ["attestation-overdue"]
        attest(archive)
        authorities.answers |= {"one": down, "two": down}
        assert told_by(archive, timedelta(hours=3)) == []  # Nothing is new.
        add_events(house, 1)
        attest(archive)
        assert told_by(archive, timedelta(hours=1)) == []  # As patient as with all of them.
        assert told_by(archive, timedelta(hours=3)) == ["attestation-undated"]
        assert not is_overdue(replace(archive, clock=Later(timedelta(hours=3))))
        # Nothing is new, and the worker asks them again all the same.
        authorities.asked.clear()
        del authorities.answers["two"]
        assert attest(archive).made
        assert authorities.asked == ["one", "two"]
        assert told_by(archive, timedelta(hours=3)) == []
        assert told_by(replace(archive, authorities=archive.authorities[:1]), timedelta(0)) == []


def test_after_an_idle_weekend_one_event_is_not_late_at_once(
    authorities: Authorities, tmp_path: Path
) -> None:
    weekend = timedelta(hours=60)
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        archive = replace(house.archive, witnesses=(SmallWitness("w.example/one"),))
        attest(archive)
        assert told_by(archive, weekend) == []
        monday = replace(house, archive=replace(house.archive, clock=Later(weekend)))
        add_events(monday, 1)
        assert told_by(archive, weekend + timedelta(hours=1)) == []
        assert told_by(archive, weekend + timedelta(hours=3)) == ["attestation-overdue"]
        authorities.answers["one"] = down
        attest(replace(archive, clock=Later(weekend)))
        assert told_by(archive, weekend + timedelta(hours=1)) == []
        assert told_by(archive, weekend + timedelta(hours=3)) == ["attestation-undated"]


def test_authorities_that_never_answered_are_told_however_often_witnesses_did(
    authorities: Authorities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attesting, "_LOOK", 3)
    authorities.answers["one"] = down
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        archive = replace(house.archive, witnesses=(SmallWitness("w.example/one"),))
        for _ in range(4):
            add_events(house, 1)
            assert attest(archive).made
            assert told_by(archive, timedelta(hours=3)) == ["attestation-undated"]


def test_witnesses_that_are_all_silent_are_told_while_an_authority_answers(
    authorities: Authorities, tmp_path: Path
) -> None:
    gone = SmallWitness("w.example/gone", UnavailableError("witness-unavailable"))
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        archive = replace(house.archive, witnesses=(gone,))
        assert attest(archive).made
        assert told_by(archive, timedelta(hours=3)) == ["attestation-unwitnessed"]
        gone.fault = None
        assert attest(archive).made
        assert told_by(archive, timedelta(hours=3)) == []
        gone.fault = UnavailableError("witness-unavailable")
        add_events(house, 1)
        attest(archive)
        assert told_by(replace(archive, witnesses=()), timedelta(hours=3)) == []
        (told,) = troubles(replace(archive, clock=Later(timedelta(hours=3))))
        assert (told.code, told.details) == ("attestation-unwitnessed", {"count": 1})


def test_that_the_last_certificate_ends_is_told_when_nothing_newer_is_dated(
    authorities: Authorities, tmp_path: Path
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "soon")) as house:
        archive = replace(house.archive, witnesses=(SmallWitness("w.example/one"),))
        attest(archive)
        authorities.answers["soon"] = down
        add_events(house, 1)
        attest(archive)
        assert told_by(archive, timedelta(hours=3)) == [
            "attestation-undated",
            "attestation-ending",
        ]


def test_a_witness_that_signed_another_history_is_told_until_it_signs_again(
    tmp_path: Path,
) -> None:
    fork = RuleError("witness-forked", witness="w.example/one", size=7, status=409)
    witness = SmallWitness("w.example/one", fault=fork)
    with archive_with(tmp_path, 1) as house:
        archive = replace(house.archive, witnesses=(witness,))
        for _ in range(2):
            (silent,) = attest(archive).silent
            assert silent.code == "witness-forked"
        first, *rest = troubles(replace(archive, clock=Later(timedelta(hours=3))))
        assert (first.code, first.is_alarm, first.details["size"]) == ("witness-forked", True, 7)
        assert [each.is_alarm for each in rest] == [False]
        since = first.details["since"]
    with opened(settings_of(tmp_path)) as house:  # Another process, another day.
        archive = replace(house.archive, witnesses=(witness,))
        witness.fault = UnavailableError("witness-unavailable")
        attest(archive)
        assert troubles(archive)[0].details["since"] == since
        assert not any(each.is_alarm for each in troubles(house.archive))  # It is asked no more.
        witness.fault = None
        attest(archive)
        assert troubles(archive) == []


def test_a_token_over_other_bytes_is_not_recorded(authorities: Authorities, tmp_path: Path) -> None:
    def other(question: tsp.TimeStampReq) -> None:
        question["message_imprint"]["hashed_message"] = bytes(64)

    authorities.requests["one"] = other
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        (silent,) = attest(house.archive).silent
        assert silent.code == "time-token-wrong"
        assert events_of(house.archive) == []


# ---------------------------------------------------------------- renewal


def test_before_the_last_certificate_ends_a_later_one_is_looked_for(
    authorities: Authorities, tmp_path: Path
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "soon")) as house:
        archive = house.archive
        assert attest(archive).made
        authorities.asked.clear()
        assert not attest(archive).made
        assert authorities.asked == ["soon"]  # It was asked, and has the same certificate still.
        assert len(events_of(archive)) == 1

        authorities.aliases["soon"] = "renewed"
        assert attest(archive).made
        old, new = events_of(archive)
        assert new.tokens[0].until - old.tokens[0].until > timedelta(days=2000)
        # The new token covers the event that names the old one.
        assert new.size == old.size + 1
        authorities.asked.clear()
        assert not attest(archive).made
        assert authorities.asked == []
        sound(house)


def test_another_authority_renews_the_tokens_of_the_first(
    authorities: Authorities, tmp_path: Path
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "soon")) as house:
        assert attest(house.archive).made
    with opened(settings_of(tmp_path, **chosen(authorities, tmp_path, "two"))) as house:
        assert attest(house.archive).made
        first, second = house.archive.attestations.all()
        assert [each.tokens[0].authority for each in (first, second)] == ["soon", "two"]
        assert not attest(house.archive).made


# ---------------------------------------------------------------- crashes


class CutJournal:
    """A journal whose next append fails, before or behind the fact."""

    def __init__(self, journal: Any, *, stored: bool) -> None:
        self._journal, self._stored = journal, stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def append(self, *args: Any, **kwargs: Any) -> Any:
        if self._stored:
            self._journal.append(*args, **kwargs)
        raise UnavailableError("disk-full")


@pytest.mark.parametrize("stored", [False, True])
def test_a_crash_between_the_bytes_and_the_fact_leaves_nothing_half_done(
    authorities: Authorities, tmp_path: Path, *, stored: bool
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        attest(replace(house.archive, authorities=()))  # The log's key is introduced.
        cut: Any = CutJournal(house.archive.journal, stored=stored)
        with pytest.raises(UnavailableError):
            attest(replace(house.archive, journal=cut))
        assert len(events_of(house.archive)) == int(stored)
        house.archive.views.catch_up()
        findings = oversight.verify(house.archive, request_of(house)).findings
        strays = {each.kind for each in findings}
        assert strays == (set() if stored else {"object-without-fact"})

        assert attest(house.archive).made is not stored
        assert len(events_of(house.archive)) == 1
        sound(house)


# ---------------------------------------------------------------- what is shown


def test_the_view_finds_the_attestations_that_cover_an_event(
    authorities: Authorities, tmp_path: Path
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        witness = SmallWitness("w.example/one")
        undated = replace(house.archive, witnesses=(witness,), authorities=())
        dated = replace(house.archive, witnesses=(witness,))
        made: list[Attested] = []
        for archive in (undated, dated, undated, dated, undated):
            add_events(house, 1)
            newest = attest(archive).newest
            assert newest is not None
            made.append(newest)
        view = house.archive.attestations
        assert view.newest() == made[-1]
        assert view.all() == made
        assert view.covering(1) == [made[0], made[1], made[3], made[4]]
        assert view.covering(made[0].position) == [made[1], made[3], made[4]]
        assert view.covering(made[3].size) == [made[3], made[4]]
        assert view.covering(made[4].size) == [made[4]]
        assert view.covering(made[4].position) == []
        house.archive.views.rebuild("attestations")
        assert view.all() == made
        sound(house)


@contextmanager
def looking(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> Iterator[None]:
    monkeypatch.setattr(attestor, "_LOOK_SECONDS", 0.02)
    with attestor.attesting(archive, messages(english=False)):
        yield


def test_the_worker_asks_when_it_is_time(
    authorities: Authorities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with archive_with(tmp_path, 1, **chosen(authorities, tmp_path, "one")) as house:
        archive = house.archive
        with looking(monkeypatch, replace(archive, attest_every=timedelta(seconds=0.1))):
            assert eventually(lambda: len(events_of(archive)) == 1)
            add_events(house, 1)
            assert eventually(lambda: len(events_of(archive)) == 2)
        add_events(house, 1)
        authorities.asked.clear()
        with looking(monkeypatch, archive):  # An hour has not passed for the next worker either.
            SystemClock().wait(0.3)
        assert authorities.asked == []


def test_the_attestor_outlives_what_nobody_expected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> None:
        raise ValueError("Ông A")

    with archive_with(tmp_path, 1) as house:
        witness = SmallWitness("w.example/one", meanwhile=fails)
        archive = replace(house.archive, witnesses=(witness,), attest_every=timedelta(seconds=0.1))
        with looking(monkeypatch, archive):
            assert eventually(lambda: len(events_of(archive)) == 1)
    told = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert told == ["the log was not attested: unexpected ValueError"]


def test_the_worker_says_in_words_that_a_witness_knows_another_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fork = RuleError("witness-forked", witness="w.example/one", size=7, status=409)
    with archive_with(tmp_path, 1) as house:
        archive = replace(house.archive, witnesses=(SmallWitness("w.example/one", fault=fork),))
        with looking(monkeypatch, archive):
            assert eventually(lambda: "w.example/one" in caplog.text)
    (told,) = [each for each in caplog.records if each.name == "chauban.worker"]
    assert told.levelname == "CRITICAL"
    assert "đã ký xác nhận một lịch sử khác" in told.getMessage()
    assert "ngừng cấp chứng cứ" in told.getMessage()


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true within ten seconds."""
    for _ in range(200):
        if true():
            return True
        SystemClock().wait(0.05)
    return False


# ---------------------------------------------------------------- the command line


@pytest.fixture
def command(authorities: Authorities, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chauban:
    with archive_with(tmp_path, 3):
        pass
    for name, value in chosen(authorities, tmp_path, "one", "soon").items():
        monkeypatch.setenv(name, value)
    return Chauban(tmp_path / "archive")


def test_on_the_command_line_it_is_attested_shown_and_exported(
    authorities: Authorities, command: Chauban, tmp_path: Path
) -> None:
    assert command.json("log", "status")["attested"] is None
    assert "Not dated by an outside authority" in command("log", "status", "--lang", "en").out
    authorities.answers |= {"one": down, "soon": down}
    assert not command.json("log", "attest", code=3)["made"]
    del authorities.answers["one"]
    made = command.json("log", "attest", code=1)
    assert made["made"]
    assert [(each["name"], each["code"]) for each in made["silent"]] == [
        ("soon", "authority-refused")
    ]
    assert "soon: " in command("log", "attest", "--lang", "en").out
    authorities.answers.clear()
    said = command("log", "attest", "--lang", "en")
    assert said.code == 0
    assert "Outsiders have vouched" in said.out
    shown = command.json("log", "status")["attested"]
    assert [each["authority"] for each in shown["tokens"]] == ["one", "soon"]
    assert "dated by one: " in command("log", "status", "--lang", "en").out

    command.json("log", "export", str(tmp_path / "out"))
    sizes = sorted(int(each.name) for each in (tmp_path / "out" / "attested").iterdir())
    assert sizes[-1] == shown["size"]
    assert len(sizes) == 2
    folder = tmp_path / "out" / "attested" / str(shown["size"])
    note = (folder / "checkpoint").read_bytes()
    roots = (tmp_path / "out" / "tsa" / "soon.pem").read_bytes()
    # As docs/evidence.md tells others to do it.
    documented = ["-in", folder / "one.tsr", "-data", folder / "checkpoint"]
    ended = run(
        [program("openssl"), "ts", "-verify", *documented, "-CAfile", tmp_path / "out/tsa/one.pem"],
        30.0,
    )
    assert (ended.code, "Verification: OK" in ended.output + ended.errors) == (0, True)
    assert openssl_ts(note, bare((folder / "soon.tsr").read_bytes()), roots).accepted
    assert not openssl_ts(note + b"x", bare((folder / "soon.tsr").read_bytes()), roots).accepted
    assert {each.name for each in (tmp_path / "out" / "tsa").iterdir()} == {"one.pem", "soon.pem"}


def test_doctor_says_who_vouches_and_asks_nobody(
    authorities: Authorities, command: Chauban, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorities.asked.clear()

    def checks() -> dict[str, tuple[bool, str]]:
        said = command("--json", "doctor", "--lang", "en").json["checks"]
        return {each["name"]: (each["ok"], each["what"]) for each in said}

    assert checks()["authorities"][0]
    assert checks()["attestation"] == (True, "no outsider has vouched for the log yet")
    assert authorities.asked == []
    command.json("log", "attest")
    assert checks()["attestation"][0]
    (tmp_path / "tsa-ca.pem").write_bytes(b"nothing")
    assert not checks()["authorities"][0]
    monkeypatch.delenv("CHAUBAN_TSA")
    assert checks()["authorities"] == (
        True,
        "none configured: nothing is dated by an outside authority",
    )


@pytest.mark.parametrize(
    "text",
    [
        "one",
        "one=http://tsa.example.gov.vn/",
        "One=https://tsa.example.gov.vn/",
        "../one=https://tsa.example.gov.vn/",
        "one=https://a.vn/ one=https://b.vn/",
        "one=https://a.vn/ two=https://b.vn/ three=https://c.vn/",
    ],
)
def test_a_slip_in_the_settings_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="invalid-setting"):
        settings_of(tmp_path, CHAUBAN_TSA=text, CHAUBAN_TSA_CA=os.devnull)
    with pytest.raises(ArchiveError, match="invalid-setting"):
        settings_of(tmp_path, CHAUBAN_TSA="one=https://a.vn/")
    sound_one: Settings = settings_of(
        tmp_path, CHAUBAN_TSA="one=https://a.vn/x", CHAUBAN_TSA_CA="x.pem"
    )
    assert sound_one.authorities == (("one", "https://a.vn/x"),)
