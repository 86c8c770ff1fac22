"""`verify` with the log: against kept checkpoints, by hashes, of what is new, against the dates of
outside authorities."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from domain.agency import establish
from domain.agents import Actor, Role
from domain.errors import IntegrityError, InvalidValueError
from domain.events import Change
from domain.evidence import Dated
from domain.ports import Command
from domain.services import attesting, oversight, proving
from domain.services.deciding import today
from domain.values import CommandId, Kind, StreamId
from infrastructure.bootstrap import House
from tests.evidence.archives import add_events, archive_with, request_of
from tests.evidence.authorities import Authorities, running


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with archive_with(tmp_path, 300) as opened:
        yield opened


def verify(house: House, **more: object) -> oversight.Verification:
    return oversight.verify(house.archive, request_of(house), **more)  # type: ignore[arg-type]


def kept(house: House) -> bytes:
    checkpoint = proving.advance(house.archive)
    assert checkpoint is not None
    return checkpoint.note


def test_what_was_kept_shows_more(house: House) -> None:
    first = kept(house)
    add_events(house, 50)
    second = kept(house)
    for remembered in ([first], [second], [first, second]):
        found = verify(house, remembered=remembered)
        assert found.findings == ()
        assert not {"tail-and-guards", "whole-stream", "rollback"} & set(found.not_proved)
    assert {"tail-and-guards", "rollback"} <= set(verify(house).not_proved)
    assert found.checkpoint is not None
    assert found.checkpoint.note == second


def test_hashes_alone_are_enough_to_see_a_changed_row(house: House) -> None:
    first = kept(house)
    assert verify(house, hashes=True, remembered=[first]).checked == {"leaves": 308}
    assert "only-hashes" in verify(house, hashes=True).not_proved
    alter(house, 100)
    assert {f.kind for f in verify(house, hashes=True).findings} >= {"log-bundle-differs"}


def alter(house: House, position: int) -> None:
    path = house.settings.directory / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        guard = connection.execute(
            "SELECT sql FROM sqlite_master WHERE name='stored_events_UPDATE'"
        ).fetchone()[0]
        connection.execute("DROP TRIGGER stored_events_UPDATE")
        (state,) = connection.execute(
            "SELECT state FROM stored_events WHERE rowid=?", (position,)
        ).fetchone()
        changed = bytearray(state)
        changed[-5] = ord("A") if changed[-5] != ord("A") else ord("B")
        connection.execute(
            "UPDATE stored_events SET state=? WHERE rowid=?", (bytes(changed), position)
        )
        connection.execute(guard)


@pytest.mark.parametrize("position", [100, 320])
def test_of_what_is_new_everything_is_seen_and_of_the_rest_its_hash(
    house: House, position: int
) -> None:
    first = kept(house)
    add_events(house, 50)
    kept(house)
    found = verify(house, remembered=[first], incremental=True)
    assert found.findings == ()
    assert found.checked["events"] == 50
    assert found.checked["leaves"] == 358
    assert "only-hashes-before" in found.not_proved
    alter(house, position)
    kinds = {f.kind for f in verify(house, remembered=[first], incremental=True).findings}
    assert "log-bundle-differs" in kinds
    assert ("signature-broken" in kinds) is (position > 308)


def test_what_makes_no_sense_is_refused(house: House) -> None:
    first = kept(house)
    for more in (
        {"incremental": True},
        {"incremental": True, "hashes": True, "remembered": [first]},
        {"remembered": [b"no checkpoint"]},
        {"remembered": [first.replace(b"308", b"309")]},
    ):
        with pytest.raises(InvalidValueError):
            verify(house, **more)
    stream = next(iter(house.archive.catalogue.agencies()))
    with pytest.raises(InvalidValueError):
        oversight.verify(house.archive, request_of(house), stream, hashes=True)


# ---------------------------------------------------------------- the dates of others


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorities]:
    with running(tmp_path_factory.mktemp("authorities")) as started:
        yield started


@pytest.fixture
def dated(authorities: Authorities, tmp_path: Path) -> Iterator[House]:
    """An archive whose first events an authority has dated."""
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authorities.pem("root-a", "root-b"))
    chosen = {"CHAUBAN_TSA": f"one={authorities.url('one')}", "CHAUBAN_TSA_CA": str(roots)}
    with archive_with(tmp_path, 3, **chosen) as house:
        assert attesting.attest(house.archive).made is not None
        yield house


def establish_at(house: House, shift: timedelta) -> None:
    """An event in a stream of its own, whose time is not that of its recording."""
    archive, request = house.archive, request_of(house)
    agency = request.agent.grants[0].agency
    at = archive.clock.now() + shift
    code = f"H33.{abs(int(shift.total_seconds())):05}"
    archive.journal.append(
        [
            Change(
                StreamId(f"{Kind.AGENCY}-{archive.identifiers.new()}"),
                0,
                (establish("Phòng thử", code, agency, today(at)),),
            )
        ],
        by=Actor(request.agent.id, Role.ADMINISTRATOR, agency),
        basis=request.basis,
        at=at,
        command=Command(CommandId(archive.identifiers.new()), "test"),
        result={},
    )


def test_times_that_fit_the_dates_are_proved_between_them(dated: House) -> None:
    establish_at(dated, timedelta(0))
    dated.archive.views.catch_up()
    found = verify(dated)
    assert found.findings == ()
    assert "time-between-tokens" in found.not_proved
    assert "time-of-clock" not in found.not_proved


def test_an_event_that_was_dated_back_is_found(dated: House) -> None:
    establish_at(dated, timedelta(days=-3))
    position = str(dated.archive.journal.position())
    dated.archive.views.catch_up()
    assert [(f.kind, f.where) for f in verify(dated).findings] == [("time-before-token", position)]


def test_an_event_from_the_future_is_found_once_it_is_dated(dated: House) -> None:
    establish_at(dated, timedelta(days=3))
    position = str(dated.archive.journal.position())
    dated.archive.views.catch_up()
    assert verify(dated).findings == ()
    assert attesting.attest(dated.archive).made is not None
    dated.archive.views.catch_up()
    assert ("time-after-token", position) in {(f.kind, f.where) for f in verify(dated).findings}


def test_a_token_over_another_checkpoint_is_found(dated: House) -> None:
    class Doubting:
        """An authority whose certificate is not believed any more."""

        name, roots = "one", b""

        def date(self, content: bytes) -> Dated:
            pytest.fail("nobody asks for a new date")

        def check(self, content: bytes, token: bytes) -> Dated:
            raise IntegrityError("token-broken")

    doubted = replace(dated.archive, authorities=(Doubting(),))
    kinds = {f.kind for f in oversight.verify(doubted, request_of(dated)).findings}
    assert kinds == {"token-broken"}
