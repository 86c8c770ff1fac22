"""Backup and restore: the journal and the objects, while the archive runs.

The journal is copied first, then every object: bytes come before facts, so each object that the
copied journal names is there. Views and index are not copied; they are built again. Keys are not
copied; they have a recovery file. Erasures that happened after the backup are applied again from
the list beside the keys, which no backup contains.
"""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from domain.errors import (
    IntegrityError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.ports import ObjectStore
from domain.values import Digest
from infrastructure.objects.streams import disk_faults

_CHUNK = 1 << 20


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds, or what a restore brought back."""

    events: int
    objects: int
    bytes: int


def back_up(directory: Path, objects: ObjectStore, target: Path) -> BackedUp:
    """Copies the archive to a new folder, which appears under its name when it is complete."""
    if target.exists():
        raise RuleError("backup-exists")
    staging = target.with_name(target.name + ".new")
    try:
        return _back_up(directory, objects, staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def _back_up(directory: Path, objects: ObjectStore, staging: Path, target: Path) -> BackedUp:
    with disk_faults():
        shutil.rmtree(staging, ignore_errors=True)
        (staging / "objects").mkdir(parents=True)
        shutil.copyfile(directory / "archive.json", staging / "archive.json")
        events = _copy_journal(directory / "journal.sqlite", staging / "journal.sqlite")
    count = size = 0
    for digest, _ in objects.inspect_objects():
        try:
            size += _copy_object(objects, digest, staging / "objects" / digest.hex)
            count += 1
        except NotFoundError:
            continue  # Destroyed by a lawful decision while we were copying.
    summary = {
        "events": events,
        "objects": count,
        "bytes": size,
        "journal": _digest(staging / "journal.sqlite"),
        "archive": _digest(staging / "archive.json"),
    }
    with disk_faults():
        (staging / "backup.json").write_text(json.dumps(summary))
        _sync_tree(staging)
        staging.rename(target)
        _sync(target.parent)
    return BackedUp(events, count, size)


def read_backup(source: Path) -> BackedUp:
    """What a backup says of itself; journal and description are compared with their digests."""
    try:
        said = json.loads((source / "backup.json").read_text())
        digests = {"journal.sqlite": said["journal"], "archive.json": said["archive"]}
        found = BackedUp(said["events"], said["objects"], said["bytes"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise UnavailableError("backup-missing") from exc
    for name, digest in digests.items():
        if _digest(source / name) != digest:
            raise IntegrityError("backup-altered", what=name)
    return found


def copy_back(source: Path, directory: Path, folders: tuple[str, ...]) -> None:
    """Journal and description into a folder that is not the archive yet."""
    with disk_faults():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, mode=0o750)
        for folder in folders:
            (directory / folder).mkdir(mode=0o750, exist_ok=True)
        for name in ("archive.json", "journal.sqlite"):
            shutil.copyfile(source / name, directory / name)
        _sync_tree(directory)


def put_back(source: Path, objects: ObjectStore, expected: int) -> None:
    """Every object of a backup; IntegrityError names one that is missing, strange or altered."""
    try:
        paths = sorted((source / "objects").iterdir())
    except OSError as exc:
        raise UnavailableError("backup-missing") from exc
    if len(paths) != expected:
        raise IntegrityError("backup-altered", what=f"{len(paths)}/{expected} objects")
    for path in paths:
        try:
            with path.open("rb") as file:
                objects.put(Digest(f"sha256:{path.name}"), file)
        except (IntegrityError, InvalidValueError) as exc:
            raise IntegrityError("backup-altered", what=path.name[:64]) from exc
        except OSError as exc:
            raise UnavailableError("backup-missing") from exc


def _copy_journal(source: Path, target: Path) -> int:
    with (
        closing(sqlite3.connect(source)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        # In one step, which sees one state and holds up no writer: a copy in steps begins anew
        # with every commit, and would never end while writers are at work.
        try:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            (events,) = copy.execute("SELECT count(*) FROM stored_events").fetchone()
        except sqlite3.Error as exc:
            full = "full" in str(exc)
            raise UnavailableError("disk-full" if full else "journal-unavailable") from exc
    return int(events)


def _copy_object(objects: ObjectStore, digest: Digest, target: Path) -> int:
    with objects.open(digest) as source, target.open("wb") as file, disk_faults():
        shutil.copyfileobj(source, file, _CHUNK)
        return file.tell()


def _digest(path: Path) -> str:
    found = sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except OSError as exc:
        raise UnavailableError("backup-missing") from exc
    return found.hexdigest()


def _sync_tree(root: Path) -> None:
    for path in [*root.rglob("*"), root]:
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
