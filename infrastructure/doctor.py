"""What is configured, what is missing, what to do: checks that need no working archive."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version

from domain.errors import ArchiveError
from infrastructure.clock import SystemClock
from infrastructure.evidence import log_keys
from infrastructure.evidence.policy import read_policy
from infrastructure.evidence.timestamps import read_roots
from infrastructure.evidence.witnesses import HttpWitness
from infrastructure.journal import keys
from infrastructure.ocr import sandbox
from infrastructure.settings import Settings
from infrastructure.signatures.anchors import ends_of, read_anchors

_FREE_BYTES = 1 << 30
_ENDS_SOON = timedelta(days=90)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    code: str
    """A stable code, the key of its message."""
    ok: bool = True
    details: Mapping[str, str | int] = field(default_factory=dict)


def check_installation(settings: Settings) -> Iterator[Check]:
    """The archive's folder, its keys, the disk and the programs that read paper."""
    there = (settings.directory / "archive.json").exists()
    yield Check("archive", "doctor-archive" if there else "archive-missing", ok=there)
    yield _keys(settings)
    yield _signing_key(settings)
    yield _anchors(settings)
    yield _authorities(settings)
    yield _witnesses(settings)
    yield _disk(settings)
    yield Check("sqlite", "doctor-version", details={"version": sqlite3.sqlite_version})
    yield Check("ocrmypdf", "doctor-version", details={"version": version("ocrmypdf")})
    yield _tesseract()
    yield _sandbox()
    kind = "files" if settings.bucket is None else "s3"
    yield Check("objects", f"doctor-objects-{kind}")


def _keys(settings: Settings) -> Check:
    try:
        keys.load(settings.keys)
    except ArchiveError as exc:
        return Check("keys", exc.code, ok=False, details=exc.details)
    mode = settings.keys.stat().st_mode & 0o077
    return Check("keys", "doctor-keys" if mode == 0 else "doctor-keys-open", ok=mode == 0)


def _signing_key(settings: Settings) -> Check:
    """Where the key is that signs, that it signs, and when its certificate ends."""
    try:
        loaded = keys.load(settings.keys)
        loaded.signer.sign({})
        place = keys.place_of(settings.keys)
    except ArchiveError as exc:
        return Check("signing-key", exc.code, ok=False, details=exc.details)
    ends = loaded.certificate.not_valid_after_utc
    soon = ends - SystemClock().now() < _ENDS_SOON
    details: dict[str, str | int] = {"day": ends.date().isoformat()}
    if soon:
        return Check("signing-key", "doctor-signing-key-ending", ok=False, details=details)
    code = "doctor-signing-key-file" if place == "file" else "doctor-signing-key-token"
    return Check("signing-key", code, details=details)


def _anchors(settings: Settings) -> Check:
    """How many certificates are believed, and whether one of them ends soon."""
    try:
        certificates = read_anchors(settings.anchors)
    except ArchiveError as exc:
        return Check("anchors", exc.code, ok=False, details=exc.details)
    ends = ends_of(certificates)
    if ends is None:
        return Check("anchors", "doctor-anchors-none")
    soon = ends - SystemClock().now() < _ENDS_SOON
    code = "doctor-anchors-ending" if soon else "doctor-anchors"
    details: dict[str, str | int] = {"count": len(certificates), "day": ends.date().isoformat()}
    return Check("anchors", code, ok=not soon, details=details)


def _witnesses(settings: Settings) -> Check:
    """How many witnesses are asked, and whether the policy that names them is about this log."""
    if settings.log_policy is None:
        return Check("witnesses", "doctor-witnesses-none")
    try:
        policy = read_policy(settings.log_policy)
        asked = [HttpWitness(w.key, w.url) for w in policy.witnesses.values() if w.url is not None]
        own = log_keys.verifier_of(settings.keys)
    except ArchiveError as exc:
        return Check("witnesses", exc.code, ok=False, details=exc.details)
    ours = own in policy.logs
    code = "doctor-witnesses" if ours else "doctor-witnesses-other-log"
    return Check("witnesses", code, ok=ours, details={"count": len(asked), "key": own.text})


def _authorities(settings: Settings) -> Check:
    """How many there are, and whether the last root ends soon, as those of former authorities
    stay in the file; none of them is asked."""
    if not settings.authorities or settings.authority_roots is None:
        return Check("authorities", "doctor-authorities-none")
    try:
        ends = max(each.not_valid_after_utc for each in read_roots(settings.authority_roots))
    except ArchiveError as exc:
        return Check("authorities", exc.code, ok=False, details=exc.details)
    soon = ends - SystemClock().now() < _ENDS_SOON
    code = "doctor-authorities-ending" if soon else "doctor-authorities"
    day = ends.date().isoformat()
    details: dict[str, str | int] = {"count": len(settings.authorities), "day": day}
    return Check("authorities", code, ok=not soon, details=details)


def _disk(settings: Settings) -> Check:
    place = settings.directory
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    code = "doctor-disk" if free > _FREE_BYTES else "doctor-disk-low"
    return Check("disk", code, ok=free > _FREE_BYTES, details={"megabytes": free >> 20})


def _tesseract() -> Check:
    try:
        listed = _run(["tesseract", "--list-langs"]).split()
    except (OSError, subprocess.SubprocessError):
        return Check("tesseract", "doctor-tesseract-missing", ok=False)
    missing = {"vie", "eng"} - set(listed)
    if missing:
        return Check(
            "tesseract", "doctor-language-missing", ok=False, details={"language": min(missing)}
        )
    return Check("tesseract", "doctor-tesseract")


def _sandbox() -> Check:
    found = sandbox.confinement()
    return Check("sandbox", f"doctor-sandbox-{found.kind}", details={"detail": found.detail})


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return done.stdout
