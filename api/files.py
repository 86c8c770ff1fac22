"""Files that a command reads or writes for its user."""

import os
import stat
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from domain.errors import InvalidValueError, RuleError, UnavailableError

_LARGEST = 1 << 20


def open_file(path: Path) -> BinaryIO:
    """A regular file, to be read. Nobody is waited for: a pipe may have no writer, ever.

    Raises InvalidValueError: "file-unreadable", "file-not-regular" for a pipe, a device, a folder.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as exc:
        raise InvalidValueError("file-unreadable") from exc
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InvalidValueError("file-not-regular")
    return os.fdopen(descriptor, "rb")


def read_file(path: Path, largest: int = _LARGEST) -> bytes:
    """A small file as it is; as `open_file`, and "file-unreadable" for a larger one."""
    try:
        with open_file(path) as file:
            content = file.read(largest + 1)
    except OSError as exc:
        raise InvalidValueError("file-unreadable") from exc
    if len(content) > largest:
        raise InvalidValueError("file-unreadable")
    return content


def write_new(path: Path, content: bytes) -> None:
    """A file that must not exist yet; RuleError("file-exists") where it does."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as exc:
        raise RuleError("file-exists", file=path.name) from exc
    except OSError as exc:
        raise UnavailableError("file-not-writable", file=path.name) from exc


def write_through(path: Path, chunks: Iterable[bytes]) -> tuple[str, int]:
    """A file of any length that must not exist yet, durable on return; its SHA-256, hexadecimal,
    and its size in bytes.

    Under its name stands the whole file or nothing, also when the chunks end in an error, and no
    file of another is touched: RuleError("file-exists") where one has the name at the end.
    """
    if not path.name or path.is_dir():
        raise InvalidValueError("file-not-writable", file=str(path))
    staged = path.with_name(f".chauban-{token_hex(8)}.part")
    digest, size = sha256(), 0
    try:
        with staged.open("xb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            os.fsync(file.fileno())
        _name(staged, path)
    except FileExistsError as exc:
        raise RuleError("file-exists", file=path.name) from exc
    except OSError as exc:
        raise UnavailableError("file-not-writable", file=path.name) from exc
    finally:
        staged.unlink(missing_ok=True)
    return digest.hexdigest(), size


def _name(staged: Path, path: Path) -> None:
    """Gives a complete file its name; FileExistsError where another has it. On a file system
    without links, as on a USB stick, the name is taken first, and for a moment it is empty."""
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        raise
    except OSError:
        path.open("xb").close()
        staged.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def overwrite(path: Path, content: bytes) -> None:
    """A file with other bytes from now on; a crash leaves the old ones or the new ones."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError as exc:
        raise UnavailableError("file-not-writable", file=path.name) from exc
