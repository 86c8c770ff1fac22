"""Objects in a bucket of an S3 server, by the `minio` SDK: plain S3, nothing of one product.

The key of an object is `sha256/<64 hexadecimal digits>`. The bucket keeps versions and was made
with object lock, without a default: an object is locked by `protect` and `hold` alone
(`worm.py`), one version at a time, and that version was read back first.

Deliberately absent: trust in a reply that did not come. After a lost one the right bytes may be
there; putting them again succeeds, and nobody is told before that they are kept.
"""

import base64
import io
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import BinaryIO, cast

import urllib3
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from domain.errors import (
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.ports import Protection
from domain.values import Digest, EventId
from infrastructure.objects import worm
from infrastructure.objects.bucket import Bucket
from infrastructure.objects.s3 import CHECKSUM, connect, meaning_of, s3_faults
from infrastructure.objects.streams import (
    CHUNK,
    PlainStream,
    VerifiedStream,
    copy_checked,
    disk_faults,
)

_PREFIX = "sha256/"
_PART = 16 << 20
"""Bytes that are sent at a time: an object of one part has a checksum that the server checks."""
_IN_MEMORY = 8 << 20

_EXISTS = {"PreconditionFailed", "ConditionalRequestConflict"}
_ABSENT = {"NoSuchKey", "NoSuchObject", "NoSuchVersion", "MethodNotAllowed"}
"""MethodNotAllowed is what asking for a marker gives, which hides an object of any age."""
_OBJECT = re.compile(r"[0-9a-f]{64}")
_ROUNDS = 5


def ensure_bucket(bucket: Bucket) -> None:
    """Makes the bucket if it is not there; raises UnavailableError when it cannot lock objects."""
    client = connect(bucket)
    with s3_faults():
        if not client.bucket_exists(bucket.name):
            client.make_bucket(bucket.name, object_lock=True)
    _check_bucket(client, bucket.name)


def _check_bucket(client: Minio, name: str) -> None:
    with s3_faults():
        if client.get_bucket_versioning(name).status != "Enabled":
            raise UnavailableError("store-without-versions")
        # Fails where lock was not set when the bucket was made. An empty rule, as VersityGW
        # gives it, says that lock is on without a default; the SDK cannot read that.
        with suppress(ValueError):
            if client.get_object_lock_config(name).mode is not None:
                raise UnavailableError("store-locks-everything")


class S3ObjectStore:
    """The port ObjectStore over one bucket. Made anew after a fork; shared between threads.

    `is_referred` tells whether a fact still names the bytes; it is asked by `destroy` alone.
    Nothing is asked of the server until the first call.
    """

    lock = "compliance"

    def __init__(self, bucket: Bucket, *, is_referred: Callable[[Digest], bool]) -> None:
        self._bucket = bucket.name
        self._client = connect(bucket)
        self._is_referred = is_referred
        self._checked = False
        self._proved: float | None = None

    def put(self, digest: Digest, source: BinaryIO) -> None:
        """See the port. After an error the right bytes may be there, as a reply can be lost.

        (1) The bytes are hashed before any of them leaves. (2) Those that the server has are
        read back and compared. (3) Else they are sent; the server compares one part with its
        checksum, and refuses what would come second. (4) What took several parts is read back.
        """
        key = _key(digest)
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spooled:
            size = copy_checked(source, partial(_spool, spooled), digest)  # (1)
            self._check_once()
            if self._holds(digest):  # (2)
                return
            spooled.seek(0)
            with s3_faults():
                version = self._send(key, cast("BinaryIO", spooled), size, digest)  # (3)
        if version is not None and size <= _PART:
            return
        try:  # (4) Also when somebody was faster, or the SDK has asked again after a lost reply.
            held = self._holds(digest)
        except IntegrityError as exc:
            if version is None:
                raise
            with s3_faults():
                self._client.remove_object(self._bucket, key, version)
            raise UnavailableError("store-failing", sha256=digest.hex) from exc
        if not held:
            raise UnavailableError("store-failing", sha256=digest.hex)

    def _send(self, key: str, spooled: BinaryIO, size: int, digest: Digest) -> str | None:
        """The version that was made, None when the server had the key already."""
        checksum = base64.b64encode(bytes.fromhex(digest.hex)).decode()
        try:
            with disk_faults():
                made = self._client.put_object(
                    self._bucket,
                    key,
                    spooled,
                    size,
                    metadata={CHECKSUM: checksum} if size <= _PART else None,
                    part_size=_PART,
                    num_parallel_uploads=1,  # More would hold as many parts in memory.
                )
        except S3Error as exc:
            if exc.code in _EXISTS:
                return None
            raise
        return made.version_id or "null"

    def _holds(self, digest: Digest) -> bool:
        """Whether the server has the bytes, all read back; raises IntegrityError for others."""
        try:
            with self.open(digest) as stored:
                while stored.read(CHUNK):
                    pass
        except NotFoundError:
            return False
        return True

    def open(self, digest: Digest, *, offset: int = 0, length: int | None = None) -> BinaryIO:
        """See the port. The whole is checked while it is read; a range is for the caller to check.

        A range that begins or ends behind the last byte gives what there is.
        """
        if offset < 0 or (length is not None and length < 0):
            raise InvalidValueError("invalid-range")
        whole = offset == 0 and length is None
        if length == 0:  # The SDK would take it for no length at all.
            self._stat(digest)
            return io.BytesIO()
        with s3_faults():
            try:
                reply = self._client.get_object(
                    self._bucket, _key(digest), offset=offset, length=length or 0
                )
            except S3Error as exc:
                if exc.code == "InvalidRange":
                    return io.BytesIO()
                raise _not_found(exc, digest) from exc
            size = int(reply.headers["Content-Length"])
        read, close = partial(_read, reply), partial(_release, reply)
        if whole:
            checked = VerifiedStream(read, close, digest=digest, size=size)
            return io.BufferedReader(checked, CHUNK)
        if offset + (length or 0) and reply.status != HTTPStatus.PARTIAL_CONTENT:
            close()
            raise UnavailableError("store-failing", s3="range-ignored")
        return io.BufferedReader(PlainStream(read, close, length=size), CHUNK)

    def size(self, digest: Digest) -> int | None:
        """See the port."""
        try:
            return self._stat(digest)
        except NotFoundError:
            return None

    def destroy(self, digest: Digest, *, decision: EventId) -> None:
        """See the port: every version goes, and every marker that hides one.

        `decision` is on record in the journal, which the caller has written.
        """
        if self._is_referred(digest):
            raise RuleError("still-referred", sha256=digest.hex)
        with s3_faults():
            for _ in range(_ROUNDS):  # A put may come between listing and removing.
                versions = self._versions(digest)
                if not versions:
                    return
                # The request succeeds as a whole; what was refused stands in its answer.
                for refusal in self._client.remove_objects(self._bucket, versions):
                    if worm.is_refusal(refusal.code):
                        raise RuleError("object-locked", sha256=digest.hex)
                    raise UnavailableError(
                        meaning_of(refusal.code), s3=refusal.code, sha256=digest.hex
                    )
        raise UnavailableError("store-failing", sha256=digest.hex)

    def protect(self, digest: Digest, *, until: datetime) -> None:
        """See the port. (1) The version that will be locked is read back, unless it is locked
        already. (2) Its lock is set, or made longer. (3) The server is asked what it has kept.
        """
        version, found = self._trusted(digest)  # (1)
        if found.until is not None and found.until >= until:
            return
        with s3_faults():
            worm.retain(self._client, self._bucket, _key(digest), version, until)  # (2)
            kept = worm.protection(self._client, self._bucket, _key(digest), version)  # (3)
        if kept.until is None or kept.until < until:
            raise UnavailableError("lock-refused", sha256=digest.hex)

    def protection(self, digest: Digest) -> Protection:
        """See the port."""
        return self._current(digest)[1]

    def hold(self, digest: Digest) -> None:
        """See the port; the version is read back as for a lock."""
        version, found = self._trusted(digest)
        if found.held:
            return
        with s3_faults():
            self._client.enable_object_legal_hold(self._bucket, _key(digest), version)
            kept = worm.protection(self._client, self._bucket, _key(digest), version)
        if not kept.held:
            raise UnavailableError("lock-refused", sha256=digest.hex)

    def release(self, digest: Digest) -> None:
        """See the port: no version stays held, also one that lies below another."""
        key = _key(digest)
        with s3_faults():
            for entry in worm.versions(self._client, self._bucket, key):
                if worm.protection(self._client, self._bucket, key, entry).held:
                    self._client.disable_object_legal_hold(self._bucket, key, entry)

    def probe(self, *, within: timedelta = timedelta(0)) -> None:
        """See the port."""
        now = time.monotonic()
        if self._proved is not None and now - self._proved < within.total_seconds():
            return
        self._proved = None  # A proof from before a failure is worth nothing.
        with s3_faults():
            _check_bucket(self._client, self._bucket)
            worm.prove(self._client, self._bucket)
        self._proved = now

    def _current(self, digest: Digest) -> tuple[str, Protection]:
        """The newest version and how it is locked."""
        with s3_faults():
            try:
                found = self._client.stat_object(self._bucket, _key(digest))
            except S3Error as exc:
                raise _not_found(exc, digest) from exc
            return found.version_id or "null", worm.read_protection(found)

    def _trusted(self, digest: Digest) -> tuple[str, Protection]:
        """The newest version and its lock; without one it is read back, so that no other bytes
        become indestructible in the place of the right ones. Raises IntegrityError."""
        self._check_once()
        version, found = self._current(digest)
        if found.until is None and not found.held:
            with s3_faults():
                reply = self._client.get_object(self._bucket, _key(digest), version_id=version)
                size = int(reply.headers["Content-Length"])
            read, close = partial(_read, reply), partial(_release, reply)
            with VerifiedStream(read, close, digest=digest, size=size) as stored:
                while stored.read(CHUNK):
                    pass
        return version, found

    def inspect_objects(self) -> Iterator[tuple[Digest, datetime]]:
        """See the port; the time is the server's, that of the last version."""
        with s3_faults():
            for entry in self._client.list_objects(self._bucket, prefix=_PREFIX, recursive=True):
                name = (entry.object_name or "").removeprefix(_PREFIX)
                if _OBJECT.fullmatch(name) and entry.last_modified:
                    yield Digest(f"sha256:{name}"), entry.last_modified

    def _stat(self, digest: Digest) -> int:
        with s3_faults():
            try:
                return self._client.stat_object(self._bucket, _key(digest)).size or 0
            except S3Error as exc:
                raise _not_found(exc, digest) from exc

    def _versions(self, digest: Digest) -> list[DeleteObject]:
        key = _key(digest)
        listed = self._client.list_objects(
            self._bucket, prefix=key, recursive=True, include_version=True
        )
        return [DeleteObject(key, entry.version_id) for entry in listed if entry.object_name == key]

    def _check_once(self) -> None:
        if not self._checked:
            _check_bucket(self._client, self._bucket)
            self._checked = True


def _key(digest: Digest) -> str:
    if not _OBJECT.fullmatch(digest.hex):
        raise InvalidValueError("invalid-digest")
    return _PREFIX + digest.hex


def _not_found(error: S3Error, digest: Digest) -> Exception:
    """What the error becomes: NotFoundError where only the object is missing, else itself."""
    if error.code in _ABSENT:
        return NotFoundError("object-not-found", sha256=digest.hex)
    return error


def _spool(spooled: tempfile.SpooledTemporaryFile[bytes], chunk: bytes) -> None:
    with disk_faults():
        spooled.write(chunk)


def _read(reply: urllib3.BaseHTTPResponse, count: int) -> bytes:
    with s3_faults():
        return reply.read(count)


def _release(reply: urllib3.BaseHTTPResponse) -> None:
    reply.close()
    reply.release_conn()
