"""Object lock by plain S3: retention, legal hold, and the proof that a server keeps its word.

Servers have said yes to a lock and destroyed the object a moment later, so no answer is believed:
the lock is read again after it was set, and `prove` tries what must not be possible.
Times are the server's own, from the `Date` of its answers: it decides when a lock ends.

Deliberately absent: bypassing a lock, except for trying whether it can be done.
"""

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from minio import Minio
from minio.commonconfig import COMPLIANCE, GOVERNANCE
from minio.datatypes import Object
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.retention import Retention

from domain.errors import UnavailableError
from domain.ports import Protection
from infrastructure.objects.s3 import meaning_of

_PROBE = "probe/worm"
_PROBE_LASTS = timedelta(days=1)
"""One probe object serves for a day; the next one takes it away."""
_MARGIN = timedelta(minutes=5)
"""A probe object whose lock ends sooner is not tried any more."""
_REFUSALS = frozenset({"AccessDenied", "InvalidRequest", "MethodNotAllowed", "ObjectLocked"})
"""How servers say that a lock stands: MinIO and VersityGW, Ceph RGW and S3 itself."""


def is_refusal(code: str) -> bool:
    """True when the server said no, not that it could not."""
    return code in _REFUSALS


def read_protection(found: Object) -> Protection:
    """The lock of a version, from the headers of its answer; another mode than COMPLIANCE is none.

    The SDK's own reading of a retention fails on the nanoseconds of one server.
    """
    headers = found.metadata or {}
    until = headers.get("x-amz-object-lock-retain-until-date")
    locked = headers.get("x-amz-object-lock-mode") == COMPLIANCE and until is not None
    return Protection(
        _parsed(until) if locked and until is not None else None,
        headers.get("x-amz-object-lock-legal-hold") == "ON",
    )


def protection(client: Minio, bucket: str, key: str, version: str) -> Protection:
    """The lock of a version."""
    return read_protection(client.stat_object(bucket, key, version_id=version))


def versions(client: Minio, bucket: str, key: str) -> Sequence[str]:
    """Every version of an object, without the markers that hide one."""
    listed = client.list_objects(bucket, prefix=key, recursive=True, include_version=True)
    return [
        entry.version_id or "null"
        for entry in listed
        if entry.object_name == key and not entry.is_delete_marker
    ]


def retain(client: Minio, bucket: str, key: str, version: str, until: datetime) -> None:
    """Asks for a lock of the version to a moment; a refusal is for the caller to see, who reads
    what is kept: somebody else may have set a longer one."""
    whole = until.replace(microsecond=0)  # Servers keep seconds; never one too few.
    until = whole if whole == until else whole + timedelta(seconds=1)
    try:
        client.set_object_retention(bucket, key, Retention(COMPLIANCE, until), version)
    except S3Error as exc:
        if not is_refusal(exc.code or ""):
            raise


def prove(client: Minio, bucket: str) -> None:
    """Raises UnavailableError("worm-probe-failed") when a locked object can be done away with.

    (1) An object under a lock of a day, that of an earlier probe if there is one. (2) Everything
    that must not be possible is tried, with our own credentials. (3) The object must stand as it
    stood. What is tried is refused for want of a permission, too: that is no worse for the bytes.
    """
    version, until = _locked_object(client, bucket)  # (1)
    for name, attempt in _attempts(client, bucket, version, until):  # (2)
        if not _refused(attempt):
            raise UnavailableError("worm-probe-failed", attempt=name)
    if protection(client, bucket, _PROBE, version).until != until:  # (3)
        raise UnavailableError("worm-probe-failed", attempt="lock")


def _locked_object(client: Minio, bucket: str) -> tuple[str, datetime]:
    """A version under lock and the end of its lock; those whose lock has ended are taken away."""
    found: tuple[str, datetime] | None = None
    for version in versions(client, bucket, _PROBE):
        stat = client.stat_object(bucket, _PROBE, version_id=version)
        until = read_protection(stat).until
        if until is not None and until > _now(stat) + _MARGIN:
            found = (version, until)
        else:
            with suppress(S3Error):  # Its lock has not quite ended: the next probe takes it.
                client.remove_object(bucket, _PROBE, version)
    if found is not None:
        return found
    made = client.put_object(bucket, _PROBE, io.BytesIO(b"probe\n"), 6).version_id or "null"
    wanted = _now(client.stat_object(bucket, _PROBE, version_id=made)) + _PROBE_LASTS
    retain(client, bucket, _PROBE, made, wanted)
    kept = protection(client, bucket, _PROBE, made).until
    if kept is None or kept < wanted:
        raise UnavailableError("worm-probe-failed", attempt="lock")
    return made, kept


def _attempts(
    client: Minio, bucket: str, version: str, until: datetime
) -> Sequence[tuple[str, Callable[[], object]]]:
    def retention(mode: str, end: datetime) -> Callable[[], object]:
        return lambda: client.set_object_retention(bucket, _PROBE, Retention(mode, end), version)

    def bypass() -> None:
        many = [DeleteObject(_PROBE, version)]
        for refusal in client.remove_objects(bucket, many, bypass_governance_mode=True):
            if is_refusal(refusal.code):
                raise _RefusedError
            raise UnavailableError(meaning_of(refusal.code), s3=refusal.code)

    return (
        ("destroy", lambda: client.remove_object(bucket, _PROBE, version)),
        ("bypass", bypass),
        ("shorten", retention(COMPLIANCE, until - timedelta(minutes=1))),
        ("downgrade", retention(GOVERNANCE, until + timedelta(minutes=1))),
    )


class _RefusedError(Exception):
    """A refusal that stood inside a success."""


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except _RefusedError:
        return True
    except S3Error as exc:
        if is_refusal(exc.code or ""):
            return True
        raise
    return False


def _now(found: Object) -> datetime:
    """The server's time when it answered."""
    said = (found.metadata or {}).get("date")
    if said is None:
        raise UnavailableError("store-failing", s3="no-date")
    return parsedate_to_datetime(said)


def _parsed(text: str) -> datetime:
    """A time as servers write it, with up to nine digits behind the second, which are left out."""
    return datetime.strptime(text[:19] + "+0000", "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
