"""`verify` with the log: against kept checkpoints, by hashes, of what is new, against the dates of
outside authorities."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Timer

import pytest

from domain.agency import establish
from domain.agents import Actor, Role
from domain.attestation import CheckpointAttested, stream_of
from domain.errors import IntegrityError, InvalidValueError, UnavailableError
from domain.events import Change
from domain.evidence import Dated
from domain.ports import Command, Finding
from domain.services import attesting, dating, oversight, proving
from domain.services.deciding import today
from domain.values import CommandId, Kind, StreamId
from infrastructure.bootstrap import House, opened
from infrastructure.evidence import inspection, row_hashes
from infrastructure.evidence.tiles import tile_name
from tests.cli.desk import Chauban
from tests.evidence.archives import add_events, archive_with, request_of, settings_of
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


# ---------------------------------------------------------------- what was signed last


@pytest.mark.parametrize("more", [0, 1, 60])
def test_an_archive_that_was_taken_back_is_found_by_the_head_beside_its_keys(
    tmp_path: Path, more: int
) -> None:
    settings = settings_of(tmp_path)
    with archive_with(tmp_path, 20) as house:
        kept(house)
        old = house.archive.journal.position()
    shutil.copytree(settings.directory, tmp_path / "older")
    with opened(settings) as house:
        add_events(house, 30)
        kept(house)
    shutil.rmtree(settings.directory)
    shutil.copytree(tmp_path / "older", settings.directory)
    with opened(settings) as house:
        add_events(house, more)
        # Where the journal has grown past the head again, the checkpoint is still the old one.
        shorter = old + more if more < 30 else old
        expected = (Finding("log-shorter-than-signed", str(shorter), str(old + 30)),)
        assert verify(house).findings == expected
        assert verify(house, hashes=True).findings == expected
        first = house.archive.log.newest()
        assert first is not None
        remembered = {"remembered": [first.note]}
        assert verify(house, incremental=True, **remembered).findings == expected
        assert verify(house, hashes=True, **remembered).findings == expected


def test_a_checkpoint_that_was_taken_back_alone_is_found(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "_PATIENCE", 0.3)
    first = kept(house)
    add_events(house, 50)
    kept(house)
    (house.settings.directory / "log" / "checkpoint").write_bytes(first)
    for hashes in (False, True):
        found = verify(house, hashes=hashes).findings
        assert found == (Finding("log-shorter-than-signed", "308", "358"),)


def test_a_sequencer_at_work_is_no_finding(house: House) -> None:
    first = kept(house)
    add_events(house, 50)
    assert verify(house, hashes=True).findings == (), "events wait for the log"
    second = kept(house)
    checkpoint = house.settings.directory / "log" / "checkpoint"
    checkpoint.write_bytes(first)
    published = Timer(0.5, lambda: house.archive.log.sync())
    published.start()
    try:
        assert verify(house, hashes=True).findings == (), "the cell moves before the checkpoint"
    finally:
        published.join()
    assert checkpoint.read_bytes() == second


def test_a_head_that_cannot_be_read_is_a_finding(house: House) -> None:
    kept(house)
    cell = house.settings.keys / "log-head.sqlite"
    for beside in cell.parent.glob("log-head.sqlite?*"):
        beside.unlink()
    cell.unlink()
    cell.write_bytes(b"no database" * 1000)
    found = verify(house, hashes=True).findings
    assert [each.kind for each in found] == ["log-head-unreadable"]


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("alteration", ["missing", "flipped"])
@pytest.mark.parametrize("hashes", [False, True])
def test_a_tile_that_a_kept_checkpoint_cuts_through_is_one_finding(
    house: House, alteration: str, *, hashes: bool
) -> None:
    notes = [kept(house)]
    for _ in range(2):
        add_events(house, 110)
        notes.append(kept(house))
    tile = house.settings.directory / "log" / tile_name(0, 1)
    content = bytearray(tile.read_bytes())
    tile.unlink()
    if alteration == "flipped":
        content[0] ^= 1
        tile.write_bytes(content)
    kind = {"missing": "log-tile-missing", "flipped": "log-tile-differs"}[alteration]
    found = verify(house, hashes=hashes, remembered=notes).findings
    assert found == (Finding(kind, "0/1"),)


def test_every_kept_checkpoint_is_a_root_on_the_way(house: House) -> None:
    """Sizes within, before and at the ends of bundles."""
    notes = [kept(house)]
    for count in (203, 1, 1, 255, 30):
        add_events(house, count)
        notes.append(kept(house))
    assert verify(house, hashes=True, remembered=notes).findings == ()
    alter(house, 510)
    found = verify(house, hashes=True, remembered=notes).findings
    assert [f.where for f in found if f.kind == "log-not-as-remembered"] == [
        *("511", "512", "513", "768", "798")
    ]


def damage(house: House, position: int) -> None:
    """Another process's bytes over the head of the page that a row lies in."""
    path = house.settings.directory / "journal.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (state,) = connection.execute(
            "SELECT state FROM stored_events WHERE rowid=?", (position,)
        ).fetchone()
    with path.open("r+b") as file:
        at = file.read().index(state) // size * size
        file.seek(at)
        file.write(b"\xff" * 64)


def test_a_damaged_page_of_the_journal_is_one_finding_among_all_others(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with archive_with(tmp_path, 600) as house:
        notes = [kept(house)]
        alter(house, 100)
        damage(house, 560)
    with opened(settings) as house:
        for more in ({}, {"remembered": notes}, {"remembered": notes, "incremental": True}):
            told = [f.kind for f in verify(house, **more).findings]
            assert "log-bundle-differs" in told
            assert ("signature-broken" in told) is ("incremental" not in more)
            assert "journal-damaged" in told
        told = [f.kind for f in verify(house, hashes=True).findings]
        assert sorted(set(told)) == ["journal-damaged", "log-bundle-differs", "log-tile-differs"]
        assert told.count("journal-damaged") == 1


def test_damage_that_only_the_readers_meet_is_told_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(house)
    request = request_of(house)

    def broken(*_: object) -> object:
        raise UnavailableError("journal-damaged")

    monkeypatch.setattr(house.archive.journal, "load", broken)
    monkeypatch.setattr(house.archive.journal, "follow", broken)
    found = oversight.verify(house.archive, request)
    assert found.findings == (Finding("journal-damaged", "journal"),)
    assert found.checked["events"] == 308
    assert oversight.verify(house.archive, request, hashes=True).findings == found.findings


def test_a_journal_that_is_busy_was_not_verified(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of(house)

    def busy(*_: object) -> object:
        raise UnavailableError("journal-busy")

    monkeypatch.setattr(house.archive.journal, "follow", busy)
    with pytest.raises(UnavailableError, match="journal-busy"):
        oversight.verify(house.archive, request)


def test_a_worker_that_dies_is_named_and_cleared_away(house: House) -> None:
    worker = row_hashes._Worker(str(house.settings.directory / "journal.sqlite"))
    worker._process.kill()
    worker._process.wait()
    with pytest.raises(UnavailableError, match="verification-interrupted"), worker:
        worker.ask(1, 2, whole=False)


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


def test_only_a_token_that_was_checked_bounds_what_a_lost_key_signed(
    dated: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    chauban = Chauban(dated.settings.directory)
    (authority,) = dated.settings.authorities
    monkeypatch.setenv("CHAUBAN_TSA", "=".join(authority))
    monkeypatch.setenv("CHAUBAN_TSA_CA", str(dated.settings.authority_roots))
    chauban.json("keys", "rotate", "--why", "disclosed")
    first, second = [k for k in chauban.json("keys", "list")["keys"] if k["kind"] == "system"]
    lost = ("keys", "compromised", first["key"], "--since", second["at"], "--why", "disclosed")
    chauban.json(*lost)
    found = chauban.json("verify")
    newest = dated.archive.attestations.newest()
    assert found["ok"], found["findings"]
    assert newest is not None
    assert found["checked"]["doubtful"] == second["introduced"] - newest.size
    # An authority that is not configured cannot be checked: the events' own times are what counts.
    for name in ("CHAUBAN_TSA", "CHAUBAN_TSA_CA"):
        monkeypatch.delenv(name)
    found = chauban.json("verify")
    assert found["ok"], found["findings"]
    assert "doubtful" not in found["checked"]


def test_an_attestation_that_tells_another_size_dates_nothing(dated: House) -> None:
    """With the key, anybody can append a true token under a size that it does not cover."""
    archive, request = dated.archive, request_of(dated)
    add_events(dated, 5)
    (true,) = archive.journal.load(stream_of(archive.id))
    assert isinstance(true.event, CheckpointAttested)
    archive.journal.append(
        [Change(stream_of(archive.id), 1, (replace(true.event, size=true.event.size + 3),))],
        by=Actor(request.agent.id, Role.ADMINISTRATOR, request.agent.grants[0].agency),
        basis=request.basis,
        at=archive.clock.now(),
        command=Command(CommandId(archive.identifiers.new()), "test"),
        result={},
    )
    archive.views.catch_up()
    position = archive.journal.position()
    assert verify(dated).findings == (
        Finding("attested-otherwise", str(position), str(true.event.size)),
    )
    dates = dating.dates_of(archive)
    assert list(dates.attestations) == [true.position]
    assert list(dates.sizes) == [true.event.size]
