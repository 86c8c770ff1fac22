"""The only reader of the environment: what an installation may choose, and nothing else.

CHAUBAN_ARCHIVE         folder of the archive (default ./var/archive)
CHAUBAN_OBJECTS         `files` (default) or `minio`
CHAUBAN_S3_HOST, CHAUBAN_S3_BUCKET, CHAUBAN_S3_CA, CHAUBAN_S3_INSECURE=1 (loopback alone)
CHAUBAN_S3_ACCESS_KEY_FILE, CHAUBAN_S3_SECRET_KEY_FILE   files that hold the credentials
CHAUBAN_FILE_BYTES, CHAUBAN_PAGES, CHAUBAN_PAGE_MEGAPIXELS, CHAUBAN_PAGE_SECONDS   limits
LANG                    a value that begins with `en` chooses English
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from domain.errors import InvalidValueError, UnavailableError
from domain.ports import Limits
from infrastructure.objects.bucket import Bucket

JOBS = 2
"""Files that a worker reads at the same time."""


@dataclass(frozen=True)
class Settings:
    """What the environment chose."""

    directory: Path
    limits: Limits
    bucket: Bucket | None
    """Where objects live, None for files beside the journal."""
    english: bool

    @property
    def keys(self) -> Path:
        """Beside the archive, never inside it."""
        return self.directory.with_name(self.directory.name + ".keys")


def read_settings(
    directory: str | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """The settings; `directory` is what the command line chose."""
    env = os.environ if environment is None else environment  # noqa: TID251
    chosen = directory or env.get("CHAUBAN_ARCHIVE") or "var/archive"
    return Settings(
        directory=Path(chosen).absolute(),
        limits=Limits(
            file_bytes=_number(env, "CHAUBAN_FILE_BYTES", Limits.file_bytes),
            pages=_number(env, "CHAUBAN_PAGES", Limits.pages),
            page_megapixels=_number(env, "CHAUBAN_PAGE_MEGAPIXELS", Limits.page_megapixels),
            page_seconds=_number(env, "CHAUBAN_PAGE_SECONDS", Limits.page_seconds),
        ),
        bucket=_bucket(env),
        english=prefers_english(env),
    )


def prefers_english(environment: Mapping[str, str] | None = None) -> bool:
    """True when the environment asks for English; it is asked before anything can be wrong."""
    env = os.environ if environment is None else environment  # noqa: TID251
    return (env.get("LC_ALL") or env.get("LANG") or "").startswith("en")


def account() -> str:
    """The number of the account that runs this; it says nothing of a person."""
    return str(os.getuid())


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise InvalidValueError("invalid-setting", name=name)
    return int(text)


def _bucket(env: Mapping[str, str]) -> Bucket | None:
    kind = env.get("CHAUBAN_OBJECTS", "files")
    if kind == "files":
        return None
    if kind != "minio":
        raise InvalidValueError("invalid-setting", name="CHAUBAN_OBJECTS")
    host, name = env.get("CHAUBAN_S3_HOST"), env.get("CHAUBAN_S3_BUCKET")
    if not host or not name:
        raise InvalidValueError("invalid-setting", name="CHAUBAN_S3_HOST")
    insecure = env.get("CHAUBAN_S3_INSECURE") == "1"
    if insecure and host.rpartition(":")[0] not in ("127.0.0.1", "localhost", "[::1]"):
        raise InvalidValueError("invalid-setting", name="CHAUBAN_S3_INSECURE")
    return Bucket(
        host=host,
        name=name,
        access_key=_secret(env, "CHAUBAN_S3_ACCESS_KEY_FILE"),
        secret_key=_secret(env, "CHAUBAN_S3_SECRET_KEY_FILE"),
        secure=not insecure,
        ca_file=env.get("CHAUBAN_S3_CA"),
    )


def _secret(env: Mapping[str, str], name: str) -> str:
    path = env.get(name)
    if not path:
        raise InvalidValueError("invalid-setting", name=name)
    try:
        return Path(path).read_text().strip()
    except OSError as exc:
        raise UnavailableError("setting-unreadable", name=name) from exc
