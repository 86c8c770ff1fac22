"""Looks for words in every byte that an archive keeps, in every way of writing them."""

import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from unicodedata import normalize

from domain.services import Archive
from domain.services.deciding import load
from domain.text import fold
from domain.values import Digest, StreamId
from infrastructure.journal.envelope import unb64
from tests.story.place import Place

_WORD = re.compile(r"[^\W_]{5,}")
_SHORT = 8
"""A shorter word of plain letters may stand in base64 by chance."""


def words_of(text: str) -> set[str]:
    """The words that are long enough to be told from chance."""
    return set(_WORD.findall(normalize("NFC", text)))


def residue(place: Place, words: Iterable[str], *, kept: frozenset[Digest]) -> list[str]:
    """Where any of the words stands, in files of the archive other than the `kept` objects."""
    forms = {form for word in words for form in _forms(word)}
    safe = {form for form in forms if len(form) >= _SHORT or any(byte > 127 for byte in form)}
    any_form, safe_form = (
        re.compile(b"|".join(map(re.escape, sorted(some)))) for some in (forms, safe)
    )
    found = []
    for path in sorted(place.folder.rglob("*")):
        if not path.is_file() or path.name in {digest.hex for digest in kept}:
            continue
        wanted = safe_form if path.name.startswith("journal.sqlite") else any_form
        place_of = str(path.relative_to(place.folder))
        for text in (*_readings(path), place_of.encode()):
            found += [f"{place_of}: {hit!r}" for hit in wanted.findall(text)]
    return sorted(set(found))


def _forms(word: str) -> Iterator[bytes]:
    cases = {word, word.lower(), word.upper(), word.casefold(), word.title(), fold(word)}
    for case in cases:
        for form in ("NFC", "NFD"):
            text = normalize(form, case)  # type: ignore[arg-type]
            yield text.encode()
            yield json.dumps(text)[1:-1].encode()
            yield text.encode("utf-16-le")


def _readings(path: Path) -> Iterator[bytes]:
    """The bytes, everything in them that can be inflated, and the payloads of envelopes."""
    raw = path.read_bytes()
    yield raw
    start = raw.find(b"\x78")
    while start >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(raw[start:])
        start = raw.find(b"\x78", start + 1)
    if path.name == "journal.sqlite":
        with closing(sqlite3.connect(path)) as journal:
            for (envelope,) in journal.execute("SELECT state FROM stored_events"):
                header, payload, _ = envelope.split(b".")
                yield unb64(header) + unb64(payload)


def secrets_of(place: Place, subjects: Iterable[StreamId]) -> list[bytes]:
    """The sealed rows and wrapped keys of subjects: with the archive's key they can be read."""
    found: list[bytes] = []
    with closing(sqlite3.connect(place.folder / "journal.sqlite")) as journal:
        for subject in subjects:
            for table, column, key in (
                ("disclosures", "sealed", "subject"),
                ("subjects", "key", "id"),
            ):
                rows = journal.execute(
                    f"SELECT {column} FROM {table} WHERE {key}=?",  # noqa: S608
                    (subject,),
                )
                found += [row[0] for row in rows if row[0]]
    return found


def kept_objects(archive: Archive, dossier: StreamId) -> frozenset[Digest]:
    """The originals and PDF/A of a dossier, which an erasure leaves."""
    return frozenset(
        item.file.sha256
        for target in load(archive, dossier).dossier().records
        for item in load(archive, target).record().representations
        if item.kind in ("original", "pdfa")
    )
