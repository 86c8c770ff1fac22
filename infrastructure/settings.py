"""The only reader of the environment: what an installation may choose, and nothing else.

CHAUBAN_ARCHIVE         folder of the archive (default ./var/archive)
CHAUBAN_OBJECTS         `files` (default) or `minio`
CHAUBAN_S3_HOST, CHAUBAN_S3_BUCKET, CHAUBAN_S3_CA, CHAUBAN_S3_INSECURE=1 (loopback alone)
CHAUBAN_S3_ACCESS_KEY_FILE, CHAUBAN_S3_SECRET_KEY_FILE   files that hold the credentials
CHAUBAN_FILE_BYTES, CHAUBAN_PAGES, CHAUBAN_PAGE_MEGAPIXELS, CHAUBAN_PAGE_SECONDS   limits
CHAUBAN_LOG_ORIGIN      name of the transparency log in the world, a schema-less URL such as
                        luutru.example.gov.vn/log; chosen once, when the archive is founded
CHAUBAN_LOG_POLICY      file that says which witnesses are asked to cosign the log and how many of
                        them outsiders should want (C2SP tlog-policy; default: none are asked)
CHAUBAN_TSA             up to two time-stamp authorities, `name=https://…` separated by blanks
                        (default none: nothing is dated by an outsider)
CHAUBAN_TSA_CA          PEM file with the certificates by which they are believed; those of
                        authorities that are no longer asked stay in it
CHAUBAN_ATTEST_MINUTES  how often witnesses and authorities are shown the log (default 60)
CHAUBAN_SIGNING_KEY     `pkcs11:` URI (RFC 7512: module-path, token, object, pin-source) of the
                        system key that `init` and `keys rotate` make or find; default: a file
CHAUBAN_LOCK_DAYS       for how many days a lock on an original falls (default 365, at most 3660)
CHAUBAN_ANCHORS         folder of the PEM certificates by which signatures in papers are judged
                        (default: `anchors` beside the keys; empty: no issuer is believed)
CHAUBAN_ORIGIN          how browsers reach the server, `https://…`; loopback alone without TLS
CHAUBAN_PROXIES         addresses of proxies whose word on the client's address is believed
CHAUBAN_SECOND_FACTOR   roles that sign in with a second factor, with commas (`none` for none;
                        default archivist,auditor,administrator)
LANG                    a value that begins with `en` chooses English
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from domain.agents import Role
from domain.errors import InvalidValueError, UnavailableError
from domain.papers import Limits
from infrastructure.evidence.posting import may_be_asked
from infrastructure.objects.bucket import Bucket

JOBS = 2
"""Files that a worker reads at the same time."""
_LONGEST_LOCK_DAYS = 3660
_AUTHORITIES = 2
_NAME = r"[a-z0-9][a-z0-9.-]{0,39}"


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
    log_origin: str | None = None
    """The name of a new log; None for one that the archive's identity makes."""
    log_policy: Path | None = None
    """Names the witnesses of the log, None without any."""
    authorities: tuple[tuple[str, str], ...] = ()
    """Names and addresses of time-stamp authorities."""
    authority_roots: Path | None = None
    """By which certificates they are believed; there is a file where there is an authority."""
    signing_key: str | None = None
    """Where a new system key shall be, the URI of a token's key; None for a file."""
    attest_minutes: int = 60
    """How often outsiders are shown the log."""
    second_factor: frozenset[Role] = frozenset()
    """Roles whose holders sign in with a second factor."""
    anchor_folder: Path | None = None
    """Where the trust anchors are, None for the folder beside the keys."""

    @property
    def anchors(self) -> Path:
        """The folder of the trust anchors."""
        return self.anchor_folder or self.keys / "anchors"

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
        log_origin=env.get("CHAUBAN_LOG_ORIGIN") or None,
        log_policy=_file(env, "CHAUBAN_LOG_POLICY"),
        authorities=_authorities(env),
        authority_roots=_file(env, "CHAUBAN_TSA_CA"),
        signing_key=env.get("CHAUBAN_SIGNING_KEY") or None,
        attest_minutes=_number(env, "CHAUBAN_ATTEST_MINUTES", Settings.attest_minutes),
        second_factor=_roles(env),
        anchor_folder=_folder(env, "CHAUBAN_ANCHORS"),
    )


def prefers_english(environment: Mapping[str, str] | None = None) -> bool:
    """True when the environment asks for English; it is asked before anything can be wrong."""
    env = os.environ if environment is None else environment  # noqa: TID251
    return (env.get("LC_ALL") or env.get("LANG") or "").startswith("en")


def account() -> str:
    """The number of the account that runs this; it says nothing of a person."""
    return str(os.getuid())


def _folder(env: Mapping[str, str], name: str) -> Path | None:
    """A folder that is named must be there: a slip of the pen must not make all signers unknown."""
    text = env.get(name)
    if not text:
        return None
    path = Path(text).absolute()
    if not path.is_dir():
        raise InvalidValueError("invalid-setting", name=name)
    return path


def _file(env: Mapping[str, str], name: str) -> Path | None:
    """Whoever reads it says what is wrong with it."""
    text = env.get(name)
    return Path(text).absolute() if text else None


def _authorities(env: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Their names become names of files in an export."""
    pairs = [word.partition("=") for word in env.get("CHAUBAN_TSA", "").split()]
    found = tuple((name, url) for name, _, url in pairs)
    sound = all(re.fullmatch(_NAME, name) and may_be_asked(url) for name, url in found)
    if not sound or len(found) > _AUTHORITIES or len({name for name, _ in found}) < len(found):
        raise InvalidValueError("invalid-setting", name="CHAUBAN_TSA")
    if found and not env.get("CHAUBAN_TSA_CA"):
        raise InvalidValueError("invalid-setting", name="CHAUBAN_TSA_CA")
    return found


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
