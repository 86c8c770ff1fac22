"""A hot folder for a plain scanner: one sub-folder a dossier code, each file taken once.

What becomes of a file: (1) It lies still for a while: same size, time and inode. (2) It is hashed.
(3) It is received under a command id that follows from dossier, name, content and inode. (4) A
signed event exists: the receipt, the duplicate or the refusal. (5) A note beside its new name says
why, unless it was simply taken. (6) It is renamed into `done/` or `failed/`.

A crash before (4) leaves the file where it is. After it the next sweep repeats (3), gets the first
answer and goes on. Nothing is unlinked and nothing overwritten; what cannot be decided now stays
where it is and is tried again.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from threading import Event
from typing import BinaryIO, cast

from domain.agents import Agent
from domain.errors import (
    ArchiveError,
    InvalidValueError,
    NotFoundError,
    RuleError,
    UnavailableError,
)
from domain.ports import Messages
from domain.services import Archive, Request
from domain.services.deciding import VIETNAM, load, resolve
from domain.services.reception import Receipt, open_batch, receive
from domain.text import nfc
from domain.values import Basis, CommandId, Digest, EventId, Kind, StreamId

SETTLE_SECONDS = 5.0
_CHUNK = 1 << 20
_LONGEST_NAME = 255
"""Bytes of a file name (Linux)."""
_NOTE = ".txt"
_OURS = re.compile(r"chauban-[a-z-]+\.txt")
"""What this program writes beside files that it leaves where they are."""
_TEMPORARY = re.compile(r"^[.~]|~$|\.(tmp|temp|part|partial|filepart|crdownload|swp)$", re.I)
"""Names under which scanners and copying programs write what is not complete yet."""
_RETRIED_AFTER = 6
"""Settling times until what could not be taken is tried again."""
_NOREPLACE = 1
_AT_FDCWD = -100
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    file: str
    """Below the hot folder, as it is shown: `HS-A/quet1.pdf`."""
    state: str
    """`stored`, `duplicate`, `refused`, or `failed` for what stays and is tried again."""
    reason: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)
    """What the message of the reason needs."""
    event: EventId | None = None
    record: StreamId | None = None
    sha256: Digest | None = None
    warnings: tuple[str, ...] = ()


class _ChangedError(Exception):
    """The file changed while it was being taken; it is not still yet."""


@dataclass(frozen=True)
class _Stamp:
    """What stays the same while nobody touches a file."""

    inode: int
    size: int
    modified: int
    """Nanoseconds."""

    @classmethod
    def of(cls, status: os.stat_result) -> "_Stamp":
        return cls(status.st_ino, status.st_size, status.st_mtime_ns)


class HotFolder:
    """Takes files out of one folder, until it is told to stop."""

    def __init__(
        self,
        archive: Archive,
        agent: StreamId,
        basis: Basis,
        folder: Path,
        notes: Sequence[Messages],
        *,
        settle: float = SETTLE_SECONDS,
    ) -> None:
        """`notes` are the languages in which notes are written, one below the other."""
        self.stop = Event()
        self._archive = archive
        self._agent = agent
        self._basis = basis
        self._folder = folder
        self._notes = notes
        self._settle = settle
        self._still: dict[Path, tuple[_Stamp, float]] = {}
        """Since when (monotonic) each waiting file has been as it is."""
        self._again: dict[Path, float] = {}
        """When a file that could not be taken is tried again."""
        self._told: dict[Path, str | None] = {}
        """What was told of a file that stays; it is told once."""

    def run(self, tell: Callable[[Outcome], None], *, once: bool) -> None:
        """Sweeps until `stop` is set, or takes what is there now.

        Raises InvalidValueError("hotfolder-unusable"), RuleError("hotfolder-watched").
        """
        with _alone(self._folder):
            while not self.stop.is_set():
                for outcome in self.sweep():
                    tell(outcome)
                if once and not self._still:
                    return
                self.stop.wait(min(max(self._settle, 0.05), 1.0))

    def sweep(self) -> Iterator[Outcome]:
        """One look at every sub-folder; what lies still is taken. What stays is told once."""
        seen: set[Path] = set()
        for place in self._inside(self._folder, directories=True):
            for path in self._inside(place, directories=False):
                if self.stop.is_set():
                    return
                seen.add(path)
                stamp = self._still_since(path)
                if stamp is None:
                    continue
                del self._still[path]
                outcome = self._take(place, path, stamp)
                if outcome is None:
                    continue
                if outcome.state != "failed":
                    seen.discard(path)  # Another file of this name is another file.
                elif self._told.get(path) == outcome.reason:
                    continue
                else:
                    self._told[path] = outcome.reason
                yield outcome
        for known in (self._still, self._again, self._told):
            for path in known.keys() - seen:
                del known[path]

    def _inside(self, folder: Path, *, directories: bool) -> list[Path]:
        """Sub-folders, or files that may be taken; never a link, never what is ours."""
        try:
            with os.scandir(folder) as entries:
                wanted = [
                    Path(entry.path)
                    for entry in entries
                    if (
                        entry.is_dir(follow_symlinks=False)
                        if directories
                        else entry.is_file(follow_symlinks=False)
                        and not _OURS.fullmatch(entry.name)
                    )
                    and not _TEMPORARY.search(entry.name)
                ]
        except OSError:
            return []  # Gone or closed for a moment, as a mounted folder may be.
        return sorted(wanted)

    def _still_since(self, path: Path) -> _Stamp | None:
        """What a file looks like that has been so for long enough."""
        now = time.monotonic()
        if self._again.get(path, now) > now:
            return None
        try:
            stamp = _Stamp.of(path.lstat())
        except OSError:
            return None
        known = self._still.get(path)
        if known is None or known[0] != stamp:
            known = self._still[path] = (stamp, now)
        return stamp if now - known[1] >= self._settle else None

    # ------------------------------------------------------------ one file

    def _take(self, place: Path, path: Path, stamp: _Stamp) -> Outcome | None:
        """Steps (2) to (6); None for a file that changed under our hands."""
        shown = f"{_readable(place.name)}/{_readable(path.name)}"
        try:
            dossier = resolve(self._archive, nfc(_readable(place.name)), Kind.DOSSIER)
            with _opened(path, stamp) as source:
                receipt = self._receive(dossier, path, source, stamp)
            self._put_away(place, path, stamp, receipt)
        except _ChangedError:
            return None
        except (ArchiveError, OSError) as exc:
            self._again[path] = time.monotonic() + _RETRIED_AFTER * self._settle
            told = (
                exc if isinstance(exc, ArchiveError) else UnavailableError("hotfolder-file-stays")
            )
            if isinstance(told, InvalidValueError | NotFoundError | RuleError):
                # Without an event nothing is moved: a person must decide what to do.
                with suppress(OSError):
                    self._say_why(place, path, told)
            return Outcome(shown, "failed", told.code, told.details)
        return Outcome(
            shown,
            receipt.state,
            receipt.reason,
            event=receipt.event,
            record=receipt.record,
            sha256=receipt.sha256,
            warnings=receipt.warnings,
        )

    def _receive(
        self, dossier: StreamId, path: Path, source: BufferedReader, stamp: _Stamp
    ) -> Receipt:
        digest = hashlib.file_digest(source, "sha256")
        source.seek(0)
        name = nfc(_readable(path.name))
        said = (self._agent, dossier, digest.hexdigest(), stamp.inode, stamp.modified, name)
        command = "hot-" + _hash(" ".join(map(str, said)).encode())
        batch = open_batch(
            self._archive,
            self._request(f"{command}/batch"),
            dossier,
            files=1,
            device=None,
            sheets=None,
            documents=None,
        )
        steady = cast(BinaryIO, _Steady(source, digest.digest()))
        return receive(self._archive, self._request(command), batch, steady, name=name)

    def _request(self, command: str) -> Request:
        agent: Agent = load(self._archive, self._agent).agent()  # Its roles as they are now.
        return Request(agent, CommandId(command), self._basis)

    def _put_away(self, place: Path, path: Path, stamp: _Stamp, receipt: Receipt) -> None:
        target = place / ("failed" if receipt.state == "refused" else "done")
        _make_folder(target)
        note = self._note(path, receipt)
        for name in _names(path.name):
            beside = target / _shortened(name, _NOTE)
            if os.path.lexists(target / name):
                continue
            if not note and os.path.lexists(beside):
                continue  # The note of another file would seem to be of this one.
            if note and not _write_once(beside, note):
                continue
            if _move(path, target / name):
                break
        moved = target / name
        if _Stamp.of(moved.lstat()) != stamp:
            # Somebody wrote in the very moment of the move: of this file there is no event yet.
            any(_move(moved, place / free) for free in _names(path.name))
        _sync(target)
        _sync(place)

    def _note(self, path: Path, receipt: Receipt) -> bytes:
        """Why a file was not simply taken; empty where it was. The same each time."""
        if receipt.state == "stored":
            return b""
        fact = next(e for e in load(self._archive, receipt.batch).events if e.id == receipt.event)
        at = fact.at.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S %z")
        reason, parts = receipt.reason, []
        for say in self._notes:
            lines = [
                say.text(reason) if reason else say.text("hotfolder-note-duplicate"),
                say.text("hotfolder-note-file", name=_plain(path.name)),
                say.text("hotfolder-note-event", event=receipt.event, at=at),
            ]
            if receipt.record is not None:
                lines.append(say.text("hotfolder-note-record", record=receipt.record))
            parts.append("\n".join(lines) + "\n")
        return "\n".join(parts).encode()

    def _say_why(self, place: Path, path: Path, exc: ArchiveError) -> None:
        """Says once beside files that stay why they do."""
        at = self._archive.clock.now().astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M:%S %z")
        facts = {name: _plain(str(value)) for name, value in exc.details.items()}
        parts = [
            say.text(exc.code, **facts)
            + "\n"
            + say.text("hotfolder-note-waiting", name=_plain(path.name), at=at)
            + "\n"
            for say in self._notes
        ]
        beside = place / f"chauban-{exc.code}{_NOTE}"
        if not os.path.lexists(beside):
            _write_once(beside, "\n".join(parts).encode())


class _Steady:
    """A file that must have the same bytes to its end as when it was hashed."""

    def __init__(self, source: BinaryIO, digest: bytes) -> None:
        self._source = source
        self._digest = digest
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """As of any file; _ChangedError at its end when it is another one."""
        chunk = self._source.read(size)
        self._hash.update(chunk)
        if not chunk and self._hash.digest() != self._digest:
            raise _ChangedError
        return chunk


# ---------------------------------------------------------------- files and names


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One watcher a folder; the kernel frees it when its holder dies."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as exc:
        raise InvalidValueError("hotfolder-unusable") from exc
    try:
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise InvalidValueError("hotfolder-unusable")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise RuleError("hotfolder-watched") from exc
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _opened(path: Path, stamp: _Stamp) -> Iterator[BufferedReader]:
    """The regular file that lay still; a link or a pipe that took its name blocks nobody."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as source:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or _Stamp.of(status) != stamp:
            raise _ChangedError
        yield source


def _make_folder(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir()
        _sync(folder.parent)
    if not stat.S_ISDIR(folder.lstat().st_mode):  # A link would lead out of the hot folder.
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def _write_once(path: Path, content: bytes) -> bool:
    """True when a new file, or one that was there before, holds the content durably.

    It gets its name when it is complete: a crash leaves a temporary name and no half of a note.
    """
    try:
        if path.read_bytes() == content:
            return True
    except FileNotFoundError:
        pass
    else:
        return False
    staged = path.with_name(f".{_hash(os.fsencode(path.name))[:16]}.tmp")
    with staged.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return _move(staged, path)


def _move(path: Path, target: Path) -> bool:
    """Renames; False when the name is taken, whoever took it (renameat2(2), RENAME_NOREPLACE)."""
    old, new = os.fsencode(path), os.fsencode(target)
    if _LIBC.renameat2(_AT_FDCWD, old, _AT_FDCWD, new, _NOREPLACE) == 0:
        return True
    number = ctypes.get_errno()
    if number == errno.EEXIST:
        return False
    if number in (errno.EINVAL, errno.ENOSYS):  # Some mounted file systems cannot promise it.
        if os.path.lexists(target):
            return False
        path.rename(target)
        return True
    raise OSError(number, os.strerror(number))


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(name: str) -> Iterator[str]:
    """The name, then the same with a number before its ending, none longer than may be."""
    yield name
    stem, ending = Path(name).stem, Path(name).suffix
    for number in range(2, 1 << 20):
        yield _shortened(stem, f" ({number}){ending[-40:]}")


def _shortened(name: str, ending: str) -> str:
    """Cuts the name so that it fits with its ending."""
    room = _LONGEST_NAME - len(os.fsencode(ending))
    while len(os.fsencode(name)) > room:
        name = name[:-1]
    return name + ending


def _readable(name: str) -> str:
    """A name as text; what is no UTF-8 shows as a replacement."""
    return os.fsencode(name).decode(errors="replace")


def _plain(name: str) -> str:
    """The same for a note: nothing breaks the line or turns its direction."""
    return "".join(c if c.isprintable() else "\ufffd" for c in _readable(name))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
