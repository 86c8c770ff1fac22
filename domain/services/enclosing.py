"""Which documents go into an evidence pack, and what a reader may look for in it in vain: records
and originals out of sight, documents whose bytes are damaged or lost, streams told in part."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from domain.dossier import DossierRecordAdded
from domain.errors import ArchiveError, IntegrityError, NotFoundError, RuleError
from domain.evidence import Absence, MissingFile, PackedFile
from domain.packs import PackedDocument
from domain.ports import Examined
from domain.record import Record, RepresentationKind
from domain.services import Archive
from domain.services.disclosing import View, as_told
from domain.services.kinship import require_unshared, standing
from domain.values import Digest, FileObject, StreamId

_AT_ONCE = 1 << 20
"""Bytes that are read at a time."""
_SUFFIXES: Mapping[str, str] = {
    "application/pdf": "pdf",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "text/plain": "txt",
}
_HANDED = (RepresentationKind.PDFA, RepresentationKind.TEXT, RepresentationKind.WORDS)


@dataclass(frozen=True)
class Enclosed:
    """The documents of a pack, each once, whatever records share it."""

    documents: tuple[PackedDocument, ...]
    files: tuple[PackedFile, ...]
    """The same, as the report tells of them."""
    missing: tuple[MissingFile, ...]
    """What would be among them if the archive still had its bytes."""
    absent: tuple[Absence, ...]


def enclosed(
    archive: Archive, view: View, examined: Sequence[Examined], streams: Mapping[StreamId, bool]
) -> Enclosed:
    """What a pack with these events and streams holds and lacks.

    Every document is read to its end: the report, which comes before them, says which are
    damaged. Raises UnavailableError when the store cannot be read now.
    """
    numbers = _numbers(examined)
    documents: dict[str, PackedDocument] = {}
    files: list[PackedFile] = []
    faults: dict[Digest, str | None] = {}
    missing: dict[tuple[str, StreamId], MissingFile] = {}
    shared: set[Digest] = set()
    for paper in view.papers():
        hidden = _shared(archive, view, paper)
        shared |= hidden
        for kind, file in _files(paper, hidden):
            name, digest = _name(kind, file), file.sha256
            if digest not in faults:
                faults[digest] = _fault(archive, digest)
            why = faults[digest]
            if why is not None:
                number = numbers.get(paper.id)
                missing[name, paper.id] = MissingFile(name, kind.value, paper.id, number, why)
            elif name not in documents:
                documents[name] = PackedDocument(name, digest, _opener(archive, digest))
                files.append(PackedFile(name, kind.value, digest.hex, file.size))
    lost = tuple(missing.values())
    absent = (
        *_records(archive, view, examined, numbers),
        *_of_files(shared, lost),
        *_parts(streams),
    )
    return Enclosed(tuple(documents.values()), tuple(files), lost, absent)


def _numbers(examined: Sequence[Examined]) -> Mapping[StreamId, int]:
    """The numbers of records in their dossier, as events tell them."""
    return {
        each.recorded.event.record: each.recorded.event.ordinal
        for each in examined
        if each.recorded is not None and isinstance(each.recorded.event, DossierRecordAdded)
    }


# ---------------------------------------------------------------- documents


def _shared(archive: Archive, view: View, paper: Record) -> set[Digest]:
    """Originals of a record that show pages of another one which the asker may not see."""
    found = set()
    for source in paper.sources:
        try:
            require_unshared(archive, view.request, paper, source.file.sha256)
        except (RuleError, IntegrityError):
            found.add(source.file.sha256)
    return found


def _files(paper: Record, hidden: set[Digest]) -> Iterator[tuple[RepresentationKind, FileObject]]:
    for source in paper.sources:
        if source.file.sha256 not in hidden:
            yield RepresentationKind.ORIGINAL, source.file
    for kind in _HANDED:
        found = paper.representation(kind)
        if found is not None:
            yield kind, found.file


def _name(kind: RepresentationKind, file: FileObject) -> str:
    folder = "originals" if kind is RepresentationKind.ORIGINAL else "representations"
    return f"{folder}/{file.sha256.hex}.{_SUFFIXES.get(file.media_type, 'bin')}"


def _fault(archive: Archive, digest: Digest) -> str | None:
    """What is wrong with the bytes under a digest."""
    try:
        with archive.objects.open(digest) as source:
            while source.read(_AT_ONCE):
                pass
    except NotFoundError:
        return "lost"
    except IntegrityError:
        return "damaged"
    return None


def _opener(archive: Archive, digest: Digest) -> Callable[[], BinaryIO]:
    return lambda: archive.objects.open(digest)


# ---------------------------------------------------------------- what is not there


def _records(
    archive: Archive, view: View, examined: Sequence[Examined], numbers: Mapping[StreamId, int]
) -> Iterator[Absence]:
    """Records that are not in the pack, though nobody asked to leave them out. The dossier's own
    events name every record that was ever in it: nothing more is said of one."""
    told = {each.stream for each in examined}
    found: dict[str, list[StreamId]] = {}
    for name in (view.target,) if view.paper is not None else numbers:
        why = _why_absent(archive, view, name, told=name in told)
        if why is not None:
            found.setdefault(why, []).append(name)
    for why, names in sorted(found.items()):
        known = sorted(numbers[name] for name in names if name in numbers)
        yield Absence(why, len(names), tuple(known))


def _why_absent(archive: Archive, view: View, name: StreamId, *, told: bool) -> str | None:
    """Why the files of a record, or its events as well, are not in the pack."""
    try:
        now = standing(archive, as_told(archive, name).record())
    except ArchiveError:
        return "unreadable"
    if now.dossier != view.dossier.id:
        return "moved"  # What became of it there is for who may see it there.
    if told and now.erased_by is not None:
        return "erased"
    if now.isolated is not None:
        return "isolated"
    if not told:
        return "unreadable"
    return "withdrawn" if now.withdrawn else None


def _of_files(shared: set[Digest], missing: Sequence[MissingFile]) -> Iterator[Absence]:
    if shared:
        yield Absence("shared", len(shared))
    if missing:
        known = {each.number for each in missing if each.number is not None}
        yield Absence("damaged", len({each.name for each in missing}), tuple(sorted(known)))


def _parts(streams: Mapping[StreamId, bool]) -> Iterator[Absence]:
    parts = [stream for stream, whole in streams.items() if not whole]
    if parts:
        yield Absence("part", len(parts))
