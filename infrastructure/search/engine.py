"""The one module that imports Whoosh, and what of it is used.

Whoosh 2.7.4 is from 2016 and is not maintained. Compiling it under Python 3.11 and later warns of
literals compared by identity and of bad escapes in its strings; both are harmless, and they are
silenced here and for these imports alone.
"""

import mmap
import os
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter, W3TermsReader
    from whoosh.columns import NumericColumn
    from whoosh.fields import ID, STORED, Schema
    from whoosh.filedb.filestore import FileStorage
    from whoosh.filedb.structfile import StructFile
    from whoosh.index import TOC, FileIndex, LockError
    from whoosh.util.filelock import try_for
    from whoosh.writing import SegmentWriter

__all__ = [
    "ID",
    "STORED",
    "TOC",
    "DurableStorage",
    "FileIndex",
    "LockError",
    "NumericColumn",
    "Schema",
    "SegmentWriter",
    "W3Codec",
    "W3FieldWriter",
    "W3TermsReader",
    "sync",
    "try_for",
]


def sync(path: str) -> None:
    """Makes a file's bytes, or a directory's names, survive power loss."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class MappedFile(StructFile):  # type: ignore[misc]
    """A file of the index as mapped memory: reading a posting list costs no system call."""

    def get(self, position: int, length: int) -> bytes:
        """`length` bytes from `position`."""
        return bytes(self.file[position : position + length])


class DurableStorage(FileStorage):  # type: ignore[misc]
    """A directory whose commit point is durable, which Whoosh alone does not make sure of.

    Whoosh commits by renaming a table of contents. Before this rename all files written since
    the last one are synced, and after it the directory is.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._written: set[str] = set()

    def create_file(self, name: str, **options: Any) -> StructFile:
        """A new file, remembered until the commit point."""
        self._written.add(name)
        return super().create_file(name, **options)

    def open_file(self, name: str, **options: Any) -> StructFile:
        """A file to read, mapped where it has any bytes."""
        with open(self._fpath(name), "rb") as file:  # noqa: PTH123 (Whoosh's paths are text)
            if os.fstat(file.fileno()).st_size == 0:
                return super().open_file(name, **options)
            return MappedFile(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), name=name)

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:  # noqa: FBT001, FBT002
        """The commit point; nothing is ever renamed over another file."""
        for name in {*self._written, oldname}:
            if self.file_exists(name):
                sync(self._fpath(name))
        self._written.clear()
        super().rename_file(oldname, newname, safe=True)
        sync(self.folder)
