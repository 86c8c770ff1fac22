"""Records: shown with pages and words, confirmed, isolated, corrected."""

import json
from typing import Annotated, Any

from fastapi import Path, Response

from api import shapes as plain_shapes
from api.v1 import histories
from api.v1.auth import Confirmer, Corrector, Isolator, Reader, ReadsReader
from api.v1.bodies import Grounds, Isolation, RecordCorrection
from api.v1.references import At, Ref, done, record_of
from api.v1.routing import subject
from api.v1.shapes import Done, History, PageRead, Reads, Record
from domain.errors import NotFoundError
from domain.reads import ReadKind
from domain.record import Record as RecordState
from domain.record import RepresentationKind
from domain.services import Archive, description, opening, retrieval

router = subject("records")


@router.get("/records/{id}", response_model=Record)
def show_record(id: Ref, caller: Reader, at: At = None) -> Any:
    """A record as it stands or stood, with the text of its pages."""
    archive = caller.archive
    target = record_of(archive, id)
    shown = retrieval.show_record(archive, caller.reading, target, at=retrieval.when(archive, at))
    caller.note(ReadKind.VIEW, target)
    return plain_shapes.shown_record(shown)


@router.get("/records/{id}/pages/{n}", response_model=PageRead)
def show_page(id: Ref, n: Annotated[int, Path(ge=1, le=100_000)], caller: Reader) -> Any:
    """The text of a page, and where each word stands on it."""
    archive = caller.archive
    target = record_of(archive, id)
    opened = opening.open_record(archive, caller.reading, target)
    sheet = next((each for each in opened.sheets if each.n == n), None)
    if sheet is None:
        raise NotFoundError(reference=f"{target}/{n}")
    caller.note(ReadKind.VIEW, target, f"page {n}")
    return {
        "n": n,
        "state": sheet.state,
        "text": opening.text_of(archive, opened.record, sheet),
        "width": sheet.width,
        "height": sheet.height,
        "words": _words(archive, opened.record, sheet),
    }


def _words(archive: Archive, state: RecordState, sheet: opening.Sheet) -> list[dict[str, Any]]:
    words = state.representation(RepresentationKind.WORDS)
    if words is None or sheet.words is None:
        return []
    first, length = sheet.words
    with archive.objects.open(words.file.sha256, offset=first, length=length) as source:
        line = json.loads(source.read())
    return [
        {"text": text, "box": box, "confidence": confidence}
        for text, *box, confidence in line["words"]
    ]


@router.post("/records/{id}/confirmation", status_code=201, response_model=Done)
def confirm_record(
    id: Ref, response: Response, doing: Confirmer, body: Grounds | None = None
) -> Any:
    """A person compared the record with its paper and vouches for it."""
    target = record_of(doing.archive, id)
    answer = description.confirm(doing.archive, doing.request(body), target)
    return done(answer, response, f"records/{target}")


@router.post("/records/{id}/isolation", status_code=201, response_model=Done)
def isolate_record(id: Ref, response: Response, body: Isolation, doing: Isolator) -> Any:
    """Hides a record that should never have been scanned from everybody."""
    target = record_of(doing.archive, id)
    answer = description.isolate(
        doing.archive, doing.request(body), target, ground=body.ground, reason=body.reason
    )
    return done(answer, response, f"records/{target}")


@router.post("/records/{id}/corrections", status_code=201, response_model=Done)
def correct_record(id: Ref, response: Response, body: RecordCorrection, doing: Corrector) -> Any:
    """Another value for a field; without one the field becomes empty."""
    target = record_of(doing.archive, id)
    answer = description.correct_record(
        doing.archive,
        doing.request(body),
        target,
        field=body.field.value,
        value=body.value,
        reason=body.reason,
    )
    return done(answer, response, f"records/{target}")


@router.get("/records/{id}/history", response_model=History, responses=histories.LINES)
def record_history(id: Ref, caller: Reader, asked: histories.Wanted) -> Any:
    """The events of a record, each with the state of its signature."""
    return histories.answer(caller, record_of(caller.archive, id), asked)


@router.get("/records/{id}/reads", response_model=Reads)
def record_reads(id: Ref, caller: ReadsReader, limit: histories.Most = 100) -> Any:
    """Who looked at a record, the newest first."""
    return histories.reads(caller, record_of(caller.archive, id), limit)
