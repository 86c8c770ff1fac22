"""Fetch: a private copy of the original, its digest checked on the way.

A crash here leaves a file in a folder that the next start empties.
"""

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from domain.errors import UnavailableError
from domain.ports import ObjectStore
from domain.values import FileObject


@contextmanager
def fetched(objects: ObjectStore, original: FileObject, folder: str) -> Iterator[str]:
    """The path of the copy, gone when the context ends. IntegrityError for altered bytes."""
    with ExitStack() as stack:
        try:
            copy = stack.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix="original-"))
            with objects.open(original.sha256) as source:
                shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
        except OSError as exc:
            code = "disk-full" if exc.errno in (errno.ENOSPC, errno.EDQUOT) else "store-failing"
            raise UnavailableError(code) from exc
        yield copy.name
