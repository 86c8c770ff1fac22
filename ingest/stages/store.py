"""Store: everything that a reading made goes into the object store, before any fact names it.

A crash here leaves bytes without a fact; the reading is repeated and finds them already there,
or they are swept after a day.
"""

import json
from collections.abc import Iterator
from hashlib import sha256, sha512
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from domain.papers import Inspection, Reading
from domain.ports import ObjectStore
from domain.record import Representation, RepresentationKind
from domain.values import Digest, FileObject
from ingest.context import Stored, ToRead

_CHUNK = 1 << 20


def store(objects: ObjectStore, read: ToRead, reading: Reading) -> Stored:
    """Puts PDF/A, text, words, thumbnails, the manifest and how pages were put together; durable
    on return."""
    source = read.source
    text = _put_file(objects, reading.text, "text/plain")
    words = _put_file(objects, reading.words, "application/jsonl")
    pictures = [
        _put_file(objects, path, "image/jpeg") if path else None for path in reading.thumbnails
    ]
    listed = {
        "source": source.text,
        "thumbnails": [_short(picture) if picture else None for picture in pictures],
    }
    thumbnails = _put_json(objects, listed)
    made = [
        (RepresentationKind.TEXT, text),
        (RepresentationKind.WORDS, words),
        (RepresentationKind.THUMBNAILS, thumbnails),
    ]
    if reading.pdfa is not None:
        pdfa = _put_file(objects, reading.pdfa, "application/pdf")
        made.insert(0, (RepresentationKind.PDFA, pdfa))
    raw = Path(reading.text).read_bytes()
    manifest = {
        "source": source.text,
        "tool": vars(reading.tool),
        "warnings": list(reading.warnings),
        "pages": list(_pages(reading, read.inspection, raw)),
        "representations": [{"kind": kind.value, **_short(file)} for kind, file in made],
    }
    listing = _put_json(objects, manifest)
    put = [listing, *(file for _, file in made), *(picture for picture in pictures if picture)]
    representations = [Representation(kind, file, source, reading.tool) for kind, file in made]
    if read.assembly is not None:
        objects.put(source, BytesIO(read.assembly.content))
        kind, tool = RepresentationKind.ASSEMBLY, read.assembly.tool
        representations.insert(0, Representation(kind, read.assembly.file, None, tool))
        put.append(read.assembly.file)
    return Stored(
        source,
        tuple(representations),
        listing,
        raw.split(b"\f", 1)[0].decode(),
        tuple(file.sha256 for file in put),
    )


def _pages(reading: Reading, inspection: Inspection, text: bytes) -> Iterator[dict[str, Any]]:
    """Each page with the places of its text and its words, so that one page can be read alone."""
    texts = _spans(text, b"\f")
    words = _spans(Path(reading.words).read_bytes(), b"\n")
    facts = inspection.pages
    for index, page in enumerate(reading.pages):
        yield {
            "n": page.n,
            "state": page.state.value,
            "width": page.width,
            "height": page.height,
            "turned": page.turned,
            "dpi": facts[index].dpi,
            "colour": facts[index].colour,
            "born_digital": facts[index].born_digital,
            "characters": page.characters,
            "confidence": page.confidence,
            "text": texts[index],
            "words": words[index],
        }


def _spans(content: bytes, separator: bytes) -> list[tuple[int, int]]:
    """Offset and length of each part."""
    spans: list[tuple[int, int]] = []
    offset = 0
    for part in content.split(separator):
        spans.append((offset, len(part)))
        offset += len(part) + len(separator)
    return spans


def _short(file: FileObject) -> dict[str, Any]:
    return {"sha256": file.sha256.text, "sha512": file.sha512.text, "bytes": file.size}


def _put_json(objects: ObjectStore, content: object) -> FileObject:
    raw = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return _put(objects, BytesIO(raw), "application/json")


def _put_file(objects: ObjectStore, path: str, media_type: str) -> FileObject:
    with Path(path).open("rb") as source:
        return _put(objects, source, media_type)


def _put(objects: ObjectStore, source: BinaryIO, media_type: str) -> FileObject:
    short, long, size = sha256(), sha512(), 0
    while chunk := source.read(_CHUNK):
        short.update(chunk)
        long.update(chunk)
        size += len(chunk)
    source.seek(0)
    digest = Digest(f"sha256:{short.hexdigest()}")
    objects.put(digest, source)
    return FileObject(digest, Digest(f"sha512:{long.hexdigest()}"), size, media_type)
