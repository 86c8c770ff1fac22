"""The stores under test, each with a way to alter its bytes behind its back."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
from minio import Minio

from domain.ports import ObjectStore
from domain.values import Digest
from infrastructure.objects.bucket import Bucket
from infrastructure.objects.files import FileObjectStore, create_store
from infrastructure.objects.minio import S3ObjectStore, ensure_bucket
from tests.services import S3Server, minio_server, versitygw_server


@dataclass
class World:
    """A store and what stands around it."""

    store: ObjectStore
    alter: Callable[[Digest, bytes], None]
    """Puts other bytes in the place of an object, as an intruder with the store's keys would."""
    versions: Callable[[Digest], int]
    """How many copies and markers of an object are left."""
    referred: set[Digest] = field(default_factory=set)


def digest_of(data: bytes) -> Digest:
    return Digest(f"sha256:{sha256(data).hexdigest()}")


def put(store: ObjectStore, data: bytes) -> Digest:
    digest = digest_of(data)
    store.put(digest, io.BytesIO(data))
    return digest


def read(store: ObjectStore, digest: Digest) -> bytes:
    with store.open(digest) as stream:
        return stream.read()


def bucket_of(server: S3Server, name: str = "objects", port: int | None = None) -> Bucket:
    return Bucket(
        host=f"127.0.0.1:{port or server.port}",
        name=name,
        access_key=server.access_key,
        secret_key=server.secret_key,
        secure=False,
        seconds=20.0,
    )


def foreign_client(server: S3Server) -> Minio:
    return Minio(
        server.host,
        access_key=server.access_key,
        secret_key=server.secret_key,
        secure=False,
        region="us-east-1",
    )


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with minio_server(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with versitygw_server(tmp_path_factory.mktemp("versitygw")) as server:
        yield server


def file_world(root: Path) -> World:
    create_store(root)

    def path(digest: Digest) -> Path:
        return root / digest.hex[:2] / digest.hex[2:4] / digest.hex

    def alter(digest: Digest, data: bytes) -> None:
        path(digest).chmod(0o640)
        path(digest).write_bytes(data)

    referred: set[Digest] = set()
    store = FileObjectStore(root, is_referred=referred.__contains__)
    return World(store, alter, lambda digest: int(path(digest).exists()), referred)


def s3_world(server: S3Server, name: str) -> World:
    bucket = bucket_of(server, name)
    ensure_bucket(bucket)
    client = foreign_client(server)

    def alter(digest: Digest, data: bytes) -> None:
        client.put_object(name, f"sha256/{digest.hex}", io.BytesIO(data), len(data))

    def versions(digest: Digest) -> int:
        return len(list(client.list_objects(name, f"sha256/{digest.hex}", include_version=True)))

    referred: set[Digest] = set()
    store = S3ObjectStore(bucket, is_referred=referred.__contains__)
    return World(store, alter, versions, referred)


@pytest.fixture(
    params=[
        "files",
        pytest.param("minio", marks=pytest.mark.services),
        pytest.param("versitygw", marks=pytest.mark.services),
    ]
)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "files":
        return file_world(tmp_path / "objects")
    server = cast("S3Server", request.getfixturevalue(request.param))
    return s3_world(server, f"b{sha256(request.node.name.encode()).hexdigest()[:20]}")
