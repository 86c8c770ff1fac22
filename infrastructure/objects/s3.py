"""A connection to an S3 server, and what its errors mean here."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from domain.errors import UnavailableError
from infrastructure.objects.bucket import Bucket

CHECKSUM = "x-amz-checksum-sha256"

_S3_FAULTS = {
    "AccessDenied": "store-forbidden",
    "InvalidAccessKeyId": "store-forbidden",
    "SignatureDoesNotMatch": "store-forbidden",
    "NoSuchBucket": "store-missing",
    "ObjectLockConfigurationNotFoundError": "store-without-lock",
    "EntityTooLarge": "object-too-large",
    "QuotaExceeded": "disk-full",
    "XMinioStorageFull": "disk-full",
    "XMinioAdminBucketQuotaExceeded": "disk-full",
    "RequestTimeTooSkewed": "store-clock-differs",
}
"""How an S3 error is called here; every other one is `store-failing`."""


class _Pool(urllib3.PoolManager):
    """Adds to the SDK's request for a whole object that it must not replace another.

    The SDK has no parameter for it. A server that does not know the header keeps a second
    version of the same bytes, which costs room and nothing else.
    """

    def urlopen(self, method: str, url: str, *args: Any, **kw: Any) -> urllib3.BaseHTTPResponse:
        headers = kw.get("headers") or {}
        if method == "PUT" and CHECKSUM in headers:
            kw["headers"] = urllib3.HTTPHeaderDict(headers, **{"If-None-Match": "*"})
        return super().urlopen(method, url, *args, **kw)


def connect(bucket: Bucket) -> Minio:
    """A client of the bucket's server; nothing is asked of it yet."""
    pool = _Pool(
        timeout=urllib3.Timeout(connect=5.0, read=bucket.seconds),
        retries=urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        maxsize=10,
        cert_reqs="CERT_REQUIRED",
        ca_certs=bucket.ca_file,
    )
    return Minio(
        bucket.host,
        access_key=bucket.access_key,
        secret_key=bucket.secret_key,
        secure=bucket.secure,
        region=bucket.region,
        http_client=pool,
    )


def meaning_of(code: str) -> str:
    """How an S3 error is called here."""
    return _S3_FAULTS.get(code, "store-failing")


@contextmanager
def s3_faults() -> Iterator[None]:
    """Turns the SDK's errors into ours; `s3` in their details names the server's own code."""
    try:
        yield
    except S3Error as exc:
        code = exc.code or "unknown"
        raise UnavailableError(meaning_of(code), s3=code) from exc
    except MinioException as exc:
        raise UnavailableError("store-failing", s3=type(exc).__name__) from exc
    except urllib3.exceptions.HTTPError as exc:
        # Its text holds the address of the request: not repeated.
        raise UnavailableError("store-unreachable", cause=type(exc).__name__) from exc
