"""Confirmations, renewals and holds of a whole archive over a bucket of a real server."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from domain.errors import NotPermittedError, RuleError, UnavailableError
from domain.hold import LockLapsed, LockRestored
from domain.record import RecordConfirmed, RepresentationKind
from domain.services import description, erasing, holding, keeping
from domain.services.deciding import load
from domain.values import Digest, EventId, StreamId
from infrastructure.clock import SystemClock
from infrastructure.objects.bucket import Bucket
from infrastructure.objects.minio import S3ObjectStore
from tests.cli.desk import Chauban
from tests.objects.conftest import foreign_client
from tests.objects.lying_proxy import LyingProxy
from tests.services import S3Server
from tests.story.checking import check_archive
from tests.story.papers import Papers, draw_and_read
from tests.story.place import DOSSIER, Desk, FakeClock, Place, found_place

pytestmark = pytest.mark.services
DECISION = EventId("0199a7c0-0000-7000-8000-000000000001")
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class House:
    """An open archive over a bucket, and the bucket."""

    place: Place
    desk: Desk
    clock: FakeClock
    server: S3Server
    bucket: Bucket

    def store(self, port: int | None = None) -> S3ObjectStore:
        """The same bucket for somebody who asks no facts."""
        host = f"127.0.0.1:{port or self.server.port}"
        return S3ObjectStore(replace(self.bucket, host=host), is_referred=lambda _: False)

    def read(self, name: str, dossier: StreamId | None = None) -> StreamId:
        """A paper that was taken in and read."""
        record = self.desk.receive(name, dossier=dossier).record
        self.desk.work()
        return record

    def confirmed(self, name: str, dossier: StreamId | None = None) -> StreamId:
        record = self.read(name, dossier)
        description.confirm(self.desk.archive, self.desk.request(), record)
        return record

    def original(self, record: StreamId) -> Digest:
        (source,) = keeping.originals(load(self.desk.archive, record).record())
        return source

    def renew(self) -> keeping.Renewed:
        return keeping.renew_locks(self.desk.archive, now=self.clock.now())

    def lapses(self) -> frozenset[StreamId]:
        self.desk.archive.views.catch_up()
        return keeping.lapses(self.desk.archive)


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return draw_and_read(tmp_path_factory.mktemp("papers") / "scans")


@pytest.fixture
def house(
    minio: S3Server,
    papers: Papers,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[House]:
    keys = {"ACCESS": minio.access_key, "SECRET": minio.secret_key}
    environment = {
        "CHAUBAN_OBJECTS": "minio",
        "CHAUBAN_S3_HOST": minio.host,
        "CHAUBAN_S3_BUCKET": f"h{sha256(request.node.name.encode()).hexdigest()[:20]}",
        "CHAUBAN_S3_INSECURE": "1",
    }
    for name, key in keys.items():
        (tmp_path / name).write_text(key)
        environment[f"CHAUBAN_S3_{name}_KEY_FILE"] = str(tmp_path / name)
    place = found_place(tmp_path, papers, environment)
    assert place.settings.bucket is not None
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    clock = FakeClock()
    with place.open(clock=clock) as desk:
        yield House(place, desk, clock, minio, place.settings.bucket)


# ---------------------------------------------------------------- confirming


def test_the_lock_falls_with_the_confirmation_and_on_the_original_alone(house: House) -> None:
    archive = house.desk.archive
    record = house.read("don-xin-cap-dat")
    source = house.original(record)
    assert archive.objects.protection(source).until is None, "a receipt needs no lock"
    description.confirm(archive, house.desk.request(), record)
    confirmed = load(archive, record).events[-1].event
    assert isinstance(confirmed, RecordConfirmed)
    assert (confirmed.source, confirmed.lock) == (source, "compliance")
    until = archive.objects.protection(source).until
    assert until is not None
    assert timedelta(days=364) < until - house.clock.at < timedelta(days=366)
    for item in load(archive, record).record().representations:
        if item.kind is not RepresentationKind.ORIGINAL:
            assert archive.objects.protection(item.file.sha256).until is None, item.kind
    with pytest.raises(RuleError, match="object-locked"):
        house.store().destroy(source, decision=DECISION)
    check_archive(house.place)


def test_confirmation_stops_where_the_store_does_not_keep_a_lock(house: House) -> None:
    archive = house.desk.archive
    record = house.read("don-xin-cap-dat")
    before = archive.journal.position()
    with LyingProxy(house.server.port, lambda method, _: method == "DELETE") as liar:
        deceived = replace(archive, objects=house.store(liar.port))
        with pytest.raises(UnavailableError, match="worm-probe-failed"):
            description.confirm(deceived, house.desk.request(), record)
    assert archive.journal.position() == before
    assert archive.objects.protection(house.original(record)).until is None
    description.confirm(archive, house.desk.request(), record)


def test_a_crash_between_lock_and_fact_does_no_harm(house: House) -> None:
    archive = house.desk.archive
    record = house.read("don-xin-cap-dat")
    state = load(archive, record).record()
    keeping.lock_originals(archive, state, house.clock.now(), held=False)
    assert not load(archive, record).record().confirmed
    description.confirm(archive, house.desk.request(), record)
    assert load(archive, record).record().lock == "compliance"


def test_what_is_refused_anyway_is_not_locked(house: House) -> None:
    record = house.desk.receive("don-xin-cap-dat").record
    with pytest.raises(RuleError, match="not-read-yet"):
        description.confirm(house.desk.archive, house.desk.request(), record)
    assert house.desk.archive.objects.protection(house.original(record)).until is None


def test_a_record_on_paper_alone_has_nothing_to_lock(house: House) -> None:
    archive = house.desk.archive
    answer = description.register_paper(
        archive, house.desk.request(), house.place.dossier, location="Kho 1, giá 2"
    )
    record = StreamId(answer.result["record"])
    description.confirm(archive, house.desk.request(), record)
    assert load(archive, record).record().lock == "none"


# ---------------------------------------------------------------- renewing


def test_a_lock_is_renewed_at_half_its_horizon_and_not_before(house: House) -> None:
    source = house.original(house.confirmed("don-xin-cap-dat"))
    house.read("bien-ban-do-dac")  # Unconfirmed: nothing to renew.
    house.clock.at += timedelta(days=180)
    assert house.renew() == keeping.Renewed(1, 0, ())
    house.clock.at += timedelta(days=4)
    position = house.desk.archive.journal.position()
    assert house.renew() == keeping.Renewed(1, 1, ())
    until = house.desk.archive.objects.protection(source).until
    assert until is not None
    assert until - house.clock.at > timedelta(days=364)
    assert house.desk.archive.journal.position() == position, "a renewal in time is no event"
    assert house.renew() == keeping.Renewed(1, 0, ())


def test_a_lapse_is_recorded_named_and_mended(house: House) -> None:
    archive = house.desk.archive
    record = house.confirmed("don-xin-cap-dat")
    source = house.original(record)
    ended = archive.objects.protection(source).until
    assert ended is not None
    house.clock.at += timedelta(days=400)  # Nobody has run the worker for too long.
    assert house.renew() == keeping.Renewed(1, 1, (record,))
    lapsed, restored = (each.event for each in load(archive, record).events[-2:])
    assert lapsed == LockLapsed(source, ended.astimezone(UTC).date())
    assert isinstance(restored, LockRestored)
    assert restored.lock == "compliance"
    assert not load(archive, record).record().lapsed
    assert house.lapses() == frozenset()
    assert house.renew() == keeping.Renewed(1, 0, ())
    check_archive(house.place)


def test_a_lapse_that_cannot_be_mended_stays_on_the_work_list(house: House) -> None:
    archive = house.desk.archive
    record = house.confirmed("don-xin-cap-dat")
    source = house.original(record)
    client, key = foreign_client(house.server), f"sha256/{source.hex}"
    forged = client.put_object(house.bucket.name, key, io.BytesIO(b"forged"), 6)
    for _ in range(2):
        assert house.renew() == keeping.Renewed(1, 0, (record,))
        assert house.lapses() == {record}
        events = [each.event for each in load(archive, record).events]
        assert len([each for each in events if isinstance(each, LockLapsed)]) == 1
    (item,) = archive.work.items(task="look")
    assert (item.record, item.reason) == (record, "lock-lapsed")
    client.remove_object(house.bucket.name, key, forged.version_id)
    assert house.renew() == keeping.Renewed(1, 0, ())
    assert house.lapses() == frozenset()


def test_what_was_confirmed_before_the_store_could_lock_is_locked_and_no_lapse(
    house: House,
) -> None:
    class Unlocking(S3ObjectStore):
        lock = "none"

    archive = house.desk.archive
    record = house.read("don-xin-cap-dat")
    earlier = replace(archive, objects=Unlocking(house.bucket, is_referred=lambda _: False))
    description.confirm(earlier, house.desk.request(), record)
    assert load(archive, record).record().lock == "none"
    assert keeping.renew_locks(earlier, now=house.clock.now()) == keeping.Renewed(0, 0, ())
    assert house.renew() == keeping.Renewed(1, 1, ())
    assert load(archive, record).record().lock == "compliance"
    assert house.lapses() == frozenset()
    assert house.renew() == keeping.Renewed(1, 0, ())


def test_renewal_proves_the_store_first(house: House) -> None:
    house.confirmed("don-xin-cap-dat")
    with LyingProxy(house.server.port, lambda method, _: method == "DELETE") as liar:
        deceived = replace(house.desk.archive, objects=house.store(liar.port))
        with pytest.raises(UnavailableError, match="worm-probe-failed"):
            keeping.renew_locks(deceived, now=house.clock.now())


# ---------------------------------------------------------------- holding


def place_hold(house: House, dossier: StreamId) -> None:
    holding.place_hold(
        house.desk.archive, house.desk.request(), dossier, reason="Tòa án yêu cầu giữ"
    )


def lift_hold(house: House, dossier: StreamId) -> None:
    holding.lift_hold(house.desk.archive, house.desk.request(), dossier, reason="Đã xét xử xong")


def is_held(house: House, record: StreamId) -> bool:
    return house.desk.archive.objects.protection(house.original(record)).held


def test_a_held_dossier_keeps_every_original_also_one_confirmed_later(house: House) -> None:
    dossier, objects = house.place.dossier, house.desk.archive.objects
    early = house.read("don-xin-cap-dat")
    place_hold(house, dossier)
    assert load(house.desk.archive, dossier).dossier().held
    late = house.confirmed("bien-ban-do-dac")
    assert is_held(house, early)
    assert objects.protection(house.original(early)).until is None
    assert is_held(house, late)
    with pytest.raises(RuleError, match="object-locked"):
        house.store().destroy(house.original(early), decision=DECISION)
    lift_hold(house, dossier)
    assert not is_held(house, early)
    assert not is_held(house, late)
    assert objects.protection(house.original(late)).until is not None
    check_archive(house.place)


def test_bytes_of_two_held_dossiers_are_released_with_the_second(house: House) -> None:
    first, second = house.place.dossier, house.desk.open_dossier("Vụ việc khác")
    record = house.read("quyet-dinh", first)
    assert house.original(house.read("quyet-dinh", second)) == house.original(record)
    place_hold(house, first)
    place_hold(house, second)
    lift_hold(house, first)
    assert is_held(house, record)
    lift_hold(house, second)
    assert not is_held(house, record)


def test_a_hold_is_placed_once_and_lifted_once_and_by_whom_it_may(house: House) -> None:
    dossier = house.place.dossier
    with pytest.raises(RuleError, match="not-held"):
        lift_hold(house, dossier)
    place_hold(house, dossier)
    with pytest.raises(RuleError, match="already-held"):
        place_hold(house, dossier)
    clerk = house.desk.request(by=house.place.people.clerk)
    with pytest.raises(NotPermittedError):
        holding.lift_hold(house.desk.archive, clerk, dossier, reason="không cần nữa")
    leader = house.desk.request(by=house.place.people.leader)
    holding.lift_hold(house.desk.archive, leader, dossier, reason="Đã xét xử xong")


def test_nothing_of_a_held_dossier_is_erased(house: House) -> None:
    archive, dossier = house.desk.archive, house.place.dossier
    place_hold(house, dossier)
    erasing.request_erasure(archive, house.desk.request(), dossier, reason="theo đơn")
    leader = house.place.people.leader
    with pytest.raises(RuleError, match="dossier-held"):
        erasing.approve_erasure(
            archive, house.desk.request(by=leader), dossier, decision="QĐ 12/2026"
        )
    lift_hold(house, dossier)
    erasing.approve_erasure(archive, house.desk.request(by=leader), dossier, decision="QĐ 12/2026")
    with pytest.raises(RuleError, match="dossier-erased"):
        place_hold(house, dossier)


def test_the_nightly_pass_brings_holds_to_what_the_dossiers_say(house: House) -> None:
    """Also what somebody with the store's keys took away, and what a crash left behind."""
    record = house.confirmed("don-xin-cap-dat")
    house.store().hold(house.original(record))  # A crash between the store and the fact.
    house.renew()
    assert not is_held(house, record)
    place_hold(house, house.place.dossier)
    house.store().release(house.original(record))
    house.renew()
    assert is_held(house, record)


# ---------------------------------------------------------------- the command line


def test_holds_and_the_state_of_the_lock_are_told_on_the_command_line(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    chauban = Chauban(house.place.folder)
    today = replace(house.desk.archive, clock=SystemClock())  # That of the command line, too.
    house = replace(house, desk=replace(house.desk, archive=today))
    record = house.confirmed("don-xin-cap-dat")
    event = chauban.json("hold", "place", DOSSIER, "--why", "Tòa án yêu cầu giữ")["event"]
    shown = chauban.json("show", DOSSIER)
    assert shown["held"]
    assert shown["records"][0]["lock"] == "compliance"
    assert is_held(house, record)
    assert chauban.json("history", DOSSIER)["events"][-1]["id"] == event
    chauban.json("hold", "lift", DOSSIER, "--why", "Đã xét xử xong")
    assert not chauban.json("show", DOSSIER)["held"]
    assert lock_check(chauban)["ok"]
    source = house.original(record)
    foreign_client(house.server).put_object(
        house.bucket.name, f"sha256/{source.hex}", io.BytesIO(b"forged"), 6
    )
    house.renew()
    check = lock_check(chauban)
    assert not check["ok"]
    assert check["what"].endswith(": 1")
    with LyingProxy(house.server.port, lambda method, _: method == "DELETE") as liar:
        monkeypatch.setenv("CHAUBAN_S3_HOST", f"127.0.0.1:{liar.port}")
        assert "destroy" in lock_check(chauban)["what"]
        other = house.read("bien-ban-do-dac")
        assert chauban.refused("confirm", other, code=3) == "worm-probe-failed"
    assert not load(house.desk.archive, other).record().confirmed


def lock_check(chauban: Chauban) -> dict[str, Any]:
    """What `doctor` says of the lock."""
    (check,) = [
        each for each in chauban("--json", "doctor").json["checks"] if each["name"] == "lock"
    ]
    return dict(check)
