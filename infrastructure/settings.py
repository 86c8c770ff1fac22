"""The only reader of the environment: what an installation may choose, and nothing else.

CHAUBAN_ARCHIVE         folder of the archive (default ./var/archive)
CHAUBAN_OBJECTS         `files` (default) or `minio`
CHAUBAN_S3_HOST, CHAUBAN_S3_BUCKET, CHAUBAN_S3_CA, CHAUBAN_S3_INSECURE=1 (loopback alone)
CHAUBAN_S3_ACCESS_KEY_FILE, CHAUBAN_S3_SECRET_KEY_FILE   files that hold the credentials
CHAUBAN_FILE_BYTES, CHAUBAN_PAGES, CHAUBAN_PAGE_MEGAPIXELS, CHAUBAN_PAGE_SECONDS   limits
CHAUBAN_LOCK_DAYS       for how many days a lock on an original falls (default 365, at most 3660)
CHAUBAN_ORIGIN          how browsers reach the server, `https://…`; loopback alone without TLS
CHAUBAN_PROXIES         addresses of proxies whose word on the client's address is believed
CHAUBAN_SECOND_FACTOR   roles that sign in with a second factor, with commas (`none` for none;
                        default archivist,auditor,administrator)
LANG                    a value that begins with `en` chooses English
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from domain.agents import Role
from domain.errors import InvalidValueError, UnavailableError
from domain.ports import Limits
from infrastructure.objects.bucket import Bucket

JOBS = 2
"""Files that a worker reads at the same time."""
_LONGEST_LOCK_DAYS = 3660


@dataclass(frozen=True)
class Settings:
    """What the environment chose."""

    directory: Path
    limits: Limits
    bucket: Bucket | None
    """Where objects live, None for files beside the journal."""
    english: bool
    origin: str | None = None
    """How browsers reach the server; None for the address on which it listens."""
    proxies: str = ""
    """Addresses of proxies, separated by commas."""
    lock_days: int = 365
    """For how long a lock on an original falls."""
    second_factor: frozenset[Role] = frozenset()
    """Roles whose holders sign in with a second factor."""

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
        origin=_origin(env),
        proxies=env.get("CHAUBAN_PROXIES", ""),
        lock_days=_lock_days(env),
        second_factor=_roles(env),
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


def _origin(env: Mapping[str, str]) -> str | None:
    """Passwords cross no network in clear: without TLS browsers must be on the same machine."""
    origin = env.get("CHAUBAN_ORIGIN")
    if not origin:
        return None
    parts = urlsplit(origin)
    safe = parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")
    )
    if not safe or parts.path not in ("", "/") or parts.query:
        raise InvalidValueError("invalid-setting", name="CHAUBAN_ORIGIN")
    return origin.rstrip("/")


def _roles(env: Mapping[str, str]) -> frozenset[Role]:
    text = env.get("CHAUBAN_SECOND_FACTOR", "archivist,auditor,administrator")
    if text.strip() == "none":
        return frozenset()
    try:
        return frozenset(Role(word.strip()) for word in text.split(","))
    except ValueError as exc:
        raise InvalidValueError("invalid-setting", name="CHAUBAN_SECOND_FACTOR") from exc


def _lock_days(env: Mapping[str, str]) -> int:
    """Nobody takes a lock back: a slip of the finger must not lock a paper for a century."""
    days = _number(env, "CHAUBAN_LOCK_DAYS", Settings.lock_days)
    if days > _LONGEST_LOCK_DAYS:
        raise InvalidValueError("invalid-setting", name="CHAUBAN_LOCK_DAYS")
    return days


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
