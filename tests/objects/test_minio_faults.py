"""Faults between us and an S3 server, and a server that is ended in the middle of its work."""

import io
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import UnavailableError
from infrastructure.objects.bucket import Bucket
from infrastructure.objects.minio import S3ObjectStore, ensure_bucket
from tests.objects.conftest import bucket_of, digest_of, foreign_client, put, read
from tests.objects.fault_proxy import Fault, FaultProxy
from tests.services import Credentials, S3Server, free_port, minio_server

pytestmark = pytest.mark.services
SMALL = os.urandom(200_000)
LARGE = os.urandom(40 << 20)
"""Sent in three parts."""
PUT_OBJECT = b"PUT /faults/sha256/"
FINISH_PARTS = b"POST /faults/sha256/"


def opened(bucket: Bucket) -> S3ObjectStore:
    return S3ObjectStore(bucket, is_referred=lambda _: False)


@pytest.fixture
def server(minio: S3Server) -> S3Server:
    ensure_bucket(bucket_of(minio, "faults"))
    return minio


@pytest.mark.parametrize("data", [SMALL, LARGE], ids=["one part", "three parts"])
@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_that_passes_is_not_noticed(server: S3Server, fault: Fault, data: bytes) -> None:
    mine = data + fault.name.encode()
    with FaultProxy(server.port) as proxy:
        store = opened(bucket_of(server, "faults", proxy.port))
        proxy.inject(fault, PUT_OBJECT, times=1)
        digest = put(store, mine)
        assert proxy.hits == 1
    assert read(opened(bucket_of(server, "faults")), digest) == mine


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize(
    ("data", "begin"),
    [(SMALL, PUT_OBJECT), (LARGE, PUT_OBJECT), (LARGE, FINISH_PARTS)],
    ids=["one part", "a part of three", "the end of three parts"],
)
def test_a_fault_that_stays_gives_no_receipt(
    server: S3Server, fault: Fault, data: bytes, begin: bytes
) -> None:
    mine = data + begin + fault.name.encode()
    digest = digest_of(mine)
    direct = opened(bucket_of(server, "faults"))
    with FaultProxy(server.port) as proxy:
        store = opened(bucket_of(server, "faults", proxy.port))
        proxy.inject(fault, begin, times=100)
        with pytest.raises(UnavailableError, match="store-unreachable"):
            put(store, mine)
        assert proxy.hits
        if fault is Fault.LOST_REQUEST:
            assert direct.size(digest) is None
        elif direct.size(digest) is not None:
            assert read(direct, digest) == mine
        proxy.inject(fault, b"", times=0)
        put(store, mine)  # Bytes that are there already are no trouble.
    assert read(direct, digest) == mine


def test_a_reply_that_breaks_off_is_no_object(server: S3Server) -> None:
    direct = opened(bucket_of(server, "faults"))
    digest = put(direct, LARGE)
    with FaultProxy(server.port) as proxy:
        store = opened(bucket_of(server, "faults", proxy.port))
        stream = store.open(digest)
        stream.read(1)
    with pytest.raises(UnavailableError, match="store-unreachable"):
        stream.read()
    stream.close()


def test_a_server_that_is_down_is_named_so(server: S3Server) -> None:
    nobody = opened(bucket_of(server, "faults", free_port()))
    digest = digest_of(SMALL)
    with pytest.raises(UnavailableError, match="store-unreachable"):
        nobody.put(digest, io.BytesIO(SMALL))
    with pytest.raises(UnavailableError, match="store-unreachable"):
        nobody.open(digest)
    with pytest.raises(UnavailableError, match="store-unreachable"):
        nobody.size(digest)


def test_wrong_credentials_and_missing_buckets_are_named_so(server: S3Server) -> None:
    bucket = bucket_of(server, "faults")
    with pytest.raises(UnavailableError, match="store-forbidden"):
        put(opened(replace(bucket, secret_key="not this one")), SMALL)
    with pytest.raises(UnavailableError, match="store-missing"):
        put(opened(replace(bucket, name="nowhere")), SMALL)


def test_a_bucket_that_cannot_lock_is_not_used(server: S3Server) -> None:
    client = foreign_client(server)
    client.make_bucket("plain")
    with pytest.raises(UnavailableError, match="store-without-versions"):
        ensure_bucket(bucket_of(server, "plain"))
    with pytest.raises(UnavailableError, match="store-without-versions"):
        put(opened(bucket_of(server, "plain")), SMALL)


def test_the_keys_of_the_store_are_in_no_text(
    server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = bucket_of(server, "faults")
    with caplog.at_level(logging.DEBUG):
        store = opened(bucket)
        put(store, b"with every log switched on")
        with pytest.raises(UnavailableError) as caught:
            put(opened(replace(bucket, name="nowhere")), SMALL)
    said = caplog.text + repr(bucket) + repr(store) + repr(caught.value) + str(caught.value)
    assert bucket.secret_key not in said
    assert bucket.access_key not in said
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().decode()
    assert bucket.secret_key not in arguments


def test_what_a_killed_server_acknowledged_is_there_and_nothing_is_half(tmp_path: Path) -> None:
    keys = Credentials()
    acknowledged = []
    papers = [os.urandom(200_000) for _ in range(40)]
    with minio_server(tmp_path, keys) as server:
        bucket = bucket_of(server)
        ensure_bucket(bucket)
        store = opened(bucket)
        enough = threading.Event()

        def write(data: bytes) -> None:
            try:
                acknowledged.append(put(store, data))
            except UnavailableError:
                return
            if len(acknowledged) == 20:
                enough.set()

        with ThreadPoolExecutor(4) as pool:
            for data in [*papers[:30], LARGE, *papers[30:]]:
                pool.submit(write, data)
            assert enough.wait(30)
            server.process.kill()
    with minio_server(tmp_path, keys) as server:
        store = opened(bucket_of(server))
        written = {digest_of(data): data for data in [*papers, LARGE]}
        for digest in acknowledged:
            assert read(store, digest) == written[digest]
        for digest, _ in store.inspect_objects():
            assert read(store, digest) == written[digest]
