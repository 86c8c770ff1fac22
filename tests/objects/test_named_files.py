"""The promises of the port NamedFiles, kept by every adapter; a whole log lies in each."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.errors import NotFoundError, UnavailableError
from infrastructure.evidence.merkle import leaf_hash
from infrastructure.objects.minio import S3ObjectStore, ensure_bucket
from infrastructure.objects.named import FolderFiles, NamedFiles
from infrastructure.objects.named_s3 import BucketFiles
from tests.evidence.logs import Place, entry
from tests.evidence.test_merkle import root_of
from tests.objects.conftest import bucket_of, foreign_client, put
from tests.services import S3Server


@dataclass
class Files:
    named: NamedFiles
    server: S3Server | None = None


@pytest.fixture(
    params=[
        "folder",
        pytest.param("minio", marks=pytest.mark.services),
        pytest.param("versitygw", marks=pytest.mark.services),
    ]
)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Files]:
    if request.param == "folder":
        yield Files(FolderFiles(tmp_path / "log"))
        return
    server: S3Server = request.getfixturevalue(request.param)
    bucket = bucket_of(server, f"named-{abs(hash(tmp_path)) % 10**9}")
    ensure_bucket(bucket)
    yield Files(BucketFiles(bucket, "log/"), server)


def test_a_file_is_read_as_it_was_written_last(files: Files) -> None:
    files.named.put("checkpoint", b"one")
    files.named.put("checkpoint", b"two")
    files.named.put("tile/0/x001/067.p/5", b"")
    assert files.named.get("checkpoint") == b"two"
    assert files.named.get("tile/0/x001/067.p/5") == b""


def test_a_file_that_is_not_there_is_named(files: Files) -> None:
    for name in ("checkpoint", "tile/0/000", "tile/0/000.p/5"):
        with pytest.raises(NotFoundError) as caught:
            files.named.get(name)
        assert caught.value.code == "log-file-missing"
    files.named.put("tile", b"a file where a folder is asked for")
    with pytest.raises(NotFoundError):
        files.named.get("tile/0")


def test_what_lies_below_a_name_is_dropped_and_nothing_else(files: Files) -> None:
    for name in ("tile/000.p/1", "tile/000.p/12", "tile/000.px/1", "tile/000"):
        files.named.put(name, name.encode())
    files.named.drop("tile/000.p")
    files.named.drop("tile/000.p")
    for name in ("tile/000.p/1", "tile/000.p/12"):
        with pytest.raises(NotFoundError):
            files.named.get(name)
    for name in ("tile/000.px/1", "tile/000"):
        assert files.named.get(name) == name.encode()
    files.named.put("tile/000.p/1", b"again")
    assert files.named.get("tile/000.p/1") == b"again"


def test_a_log_grows_there(files: Files, tmp_path: Path) -> None:
    place = Place(tmp_path / "place")
    for count in (3, 256, 600):
        place.entries.count = count
        checkpoint = place.open(files.named).sync()
    assert checkpoint is not None
    assert checkpoint.root == root_of([leaf_hash(entry(n)) for n in range(600)]).hex()
    assert len(list(place.open(files.named).export(str(tmp_path / "out"), checkpoint))) == 3


@pytest.mark.services
def test_in_a_bucket_no_old_version_is_left_and_no_object_is_a_stray(
    minio: S3Server, tmp_path: Path
) -> None:
    bucket = bucket_of(minio, "named-versions")
    ensure_bucket(bucket)
    store = S3ObjectStore(bucket, is_referred=lambda digest: True)
    named = BucketFiles(bucket, "log/")
    for content in (b"one", b"two", b"three"):
        named.put("checkpoint", content)
    named.put("tile/000.p/1", b"x")
    named.drop("tile/000.p")
    digest = put(store, b"an original")
    assert [found for found, _ in store.inspect_objects()] == [digest]
    listed = foreign_client(minio).list_objects(
        bucket.name, prefix="log/", recursive=True, include_version=True
    )
    assert [(each.object_name, each.is_delete_marker) for each in listed] == [
        ("log/checkpoint", False)
    ]


@pytest.mark.services
def test_a_server_that_is_gone_is_named(minio: S3Server) -> None:
    named = BucketFiles(bucket_of(minio, "named-gone", port=1), "log/")
    for call in (lambda: named.put("a", b""), lambda: named.get("a"), lambda: named.drop("a")):
        with pytest.raises(UnavailableError):
            call()
