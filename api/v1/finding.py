"""Searching pages, and the list of what is still to be done."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query

from api import shapes as plain_shapes
from api.v1.auth import Reader, WorkReader
from api.v1.references import agency_of
from api.v1.routing import subject
from api.v1.shapes import Findings, Work
from domain.reads import ReadKind
from domain.searching import Order
from domain.services import finding, opening, retrieval

router = subject("finding")
_DAY = "`2026-04-23` or `23/4/2026`; pages whose day of issue nobody knows are left out."


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
    since: Annotated[
        str,
        Query(
            alias="from",
            max_length=40,
            description=f"Issued on that day or later: {_DAY}",
            examples=["2026-01-01"],
        ),
    ] = "",
    until: Annotated[
        str,
        Query(
            alias="to",
            max_length=40,
            description=f"Issued on that day or before: {_DAY}",
            examples=["2026-12-31"],
        ),
    ] = "",
    dossier: Annotated[
        str,
        Query(
            max_length=120,
            description="Its code or identity; nothing is found in one that may not be read.",
            examples=["H33.05-260423-0001"],
        ),
    ] = "",
    confirmed: Annotated[
        bool | None,
        Query(description="Whether a person vouched for the record.", examples=[True]),
    ] = None,
    sort: Annotated[
        Order,
        Query(
            description="By day of issue, or the best first. Near matches always come last, pages "
            "without a day last of theirs.",
            examples=["newest"],
        ),
    ] = Order.BEST,
    limit: Annotated[int, Query(ge=1, le=200)] = 10,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Any:
    """Pages that match, best first unless told otherwise, among those that the caller may read."""
    archive = caller.archive
    limits = {"from": since, "to": until, "dossier": dossier}
    found = finding.search(
        archive,
        caller.reading,
        q,
        replace(
            finding.read_filter(archive, limits),
            agency=agency_of(archive, agency) if agency else None,
            year=year,
            type_name=type,
            confirmed=confirmed,
        ),
        order=sort,
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
