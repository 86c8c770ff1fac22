"""Faults of a disk and of a machine: full, forbidden, failing, and stopped at any moment."""

import errno
import io
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.errors import ArchiveError, UnavailableError
from infrastructure.objects.files import FileObjectStore, create_store
from infrastructure.objects.streams import disk_faults
from tests.objects.conftest import digest_of, put, read

REPOSITORY = Path(__file__).parents[2]
PAPER = os.urandom(3 << 20)


def opened(root: Path) -> FileObjectStore:
    return FileObjectStore(root, is_referred=lambda _: False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    create_store(tmp_path / "objects")
    return tmp_path / "objects"


def leftovers(root: Path) -> list[Path]:
    return list((root / "incoming").iterdir())


def test_an_object_is_read_only_and_its_folders_are_closed_to_others(root: Path) -> None:
    digest = put(opened(root), PAPER)
    path = root / digest.hex[:2] / digest.hex[2:4] / digest.hex
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    for directory in (path.parent, path.parent.parent, root, root / "incoming"):
        assert stat.S_IMODE(directory.stat().st_mode) & 0o027 == 0, directory
    assert leftovers(root) == []


def test_a_store_that_is_gone_is_not_an_empty_one(root: Path, tmp_path: Path) -> None:
    store = opened(root)
    digest = put(store, PAPER)
    shutil.move(root, tmp_path / "unmounted")
    attempts: list[Callable[[], object]] = [
        lambda: opened(root),
        lambda: store.open(digest),
        lambda: store.size(digest),
        lambda: put(store, PAPER),
        lambda: list(store.inspect_objects()),
    ]
    for attempt in attempts:
        with pytest.raises(UnavailableError, match="store-missing"):
            attempt()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOSPC, "disk-full"),
        (errno.EDQUOT, "disk-full"),
        (errno.EACCES, "store-forbidden"),
        (errno.EROFS, "store-read-only"),
        (errno.EIO, "store-failing"),
        (errno.ESTALE, "store-failing"),
    ],
)
def test_each_fault_of_a_disk_has_a_name(number: int, code: str) -> None:
    with pytest.raises(UnavailableError) as caught, disk_faults():
        raise OSError(number, "text of the system", "/a/path/with/a/name")
    assert caught.value.code == code
    assert caught.value.details == {"errno": errno.errorcode[number]}


@contextmanager
def tiny_disk(directory: Path) -> Iterator[None]:
    """A file system of 2 MiB, where this machine lets us have one."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def test_a_full_disk_stores_nothing_and_keeps_what_it_had(tmp_path: Path) -> None:
    with tiny_disk(tmp_path / "disk"):
        root = tmp_path / "disk" / "objects"
        create_store(root)
        store = opened(root)
        kept = put(store, b"kept" * 1000)
        with pytest.raises(UnavailableError, match="disk-full"):
            put(store, PAPER)
        assert store.size(digest_of(PAPER)) is None
        assert read(store, kept) == b"kept" * 1000
        assert leftovers(root) == []
        put(store, b"there is room for this one")


def test_a_file_beyond_the_limit_stores_nothing(root: Path) -> None:
    store = opened(root)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limits[1]))
    try:
        with pytest.raises(UnavailableError, match="object-too-large"):
            put(store, PAPER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert store.size(digest_of(PAPER)) is None
    assert leftovers(root) == []


def test_a_folder_that_may_not_be_written_is_named_so(root: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (root / "incoming").chmod(0o550)
    with pytest.raises(UnavailableError, match="store-forbidden"):
        opened(root)


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_fails_at_any_call_stores_all_or_nothing(
    root: Path, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failed and nothing stored: the call was not made. Failed and yet stored: only its answer
    was lost."""
    original = getattr(os, call)
    for done in (False, True):
        for fails_at in range(1, 8):
            data = PAPER[: 1000 + fails_at] + bytes([done])
            calls = 0

            def faulty(*args: object, **kw: object) -> object:
                nonlocal calls
                calls += 1
                if calls != fails_at:  # noqa: B023
                    return original(*args, **kw)
                if done:  # noqa: B023
                    original(*args, **kw)
                raise OSError(errno.EIO, "input/output error")

            store = opened(root)
            monkeypatch.setattr(os, call, faulty)
            try:
                put(store, data)
                code = None
            except UnavailableError as error:
                code = error.code
            finally:
                monkeypatch.undo()
            failed = code == "store-failing"
            assert failed == (fails_at <= calls)
            # A failed link whose answer was lost leaves the right bytes, never others.
            if failed and not (call == "link" and done):
                assert store.size(digest_of(data)) is None
            assert put(store, data) == digest_of(data)
            assert read(store, digest_of(data)) == data
            assert leftovers(root) == []


WRITER = """
import hashlib, io, os, signal, sys
from pathlib import Path
from domain.values import Digest
from infrastructure.objects.files import FileObjectStore

root, fatal, data = Path(sys.argv[1]), int(sys.argv[2]), sys.stdin.buffer.read()
store = FileObjectStore(root, is_referred=lambda _: False)
calls = 0

def deadly(original):
    def call(*args, **kw):
        global calls
        for moment in ("before", "after"):
            calls += 1
            if calls == fatal:
                os.kill(os.getpid(), signal.SIGKILL)
            if moment == "before":
                answer = original(*args, **kw)
        return answer
    return call

for name in ("fsync", "link", "fchmod"):
    setattr(os, name, deadly(getattr(os, name)))
store.put(Digest("sha256:" + hashlib.sha256(data).hexdigest()), io.BytesIO(data))
print("acknowledged", flush=True)
"""


def write_and_die(root: Path, fatal: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", WRITER, str(root), str(fatal)],
        input=PAPER,
        capture_output=True,
        cwd=REPOSITORY,
        check=False,
    )


def test_a_writer_killed_at_any_step_leaves_all_or_nothing(tmp_path: Path) -> None:
    survived = False
    seen = set()
    for fatal in range(1, 40):
        root = tmp_path / f"objects{fatal}"
        create_store(root)
        ended = write_and_die(root, fatal)
        survived = ended.returncode == 0
        assert survived or ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        store = opened(root)  # The restart.
        seen.add(store.size(digest_of(PAPER)))
        if survived:
            assert ended.stdout == b"acknowledged\n"
            assert read(store, digest_of(PAPER)) == PAPER
            break
        for digest, _ in store.inspect_objects():
            assert read(store, digest) == PAPER
        put(store, PAPER)  # What was not acknowledged is put again.
        assert read(store, digest_of(PAPER)) == PAPER
        store.destroy(digest_of(PAPER), decision=None)  # type: ignore[arg-type]
        whole = [path for path in leftovers(root) if path.stat().st_size == len(PAPER)]
        assert not [path for path in whole if path.stat().st_nlink > 1]
    assert survived
    assert seen == {None, len(PAPER)}


def test_what_a_crash_left_is_swept_after_a_day(root: Path) -> None:
    assert write_and_die(root, 1).returncode == -signal.SIGKILL
    (leftover,) = leftovers(root)
    opened(root)
    assert leftovers(root) == [leftover], "another process may still be writing it"
    yesterday = time.time() - 25 * 3600
    os.utime(leftover, (yesterday, yesterday))
    opened(root)
    assert leftovers(root) == []


def test_destroyed_bytes_leave_no_second_name_behind(root: Path) -> None:
    store = opened(root)
    digest = put(store, PAPER)
    path = root / digest.hex[:2] / digest.hex[2:4] / digest.hex
    os.link(path, root / "incoming" / "put-crashed")  # A crash after the name appeared.
    store.destroy(digest, decision=None)  # type: ignore[arg-type]
    assert leftovers(root) == []


def test_bytes_given_again_are_young_again(root: Path) -> None:
    """Bytes without a fact are swept by age; a put renews the promise."""
    store = opened(root)
    digest = put(store, PAPER)
    path = root / digest.hex[:2] / digest.hex[2:4] / digest.hex
    os.utime(path, (1, 1))
    put(store, PAPER)
    assert time.time() - path.stat().st_mtime < 600


def test_a_link_in_the_place_of_an_object_is_not_followed(root: Path, tmp_path: Path) -> None:
    store = opened(root)
    digest = put(store, PAPER)
    path = root / digest.hex[:2] / digest.hex[2:4] / digest.hex
    path.unlink()
    (tmp_path / "elsewhere").write_bytes(PAPER)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchiveError):
        store.open(digest)


def test_a_foreign_file_in_the_folder_is_nobodys_object(root: Path) -> None:
    store = opened(root)
    digest = put(store, b"one")
    (root / "notes.txt").write_text("by hand")
    (root / digest.hex[:2] / "x").write_text("by hand")
    assert [found for found, _ in store.inspect_objects()] == [digest]
    assert io.BytesIO(read(store, digest)).read() == b"one"
