"""What is configured, what is missing, what to do: checks that need no working archive."""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

from domain.errors import ArchiveError
from infrastructure.journal import keys
from infrastructure.ocr import sandbox
from infrastructure.settings import Settings

_FREE_BYTES = 1 << 30


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
