"""Named files in a bucket of an S3 server, under a prefix of their own; see `named.py`.

The bucket keeps versions: what is replaced or dropped is removed with its versions, because the
tiles of a log can always be made again from the journal.
"""

import io

from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from domain.errors import NotFoundError, UnavailableError
from infrastructure.objects.bucket import Bucket
from infrastructure.objects.s3 import connect, meaning_of, s3_faults

_ABSENT = {"NoSuchKey", "NoSuchObject"}


class BucketFiles:
    """The port NamedFiles over a prefix such as `log/`."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket.name
        self._client = connect(bucket)
        self._prefix = prefix

    def put(self, name: str, content: bytes) -> None:
        """See the port."""
        key = self._prefix + name
        with s3_faults():
            made = self._client.put_object(self._bucket, key, io.BytesIO(content), len(content))
            self._remove(key, besides=made.version_id)

    def get(self, name: str) -> bytes:
        """See the port."""
        with s3_faults():
            try:
                reply = self._client.get_object(self._bucket, self._prefix + name)
            except S3Error as exc:
                if exc.code in _ABSENT:
                    raise NotFoundError("log-file-missing", file=name) from exc
                raise
            try:
                return bytes(reply.read())
            finally:
                reply.close()
                reply.release_conn()

    def drop(self, folder: str) -> None:
        """See the port."""
        with s3_faults():
            self._remove(f"{self._prefix}{folder}/", besides=None)

    def _remove(self, prefix: str, *, besides: str | None) -> None:
        listed = self._client.list_objects(
            self._bucket, prefix=prefix, recursive=True, include_version=True
        )
        old = [
            DeleteObject(entry.object_name or "", entry.version_id)
            for entry in listed
            if besides is None or (entry.object_name == prefix and entry.version_id != besides)
        ]
        for refusal in self._client.remove_objects(self._bucket, old) if old else ():
            raise UnavailableError(meaning_of(refusal.code), s3=refusal.code)
