"""Fetch: a private copy of each original, its digest checked on the way.

A crash here leaves a file in a folder that the next start empties.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import UnavailableError
from domain.ports import ObjectStore
from domain.values import FileObject

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def fetched(objects: ObjectStore, original: FileObject, folder: str) -> Iterator[str]:
    """The path of the copy, gone when the context ends. IntegrityError for altered bytes."""
    name = None
    try:
        try:
            descriptor, name = tempfile.mkstemp(dir=folder, prefix="original-")
            # The last bytes are written when the file is closed; that may fail, too.
            with os.fdopen(descriptor, "wb") as copy, objects.open(original.sha256) as source:
                shutil.copyfileobj(source, copy, 1 << 20)
        except OSError as exc:
            code = "disk-full" if exc.errno in _FULL else "store-failing"
            raise UnavailableError(code) from exc
        yield name
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)
