"""Searching pages, and the list of what is still to be done."""

from typing import Annotated, Any

from fastapi import Query

from api import shapes as plain_shapes
from api.v1.auth import Reader, WorkReader
from api.v1.references import agency_of
from api.v1.routing import subject
from api.v1.shapes import Findings, Work
from domain.ports import PageFilter
from domain.reads import ReadKind
from domain.services import finding, opening, retrieval

router = subject("finding")


@router.get("/search", response_model=Findings)
def search(
    caller: Reader,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=1000,
            description='Words, and fields as in the search page: `loại:"báo cáo"`.',
            examples=["kế hoạch sử dụng đất"],
        ),
    ],
    agency: Annotated[str | None, Query(max_length=120)] = None,
    year: Annotated[int | None, Query(ge=1, le=9999)] = None,
    type: Annotated[str | None, Query(max_length=100, examples=["Báo cáo"])] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 10,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Any:
    """Pages that match, best first, among those that the caller may read."""
    archive = caller.archive
    found = finding.search(
        archive,
        caller.reading,
        q,
        PageFilter(
            agency=agency_of(archive, agency) if agency else None, year=year, type_name=type
        ),
        limit=limit,
        offset=offset,
    )
    caller.note(ReadKind.SEARCH, None)
    boxes = [opening.boxes(archive, hit) for hit in found.answer.hits]
    return plain_shapes.findings(found.answer, boxes, archive.catalogue.agencies(), offset)


@router.get("/work", response_model=Work)
def work(caller: WorkReader) -> Any:
    """What is still to be done in the agencies for which the caller may know it."""
    items = retrieval.work(caller.archive, caller.reading)
    incidents = retrieval.incidents(caller.archive, caller.reading)
    return {
        "pending": [plain_shapes.work_item(item) for item in items if item.state == "pending"],
        "failed": [plain_shapes.work_item(item) for item in items if item.state != "pending"],
        "incidents": [plain_shapes.plain(item) for item in incidents],
    }
