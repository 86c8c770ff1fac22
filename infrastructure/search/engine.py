"""The one module that imports Whoosh, and what of it is used.

Whoosh 2.7.4 is from 2016 and is not maintained. Compiling it under Python 3.11 and later warns of
literals compared by identity and of bad escapes in its strings; both are harmless, and they are
silenced here and for these imports alone.
"""

import os
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", SyntaxWarning)
    warnings.simplefilter("ignore", DeprecationWarning)
    from whoosh.codec.whoosh3 import W3Codec, W3FieldWriter, W3Segment, W3TermsReader
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
    "W3Segment",
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


class ReadFile(StructFile):  # type: ignore[misc]
    """A file of the index to read at any place, closed when nobody needs it any more.

    Whoosh maps files into memory; a mapped file that is cut short, or whose disk fails, ends the
    process by a signal. Reading fails with an error instead, which a rebuild answers.
    """

    def __init__(self, path: str, name: str) -> None:
        super().__init__(open(path, "rb", buffering=0), name=name)  # noqa: PTH123, SIM115

    def get(self, position: int, length: int) -> bytes:
        """`length` bytes from `position`."""
        data = os.pread(self.file.fileno(), length, position)
        if len(data) != length:
            raise EOFError(self._name)
        return data

    def __del__(self) -> None:
        self.file.close()


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

    def open_file(self, name: str, **_: Any) -> StructFile:
        """A file to read."""
        return ReadFile(self._fpath(name), name)

    def rename_file(self, oldname: str, newname: str, safe: bool = False) -> None:  # noqa: FBT001, FBT002
        """The commit point; nothing is ever renamed over another file."""
        for name in {*self._written, oldname}:
            if self.file_exists(name):
                sync(self._fpath(name))
        self._written.clear()
        super().rename_file(oldname, newname, safe=True)
        sync(self.folder)
