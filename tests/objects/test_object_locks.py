"""Locks on real servers: what is locked stays, whoever asks, and a server that lies is found."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import cast

import pytest
from minio import Minio
from minio.commonconfig import COMPLIANCE, ENABLED, GOVERNANCE
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.retention import Retention
from minio.versioningconfig import VersioningConfig

from domain.errors import IntegrityError, NotFoundError, RuleError, UnavailableError
from domain.values import Digest, EventId
from infrastructure.clock import SystemClock
from infrastructure.objects.minio import S3ObjectStore, ensure_bucket
from tests.objects.conftest import bucket_of, digest_of, foreign_client, put, read
from tests.objects.lying_proxy import LyingProxy
from tests.services import S3Server

pytestmark = pytest.mark.services
DECISION = EventId("0199a7c0-0000-7000-8000-000000000001")
PAPER = b"B\xc3\xa1o c\xc3\xa1o s\xe1\xbb\x91 390/BC-UBND\n" * 500
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Place:
    """A bucket of a test's own on one of the servers, and a plain client with the same keys."""

    server: S3Server
    name: str
    store: S3ObjectStore
    client: Minio

    def key(self, digest: Digest) -> str:
        return f"sha256/{digest.hex}"

    def version(self, digest: Digest) -> str:
        return self.client.stat_object(self.name, self.key(digest)).version_id or ""

    def objects(self, prefix: str) -> int:
        listed = self.client.list_objects(self.name, prefix, recursive=True, include_version=True)
        return len(list(listed))


def opened(server: S3Server, name: str, port: int | None = None) -> S3ObjectStore:
    return S3ObjectStore(bucket_of(server, name, port), is_referred=lambda _: False)


def now() -> datetime:
    return SystemClock().now()


@pytest.fixture(params=["minio", "versitygw"])
def server(request: pytest.FixtureRequest) -> S3Server:
    return cast("S3Server", request.getfixturevalue(request.param))


@pytest.fixture
def place(server: S3Server, request: pytest.FixtureRequest) -> Place:
    name = f"l{sha256(request.node.name.encode()).hexdigest()[:20]}"
    ensure_bucket(bucket_of(server, name))
    return Place(server, name, opened(server, name), foreign_client(server))


def test_nobody_shortens_or_destroys_what_is_locked(place: Place) -> None:
    digest = put(place.store, PAPER)
    end = (now() + HOUR).replace(microsecond=0)
    place.store.protect(digest, until=end)
    name, key, version = place.name, place.key(digest), place.version(digest)

    def retention(mode: str, until: datetime) -> Callable[[], object]:
        return lambda: place.client.set_object_retention(name, key, Retention(mode, until), version)

    attempts: list[Callable[[], object]] = [
        lambda: place.client.remove_object(name, key, version),
        retention(COMPLIANCE, end - timedelta(minutes=10)),
        retention(GOVERNANCE, end + HOUR),
        retention(GOVERNANCE, end - timedelta(minutes=10)),
    ]
    for attempt in attempts:
        with pytest.raises(S3Error):
            attempt()
    many = [DeleteObject(key, version)]
    assert list(place.client.remove_objects(name, many, bypass_governance_mode=True))
    with pytest.raises(RuleError, match="object-locked"):
        place.store.destroy(digest, decision=DECISION)
    assert place.store.protection(digest).until == end
    assert read(place.store, digest) == PAPER


def test_a_lock_is_made_longer_and_never_shorter(place: Place) -> None:
    digest = put(place.store, PAPER)
    end = (now() + HOUR).replace(microsecond=0)
    place.store.protect(digest, until=end)
    place.store.protect(digest, until=end - HOUR / 2)
    assert place.store.protection(digest).until == end
    place.store.protect(digest, until=end + HOUR)
    assert place.store.protection(digest).until == end + HOUR
    put(place.store, PAPER)
    assert place.store.protection(digest).until == end + HOUR, "put again, the lock stays"


def test_a_lock_that_has_ended_protects_no_longer(place: Place) -> None:
    digest = put(place.store, PAPER)
    place.store.protect(digest, until=now() + timedelta(seconds=1))
    with pytest.raises(RuleError, match="object-locked"):
        place.store.destroy(digest, decision=DECISION)
    ends = time.monotonic() + 20
    while place.store.size(digest) is not None and time.monotonic() < ends:
        time.sleep(0.2)
        with suppress(RuleError):
            place.store.destroy(digest, decision=DECISION)
    assert place.store.size(digest) is None
    assert place.objects(place.key(digest)) == 0


def test_a_hold_stands_by_itself_until_it_is_released(place: Place) -> None:
    digest = put(place.store, PAPER)
    place.store.hold(digest)
    place.store.hold(digest)
    assert (place.store.protection(digest).until, place.store.protection(digest).held) == (
        None,
        True,
    )
    with pytest.raises(RuleError, match="object-locked"):
        place.store.destroy(digest, decision=DECISION)
    place.store.release(digest)
    place.store.destroy(digest, decision=DECISION)
    assert place.store.size(digest) is None


def test_releasing_leaves_the_lock(place: Place) -> None:
    digest = put(place.store, PAPER)
    end = (now() + HOUR).replace(microsecond=0)
    place.store.protect(digest, until=end)
    place.store.hold(digest)
    place.store.release(digest)
    assert place.store.protection(digest).until == end
    with pytest.raises(RuleError, match="object-locked"):
        place.store.destroy(digest, decision=DECISION)


def test_other_bytes_never_become_indestructible(place: Place) -> None:
    digest = put(place.store, PAPER)
    place.client.put_object(place.name, place.key(digest), io.BytesIO(b"forged"), 6)
    with pytest.raises(IntegrityError, match="bytes-altered"):
        place.store.protect(digest, until=now() + HOUR)
    with pytest.raises(IntegrityError, match="bytes-altered"):
        place.store.hold(digest)
    assert place.store.protection(digest).until is None
    missing = digest_of(b"never put")
    with pytest.raises(NotFoundError):
        place.store.protect(missing, until=now() + HOUR)


def test_a_version_on_top_shows_as_a_missing_lock_and_the_right_one_stays(place: Place) -> None:
    digest = put(place.store, PAPER)
    place.store.protect(digest, until=now() + HOUR)
    place.store.hold(digest)
    right = place.version(digest)
    place.client.put_object(place.name, place.key(digest), io.BytesIO(b"forged"), 6)
    assert place.store.protection(digest).until is None
    with pytest.raises(RuleError, match="object-locked"):
        place.store.destroy(digest, decision=DECISION)
    reply = place.client.get_object(place.name, place.key(digest), version_id=right)
    assert reply.read() == PAPER
    reply.close()
    reply.release_conn()
    place.store.release(digest)
    kept = place.client.stat_object(place.name, place.key(digest), version_id=right)
    assert (kept.metadata or {})["x-amz-object-lock-legal-hold"] == "OFF"


# ---------------------------------------------------------------- the probe


def test_probes_do_not_pile_up_and_are_nobodys_objects(place: Place) -> None:
    for _ in range(3):
        opened(place.server, place.name).probe()
    assert place.objects("probe/") == 1
    assert list(place.store.inspect_objects()) == []


def test_a_crash_after_the_probe_object_leaves_nothing_for_long(place: Place) -> None:
    place.client.put_object(place.name, "probe/worm", io.BytesIO(b"probe\n"), 6)
    place.store.probe()
    assert place.objects("probe/") == 1


def test_a_fresh_proof_is_enough_and_a_failed_one_is_none(place: Place) -> None:
    lying = False
    with LyingProxy(place.server.port, lambda method, _: lying and method == "DELETE") as liar:
        store = opened(place.server, place.name, liar.port)
        store.probe(within=HOUR)
        lying = True
        store.probe(within=HOUR)
        assert liar.told == []
        with pytest.raises(UnavailableError, match="worm-probe-failed"):
            store.probe()
        unproved = opened(place.server, place.name, liar.port)
        for _ in range(2):
            with pytest.raises(UnavailableError, match="worm-probe-failed"):
                unproved.probe(within=HOUR)
        assert len(liar.told) == 3


@pytest.mark.parametrize(
    ("attempt", "lie"),
    [
        ("destroy", lambda method, _: method == "DELETE"),
        ("bypass", lambda method, target: method == "POST" and "delete" in target),
        ("lock", lambda _, target: "retention" in target),
    ],
)
def test_a_server_that_only_says_yes_is_found(
    place: Place, attempt: str, lie: Callable[[str, str], bool]
) -> None:
    with LyingProxy(place.server.port, lie) as liar:
        with pytest.raises(UnavailableError) as caught:
            opened(place.server, place.name, liar.port).probe()
        assert liar.told
    assert (caught.value.code, caught.value.details) == ("worm-probe-failed", {"attempt": attempt})


def test_a_shorter_lock_that_is_accepted_is_found(place: Place) -> None:
    place.store.probe()  # The lie begins after the object was locked.
    with LyingProxy(place.server.port, lambda _, target: "retention" in target) as liar:
        with pytest.raises(UnavailableError) as caught:
            opened(place.server, place.name, liar.port).probe()
        assert liar.told
    assert caught.value.details == {"attempt": "shorten"}


def test_a_lock_that_the_server_does_not_keep_is_no_lock(place: Place) -> None:
    digest = put(place.store, PAPER)
    with LyingProxy(place.server.port, lambda _, target: "retention" in target) as liar:
        store = opened(place.server, place.name, liar.port)
        with pytest.raises(UnavailableError, match="lock-refused"):
            store.protect(digest, until=now() + HOUR)
    with LyingProxy(place.server.port, lambda _, target: "legal-hold" in target) as liar:
        store = opened(place.server, place.name, liar.port)
        with pytest.raises(UnavailableError, match="lock-refused"):
            store.hold(digest)


def test_a_bucket_without_object_lock_proves_nothing(place: Place) -> None:
    name = f"{place.name}-plain"
    place.client.make_bucket(name)
    place.client.set_bucket_versioning(name, VersioningConfig(ENABLED))
    with pytest.raises(UnavailableError, match="store-without-lock"):
        opened(place.server, name).probe()
    place.client.put_object(name, place.key(digest_of(PAPER)), io.BytesIO(PAPER), len(PAPER))
    with pytest.raises(UnavailableError, match="store-without-lock"):
        opened(place.server, name).protect(digest_of(PAPER), until=now() + HOUR)


def test_a_bucket_that_locks_everything_is_not_used(place: Place) -> None:
    """A stranger's paper must not become indestructible because it went through a feeder."""
    config = ObjectLockConfig(COMPLIANCE, 1, DAYS)
    place.client.set_object_lock_config(place.name, config)
    with pytest.raises(UnavailableError, match="store-locks-everything"):
        put(opened(place.server, place.name), PAPER)
    with pytest.raises(UnavailableError, match="store-locks-everything"):
        ensure_bucket(bucket_of(place.server, place.name))
