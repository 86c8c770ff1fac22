"""Alarms of witnesses: raised by what no archive can explain, kept where no older copy of the
archive reaches, and by nothing else."""

import shutil
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.errors import ArchiveError, RuleError, UnavailableError
from domain.evidence import Checkpoint
from domain.keyring import LogEndGround
from domain.refusals import Refusal
from domain.services import Archive, proving, restarting
from domain.services.attesting import attest, troubles
from infrastructure.bootstrap import House, back_up, opened, restore
from infrastructure.clock import SystemClock
from infrastructure.evidence.notes import COSIGNATURE, cosigned, parse_note, verifier_key
from tests.evidence.archives import add_events, archive_with, request_of, settings_of

NAME = "w.example/one"
FORK = RuleError("witness-forked", witness=NAME, size=7, status=409)


@dataclass
class Remembering:
    """The port Witness: it signs nothing smaller than it has signed, and says so."""

    name: str = NAME
    before: Callable[["Remembering", Checkpoint], None] = lambda witness, checkpoint: None
    """What happens elsewhere just before it is asked."""
    fault: ArchiveError | None = None
    sizes: dict[str, int] = field(default_factory=dict)
    """What it has signed, by origin."""
    private: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def key(self) -> str:
        return verifier_key(self.name, self.private, COSIGNATURE).text

    def cosign(
        self, checkpoint: Checkpoint, consistency: Callable[[int, int], Sequence[bytes]]
    ) -> str:
        self.before(self, checkpoint)
        if self.fault is not None:
            raise self.fault
        seen = self.sizes.get(checkpoint.origin, 0)
        if seen > checkpoint.size:
            raise RuleError("witness-ahead", witness=self.name, seen=seen, size=checkpoint.size)
        self.sizes[checkpoint.origin] = checkpoint.size
        text = parse_note(checkpoint.note).text
        return cosigned(text, self.name, self.private, int(SystemClock().now().timestamp())).text


def witnessed(house: House, witness: Remembering) -> Archive:
    return replace(house.archive, witnesses=(witness,))


def alarms(archive: Archive) -> list[str]:
    return [each.code for each in troubles(archive) if each.is_alarm]


def grows_elsewhere(house: House, times: int) -> Callable[[Remembering, Checkpoint], None]:
    """Another process lets the log grow and shows it to the witness first, so many times."""
    left = list(range(times))

    def faster(witness: Remembering, checkpoint: Checkpoint) -> None:
        if left:
            left.pop()
            add_events(house, 1)
            newest = proving.advance(house.archive)
            assert newest is not None
            witness.sizes[newest.origin] = newest.size

    return faster


def test_another_process_that_was_faster_is_no_alarm(tmp_path: Path) -> None:
    with archive_with(tmp_path, 3) as house:
        witness = Remembering(before=grows_elsewhere(house, 2))
        archive = witnessed(house, witness)
        attempt = attest(archive)
        assert (attempt.made, attempt.silent) == (True, ())
        newest = archive.log.newest()
        assert attempt.newest is not None
        assert newest is not None
        assert attempt.newest.size == newest.size == witness.sizes[newest.origin]
        assert alarms(archive) == []


def test_who_is_always_overtaken_is_told_that_the_log_is_busy(tmp_path: Path) -> None:
    with archive_with(tmp_path, 3) as house:
        archive = witnessed(house, Remembering(before=grows_elsewhere(house, 50)))
        with pytest.raises(UnavailableError, match="log-busy"):
            attest(archive)
        assert alarms(archive) == []


def test_a_witness_that_knows_more_than_the_log_is_an_alarm(tmp_path: Path) -> None:
    with archive_with(tmp_path, 3) as house:
        witness = Remembering()
        archive = witnessed(house, witness)
        newest = proving.advance(archive)
        assert newest is not None
        witness.sizes[newest.origin] = newest.size + 5
        (silent,) = attest(archive).silent
        assert silent.code == "witness-ahead"
        assert alarms(archive) == ["witness-ahead"]


def test_an_alarm_about_a_log_that_was_ended_does_not_stand_against_the_next(
    tmp_path: Path,
) -> None:
    settings, witness = settings_of(tmp_path), Remembering()
    with archive_with(tmp_path, 20) as house:
        attest(witnessed(house, witness))
        back_up(house, tmp_path / "backup")
    with opened(settings) as house:
        add_events(house, 30)
        attest(witnessed(house, witness))
    settings.directory.rename(tmp_path / "broken")
    restore(settings, tmp_path / "backup")
    with opened(settings) as house:
        house.archive.views.catch_up()
        archive = witnessed(house, witness)
        former = proving.log_state(archive).origin
        archive.refusals.keep(Refusal(NAME, former, FORK.code, FORK.details, archive.clock.now()))
        assert alarms(archive) == ["witness-forked"]
        restarting.restart(archive, request_of(house), LogEndGround.RESTORED)
        assert alarms(archive) == []
        # What is held against the next log stands, and its signature settles that alone.
        witness.fault = FORK
        add_events(house, 1)
        attest(archive)
        assert alarms(archive) == ["witness-forked"]
        witness.fault = None
        attest(archive)
        assert alarms(archive) == []
        assert [each.origin for each in archive.refusals.all()] == [former]


def test_an_older_copy_of_the_archive_takes_no_alarm_back(tmp_path: Path) -> None:
    settings, witness = settings_of(tmp_path), Remembering(fault=FORK)
    with archive_with(tmp_path, 3) as house:
        proving.advance(house.archive)
    shutil.copytree(settings.directory, tmp_path / "older")
    with opened(settings) as house:
        attest(witnessed(house, witness))
        assert alarms(witnessed(house, witness)) == ["witness-forked"]
    shutil.rmtree(settings.directory)
    shutil.copytree(tmp_path / "older", settings.directory)
    with opened(settings) as house:
        assert alarms(witnessed(house, witness)) == ["witness-forked"]


def damaged(settings_keys: Path, statement: str) -> None:
    with closing(sqlite3.connect(settings_keys / "refusals.sqlite")) as database, database:
        database.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE refusal SET details = 'x'",
        "UPDATE refusal SET details = '[1]'",
        "UPDATE refusal SET details = '{\"size\": [7]}'",
        "UPDATE refusal SET details = x'00ff'",
        "UPDATE refusal SET code = 'unheard-of'",
    ],
)
def test_an_alarm_whose_facts_cannot_be_read_is_one_all_the_same(
    tmp_path: Path, statement: str
) -> None:
    with archive_with(tmp_path, 3) as house:
        archive = witnessed(house, Remembering(fault=FORK))
        attest(archive)
        damaged(house.settings.keys, statement)
        (told,) = [each for each in troubles(archive) if each.is_alarm]
        assert told.code == "witness-alarm"
        assert sorted(told.details) == ["since", "witness"]


def test_a_memory_that_cannot_be_read_is_told_and_hides_nothing_else(tmp_path: Path) -> None:
    with archive_with(tmp_path, 3) as house:
        archive = witnessed(house, Remembering(fault=FORK))
        attest(archive)
        memory = house.settings.keys / "refusals.sqlite"
    memory.write_bytes(b"no database at all" * 300)
    with opened(settings_of(tmp_path)) as house:
        late = replace(house.archive, witnesses=archive.witnesses, attest_every=timedelta(0))
        told = [(each.code, each.is_alarm) for each in troubles(late)]
        assert told == [("database-unavailable", False), ("attestation-overdue", False)]


class Full:
    """A memory on a disk that is full."""

    def keep(self, refusal: Refusal) -> None:
        raise UnavailableError("disk-full", file="refusals.sqlite")

    def settle(self, witness: str, origin: str) -> None:
        raise UnavailableError("disk-full", file="refusals.sqlite")

    def all(self) -> Sequence[Refusal]:
        return ()


def test_a_memory_that_cannot_be_written_hinders_no_attestation(tmp_path: Path) -> None:
    with archive_with(tmp_path, 3) as house:
        others = (Remembering("w.example/two", fault=FORK), Remembering())
        archive = replace(house.archive, witnesses=others, refusals=Full())
        attempt = attest(archive)
        assert [each.code for each in attempt.silent] == ["witness-forked"]
        assert attempt.newest is not None
        assert attempt.newest.witnesses == (NAME,)


class Cut:
    """A journal that takes nothing more."""

    def __init__(self, journal: object) -> None:
        self._journal = journal

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    def append(self, *args: object, **kwargs: object) -> object:
        raise UnavailableError("disk-full")


def test_an_alarm_is_remembered_though_nothing_can_be_recorded(tmp_path: Path) -> None:
    with archive_with(tmp_path, 3) as house:
        others = (Remembering(fault=FORK), Remembering("w.example/two"))
        archive = replace(house.archive, witnesses=others)
        proving.advance(archive)
        cut: Any = Cut(archive.journal)
        archive = replace(archive, journal=cut)
        with pytest.raises(UnavailableError, match="disk-full"):
            attest(archive)
        assert alarms(archive) == ["witness-forked"]
