"""Bytes that a procedure made itself: stored first, so that an event may name them."""

import io
from hashlib import sha256, sha512

from domain.ports import ObjectStore
from domain.values import Digest, FileObject


def stored(objects: ObjectStore, content: bytes, media_type: str) -> FileObject:
    """Puts the bytes and says how an event names them."""
    file = named(content, media_type)
    objects.put(file.sha256, io.BytesIO(content))
    return file


def named(content: bytes, media_type: str) -> FileObject:
    """How an event names bytes that are stored later."""
    return FileObject(
        Digest(f"sha256:{sha256(content).hexdigest()}"),
        Digest(f"sha512:{sha512(content).hexdigest()}"),
        len(content),
        media_type,
    )
